"""Tools on disk: one file a bucket of the catalogue, in which every group of operations can be read on its own.

A group is what a blueprint is made from: operations of one service that lie near one another, at most `MAX_GROUP`, with
the edges between them. A large service makes several groups, cut between resources. A group is read in about a
millisecond; a bucket's file is made anew only when the bucket's content changed. The whole catalogue of 106,000 APIs
takes under a minute and 30 MB of disk; one bucket at a time is held in memory.
"""

import dataclasses
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple, overload

import orjson

from forge.files import write_bytes
from forge.records import ApiRecord, stable_id, to_json
from forge.steps import CatalogView
from forge_trajectories.tools.completing import completed
from forge_trajectories.tools.links import Link, links_of
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.operations import operation_of
from forge_trajectories.tools.ports import READING, Effect, effect_of, nouns_of, resource_of

MAX_GROUP = 72
LAYOUT = "6"
"""Changed with the code that makes the files, so that older ones are made anew."""

RICH, ASKS, FED, CROWD, CHANGES, CODED = 1, 2, 4, 8, 16, 32
"""Traits of an operation: documented fields in its answer; required parameters; fed by another of its group; at least
four in its group; changes data; has method and path."""


class About(NamedTuple):
    """What an operation is about, as far as neighbours are told by it; see `forge_trajectories.tools.ports`.

    Attributes:
        said: checksum of its description.
    """

    effect: Effect
    nouns: Sequence[str]
    resource: str
    category: str
    said: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Operations of one service, what each is about, and the edges between them, by place."""

    provider: str
    service: str
    operations: Sequence[Operation]
    abouts: Sequence[About]
    links: Sequence[Link]


class _Packed(Sequence[Operation]):
    """Operations that are decoded when they are asked for."""

    def __init__(self, raw: bytes, ends: Sequence[int]) -> None:
        self._raw = raw
        self._ends = ends
        self._known: dict[int, Operation] = {}

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, place: int) -> Operation: ...
    @overload
    def __getitem__(self, place: slice) -> list[Operation]: ...
    def __getitem__(self, place: int | slice) -> Operation | list[Operation]:
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        if place not in self._known:
            if not 0 <= place < len(self):
                raise IndexError(place)
            start = self._ends[place - 1] if place else 0
            self._known[place] = Operation(**orjson.loads(self._raw[start : self._ends[place]]))
        return self._known[place]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where a group lies, and the traits of each of its operations."""

    provider: str
    service: str
    file: str
    offset: int
    size: int
    traits: Sequence[int]


def build_store(catalog: CatalogView, folder: Path) -> Path:
    """Make the files of every bucket that has none yet in ``folder``, which is given back."""
    folder.mkdir(parents=True, exist_ok=True)
    for bucket in catalog.buckets():
        write_tools(catalog.read(bucket), folder, fingerprint=bucket.fingerprint)
    names = [_stem(bucket.fingerprint) for bucket in catalog.buckets()]
    write_bytes(folder / "tools.json", to_json(sorted(names)).encode())
    return folder


def write_tools(records: Iterable[ApiRecord], folder: Path, *, fingerprint: str) -> str:
    """Make the two files of one bucket unless they are there; their stem is given back."""
    stem = _stem(fingerprint)
    index = folder / f"{stem}.json"
    if index.exists():
        return stem
    blobs: list[bytes] = []
    entries: list[dict[str, Any]] = []
    offset = 0
    for group in groups_of(records):
        blob = zlib.compress(_packed(group), 6)
        entries.append(
            {
                "provider": group.provider,
                "service": group.service,
                "offset": offset,
                "size": len(blob),
                "traits": _traits(group),
            }
        )
        offset += len(blob)
        blobs.append(blob)
    write_bytes(folder / f"{stem}.bin", b"".join(blobs))
    write_bytes(index, orjson.dumps(entries))
    return stem


