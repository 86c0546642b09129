"""Small steps for tests of the engine; imported by name, also by worker processes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from forge.hookspecs import hookimpl
from forge.records import ApiRecord, Document, Record, Reject, stable_id
from forge.steps import Context, Corpus, Partition, Verdicts, each, option


@dataclass(frozen=True, kw_only=True)
class Notes:
    """Documents from the files of a folder, one a line; a line that begins with ``!`` cannot be read."""

    name: ClassVar[str] = "notes"
    path: str
    domain: str = option("text", help="domain")
    license: str = option("MIT", help="licence of every line")
    provider: str = option("", help="provider of every line")

    def partitions(self, context: Context) -> Sequence[Partition]:
        files = sorted((context.workspace / self.path).glob("*.txt"))
        return [
            Partition(
                key=f.stem.replace("+", "/"),
                fingerprint=stable_id(f.read_text()),
                items=(str(f),),
                size=f.stat().st_size,
            )
            for f in files
        ]

    def records(self, partition: Partition, context: Context) -> Iterator[Record | Reject]:
        for number, line in enumerate(Path(partition.items[0]).read_text().splitlines()):
            if line.startswith("!"):
                yield Reject(locator=f"{partition.key}:{number}", reason="begins with !")
            elif line == "boom":
                raise RuntimeError("a bug in the plugin")
            elif line:
                yield Document(
                    id=stable_id(partition.key, str(number)),
                    domain=self.domain,  # type: ignore[arg-type]
                    kind="note",
                    text=line,
                    source=self.name,
                    license=self.license,
                    meta={"provider": self.provider} if self.provider else {},
                )


@dataclass(frozen=True, kw_only=True)
class Calls:
    """A few API records."""

    name: ClassVar[str] = "calls"
    count: int = 3

    def partitions(self, context: Context) -> Sequence[Partition]:
        return [Partition(key="all", fingerprint=str(self.count), size=1)]

    def records(self, partition: Partition, context: Context) -> Iterator[Record | Reject]:
        for number in range(self.count):
            yield ApiRecord(
                provider="example.org",
                service="toys",
                name=f"call{number}",
                kind="rest",
                description=f"Does the thing with number {number}, and does it well.",
                source=self.name,
            )


@dataclass(frozen=True, kw_only=True)
class Plain:
    """API records as one line."""

    name: ClassVar[str] = "plain"
    renders: ClassVar[type] = ApiRecord

    def render(self, record: ApiRecord) -> list[Document]:
        spans = [[0, len(record.name)]]
        text = f"{record.name}: {record.description}"
        meta = {"loss_spans": spans}
        return [Document(id=record.id, domain="agent", kind="api_doc", text=text, source=self.name, meta=meta)]


def passing(count: int) -> dict[str, Any]:
    return {"keep": pa.array([True] * count), "reason": pa.nulls(count, pa.string())}


@dataclass(frozen=True, kw_only=True)
class Long:
    """A scored filter: length over a threshold."""

    name: ClassVar[str] = "long"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    least: int = option(3, help="least length", unit="characters", threshold=True)

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        return None

    def score(self, batch: pa.RecordBatch, state: Path | None) -> pa.DoubleArray:
        return each(len, batch)

    def decide(self, scores: pa.DoubleArray) -> Verdicts:
        keep = pc.greater_equal(scores, float(self.least))
        return Verdicts(keep=keep, score=scores, reason=pc.if_else(keep, pa.scalar(None, pa.string()), "short"))

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        return self.decide(self.score(batch, state))


@dataclass(frozen=True, kw_only=True)
class Shout:
    """A rewriting filter: everything in capitals, with something after it."""

    name: ClassVar[str] = "shout"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    rewrites: ClassVar[bool] = True
    ending: str = option("", help="what follows the text")

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        return None

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        count = batch.num_rows
        text = pc.binary_join_element_wise(pc.utf8_upper(batch.column("text")), self.ending, "")
        return Verdicts(score=pa.array([0.0] * count), text=text, **passing(count))


@dataclass(frozen=True, kw_only=True)
class First:
    """A filter with state: keeps the smallest id of each text that earlier filters left."""

    name: ClassVar[str] = "first"
    columns: ClassVar[tuple[str, ...]] = ("id", "text")

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        best: dict[str, str] = {}
        for batch in corpus.batches(self.columns):
            for row in batch.to_pylist():
                best[row["text"]] = min(row["id"], best.get(row["text"], row["id"]))
        (context.scratch / "kept.txt").write_text("\n".join(sorted(best.values())))
        return context.scratch

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        assert state is not None
        kept = set((state / "kept.txt").read_text().split("\n"))
        keep = pa.array([row in kept for row in batch.column("id").to_pylist()])
        score = pc.cast(keep, pa.float64())
        return Verdicts(keep=keep, score=score, reason=pc.if_else(keep, pa.scalar(None, pa.string()), "again"))


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A filter whose state is drawn from the seed: keeps the documents whose id begins with a drawn digit."""

    name: ClassVar[str] = "drawing"
    columns: ClassVar[tuple[str, ...]] = ("id",)

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        (context.scratch / "digits.txt").write_text("0123456789abcdef"[context.seed % 8 :])
        return context.scratch

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        assert state is not None
        digits = (state / "digits.txt").read_text()
        keep = pa.array([row[0] in digits for row in batch.column("id").to_pylist()])
        score = pc.cast(keep, pa.float64())
        return Verdicts(keep=keep, score=score, reason=pc.if_else(keep, pa.scalar(None, pa.string()), "not drawn"))


@dataclass(frozen=True, kw_only=True)
class Miscounting:
    """A broken filter: one verdict whatever the batch."""

    name: ClassVar[str] = "miscounting"
    columns: ClassVar[tuple[str, ...]] = ("text",)

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        return None

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        return Verdicts(score=pa.array([0.0]), **passing(1))


@hookimpl
def forge_export_finished(folder: Path) -> None:
    assert (folder / "manifest.json").is_file()
    assert (folder / "report.html").is_file()
    if (folder.parent.parent / "refuse").exists():
        raise RuntimeError("not now")
    with (folder.parent.parent / "told.txt").open("a") as stream:
        stream.write(folder.name + "\n")


@hookimpl
def forge_sources() -> list[type[Any]]:
    return [Notes, Calls]


@hookimpl
def forge_renderers() -> list[type[Any]]:
    return [Plain]


@hookimpl
def forge_filters() -> list[type[Any]]:
    return [Long, Shout, First, Drawing, Miscounting]
