import json
from pathlib import Path

import pytest

from forge.errors import StepError
from forge.records import ApiRecord
from forge.testing import check_source, context
from forge_source_example.jsonl_apis import JsonlApis

TIDE = {
    "name": "get_tide",
    "description": "Height of the tide at a harbour.",
    "parameters": {"type": "object", "properties": {"harbour": {"type": "string", "description": "Its name."}}},
}


def write(folder: Path, name: str, *lines: object) -> Path:
    path = folder / "tools" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return path


def test_keeps_the_rules_of_a_source(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", TIDE, "{", {"name": ""})
    write(tmp_path, "b.jsonl", TIDE)
    found = check_source(JsonlApis(), context(tmp_path))
    assert (len(found.partitions), len(found.records), len(found.rejects)) == (2, 2, 2)


@pytest.mark.parametrize("line", [TIDE, {"type": "function", "function": TIDE}])
def test_reads_a_tool(tmp_path: Path, line: object) -> None:
    write(tmp_path, "acme.example.jsonl", line)
    (record,) = check_source(JsonlApis(license="MIT"), context(tmp_path)).records
    assert record == ApiRecord(
        provider="acme.example",
        service="",
        name="get_tide",
        kind="mcp",
        description="Height of the tide at a harbour.",
        parameters=TIDE["parameters"],
        license="MIT",
        source="jsonl-apis",
    )


def test_tool_without_parameters_takes_none(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", {"name": "now"})
    (record,) = check_source(JsonlApis(provider="clock.example"), context(tmp_path)).records
    assert isinstance(record, ApiRecord)
    assert (record.provider, record.description, record.parameters["properties"]) == ("clock.example", "", {})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "Expecting property name"),
        ("[1]", "a tool is a JSON object; this is a list"),
        ({"description": "?"}, "the tool has no name"),
        ({"name": "a", "description": 7}, "description is not text"),
        ({"name": "a", "parameters": {"type": "array"}}, "not a JSON Schema of type object"),
        ({"name": "a", "parameters": "none"}, "not a JSON Schema of type object"),
        ({"name": "a", "description": "\ud800"}, "half a surrogate pair"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_what_cannot_be_read_is_a_reject_with_its_place(tmp_path: Path, line: object, reason: str) -> None:
    write(tmp_path, "a.jsonl", "", line, TIDE)
    found = check_source(JsonlApis(), context(tmp_path))
    assert len(found.records) == 1
    assert found.rejects[0].locator == "tools/a.jsonl:2"
    assert reason in found.rejects[0].reason


def test_line_that_is_no_text_is_a_reject(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl").write_bytes(b'{"name": "\xff"}\n')
    assert len(check_source(JsonlApis(), context(tmp_path)).rejects) == 1


def test_changed_file_changes_its_partition_alone(tmp_path: Path) -> None:
    write(tmp_path, "a.jsonl", TIDE)
    write(tmp_path, "b.jsonl", TIDE)
    before = JsonlApis().partitions(context(tmp_path))
    write(tmp_path, "b.jsonl", TIDE, TIDE | {"name": "get_moon"})
    after = JsonlApis().partitions(context(tmp_path))
    assert [part.key for part in before] == [part.key for part in after]
    assert [old.fingerprint == new.fingerprint for old, new in zip(before, after, strict=True)] == [True, False]


def test_no_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"no file matches tools/\*\.jsonl .* set path, or put a file there"):
        JsonlApis().partitions(context(tmp_path))


@pytest.mark.parametrize("path", ["", "/etc/*.jsonl", "../*.jsonl"])
def test_pattern_stays_inside_the_workspace(path: str) -> None:
    with pytest.raises(ValueError, match="must be a pattern inside the workspace"):
        JsonlApis(path=path)


def test_plan_counts_what_it_would_read(tmp_path: Path) -> None:
    size = write(tmp_path, "a.jsonl", TIDE).stat().st_size
    assert f"it reads 1 files, {size:,} bytes" in JsonlApis().plan(context(tmp_path))
