"""What is asked of a catalogue: its counts, its fingerprint, and the snapshot that steps read.

Counts are kept by the load, so that asking costs milliseconds. A snapshot reads the file once and holds some thousand
rows at a time: about 2 CPU seconds and 300 MB for 90,000 APIs.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from forge.catalog import BUCKETS, INDEX_NAME, CatalogCounts, NearDuplicates, bucket_name, write_index
from forge.files import atomic_path
from forge.records import ApiRecord, arrow_schema, stable_id
from forge_registry.schema import API_COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

LARGEST_PROVIDERS = 20
BATCH_ROWS = 2_048

_BUCKET = f"SELECT {', '.join(API_COLUMNS)} FROM documented_apis WHERE bucket = ? ORDER BY id"

_GROUP = ("rule", "apis", "providers", "provider", "name", "id", "description")

# Together these stand for a whole record: the id for its identity, the content hash for what is documented. The day on
# which it was fetched is left out: it bears on no document, and would make each day's export another.
_FINGERPRINTED = (
    "id",
    "content_hash",
    "license",
    "license_evidence",
    "terms_url",
    "category",
    "meta",
    "source",
    "url",
    "version",
)


def fingerprint(connection: "DuckDBPyConnection") -> str | None:
    """The fingerprint of what was loaded last."""
    row = connection.execute("SELECT value FROM meta WHERE key = 'fingerprint'").fetchone()
    return str(row[0]) if row else None


def counts(connection: "DuckDBPyConnection") -> CatalogCounts:
    """Counts as of the last load; the largest first, names breaking ties."""
    rows = connection.execute("SELECT facet, label, apis FROM counts ORDER BY apis DESC, label").fetchall()
    facets: dict[str, dict[str, int]] = {"total": {}, "near": {}, "source": {}, "provider": {}, "licence": {}}
    for facet, label, apis in rows:
        facets[facet][label] = apis
    groups = connection.execute(f"SELECT {', '.join(_GROUP)} FROM near_duplicates ORDER BY rule, place").fetchall()
    return CatalogCounts(
        raw=facets["total"]["raw"],
        distinct=facets["total"]["distinct"],
        distinct_documented=facets["total"]["documented"],
        strict=facets["total"].get("strict"),
        near=dict(sorted(facets["near"].items())),
        near_duplicates=[NearDuplicates(**dict(zip(_GROUP, group, strict=True))) for group in groups],
        by_source=facets["source"],
        by_provider=dict(list(facets["provider"].items())[:LARGEST_PROVIDERS]),
        by_licence=facets["licence"],
    )


def write_snapshot(connection: "DuckDBPyConnection", folder: Path) -> None:
    """Write each bucket that holds anything, then the index; buckets of an earlier snapshot are removed."""
    (folder / INDEX_NAME).unlink(missing_ok=True)
    fingerprints: dict[int, str] = {}
    rows: dict[int, int] = {}
    for bucket in range(BUCKETS):
        path = folder / bucket_name(bucket)
        reader = connection.execute(_BUCKET, [bucket]).to_arrow_reader(BATCH_ROWS)
        parts = _write_bucket(reader, path)
        if parts:
            fingerprints[bucket] = stable_id(*parts)
            rows[bucket] = len(parts)
        else:
            path.unlink(missing_ok=True)
    write_index(folder, fingerprints, rows=rows)


def _write_bucket(reader: "pa.RecordBatchReader", path: Path) -> list[str]:
    """Write the rows of ``reader``, if any; returns a hash of each."""
    import pyarrow.parquet as pq

    schema = arrow_schema(ApiRecord)
    hashes: list[str] = []
    batch = next(reader, None)
    if batch is None or not batch.num_rows:
        return hashes
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        while batch is not None:
            writer.write_batch(batch.cast(schema), row_group_size=BATCH_ROWS)
            hashes.extend(_row_hashes(batch))
            batch = next(reader, None)
    return hashes


def _row_hashes(batch: "pa.RecordBatch") -> list[str]:
    columns = [batch.column(name).to_pylist() for name in _FINGERPRINTED]
    return [stable_id(*("" if value is None else f"={value}" for value in row)) for row in zip(*columns, strict=True)]
