"""`forge show` of a trajectory: found by the beginning of its id, printed as a person reads it."""

import io
import json
from pathlib import Path

import pytest

from forge.cli import main
from forge.engine.find_trajectory import find_trajectory
from forge.engine.parts import Part, write_part
from forge.errors import CorpusError
from forge.records import Message, Trajectory, to_row
from forge.show import Shown, print_record
from forge.workspace import Workspace

CALL = {"id": "c1", "name": "get_pet", "arguments": {"id": 7}}
OPERATION = {
    "tool": "get_pet",
    "api": "abcd" * 8,
    "provider": "pets.example",
    "method": "GET",
    "path": "/pets/{id}",
    "license": "MIT",
}
RECORD = Trajectory(
    id="abcd1234" + "0" * 24,
    tools=[{"name": "get_pet", "description": "A pet by its id.", "parameters": {"properties": {"id": {}}}}],
    messages=[
        Message(role="user", content="Which pet is 7?\x1b[2J"),
        Message(role="assistant", tool_calls=[CALL]),
        Message(role="tool", content='{"name": "Rex"}' + " " * 2_000, tool_call_id="c1", origin="mock"),
        Message(role="assistant", content="Rex."),
    ],
    checks=[
        {"check": "parses", "passed": True, "evidence": ""},
        {"check": "recovery", "passed": None, "evidence": "no fault"},
        {"check": "grounded", "passed": False, "code": "grounded:not-heard", "evidence": "7 was never said"},
    ],
    blueprint={
        "kind": "single",
        "operations": [OPERATION],
        "written": {"query": "llm", "calls": "blueprint"},
        "facts": [{"name": "id", "value": 7, "told": "asked"}],
        "faults": [{"kind": "timeout", "tool": "get_pet", "ordinal": 0, "recoveries": ["retry"]}],
    },
    model="small",
    usage={"prompt_tokens": 1_200},
    source="synthesizer",
    license="MIT",
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace(tmp_path)
    (tmp_path / "forge.toml").write_text("seed = 1\n")
    other = Trajectory(id="abce" + "0" * 28, tools=[], messages=[])
    folder = str(found.corpus("synthesizer"))
    write_part(Part(label="synthesizer", name="p", key="0" * 32, folder=folder), [RECORD, other], rename=False)
    return found


def test_it_is_found_by_the_beginning_of_its_id(workspace: Workspace) -> None:
    for name in ("abcd", RECORD.id):
        found = find_trajectory(workspace, name)
        assert found is not None
        assert to_row(found) == to_row(RECORD)
    assert find_trajectory(workspace, "ffff") is None
    assert find_trajectory(workspace, "abc") is None


def test_ids_that_begin_alike_are_named(workspace: Workspace) -> None:
    twins = [Trajectory(id=f"abc0{end}" + "0" * 27, tools=[], messages=[]) for end in "12"]
    part = Part(label="twins", name="p", key="0" * 32, folder=str(workspace.corpus("twins")))
    write_part(part, twins, rename=False)
    with pytest.raises(CorpusError, match="begins the ids of 2 trajectories, write more of it: abc01"):
        find_trajectory(workspace, "abc0")


def test_a_person_reads_it() -> None:
    stream = io.StringIO()
    print_record(Shown(record=RECORD), stream=stream)
    text = stream.getvalue()
    assert "\x1b" not in text
    for said in (
        "single · synthesizer · small · MIT",
        "written by blueprint: calls, llm: query",
        "get_pet(id?)\n  A pet by its id.\n  GET /pets/{id} of pets.example, MIT, API abcdabcd\n",
        "What the user knows\n  id = 7 (told when asked)\n",
        "What goes wrong on purpose\n  timeout at call 1 of get_pet; acceptable: retry\n",
        '→ get_pet {"id":7}  [c1]',
        "tool get_pet (mock)",
        "FAILED   grounded:not-heard  7 was never said\n",
        "passed   parses\n",
        "no case  recovery\n",
    ):
        assert said in text
    assert "(2,015 characters)" in text


def test_the_command_shows_it(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--json"], []):
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(workspace.root), "show", "abcd1", *words])
        assert ended.value.code in (0, None)
        out = capsys.readouterr().out
        assert (json.loads(out)["id"] == RECORD.id) if words else ("Which pet is 7?" in out)
