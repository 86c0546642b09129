"""Deduplication and decontamination by `forge build` and `forge explain`, as a user runs them."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from forge.cli import main

Run = Callable[..., str]

RECIPE = """
[tokenizer]
name = "bpe"
vocab_size = 300
[[source]]
name = "files"
paths = ["docs/*.jsonl"]
meta = ["quality"]
[[filter]]
name = "exact-dedup"
[[filter]]
name = "near-dedup"
[[filter]]
name = "decontaminate"
benchmarks = []
files = { own = "own.jsonl" }
[export.main]
mix = "0:0:1"
"""
FIRST = "Which lighthouse keeper of the seventh island wrote down the tides of the year 1911?"
SECOND = "Which baker of the third harbour sold the last loaf to a captain without a ship?"


def text(number: int) -> str:
    return " ".join(random.Random(number).choices([f"word{place}" for place in range(900)], k=150))


DOCS: list[dict[str, Any]] = [
    *({"text": text(number)} for number in range(40)),
    {"text": text(0), "quality": 0.2},
    {"text": text(0), "quality": 0.7},
    {"text": text(1).replace(" ", "\n", 3) + " more", "quality": 0.5},
    {"text": f"{text(98)} {FIRST.upper()} {text(99)}"},
    {"text": f"{text(96)} {SECOND} {text(97)}"},
]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command in a folder of ``tmp_path``; returns all that it says."""

    def call(*words: str, folder: str = "ws") -> str:
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(tmp_path / folder), *words])
        captured = capsys.readouterr()
        assert not ended.value.code, captured.err
        return captured.out + captured.err

    return call


def workspace(folder: Path) -> Path:
    (folder / "docs").mkdir(parents=True)
    (folder / "forge.toml").write_text(RECIPE)
    (folder / "own.jsonl").write_text(json.dumps({"id": "q1", "query": FIRST}))
    for part in range(4):
        lines = [json.dumps(document) for document in DOCS[part::4]]
        (folder / "docs" / f"{part}.jsonl").write_text("\n".join(lines))
    return folder


def verdicts(folder: Path, label: str) -> dict[str, tuple[Any, ...]]:
    found = {}
    paths = (folder / ".forge" / "verdicts" / label).glob("files-*.parquet")
    for path in (path for path in paths if ".scores." not in path.name):
        rows = pq.read_table(path, partitioning=None).to_pylist()
        found |= {row["id"]: (row["keep"], row["score"], row["reason"]) for row in rows}
    return found


def ids(folder: Path) -> list[str]:
    """The ids of `DOCS`, in their order."""
    parts = (folder / ".forge" / "corpus" / "files").glob("*.documents.parquet")
    rows = [row for path in parts for row in pq.read_table(path, partitioning=None).to_pylist()]
    known = {(row["text"], json.loads(row["meta"]).get("quality")): row["id"] for row in rows}
    return [known[document["text"], document.get("quality")] for document in DOCS]


def test_any_number_of_workers_gives_the_same_verdicts_and_the_best_stays(run: Run, tmp_path: Path) -> None:
    for folder, workers in (("one", "1"), ("three", "3")):
        workspace(tmp_path / folder)
        run("build", "-j", workers, folder=folder)
    known = ids(tmp_path / "one")
    for label in ("exact-dedup", "near-dedup", "decontaminate"):
        found = verdicts(tmp_path / "one", label)
        assert found == verdicts(tmp_path / "three", label)
        assert set(found) == set(known)
        assert any(not keep for keep, _, _ in found.values())
    exact = verdicts(tmp_path / "one", "exact-dedup")
    assert [exact[known[place]][0] for place in (0, 40, 41)] == [False, False, True]
    near = verdicts(tmp_path / "one", "near-dedup")
    assert [near[known[place]][0] for place in (1, 42)] == [False, True]


def test_explain_tells_for_whom_and_for_what_a_document_went(run: Run, tmp_path: Path) -> None:
    folder = workspace(tmp_path / "ws")
    left = len(DOCS) - 2
    assert f"near-dedup: {left} documents, 2 share a band or a structure with another, 1 go" in run("build", "-j", "1")
    known = ids(folder)
    assert f"exact-dedup found: survivor {known[41]}" in run("explain", known[0])
    assert f"near-dedup found: survivor {known[42]}, jaccard 0.9" in run("explain", known[1])
    leak = json.loads(run("explain", "--json", known[43]))
    (evidence,) = leak["filters"][2]["evidence"]
    assert (evidence["benchmark"], evidence["item"], evidence["field"]) == ("own", "q1", "query")
    assert DOCS[43]["text"][evidence["start"] : evidence["end"]] == evidence["found"] == FIRST.rstrip("?").upper()


def test_a_benchmark_changed_under_its_name_is_looked_for_anew(run: Run, tmp_path: Path) -> None:
    folder = workspace(tmp_path / "ws")
    run("build", "-j", "1")
    leaks = ids(folder)[43:]
    assert "dropped by decontaminate" in run("explain", leaks[0])
    assert "dropped" not in run("explain", leaks[1])
    assert "decontaminate" not in run("build", "-j", "1")
    (folder / "own.jsonl").write_text(json.dumps({"id": "q1", "query": SECOND}))
    assert "1 texts, calls and states of own" in run("build", "-j", "1")
    assert "dropped" not in run("explain", leaks[0])
    assert "dropped by decontaminate" in run("explain", leaks[1])
