"""The checks for plugin authors: our own plugins pass them, and every broken one is told which rule it breaks."""

import dataclasses
import itertools
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from forge.errors import PluginError, StepError
from forge.records import ApiRecord, Document, Record, Reject, stable_id
from forge.steps import Canary, Context, Corpus, Filter, Partition, Source, Verdicts, canary_text, each, option
from forge.testing import MemoryCatalog, OfflineHttp, check_filter, check_source, context, documents
from forge_filters.exact_dedup import ExactDedup
from forge_filters.language import Language
from forge_filters.length import Length

EXAMPLE = Path(__file__).parents[2] / "examples" / "forge-source-example"
NOISE = itertools.count()


def document(key: str, text: str = "some text") -> Document:
    return Document(id=stable_id("good", key), domain="text", kind="prose", text=text, source="good")


@dataclass(frozen=True, kw_only=True)
class Good:
    """A source that keeps the rules; each broken one below changes one thing."""

    name: ClassVar[str] = "good"
    keys: tuple[str, ...] = ("a", "b")

    def plan(self, context: Context) -> str:
        return "nothing over the network"

    def partitions(self, context: Context) -> Sequence[Partition]:
        return [Partition(key=key, fingerprint=stable_id(key)) for key in self.keys]

    def records(self, partition: Partition, context: Context) -> Iterator[Record | Reject]:
        yield document(partition.key)
        yield Reject(locator=partition.key, reason="not JSON")


class LongPlan(Good):
    def plan(self, context: Context) -> str:
        return "two\nlines"


class NoPartition(Good):
    def partitions(self, context: Context) -> Sequence[Partition]:
        return []


class Shuffled(Good):
    def partitions(self, context: Context) -> Sequence[Partition]:
        return [Partition(key="a", fingerprint=str(next(NOISE)))]


class SlashInKey(Good):
    def partitions(self, context: Context) -> Sequence[Partition]:
        return [Partition(key="../a", fingerprint="1")]


class TwiceOneKey(Good):
    def partitions(self, context: Context) -> Sequence[Partition]:
        return [Partition(key=key, fingerprint="1") for key in ("a", "A")]


class NoFingerprint(Good):
    def partitions(self, context: Context) -> Sequence[Partition]:
        return [Partition(key="a", fingerprint="")]


class Moody(Good):
    def records(self, partition: Partition, context: Context) -> Iterator[Record | Reject]:
        yield document(partition.key, f"{random.random()}")


class WrongType(Good):
    def records(self, partition: Partition, context: Context) -> Iterator[Record | Reject]:
        yield {"text": "a dict"}  # type: ignore[misc]


class NumberForText(Good):
    def records(self, partition: Partition, context: Context) -> Iterator[Record | Reject]:
        yield document(partition.key, 7)  # type: ignore[arg-type]


class LoneSurrogate(Good):
    def records(self, partition: Partition, context: Context) -> Iterator[Record | Reject]:
        yield document(partition.key, "\ud800")


class SameId(Good):
    def records(self, partition: Partition, context: Context) -> Iterator[Record | Reject]:
        yield document("always")


@dataclass(kw_only=True)
class Thawed:
    name: ClassVar[str] = "thawed"


@dataclass(frozen=True, kw_only=True)
class Unpicklable(Good):
    how: Any = field(default=lambda: 1)


BROKEN_SOURCES = {
    LongPlan: "plan says one line",
    NoPartition: "no partition",
    Shuffled: "partitions differ from one call to the next",
    SlashInKey: "not safe as a file name",
    TwiceOneKey: "comes twice",
    NoFingerprint: "its fingerprint is the hash of its content",
    Moody: "records differ from one reading to the next",
    WrongType: "record 0 is a dict, not one of ApiRecord",
    NumberForText: "does not fit its Arrow schema",
    LoneSurrogate: "does not fit its Arrow schema",
    SameId: "two records have the id",
    Thawed: "a step is a frozen dataclass",
    Unpicklable: "it cannot be sent to another process",
}


def test_good_source_passes(tmp_path: Path) -> None:
    found = check_source(Good(), context(tmp_path))
    assert [part.key for part in found.partitions] == ["a", "b"]
    assert found.records == [document("a"), document("b")]
    assert [reject.locator for reject in found.rejects] == ["a", "b"]


