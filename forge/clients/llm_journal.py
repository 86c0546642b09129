"""The journal of calls to language models: SQLite, one row a (model, parameters, prompt), and what was spent.

A row goes through ``reserved`` (the worst case is taken out of the budget), ``sent``, and ends as ``answered`` or
``failed``. Only answers are kept as answers; what failed is asked again. Spending and state change in one transaction,
so that a process killed at any moment leaves at worst calls that were sent and not answered: those stay counted at
their worst case, because they may have been paid for. Several processes may hold the journal at once: what a killed
one left is put right by the next that opens it alone, and an answer that one of them has is not undone by another's
failure at the same call. Three commits a call; the one with the answer waits for the disk, some milliseconds, so that
not even a power cut loses what was paid for. What SQLite cannot do, at opening or later, becomes a `WorkspaceError`
that says what to do: the journal holds what was paid for, and is only to be moved away where it is damaged.
"""

import errno
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from forge.errors import BudgetError, WorkspaceError, no_room
from forge.llm import PART, Caps, Spent

BUSY_SECONDS = 60.0
"""Seconds that a change waits for another process; once that was in vain, the next do not wait."""

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_SHUT = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM})
_DAMAGED = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})

_TABLES = """
CREATE TABLE IF NOT EXISTS call (
    key TEXT PRIMARY KEY, scope TEXT NOT NULL, model TEXT NOT NULL, request TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'sent', 'answered', 'failed')),
    worst_tokens INTEGER NOT NULL, worst_usd REAL NOT NULL, sends INTEGER NOT NULL DEFAULT 0,
    answer TEXT, prompt_tokens INTEGER, completion_tokens INTEGER, usd REAL, error TEXT,
    failed INTEGER
);
CREATE TABLE IF NOT EXISTS spending (
    scope TEXT PRIMARY KEY, calls INTEGER NOT NULL, tokens INTEGER NOT NULL, usd REAL NOT NULL
);
"""
# Failures are numbered as they come: the clock of a machine may be set back.
_FAILURES = "CREATE INDEX IF NOT EXISTS call_failed ON call (failed) WHERE failed IS NOT NULL"
_OF_STEP = "(scope = ? OR substr(scope, 1, ?) = ?)"
_NEXT_FAILURE = "(SELECT coalesce(max(failed), 0) + 1 FROM call WHERE failed IS NOT NULL)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is about to be asked, under whose budget, and its worst case."""

    key: str
    scope: str
    model: str
    request: str
    worst_tokens: int
    worst_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An answer as it is kept."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    usd: float


