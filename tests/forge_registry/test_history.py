"""What loads find: versions and events over several of them, and the reading of both."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge.catalog import INDEX_NAME
from forge.errors import CatalogError
from forge.records import ApiRecord
from forge_registry import DuckCatalog
from forge_registry.changes import CONTENT
from forge_registry.timeline import Event, EventFilter, Timeline, difference, events, timelines

Write = Callable[..., Path]
Load = Callable[..., None]

DAYS = [f"2026-11-0{day}T12:00:00Z" for day in range(1, 7)]


def api(name: str = "listPets", **fields: Any) -> ApiRecord:
    properties = {"limit": {"type": "integer", "description": "how many"}, "tag": {"type": "string"}}
    given = {"description": "Lists all the pets there are.", "parameters": {"type": "object", "properties": properties}}
    return ApiRecord(
        provider="pets.example",
        service="",
        name=name,
        kind="rest",
        path=f"/{name}",
        **{"source": "one", **given, **fields},
    )


def revised(record: ApiRecord, **fields: Any) -> ApiRecord:
    return replace(record, content_hash="", **fields)


@pytest.fixture
def load(catalog: DuckCatalog, write_apis: Write) -> Load:
    """``load(day, records)``: the catalogue of that day."""

    def load(day: int, records: Sequence[ApiRecord]) -> None:
        assert catalog.load([write_apis(records)], fingerprint=str(day), at=DAYS[day])

    return load


def told(catalog: DuckCatalog, **wanted: Any) -> list[tuple[str, str, str]]:
    return [
        (event.at[:10], event.kind, event.name or event.source) for event in events(catalog.path, EventFilter(**wanted))
    ]


def only(catalog: DuckCatalog, word: str = "listPets") -> Timeline:
    (found,) = timelines(catalog.path, word)
    return found


def test_four_loads(catalog: DuckCatalog, load: Load) -> None:
    """Added, changed, gone and returned, each with its day."""
    first, second, third = api("a"), api("b"), api("c")
    load(0, [first, second])
    assert told(catalog) == [], "a first load says nothing of its APIs"
    load(1, [first, third])
    load(2, [revised(first, description="Lists some of the pets there are."), second, third])
    load(3, [second, revised(third, deprecated=True)])
    assert told(catalog) == [
        ("2026-11-02", "removed", "b"),
        ("2026-11-02", "added", "c"),
        ("2026-11-03", "changed", "a"),
        ("2026-11-03", "returned", "b"),
        ("2026-11-04", "removed", "a"),
        ("2026-11-04", "deprecated", "c"),
    ]
    assert told(catalog, since="2026-11-04", kind="removed") == [("2026-11-04", "removed", "a")]
    assert told(catalog, provider="pets.example", since=DAYS[4]) == told(catalog, provider="none.example") == []
    gone = only(catalog, "a")
    assert (gone.gone_at, [version.first_seen for version in gone.versions]) == (DAYS[3], [DAYS[0], DAYS[2]])
    assert [version.last_seen for version in gone.versions] == [DAYS[1], DAYS[2]]
    assert difference(gone).changes[0]["to"] == "Lists some of the pets there are."
    back = only(catalog, "b")
    assert (back.gone_at, [version.first_seen for version in back.versions]) == (None, [DAYS[0], DAYS[2]])


def test_every_version_can_be_read_again(catalog: DuckCatalog, load: Load) -> None:
    whole = api()
    steps = [
        whole,
        revised(whole, returns={"type": "array"}, auth=["apiKey"]),
        revised(whole, returns={"type": "array"}, parameters={}, errors=[{"code": "404", "description": "none"}]),
        revised(whole, description="Other words for the same thing.", deprecated=True, examples=[{"arguments": {}}]),
    ]
    for day, step in enumerate(steps):
        load(day, [step, api("other")])
    found = only(catalog).versions
    assert [version.number for version in found] == [1, 2, 3, 4]
    for step, version in zip(steps, found, strict=True):
        wanted = {field: getattr(step, field) for field in CONTENT}
        assert {**version.content, **{key: list(version.content[key]) for key in ("examples", "errors", "auth")}} == {
            **wanted,
            **{key: list(wanted[key]) for key in ("examples", "errors", "auth")},
        }


def test_versions_are_chosen_by_number_or_day(catalog: DuckCatalog, load: Load) -> None:
    for day in range(3):
        load(day, [api(description=f"Lists the pets of day {day}.")])
    timeline = only(catalog)
    assert (difference(timeline).old.number, difference(timeline).new.number) == (2, 3)
    assert difference(timeline, old="1").old.number == 1
    assert difference(timeline, new="2").old.number == 1
    found = difference(timeline, old="2026-11-01", new="2026-11-02T12:00:00Z")
    assert (found.old.number, found.new.number) == (1, 2)
    for wrong, message in (("9", "no version 9"), ("2025-01-01", "not known yet"), ("soon", "neither a version")):
        with pytest.raises(CatalogError, match=message):
            difference(timeline, old=wrong)


def test_a_source_that_comes_or_goes_is_one_event(catalog: DuckCatalog, load: Load) -> None:
    ours, theirs = [api("a"), api("b")], [api("c", source="two"), api("d", source="two")]
    load(0, ours)
    load(1, [*ours, *theirs])
    load(2, ours)
    load(3, [*ours, *theirs])
    assert told(catalog) == [
        ("2026-11-02", "source-added", "two"),
        ("2026-11-03", "source-removed", "two"),
        ("2026-11-04", "source-returned", "two"),
    ]
    assert {event.apis for event in events(catalog.path, EventFilter())} == {2}
    assert only(catalog, "c").versions[0].first_seen == DAYS[3]


def test_the_sources_of_one_operation_are_followed_apart(catalog: DuckCatalog, load: Load) -> None:
    load(0, [api(), api(source="two")])
    load(1, [api(), revised(api(source="two"), description="Lists what two sources have.")])
    found = timelines(catalog.path, "listPets")
    assert [(timeline.source, len(timeline.versions)) for timeline in found] == [("one", 1), ("two", 2)]


def test_nothing_changed_is_no_event(catalog: DuckCatalog, load: Load) -> None:
    load(0, [api()])
    load(1, [replace(api(), license="MIT", url="https://pets.example", content_hash="of another recipe")])
    assert told(catalog) == []
    (version,) = only(catalog).versions
    assert (version.first_seen, version.last_seen) == (DAYS[0], DAYS[1])


def test_the_changes_of_an_event_are_named(catalog: DuckCatalog, load: Load) -> None:
    load(0, [api()])
    properties = {"limit": {"type": "string", "description": "how many"}, "page": {"type": "integer"}}
    load(1, [api(parameters={"type": "object", "properties": properties, "required": ["limit"]})])
    (event,) = events(catalog.path, EventFilter())
    assert isinstance(event, Event)
    assert [dict(change) for change in event.changes] == [
        {"change": "type of parameter changed", "parameter": "limit", "from": "integer", "to": "string"},
        {"change": "parameter made required", "parameter": "limit"},
        {"change": "parameter added", "parameter": "page", "required": False, "type": "integer"},
        {"change": "parameter removed", "parameter": "tag"},
    ]


def test_the_moment_of_a_load_is_not_in_a_snapshot(catalog: DuckCatalog, write_apis: Write, tmp_path: Path) -> None:
    table = write_apis([api(), api("other")])
    other = DuckCatalog(tmp_path / "other.duckdb")
    catalog.load([table], fingerprint="a", at=DAYS[0])
    other.load([table], fingerprint="a", at=DAYS[1])
    catalog.snapshot(tmp_path / "one")
    other.snapshot(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    assert (tmp_path / "one" / INDEX_NAME).is_file()


def test_an_ambiguous_name_lists_what_it_may_mean(catalog: DuckCatalog, load: Load) -> None:
    two = [api(), replace(api(), provider="cats.example", id="", content_hash="")]
    load(0, two)
    with pytest.raises(CatalogError, match=r"names 2 APIs: .*name one by its id") as raised:
        timelines(catalog.path, "listPets")
    assert all(one.id[:12] in str(raised.value) for one in two)
    load(1, [])
    load(2, [api("x")])
    with pytest.raises(CatalogError, match="no API has the id or name"):
        timelines(catalog.path, "listPets")


def test_wrong_filters_say_what_is_right(catalog: DuckCatalog, load: Load) -> None:
    load(0, [api()])
    for since in ("yesterday", "2026-13", "2026-11-45", "2026-02-30T12:00:00Z", "2026-11-01T25:00Z"):
        with pytest.raises(CatalogError, match="no date; write it as 2026-11-01"):
            events(catalog.path, EventFilter(since=since))
    for since in ("2026-11", "2024-02-29", "2026-11-01T23", "2026-11-01T23:59:59Z"):
        assert not events(catalog.path, EventFilter(since=since))
    with pytest.raises(CatalogError, match="no kind of event; name one of added, changed"):
        events(catalog.path, EventFilter(kind="moved"))
