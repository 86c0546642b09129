"""Files found by path or glob, and cut into partitions by content.

A large jsonl file becomes slices of whole lines, a large parquet file groups of row groups; small files share buckets.
Every piece is named with a hash of its bytes, so that a file that grew is read again from its last slice on. Cost: one
reading of every byte, 2 to 5 GB a second from a warm page cache.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from forge.errors import StepError
from forge.files import file_hash
from forge.records import stable_id
from forge.steps import Partition
from forge_sources.rows.reader import Piece, format_of, packing_of
from forge_sources.spec_files import UNREADABLE, bucket_of, combined

SMALL = 1_000_000
"""Bytes below which files share a partition with others."""
BUCKETS = 32
_CHUNK = 1 << 20
_MAGIC = "*?["


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A piece with the hash of its bytes and their number."""

    piece: Piece
    digest: str
    size: int


def find_files(patterns: Sequence[str], workspace: Path) -> dict[str, Path]:
    """Files by label, in the order of labels: paths below the workspace, or below the part of a glob that is fixed.

    A folder stands for all files below it. Hidden files are left out, unless a pattern names them.

    Raises:
        StepError: a pattern finds nothing, or two files would have one label.
    """
    found: dict[str, Path] = {}
    for pattern in patterns:
        matches = sorted(_matches(pattern, workspace))
        if not matches:
            raise StepError(f"no file matches {pattern!r} in {workspace}; mend paths=")
        for label, path in matches:
            if found.setdefault(label, path) != path:
                message = f"{path} and {found[label]} would both be called {label}; give them in two sources"
                raise StepError(message)
    return dict(sorted(found.items()))


def plan_of(patterns: Sequence[str], workspace: Path) -> str:
    """What reading the files would take, in one line. Raises as `find_files`."""
    files = find_files(patterns, workspace)
    size = sum(path.stat().st_size for path in files.values())
    return f"reads {len(files):,} files of {size / 1e6:,.1f} MB in all; fetches nothing"


def _matches(pattern: str, workspace: Path) -> Iterator[tuple[str, Path]]:
    path = workspace / pattern
    if path.is_file():
        yield _label(path, base=path.parent, workspace=workspace), path
        return
    parts = path.parts
    fixed = next((at for at, part in enumerate(parts) if any(sign in part for sign in _MAGIC)), len(parts) - 1)
    base, rest = (path, "**/*") if path.is_dir() else (Path(*parts[:fixed]), "/".join(parts[fixed:]))
    for found in base.glob(rest):
        hidden = "/." in f"/{found.relative_to(base).as_posix()}" and "/." not in f"/{rest}"
        if not hidden and found.is_file():
            yield _label(found, base=base, workspace=workspace), found


def _label(path: Path, *, base: Path, workspace: Path) -> str:
    """The path as any machine would say it: within the workspace, else from the name of the folder searched."""
    root = workspace if path.is_relative_to(workspace) else base.parent
    return path.relative_to(root).as_posix()


def cuts(files: dict[str, Path], *, form: str, split: int) -> list[Cut]:
    """All pieces of the files, in order; four files are read at a time.

    Args:
        form: format of all files; empty: as `format_of` finds. split: bytes above which a file is cut.
    """
    from concurrent.futures import ThreadPoolExecutor

    def cut(entry: tuple[str, Path]) -> list[Cut]:
        label, path = entry
        piece = Piece(path=path, label=label, format=form or format_of(path))
        try:
            return list(_cut(piece, split=split))
        except OSError:
            return [Cut(piece=piece, digest=UNREADABLE, size=0)]

    with ThreadPoolExecutor(max_workers=4) as pool:
        return [each for found in pool.map(cut, files.items()) for each in found]


def _cut(piece: Piece, *, split: int) -> Iterator[Cut]:
    size = piece.path.stat().st_size
    if piece.format == "jsonl" and size > split and packing_of(piece.path) is None:
        yield from _line_cuts(piece, split=split)
    elif piece.format == "parquet" and size > split:
        yield from _row_group_cuts(piece, split=split, size=size)
    else:
        yield Cut(piece=piece, digest=file_hash(piece.path), size=size)


