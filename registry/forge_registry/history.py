"""What a load carries over from the catalogue that it replaces: since when each API is known, and what has changed.

An API is followed by its id at its source. A load compares what it was given with the catalogue before it: an API that
is not there any more is gone, and one whose documentation differs leaves its former version behind. A source's first
load says nothing of its APIs one by one, nor does taking a source out of the recipe: each is one event.

Cost: half a CPU second for 175,000 APIs, and some 100 microseconds for each that changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from forge.records import to_json
from forge_registry.changes import CONTENT, JSON_CONTENT, Change, changes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

KINDS = ("added", "changed", "deprecated", "removed", "returned", "source-added", "source-removed", "source-returned")
"""Kinds of events."""

IDENTITY = ("provider", "service", "name", "method", "path")
ROWS_AT_ONCE = 1_000

_FIRST = "QUALIFY row_number() OVER (PARTITION BY id, source ORDER BY content_hash, rowid) = 1"

_FIRST_LOAD = """
INSERT INTO history SELECT DISTINCT id, source, $at, $at, $at, NULL FROM apis ORDER BY id, source
"""

# An API that several rows of one source describe is followed by the first of them, by content.
_COMPARE = f"""
CREATE TABLE memory.compared AS
WITH present AS (SELECT id, source, content_hash, rowid AS place FROM catalogue.apis {_FIRST}),
past AS (SELECT id, source, content_hash, rowid AS place FROM old.apis {_FIRST}),
known AS (SELECT * FROM old.history LEFT JOIN past USING (id, source)),
sources AS (
    SELECT source, bool_or(present.source IS NOT NULL) AS is_now, bool_or(known.source IS NOT NULL) AS was_ever,
        bool_or(known.source IS NOT NULL AND known.gone_at IS NULL) AS was_then
    FROM present FULL JOIN known USING (id, source) GROUP BY source
)
SELECT id, source, first_seen, since, last_seen, gone_at, present.place AS new_place, known.place AS old_place,
    CASE
        WHEN present.id IS NULL AND gone_at IS NOT NULL THEN 'still gone'
        WHEN present.id IS NULL THEN if(is_now, 'removed', 'left')
        WHEN known.id IS NULL THEN if(was_ever, 'added', 'first')
        WHEN gone_at IS NOT NULL THEN if(was_then, 'returned', 'back')
        WHEN present.content_hash = known.content_hash THEN 'same'
        ELSE 'differs'
    END AS state
FROM present FULL JOIN known USING (id, source) JOIN sources USING (source)
"""

# The content hash may differ because its recipe changed: only what differs in the columns themselves has changed. What
# a column of an older file does not say (NULL: whether an API is deprecated) has not changed.
_SIFT = f"""
UPDATE memory.compared AS compared SET state = 'same'
FROM catalogue.apis new, old.apis former
WHERE compared.state = 'differs' AND new.rowid = new_place AND former.rowid = old_place
    AND {" AND ".join(f"new.{field} IS NOT DISTINCT FROM former.{field}" for field in CONTENT if field != "deprecated")}
    AND coalesce(former.deprecated, new.deprecated) = new.deprecated
"""

_CARRY = """
INSERT INTO history SELECT id, source,
    CASE WHEN state IN ('added', 'first') THEN $at ELSE first_seen END,
    CASE WHEN state IN ('added', 'first', 'differs', 'returned', 'back') THEN $at ELSE since END,
    CASE WHEN state IN ('removed', 'left', 'still gone') THEN last_seen ELSE $at END,
    CASE WHEN state IN ('removed', 'left') THEN $at WHEN state = 'still gone' THEN gone_at END
FROM memory.compared ORDER BY id, source
"""

_KEEP = "INSERT INTO versions SELECT * FROM old.versions; INSERT INTO events SELECT * FROM old.events;"

_OF_SOURCES = """
INSERT INTO events
SELECT $at, CASE state WHEN 'first' THEN 'source-added' WHEN 'left' THEN 'source-removed' ELSE 'source-returned' END
    AS kind, source, '', '', '', '', json_object('apis', count(*))
