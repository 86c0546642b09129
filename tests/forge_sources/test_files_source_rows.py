"""The rows of json and parquet files, told apart and bounded, whatever the files hold."""

import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.records import Reject
from forge_sources.rows import reader as records_reader
from forge_sources.rows.reader import Piece, format_of, rows

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(max_size=8)
    | st.sampled_from(['"', "\\", "]", "[{,"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    values=st.lists(JSON, max_size=6),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    indent=st.sampled_from([None, 1]),
)
def test_an_array_is_told_apart_however_it_is_cut(values, sizes, indent):
    text = json.dumps(values, indent=indent, ensure_ascii=False).encode("utf-8", "replace").strip()[1:]
    array, found = records_reader._Array(10_000), []
    stream, turn = io.BytesIO(text), 0
    while chunk := stream.read(sizes[turn % len(sizes)]):
        found += [json.loads(data) for data in array.feed(chunk)]
        turn += 1
    assert array.is_closed
    assert found == values


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("any") / "a"
    path.write_bytes(data)
    for form in ("json", "jsonl", "parquet"):
        for row in rows(Piece(path=path, label="a", format=form), limit=20):
            assert row.locator.startswith("a")


@pytest.mark.parametrize("end", [b'{"a": 1}', b'{"a": 1},', b'{"a": 1}, {"b', b""])
def test_an_array_that_ends_early_says_so(tmp_path, end):
    path = tmp_path / "a.json"
    path.write_bytes(b"[" + end)
    found = list(rows(Piece(path=path, label="a"), limit=1000))
    assert found[-1].reason == "cannot be read from here on: the array ends early"


def test_a_single_object_is_one_row(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"a": [1]}, indent=1))
    (row,) = rows(Piece(path=path, label="a"), limit=1000)
    assert (row.value, row.locator) == ({"a": [1]}, "a:1")
    (reject,) = rows(Piece(path=path, label="a"), limit=5)
    assert reject == Reject(locator="a:1", reason="the row is larger than 5e-06 MB")


def test_a_parquet_dictionary_is_not_blown_up(tmp_path):
    values = pa.DictionaryArray.from_arrays(pa.array([0] * 60), pa.array(["z" * 20_000_000]))
    path = tmp_path / "bomb.parquet"
    pq.write_table(pa.table({"text": values}), path, compression="zstd", store_schema=False)
    assert path.stat().st_size < 10_000
    before = pa.total_allocated_bytes()
    peaks = []
    for row in rows(Piece(path=path, label="b"), limit=1_000_000):
        assert isinstance(row, Reject)
        peaks.append(pa.total_allocated_bytes() - before)
    assert len(peaks) == 60
    assert max(peaks) < 300_000_000


def test_parquet_text_that_is_no_utf8_is_a_reject_and_the_rest_is_read(tmp_path):
    raw = pa.array([b"good", b"\xff\xfe", b"too"], pa.binary()).cast(pa.large_binary())
    texts = pa.Array.from_buffers(pa.large_string(), 3, raw.buffers())
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": texts}), path)
    found = list(rows(Piece(path=path, label="a"), limit=1000))
    assert [getattr(row, "value", None) for row in found] == [{"text": "good"}, None, {"text": "too"}]
    assert "is not UTF-8" in found[1].reason


def test_nested_columns_are_read_alone(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["x"], "more": [{"a": 1, "b": 2}], "big": ["y"]}), path)
    (row,) = rows(Piece(path=path, label="a"), limit=1000, columns=("text", "more.b"))
    assert row.value == {"text": "x", "more": {"b": 2}}


@pytest.mark.parametrize(
    ("name", "data", "form"),
    [
        ("a.JSONL", b"", "jsonl"),
        ("a.json", b'{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("a.json", b'{"a": 1}\n', "json"),
        ("a.json", b'{\n"a": 1}\n', "json"),
        ("a", b"PAR1....", "parquet"),
        ("a", b"WARC/1.0\r\n", "warc"),
        ("a.warc.wet.gz", b"", "warc"),
        ("notes.md", b"{not json}", "text"),
        ("v1.2", b"plain", "text"),
    ],
)
def test_formats_are_found_by_name_then_by_content(tmp_path, name, data, form):
    Path(tmp_path / name).write_bytes(data)
    assert format_of(tmp_path / name) == form


def test_rows_are_of_three_formats_only(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ValueError, match="rows are read from jsonl, json and parquet"):
        rows(Piece(path=tmp_path / "a.txt", label="a"), limit=10)
