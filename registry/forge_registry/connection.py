"""Opening the catalogue's file, and saying in one line why it cannot be opened.

Readers open it read-only, after bringing an older file up to date; writers work on a file of their own beside it that
then takes its place. DuckDB keeps a lock on a file that is open for writing, and none of ours ever is under its own
name, so that a lock means another program.
"""

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from forge.errors import NO_ROOM, CatalogError
from forge.files import atomic_path
from forge_registry.migrations import LATEST, VERSION_KEY, migrate

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from duckdb import Error as DuckError

STORAGE_VERSION = "v1.2.0"
"""The oldest format with Zstandard; every DuckDB from 1.2 reads it."""

MEMORY_LIMIT = "350MB"
READERS = 2
"""Threads of a reader. A writer has one: a second doubles its memory and costs half as much CPU time again."""
ROW_GROUP = 122_880
"""Rows that are compressed together; fewer than a load copies at once, so that each is written once."""


@contextmanager
def opened(path: Path) -> Iterator["DuckDBPyConnection"]:
    """The catalogue, read-only and of this release's version, until the block ends.

    Raises:
        CatalogError: it is missing, held by another process, newer than this code, damaged, or something else.
    """
    import duckdb

    if not path.is_file():
        raise CatalogError(f"no catalogue at {path}; run `forge build`")
    with _explained(path):
        connection = _read_only(path)
        try:
            found = _version(connection, path)
            if found < LATEST:
                connection.close()
                _upgrade(path, found)
                connection = _read_only(path)
            yield connection
        except duckdb.CatalogException as error:
            raise CatalogError(
                f"{path}: a DuckDB file, but not a catalogue; move it away, then run `forge build`"
            ) from error
        finally:
            connection.close()


@contextmanager
def written(path: Path, *, spill: Path | None = None) -> Iterator["DuckDBPyConnection"]:
    """``path`` open for writing, as the current database of a connection with bounded memory.

    When the block ends well, everything is in the one file and the file is closed.

    Args:
        path: a file of the caller's own, new or not, with no ``'`` to trip over: any path will do.
        spill: folder for what does not fit in memory; made and removed by DuckDB.
    """
    import duckdb

    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": MEMORY_LIMIT,
        "threads": 1,
    }
    if spill is not None:
        settings["temp_directory"] = str(spill)
    connection = duckdb.connect(config=settings)
    try:
        quoted = str(path).replace("'", "''")
        connection.execute(
            f"ATTACH '{quoted}' AS catalogue (STORAGE_VERSION '{STORAGE_VERSION}', ROW_GROUP_SIZE {ROW_GROUP})"
        )
        connection.execute("USE catalogue")
        yield connection
        connection.execute("CHECKPOINT")
        connection.execute("USE memory")
        connection.execute("DETACH catalogue")
    finally:
        connection.close()


def room_error(error: "DuckError") -> OSError | None:
    """The operating system's error behind DuckDB's, where that is a full disk; None otherwise."""
    text = str(error)
    for number in sorted(NO_ROOM):
        if os.strerror(number) in text:
            return OSError(number, os.strerror(number))
    if "Could not write all bytes" in text or "max_temp_directory_size" in text:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return None


def first_line(error: Exception) -> str:
    """An error of DuckDB's on one line, without its own heading."""
    line = str(error).strip().partition("\n")[0]
    return re.sub(r"^[A-Za-z ]*Error: ", "", line)


def _read_only(path: Path) -> "DuckDBPyConnection":
    import duckdb

    return duckdb.connect(str(path), read_only=True, config={"memory_limit": MEMORY_LIMIT, "threads": READERS})


def _version(connection: "DuckDBPyConnection", path: Path) -> int:
    row = connection.execute("SELECT value FROM meta WHERE key = ?", [VERSION_KEY]).fetchone()
    found = int(row[0]) if row else 0
    if found > LATEST:
        raise CatalogError(
            f"{path}: schema version {found}, and this release reads up to {LATEST}; "
            "upgrade hephaestus-forge, or move the file away and run `forge build`"
        )
    return found


def _upgrade(path: Path, found: int) -> None:
    """Migrate a copy, which then takes the file's place."""
    with atomic_path(path) as temporary:
        shutil.copyfile(path, temporary)
        with written(temporary) as connection:
            migrate(connection, found=found)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """DuckDB's errors on ``path`` as ours, with the next step."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        if full := room_error(error):
            raise full from error
        if "Could not set lock" in str(error):
            raise CatalogError(f"{path}: held by another process; end that one, then try again") from error
        if isinstance(error, duckdb.OutOfMemoryException):
            raise CatalogError(f"{path}: too large for the {MEMORY_LIMIT} that a reader may hold; report it") from error
        raise CatalogError(
            f"{path}: damaged ({first_line(error)}); delete it, then run `forge build`: it is made anew from the "
            "corpus, but for its history, which `forge catalog import` brings back from an export"
        ) from error