def groups_of(records: Iterable[ApiRecord]) -> Iterator[Group]:
    """The groups of some records, ordered by provider, service and resource; deprecated records make no tools."""
    services: dict[tuple[str, str], list[Operation]] = defaultdict(list)
    taken: dict[tuple[str, str], set[str]] = defaultdict(set)
    for record in records:
        key = (record.provider, record.service)
        if not record.deprecated and (operation := operation_of(record, taken=taken[key])) is not None:
            services[key].append(operation)
    for (provider, service), operations in sorted(services.items()):
        for part in _parts(operations):
            whole = completed(part)
            abouts = [about_of(operation) for operation in whole]
            yield Group(provider=provider, service=service, operations=whole, abouts=abouts, links=links_of(whole))


def entries_of(folder: Path) -> list[Entry]:
    """Every group in ``folder``, in an order that is the same wherever the same catalogue was read."""
    found: list[Entry] = []
    for stem in orjson.loads((folder / "tools.json").read_bytes()):
        rows = orjson.loads((folder / f"{stem}.json").read_bytes())
        found += [Entry(**row, file=f"{stem}.bin") for row in rows]
    found.sort(key=lambda entry: (entry.provider, entry.service, entry.file, entry.offset))
    return found


def read_group(folder: Path, entry: Entry) -> Group:
    """The group at ``entry``."""
    with (folder / entry.file).open("rb") as file:
        file.seek(entry.offset)
        raw = zlib.decompress(file.read(entry.size))
    head, _, operations = raw.partition(b"\n")
    value = orjson.loads(head)
    return Group(
        provider=entry.provider,
        service=entry.service,
        operations=_Packed(operations, value["ends"]),
        # What `_make` does, without its detour over Python: there are hundreds in a group.
        abouts=[tuple.__new__(About, row) for row in value["abouts"]],
        links=[tuple.__new__(Link, row) for row in value["links"]],
    )


def about_of(operation: Operation) -> About:
    """What an operation is about."""
    return About(
        effect_of(operation),
        nouns_of(operation),
        resource_of(operation),
        operation.category,
        zlib.crc32(operation.description.encode("utf-8", "surrogatepass")),
    )


def _stem(fingerprint: str) -> str:
    return f"tools-{stable_id(LAYOUT, fingerprint)[:16]}"


def _parts(operations: list[Operation]) -> Iterator[list[Operation]]:
    """Neighbours together: by resource, cut where the resource changes once a part is half full."""
    keyed = sorted(operations, key=lambda item: (resource_of(item), item.path, item.tool))
    part: list[Operation] = []
    for operation in keyed:
        full = len(part) >= MAX_GROUP
        if full or (len(part) >= MAX_GROUP // 2 and _root(part[-1]) != _root(operation)):
            yield part
            part = []
        part.append(operation)
    if part:
        yield part


def _root(operation: Operation) -> str:
    return resource_of(operation).partition("/")[0]


def _traits(group: Group) -> list[int]:
    fed = {link.consumer for link in group.links}
    crowd = CROWD if len(group.operations) >= 4 else 0
    return [
        (RICH if _is_rich(operation) else 0)
        | (ASKS if operation.parameters.get("required") else 0)
        | (FED if place in fed else 0)
        | (CHANGES if group.abouts[place].effect not in READING else 0)
        | (CODED if operation.method and operation.path.startswith("/") and "#" not in operation.path else 0)
        | crowd
        for place, operation in enumerate(group.operations)
    ]


def _is_rich(operation: Operation) -> bool:
    if any("result" in example for example in operation.examples):
        return True
    returns = operation.returns or {}
    inner = returns.get("items", {}) if returns.get("type") == "array" else returns
    return bool(inner.get("properties"))


def _packed(group: Group) -> bytes:
    """A line of JSON on the whole, then the operations' JSON one after the other.

    With sorted keys, as a stored trajectory has them: what is executed from either is the same.
    """
    names = [spec.name for spec in dataclasses.fields(Operation)]
    parts = [
        orjson.dumps({name: getattr(item, name) for name in names}, option=orjson.OPT_SORT_KEYS)
        for item in group.operations
    ]
    head = {
        "ends": list(accumulate(map(len, parts))),
        "abouts": [(item.effect, item.nouns, item.resource, item.category, item.said) for item in group.abouts],
        "links": [(link.producer, link.consumer, link.parameter, link.pointer, link.score) for link in group.links],
    }
    return orjson.dumps(head) + b"\n" + b"".join(parts)
