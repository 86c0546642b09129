"""The full-text index of a catalogue: postings in tables of the catalogue's own file.

One document an operation. A term counts by the field in which it stands (`WEIGHTS`), the counts of all fields are added
up, and their sum is what BM25 takes for the term's frequency (Robertson, Zaragoza and Taylor, "Simple BM25 extension to
multiple weighted fields", CIKM 2004). Documents are numbered by id, so that neither the order of rows nor that of
sources shows in an index; postings lie by term, so that a query reads only the row groups of its own terms. A posting
holds an integer, worked out here once from frequency and length, so that a query need only multiply and add integers:
twice as fast as with the lengths looked up, and the same whatever the threads do.

Measured on 132,518 operations: 9 CPU seconds, 640 MB of memory at the most, 20 MB more of a file. DuckDB's own
extension takes 46 MB and three times the CPU time of a query: `docs/decisions/0008-search.md`.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from forge.files import atomic_path
from forge_registry import search_text
from forge_registry.connection import opened, written

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

INDEX_VERSION = "2"
"""Raise it when words, stems, fields or weights change: an index of another version is made anew."""

VERSION_KEY = "search_version"
ROWS_AT_ONCE = 24_576
"""Rows whose words are held in memory at the same time."""

WEIGHTS = {
    "name": 6,
    "service || ' ' || provider": 4,
    "path": 2,
    "description": 2,
    "array_to_string(json_keys(parameters, '$.properties'), ' ')": 1,
}
"""What one occurrence counts for, in halves: one in a description counts for one."""

HALVES = 2

SHORTEST_ALIKE = 20
"""Characters that a description must have for operations of that name and description to be one hit."""

K1 = 1.2
B = 0.75
"""Saturation and length normalisation of BM25, as Robertson and Zaragoza give them (2009, section 3.3)."""

UNIT = 10_000
"""A posting holds what its term adds to a score but for the term's rarity, in ten thousandths: at most 2.2."""

TABLES = """
DROP TABLE IF EXISTS search_docs;
DROP TABLE IF EXISTS search_terms;
DROP TABLE IF EXISTS search_postings;
CREATE TABLE search_docs (
    doc INTEGER NOT NULL, id VARCHAR NOT NULL, provider VARCHAR NOT NULL, kind VARCHAR NOT NULL,
    method VARCHAR NOT NULL, alike UBIGINT NOT NULL
);
CREATE TABLE search_terms (term VARCHAR NOT NULL, number INTEGER NOT NULL, docs INTEGER NOT NULL);
CREATE TABLE search_postings (term INTEGER NOT NULL, doc INTEGER NOT NULL, impact USMALLINT NOT NULL);
"""

_NUMBER = """
CREATE OR REPLACE TEMP TABLE numbered AS
SELECT (row_number() OVER (ORDER BY id))::INTEGER - 1 AS doc, id, rowid AS place FROM apis WHERE chosen
"""

_FIELDS = ", ".join(f"forge_words({field}) AS field{place}" for place, field in enumerate(WEIGHTS))
_UNNESTED = " UNION ALL ".join(
    f"SELECT doc, unnest(field{place}) AS word, {weight} AS weight FROM cut"
    for place, weight in enumerate(WEIGHTS.values())
)

_COUNT = f"""
INSERT INTO counted
WITH cut AS MATERIALIZED (
    SELECT doc, {_FIELDS} FROM apis JOIN numbered ON place = apis.rowid WHERE apis.rowid BETWEEN ? AND ?
)
SELECT doc, word, sum(weight)::INTEGER FROM ({_UNNESTED}) GROUP BY ALL
"""

