"""A folder, a single file, or a wheel read as a tree of named files, without unpacking it.

The content of a file in a wheel is told by the size and CRC-32 that the archive's directory states, so that finding out
that nothing has changed costs milliseconds whatever the archive's size; files in folders are hashed. Reading is bounded
by a limit that the caller gives, whatever an archive's headers say.
"""

import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from forge.errors import StepError
from forge_sources import spec_files
from forge_sources.packages.archive import BROKEN, MOST_MEMBERS
from forge_sources.spec_files import UnreadableSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A file of a tree: its path with ``/``, what tells its content, and its size unpacked, in bytes."""

    name: str
    digest: str
    size: int


class Tree(Protocol):
    """Files by name."""

    def leaves(self, wanted: Callable[[str], bool]) -> Sequence[Leaf]:
        """The files whose name is wanted, sorted by it; of files of one name the last."""
        ...

    def read(self, name: str, *, limit: int) -> bytes:
        """A file's bytes. Raises `UnreadableSpec`, also for more than ``limit`` bytes."""
        ...


@contextmanager
def opened(place: Path, *, plugin: str) -> Iterator[Tree]:
    """The tree at ``place``: a wheel or zip, a folder, or one file.

    Raises:
        StepError: the wheel is no whole archive.
    """
    if place.suffix not in (".whl", ".zip") or place.is_dir():
        yield _Folder(place)
        return
    try:
        with zipfile.ZipFile(place) as packed:
            yield _Archive(packed)
    except BROKEN as error:
        message = f"{place}: not a whole archive ({error or type(error).__name__}); delete it and run again"
        raise StepError(message, plugin=plugin, step="collect") from error


class _Archive:
    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        self._members = {info.filename: info for info in packed.infolist()[:MOST_MEMBERS] if not info.is_dir()}

    def leaves(self, wanted: Callable[[str], bool]) -> Sequence[Leaf]:
        return [
            Leaf(name=name, digest=f"{info.CRC:08x}-{info.file_size}", size=info.file_size)
            for name, info in sorted(self._members.items())
            if wanted(name)
        ]

    def read(self, name: str, *, limit: int) -> bytes:
        info = self._members.get(name)
        if info is None:
            raise UnreadableSpec("is not in the archive any more")
        if info.flag_bits & 1:
            raise UnreadableSpec("is encrypted")
        try:
            with self._packed.open(info) as stream:
                data = stream.read(limit + 1)
        except BROKEN as error:
            raise UnreadableSpec(f"is damaged in the archive: {error or type(error).__name__}") from error
        if len(data) > limit:
            raise UnreadableSpec(f"larger than {limit / 1e6:g} MB")
        return data


class _Folder:
    def __init__(self, place: Path) -> None:
        self._single = [] if place.is_dir() else [place.name]
        self._root = place.parent if self._single else place

    def leaves(self, wanted: Callable[[str], bool]) -> Sequence[Leaf]:
        names = [name for name in self._single or self._found() if wanted(name)]
        hashes = spec_files.hashes([self._root / name for name in names])
        return [Leaf(name=name, digest=digest, size=size) for name, (digest, size) in zip(names, hashes, strict=True)]

    def read(self, name: str, *, limit: int) -> bytes:
        return spec_files.read(self._root / name, limit=limit)

    def _found(self) -> list[str]:
        found = (path for path in self._root.rglob("*") if path.is_file())
        return sorted(path.relative_to(self._root).as_posix() for path in found)