@pytest.mark.parametrize(("source", "rule"), BROKEN_SOURCES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_broken_source_is_told_why(tmp_path: Path, source: type[Source], rule: str) -> None:
    with pytest.raises(PluginError, match=rule):
        check_source(source(), context(tmp_path))


def test_class_instead_of_instance_is_told(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="this is a class"):
        check_source(Good, context(tmp_path))  # type: ignore[arg-type]


@dataclass(frozen=True, kw_only=True)
class Short:
    """A filter that keeps the rules."""

    name: ClassVar[str] = "short"
    columns: ClassVar[tuple[str, ...]] = ("text",)

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        return None

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        return verdicts(pc.utf8_length(batch.column("text")).cast(pa.float64()))


def verdicts(score: pa.DoubleArray, text: pa.StringArray | None = None) -> Verdicts:
    """Keep what scores 5 or more."""
    keep = pc.greater_equal(score, 5.0)
    return Verdicts(keep=keep, score=score, reason=pc.if_else(keep, None, "short").cast(pa.string()), text=text)


class NoSuchColumn(Short):
    columns = ("words",)


class UndeclaredColumn(Short):
    columns = ("id",)


class ReadsOrder(Short):
    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        return verdicts(pa.array([float(number * 5) for number in range(len(batch))], pa.float64()))


class ComparesWithBatch(Short):
    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        length = pc.utf8_length(batch.column("text"))
        longest = pc.max(length).as_py() or 1
        return verdicts(pc.multiply(pc.divide(length.cast(pa.float64()), longest), 6.0))


class TooFew(Short):
    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        return super().judge(batch.slice(1), state)


class NoReason(Short):
    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        return dataclasses.replace(super().judge(batch, state), reason=pa.nulls(len(batch), pa.string()))


class ReasonForAll(Short):
    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        return dataclasses.replace(super().judge(batch, state), reason=pa.array(["x"] * len(batch), pa.string()))


class WholeNumbers(Short):
    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        answer = super().judge(batch, state)
        return dataclasses.replace(answer, score=answer.score.cast(pa.int64()))


class NullScore(Short):
    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        return dataclasses.replace(super().judge(batch, state), score=pa.nulls(len(batch), pa.float64()))


class SilentRewriter(Short):
    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        text = batch.column("text")
        return verdicts(pc.utf8_length(text).cast(pa.float64()), text=pc.utf8_upper(text))


class EverShorter(SilentRewriter):
    rewrites: ClassVar[bool] = True

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        text = batch.column("text")
        return verdicts(pc.utf8_length(text).cast(pa.float64()), text=pc.utf8_slice_codeunits(text, 1))


class Upper(SilentRewriter):
    rewrites: ClassVar[bool] = True


class Disagrees(Short):
    def score(self, batch: pa.RecordBatch, state: Path | None) -> pa.DoubleArray:
        return pc.utf8_length(batch.column("text")).cast(pa.float64())

    def decide(self, scores: pa.DoubleArray) -> Verdicts:
        return verdicts(pc.negate(scores))


class StateElsewhere(Short):
    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        return context.workspace


class LongerThanFirst(Short):
    """Looks at what the corpus begins with."""

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        texts = [text for batch in corpus.batches(["text"]) for text in batch.column("text").to_pylist()]
        (context.scratch / "least").write_text(str(self.least(texts)))
        return context.scratch

    def least(self, texts: Sequence[str]) -> float:
        return len(texts[0])

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        assert state is not None
        shorter = pc.subtract(
            pc.utf8_length(batch.column("text")).cast(pa.float64()), float((state / "least").read_text())
        )
        return verdicts(pc.add(shorter, 5.0))


class LongerThanSome(LongerThanFirst):
    """Takes the shortest of whatever is left, again and again."""

    def least(self, texts: Sequence[str]) -> float:
        return min(map(len, texts)) + 1


BROKEN_FILTERS = {
    NoSuchColumn: "columns is a tuple of names out of id",
    UndeclaredColumn: "it reads a column that columns does not name",
    ReadsOrder: "another verdict when judged alone",
    ComparesWithBatch: "another verdict when judged alone",
    TooFew: "2 verdicts for 3 documents",
    NoReason: "row 0 is dropped, with the reason None",
    ReasonForAll: "row 1 is kept, with the reason 'x'",
    WholeNumbers: "score is a double array; this is int64",
    NullScore: "score holds a null",
    SilentRewriter: "it replaces text; say so",
    EverShorter: "changed when judged again",
    Disagrees: "another verdict when decided on its scores",
    StateElsewhere: "a directory under context.scratch",
    LongerThanFirst: "another verdict when prepared on the corpus in reverse order",
    LongerThanSome: "row 1 is dropped when the filter is applied to what it left",
}
BATCH = ("no", "long enough", "five!")


@pytest.mark.parametrize(("judge", "rule"), BROKEN_FILTERS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_broken_filter_is_told_why(judge: type[Filter], rule: str) -> None:
    with pytest.raises(PluginError, match=rule):
        check_filter(judge(), documents(*BATCH))


@pytest.mark.parametrize("judge", [Short(), Upper(), Length(min_chars=5)])
def test_good_filter_passes(judge: Filter) -> None:
    assert check_filter(judge, documents(*BATCH)).keep.to_pylist() == [False, True, True]


@dataclass(frozen=True, kw_only=True)
class Shouting:
    """A third party's filter, with all that the contract has room for: a score, a threshold, canaries, limits."""

    name: ClassVar[str] = "shouting"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    canary_floor: ClassVar[float] = 1.0
    max_drop_rate: ClassVar[float] = 0.2
    most: float = option(0.5, help="drop what has a larger share of capitals", unit="share", threshold=True)

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        return None

    def score(self, batch: pa.RecordBatch, state: Path | None) -> pa.DoubleArray:
        return each(lambda text: sum(map(str.isupper, text)) / max(1, len(text)), batch)

    def decide(self, scores: pa.DoubleArray) -> Verdicts:
        keep = pc.less_equal(scores, self.most)
        return Verdicts(keep=keep, score=scores, reason=pc.if_else(keep, pa.scalar(None, pa.string()), "shouting"))

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        return self.decide(self.score(batch, state))

    def canaries(self, seed: int) -> Sequence[Canary]:
        text = canary_text(seed, self.name)
        found = {"loud": text.upper(), "quiet": text}
        made = [Document(id=key, domain="text", kind="prose", text=each, source="own") for key, each in found.items()]
        return [Canary(name="capitals", documents=made, dropped=["loud"], kept=["quiet"])]


def test_a_third_partys_filter_passes_with_canaries_and_threshold() -> None:
    assert check_filter(Shouting(), documents("HELP, HELP", "help me")).keep.to_pylist() == [False, True]


def test_a_third_partys_filter_that_misses_its_canary_is_told_so() -> None:
    with pytest.raises(PluginError, match=r"catches 0\.0%, its floor is 100\.0%: capitals \(loud stayed\)"):
        check_filter(Shouting(most=0.99), documents("HELP, HELP", "help me"))


def test_filter_with_state_passes(tmp_path: Path) -> None:
    batch = documents("a text", "another", "a text")
    assert sorted(check_filter(ExactDedup(), batch, context(tmp_path)).keep.to_pylist()) == [False, True, True]


def test_language_passes() -> None:
    english = "The lighthouse keeper wrote down the height of the tide every morning before breakfast."
    german = "Der Leuchtturmwärter schrieb jeden Morgen vor dem Frühstück die Höhe der Flut auf."
    assert check_filter(Language(), documents(english, german)).keep.to_pylist() == [True, False]


def test_offline_http_answers_and_remembers(tmp_path: Path) -> None:
    http = OfflineHttp({"https://api.example/a": "é"})
    assert context(tmp_path, http=http).http.get("https://api.example/a") == "é".encode()
    with pytest.raises(StepError, match="no answer here; give OfflineHttp one"):
        http.get("https://api.example/b")
    assert http.asked == ["https://api.example/a", "https://api.example/b"]


def test_offline_http_asks_a_function(tmp_path: Path) -> None:
    assert context(tmp_path, answers=lambda url: url.encode()).http.get("x") == b"x"


def test_memory_catalog_is_ordered_and_hashed() -> None:
    apis = [ApiRecord(provider="p", service="s", name=name, kind="rest", source="t") for name in "cab"]
    one, two = MemoryCatalog(apis), MemoryCatalog(reversed(apis))
    (bucket,) = one.buckets()
    ids = [record.id for record in one.read(bucket)]
    assert ids == sorted(ids)
    assert one.fingerprint == two.fingerprint != MemoryCatalog(apis[:1]).fingerprint
    assert MemoryCatalog([]).buckets() == []


def test_example_plugin_passes_its_own_tests() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(EXAMPLE)]
    done = subprocess.run(command, cwd=EXAMPLE, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
