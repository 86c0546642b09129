"""Rows of jsonl, json and parquet files, packed or not, one at a time, each with a locator to find it again.

    for row in rows(Piece(path=path, label="data/tools.jsonl"), limit=10_000_000):
        if isinstance(row, Reject): ...            # what cannot be read, and why
        else: row.value["text"], row.locator       # data/tools.jsonl:17

Nothing is read whole: a row longer than ``limit`` bytes is a `Reject`, also inside gzip and zstd, and what follows a
row that goes on for `ENDLESS` times the limit is left unread. A file that ends early or is damaged gives the rows
before the damage and a `Reject`. gzip and zstd are read through pyarrow, which notices a stream that was cut short.

Cost: some 300 MB of jsonl a second, 30 to 100 MB of one json array (its elements are told apart in Python), a few rows
of memory.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from forge.records import Reject

FORMATS = ("jsonl", "json", "parquet", "text", "warc")
ENDLESS = 32
"""Times the limit after which a row is taken for a bomb, and the rest of its file left alone."""

_CHUNK = 1 << 18
_LINE_PEEK = 4_000_000
_PACKED = (".gz", ".zst", ".zstd")
_ENDINGS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".parquet": "parquet",
    ".warc": "warc",
    ".wet": "warc",
}
_BACKSLASH, _QUOTATION, _COMMA, _CLOSE = b'\\",]'
_OPENING, _CLOSING = b"{[", b"}]"
_MARK = re.compile(rb'["\\{}\[\],]')
_QUOTE = re.compile(rb'["\\]')


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A file, or a part of one.

    Attributes:
        path: where it lies. label: what locators call it.
        format: one of `FORMATS`; empty: as `format_of` finds.
        start, end: byte range of whole lines (plain jsonl), or range of row groups (parquet); end None: all the rest.
        first: number of the first row of the range, counted from 1.
    """

    path: Path
    label: str
    format: str = ""
    start: int = 0
    end: int | None = None
    first: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: its ``number`` in the file from 1, its ``locator`` (``file:number``), and the ``value`` as decoded."""

    number: int
    locator: str
    value: Any


class Endless(Exception):  # noqa: N818
    """A row without an end in sight."""


def rows(piece: Piece, *, limit: int, columns: Sequence[str] = ()) -> Iterator[Row | Reject]:
    """The rows of a jsonl, json or parquet file or part of one, streamed.

    A json file that holds an array gives its elements; one that holds something else gives one row.

    Args:
        limit: bytes of a row's JSON (or of a parquet cell) after which it is a `Reject`.
        columns: what to read of a parquet file, dotted names for nested fields; empty: everything.

    Raises:
        ValueError: the piece's format is neither of the three.
    """
    found = piece.format or format_of(piece.path)
    if found == "parquet":
        from forge_sources.rows.parquet import parquet_rows

        return parquet_rows(piece, limit=limit, columns=columns)
    if found == "jsonl":
        return _decoded(piece, _lines, limit=limit)
    if found == "json":
        return _decoded(piece, _elements, limit=limit)
    raise ValueError(f"{piece.label}: rows are read from jsonl, json and parquet, not from {found}")


def format_of(path: Path) -> str:
    """The format of a file by its name, else by its first bytes; ``text`` where neither says.

    A file called json that holds an object a line is jsonl, and so is a packed file without a telling name
    (``part-0.gz``) that begins with a brace.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    is_packed = bool(suffixes) and suffixes[-1] in _PACKED
    name = suffixes[-2] if is_packed and len(suffixes) > 1 else suffixes[-1] if suffixes else ""
    try:
        if name == ".json":
            return "jsonl" if _holds_lines(path) else "json"
        if name in _ENDINGS:
            return _ENDINGS[name]
        with closing(unpacked(path)) as stream:
            head = stream.read(64)
    except OSError:
        return _ENDINGS.get(name, "text")
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith(b"WARC/1."):
        return "warc"
    return "jsonl" if is_packed and head.lstrip().startswith(b"{") else "text"


def _holds_lines(path: Path) -> bool:
    """Whether a file called json holds one object a line, as many do: its first two lines are whole objects."""
    import orjson

    with closing(unpacked(path)) as stream:
        lines = [stream.readline(_LINE_PEEK).strip() for _ in range(2)]
    try:
        return all(isinstance(orjson.loads(line), dict) for line in lines)
    except orjson.JSONDecodeError:
        return False


def packing_of(path: Path) -> str | None:
    """``gzip``, ``zstd`` or None, by the first bytes. Raises OSError if the file may not be read."""
    with path.open("rb") as stream:
        head = stream.read(4)
    return "gzip" if head.startswith(b"\x1f\x8b") else "zstd" if head == b"\x28\xb5\x2f\xfd" else None


def unpacked(path: Path) -> BinaryIO:
    """The file's bytes, through gzip or zstd (all members and frames) where it is packed.

    Reading raises OSError where the packed stream ends early or is damaged.
    """
    packing = packing_of(path)
    if packing is None:
        return path.open("rb", buffering=_CHUNK)
    import io

    import pyarrow as pa

    return io.BufferedReader(pa.input_stream(str(path), compression=packing), _CHUNK)