class Journal:
    """The journal in the file ``path``, with a lock file beside it.

    Raises:
        WorkspaceError: the file is no journal, is damaged, may not be written, is held by another process for longer
            than `BUSY_SECONDS`, or has no room on its disk. Every method raises it too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as opened:
            holders = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
            opened.callback(os.close, holders)
            is_alone = _take(holders)
            with self._told():
                self._db = opened.enter_context(
                    closing(sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS))
                )
                self._db.execute("PRAGMA journal_mode = WAL")
                self._make()
                if is_alone:
                    self._recover()
                    # From here on others may open it; between the two locks nothing of ours is under way.
                    fcntl.flock(holders, fcntl.LOCK_SH)
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Let go of the file."""
        self._opened.close()

    def answer(self, key: str) -> Kept | None:
        """The answer to a call, if it has one."""
        query = "SELECT answer, prompt_tokens, completion_tokens, usd FROM call WHERE key = ? AND state = 'answered'"
        with self._told():
            row = self._db.execute(query, (key,)).fetchone()
        return None if row is None else Kept(text=row[0], prompt_tokens=row[1], completion_tokens=row[2], usd=row[3])

    def reserve(self, entry: Entry, caps: Caps, *, total: Caps | None = None) -> None:
        """Take the worst case of a call out of the budget of its scope; ``total``: of all parts of its step.

        Raises:
            BudgetError: a cap would be passed; nothing is reserved.
        """
        with self._transaction():
            spent = self.spent(entry.scope)
            over = _over(spent, entry, caps)
            if not over and total is not None and total != Caps():
                over = _over(self.spent_by_step(entry.scope.partition(PART)[0]), entry, total)
            if over:
                raise BudgetError(over)
            self._db.execute(
                "INSERT INTO call (key, scope, model, request, state, worst_tokens, worst_usd) "
                "VALUES (?, ?, ?, ?, 'reserved', ?, ?) ON CONFLICT (key) DO UPDATE SET scope = excluded.scope, "
                "state = 'reserved', worst_tokens = excluded.worst_tokens, worst_usd = excluded.worst_usd, "
                "error = NULL, failed = NULL WHERE call.state != 'answered'",
                (entry.key, entry.scope, entry.model, entry.request, entry.worst_tokens, entry.worst_usd),
            )
            self._spend(entry.scope, 1, entry.worst_tokens, entry.worst_usd)

    def sent(self, entry: Entry) -> None:
        """The call is on its way: from here on it may cost."""
        with self._transaction():
            self._db.execute(
                "UPDATE call SET state = 'sent', sends = sends + 1 WHERE key = ? AND state != 'answered'", (entry.key,)
            )

    def answered(self, entry: Entry, kept: Kept) -> None:
        """Keep an answer, and what it cost instead of the worst case."""
        with self._transaction(durable=True):
            self._db.execute(
                "UPDATE call SET state = 'answered', answer = ?, prompt_tokens = ?, completion_tokens = ?, usd = ?, "
                "error = NULL, failed = NULL WHERE key = ?",
                (kept.text, kept.prompt_tokens, kept.completion_tokens, kept.usd, entry.key),
            )
            tokens = kept.prompt_tokens + kept.completion_tokens
            self._spend(entry.scope, 0, tokens - entry.worst_tokens, kept.usd - entry.worst_usd)

    def failed(self, entry: Entry, error: str, *, may_be_paid: bool) -> None:
        """The attempt failed; unless it may have been paid for, its worst case goes back to the budget."""
        with self._transaction():
            self._db.execute(
                f"UPDATE call SET state = 'failed', error = ?, failed = {_NEXT_FAILURE} "
                "WHERE key = ? AND state != 'answered'",
                (error[:500], entry.key),
            )
            if not may_be_paid:
                self._spend(entry.scope, -1, -entry.worst_tokens, -entry.worst_usd)

    def spent(self, scope: str) -> Spent:
        """What the scope has spent over all runs."""
        with self._told():
            row = self._db.execute("SELECT calls, tokens, usd FROM spending WHERE scope = ?", (scope,)).fetchone()
        return Spent() if row is None else Spent(calls=row[0], tokens=row[1], usd=row[2])

    def spent_by_step(self, label: str) -> Spent:
        """What all parts of a step have spent over all runs."""
        query = f"SELECT sum(calls), sum(tokens), sum(usd) FROM spending WHERE {_OF_STEP}"
        with self._told():
            row = self._db.execute(query, _of_step(label)).fetchone()
        return Spent() if row[0] is None else Spent(calls=row[0], tokens=row[1], usd=row[2])

    def states(self) -> dict[str, int]:
        """Calls by state."""
        with self._told():
            return dict(self._db.execute("SELECT state, count(*) FROM call GROUP BY state ORDER BY state").fetchall())

    def _make(self) -> None:
        """The tables, and what older releases had not in them."""
        with self._transaction():
            for statement in _TABLES.split(";"):
                self._db.execute(statement)
            if "failed" not in {row[1] for row in self._db.execute("PRAGMA table_info(call)")}:
                self._db.execute("ALTER TABLE call ADD COLUMN failed INTEGER")
                self._db.execute("UPDATE call SET failed = rowid WHERE error IS NOT NULL")  # as near as is known
            self._db.execute(_FAILURES)

    def _recover(self) -> None:
        """End what a killed process left: what was not sent costs nothing, what was stays counted."""
        with self._transaction():
            left = self._db.execute(
                "SELECT scope, worst_tokens, worst_usd FROM call WHERE state = 'reserved'"
            ).fetchall()
            for scope, tokens, usd in left:
                self._spend(scope, -1, -tokens, -usd)
            self._db.execute(
                "UPDATE call SET error = 'the process ended before the answer came', state = 'failed', "
                f"failed = {_NEXT_FAILURE} WHERE state IN ('reserved', 'sent')"
            )

    def _spend(self, scope: str, calls: int, tokens: int, usd: float) -> None:
        self._db.execute(
            "INSERT INTO spending VALUES (?, ?, ?, ?) ON CONFLICT (scope) DO UPDATE SET "
            "calls = calls + excluded.calls, tokens = tokens + excluded.tokens, usd = usd + excluded.usd",
            (scope, calls, tokens, usd),
        )

    @contextmanager
    def _transaction(self, *, durable: bool = False) -> Iterator[None]:
        """In WAL mode a commit survives the process without an fsync; ``durable``: the machine too."""
        with self._told():
            self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # SQLite may have ended it by itself, where the disk is full
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say of what SQLite refuses what to do about it."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            # The others are mistakes of ours in the use of SQLite.
            if type(error) not in (sqlite3.DatabaseError, sqlite3.OperationalError):
                raise
            if _code(error) in _BUSY:
                # Calls under way have their end to write, and each would wait as long before anybody is told.
                self._db.execute("PRAGMA busy_timeout = 0")
            raise WorkspaceError(_advice(self._path, error)) from error


