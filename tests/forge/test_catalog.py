"""The snapshot of a catalogue as steps see it, without the catalogue."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forge.catalog import BUCKETS, INDEX_NAME, SnapshotView, bucket_name, write_index
from forge.errors import CatalogError
from forge.records import ApiRecord, arrow_schema, to_row
from forge.steps import CatalogView


def api(number: int) -> ApiRecord:
    """An API whose sequences are lists, as Parquet gives them back."""
    name = f"n{number}"
    return ApiRecord(
        provider="x.example", service="s", name=name, kind="rest", source="t", examples=[], errors=[], auth=[]
    )


def write_snapshot(folder: Path, buckets: dict[int, list[ApiRecord]]) -> SnapshotView:
    folder.mkdir(exist_ok=True)
    for bucket, records in buckets.items():
        rows = [to_row(record) for record in records]
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(ApiRecord)), folder / bucket_name(bucket))
    fingerprints = {bucket: ".".join(record.id for record in records) for bucket, records in buckets.items()}
    write_index(folder, fingerprints, rows={bucket: len(records) for bucket, records in buckets.items()})
    return SnapshotView(folder)


def test_the_view_reads_what_was_written(tmp_path: Path) -> None:
    view: CatalogView = write_snapshot(tmp_path, {31: [api(3)], 4: [api(1), api(2)]})
    assert [(bucket.key, bucket.size) for bucket in view.buckets()] == [("apis-04", 2), ("apis-31", 1)]
    assert [list(view.read(bucket)) for bucket in view.buckets()] == [[api(1), api(2)], [api(3)]]


def test_an_empty_snapshot_has_no_buckets(tmp_path: Path) -> None:
    assert write_snapshot(tmp_path, {}).buckets() == []


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    one = write_snapshot(tmp_path / "one", {1: [api(1)], 2: [api(2)]})
    same = write_snapshot(tmp_path / "same", {2: [api(2)], 1: [api(1)]})
    other = write_snapshot(tmp_path / "other", {1: [api(1)], 2: [api(3)]})
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert (one.buckets()[0] == other.buckets()[0], one.buckets()[1] == other.buckets()[1]) == (True, False)


def test_without_an_index_there_is_no_snapshot(tmp_path: Path) -> None:
    write_snapshot(tmp_path, {1: [api(1)]})
    (tmp_path / INDEX_NAME).unlink()
    with pytest.raises(CatalogError, match=r"snapshot\.json: no catalogue snapshot; run `forge build`"):
        SnapshotView(tmp_path)


def test_bucket_names_sort_as_their_numbers() -> None:
    names = [bucket_name(bucket) for bucket in range(BUCKETS)]
    assert names == sorted(names)
