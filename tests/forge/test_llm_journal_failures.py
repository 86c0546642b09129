"""The last failure that the journal knows of, which whoever waits is told."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from forge.clients.llm_journal import Entry, Journal, Kept, last_failure
from forge.llm import Caps

OLDER = """
CREATE TABLE call (
    key TEXT PRIMARY KEY, scope TEXT NOT NULL, model TEXT NOT NULL, request TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'sent', 'answered', 'failed')),
    worst_tokens INTEGER NOT NULL, worst_usd REAL NOT NULL, sends INTEGER NOT NULL DEFAULT 0,
    answer TEXT, prompt_tokens INTEGER, completion_tokens INTEGER, usd REAL, error TEXT
);
CREATE TABLE spending (scope TEXT PRIMARY KEY, calls INTEGER NOT NULL, tokens INTEGER NOT NULL, usd REAL NOT NULL);
INSERT INTO call VALUES ('a', 's', 'm', '{}', 'failed', 9, 0.5, 1, NULL, NULL, NULL, NULL, 'status 500: one');
INSERT INTO call VALUES ('b', 's', 'm', '{}', 'failed', 9, 0.5, 1, NULL, NULL, NULL, NULL, 'status 500: two');
INSERT INTO call VALUES ('c', 's', 'm', '{}', 'answered', 9, 0.5, 1, 'yes', 3, 4, 0.25, NULL);
INSERT INTO spending VALUES ('s', 1, 7, 0.25);
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a #journal?" / "llm.sqlite"


def entry(key: str, *, scope: str = "s") -> Entry:
    return Entry(key=key, scope=scope, model="m", request="{}", worst_tokens=9, worst_usd=0.5)


def begin(journal: Journal, *keys: str, scope: str = "s") -> None:
    for key in keys:
        journal.reserve(entry(key, scope=scope), Caps())
        journal.sent(entry(key, scope=scope))


def fail(journal: Journal, key: str, why: str) -> None:
    journal.failed(entry(key), why, may_be_paid=False)


def test_the_last_is_the_one_that_failed_last(path: Path) -> None:
    with closing(Journal(path)) as journal:
        begin(journal, "a", "b")
        assert last_failure(path, "s") == ""
        fail(journal, "b", "status 500: an hour ago")
        fail(journal, "a", "status 429: right now")
        assert last_failure(path, "s") == "status 429: right now"
        begin(journal, "b")
        fail(journal, "b", "status 500: again")
        assert last_failure(path, "s") == "status 500: again"


def test_what_is_asked_again_or_answered_is_no_failure(path: Path) -> None:
    with closing(Journal(path)) as journal:
        begin(journal, "a", "b")
        fail(journal, "a", "status 500")
        fail(journal, "b", "status 429")
        begin(journal, "b")
        assert last_failure(path, "s") == "status 500"
        journal.answered(entry("a"), Kept(text="yes", prompt_tokens=3, completion_tokens=4, usd=0.0))
        assert last_failure(path, "s") == ""


def test_other_steps_failures_are_theirs(path: Path) -> None:
    with closing(Journal(path)) as journal:
        for scope in ("step", "step part", "steps", "other"):
            begin(journal, scope, scope=scope)
            journal.failed(entry(scope, scope=scope), f"of {scope}", may_be_paid=False)
    assert last_failure(path, "step") == "of step part"
    assert last_failure(path, "steps") == "of steps"
    assert last_failure(path, "ste") == ""


def test_what_a_killed_process_left_failed_when_it_was_found(path: Path) -> None:
    with closing(Journal(path)) as journal:
        begin(journal, "left", "b")
        fail(journal, "b", "status 500")
    with closing(Journal(path)) as journal:
        assert last_failure(path, "s") == "the process ended before the answer came"
        begin(journal, "b")
        fail(journal, "b", "status 429")
        assert last_failure(path, "s") == "status 429"


def test_a_journal_of_an_older_release_goes_on(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as older:
        older.executescript(OLDER)
    assert last_failure(path, "s") == ""  # nobody has brought it up to date yet
    for _ in range(2):
        with closing(Journal(path)) as journal:
            assert journal.answer("c") == Kept(text="yes", prompt_tokens=3, completion_tokens=4, usd=0.25)
            assert (journal.spent("s").tokens, journal.states()) == (7, {"answered": 1, "failed": 2})
            assert last_failure(path, "s") == "status 500: two"
    with closing(Journal(path)) as journal:
        begin(journal, "a")
        fail(journal, "a", "status 429: now")
        assert last_failure(path, "s") == "status 429: now"


def test_who_looks_on_is_not_disturbed(path: Path) -> None:
    assert last_failure(path, "s") == ""
    assert not path.parent.exists()
    path.mkdir(parents=True)
    assert last_failure(path, "s") == ""
    path.rmdir()
    path.write_bytes(b"no database" * 1_000)
    assert last_failure(path, "s") == ""
