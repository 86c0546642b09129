"""What `forge label` and `forge synthesize` say of their journal: one line, and the last failure while they wait."""

import json
import resource
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from forge.cli import main, synthesize
from forge.clients import llm_journal
from forge.testing.llm import ScriptedLlm, refusal

RECIPE = """\
seed = 5
[tokenizer]
name = "bpe"
vocab_size = 400
[[source]]
name = "simulated-tools"
[[source]]
name = "files"
paths = ["pages.jsonl"]
"""
COMMANDS = {
    "label": ("label", "--sample", "20", "--twice", "0", "--model", "scripted", "--concurrency", "4"),
    "synthesize": ("synthesize", "--target-accepted", "2", "--model", "scripted"),
}
Run = Callable[..., str]


def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """A level where one is asked for; requests as they are given; of the rest nothing of use."""
    asked = request["response_format"]["json_schema"]["schema"]["properties"]
    if "level" in asked:
        return {"level": 3}
    if "message" in asked:
        return {"message": str(request["messages"][1]["content"]).rpartition("The request: ")[2]}
    return {"action": {"ask": "What is the weather like?"}} if "action" in asked else {"answer": "It is due."}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    rows = [{"text": f"Page {number} says how {number} things are returned. " * 3} for number in range(40)]
    (tmp_path / "pages.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (tmp_path / "forge.toml").write_text(RECIPE, encoding="utf-8")
    return tmp_path


@pytest.fixture
def journal(workspace: Path) -> Path:
    return workspace / ".forge" / "llm.sqlite"


@pytest.fixture
def run(workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command in this process; returns what it says on standard error."""
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setattr(llm_journal, "BUSY_SECONDS", 0.3)

    def call(command: str, endpoint: ScriptedLlm, *, status: int) -> str:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(workspace), *COMMANDS[command], "--workers", "1"])
        said = capsys.readouterr().err
        assert (ended.value.code or 0) == status, said
        return said

    return call


def only_line(said: str) -> str:
    """The one line of an error."""
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith("forge: error: ")]
    assert len(lines) == 1, said
    assert "llm.sqlite: " in lines[0]
    return lines[0]


class Once:
    """Answers, after it did something before the first of them."""

    def __init__(self, action: Callable[[], object]) -> None:
        self._action, self._lock = action, threading.Lock()
        self._is_done = False

    def __call__(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        with self._lock:
            if not self._is_done:
                self._is_done = True
                self._action()
        return answer(request)


@pytest.fixture
def files_may_grow() -> Iterator[None]:
    """Whatever the test does to the largest size of a file, which is what a process meets on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_damaged_journal_is_to_be_moved_away(run: Run, journal: Path, command: str) -> None:
    journal.parent.mkdir()
    journal.write_bytes(b"no database" * 1_000)
    with ScriptedLlm(answer) as endpoint:
        assert "move it away" in only_line(run(command, endpoint, status=1))
        assert not endpoint.requests


@pytest.mark.parametrize("command", COMMANDS)
def test_one_that_cannot_be_opened(run: Run, journal: Path, command: str) -> None:
    journal.mkdir(parents=True)
    with ScriptedLlm(answer) as endpoint:
        assert "check its permissions" in only_line(run(command, endpoint, status=1))


@pytest.mark.parametrize("command", COMMANDS)
def test_one_that_is_taken_under_way(run: Run, journal: Path, command: str) -> None:
    """Another process takes it when the first call is on its way; the same command goes on after that."""
    others: list[sqlite3.Connection] = []

    def take() -> None:
        others.append(sqlite3.connect(journal, isolation_level=None, check_same_thread=False))
        others[0].execute("BEGIN IMMEDIATE")

    with ScriptedLlm(Once(take)) as endpoint:
        said = only_line(run(command, endpoint, status=1))
        others[0].close()
        run(command, endpoint, status=0)
    assert "in use by another process" in said
    assert "move it away" not in said


@pytest.mark.usefixtures("files_may_grow")
@pytest.mark.parametrize("command", COMMANDS)
def test_no_room_under_way(run: Run, journal: Path, command: str) -> None:
    def fill() -> None:
        size = journal.with_name("llm.sqlite-wal").stat().st_size + 60_000
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

    with ScriptedLlm(Once(fill)) as endpoint:
        said = only_line(run(command, endpoint, status=1))
    assert "no room on the disk" in said
    assert "move it away" not in said
    with closing(sqlite3.connect(journal)) as database:
        assert database.execute("SELECT count(*) FROM call WHERE state = 'answered'").fetchone()[0] > 0


def test_who_waits_is_told_what_the_endpoint_said_last(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesize, "EVERY", 0.05)
    said = iter([refusal(500, "one"), refusal(503, "two")])
    with ScriptedLlm(lambda request: next(said, None) or answer(request)) as endpoint:
        lines = run("synthesize", endpoint, status=0).splitlines()
    told = [line.partition("; last: ")[2] for line in lines if "no new attempt for" in line]
    assert any("503" in why for why in told), lines