def _line_cuts(piece: Piece, *, split: int) -> Iterator[Cut]:
    """Slices of at least ``split`` bytes that end with a line, but for the last."""
    import xxhash

    digest, size, start, first, lines = xxhash.xxh3_128(), 0, 0, 1, 0
    with piece.path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            end = chunk.find(b"\n", max(split - size - 1, 0)) + 1 if size + len(chunk) >= split else 0
            head, rest = (chunk[:end], chunk[end:]) if end else (chunk, b"")
            digest.update(head)
            size += len(head)
            lines += head.count(b"\n")
            if end:
                yield _slice(piece, digest.hexdigest(), start=start, end=start + size, first=first)
                start, first = start + size, first + lines
                digest, size, lines = xxhash.xxh3_128(rest), len(rest), rest.count(b"\n")
    if size:
        yield _slice(piece, digest.hexdigest(), start=start, end=start + size, first=first)


def _slice(piece: Piece, digest: str, *, start: int, end: int, first: int) -> Cut:
    return Cut(piece=replace(piece, start=start, end=end, first=first), digest=digest, size=end - start)


def _row_group_cuts(piece: Piece, *, split: int, size: int) -> Iterator[Cut]:
    """Groups of row groups of some ``split`` bytes; the whole file where its metadata cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    digest = file_hash(piece.path)
    try:
        facts = pq.read_metadata(piece.path)
    except pa.ArrowException:
        yield Cut(piece=piece, digest=digest, size=size)
        return
    start, first, rows, held = 0, 1, 0, 0
    for group in range(facts.num_row_groups):
        row_group = facts.row_group(group)
        rows += row_group.num_rows
        held += sum(row_group.column(index).total_compressed_size for index in range(row_group.num_columns))
        if held >= split or group == facts.num_row_groups - 1:
            part = replace(piece, start=start, end=group + 1, first=first)
            yield Cut(piece=part, digest=f"{digest}:{start}-{group + 1}", size=held)
            start, first, rows, held = group + 1, first + rows, 0, 0


def partitions_of(found: Iterable[Cut], *, workspace: Path) -> list[Partition]:
    """One partition a large piece, and one a bucket of small files."""
    buckets: dict[int, list[Cut]] = {}
    made = []
    for cut in found:
        if cut.size < SMALL and not cut.piece.start and cut.piece.end is None:
            buckets.setdefault(bucket_of(cut.piece.label, BUCKETS), []).append(cut)
        else:
            made.append(_partition(f"{_slug(cut.piece.label)}-{cut.piece.start}", [cut], workspace=workspace))
    shared = [_partition(f"files-{at:02d}", group, workspace=workspace) for at, group in sorted(buckets.items())]
    return [*shared, *made]


def _partition(key: str, group: Sequence[Cut], *, workspace: Path) -> Partition:
    marks = [mark for cut in group for mark in (cut.piece.label, cut.piece.format, str(cut.piece.first), cut.digest)]
    return Partition(
        key=key,
        fingerprint=combined(marks),
        items=tuple(item_of(cut.piece, workspace=workspace) for cut in group),
        size=sum(cut.size for cut in group),
    )


def item_of(piece: Piece, *, workspace: Path) -> str:
    """A piece as a partition's item, its path relative to the workspace where it lies in it."""
    inside = piece.path.is_relative_to(workspace)
    path = str(piece.path.relative_to(workspace) if inside else piece.path)
    return msgspec.json.encode((path, piece.label, piece.format, piece.start, piece.end, piece.first)).decode()


def piece_of(item: str, *, workspace: Path) -> Piece:
    """The piece that `item_of` wrote.

    Raises:
        StepError: its file has gone since.
    """
    path, label, form, start, end, first = msgspec.json.decode(item, type=tuple[str, str, str, int, int | None, int])
    if not (workspace / path).is_file():
        raise StepError("the file is gone; run the same command again", record=label)
    return Piece(path=workspace / path, label=label, format=form, start=start, end=end, first=first)


def _slug(label: str) -> str:
    name = "".join(letter if (letter.isascii() and letter.isalnum()) or letter in "._-" else "-" for letter in label)
    return f"{name.lstrip('.-')[-80:].lstrip('.-') or 'file'}-{stable_id(label)[:8]}"
