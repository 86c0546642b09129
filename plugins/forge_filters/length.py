"""Filter ``length``: drops documents with too few or too many characters.

One Arrow kernel over the text: some GB a second. Characters are Unicode code points, not bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from forge.steps import Canary, Context, Corpus, Document, Verdicts, canary_text, option

if TYPE_CHECKING:
    import pyarrow as pa

TOO_SHORT = "too short"
TOO_LONG = "too long"
LONGEST_CANARY = 2_000_000
"""Characters; a bound above it has no canary of its own."""


@dataclass(frozen=True, kw_only=True)
class Length:
    """Keeps documents whose length lies between two bounds, both included."""

    name: ClassVar[str] = "length"
    columns: ClassVar[tuple[str, ...]] = ("text",)

    min_chars: int = option(100, help="drop what is shorter", unit="characters", threshold=True)
    max_chars: int = option(1_000_000, help="drop what is longer", unit="characters", threshold=True)

    def __post_init__(self) -> None:
        if self.min_chars > self.max_chars:
            raise ValueError(
                f"min_chars = {self.min_chars} is more than max_chars = {self.max_chars}: nothing would stay"
            )

        if self.min_chars < 1 and self.max_chars >= LONGEST_CANARY:
            raise ValueError(
                f"min_chars = {self.min_chars} and max_chars = {self.max_chars} keep every text; give one that does not"
            )

    def canaries(self, seed: int) -> Sequence[Canary]:
        """Texts at both bounds and one character past them."""
        sizes = {"at-min": self.min_chars, "under-min": self.min_chars - 1}
        if self.max_chars < LONGEST_CANARY:
            sizes |= {"at-max": self.max_chars, "over-max": self.max_chars + 1}
        longest = canary_text(seed, self.name, words=200)
        repeats = max(sizes.values()) // len(longest) + 1
        documents = [
            Document(id=name, domain="text", kind="prose", text=(longest * repeats)[:size], source=self.name)
            for name, size in sizes.items()
            if size >= 0
        ]
        ids = [document.id for document in documents]
        dropped, kept = ([found for found in ids if found.startswith("at-") is inside] for inside in (False, True))
        return [Canary(name="a text past a bound", documents=documents, dropped=dropped, kept=kept)] if dropped else []

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:  # noqa: ARG002
        """Needs none."""
        return None

    def score(self, batch: "pa.RecordBatch", state: Path | None) -> "pa.DoubleArray":  # noqa: ARG002
        """Characters of each text; a missing text has none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        return pc.utf8_length(batch.column("text")).fill_null(0).cast(pa.float64())

    def decide(self, scores: "pa.DoubleArray") -> Verdicts:
        """Apply the bounds."""
        import pyarrow as pa
        import pyarrow.compute as pc

        short = pc.less(scores, float(self.min_chars))
        long = pc.greater(scores, float(self.max_chars))
        reason = pc.if_else(short, TOO_SHORT, pc.if_else(long, TOO_LONG, pa.scalar(None, pa.string())))
        return Verdicts(keep=pc.invert(pc.or_(short, long)), score=scores, reason=reason)

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """`decide` on `score`."""
        return self.decide(self.score(batch, state))
