"""The snapshot: the records come back as they were, in buckets that others' changes leave alone."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from forge.catalog import INDEX_NAME, SnapshotView
from forge.records import ApiRecord
from forge_registry import DuckCatalog

Write = Callable[..., Path]


def taken(catalog: DuckCatalog, tables: list[Path], name: str) -> Path:
    catalog.load(tables, fingerprint=name)
    folder = catalog.path.parent / name
    catalog.snapshot(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_records_come_back_as_they_were(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]) -> None:
    view = SnapshotView(taken(catalog, [write_apis(apis)], "a"))
    found = [api for bucket in view.buckets() for api in view.read(bucket)]
    wanted = [api for api in apis if api.description]
    assert sorted(found, key=lambda api: api.id) == sorted(wanted, key=lambda api: api.id)


def test_a_bucket_is_ordered_and_holds_whole_services(
    catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]
) -> None:
    view = SnapshotView(taken(catalog, [write_apis(apis)], "a"))
    providers: list[str] = []
    for bucket in view.buckets():
        found = list(view.read(bucket))
        assert [api.id for api in found] == sorted(api.id for api in found)
        assert bucket.size == len(found)
        providers.extend({api.provider for api in found})
    assert len(providers) == len(set(providers)) == 7


def test_the_same_rows_give_the_same_bytes(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]) -> None:
    first = taken(catalog, [write_apis(apis)], "a")
    shuffled = [write_apis(apis[150:][::-1], "b1"), write_apis(apis[:150], "b2")]
    assert contents(taken(catalog, shuffled, "b")) == contents(first)


def test_a_change_at_one_provider_changes_one_bucket(
    catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]
) -> None:
    before = SnapshotView(taken(catalog, [write_apis(apis)], "a"))
    changed = [replace(apis[0], license="CC0-1.0"), *apis[1:]]
    after = SnapshotView(taken(catalog, [write_apis(changed)], "b"))
    differing = [old.key for old, new in zip(before.buckets(), after.buckets(), strict=True) if old != new]
    assert len(differing) == 1, "a licence is no part of the content hash, but of the record"
    assert before.fingerprint != after.fingerprint


def test_a_folder_is_written_over_whole(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]) -> None:
    folder = taken(catalog, [write_apis(apis)], "a")
    catalog.load([write_apis(apis[:1], "one-api")], fingerprint="b")
    catalog.snapshot(folder)
    assert len(contents(folder)) == 2
    assert INDEX_NAME in contents(folder)
