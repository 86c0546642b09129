"""The journal of calls to language models: SQLite, one row a (model, parameters, prompt), and what was spent.

A row goes through ``reserved`` (the worst case is taken out of the budget), ``sent``, and ends as ``answered`` or
``failed``. Only answers are kept as answers; what failed is asked again. Spending and state change in one transaction,
so that a process killed at any moment leaves at worst calls that were sent and not answered: those stay counted at
their worst case, because they may have been paid for. Several processes may hold the journal at once: what a killed
one left is put right by the next that opens it alone, and an answer that one of them has is not undone by another's
failure at the same call. Three commits a call; the one with the answer waits for the disk, some milliseconds, so that
not even a power cut loses what was paid for.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from forge.errors import BudgetError, WorkspaceError
from forge.llm import PART, Caps, Spent

BUSY_SECONDS = 60.0
_TABLES = """
CREATE TABLE IF NOT EXISTS call (
    key TEXT PRIMARY KEY, scope TEXT NOT NULL, model TEXT NOT NULL, request TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('reserved', 'sent', 'answered', 'failed')),
    worst_tokens INTEGER NOT NULL, worst_usd REAL NOT NULL, sends INTEGER NOT NULL DEFAULT 0,
    answer TEXT, prompt_tokens INTEGER, completion_tokens INTEGER, usd REAL, error TEXT
);
CREATE TABLE IF NOT EXISTS spending (
    scope TEXT PRIMARY KEY, calls INTEGER NOT NULL, tokens INTEGER NOT NULL, usd REAL NOT NULL
);
"""


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
        WorkspaceError: the file is no journal.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._holders = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            is_alone = _take(self._holders)
            self._db = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.executescript(_TABLES)
            if is_alone:
                self._recover()
                # From here on others may open it; between the two locks nothing of ours is under way.
                fcntl.flock(self._holders, fcntl.LOCK_SH)
        except sqlite3.DatabaseError as error:
            os.close(self._holders)
            raise WorkspaceError(f"{path}: the journal of calls cannot be read ({error}); move it away") from error

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
        os.close(self._holders)

    def answer(self, key: str) -> Kept | None:
        """The answer to a call, if it has one."""
        row = self._db.execute(
            "SELECT answer, prompt_tokens, completion_tokens, usd FROM call WHERE key = ? AND state = 'answered'",
            (key,),
        ).fetchone()
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
                "error = NULL WHERE call.state != 'answered'",
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
                "error = NULL WHERE key = ?",
                (kept.text, kept.prompt_tokens, kept.completion_tokens, kept.usd, entry.key),
            )
            tokens = kept.prompt_tokens + kept.completion_tokens
            self._spend(entry.scope, 0, tokens - entry.worst_tokens, kept.usd - entry.worst_usd)

    def failed(self, entry: Entry, error: str, *, may_be_paid: bool) -> None:
        """The attempt failed; unless it may have been paid for, its worst case goes back to the budget."""
        with self._transaction():
            self._db.execute(
                "UPDATE call SET state = 'failed', error = ? WHERE key = ? AND state != 'answered'",
                (error[:500], entry.key),
            )
            if not may_be_paid:
                self._spend(entry.scope, -1, -entry.worst_tokens, -entry.worst_usd)

    def spent(self, scope: str) -> Spent:
        """What the scope has spent over all runs."""
        row = self._db.execute("SELECT calls, tokens, usd FROM spending WHERE scope = ?", (scope,)).fetchone()
        return Spent() if row is None else Spent(calls=row[0], tokens=row[1], usd=row[2])

    def spent_by_step(self, label: str) -> Spent:
        """What all parts of a step have spent over all runs."""
        query = "SELECT sum(calls), sum(tokens), sum(usd) FROM spending WHERE scope = ? OR substr(scope, 1, ?) = ?"
        row = self._db.execute(query, (label, len(label) + 1, label + PART)).fetchone()
        return Spent() if row[0] is None else Spent(calls=row[0], tokens=row[1], usd=row[2])

    def states(self) -> dict[str, int]:
        """Calls by state."""
        return dict(self._db.execute("SELECT state, count(*) FROM call GROUP BY state ORDER BY state").fetchall())

    def _recover(self) -> None:
        """End what a killed process left: what was not sent costs nothing, what was stays counted."""
        with self._transaction():
            left = self._db.execute(
                "SELECT scope, worst_tokens, worst_usd FROM call WHERE state = 'reserved'"
            ).fetchall()
            for scope, tokens, usd in left:
                self._spend(scope, -1, -tokens, -usd)
            self._db.execute(
                "UPDATE call SET error = 'the process ended before the answer came', state = 'failed' "
                "WHERE state IN ('reserved', 'sent')"
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
        self._db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def last_failure(path: Path) -> str:
    """Why the last call that has no answer has none; empty if there is none such. Looks on while others write."""
    if not path.is_file():
        return ""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as database:
        try:
            row = database.execute(
                "SELECT error FROM call WHERE error IS NOT NULL ORDER BY rowid DESC LIMIT 1"
            ).fetchone()
        except sqlite3.DatabaseError:
            return ""  # it is being made, or busy: there will be another look
    return "" if row is None else str(row[0])


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
