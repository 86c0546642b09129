"""`forge status`, `diff`, `changes` and `catalog` over a small catalogue with a history."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forge.catalog import DISTINCT_RULE, IDENTITY_RULE, RAW_RULE, STRICT_RULE
from forge.cli import main
from forge.records import ApiRecord, arrow_schema, to_row
from forge.workspace import Workspace
from forge_registry import DuckCatalog

Run = Callable[..., str]

PARAMETERS = {"type": "object", "properties": {"limit": {"type": "integer", "description": "how many"}}}
APIS = [
    ApiRecord(
        provider="pets.example",
        service="store",
        name=f"operation{number}",
        kind="rest",
        path=f"/things/{number}",
        description="Gets the number of the resource." if number < 3 else f"Returns the thing of number {number}.",
        parameters=PARAMETERS,
        source="one",
    )
    for number in range(5)
]


def load(root: Path, records: list[ApiRecord], day: int) -> None:
    table = root / "apis.parquet"
    rows = [to_row(record) for record in records]
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(ApiRecord)), table)
    catalog = DuckCatalog(Workspace(root).catalog)
    assert catalog.load([table], fingerprint=str(day), at=f"2026-11-0{day}T08:00:00Z")


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Loaded twice: the second time one API is gone, one changed and one deprecated."""
    root = tmp_path_factory.mktemp("workspace")
    (root / "forge.toml").write_text('seed = 1\n[tokenizer]\nname = "bpe"\n')
    load(root, APIS, 1)
    properties = {**PARAMETERS["properties"], "page": {"type": "string"}}  # type: ignore[dict-item]
    changed = replace(
        APIS[0],
        parameters={**PARAMETERS, "properties": properties, "required": ["page"]},
        description="Gets other things of the resource.",
        content_hash="",
    )
    deprecated = replace(APIS[1], deprecated=True, content_hash="")
    load(root, [changed, deprecated, *APIS[2:4]], 2)
    return root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], workspace: Path) -> Run:
    def call(*words: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(workspace), *words])
        assert (ended.value.code or 0) == status
        captured = capsys.readouterr()
        return captured.out if status == 0 else captured.err

    return call


def test_status_counts_by_four_rules_in_words(run: Run) -> None:
    said = run("status")
    assert said.startswith(f"4 distinct documented APIs\n  by this rule: {DISTINCT_RULE}\n")
    for count, rule in (("raw: 4", RAW_RULE), ("distinct: 4", IDENTITY_RULE), ("strict: 3", STRICT_RULE)):
        assert f"{count}: {rule}" in said
    assert "near-duplicates by wording (a provider's same description): 1 beyond the first" in said
    assert "2  pets.example: operation" in said
    facts = json.loads(run("status", "--json"))["catalog"]
    assert (facts["raw"], facts["distinct"], facts["distinct_documented"], facts["strict"]) == (4, 4, 4, 3)
    assert facts["rules"]["strict"] == STRICT_RULE
    assert facts["near"] == {"structure": 0, "wording": 1}
    assert [group["apis"] for group in facts["near_duplicates"]] == [2]


def test_diff_shows_what_changed_line_by_line(run: Run) -> None:
    said = run("diff", "operation0")
    assert said == (
        f"operation0  pets.example store  (one, {APIS[0].id[:12]})\n"
        "  from version 1 (2026-11-01T08:00:00Z) to version 2 (2026-11-02T08:00:00Z):\n"
        "    parameter page added (string, required)\n"
        "    description changed\n"
        "      - Gets the number of the resource.\n"
        "      + Gets other things of the resource.\n"
    )
    assert run("diff", APIS[0].id[:10]) == said == run("diff", "operation0", "--from", "2026-11-01", "--to", "2")


def test_diff_as_json(run: Run) -> None:
    found: list[dict[str, Any]] = json.loads(run("diff", "operation0", "--json"))
    assert [(item["source"], item["from"], item["to"], len(item["versions"])) for item in found] == [("one", 1, 2, 2)]
    assert [change["change"] for change in found[0]["changes"]] == ["parameter added", "description changed"]


def test_diff_of_what_has_one_version_or_is_gone(run: Run) -> None:
    assert "one version, since 2026-11-01T08:00:00Z: nothing to compare it with" in run("diff", "operation2")
    assert "gone since 2026-11-02T08:00:00Z" in run("diff", "operation4")


@pytest.mark.parametrize("word", ["operation4", APIS[4].id[:8]])
def test_show_of_what_is_gone_says_since_when(run: Run, word: str) -> None:
    said = run("show", word, status=1)
    assert f"{word!r} is gone: one does not give it since 2026-11-02T08:00:00Z; see `forge changes --since" in said


def test_diff_says_what_is_wrong(run: Run) -> None:
    assert "no API has the id or name" in run("diff", "nothing-such", status=1)
    assert "no version 7; one has 1 to 2" in run("diff", "operation0", "--from", "7", status=1)
    assert "it is known from one" in run("diff", "operation0", "--source", "two", status=1)


def test_changes_lists_events_by_day_kind_and_provider(run: Run) -> None:
    lines = run("changes", "--since", "2026-11-01").splitlines()
    assert [line.split()[1:3] for line in lines] == [
        ["changed", "operation0"],
        ["deprecated", "operation1"],
        ["removed", "operation4"],
    ]
    assert lines[0].endswith(": parameter page added (string, required); description changed")
    assert run("changes", "--since", "2026-11-03") == "Nothing has changed since 2026-11-03.\n"
    kinds = [event["kind"] for event in json.loads(run("changes", "--kind", "removed", "--json"))]
    assert kinds == ["removed"]
    assert run("changes", "--provider", "cats.example") == "Nothing has changed.\n"
    assert "... and 2 more; see them with --limit 3" in run("changes", "-n", "1")
    assert "no kind of event" in run("changes", "--kind", "moved", status=1)


def test_the_catalogue_goes_out_and_comes_back(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    assert run("catalog", "export", str(folder)).startswith("4 rows of APIs and 3 events exported to ")
    before = run("status", "--json")
    assert "give --replace" in run("catalog", "import", str(folder), status=1)
    facts = json.loads(run("catalog", "import", str(folder), "--replace", "--json"))
    assert (facts["import"]["apis"], facts["import"]["events"]) == (4, 3)
    assert run("status", "--json") == before
    assert "export" in run("catalog", "sideways", str(folder), status=2)
