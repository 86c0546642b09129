"""Filters with canaries, good and broken, for tests of the engine; imported by name, also by worker processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from forge.hookspecs import hookimpl
from forge.steps import Canary, Context, Corpus, Document, Filter, Section, Verdicts, canary_text, each, option

NULL = pa.scalar(None, pa.string())


def planted(name: str, text: str) -> Document:
    return Document(id=name, domain="text", kind="prose", text=text, source="toys")


@dataclass(frozen=True, kw_only=True)
class Weed:
    """Drops what has the word weed in it, or what its options make it drop."""

    name: ClassVar[str] = "weed"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    word: str = option("weed", help="dropped where it stands")
    most: int = option(10_000, help="drop what is longer", unit="characters", threshold=True)

    def canaries(self, seed: int) -> Sequence[Canary]:
        return [
            Canary(
                name="a weed",
                documents=[
                    planted("weed", f"some weed {seed}"),
                    planted("WEED", f"big weed {seed}"),
                    planted("rose", "a rose"),
                ],
                dropped=["weed", "WEED"],
                kept=["rose"],
            )
        ]

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        return None

    def score(self, batch: pa.RecordBatch, state: Path | None) -> pa.DoubleArray:
        return each(lambda text: float(1e9 if self.word in text else len(text)), batch)

    def report(self, state: Path | None) -> Section | None:
        return Section(title="Weeds", lines=[f"At most {self.most}."])

    def decide(self, scores: pa.DoubleArray) -> Verdicts:
        keep = pc.less_equal(scores, float(self.most))
        return Verdicts(keep=keep, score=scores, reason=pc.if_else(keep, NULL, "weed"))

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        return self.decide(self.score(batch, state))


@dataclass(frozen=True, kw_only=True)
class Lenient(Weed):
    """Content to catch half."""

    name: ClassVar[str] = "lenient"
    canary_floor: ClassVar[float] = 0.5
    max_drop_rate: ClassVar[float] = 1.0


@dataclass(frozen=True, kw_only=True)
class Twins:
    """Drops all but the smallest id of a text; leaves the ids that it was shown in its state."""

    name: ClassVar[str] = "twins"
    columns: ClassVar[tuple[str, ...]] = ("id",)

    def canaries(self, seed: int) -> Sequence[Canary]:
        text = canary_text(seed, self.name)
        documents = [planted("b", text), planted("a", text), planted("c", text + " and more")]
        return [Canary(name="a copy", documents=documents, dropped=["b"], kept=["a", "c"])]

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        rows = [row for batch in corpus.batches(["id", "text"]) for row in batch.to_pylist()]
        first: dict[str, str] = {}
        for row in rows:
            first[row["text"]] = min(row["id"], first.get(row["text"], row["id"]))
        (context.scratch / "shown.txt").write_text("\n".join(row["id"] for row in rows))
        (context.scratch / "first.txt").write_text("\n".join(sorted(first.values())))
        return context.scratch

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        assert state is not None
        first = pa.array((state / "first.txt").read_text().split("\n"))
        keep = pc.is_in(batch.column("id"), first)
        return Verdicts(keep=keep, score=pc.cast(keep, pa.float64()), reason=pc.if_else(keep, NULL, "twin"))


@dataclass(frozen=True, kw_only=True)
class Mask:
    """Replaces one number by another, and says so."""

    name: ClassVar[str] = "mask"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    rewrites: ClassVar[bool] = True
    number: str = option("42", help="replaced")

    def canaries(self, seed: int) -> Sequence[Canary]:
        documents = [planted("secret", "it is 42, really"), planted("plain", "it is what it is")]
        return [Canary(name="the number", documents=documents, gone={"secret": ["42"]}, kept=["plain"])]

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        return None

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        count = batch.num_rows
        found = pc.match_substring(batch.column("text"), self.number)
        text = pc.replace_substring(batch.column("text"), self.number, "#")
        return Verdicts(
            keep=pa.array([True] * count),
            score=pc.cast(found, pa.float64()),
            reason=pa.nulls(count, pa.string()),
            text=pc.if_else(found, text, NULL),
            changes=pc.if_else(found, "number 1", NULL),
        )


@hookimpl
def forge_filters() -> Sequence[type[Filter]]:
    return [Weed, Lenient, Twins, Mask]
