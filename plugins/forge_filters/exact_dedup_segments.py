"""Paragraphs and lines of texts: their bounds and hashes, and which of them a document must leave to another.

A line is what stands between line ends; a paragraph, a run of lines that are not blank. Blanks at its ends do not
count, nor do runs of blanks against one. Found and hashed in one pass over Arrow's buffers, some 300 MB of text a
second, compiled by numba. Two segments with one 64-bit hash are not to be expected below some 10**9 of them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forge.errors import StepError
from forge_filters.exact_dedup_ids import id_bytes, places
from forge_filters.shingles import Array, buffers, compiled, mix

if TYPE_CHECKING:
    import pyarrow as pa

_PRIME = np.uint64(0x100000001B3)
_BASIS = np.uint64(0xCBF29CE484222325)
_BLANK = np.uint64(32)

# The first-ranked document of every segment that more than one has. DuckDB compares strings byte by byte.
_OWNERS = """
    WITH ranked AS (
        SELECT doc, id, row_number() OVER (ORDER BY quality DESC NULLS LAST, id) AS place FROM read_parquet($docs)
    )
    SELECT hash, arg_min(id, place) AS owner
    FROM read_parquet($segments) JOIN ranked USING (doc)
    GROUP BY hash HAVING count(DISTINCT doc) > 1 ORDER BY hash
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """The segments of a batch of n texts that are long enough, in order; k of them.

    Attributes:
        rows: int64, k; the text that each is in. starts: int64, k, and ends: int64, k; offsets of its bytes, with the
            line ends and blank lines that follow it. hashes: uint64, k.
    """

    rows: Array
    starts: Array
    ends: Array
    hashes: Array


def segments(data: Array, offsets: Array, *, paragraphs: bool, min_chars: int) -> Segments:
    """Find the paragraphs, or the lines, of at least ``min_chars`` characters in n texts (see `shingles.buffers`)."""
    table, hashes = _segments(data, offsets, paragraphs, min_chars)
    return Segments(rows=table[0], starts=table[1], ends=table[2], hashes=hashes)


@compiled
def _line_end(data: Array, place: int, stop: int) -> tuple[int, bool]:
    """Offset behind the line that begins at ``place``, and whether the line is blank."""
    blank = True
    while place < stop and data[place] != 10:
        blank = blank and (data[place] == 32 or 9 <= data[place] <= 13)
        place += 1
    return min(place + 1, stop), blank


@compiled
def _hash(data: Array, start: int, stop: int) -> tuple[Any, int]:
    """Hash and number of characters, without blanks at the ends and with runs of blanks as one."""
    value = _BASIS
    count = 0
    waiting = False
    for place in range(start, stop):
        byte = data[place]
        if byte == 32 or 9 <= byte <= 13:
            waiting = count > 0
            continue
        if waiting:
            value = (value ^ _BLANK) * _PRIME
            count += 1
            waiting = False
        value = (value ^ np.uint64(byte)) * _PRIME
        count += (byte & 0xC0) != 0x80
    return mix(value), count


@compiled
def _segment_end(data: Array, place: int, stop: int, paragraphs: bool) -> tuple[int, int]:
    """Offsets behind the text of the segment that begins at ``place``, and behind the blank lines that follow it."""
    end, blank = _line_end(data, place, stop)
    if not paragraphs:
        return end, end
    place = end
    while place < stop and not blank:
        place, blank = _line_end(data, place, stop)
        if not blank:
            end = place
    while place < stop:
        after, blank = _line_end(data, place, stop)
        if not blank:
            break
        place = after
    return end, place


@compiled
def _segments(data: Array, offsets: Array, paragraphs: bool, min_chars: int) -> tuple[Array, Array]:
    room = 1 + (offsets[-1] - offsets[0]) // min_chars
    table = np.empty((3, room), np.int64)
    hashes = np.empty(room, np.uint64)
    found = 0
    for row in range(len(offsets) - 1):
        place, stop = offsets[row], offsets[row + 1]
        while place < stop:
            start = place
            end, place = _segment_end(data, start, stop, paragraphs)
            value, count = _hash(data, start, end)
            if count >= min_chars:
                table[0, found], table[1, found], table[2, found], hashes[found] = row, start, place, value
                found += 1
    return table[:, :found], hashes[:found]


