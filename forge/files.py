"""Files that are either whole or absent, and the hashes that name them.

Every file of a workspace is written to a temporary name beside its place, flushed to the disk and renamed, so that a
process killed at any moment leaves the old file, the new file, or none. Temporary names end in ``.tmp``; the next
holder of the workspace's lock sweeps them. Cost: one fsync of file and folder each, about a millisecond.
"""

import hashlib
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import xxhash

from forge.errors import NO_ROOM, WorkspaceError, no_room

__all__ = [
    "NO_ROOM",
    "atomic_path",
    "file_hash",
    "flush",
    "sha256",
    "sweep",
    "write_bytes",
    "write_text",
]

_CHUNK = 1 << 20


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends well, and vanishes when it does not.

    Raises:
        WorkspaceError: the disk is full (or a quota or file-size limit is reached); nothing of the file is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        flush(temporary)
        temporary.replace(path)
        flush(path.parent)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise WorkspaceError(no_room(path, error)) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8 to ``path``, whole or not at all."""
    write_bytes(path, text.encode())


def file_hash(path: Path) -> str:
    """XXH3-128 of a file's bytes, 32 hex digits, at GBs a second. Names content; no guard against malice."""
    digest = xxhash.xxh3_128()
    for chunk in _chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, 64 hex digits."""
    digest = hashlib.sha256()
    for chunk in _chunks(path):
        digest.update(chunk)
    return digest.hexdigest()


def sweep(folders: Iterable[Path]) -> int:
    """Remove the temporary files and folders that killed processes left; returns how many. Hold the lock meanwhile."""
    leftovers = [path for folder in folders if folder.is_dir() for path in folder.rglob(".*.tmp")]
    for leftover in leftovers:
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)
    return len(leftovers)


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
