"""Every filter that this distribution offers keeps its contract: a new one fails here until it is given documents.

The filters come from the installed entry points, so that none can be forgotten. Each is given documents of which it
keeps some, and drops or rewrites some: a check that nothing could fail proves nothing.
"""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge.canaries import canary_text, check_canaries
from forge.files import file_hash
from forge.host import OWN_DISTRIBUTION, PluginHost
from forge.records import Document, arrow_schema, stable_id, to_row
from forge.steps import Context, Filter
from forge.testing import MemoryCorpus, check_filter, context
from forge_filters.quality_labels import FOLDER

QUESTION = "Please find me a quiet hotel near the old harbour in Bergen for two nights, with breakfast and a view."
PROSE = (
    "When the rain had stopped, the children went down to the river to see how high the water stood.",
    "Als der Regen aufgehört hatte, gingen die Kinder zum Fluss hinunter, um zu sehen, wie hoch das Wasser stand.",
    "The lighthouse keeper wrote down the height of the tide every morning before he had his breakfast.",
)
COPIED = canary_text(1, "copied", words=200)


def document(text: str, *, license: str = "MIT", **more: Any) -> Document:
    facts = {"domain": "text", "kind": "prose", "source": "tests", **more}
    return Document(id=stable_id(text, license, str(more)), text=text, license=license, **facts)


def call(days: object) -> Document:
    tool = {"type": "object", "properties": {"days": {"type": "integer"}}, "required": ["days"]}
    offer, made = {"name": "forecast", "parameters": tool}, {"name": "forecast", "arguments": {"days": days}}
    text = f"Tools:\n{json.dumps(offer)}\nUser: How will it be?\nAssistant:\n{json.dumps(made)}"
    return document(text, domain="agent", kind="dialogue")


MIXED = [
    *(document(text) for text in PROSE),
    document(""),
    document("short"),
    document(COPIED),
    document(COPIED, license="GPL-3.0-only"),
    document(COPIED.replace("a", "e", 1)),
    document("\n".join(["one line again and again, and nothing else at all"] * 30)),
    document(f"before it\n{QUESTION}\nand after it " + PROSE[2] * 4),
    document(f"Write to r.okonkwo@harbour-mail.net or call +44 117 496 8862. {PROSE[0]}"),
    document("AWS_ACCESS_KEY_ID=AKIA" + "QYLPMN5HHHFPZAM2\n" + PROSE[0]),
    call(3),
    call("three days"),
    document("def answer() -> int:\n    return 42\n" * 4, domain="code", kind="code"),
    document("日本語のテキスト。" * 20, license="unknown"),
    document(f"User: {PROSE[2]}", domain="agent", kind="trajectory", meta={"verified": True}),
    document(f"User: {PROSE[0]}", domain="agent", kind="trajectory", meta={"failed": "grounded:not-heard"}),
]


def plain(step: type[Any], folder: Path) -> Any:
    return step()


def with_tasks(step: type[Any], folder: Path) -> Any:
    (folder / "tasks.jsonl").write_text(json.dumps({"id": "t1", "query": QUESTION}))
    return step(benchmarks=[], files={"hotels": "tasks.jsonl"})


def with_labels(step: type[Any], folder: Path) -> Any:
    """Labels by which the words of the prose are good, and those of the same in German bad."""
    draw, rows = random.Random(1), []
    pools = (f"{PROSE[0]} {PROSE[2]}".split(), PROSE[1].split())
    for number in range(600):
        text = " ".join(draw.choices(pools[number % 2], k=25))
        facts = {"key": stable_id(text), "source": f"web{number % 3}", "origin": f"host{number % 90}"}
        rows.append({**facts, "text": text, "label": number % 2 == 0, "second": number % 2 == 0})
    names = {"key": pa.string(), "source": pa.string(), "origin": pa.string(), "text": pa.large_string()}
    metadata = {"rubric": "general", "model": "scripted"}
    schema = pa.schema([*names.items(), ("label", pa.bool_()), ("second", pa.bool_())], metadata=metadata)
    path = folder / FOLDER / "new.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    name = f"general-{file_hash(path)[:12]}"
    path.rename(path.with_name(f"{name}.parquet"))
    return step(labels=name)


def with_seeds(step: type[Any], folder: Path) -> Any:
    return step(seed_kinds=["dialogue"], top_k=2, sample=5, max_tokens=48)


MADE: dict[str, Callable[[type[Any], Path], Any]] = {
    "decontaminate": with_tasks,
    "decontaminate-mask": with_tasks,
    "quality": with_labels,
    "semantic-match": with_seeds,
}
"""How a filter is made that cannot do without options; any other is tried as a recipe's bare name makes it."""
OWN = {
    offer.name: offer.step for offer in PluginHost().offers("filter") if offer.origin.distribution == OWN_DISTRIBUTION
}
each_filter = pytest.mark.parametrize("name", sorted(OWN))
BATCH = pa.RecordBatch.from_pylist([to_row(found) for found in MIXED], schema=arrow_schema(Document))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Filter, Context]]:
    """A filter and the context that it needs, made once each."""

    @cache
    def make(name: str) -> tuple[Filter, Context]:
        folder = tmp_path_factory.mktemp(name)
        return MADE.get(name, plain)(OWN[name], folder), context(folder)

    return make


@each_filter
def test_it_keeps_the_contract_and_does_something(name: str, made: Callable[[str], tuple[Filter, Context]]) -> None:
    verdicts = check_filter(made(name)[0], BATCH, made(name)[1])
    assert verdicts.keep.true_count
    assert verdicts.keep.false_count or (verdicts.changes is not None and verdicts.changes.null_count < len(BATCH))


@each_filter
def test_it_has_canaries(name: str, made: Callable[[str], tuple[Filter, Context]]) -> None:
    canaries = list(made(name)[0].canaries(7))  # type: ignore[attr-defined]
    assert canaries
    check_canaries(canaries)


@each_filter
def test_any_order_and_any_batches_give_a_document_the_same_verdict(
    name: str, made: Callable[[str], tuple[Filter, Context]], tmp_path: Path
) -> None:
    judge, given_context = made(name)
    state = judge.prepare(MemoryCorpus(BATCH), replace(given_context, scratch=tmp_path))

    def verdicts(order: list[int], size: int) -> dict[str, tuple[Any, ...]]:
        shuffled = BATCH.take(pa.array(order)).select(list(judge.columns))
        found = [judge.judge(shuffled.slice(start, size), state) for start in range(0, len(order), size)]
        columns = [
            [value for piece in found for value in getattr(piece, column).to_pylist()]
            for column in ("keep", "score", "reason")
        ]
        return {BATCH.column("id")[row].as_py(): rest for row, *rest in zip(order, *columns, strict=True)}

    whole = verdicts(list(range(len(BATCH))), len(BATCH))
    assert set(whole) == set(BATCH.column("id").to_pylist())

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.permutations(range(len(BATCH))), st.integers(1, len(BATCH)))
    def anyhow(order: list[int], size: int) -> None:
        assert verdicts(list(order), size) == whole

    anyhow()


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("language", {"domains": []}, "nothing would be judged"),
        ("language", {"min_score": 0.0}, "no probability to ask for"),
        ("quality", {"domains": []}, "nothing would be judged"),
        ("length", {"min_chars": 0, "max_chars": 10**9}, "keep every text"),
    ],
)
def test_options_with_which_nothing_could_be_caught_are_refused(name: str, options: dict[str, Any], why: str) -> None:
    step = PluginHost().require("filter", name).step
    with pytest.raises(ValueError, match=why):
        step(**options)
