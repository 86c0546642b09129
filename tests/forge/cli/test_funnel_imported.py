"""`forge funnel --verify` of imported trajectories: which golden calls are not valid, and why."""

import json
from pathlib import Path
from typing import Any

import pytest

from forge.cli import main
from forge.engine.parts import Part, write_part
from forge.records import Message, Trajectory
from forge.workspace import Workspace

TOOLS = [
    {
        "name": "get_pet",
        "description": "A pet by its id.",
        "parameters": {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]},
    }
]


def golden(name: str, *calls: tuple[str, Any], role: str = "user") -> Trajectory:
    """One request and the calls that a data set has for it."""
    made = [{"id": f"c{number}", "name": tool, "arguments": given} for number, (tool, given) in enumerate(calls)]
    return Trajectory(
        id=name * 32,
        tools=TOOLS,
        messages=[Message(role=role, content="Get pet 7."), Message(role="assistant", tool_calls=made)],
        blueprint={"format": "xlam", "locator": f"{name}.json:1"},
    )


GOOD = golden("a", ("get_pet", {"id": 7}))
BAD = golden("b", ("get_pet", {"id": 7}), ("get_pet", {"id": "\x1b[2Jseven"}), ("get_dog", {"id": 7}))
ODD = golden("c", ("get_pet", {"id": 7}), role="critic")


def run(root: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["-C", str(root), "funnel", "--verify", "--label", "trajectories", *words])
    return int(ended.value.code or 0)


def stored(root: Path, *records: Trajectory) -> Path:
    (root / "forge.toml").write_text("seed = 1\n")
    folder = str(Workspace(root).corpus("trajectories"))
    write_part(Part(label="trajectories", name="p", key="0" * 32, folder=folder), list(records), rename=False)
    return root


def test_every_bad_call_is_listed_with_its_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(stored(tmp_path, GOOD, BAD, ODD), "--json") == 1
    facts = json.loads(capsys.readouterr().out)
    assert (facts["verified"], facts["passed"], facts["calls"], facts["valid"]) == (3, 1, 5, 3)
    listed = [(each["trajectory"][0], each["number"], each["tool"], each["code"]) for each in facts["failed"]]
    assert listed == [
        ("b", 2, "get_pet", "arguments-valid:wrong-type"),
        ("b", 3, "get_dog", "tool-offered:unknown-tool"),
        ("c", 0, "", "parses:roles"),
    ]
    assert [each["locator"] for each in facts["failed"]] == ["b.json:1", "b.json:1", "c.json:1"]
    assert all(each["evidence"] for each in facts["failed"])


def test_a_person_reads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(stored(tmp_path, GOOD, BAD)) == 1
    out = capsys.readouterr().out
    assert "1 of 2 imported trajectories pass" in out
    assert "2 of 4 calls are valid by their own schemas" in out
    assert "bbbbbbbbbbbb     2  arguments-valid:wrong-type  get_pet: id: " in out
    assert "\x1b" not in out


def test_nothing_bad_is_no_error_and_nothing_stored_is_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(stored(tmp_path, GOOD)) == 0
    assert "1 of 1 imported trajectories pass" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "forge.toml").write_text("seed = 1\n")
    assert run(tmp_path / "empty") == 1
    assert "holds no trajectory of the source 'trajectories'" in capsys.readouterr().err
