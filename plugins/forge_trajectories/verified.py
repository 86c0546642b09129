"""Filter ``verified``: drops documents of trajectories that failed a check of the verification ladder.

What a renderer found in the trajectory stands in the document's meta: ``failed``, the reason code, and ``verified``.
Nothing is verified here. A kernel over kinds and metas finds the few documents to look at: some million a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from forge.records import JsonObject
from forge.steps import Canary, Context, Corpus, Document, Verdicts, canary_text, option

if TYPE_CHECKING:
    import pyarrow as pa

KIND = "trajectory"
OUTCOME, UNCHECKED, OTHER = "outcome", "unchecked", "other"
"""Reasons beside the ladder's checks: its data set's own verdict, nobody checked it, a check that is not known."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """Drops documents of kind ``trajectory`` whose meta says which check failed; documents of other kinds stay."""

    name: ClassVar[str] = "verified"
    columns: ClassVar[tuple[str, ...]] = ("kind", "meta")

    unchecked: Literal["keep", "drop"] = option(
        "keep", help="what becomes of trajectories that nobody checked: imported ones, rendered without verify = true"
    )

    def canaries(self, seed: int) -> Sequence[Canary]:
        """Trajectories that failed, beside some that passed, and pages that only speak of failing."""
        text = canary_text(seed, self.name)
        failed: JsonObject = {"verified": False, "failed": "grounded:not-heard"}
        metas: dict[str, tuple[str, JsonObject]] = {
            "failed": (KIND, failed),
            "foreign": (KIND, {"failed": "their check"}),
            "passed": (KIND, {"verified": True}),
            "inside": (KIND, {"verified": True, "note": {"failed": "deep"}}),
            "page": ("api_doc", failed),
            "unchecked": (KIND, {}),
        }
        documents = [
            Document(id=name, domain="agent", kind=kind, text=f"{text} {name}", source=self.name, meta=meta)
            for name, (kind, meta) in metas.items()
        ]
        dropped = ["failed", "foreign", *(["unchecked"] if self.unchecked == "drop" else [])]
        kept = [document.id for document in documents if document.id not in dropped]
        return [Canary(name="a failed trajectory", documents=documents, dropped=dropped, kept=kept)]

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:  # noqa: ARG002
        """Needs none."""
        return None

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:  # noqa: ARG002
        """Score: 1.0 for what is dropped, else 0.0. Reason: the failed check's name, ``unchecked`` or ``other``."""
        import pyarrow as pa
        import pyarrow.compute as pc

        metas = batch.column("meta")
        asked = pc.equal(batch.column("kind"), KIND).fill_null(False)
        if self.unchecked == "keep":  # then only what says "failed" somewhere needs to be read
            asked = pc.and_(asked, pc.match_substring(metas, '"failed"').fill_null(False))
        reasons: list[str | None] = [None] * len(batch)
        for row in pc.indices_nonzero(asked).to_pylist():
            reasons[row] = self._reason(metas[row].as_py())
        reason = pa.array(reasons, pa.string())
        keep = pc.is_null(reason)
        return Verdicts(keep=keep, score=pc.invert(keep).cast(pa.float64()), reason=reason)

    def _reason(self, meta: str | None) -> str | None:
        """Why a trajectory goes, by its document's meta."""
        import orjson

        from forge_trajectories.ladder.check import CHECKS

        facts = orjson.loads(meta or "{}")
        if failed := facts.get("failed"):
            check = str(failed).partition(":")[0]
            return check if check in (*CHECKS, OUTCOME) else OTHER
        return None if facts.get("verified") is True or self.unchecked == "keep" else UNCHECKED
