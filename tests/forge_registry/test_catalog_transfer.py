"""A catalogue as a folder of Parquet files, and back, row for row."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from forge.errors import CatalogError
from forge.files import sha256
from forge.records import ApiRecord
from forge_registry import DuckCatalog
from forge_registry.migrations import LATEST
from forge_registry.search_index import is_current, searchable
from forge_registry.transfer import INDEX_NAME, TABLES, read_folder, write_folder

Write = Callable[..., Path]


@pytest.fixture
def exported(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord], tmp_path: Path) -> Path:
    """The export of a catalogue of two sources with a history."""
    other = [replace(api, source="second", terms_url="https://x.example/terms", content_hash="") for api in apis[:20]]
    catalog.load([write_apis(apis), write_apis(other, "two")], fingerprint="a", at="2026-11-01T00:00:00Z")
    changed = [replace(api, description=f"{api.description} And more.", content_hash="") for api in apis[:40]]
    catalog.load([write_apis(changed), write_apis(other, "two")], fingerprint="b", at="2026-11-02T00:00:00Z")
    folder = tmp_path / "it's exported"
    write_folder(catalog.path, folder)
    return folder


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """The rows of every table, in order; keys of ``meta`` may stand in any."""
    with duckdb.connect(str(path), read_only=True) as connection:
        found = {table: connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall() for table in TABLES}
    return {**found, "meta": sorted(found["meta"])}


def test_a_round_trip_is_equal_row_for_row(catalog: DuckCatalog, exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "catalog.duckdb"
    index = read_folder(path, exported)
    assert contents(path) == contents(catalog.path)
    assert {table.table: table.rows for table in index.tables}["versions"] == len(contents(path)["versions"]) > 0
    assert DuckCatalog(path).counts() == catalog.counts()
    assert DuckCatalog(path).fingerprint() == "b"
    with searchable(path) as connection:
        assert is_current(connection)
    assert sorted(item.name for item in path.parent.iterdir()) == ["catalog.duckdb"]


def test_a_second_export_has_the_same_bytes(catalog: DuckCatalog, exported: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in exported.iterdir()}
    write_folder(catalog.path, exported)
    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before
    new = tmp_path / "new.duckdb"
    read_folder(new, exported)
    write_folder(new, tmp_path / "again")
    for name, data in before.items():
        if name not in {"meta.parquet", INDEX_NAME}:
            assert (tmp_path / "again" / name).read_bytes() == data


def test_a_catalogue_is_replaced_only_when_told(catalog: DuckCatalog, exported: Path) -> None:
    before = catalog.path.read_bytes()
    with pytest.raises(CatalogError, match=r"there is a catalogue already; give --replace"):
        read_folder(catalog.path, exported)
    assert catalog.path.read_bytes() == before
    read_folder(catalog.path, exported, replace=True)
    assert catalog.fingerprint() == "b"


def test_a_folder_of_something_else_is_not_written_to(catalog: DuckCatalog, exported: Path, tmp_path: Path) -> None:
    (exported / "notes.txt").write_text("mine")
    with pytest.raises(CatalogError, match="holds something else than an exported catalogue"):
        write_folder(catalog.path, exported)
    with pytest.raises(CatalogError, match="holds something else"):
        write_folder(catalog.path, exported / "notes.txt")


def damage(folder: Path, kind: str) -> None:
    path = folder / "events.parquet"
    index = json.loads((folder / INDEX_NAME).read_text())
    if kind == "bytes":
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    elif kind == "missing":
        path.unlink()
    elif kind == "index":
        (folder / INDEX_NAME).write_text("{")
    elif kind == "foreign":
        (folder / INDEX_NAME).write_text(json.dumps({**index, "format": "a museum's"}))
    elif kind == "unfinished":
        (folder / INDEX_NAME).unlink()
    elif kind == "newer":
        (folder / INDEX_NAME).write_text(json.dumps({**index, "schema_version": LATEST + 1}))
    elif kind == "other table":
        path.write_bytes((folder / "history.parquet").read_bytes())
        for table in index["tables"]:
            table["sha256"] = sha256(folder / f"{table['table']}.parquet")
        (folder / INDEX_NAME).write_text(json.dumps(index))
    elif kind == "strange table":
        index["tables"][0]["table"] = "../meta"
        (folder / INDEX_NAME).write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("bytes", r"events\.parquet: damaged: SHA-256"),
        ("missing", r"events\.parquet: missing"),
        ("index", r"catalog\.json: damaged"),
        ("foreign", r"not of an exported catalogue but \"a museum's\""),
        ("unfinished", r"no exported catalogue: catalog\.json is missing"),
        ("newer", rf"schema version {LATEST + 1}, and this release reads up to {LATEST}; upgrade"),
        ("other table", r"cannot be read: .*; export the catalogue again"),
        ("strange table", r"its list of tables is not whole"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(exported: Path, tmp_path: Path, kind: str, message: str) -> None:
    damage(exported, kind)
    path = tmp_path / "new" / "catalog.duckdb"
    with pytest.raises(CatalogError, match=message) as raised:
        read_folder(path, exported)
    assert "\n" not in str(raised.value)
    assert not path.exists()
    assert not path.parent.exists() or not list(path.parent.iterdir())
