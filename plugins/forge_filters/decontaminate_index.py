"""The index of what to look for: runs of words by key, and which entries of the benchmarks they point to.

A text of ``ngram`` words or more is looked for by its n-grams, each weighted by how few tasks have it; a shorter one as
a whole; a call or a state by its leaves, which are looked at only around an anchor, the leaf or name that says most.
Building takes some 4 seconds and 400 MB for BFCL and MMLU together; the index is two Parquet files of some 9 MB, read
in a third of a second, and takes some 130 MB in a process.

Source of the weights: Karen Sparck Jones, "A statistical interpretation of term specificity and its application in
retrieval", Journal of Documentation 28(1), 1972; squared, so that a boilerplate question counts by what is its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from forge.files import atomic_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TEXT, WHOLE, CALL, STATE = range(4)
KINDS = ("n-grams", "whole text", "call", "state")
KEYS_FILE = "keys.parquet"
ENTRIES_FILE = "entries.parquet"
SIEVE_BITS = 23
_LOW_BITS = (1 << SIEVE_BITS) - 1

Part = tuple[tuple[int, int], ...]
"""A leaf or name: its alternatives, each a number of words and their key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What a key points to.

    Attributes:
        benchmark, item, field: what is found if this is; see `forge_filters.benchmarks_items.Item`.
        kind: `TEXT`, `WHOLE`, `CALL` or `STATE`.
        total: sum of the weights of its n-grams, or of its parts.
        parts, weights: of a call or state. reach: in how many words around an anchor they must be.
    """

    benchmark: str
    item: str
    field: str
    kind: int
    total: int
    parts: tuple[Part, ...] = ()
    weights: tuple[int, ...] = ()
    reach: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Keys to entries.

    Attributes:
        keys: sorted, uint64, shape (n,). starts: of each key's entries in ``targets``, int64, shape (n + 1,).
        targets: numbers of entries, int64. weights: of each key, int64.
        lengths: numbers of words that the keys stand for.
        entries: what the targets number. kinds, totals: theirs, as int64 arrays.
        sieve: which of the highest `SIEVE_BITS` bits any key has; bool, shape (2**SIEVE_BITS,). fine_sieve: and which
            of the lowest.
    """

    keys: "NDArray[np.uint64]"
    starts: "NDArray[np.int64]"
    targets: "NDArray[np.int64]"
    weights: "NDArray[np.int64]"
    lengths: tuple[int, ...]
    entries: Sequence[Entry]
    kinds: "NDArray[np.int64]"
    totals: "NDArray[np.int64]"
    sieve: "NDArray[np.bool_]"
    fine_sieve: "NDArray[np.bool_]"

    def places(self, keys: "NDArray[np.uint64]") -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Which of ``keys`` are in the index, and where in it."""
        import numpy as np

        maybe = np.flatnonzero(self.sieve[keys >> np.uint64(64 - SIEVE_BITS)])
        maybe = maybe[self.fine_sieve[keys[maybe] & np.uint64(_LOW_BITS)]]
        wanted = keys[maybe]
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        found = self.keys[places] == wanted
        return maybe[found], places[found]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointers:
    """Keys with the entries they point to, before they are sorted: arrays of one length, and each key's words."""

    keys: "NDArray[np.uint64]"
    targets: "NDArray[np.int64]"
    weights: "NDArray[np.int64]"
    lengths: frozenset[int]


def save(folder: Path, entries: Sequence[Entry], pointers: Pointers) -> None:
    """Write the index; the same entries give the same bytes.

    Raises:
        WorkspaceError: the disk is full.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    order = np.lexsort((pointers.targets, pointers.keys))
    keys, first = np.unique(pointers.keys[order], return_index=True)
    starts = np.append(first, len(order)).astype(np.int32)
    table = pa.table(
        {
            "key": keys,
            "weight": pointers.weights[order][first],
            "entries": pa.ListArray.from_arrays(pa.array(starts), pa.array(pointers.targets[order])),
        }
    )
    table = table.replace_schema_metadata({"lengths": orjson.dumps(sorted(pointers.lengths))})
    rows = pa.table({name: [getattr(entry, name) for entry in entries] for name in _PLAIN})
    rows = rows.append_column("parts", pa.array([orjson.dumps([e.parts, e.weights]) for e in entries], pa.binary()))
    for name, content in ((KEYS_FILE, table), (ENTRIES_FILE, rows)):
        with atomic_path(folder / name) as fresh:
            pq.write_table(content, fresh, compression="zstd")


_PLAIN = ("benchmark", "item", "field", "kind", "total", "reach")


def load(folder: Path) -> Index:
    """The index that `save` left, read once a process while its file is the same."""
    return _load(folder, (folder / KEYS_FILE).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _load(folder: Path, written: int) -> Index:  # noqa: ARG001
    import numpy as np
    import pyarrow.parquet as pq

    table = pq.read_table(folder / KEYS_FILE).combine_chunks()
    rows = pq.read_table(folder / ENTRIES_FILE).to_pylist()
    entries = tuple(_entry(row) for row in rows)
    keys = table.column("key").to_numpy()
    lists = table.column("entries").combine_chunks()
    sieve = np.zeros(1 << SIEVE_BITS, np.bool_)
    sieve[keys >> np.uint64(64 - SIEVE_BITS)] = True
    fine_sieve = np.zeros(1 << SIEVE_BITS, np.bool_)
    fine_sieve[keys & np.uint64(_LOW_BITS)] = True
    return Index(
        keys=keys,
        starts=lists.offsets.to_numpy().astype(np.int64),
        targets=lists.values.to_numpy(),
        weights=table.column("weight").to_numpy(),
        lengths=tuple(orjson.loads(table.schema.metadata[b"lengths"])),
        entries=entries,
        kinds=np.array([entry.kind for entry in entries], np.int64),
        totals=np.array([entry.total for entry in entries], np.int64),
        sieve=sieve,
        fine_sieve=fine_sieve,
    )


def _entry(row: dict[str, Any]) -> Entry:
    parts, weights = orjson.loads(row.pop("parts"))
    frozen = tuple(tuple((length, key) for length, key in part) for part in parts)
    return Entry(**row, parts=frozen, weights=tuple(weights))
