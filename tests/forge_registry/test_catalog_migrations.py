"""Catalogues of other releases: an older one is brought up to date, a newer one refused."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from forge.errors import CatalogError
from forge.records import ApiRecord
from forge_registry import DuckCatalog, schema
from forge_registry.connection import written
from forge_registry.migrations import LATEST, MIGRATIONS, migrate

Write = Callable[..., Path]


def set_version(path: Path, version: int) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute("UPDATE meta SET value = ? WHERE key = 'schema_version'", [str(version)])


def test_the_columns_are_the_fields_of_the_record() -> None:
    assert tuple(spec.name for spec in dataclasses.fields(ApiRecord)) == schema.API_COLUMNS


def test_a_new_file_has_seen_every_migration(catalog: DuckCatalog) -> None:
    catalog.load([], fingerprint="a")
    with duckdb.connect(str(catalog.path), read_only=True) as connection:
        row = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'").fetchone()
    assert row == (str(len(MIGRATIONS)),)


def test_a_file_of_version_1_is_brought_up_to_date(
    catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord], tmp_path: Path
) -> None:
    catalog.load([write_apis(apis)], fingerprint="a")
    old = DuckCatalog(tmp_path / "it's old.duckdb")
    with written(old.path) as connection:
        migrate(connection, found=0, wanted=1)
        connection.execute(f"ATTACH '{catalog.path}' AS new (READ_ONLY)")
        connection.execute("INSERT INTO apis SELECT * FROM new.apis")
        connection.execute("INSERT INTO meta VALUES ('fingerprint', 'old')")
    assert old.counts() == catalog.counts()
    assert old.fingerprint() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "hidden", "it's old.duckdb"]


def test_a_newer_file_is_refused_by_both_versions(catalog: DuckCatalog) -> None:
    catalog.load([], fingerprint="a")
    set_version(catalog.path, LATEST + 1)
    with pytest.raises(CatalogError, match=rf"version {LATEST + 1}, .* up to {LATEST}; upgrade"):
        catalog.load([], fingerprint="b")
    with pytest.raises(CatalogError, match="upgrade"):
        catalog.counts()