def why(error: OSError) -> str:
    """One line on a file that cannot be read, without its path."""
    return (error.strerror or str(error)).replace("\n", " ").strip()


def _decoded(piece: Piece, split: Any, *, limit: int) -> Iterator[Row | Reject]:
    """Rows of the pieces of JSON that ``split`` finds: ``(number, bytes)``, or None for one over the limit."""
    import orjson

    number = piece.first - 1
    try:
        with closing(unpacked(piece.path)) as stream:
            for number, data in split(stream, piece, limit):
                locator = f"{piece.label}:{number}"
                if data is None:
                    yield Reject(locator=locator, reason=f"the row is larger than {limit / 1e6:g} MB")
                    continue
                try:
                    value = orjson.loads(data)
                except orjson.JSONDecodeError as error:
                    yield Reject(locator=locator, reason=f"not JSON: {error}")
                    continue
                yield Row(number=number, locator=locator, value=value)
    except OSError as error:
        yield Reject(locator=f"{piece.label}:{number + 1}", reason=f"cannot be read from here on: {why(error)}")
    except Endless:
        reason = f"the row goes on for more than {ENDLESS * limit / 1e6:g} MB; the rest of the file is left unread"
        yield Reject(locator=f"{piece.label}:{number + 1}", reason=reason)


def _lines(stream: BinaryIO, piece: Piece, limit: int) -> Iterator[tuple[int, bytes | None]]:
    """Numbered lines with something in them; None for one over the limit, which is skipped without keeping it."""
    if piece.start:
        stream.seek(piece.start)
    left = None if piece.end is None else piece.end - piece.start
    number = piece.first
    while left is None or left > 0:
        line = stream.readline(limit + 2)
        if not line:
            return
        size = len(line)
        is_long = len(line.rstrip(b"\r\n")) > limit
        if is_long and not line.endswith(b"\n"):
            yield number, None
            size += _skip_line(stream, most=limit * ENDLESS)
        elif is_long:
            yield number, None
        elif not line.isspace():
            yield number, line
        left = None if left is None else left - size
        number += 1


def _skip_line(stream: BinaryIO, *, most: int) -> int:
    """Go to the end of the line; how many bytes that was. Raises `Endless` after ``most`` bytes."""
    skipped = 0
    while skipped <= most:
        part = stream.readline(_CHUNK)
        skipped += len(part)
        if not part or part.endswith(b"\n"):
            return skipped
    raise Endless


def _elements(stream: BinaryIO, _piece: Piece, limit: int) -> Iterator[tuple[int, bytes | None]]:
    """Numbered elements of a top-level array; anything else is one element.

    Raises:
        OSError: the file ends within the array. Endless: an element does not end.
    """
    chunk = stream.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not chunk.startswith(b"["):
        data = chunk + stream.read(max(limit + 1 - len(chunk), 0))
        yield 1, None if len(data) > limit else data
        return
    array = _Array(limit)
    chunk, number = chunk[1:] or stream.read(_CHUNK), 0
    while chunk:
        for element in array.feed(chunk):
            number += 1
            yield number, element
        if array.is_closed:
            return
        chunk = stream.read(_CHUNK)
    raise OSError("the array ends early")


class _Array:
    """The elements of an array whose opening bracket has been read, by counting brackets outside of strings."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.is_closed = False
        self.depth = 0
        self.in_string = False
        self.hidden = 0  # 1: a backslash at the end of the last chunk hides the first byte of the next
        self.kept = bytearray()
        self.size = 0  # bytes of the element so far; above the limit they are not kept

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """The elements that end in this chunk; None for one over the limit. Raises `Endless`."""
        start, position = 0, self.hidden
        while match := (_QUOTE if self.in_string else _MARK).search(chunk, position):
            mark, position = chunk[match.start()], match.end()
            if mark == _BACKSLASH:
                position += 1
            elif not self._inside(mark):
                self._keep(chunk[start : match.start()])
                if mark == _COMMA or self.kept.strip():
                    yield None if self.size > self.limit else bytes(self.kept)
                self.kept.clear()
                start, self.size = position, 0
                if mark == _CLOSE:
                    self.is_closed = True
                    return
        self.hidden = max(position - len(chunk), 0)
        self._keep(chunk[start:])
        if self.size > self.limit * ENDLESS:
            raise Endless

    def _inside(self, mark: int) -> bool:
        """Take note of a quote or bracket; False for what ends an element of the array itself."""
        if mark == _QUOTATION:
            self.in_string = not self.in_string
        elif mark in _OPENING:
            self.depth += 1
        elif mark in _CLOSING and self.depth:
            self.depth -= 1
        else:
            return self.depth > 0
        return True

    def _keep(self, data: bytes) -> None:
        self.size += len(data)
        if self.size <= self.limit:
            self.kept += data
