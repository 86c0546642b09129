"""`forge search` and `forge embed`, called as the console script calls them."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forge.cli import main
from forge.records import ApiRecord, arrow_schema, to_row
from forge_registry import DuckCatalog

Run = Callable[..., str]

APIS = [
    ApiRecord(
        provider="twilio.com",
        service="api",
        name="CreateMessage",
        kind="rest",
        method="POST",
        path="/Messages.json",
        description="CreateMessage.\nSend an SMS to a phone number. It is queued first.",
        parameters={"type": "object", "properties": {"To": {"type": "string"}}},
        source="toy",
    ),
    ApiRecord(
        provider="python.example",
        service="sms",
        name="sms.send",
        kind="python",
        path="sms.send",
        description="Send \x1b[31mred\x1b[0m text.",
        deprecated=True,
        source="modules",
    ),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    table = tmp_path / "one.apis.parquet"
    pq.write_table(pa.Table.from_pylist([to_row(api) for api in APIS], schema=arrow_schema(ApiRecord)), table)
    DuckCatalog(tmp_path / "ws" / ".forge" / "catalog.duckdb").load([table], fingerprint="one")
    return tmp_path / "ws"


@pytest.fixture
def run(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(workspace), *words])
        assert (ended.value.code or 0) == status
        captured = capsys.readouterr()
        return captured.out if status == 0 else captured.err

    return call


def test_hits_are_shown_best_first(run: Run) -> None:
    lines = run("search", "send sms").splitlines()
    assert any("POST twilio.com/api /Messages.json CreateMessage" in line for line in lines)
    assert any("python  python.example/sms sms.send (deprecated)" in line for line in lines)
    assert "     Send an SMS to a phone number." in lines
    assert all(len(line) <= 100 and "\x1b" not in line for line in lines)


def test_json_holds_the_whole_record(run: Run) -> None:
    facts = json.loads(run("search", "phone number", "--json", "--kind", "rest"))
    assert facts["matches"] == 1
    assert facts["ranking"] == "words (BM25)"
    (hit,) = facts["hits"]
    assert hit["rank"] == 1
    assert hit["id"] == APIS[0].id
    assert hit["id"].startswith(hit["short"])
    assert hit["parameters"] == APIS[0].parameters


def test_the_same_query_gives_the_same_bytes(run: Run) -> None:
    assert run("search", "send", "--json") == run("search", "send", "--json")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("x9q",), "try fewer or other words"),
        (("sms", "--provider", "twillio"), "did you mean twilio.com?"),
        (("sms", "--provider", "zzzz"), "no provider is called"),
        (("sms", "--kind", "graphql", "--method", "GET"), "search without --kind and --method"),
        (("",), "nothing found"),
        (("' OR 1=1 --",), "nothing found"),
    ],
)
def test_nothing_found_is_no_error_and_has_a_hint(run: Run, words: tuple[str, ...], hint: str) -> None:
    assert hint in run("search", *words[1:], "--", words[0])
    assert json.loads(run("search", "--json", *words[1:], "--", words[0]))["hits"] == []


def test_a_search_without_a_catalogue_names_the_next_step(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["search", "x", "-C", str(tmp_path / "nowhere")])
    assert "run `forge build`" in capsys.readouterr().err


def test_semantic_search_asks_for_vectors_then_uses_them(run: Run) -> None:
    assert "forge embed" in run("search", "sms", "--semantic", status=1)
    facts = json.loads(run("embed", "--json", "--quiet"))
    assert (facts["rows"], facts["made"]) == (2, 2)
    assert json.loads(run("embed", "--json", "--quiet"))["made"] == 0
    found = json.loads(run("search", "notify a mobile handset", "--semantic", "--json"))
    assert "2 vectors of all-minilm-l6-v2" in found["ranking"]
    assert {hit["id"] for hit in found["hits"]} == {api.id for api in APIS}


def test_a_bar_of_progress_is_told_on_standard_error(workspace: Path) -> None:
    command = [sys.executable, "-m", "forge", "-C", str(workspace), "embed", "--limit", "1"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "TERM": "dumb"})
    assert ended.stdout.startswith("1 APIs have vectors, 1 of them made now"), shlex.join(command)
    assert "embed: 1 APIs in" in ended.stderr