FROM memory.compared WHERE state IN ('first', 'left', 'back') GROUP BY state, source ORDER BY kind, source
"""

_CONTENT_OF = {side: ", ".join(f"{side}.{field}" for field in (*IDENTITY, *CONTENT)) for side in ("new", "former")}

_ADDED = """
INSERT INTO events
SELECT $at, 'added', source, id, provider, service, name, '[]'
FROM memory.compared JOIN catalogue.apis new USING (id, source)
WHERE state = 'added' AND new.rowid = new_place ORDER BY source, id
"""

_DIFFERING = f"""
SELECT found.id, found.source, since, last_seen, former.content_hash, {_CONTENT_OF["former"]}, {_CONTENT_OF["new"]}
FROM (SELECT id, source, since, last_seen, old_place, new_place FROM memory.compared WHERE state = 'differs') found
JOIN old.apis former ON former.rowid = old_place JOIN catalogue.apis new ON new.rowid = new_place ORDER BY ALL
"""

_REMOVED = f"""
SELECT found.id, found.source, since, last_seen, former.content_hash, {_CONTENT_OF["former"]}
FROM (SELECT id, source, since, last_seen, old_place FROM memory.compared WHERE state = 'removed') found
JOIN old.apis former ON former.rowid = old_place ORDER BY ALL
"""

_RETURNED = f"""
SELECT found.id, found.source, {_CONTENT_OF["new"]}, kept.content
FROM (SELECT id, source, new_place FROM memory.compared WHERE state = 'returned') found
JOIN catalogue.apis new ON new.rowid = new_place
LEFT JOIN (
    SELECT id, source, content FROM old.versions
    QUALIFY row_number() OVER (PARTITION BY id, source ORDER BY superseded_at DESC) = 1
) kept ON kept.id = found.id AND kept.source = found.source
ORDER BY ALL
"""


def begin(connection: "DuckDBPyConnection", *, at: str) -> None:
    """The history of a catalogue that replaces none: every API is first seen ``at``, and nothing has happened."""
    connection.execute(_FIRST_LOAD, {"at": at})


def carry(connection: "DuckDBPyConnection", *, old: Path, at: str) -> None:
    """Take over the history of the catalogue in ``old``, and add what has changed since.

    ``old`` has this release's version; the current database has its APIs and an empty history.
    """
    quoted = str(old).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS old (READ_ONLY)")
    connection.execute(_COMPARE)
    if connection.execute("SELECT 1 FROM memory.compared WHERE state = 'differs' LIMIT 1").fetchone():
        connection.execute(_SIFT)
    for statement in (_CARRY, _KEEP, _OF_SOURCES, _ADDED):
        connection.execute(statement, {"at": at} if "$at" in statement else {})
    _write(connection, _found(connection, at))
    connection.execute("DROP TABLE memory.compared")
    connection.execute("DETACH old")


Row = tuple[Any, ...]


def _found(connection: "DuckDBPyConnection", at: str) -> Iterator[tuple[Row | None, list[Row]]]:
    """A superseded version, if any, and the events of each API that was removed, changed or returned."""
    width = len(IDENTITY) + len(CONTENT)
    for row in _rows(connection, _REMOVED):
        identity, content = _split(row[5:])
        version = (row[0], row[1], row[4], row[2], row[3], at, to_json({**identity, **content}))
        yield version, [_event((at, "removed"), row, identity, [])]
    for row in _rows(connection, _DIFFERING):
        former, (identity, new) = _split(row[5 : 5 + width])[1], _split(row[5 + width :])
        differing = {field: former[field] for field in CONTENT if former[field] != new[field]}
        version = (row[0], row[1], row[4], row[2], row[3], at, to_json(differing))
        yield version, _change_events(at, row, identity, changes(former, new))
    for row in _rows(connection, _RETURNED):
        identity, new = _split(row[2:-1])
        kept = orjson.loads(row[-1]) if row[-1] else {}
        found = changes(kept, new) if kept.keys() >= set(CONTENT) else []
        yield None, [_event((at, "returned"), row, identity, found)]


def _change_events(at: str, row: Row, identity: Mapping[str, Any], found: Sequence[Change]) -> list[Row]:
    """One event of all changes; that an API is deprecated is an event of its own."""
    deprecated = [change for change in found if change["change"] == "deprecated"]
    others = [change for change in found if change["change"] != "deprecated"]
    events = [_event((at, "changed"), row, identity, others)] if others else []
    return [*events, *(_event((at, "deprecated"), row, identity, [change]) for change in deprecated)]


def _event(stamp: tuple[str, str], row: Row, identity: Mapping[str, Any], found: Sequence[Change]) -> Row:
    return (*stamp, row[1], row[0], identity["provider"], identity["service"], identity["name"], to_json(found))


def _split(values: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Identity and content of a row, JSON columns read."""
    identity = dict(zip(IDENTITY, values, strict=False))
    content = dict(zip(CONTENT, values[len(IDENTITY) :], strict=True))
    for field in JSON_CONTENT:
        content[field] = orjson.loads(content[field]) if isinstance(content[field], str) else None
    return identity, content


def _rows(connection: "DuckDBPyConnection", query: str) -> Iterator[Row]:
    """The rows of a query, read through a cursor so that others can be written meanwhile."""
    cursor = connection.cursor()
    cursor.execute("USE catalogue")
    cursor.execute(query)
    while found := cursor.fetchmany(ROWS_AT_ONCE):
        yield from found
    cursor.close()


def _write(connection: "DuckDBPyConnection", found: Iterator[tuple[Row | None, list[Row]]]) -> None:
    versions: list[Row] = []
    events: list[Row] = []
    for version, of_it in found:
        versions += [version] if version else []
        events += of_it
        if len(events) >= ROWS_AT_ONCE:
            _append(connection, "versions", versions)
            _append(connection, "events", events)
    _append(connection, "versions", versions)
    _append(connection, "events", events)


def _append(connection: "DuckDBPyConnection", table: str, rows: list[Row]) -> None:
    """Insert the rows through Arrow, a thousand times faster than one by one; leaves the list empty."""
    import pyarrow as pa

    if rows:
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        connection.register("appended", pa.table(columns, names=[f"c{place}" for place in range(len(columns))]))
        connection.execute(f"INSERT INTO {table} SELECT * FROM appended")
        connection.unregister("appended")
        rows.clear()
