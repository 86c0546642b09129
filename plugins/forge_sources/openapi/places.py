"""Where the documents of the source ``openapi`` lie once they are fetched: below a folder, or in a harvest.

A `Place` is one document with the files that it refers to. It travels to the worker as JSON in a partition's items and
holds no secret and no path of this machine. Costs: each file is read once to be hashed and searched for references.
"""

import glob
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

import msgspec

from forge.errors import StepError
from forge.records import UNKNOWN_LICENSE, stable_id
from forge.steps import Context
from forge_sources import spec_files
from forge_sources.openapi.entries import PLUGIN
from forge_sources.openapi.external import Neighbours, Read, neighbours_of
from forge_sources.spec_files import UnreadableSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One document.

    Attributes:
        area: what ``root`` is relative to; ``harvest``: it is the key of a harvest.
        root: the folder that no reference leads out of.
        base: the document's path below it. neighbours: paths of the files that it refers to.
        locator: how records and rejects name it.
        named: whether the recipe names this very document; what is found by folder or glob may be something else.
        address: of the root, where the document was fetched by address.
    """

    area: Literal["workspace", "cache", "harvest"]
    root: str
    base: str
    locator: str
    neighbours: tuple[str, ...] = ()
    named: bool = False
    address: str = ""
    url: str | None = None
    license: str = UNKNOWN_LICENSE
    license_evidence: str = ""
    retrieved_at: str | None = None

    def item(self) -> str:
        """The place as an item of a partition."""
        return msgspec.json.encode(self).decode()


def place_of(item: str) -> Place:
    """The place that an item stands for."""
    return msgspec.json.decode(item, type=Place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A place with the hash of all its files, in hex, and their size in bytes."""

    place: Place
    fingerprint: str
    size: int


def files_below(entry: str, context: Context) -> Iterator[tuple[str, str, bool]]:
    """``(root, path below it, whether it was named)`` of the files that a path, folder or glob stands for.

    Raises:
        StepError: there is no such file.
    """
    whole = context.workspace / entry
    if glob.has_magic(entry) and not whole.exists():
        head = fixed_head(entry)
        folder = context.workspace / head
        found = folder.glob(PurePosixPath(entry).relative_to(head).as_posix())
        files = sorted({path.relative_to(folder).as_posix() for path in found if path.is_file()})
        yield from ((head, name, False) for name in files)
    elif whole.is_dir():
        files = spec_files.find(whole, suffixes=spec_files.SPEC_SUFFIXES)
        yield from ((entry, name, False) for name in files)
    elif whole.is_file():
        files = [entry]
        yield (Path(entry).parent.as_posix(), Path(entry).name, True)
    else:
        files = []
    if not files:
        message = "there is no such file; write a path, folder or glob relative to the recipe's folder"
        raise StepError(message, plugin=PLUGIN, step="collect", record=entry)


def fixed_head(pattern: str) -> str:
    """The folder before the first part with a wildcard: ``specs`` of ``specs/**/*.yaml``."""
    parts = PurePosixPath(pattern).parts
    fixed = next((index for index, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    return PurePosixPath(*parts[:fixed]).as_posix()


def found_file(place: Place, context: Context, *, limit: int) -> Found:
    """The place with the files that it refers to, hashed; a file that cannot be read counts as changed once it can."""
    digests: dict[str, tuple[str, int]] = {}
    inner = reader(place, context, limit=limit)

    def read(name: str) -> bytes:
        data = inner(name)
        digests[name] = (stable_hash(data), len(data))
        return data

    names = neighbours_of(place.base, read, address=place.address)
    told = (place.locator, place.url or "", place.license, place.license_evidence)
    kept = [(name, *digests.get(name, (spec_files.UNREADABLE, 0))) for name in (place.base, *names)]
    return Found(
        place=replace(place, neighbours=tuple(names)),
        fingerprint=spec_files.combined([*told, *(part for name, digest, _ in kept for part in (name, digest))]),
        size=sum(size for _, _, size in kept),
    )


def stable_hash(data: bytes) -> str:
    """XXH3-128 of some bytes, in hex."""
    import xxhash

    return xxhash.xxh3_128_hexdigest(data)


def reader(place: Place, context: Context, *, limit: int) -> Read:
    """A function that reads a file of the place by its path below the root; it follows no link out of the root."""
    if place.area == "harvest":
        from forge_sources.openapi.fetch import harvest_reader

        return harvest_reader(place.root, context.cache, limit=limit)
    root = (context.cache if place.area == "cache" else context.workspace) / place.root
    whole = root.resolve()

    def read(name: str) -> bytes:
        path = root / name
        if name != place.base and not path.resolve().is_relative_to(whole):
            raise UnreadableSpec("$ref leads out of the folder")
        if not path.is_file():
            raise UnreadableSpec("$ref leads to a file that is not there" if name != place.base else "is no file")
        return spec_files.read(path, limit=limit)

    return read


def neighbours_at(place: Place, context: Context, *, limit: int) -> Neighbours:
    """The files that the document of a place may refer to."""
    read = reader(place, context, limit=limit)
    return Neighbours(place.base, names=frozenset(place.neighbours), read=read, address=place.address)


def key_of(locator: str) -> str:
    """A partition's key, readable and unique."""
    readable = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in locator)
    return f"{readable.strip('-')[-60:].strip('-') or 'spec'}-{stable_id(locator)[:8]}"
