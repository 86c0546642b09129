"""The services of a catalogue, and the records of one."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from forge.records import ApiRecord
from forge_registry import DuckCatalog
from forge_registry.connection import opened
from forge_registry.services import AT_ONCE, records_of, services

Write = Callable[..., Path]
NAMES = [("pets.example.com", ""), ("pets.example.com", "admin"), ("Cars.example.org", ""), ("pets", "old")]


@pytest.fixture
def loaded(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]) -> DuckCatalog:
    """Three operations for each of `NAMES`, two of which are documented, from two sources."""
    found = [
        replace(
            apis[0],
            provider=provider,
            service=service,
            name=f"get{number}",
            path=f"/things/{number}",
            description=f"Returns thing {number} of {provider}, {service}, whole." if number else "",
            id="",
            content_hash="",
        )
        for provider, service in NAMES
        for number in range(3)
    ]
    catalog.load([write_apis([*found, *(replace(each, source="b") for each in found)])], fingerprint="a")
    return catalog


@pytest.mark.parametrize(
    ("provider", "service", "expected"),
    [
        (None, None, NAMES),
        ("pets.example.com", None, NAMES[:2]),
        ("PETS.example.com ", None, NAMES[:2]),
        ("pets", None, [NAMES[3]]),
        ("EXAMPLE", None, NAMES[:3]),
        ("pets.example.com", "Admin", [NAMES[1]]),
        (None, "", [NAMES[2], NAMES[0]]),
        ("boats", None, []),
        ("cars", "admin", []),
    ],
)
def test_services_are_found_by_name(
    loaded: DuckCatalog, provider: str | None, service: str | None, expected: list[tuple[str, str]]
) -> None:
    with opened(loaded.path) as connection:
        found = services(connection, provider=provider, service=service)

    assert found == dict.fromkeys(expected, 3)
    assert list(found) == sorted(expected)


def test_the_records_of_a_service_are_all_its_distinct_ones(loaded: DuckCatalog) -> None:
    with opened(loaded.path) as connection:
        found = list(records_of(connection, "pets.example.com", "admin"))
        none = list(records_of(connection, "pets.example.com", "x"))

    assert sorted(record.name for record in found) == ["get0", "get1", "get2"]
    assert [record.id for record in found] == sorted(record.id for record in found)
    assert all(record.parameters for record in found)
    assert none == []


def test_a_service_of_many_records_is_read_whole(
    catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]
) -> None:
    many = [
        replace(
            apis[0],
            name=f"get{number}",
            path=f"/{number}",
            description=f"Returns all that is known of thing {number}.",
            id="",
            content_hash="",
        )
        for number in range(2 * AT_ONCE + 1)
    ]
    catalog.load([write_apis(many)], fingerprint="a")
    with opened(catalog.path) as connection:
        assert {record.name for record in records_of(connection, "provider-0.example", "store")} == {
            record.name for record in many
        }
