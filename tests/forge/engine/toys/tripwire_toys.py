"""Filters that break the contract, or have only what it asks for, as a third party would write them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from forge.hookspecs import hookimpl
from forge.steps import Canary, Document, Verdicts, canary_text, each, option

NULL = pa.scalar(None, pa.string())


def deciding(keep: pa.BooleanArray, *, reason: str = "weed") -> Verdicts:
    return Verdicts(keep=keep, score=pa.array([0.0] * len(keep), pa.float64()), reason=pc.if_else(keep, NULL, reason))


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Drops weeds, and leaves a null in one column for the documents with a word; has no ``prepare``."""

    name: ClassVar[str] = "gaps"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    max_drop_rate: ClassVar[float] = 1.0
    where: str = option("", help="column with the nulls")
    word: str = option("gap", help="where a null stands")

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        text = batch.column("text")
        verdicts = deciding(pc.invert(pc.match_substring(text, "weed")))
        if not self.where:
            return verdicts
        column = getattr(verdicts, self.where)
        holes = pc.match_substring(text, self.word)
        return replace(verdicts, **{self.where: pc.if_else(holes, pa.scalar(None, column.type), column)})


@dataclass(frozen=True, kw_only=True)
class Unsure:
    """A scored filter without ``prepare``, whose score is null where a text has no word of its own."""

    name: ClassVar[str] = "unsure"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    most: float = option(10.0, help="most characters", threshold=True)
    word: str = option("gap", help="where the score is null")

    def score(self, batch: pa.RecordBatch, state: Path | None) -> pa.DoubleArray:
        scores = each(len, batch)
        return pc.if_else(pc.match_substring(batch.column("text"), self.word), pa.scalar(None, pa.float64()), scores)

    def decide(self, scores: pa.DoubleArray) -> Verdicts:
        keep = pc.less_equal(scores, self.most)
        return Verdicts(keep=keep, score=scores, reason=pc.if_else(keep, NULL, "long"))

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        return self.decide(self.score(batch, state))


@dataclass(frozen=True, kw_only=True)
class Forgetful:
    """Replaces a word, and does not say in its class that it rewrites."""

    name: ClassVar[str] = "forgetful"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    has_canaries: bool = option(True, help="whether it has canaries")

    def canaries(self, seed: int) -> Sequence[Canary]:
        text = f"{canary_text(seed, self.name)} Copyright"
        document = Document(id="word", domain="text", kind="prose", text=text, source="toys")
        return [Canary(name="word", documents=[document], gone={"word": ["Copyright"]})] if self.has_canaries else []

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        text = batch.column("text")
        found = pc.match_substring(text, "Copyright")
        replaced = pc.if_else(found, pc.replace_substring(text, "Copyright", "[C]"), NULL)
        kept = deciding(pa.array([True] * batch.num_rows, pa.bool_()))
        return replace(kept, text=replaced, changes=pc.if_else(found, "word 1", NULL))


@dataclass(frozen=True, kw_only=True)
class Honest(Forgetful):
    """The same, and says so."""

    name: ClassVar[str] = "honest"
    rewrites: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Nosy(Honest):
    """Reads a column that it does not name."""

    name: ClassVar[str] = "nosy"

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        assert len(batch.column("meta")) == batch.num_rows
        return super().judge(batch, state)


@dataclass(frozen=True, kw_only=True)
class Shears:
    """Cuts texts to their first characters, drops weeds, and lengthens flowers."""

    name: ClassVar[str] = "shears"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    rewrites: ClassVar[bool] = True
    length: int = option(10, help="characters left")

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        text = batch.column("text")
        keep = pc.invert(pc.match_substring(text, "weed"))
        flowers = pc.match_substring(text, "flower")
        longer = pc.binary_join_element_wise(text, pc.binary_repeat(pa.array(["!"] * len(text)), 1000), "")
        left = pc.if_else(flowers, longer, pc.utf8_slice_codeunits(text, 0, self.length))
        return replace(deciding(keep), text=pc.if_else(pc.and_(keep, pc.not_equal(left, text)), left, NULL))


@hookimpl
def forge_filters() -> list[type[Any]]:
    return [Gaps, Unsure, Forgetful, Honest, Nosy, Shears]
