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
from forge_registry.migrations import LATEST, MIGRATIONS

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


# The tables of the release before this one, as it wrote them. Frozen: such files are on people's disks.
VERSION_2 = """
CREATE TABLE meta (key VARCHAR NOT NULL, value VARCHAR NOT NULL);
CREATE TABLE collections (source VARCHAR NOT NULL, file VARCHAR NOT NULL, apis BIGINT NOT NULL);
CREATE TABLE apis (provider VARCHAR, service VARCHAR, name VARCHAR, kind VARCHAR, method VARCHAR, path VARCHAR,
    description VARCHAR USING COMPRESSION zstd, parameters VARCHAR USING COMPRESSION zstd,
    returns VARCHAR USING COMPRESSION zstd, examples VARCHAR USING COMPRESSION zstd,
    errors VARCHAR USING COMPRESSION zstd, auth VARCHAR, license VARCHAR, source VARCHAR, url VARCHAR, version VARCHAR,
    retrieved_at VARCHAR, id VARCHAR, content_hash VARCHAR, bucket UTINYINT NOT NULL, chosen BOOLEAN NOT NULL,
    documented BOOLEAN NOT NULL);
CREATE VIEW distinct_apis AS SELECT * FROM apis WHERE chosen;
CREATE VIEW documented_apis AS SELECT * FROM apis WHERE documented;
CREATE TABLE counts (facet VARCHAR NOT NULL, label VARCHAR NOT NULL, apis BIGINT NOT NULL);
INSERT INTO meta VALUES ('schema_version', '2'), ('fingerprint', 'old');
"""
OLD_COLUMNS = tuple(
    column
    for column in schema.API_COLUMNS
    if column not in {"license_evidence", "terms_url", "category", "deprecated", "meta"}
)


def write_version_2(path: Path, new: Path) -> None:
    """A file as the release before wrote it, with the rows and counts of the catalogue in ``new``."""
    with written(path) as connection:
        connection.execute(VERSION_2)
        connection.execute(f"ATTACH '{new}' AS new (READ_ONLY)")
        columns = ", ".join(OLD_COLUMNS)
        connection.execute(f"INSERT INTO apis BY NAME SELECT {columns}, bucket, chosen, documented FROM new.apis")
        connection.execute("INSERT INTO collections SELECT * FROM new.collections")
        connection.execute("INSERT INTO counts SELECT * FROM new.counts WHERE facet <> 'near' AND label <> 'strict'")


def test_a_file_of_the_release_before_is_brought_up_to_date(
    catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord], tmp_path: Path
) -> None:
    catalog.load([write_apis(apis)], fingerprint="a")
    old = DuckCatalog(tmp_path / "it's old.duckdb")
    write_version_2(old.path, catalog.path)
    counts, same = catalog.counts(), old.counts()
    assert (same.raw, same.distinct, same.distinct_documented) == (300, 300, counts.distinct_documented)
    assert (same.strict, same.by_provider) == (None, counts.by_provider)
    assert old.fingerprint() == "old"
    query = f"SELECT {', '.join(OLD_COLUMNS)}, bucket, chosen, documented, operation FROM apis ORDER BY id"
    found = []
    for path in (catalog.path, old.path):
        with duckdb.connect(str(path), read_only=True) as connection:
            found.append(connection.execute(query).fetchall())
    assert found[0] == found[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "hidden", "it's old.duckdb"]


def test_a_load_over_a_migrated_file_finds_nothing_changed(
    catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord], tmp_path: Path
) -> None:
    """The recipe of the content hash is another, and whether an API was deprecated was not known: no change is."""
    catalog.load([write_apis(apis)], fingerprint="a")
    old = DuckCatalog(tmp_path / "old.duckdb")
    write_version_2(old.path, catalog.path)
    with duckdb.connect(str(old.path)) as connection:
        connection.execute("UPDATE apis SET content_hash = md5(content_hash)")
    now = [dataclasses.replace(api, deprecated=place == 7, content_hash="") for place, api in enumerate(apis)]
    assert old.load([write_apis(now)], fingerprint="b", at="2026-11-02T00:00:00Z")
    with duckdb.connect(str(old.path), read_only=True) as connection:
        assert connection.execute("SELECT count(*) FROM events").fetchall() == [(0,)]
        seen = connection.execute("SELECT first_seen, last_seen, count(*) FROM history GROUP BY ALL").fetchall()
    assert seen == [(None, "2026-11-02T00:00:00Z", 300)]
    assert old.counts().strict is not None


def test_a_newer_file_is_refused_by_both_versions(catalog: DuckCatalog) -> None:
    catalog.load([], fingerprint="a")
    set_version(catalog.path, LATEST + 1)
    with pytest.raises(CatalogError, match=rf"version {LATEST + 1}, .* up to {LATEST}; upgrade"):
        catalog.load([], fingerprint="b")
    with pytest.raises(CatalogError, match="upgrade"):
        catalog.counts()
