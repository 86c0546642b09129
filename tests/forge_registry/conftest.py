"""Small API tables for the catalogue's tests."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forge.records import ApiRecord, arrow_schema, to_row
from forge_registry import DuckCatalog

WriteApis = Callable[..., Path]


def write_table(path: Path, records: Iterable[ApiRecord]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [to_row(record) for record in records]
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(ApiRecord)), path, row_group_size=100)
    return path


@pytest.fixture
def write_apis(tmp_path: Path) -> WriteApis:
    """``write_apis(records, name="one")`` writes an API Parquet file as a source leaves it."""

    def write(records: Sequence[ApiRecord], name: str = "one") -> Path:
        return write_table(tmp_path / "corpus" / f"{name}.apis.parquet", records)

    return write


@pytest.fixture
def catalog(tmp_path: Path) -> DuckCatalog:
    return DuckCatalog(tmp_path / "hidden" / "catalog.duckdb")


@pytest.fixture
def apis() -> list[ApiRecord]:
    """Three hundred operations of seven services, two thirds of them documented."""
    return [
        ApiRecord(
            provider=f"provider-{number % 7}.example",
            service="store",
            name=f"operation{number}",
            kind="rest",
            method="GET",
            path=f"/items/{number}",
            description="" if number % 3 == 2 else f"Returns item {number} of the store, with all its fields.",
            parameters={"type": "object", "properties": {"limit": {"type": "integer", "description": "at most"}}},
            returns={"type": "object"} if number % 2 else None,
            examples=[{"arguments": {"limit": number}}],
            errors=[{"code": "404", "description": "no such item"}],
            auth=["apiKey"],
            license="MIT" if number % 2 else "unknown",
            source="first",
        )
        for number in range(300)
    ]
