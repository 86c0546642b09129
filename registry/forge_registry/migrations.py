"""How a catalogue's file comes from one schema version to the next: a list of functions, never reordered.

A new file runs them all; an older one those it lacks, on a copy that then takes its place. The version of a file is the
number of migrations it has seen, kept in ``meta``. A file with more of them than this list was written by a later
release, and is left alone.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from forge_registry import schema

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VERSION_KEY = "schema_version"


def _tables_and_views(connection: "DuckDBPyConnection") -> None:
    """Version 1: rows, where they came from, and the two views."""
    connection.execute(schema.TABLES)


def _counts(connection: "DuckDBPyConnection") -> None:
    """Version 2: counts are kept, so that asking for them reads no API."""
    connection.execute(schema.COUNT_TABLE)
    connection.execute(schema.FILL_COUNTS)


def _identity_and_history(connection: "DuckDBPyConnection") -> None:
    """Version 3: identity across sources, near-duplicates, evidence of licences, and the history of each API."""
    connection.execute(schema.IDENTITY_COLUMNS)
    connection.execute(schema.HISTORY_TABLES)


MIGRATIONS: Sequence[Callable[["DuckDBPyConnection"], None]] = (_tables_and_views, _counts, _identity_and_history)
LATEST = len(MIGRATIONS)


def migrate(connection: "DuckDBPyConnection", *, found: int, wanted: int = LATEST) -> None:
    """Bring the current database from version ``found`` (0: empty) to ``wanted``, in one transaction."""
    connection.execute("BEGIN")
    for migration in MIGRATIONS[found:wanted]:
        migration(connection)
    connection.execute("DELETE FROM meta WHERE key = ?", [VERSION_KEY])
    connection.execute("INSERT INTO meta VALUES (?, ?)", [VERSION_KEY, str(wanted)])
    connection.execute("COMMIT")
