"""Reading the history of a catalogue: the versions of one API, what changed between two, and the events since a day.

A version is rebuilt from the present content by undoing, one after the other, what later versions changed. Reading
costs some 30 milliseconds.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from forge.errors import CatalogError
from forge_registry.changes import CONTENT, JSON_CONTENT, Change, Content, changes
from forge_registry.connection import opened
from forge_registry.history import IDENTITY, KINDS
from forge_registry.lookup import resolve

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_DATE = re.compile(r"\d{4}-\d\d(?:-\d\d(?:T\d\d(?::\d\d(?::\d\d)?)?Z?)?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What one API's documentation said at one source from one load to another.

    Attributes:
        number: 1 for the first that is known.
        first_seen, last_seen: of the loads; None is before there was a history.
        content: the fields of `CONTENT`.
    """

    number: int
    first_seen: str | None
    last_seen: str | None
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The versions of one API at one source, the oldest first. ``gone_at``: the load that did not find it any more."""

    id: str
    source: str
    provider: str
    service: str
    name: str
    gone_at: str | None
    versions: Sequence[Version]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changed from one version to another."""

    timeline: Timeline
    old: Version
    new: Version
    changes: Sequence[Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a load found of one API; ``id`` is empty where it is of a whole source, and ``apis`` says of how many."""

    at: str
    kind: str
    source: str
    id: str
    provider: str
    service: str
    name: str
    changes: Sequence[Change] = ()
    apis: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events: from this day or moment on, of one kind, of one provider."""

    since: str = ""
    kind: str | None = None
    provider: str | None = field(default=None)


def timelines(path: Path, word: str) -> list[Timeline]:
    """The versions of the API that ``word`` names (its id, the beginning of its id, or its name), by source.

    Raises:
        CatalogError: there is no catalogue, or the word names no API or several.
    """
    with opened(path) as connection:
        return [_timeline(connection, *found) for found in _followed(connection, word)]


def difference(timeline: Timeline, *, old: str | None = None, new: str | None = None) -> Difference:
    """The change from version ``old`` (default: the one before ``new``) to ``new`` (default: the last).

    Either is a number, or a date: the version that was in force then.

    Raises:
        CatalogError: there is no such version.
    """
    last = timeline.versions[-1]
    after = _pick(timeline, new) if new is not None else last
    before = _pick(timeline, old) if old is not None else timeline.versions[max(0, after.number - 2)]
    return Difference(timeline=timeline, old=before, new=after, changes=changes(before.content, after.content))


def events(path: Path, wanted: EventFilter) -> list[Event]:
    """The events, the oldest first; within a load by source, provider and name.

    Raises:
        CatalogError: there is no catalogue, or the filter has no such day or kind.
    """
    if wanted.since and not _is_date(wanted.since):
        raise CatalogError(f"{wanted.since!r} is no date; write it as 2026-11-01, or 2026-11-01T12:00:00Z")
    if wanted.kind is not None and wanted.kind not in KINDS:
        raise CatalogError(f"{wanted.kind!r} is no kind of event; name one of {', '.join(KINDS)}")
    query = (
        "SELECT happened_at, kind, source, id, provider, service, name, changes FROM events "
        "WHERE happened_at >= $since AND ($kind IS NULL OR kind = $kind) "
        "AND ($provider IS NULL OR provider = $provider) "
        "ORDER BY happened_at, source, provider, service, name, kind, id"
    )
    values = {"since": wanted.since, "kind": wanted.kind, "provider": wanted.provider}
    with opened(path) as connection:
        return [_event(row) for row in connection.execute(query, values).fetchall()]


def _event(row: tuple[Any, ...]) -> Event:
    found = orjson.loads(row[7])
    more = {"apis": int(found["apis"])} if isinstance(found, dict) else {"changes": found}
    names = ("at", "kind", "source", "id", "provider", "service", "name")
    return Event(**dict(zip(names, row[:7], strict=True)), **more)


def _followed(connection: "DuckDBPyConnection", word: str) -> list[tuple[str, str]]:
    """Id and source of each row of the history that ``word`` names, also of what is gone."""
    try:
        own = resolve(connection, word)
    except CatalogError:
        gone = _gone(connection, word.strip())
        if not gone:
            raise
        return gone
    rows = connection.execute(
        "SELECT id, source FROM history WHERE id = $id OR id IN "
        "(SELECT id FROM apis WHERE operation IN (SELECT operation FROM apis WHERE id = $id)) ORDER BY source, id",
        {"id": own},
    )
    return [(row[0], row[1]) for row in rows.fetchall()]


def _gone(connection: "DuckDBPyConnection", word: str) -> list[tuple[str, str]]:
    """APIs that are not there any more, by the beginning of their id or by their name; nothing unless it is one."""
    rows = connection.execute(
        "SELECT DISTINCT id, source FROM events JOIN history USING (id, source) WHERE kind = 'removed' "
        "AND gone_at IS NOT NULL AND (lower(name) = lower($word) OR (length($word) >= 4 AND starts_with(id, $word))) "
        "ORDER BY source, id",
        {"word": word},
    ).fetchall()
    found = [(row[0], row[1]) for row in rows]
    ids = sorted({own for own, _ in found})
    if len(ids) > 1:
        raise CatalogError(
            f"{word!r} names {len(ids)} APIs that are gone: {', '.join(own[:12] for own in ids[:8])}; "
            "name one by its id"
        )
    return found


def _timeline(connection: "DuckDBPyConnection", own: str, source: str) -> Timeline:
    key = [own, source]
    since, last_seen, gone_at = _one(
        connection, "SELECT since, last_seen, gone_at FROM history WHERE id = ? AND source = ?", key
    )
    kept = connection.execute(
        "SELECT first_seen, last_seen, content FROM versions WHERE id = ? AND source = ? ORDER BY rowid", key
    ).fetchall()
    columns = ", ".join((*IDENTITY, *CONTENT))
    present = connection.execute(
        f"SELECT {columns} FROM apis WHERE id = ? AND source = ? ORDER BY content_hash, rowid LIMIT 1", key
    ).fetchone()
    steps: list[tuple[str | None, str | None, dict[str, Any]]] = [(a, b, orjson.loads(c)) for a, b, c in kept]
    if present is not None:
        steps.append((since, last_seen, _read(dict(zip((*IDENTITY, *CONTENT), present, strict=True)))))
    whole: dict[str, Any] = {}
    rebuilt = []
    for first, last, step in reversed(steps):
        whole = {**whole, **step}
        rebuilt.append((first, last, whole))
    complete = [step for step in reversed(rebuilt) if step[2].keys() >= set(CONTENT)]
    return Timeline(
        id=own,
        source=source,
        **{key: str(whole.get(key, "")) for key in ("provider", "service", "name")},
        gone_at=gone_at,
        versions=[
            Version(number=number, first_seen=first, last_seen=last, content={key: content[key] for key in CONTENT})
            for number, (first, last, content) in enumerate(complete, 1)
        ],
    )


def _one(connection: "DuckDBPyConnection", query: str, values: list[str]) -> tuple[Any, ...]:
    row = connection.execute(query, values).fetchone()
    assert row is not None, "the history has the rows that it was asked for"
    return row


def _read(row: dict[str, Any]) -> dict[str, Any]:
    return {
        key: orjson.loads(value) if key in JSON_CONTENT and value is not None else value for key, value in row.items()
    }


def _is_date(text: str) -> bool:
    """Whether it is a month, a day or a moment as the history writes them, and one that there is."""
    if not _DATE.fullmatch(text):
        return False
    day, _, moment = text.removesuffix("Z").partition("T")
    try:
        datetime.fromisoformat(f"{day}-01" if len(day) == len("2026-11") else day)
        time.fromisoformat(moment or "00")
    except ValueError:
        return False
    return True


def _pick(timeline: Timeline, wanted: str) -> Version:
    versions = timeline.versions
    if wanted.isdigit() and len(wanted) < 4:
        number = int(wanted)
        if 1 <= number <= len(versions):
            return versions[number - 1]
        raise CatalogError(f"{timeline.name}: no version {number}; {timeline.source} has 1 to {len(versions)}")
    if not _is_date(wanted):
        raise CatalogError(f"{wanted!r} is neither a version nor a date; write 2, or 2026-11-01")
    then = [version for version in versions if (version.first_seen or "")[: len(wanted)] <= wanted]
    if not then:
        raise CatalogError(
            f"{timeline.name}: not known yet on {wanted}; {timeline.source} has it since {versions[0].first_seen}"
        )
    return then[-1]