_POSTINGS = f"""
INSERT INTO search_docs
SELECT doc, numbered.id, provider, kind, method,
    CASE WHEN length(description) >= {SHORTEST_ALIKE} THEN hash(name, description) ELSE hash(numbered.id) END
FROM numbered JOIN apis ON place = apis.rowid ORDER BY doc;
CREATE OR REPLACE TEMP TABLE terms AS
SELECT term, (row_number() OVER (ORDER BY term))::INTEGER AS number FROM (SELECT DISTINCT term FROM stems);
CREATE OR REPLACE TEMP TABLE weighed AS
SELECT number, doc, sum(weight) / {HALVES} AS tf
FROM counted JOIN (SELECT word, number FROM stems JOIN terms USING (term)) USING (word) GROUP BY ALL;
DROP TABLE counted;
INSERT INTO search_terms
SELECT term, number, docs FROM terms JOIN (SELECT number, count(*)::INTEGER AS docs FROM weighed GROUP BY number)
USING (number) ORDER BY number;
CREATE OR REPLACE TEMP TABLE lengths AS
SELECT doc, {K1} * ({1 - B} + {B} * length / (SELECT sum(tf) / (SELECT count(*) FROM numbered) FROM weighed)) AS norm
FROM (SELECT doc, sum(tf) AS length FROM weighed GROUP BY doc);
INSERT INTO search_postings
SELECT number, doc, round({UNIT} * {K1 + 1} * tf / (tf + norm))::USMALLINT
FROM weighed JOIN lengths USING (doc) ORDER BY number, doc;
"""


def build(connection: "DuckDBPyConnection") -> None:
    """Make the index of the operations in ``apis``, in the place of an older one. Call it when the rows are there."""
    connection.execute(TABLES)
    connection.execute(search_text.WORDS)
    connection.execute(_NUMBER)
    connection.execute("CREATE OR REPLACE TEMP TABLE counted (doc INTEGER, word VARCHAR, weight INTEGER)")
    rows = connection.execute("SELECT coalesce(max(rowid), -1) FROM apis").fetchone()
    for first in range(0, (rows[0] if rows else -1) + 1, ROWS_AT_ONCE):
        connection.execute(_COUNT, [first, first + ROWS_AT_ONCE - 1])
    _find_stems(connection)
    connection.execute(_POSTINGS)
    for table in ("numbered", "stems", "terms", "weighed", "lengths"):
        connection.execute(f"DROP TABLE {table}")
    connection.execute("DELETE FROM meta WHERE key = ?", [VERSION_KEY])
    connection.execute("INSERT INTO meta VALUES (?, ?)", [VERSION_KEY, INDEX_VERSION])


def is_current(connection: "DuckDBPyConnection") -> bool:
    """Whether there is an index, and of this release's version."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", [VERSION_KEY]).fetchone()
    return row is not None and row[0] == INDEX_VERSION


@contextmanager
def searchable(path: Path) -> Iterator["DuckDBPyConnection"]:
    """The catalogue, read-only, with an index of this release's version, until the block ends.

    A catalogue of an earlier release is given its index on a copy that then takes the file's place, so that a killed
    process leaves it as it was.

    Raises:
        CatalogError: there is no catalogue, or it cannot be read.
        WorkspaceError: the disk is full.
    """
    with opened(path) as connection:
        if is_current(connection):
            yield connection
            return
    with atomic_path(path) as temporary:
        shutil.copyfile(path, temporary)
        with written(temporary) as connection:
            build(connection)
    with opened(path) as connection:
        yield connection


def _find_stems(connection: "DuckDBPyConnection") -> None:
    """Fill the temporary table ``stems`` with each word that is indexed and its term."""
    import pyarrow as pa

    words = [row[0] for row in connection.execute("SELECT DISTINCT word FROM counted ORDER BY word").fetchall()]
    kept = [word for word in words if word not in search_text.STOP_WORDS]
    found = pa.table({"word": pa.array(kept, pa.string()), "term": pa.array(map(search_text.stem, kept), pa.string())})
    connection.register("found_stems", found)
    connection.execute("CREATE OR REPLACE TEMP TABLE stems AS SELECT * FROM found_stems")
    connection.unregister("found_stems")
