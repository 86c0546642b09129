"""What the journal says where SQLite refuses: it is only to be moved away where it is damaged."""

import resource
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from forge.clients import llm_journal
from forge.clients.llm_journal import Entry, Journal, Kept
from forge.errors import WorkspaceError
from forge.llm import Caps

BUSY = 0.3
IN_NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]
FILL = """
import sys
from pathlib import Path
from forge.clients.llm_journal import Entry, Journal, Kept
from forge.errors import WorkspaceError
from forge.llm import Caps
folder = Path(sys.argv[1])
(folder / "ballast").write_bytes(bytes(200_000))
journal = Journal(folder / "llm.sqlite")
kept = Kept(text="y" * 5_000, prompt_tokens=1, completion_tokens=1, usd=0.0)
def ask(number):
    entry = Entry(key=f"k{number}", scope="s", model="m", request="x" * 5_000, worst_tokens=10, worst_usd=0.0)
    journal.reserve(entry, Caps())
    journal.sent(entry)
    journal.answered(entry, kept)
try:
    for number in range(1_000):
        ask(number)
except WorkspaceError as error:
    print(error)
(folder / "ballast").unlink()
ask(1_000)
assert [journal.answer(f"k{each}") for each in (*range(number), 1_000)] == [kept] * (number + 1)
print("it goes on")
"""
READ_ONLY = """
import sys
from pathlib import Path
from forge.clients.llm_journal import Journal
from forge.errors import WorkspaceError
try:
    Journal(Path(sys.argv[1]))
except WorkspaceError as error:
    print(error)
"""


def entry(key: str, *, request: str = "{}") -> Entry:
    return Entry(key=key, scope="s", model="m", request=request, worst_tokens=100, worst_usd=1.0)


KEPT = Kept(text="yes", prompt_tokens=3, completion_tokens=4, usd=0.0)


def ask(journal: Journal, key: str, *, request: str = "{}") -> None:
    """What a client does with the journal for one call."""
    asked = entry(key, request=request)
    journal.reserve(asked, Caps())
    journal.sent(asked)
    journal.answered(asked, KEPT)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with one answer."""
    made = tmp_path / "llm.sqlite"
    with closing(Journal(made)) as journal:
        ask(journal, "paid")
    return made


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another one writes, a backup tool perhaps."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def open_files() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())


def _fails(command: list[str]) -> bool:
    return subprocess.run(command, check=False, capture_output=True).returncode != 0


def in_namespace(script: str, *words: str) -> str:
    """What a shell script prints where it may mount; the test is skipped where nobody may."""
    if shutil.which("unshare") is None or _fails([*IN_NAMESPACE, "true"]):
        pytest.skip("this system lets no user make a mount namespace")
    command = [*IN_NAMESPACE, "sh", "-ec", script, sys.executable, *words]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if "mount:" in result.stderr:
        pytest.skip("this system lets no user mount a file system")
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("body", [b"no database" * 1_000, b"SQLite format 3\0" + bytes(range(256)) * 100])
def test_what_is_damaged_is_to_be_moved_away(tmp_path: Path, body: bytes) -> None:
    path = tmp_path / "llm.sqlite"
    path.write_bytes(body)
    before = open_files()
    with pytest.raises(WorkspaceError, match=r"llm.sqlite: the journal of calls cannot be read \(.*\); move it away$"):
        Journal(path)
    assert open_files() == before
    path.unlink()
    with closing(Journal(path)) as journal:
        assert journal.states() == {}


def test_one_that_is_held_is_waited_for_and_not_moved(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_journal, "BUSY_SECONDS", BUSY)
    before = open_files()
    with held(path), pytest.raises(WorkspaceError, match=r"is in use by another process.*run the same command again"):
        Journal(path)
    assert open_files() == before
    with closing(Journal(path)) as journal:
        assert journal.answer("paid") == KEPT


def test_one_that_another_takes_is_waited_for_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm_journal, "BUSY_SECONDS", BUSY)
    with closing(Journal(path)) as journal:
        journal.reserve(entry("a"), Caps())
        with held(path):
            begun = time.monotonic()
            for change in (
                lambda: journal.reserve(entry("b"), Caps()),
                lambda: journal.sent(entry("a")),
                lambda: journal.answered(entry("a"), KEPT),
                lambda: journal.failed(entry("a"), "no", may_be_paid=False),
            ):
                with pytest.raises(WorkspaceError, match="is in use by another process"):
                    change()
            assert BUSY * 0.9 < time.monotonic() - begun < BUSY * 2
            assert journal.answer("paid") == KEPT
        journal.answered(entry("a"), KEPT)
        assert journal.states() == {"answered": 2}


def test_a_file_that_may_not_grow_ends_nothing(path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with closing(Journal(path)) as journal:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
        try:
            for _ in range(2):
                with pytest.raises(WorkspaceError, match=r"no room on the disk.*run the same command again"):
                    ask(journal, "large", request="x" * 200_000)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert journal.spent("s").calls == 1
        ask(journal, "large", request="x" * 200_000)
        assert journal.states() == {"answered": 2}


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    said = in_namespace('mount -t tmpfs -o size=600k none "$1" && "$0" -c "$2" "$1"', str(tmp_path), FILL).splitlines()
    assert len(said) == 2
    assert "llm.sqlite: no room on the disk (No space left on device)" in said[0]
    assert said[1] == "it goes on"


def test_one_that_may_not_be_written(path: Path) -> None:
    mount = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1"'
    said = in_namespace(f'{mount} && "$0" -c "$2" "$1"', str(path), READ_ONLY)
    assert "cannot be opened or written" in said
    assert "check its permissions and those of its folder" in said


def test_one_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "llm.sqlite").mkdir()
    with pytest.raises(WorkspaceError, match=r"cannot be opened or written.*check its permissions"):
        Journal(tmp_path / "llm.sqlite")


def test_one_of_a_form_that_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "llm.sqlite"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE call (something TEXT)")
    with pytest.raises(WorkspaceError, match=r"not as this release has it.*use the release that wrote it"):
        Journal(path)


def test_an_answer_that_is_no_text(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE call SET answer = CAST(x'ff' AS TEXT)")
    with closing(Journal(path)) as journal, pytest.raises(WorkspaceError, match="Could not decode"):
        journal.answer("paid")
