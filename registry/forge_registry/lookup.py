"""One operation of a catalogue, by its id, the beginning of its id, or its name, with all that is known of it.

A look-up scans one short column of the file and then reads single rows: about 20 milliseconds over 130,000 operations.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forge.errors import CatalogError
from forge.records import ApiRecord, from_row
from forge_registry.schema import API_COLUMNS

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHORTEST_PREFIX = 4
"""Hexadecimal digits below which a word is taken for a name only."""
MOST_CANDIDATES = 8

_PREFIX = re.compile(rf"[0-9a-f]{{{SHORTEST_PREFIX},32}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """A source that gave the operation, and where that source had it from."""

    id: str
    source: str
    url: str | None
    version: str | None
    retrieved_at: str | None
    license: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the catalogue's history says of the operation at one source; None is before there was a history."""

    source: str
    first_seen: str | None
    since: str | None
    last_seen: str | None
    gone_at: str | None
    versions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """All that is known of an operation: the record that stands for it, its sources, and its history by source."""

    record: ApiRecord
    provenance: Sequence[Provenance]
    history: Sequence[Seen]


def resolve(connection: "DuckDBPyConnection", word: str) -> str:
    """The id of the one operation that ``word`` names: its id or that of a provenance, their beginning, or a name.

    Raises:
        CatalogError: nothing is named so, or several operations are: some of them are listed.
    """
    wanted = word.strip()
    found = _by_id(connection, wanted.lower()) or _by_name(connection, wanted)
    if not found:
        raise CatalogError(_not_there(connection, wanted))
    if len(found) > 1:
        raise CatalogError(_ambiguous(connection, wanted, found))
    return found[0]


def page(connection: "DuckDBPyConnection", own: str) -> Page:
    """All that is known of the operation that the row of id ``own`` stands for."""
    ids = [
        row[0]
        for row in connection.execute(
            "SELECT DISTINCT id FROM apis WHERE operation = (SELECT operation FROM apis WHERE chosen AND id = ?)", [own]
        ).fetchall()
    ]
    sources = connection.execute(
        "SELECT id, source, url, version, retrieved_at, license FROM apis WHERE id IN (SELECT unnest(?::VARCHAR[])) "
        "ORDER BY chosen DESC, source, version, url, retrieved_at, license",
        [ids],
    ).fetchall()
    return Page(
        record=records(connection, [own])[0],
        provenance=[
            Provenance(id=a, source=b, url=c, version=d, retrieved_at=e, license=f) for a, b, c, d, e, f in sources
        ],
        history=_history(connection, ids),
    )


def records(connection: "DuckDBPyConnection", ids: Sequence[str]) -> list[ApiRecord]:
    """The records of these operations, whole, in the order given."""
    places = connection.execute(
        "SELECT rowid FROM apis WHERE chosen AND id IN (SELECT unnest(?::VARCHAR[]))", [list(ids)]
    ).fetchall()
    rows = connection.execute(
        f"SELECT {', '.join(API_COLUMNS)} FROM apis WHERE rowid IN (SELECT unnest(?::BIGINT[]))",
        [[place for (place,) in places]],
    ).fetchall()
    found = (from_row(ApiRecord, dict(zip(API_COLUMNS, row, strict=True))) for row in rows)
    by_id = {record.id: record for record in found}
    return [by_id[own] for own in ids]


def _by_id(connection: "DuckDBPyConnection", wanted: str) -> list[str]:
    """Operations with an id that begins so: those shown under it, or else those with a provenance of that id."""
    if not _PREFIX.fullmatch(wanted):
        return []
    shown = connection.execute(
        "SELECT id FROM apis WHERE chosen AND starts_with(id, ?) ORDER BY id", [wanted]
    ).fetchall()
    others = (
        shown
        or connection.execute(
            "SELECT id FROM apis WHERE chosen AND operation IN (SELECT operation FROM apis WHERE starts_with(id, ?)) "
            "ORDER BY id",
            [wanted],
        ).fetchall()
    )
    return [row[0] for row in others]


def _by_name(connection: "DuckDBPyConnection", wanted: str) -> list[str]:
    """Operations of this name, written exactly so or else in other capitals."""
    rows = connection.execute("SELECT id, name FROM apis WHERE chosen AND lower(name) = lower(?) ORDER BY id", [wanted])
    found = rows.fetchall()
    return [own for own, name in found if name == wanted] or [own for own, _ in found]


def _not_there(connection: "DuckDBPyConnection", wanted: str) -> str:
    """That nothing is named so, or since when it is gone."""
    row = connection.execute(
        "SELECT gone_at, source FROM history WHERE gone_at IS NOT NULL AND ((length($word) >= $least AND "
        "starts_with(id, lower($word))) OR id IN (SELECT id FROM events WHERE lower(name) = lower($word))) "
        "ORDER BY gone_at DESC, source LIMIT 1",
        {"word": wanted, "least": SHORTEST_PREFIX},
    ).fetchone()
    if row is None:
        return f"no API has the id or name {wanted[:80]!r}; find it with `forge search {_quoted(wanted)}`"
    return f"{wanted[:80]!r} is gone: {row[1]} does not give it since {row[0]}; see `forge changes --since {row[0]}`"


def _ambiguous(connection: "DuckDBPyConnection", wanted: str, found: Sequence[str]) -> str:
    listed = records(connection, found[:MOST_CANDIDATES])
    lines = [f"{record.id[:12]} ({_described(record)})" for record in listed]
    more = f", and {len(found) - len(listed):,} more" if len(found) > len(listed) else ""
    return f"{wanted!r} names {len(found):,} APIs: {', '.join(lines)}{more}; name one by its id"


def _described(record: ApiRecord) -> str:
    where = f"{record.provider}/{record.service}" if record.service else record.provider
    return " ".join(part for part in (where, record.method, record.path or record.name) if part)


def _history(connection: "DuckDBPyConnection", ids: Sequence[str]) -> list[Seen]:
    rows = connection.execute(
        "WITH ids AS (SELECT unnest(?::VARCHAR[]) AS id) "
        "SELECT source, first_seen, since, last_seen, gone_at, "
        "(SELECT count(*) FROM versions WHERE versions.id = history.id AND versions.source = history.source) + 1 "
        "FROM history JOIN ids USING (id) ORDER BY source, first_seen",
        [list(ids)],
    ).fetchall()
    return [Seen(source=a, first_seen=b, since=c, last_seen=d, gone_at=e, versions=f) for a, b, c, d, e, f in rows]


def _quoted(text: str) -> str:
    cleaned = re.sub(r"[^\w .:/-]", " ", text)[:60].strip()
    return f'"{cleaned}"'
