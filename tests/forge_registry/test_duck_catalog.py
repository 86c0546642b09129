"""The catalogue's life: load, load again, count, and every way in which it cannot be opened."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from forge.catalog import Catalog
from forge.errors import CatalogError, WorkspaceError
from forge.records import ApiRecord
from forge_registry import DuckCatalog

Write = Callable[..., Path]


def rows(catalog: DuckCatalog, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(catalog.path), read_only=True) as connection:
        return connection.execute(query).fetchall()


def test_it_fulfils_the_protocol(catalog: DuckCatalog) -> None:
    as_seen_by_the_driver: Catalog = catalog
    assert as_seen_by_the_driver.fingerprint() is None


def test_load_holds_exactly_the_rows_given(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]) -> None:
    assert catalog.load([write_apis(apis[:200]), write_apis(apis[200:], "two")], fingerprint="a")
    assert rows(catalog, "SELECT id, description, parameters IS NULL FROM apis ORDER BY id") == sorted(
        (api.id, api.description, False) for api in apis
    )
    assert rows(catalog, "SELECT * FROM collections") == [("first", "one.apis", 200), ("first", "two.apis", 100)]


def test_load_of_the_same_fingerprint_does_nothing(
    catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]
) -> None:
    table = write_apis(apis)
    catalog.load([table], fingerprint="a")
    before = catalog.path.stat().st_mtime_ns
    assert not catalog.load([table], fingerprint="a")
    assert catalog.path.stat().st_mtime_ns == before
    assert catalog.load([table], fingerprint="b")
    assert catalog.fingerprint() == "b"


def test_load_forgets_what_is_no_longer_given(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]) -> None:
    catalog.load([write_apis(apis)], fingerprint="a")
    catalog.load([write_apis(apis[:10])], fingerprint="b")
    assert catalog.counts().raw == 10
    catalog.load([], fingerprint="c")
    assert catalog.counts().raw == catalog.counts().distinct_documented == 0


def test_load_leaves_nothing_beside_the_catalogue(
    catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]
) -> None:
    folder = catalog.path.parent
    (folder / f".{catalog.path.name}.spill").mkdir(parents=True)
    (folder / f".{catalog.path.name}.1.abcd.tmp.wal").write_bytes(b"of a killed load")
    catalog.load([write_apis(apis)], fingerprint="a")
    assert list(folder.iterdir()) == [catalog.path]


def test_the_same_operation_from_two_sources_is_two_rows_and_one_api(
    catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]
) -> None:
    other = [replace(api, source="a-source", license="CC0-1.0", content_hash="") for api in apis[:30]]
    catalog.load([write_apis(apis), write_apis(other, "two")], fingerprint="a")
    counts = catalog.counts()
    assert (counts.raw, counts.distinct) == (330, 300)
    assert counts.by_source == {"first": 300, "a-source": 30}
    chosen = rows(catalog, "SELECT count(*), count(DISTINCT id) FROM distinct_apis WHERE source = 'a-source'")
    assert chosen == [(30, 30)], "the source that sorts first stands for the operation"


def test_counts_by_provider_are_of_the_largest(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]) -> None:
    many = [replace(api, provider=f"p{number % 25:02d}", id="") for number, api in enumerate(apis)]
    catalog.load([write_apis(many)], fingerprint="a")
    counts = catalog.counts()
    assert counts.distinct_documented == 200
    assert len(counts.by_provider) == 20
    assert list(counts.by_provider.values()) == sorted(counts.by_provider.values(), reverse=True)
    assert counts.by_licence == {"MIT": 100, "unknown": 100}


def test_no_catalogue_says_what_to_run(catalog: DuckCatalog) -> None:
    with pytest.raises(CatalogError, match=r"no catalogue at .*catalog\.duckdb; run `forge build`"):
        catalog.counts()


@pytest.mark.parametrize("content", [b"", b"not a database at all, but longer than a header" * 100])
def test_a_file_that_is_none_of_ours_is_named(catalog: DuckCatalog, content: bytes) -> None:
    catalog.path.parent.mkdir(parents=True)
    catalog.path.write_bytes(content)
    with pytest.raises(CatalogError, match=r"catalog\.duckdb: .*run `forge build`"):
        catalog.fingerprint()


def test_a_damaged_file_is_named(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]) -> None:
    catalog.load([write_apis(apis)], fingerprint="a")
    whole = catalog.path.read_bytes()
    catalog.path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CatalogError, match=r"catalog\.duckdb: damaged .*delete it, then run `forge build`"):
        catalog.snapshot(catalog.path.parent / "snapshot")


def test_a_database_of_something_else_is_not_touched(catalog: DuckCatalog) -> None:
    catalog.path.parent.mkdir(parents=True)
    with duckdb.connect(str(catalog.path)) as connection:
        connection.execute("CREATE TABLE sales (amount INTEGER)")
    with pytest.raises(CatalogError, match="not a catalogue; move it away"):
        catalog.load([], fingerprint="a")
    assert rows(catalog, "SELECT * FROM sales") == []


def test_a_catalogue_held_by_another_process_is_named(
    catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]
) -> None:
    catalog.load([write_apis(apis)], fingerprint="a")
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(catalog.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(CatalogError, match=r"catalog\.duckdb: held by another process"):
            catalog.counts()
        holder.communicate("")
    assert catalog.counts().raw == 300


def test_a_damaged_table_is_named(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]) -> None:
    catalog.load([write_apis(apis)], fingerprint="a")
    bad = write_apis(apis, "bad")
    bad.write_bytes(bad.read_bytes()[:-20])
    with pytest.raises(CatalogError, match=r"bad\.apis\.parquet.*run `forge build`"):
        catalog.load([bad], fingerprint="b")
    assert catalog.fingerprint() == "a"


FILL = """
import resource, signal, sys
from pathlib import Path
from forge.errors import WorkspaceError
from forge_registry import DuckCatalog
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    DuckCatalog(Path(sys.argv[1])).load([Path(sys.argv[2])], fingerprint="b")
except WorkspaceError as error:
    print(error)
"""


def test_no_room_on_the_disk_leaves_the_old_catalogue(
    catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]
) -> None:
    table = write_apis(apis)
    catalog.load([table], fingerprint="a")
    command = [sys.executable, "-c", FILL, str(catalog.path), str(table)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "no room on the disk" in said.stdout, said.stderr
    assert WorkspaceError.__name__ not in said.stderr
    assert catalog.fingerprint() == "a"


def test_importing_the_package_imports_no_database() -> None:
    probe = "import sys, forge_registry; sys.exit('duckdb' in sys.modules or 'pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
