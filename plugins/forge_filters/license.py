"""Filter ``license``: drops documents whose licence is not on a list.

A document's licence is an SPDX expression; of ``A OR B`` one must be on the list, of ``A AND B`` both. Each distinct
expression is read once a batch, some 50 microseconds; the rest is one Arrow kernel over the column.

Source: the SPDX specification 2.3, annex D.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from forge.errors import RecipeError
from forge.licences import PERMISSIVE_NAME, AllowList
from forge.records import UNKNOWN_LICENSE, Document
from forge.steps import Canary, Context, Corpus, Verdicts, canary_text, option

if TYPE_CHECKING:
    import pyarrow as pa

REFUSED = "licence not allowed"
UNKNOWN = "licence unknown"
_REFUSED_CANARY = "LicenseRef-forge-canary"


@dataclass(frozen=True, kw_only=True)
class License:
    """Keeps documents under one of the licences."""

    name: ClassVar[str] = "license"
    columns: ClassVar[tuple[str, ...]] = ("license",)
    max_drop_rate: ClassVar[float] = 1.0

    allow: list[str] = option(
        [PERMISSIVE_NAME], help="SPDX identifiers that stay; permissive: MIT, Apache-2.0 and their like; unknown"
    )

    def __post_init__(self) -> None:
        if not self.allow:
            raise ValueError('allow is empty: nothing would stay; name licences, for example allow = ["permissive"]')
        try:
            _list_of(tuple(self.allow))
        except RecipeError as error:
            raise ValueError(str(error)) from error

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:  # noqa: ARG002
        """Needs none."""
        return None

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:  # noqa: ARG002
        """Score 1.0 for what is allowed, 0.0 for what is not; a missing licence is unknown."""
        import pyarrow as pa
        import pyarrow.compute as pc

        licences = batch.column("license").fill_null(UNKNOWN_LICENSE)
        allowed = _list_of(tuple(self.allow)).allowed_of(licences.unique().to_pylist())
        keep = pc.is_in(licences, pa.array(sorted(allowed), pa.string()))
        why = pc.if_else(pc.equal(licences, UNKNOWN_LICENSE), UNKNOWN, REFUSED)
        reason = pc.if_else(keep, pa.scalar(None, pa.string()), why)
        return Verdicts(keep=keep, score=keep.cast(pa.float64()), reason=reason)

    def canaries(self, seed: int) -> Sequence[Canary]:
        """A document under a licence of its own, and one under the first that is allowed."""
        first = "MIT" if self.allow[0].lower() == PERMISSIVE_NAME else self.allow[0]
        own = Canary(name="a licence of nobody", documents=[_document(seed, "own", _REFUSED_CANARY)], dropped=["own"])
        return [own, Canary(name="allowed", documents=[_document(seed, "allowed", first)], kept=["allowed"])]


@lru_cache(maxsize=8)
def _list_of(allow: tuple[str, ...]) -> AllowList:
    return AllowList(allow, key="allow")


def _document(seed: int, name: str, license: str) -> Document:
    text = canary_text(seed, name)
    return Document(id=name, domain="text", kind="prose", text=text, source="canary", license=license)