def owners(folder: Path, *, memory_mb: int) -> tuple[Array, list[str]]:
    """Hashes (uint64, sorted) of repeated segments and the id of each one's document, from two Parquet files.

    Raises:
        StepError: memory or disk do not suffice.
    """
    import duckdb

    settings: dict[str, Any] = {"memory_limit": f"{memory_mb}MB", "temp_directory": str(folder / "spill")}
    files = {"docs": str(folder / "docs.parquet"), "segments": str(folder / "segments.parquet")}
    try:
        with duckdb.connect(config=settings) as connection:
            found = connection.execute(_OWNERS, files).to_arrow_table()
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        why = str(error).partition("\n")[0][:300]
        raise StepError(
            f"grouping equal segments failed: {why}; free some space on the disk of {folder.parent}, or raise "
            f"memory_mb (now {memory_mb}), and run the same command again"
        ) from error
    return found.column("hash").to_numpy(), found.column("owner").to_pylist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What a text loses.

    Attributes:
        text: what is left, without blanks at its end. count: segments cut. share: of the bytes.
        owns: whether what is left holds a segment that others have lost to it.
    """

    text: str
    count: int
    share: float
    owns: bool


def cut_rows(
    batch: "pa.RecordBatch", repeats: tuple[Array, Array], *, paragraphs: bool, min_chars: int
) -> Iterator[tuple[int, Cut]]:
    """The rows of a batch (id, text) that lose segments, with what they lose.

    Args:
        batch: n documents.
        repeats: sorted hashes of repeated segments, and the ids that keep them (see `owners`).
        paragraphs: whether segments are paragraphs, not lines.
        min_chars: characters of the shortest segment that is cut.
    """
    data, offsets = buffers(batch.column("text"))
    found = segments(data, offsets, paragraphs=paragraphs, min_chars=min_chars)
    where, repeated = places(repeats[0], found.hashes)
    owned = np.zeros(len(repeated), np.bool_)
    ids = id_bytes(batch.column("id").to_pylist())
    owned[repeated] = repeats[1][where[repeated]] == ids[found.rows[repeated]]
    gone = np.flatnonzero(repeated & ~owned)
    if not len(gone):
        return
    owners_here = set(found.rows[owned].tolist())
    rows, firsts = np.unique(found.rows[gone], return_index=True)
    for row, mine in zip(rows.tolist(), np.split(gone, firsts[1:]), strict=True):
        raw = data[offsets[row] : offsets[row + 1]]
        text = _without(raw, found.starts[mine] - offsets[row], found.ends[mine] - offsets[row])
        share = 1 - len(text) / len(raw)
        yield row, Cut(text=text.decode(), count=len(mine), share=share, owns=row in owners_here)


def _without(raw: Array, starts: Array, ends: Array) -> bytes:
    kept, place = [], 0
    for start, end in zip(starts, ends, strict=True):
        kept.append(raw[place:start].tobytes())
        place = end
    return b"".join([*kept, raw[place:].tobytes()]).rstrip()


def write_segments(
    batches: "Iterable[tuple[pa.RecordBatch, pa.DoubleArray]]", folder: Path, *, paragraphs: bool, min_chars: int
) -> None:
    """Write ``segments.parquet`` (hash, doc) and ``docs.parquet`` (doc, id, quality) of batches with their quality."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = pa.schema([("hash", pa.uint64()), ("doc", pa.int32())])
    docs = pa.schema([("doc", pa.int32()), ("id", pa.string()), ("quality", pa.float64())])
    done = 0
    with (
        pq.ParquetWriter(folder / "segments.parquet", kinds, compression="lz4", use_dictionary=False) as segments_file,
        pq.ParquetWriter(folder / "docs.parquet", docs, compression="lz4") as docs_file,
    ):
        for batch, quality in batches:
            found = segments(*buffers(batch.column("text")), paragraphs=paragraphs, min_chars=min_chars)
            numbers = pa.array((found.rows + done).astype(np.int32))
            segments_file.write_batch(pa.RecordBatch.from_arrays([pa.array(found.hashes), numbers], schema=kinds))
            rows = pa.array(range(done, done + batch.num_rows), pa.int32())
            columns = [rows, batch.column("id").cast(pa.string()), quality]
            docs_file.write_batch(pa.RecordBatch.from_arrays(columns, schema=docs))
            done += batch.num_rows
