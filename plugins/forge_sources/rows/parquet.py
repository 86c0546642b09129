"""Rows of parquet files, a small batch of a row group at a time.

Batches are cut by what the file's own metadata says of a row group: some `BATCH_BYTES` of it, and for columns written
with a dictionary as many rows as could each hold all of it, so that a value of 50 MB repeated ten thousand times does
not become 500 GB. Cost: 100 to 300 MB of text a second, memory of one page and one batch.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from forge.records import Reject
from forge_sources.rows.reader import Piece, Row, why

if TYPE_CHECKING:
    import pyarrow.parquet as pq

BATCH_BYTES = 8_000_000
BATCH_ROWS = 1_000
DICTIONARY_BYTES = 64_000_000
"""What a batch may grow to if each row holds the whole of a column's dictionary."""


def parquet_rows(piece: Piece, *, limit: int, columns: Sequence[str]) -> Iterator[Row | Reject]:
    """The rows of a parquet file, or of its row groups from ``piece.start`` to ``piece.end``; see `rows`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = piece.first
    try:
        with pq.ParquetFile(piece.path, buffer_size=1 << 20, pre_buffer=False) as table:
            missing = [name for name in columns if not has_column(table, name)]
            if missing:
                known = ", ".join(table.schema_arrow.names)
                yield Reject(locator=piece.label, reason=f"has no column {', '.join(missing)}; it has {known}")
                return
            for group in range(piece.start, table.num_row_groups if piece.end is None else piece.end):
                for row in _group_rows(table, group, columns=columns):
                    yield _checked(row, f"{piece.label}:{number}", number, limit=limit)
                    number += 1
    except (OSError, pa.ArrowException) as error:
        reason = why(error) if isinstance(error, OSError) else str(error).partition("\n")[0]
        yield Reject(locator=f"{piece.label}:{number}", reason=f"cannot be read from here on: {reason}")


def has_column(table: "pq.ParquetFile", name: str) -> bool:
    """Whether the file has the column, or fields below it; dots lead into structures."""
    return any(path == name or path.startswith(f"{name}.") for path in _paths(table))


def _paths(table: "pq.ParquetFile") -> list[str]:
    return [table.schema.column(index).path for index in range(len(table.schema))]


def _group_rows(table: "pq.ParquetFile", group: int, *, columns: Sequence[str]) -> Iterator[Any]:
    size = _batch_rows(table, group, columns=columns)
    wanted = list(columns) or None
    for batch in table.iter_batches(batch_size=size, row_groups=[group], columns=wanted, use_threads=False):
        try:
            yield from batch.to_pylist()
        except UnicodeDecodeError:  # raised before the first row is given; one by one, the sound rows are saved
            yield from (_alone(batch.slice(position, 1)) for position in range(len(batch)))


def _alone(batch: Any) -> Any:
    try:
        return batch.to_pylist()[0]
    except UnicodeDecodeError as error:
        return error


def _batch_rows(table: "pq.ParquetFile", group: int, *, columns: Sequence[str]) -> int:
    """How many rows of a row group fit into the memory that a batch may take."""
    facts = table.metadata.row_group(group)
    chunks = [facts.column(index) for index in range(facts.num_columns)]
    used = [chunk for chunk in chunks if not columns or any(chunk.path_in_schema.startswith(name) for name in columns)]
    total = sum(chunk.total_uncompressed_size for chunk in used) or 1
    worst = max((chunk.total_uncompressed_size for chunk in used if chunk.has_dictionary_page), default=0)
    by_size = int(facts.num_rows * BATCH_BYTES // total)
    by_dictionary = int(DICTIONARY_BYTES // worst) if worst else BATCH_ROWS
    return max(1, min(BATCH_ROWS, by_size, by_dictionary))


def _checked(row: Any, locator: str, number: int, *, limit: int) -> Row | Reject:
    """The row, unless one of its texts is over the limit (in characters first, which costs nothing)."""
    if isinstance(row, UnicodeDecodeError):
        return Reject(locator=locator, reason=f"a text is not UTF-8: {row.reason} at byte {row.start}")
    for value in row.values():
        if isinstance(value, str | bytes) and len(value) * 4 > limit and _bytes(value) > limit:
            return Reject(locator=locator, reason=f"the row is larger than {limit / 1e6:g} MB")
    return Row(number=number, locator=locator, value=row)


def _bytes(value: str | bytes) -> int:
    return len(value.encode("utf-8", "surrogatepass")) if isinstance(value, str) else len(value)
