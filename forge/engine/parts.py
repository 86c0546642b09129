"""Parts: the pieces in which a corpus is kept, and how one is written.

A part is what a source or renderer made of one partition: up to four Parquet files (API records, documents,
trajectories, rejects) and a marker ``NAME.json``, written last, that counts them: with a marker, a part is whole.
Rows are buffered 512 at a time, so that memory does not grow with the partition.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from forge.canaries import PREFIX
from forge.errors import CorpusError, StepError
from forge.files import atomic_path, write_bytes
from forge.records import DOMAINS, ApiRecord, Document, Record, Reject, Trajectory, arrow_schema, stable_id, to_row

if TYPE_CHECKING:
    import pyarrow as pa

SHADOW = "~canaries"
"""Label of the parts that hold canaries; no recipe can give it. See `forge.engine.canaries`."""
BATCH_ROWS = 512
BATCH_CHARS = 8 << 20
TABLES: Mapping[type, str] = {
    ApiRecord: "apis",
    Document: "documents",
    Trajectory: "trajectories",
    Reject: "rejects",
}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One finished part.

    Attributes:
        label: of the source or renderer. name: of the partition. key: content key; equal keys, equal rows.
        folder: where its files lie. rows: by table: apis, documents, trajectories, rejects.
        text_bytes: UTF-8 bytes of document text by domain.
        first_rejects: up to five of them, as locator and reason.
    """

    label: str
    name: str
    key: str
    folder: str
    rows: dict[str, int] = field(default_factory=dict)
    text_bytes: dict[str, int] = field(default_factory=dict)
    first_rejects: list[tuple[str, str]] = field(default_factory=list)

    @property
    def stem(self) -> str:
        """File name of the part without what tells its tables apart."""
        return f"{self.name}-{self.key[:16]}"

    def path(self, table: str) -> Path:
        """The Parquet file of one table; it exists if ``rows`` counts any."""
        return Path(self.folder) / f"{self.stem}.{table}.parquet"

    @property
    def marker(self) -> Path:
        """The marker."""
        return Path(self.folder) / f"{self.stem}.json"

    @property
    def bytes(self) -> int:
        """UTF-8 bytes of all document text."""
        return sum(self.text_bytes.values())


def read_part(folder: Path, *, label: str, name: str, key: str) -> Part | None:
    """The part if it is whole, else None."""
    blank = Part(label=label, name=name, key=key, folder=str(folder))
    facts = read_marker(blank.marker)
    if facts is None:
        return None
    part = msgspec.convert({**msgspec.to_builtins(blank), **facts}, Part)
    return part if all(part.path(table).is_file() for table in part.rows) else None


def read_marker(path: Path) -> dict[str, Any] | None:
    """What a marker says; None if it is missing or damaged, so that the work is done again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def write_part(part: Part, records: Iterable[Record | Reject], *, rename: bool) -> Part:
    """Write the records of a part and then its marker.

    Args:
        rename: give documents ids of their own, because the label is not the plugin's name and the same source may
            stand in the recipe twice.
    """
    tally = _Tally(part=part, rename=rename)
    with ExitStack() as stack:
        writers: dict[str, _TableWriter] = {}
        for record in records:
            table = TABLES[type(record)]
            if table not in writers:
                writers[table] = _open_table(stack, part.path(table), kind=type(record))
            writers[table].add(tally.row(record))
        for writer in writers.values():
            writer.flush()
    facts = {
        "rows": {table: writers[table].rows for table in sorted(writers)},
        "text_bytes": dict(sorted(tally.text_bytes.items())),
        "first_rejects": tally.first_rejects,
    }
    write_bytes(part.marker, msgspec.json.encode(facts))
    return msgspec.convert({**msgspec.to_builtins(part), **facts}, Part)


@dataclass(kw_only=True)
class _Tally:
    """Turns records into rows under the part's label, and counts as it goes."""

    part: Part
    rename: bool
    text_bytes: dict[str, int] = field(default_factory=dict)
    first_rejects: list[tuple[str, str]] = field(default_factory=list)

    def row(self, record: Record | Reject) -> dict[str, object]:
        """The record's row."""
        row = to_row(record)
        if isinstance(record, Reject):
            if len(self.first_rejects) < 5:
                self.first_rejects.append((record.locator, record.reason))
            return row
        row["source"] = self.part.label
        if isinstance(record, Document):
            if record.domain not in DOMAINS:
                raise StepError(f"domain {record.domain!r} is none of {', '.join(DOMAINS)}", record=record.id)
            if record.id.startswith(PREFIX) and self.part.label != SHADOW:
                raise StepError(f"ids that begin with {PREFIX} are the canaries'; give others", record=record.id)
            row["id"] = stable_id(self.part.label, record.id) if self.rename else record.id
            size = len(record.text.encode("utf-8", "surrogatepass"))
            self.text_bytes[record.domain] = self.text_bytes.get(record.domain, 0) + size
        return row


class _TableWriter:
    """Buffers rows for an open Parquet file."""

    def __init__(self, writer: Any, schema: "pa.Schema") -> None:
        self.rows = 0
        self._writer = writer
        self._schema = schema
        self._buffer: list[dict[str, object]] = []
        self._chars = 0

    def add(self, row: dict[str, object]) -> None:
        """Take one row."""
        self._buffer.append(row)
        self._chars += len(str(row.get("text") or ""))
        self.rows += 1
        if len(self._buffer) >= BATCH_ROWS or self._chars >= BATCH_CHARS:
            self.flush()

    def flush(self) -> None:
        """Write what is buffered as one row group."""
        if self._buffer:
            self._writer.write_batch(_batch(self._buffer, self._schema))
            self._buffer = []
            self._chars = 0


def _open_table(stack: ExitStack, path: Path, *, kind: type) -> _TableWriter:
    import pyarrow.parquet as pq

    schema = arrow_schema(kind)
    temporary = stack.enter_context(atomic_path(path))
    return _TableWriter(stack.enter_context(pq.ParquetWriter(temporary, schema, compression="zstd")), schema)


def _batch(rows: list[dict[str, object]], schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    return pa.RecordBatch.from_pylist(rows, schema=schema)


def document_batches(part: Part, columns: list[str]) -> "Iterator[pa.RecordBatch]":
    """The documents of a part, some columns of them, in order, 512 rows a batch."""
    import pyarrow.parquet as pq

    with own_file(part.path("documents")) as path, pq.ParquetFile(path) as table:
        for group in range(table.num_row_groups):
            yield from table.read_row_group(group, columns=columns).combine_chunks().to_batches()


@contextmanager
def own_file(path: Path) -> Iterator[Path]:
    """Say what to do when a file of the workspace's own is missing or damaged.

    Raises:
        CorpusError: reading failed in the block; the damaged file is set aside, so that the next run makes it again.
    """
    import pyarrow as pa

    try:
        yield path
    except (pa.ArrowInvalid, FileNotFoundError) as error:
        path.unlink(missing_ok=True)
        reason = str(error).split("\n")[0]
        raise CorpusError(
            f"{path}: missing or damaged ({reason}); run the same command again to make it anew"
        ) from error
