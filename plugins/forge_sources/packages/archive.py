"""Members of a wheel, source distribution, npm tarball or Debian package, read straight from the archive.

Nothing is unpacked to disk. Limits hold whatever the headers say: bytes a member, bytes and members an archive. Members
come in the archive's own order, so that equal archives give equal records, and no two whole ones have the same path.
Cost: one decompression of the archive, a tarball two, since its names must be known before its top folder is taken off
(a zip: of the members that are wanted); one member in memory at a time.
"""

import errno
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from forge.errors import StepError

MOST_BYTES = 4_000_000_000
MOST_MEMBERS = 500_000
_OF_THE_ARCHIVE = (None, errno.EINVAL)
"""Numbers of the errors that come of an archive's bytes: zstd's have none, a zip may name a place before its start."""
BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    gzip.BadGzipFile,
    NotImplementedError,
)


class _Readable(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A file of the archive.

    Attributes:
        path: without the archive's top folder, where its kind has one and all files lie in it.
        data: its bytes; empty where there is a problem.
        problem: why it cannot be read, in one line, or empty.
    """

    path: str
    data: bytes = b""
    problem: str = ""


def members(archive: Path, *, wanted: Callable[[str], bool], limit: int) -> Iterator[Member]:
    """The wanted files of at most ``limit`` bytes; larger ones are passed over.

    Of files with one path the first is read; each further one has a problem.

    Args:
        wanted: says of a path whether it is read.
        limit: largest size of a file, by its header, in bytes.

    Raises:
        StepError: the archive ends early, is none that we know, or holds more than the limits.
    """
    seen: set[str] = set()
    with _explained(archive):
        for member in _members(archive, wanted=wanted, limit=limit):
            if member.path in seen:
                yield Member(path=member.path, problem="is in the archive more than once; the first one counts")
                continue
            seen.add(member.path)
            yield member


def _members(archive: Path, *, wanted: Callable[[str], bool], limit: int) -> Iterator[Member]:
    if archive.suffix in (".whl", ".zip"):
        yield from _zip_members(archive, wanted=wanted, limit=limit)
    elif archive.suffix == ".deb":
        yield from _deb_members(archive, wanted=wanted, limit=limit)
    else:
        with tarfile.open(archive, "r|*") as tar:
            top = _common_top(_tar_names(tar))
        with tarfile.open(archive, "r|*") as tar:
            yield from _tar_members(tar, wanted=wanted, limit=limit, top=top)


@contextmanager
def _explained(archive: Path) -> Iterator[None]:
    try:
        yield
    except BROKEN as error:
        raise StepError(
            f"{archive}: not a whole archive ({error or type(error).__name__}); delete its folder and run again"
        ) from error
    except OSError as error:
        if error.errno not in _OF_THE_ARCHIVE:  # a disk in trouble is another matter
            raise
        raise StepError(f"{archive}: not a whole archive ({error}); delete its folder and run again") from error


def _zip_members(archive: Path, *, wanted: Callable[[str], bool], limit: int) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as packed:
        names = (info.filename for info in packed.infolist() if not info.is_dir())
        top = "" if archive.suffix == ".whl" else _common_top(names)
        budget = _Budget(archive)
        for info in packed.infolist():
            budget.spend(0)
            path = _inner(info.filename, top=top)
            if info.is_dir() or info.file_size > limit or not wanted(path):
                continue
            budget.spend(info.file_size, members=0)
            if info.flag_bits & 1:
                yield Member(path=path, problem="is encrypted")
                continue
            with packed.open(info) as stream:
                yield _read(path, stream, limit=limit)


def _tar_members(tar: tarfile.TarFile, *, wanted: Callable[[str], bool], limit: int, top: str) -> Iterator[Member]:
    budget = _Budget(tar.name)
    for info in tar:
        budget.spend(info.size)
        path = _inner(info.name, top=top)
        if not info.isfile() or info.size > limit or not wanted(path):
            continue
        stream = tar.extractfile(info)
        if stream is not None:
            yield _read(path, stream, limit=limit)


def _deb_members(archive: Path, *, wanted: Callable[[str], bool], limit: int) -> Iterator[Member]:
    """Files of ``data.tar``; those that Debian compressed one by one (``.gz``) are read as what they hold."""

    def wanted_inside(path: str) -> bool:
        return wanted(path.removesuffix(".gz"))

    with archive.open("rb") as stream, _data_tar(stream, archive) as tar:
        for member in _tar_members(tar, wanted=wanted_inside, limit=limit, top=""):
            if not member.path.endswith(".gz") or member.problem:
                yield member
                continue
            with gzip.open(io.BytesIO(member.data)) as inner:
                yield _read(member.path.removesuffix(".gz"), inner, limit=limit)


@contextmanager
def _data_tar(stream: IO[bytes], archive: Path) -> Iterator[tarfile.TarFile]:
    """The ``data.tar`` of a Debian package: an ``ar`` archive, 60-byte headers, data padded to even lengths."""
    if stream.read(8) != b"!<arch>\n":
        raise tarfile.ReadError("not a Debian package")
    while len(header := stream.read(60)) == 60:
        name, stated = header[:16].decode("ascii", "replace").strip().rstrip("/"), header[48:58].strip()
        if not stated.isdigit():
            raise tarfile.ReadError("a Debian package with a header that states no size")
        size = int(stated)
        if name.startswith("data.tar"):
            with _unpacked(stream, name) as plain, tarfile.open(name=archive, fileobj=plain, mode="r|") as tar:
                yield tar
            return
        stream.seek(size + size % 2, io.SEEK_CUR)
    raise tarfile.ReadError("a Debian package without data.tar")


def _unpacked(stream: IO[bytes], name: str) -> Any:
    if name.endswith(".xz"):
        return lzma.open(stream)
    if name.endswith(".gz"):
        return gzip.open(stream)
    if name.endswith(".zst"):
        import pyarrow as pa

        return pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd")
    return stream


class _Budget:
    """How much of one archive is read at most."""

    def __init__(self, archive: object) -> None:
        self._archive = archive
        self._bytes = MOST_BYTES
        self._members = MOST_MEMBERS

    def spend(self, size: int, *, members: int = 1) -> None:
        self._bytes -= size
        self._members -= members
        if self._bytes < 0 or self._members < 0:
            raise StepError(
                f"{self._archive}: more than {MOST_BYTES / 1e9:g} GB or {MOST_MEMBERS} files inside; leave it out"
            )


def _read(path: str, stream: _Readable, *, limit: int) -> Member:
    parts = PurePosixPath(path).parts
    if ".." in parts or path.startswith("/") or "\\" in path or "\x00" in path:
        return Member(path=path, problem="its path leads out of the archive")
    data = stream.read(limit + 1)
    if len(data) > limit:
        return Member(path=path, problem="is larger than its header says")
    return Member(path=path, data=data)


def _tar_names(tar: tarfile.TarFile) -> Iterator[str]:
    budget = _Budget(tar.name)
    for info in tar:
        budget.spend(info.size)
        if info.isfile():
            yield info.name


def _common_top(names: Iterable[str]) -> str:
    """The folder, with its slash, that all files lie in; empty if there is none."""
    tops = {"".join(name.removeprefix("./").partition("/")[:2]) for name in names}
    top = tops.pop() if len(tops) == 1 else ""
    return top if top.endswith("/") and top not in ("/", "../") else ""


def _inner(name: str, *, top: str) -> str:
    """The path of a member within the package: without ``./`` and the archive's top folder."""
    return name.removeprefix("./").removeprefix(top)