def last_failure(path: Path, label: str) -> str:
    """Why, of a step's calls that have no answer, the one that failed last has none; empty if there is none such.

    Looks on while others write; empty, too, while the file cannot be read.
    """
    query = f"SELECT error FROM call WHERE failed IS NOT NULL AND {_OF_STEP} ORDER BY failed DESC LIMIT 1"
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as database:
            row = database.execute(query, _of_step(label)).fetchone()
    except sqlite3.DatabaseError:
        return ""  # it is being made, or busy, or not yet in this release's form: there will be another look
    return "" if row is None else str(row[0])


def _of_step(label: str) -> tuple[str, int, str]:
    """The parameters of `_OF_STEP`: all scopes of a step, whole and by parts."""
    return label, len(label) + 1, label + PART


def _code(error: sqlite3.DatabaseError) -> int:
    """SQLite's primary result code, the lowest byte of the extended one; what Python itself complains of has none."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def _advice(path: Path, error: sqlite3.DatabaseError) -> str:
    """What is wrong, and what to do; an intact journal is never to be moved away, for it holds what was paid for."""
    code = _code(error)
    if code in _DAMAGED:
        return f"{path}: the journal of calls cannot be read ({error}); move it away"
    if code in _BUSY:
        wait = "run the same command again when that is done"
        return f"{path}: the journal of calls is in use by another process ({error}); {wait}"
    if code == sqlite3.SQLITE_FULL:
        return no_room(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    if code == sqlite3.SQLITE_IOERR:
        return (
            f"{path}: no room on the disk, a limit on file sizes or a fault of the disk ({error}); what was finished "
            "is kept: free some space and run the same command again"
        )
    if code in _SHUT:
        return (
            f"{path}: the journal of calls cannot be opened or written ({error}); check its permissions and those of "
            "its folder"
        )
    return f"{path}: the journal of calls is not as this release has it ({error}); use the release that wrote it"


def _take(holders: int) -> bool:
    """Take the lock of those who hold the journal; whether nobody else does."""
    try:
        fcntl.flock(holders, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        fcntl.flock(holders, fcntl.LOCK_SH)
        return False
    return True


def _over(spent: Spent, entry: Entry, caps: Caps) -> str | None:
    """Which cap the call would pass, in words."""
    wanted = (
        ("max-calls", spent.calls + 1, caps.calls),
        ("max-tokens", spent.tokens + entry.worst_tokens, caps.tokens),
        ("max-usd", spent.usd + entry.worst_usd, caps.usd),
    )
    for name, amount, cap in wanted:
        if cap is not None and amount > cap:
            return f"the next call could bring the total to {amount:,.6g}, over --{name} {cap:,.6g}"
    return None
