"""Vectors of a catalogue's operations, in files beside it: written in parts, searched exactly.

    .forge/state/api-vectors/KEY/
        vectors.npy              float16, one row an operation, of length 1, in order of id
        ids.npy, contents.npy    ids and content hashes, as bytes
        index.json               model, rows and dimensions; written last
    .forge/state/api-vectors/parts-MODEL/
        00000.npy, 00000.keys.npy    what is done, while the work goes on

KEY is a hash of the model and of what is embedded. Parts and finished folders are the stock from which the next folder
takes every operation whose content has not changed. DuckDB holds no vector: its index for them is lost on a crash.

A search multiplies all vectors by one: 132,000 of 384 dimensions take 0.3 seconds and 100 MB of page cache.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from forge.errors import CatalogError
from forge.files import atomic_path, write_bytes
from forge.records import stable_id

if TYPE_CHECKING:
    import numpy as np
    from duckdb import DuckDBPyConnection

TEXT_VERSION = "1"
"""Raise it when `_TEXTS` changes."""
PART_ROWS = 512
"""Operations after which what is done is kept: a few seconds of work."""
STEP_ROWS = 256
"""Operations after which progress is told."""
ROWS_AT_ONCE = 8_192
INDEX_NAME = "index.json"
FUSION = 60
"""The constant of reciprocal rank fusion, as Cormack, Clarke and Büttcher found it (SIGIR 2009)."""

_TEXTS = r"""
SELECT content_hash, regexp_replace(regexp_replace(name, '([a-z0-9])([A-Z])', '\1 \2', 'g'), '[_./-]+', ' ', 'g')
    || '. ' || service || ' ' || provider || '. ' || left(description, 400)
FROM distinct_apis WHERE id IN (SELECT unnest(?::VARCHAR[])) ORDER BY id
"""


class Encoder(Protocol):
    """What makes vectors of texts: ``spec`` is how a person names the model, ``fingerprint`` tells weights apart."""

    spec: str
    fingerprint: str

    def encode(self, texts: Sequence[str]) -> "np.ndarray[Any, Any]":
        """One float32 row of length 1 a text."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What ``index.json`` says of a finished folder."""

    folder: Path
    spec: str
    fingerprint: str
    text_version: str
    rows: int
    dimensions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What there is to embed. ``wanted``: ids and content hashes; ``missing``: the ids that no folder has."""

    folder: Path
    encoder: Encoder
    wanted: Sequence[tuple[str, str]]
    missing: Sequence[str]
    whole: bool

    @property
    def target(self) -> Path:
        """The folder that will hold exactly the vectors that are wanted."""
        key = stable_id(self.encoder.fingerprint, TEXT_VERSION, *(content for _, content in self.wanted))
        return self.folder / key

    @property
    def parts(self) -> Path:
        """The folder of what is done on the way."""
        return self.folder / f"parts-{stable_id(self.encoder.fingerprint, TEXT_VERSION)[:12]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """What `embed` did: operations in the index, of which this many were embedded now."""

    folder: Path
    rows: int
    made: int


def plan(connection: "DuckDBPyConnection", folder: Path, *, encoder: Encoder, limit: int | None = None) -> Plan:
    """What brings the vectors in ``folder`` (``api-vectors``) up to the catalogue.

    Args:
        limit: only the first so many operations by id.
    """
    wanted = connection.execute(
        "SELECT id, content_hash FROM distinct_apis ORDER BY id LIMIT ?", [limit if limit is not None else 1 << 62]
    ).fetchall()
    made = Plan(folder=folder, encoder=encoder, wanted=wanted, missing=(), whole=limit is None)
    stock = _stock(made)
    return replace(made, missing=[own for own, content in wanted if content not in stock])


def embed(connection: "DuckDBPyConnection", plan: Plan, *, advance: Callable[[int], None]) -> Embedded:
    """Do what is planned; ``advance`` is told of every few operations done. What is done is kept if it is stopped.

    Raises:
        WorkspaceError: the disk is full.
    """
    import numpy as np

    done = Embedded(folder=plan.target, rows=len(plan.wanted), made=len(plan.missing))
    if (plan.target / INDEX_NAME).is_file():
        return done
    for first in range(0, len(plan.missing), PART_ROWS):
        chunk = plan.missing[first : first + PART_ROWS]
        rows = connection.execute(_TEXTS, [chunk]).fetchall()
        vectors = [
            plan.encoder.encode([text for _, text in rows[at : at + STEP_ROWS]])
            for at in _counted(len(rows), advance=advance)
        ]
        part = f"{len(list(plan.parts.glob('*.keys.npy'))):05d}"
        _save(plan.parts / f"{part}.npy", np.concatenate(vectors).astype(np.float16))
        _save(plan.parts / f"{part}.keys.npy", np.array([content for content, _ in rows], "S32"))
    _finish(plan)
    _clear(plan)
    return done


def _counted(rows: int, *, advance: Callable[[int], None]) -> Iterator[int]:
    """Where each step begins; what was done is told when the next is asked for."""
    for at in range(0, rows, STEP_ROWS):
        yield at
        advance(min(STEP_ROWS, rows - at))


def find(folder: Path) -> Index | None:
    """The finished vectors under ``folder`` (the fullest, if there are several); None if there are none."""
    found = list(_indexes(folder))
    return max(found, key=lambda index: (index.rows, index.folder.name)) if found else None


def nearest(
    folder: Path, vector: "np.ndarray[Any, Any]", *, among: "set[str] | None", limit: int
) -> list[tuple[str, float]]:
    """Ids and cosines of the operations nearest to ``vector``, the nearest first, equal ones by id.

    Args:
        folder: a finished folder.
        among: the ids that may be found; None for all.
    """
    import numpy as np

    vectors = np.load(folder / "vectors.npy", mmap_mode="r")
    ids = np.load(folder / "ids.npy")
    query = vector.astype(np.float32)
    parts = [vectors[at : at + ROWS_AT_ONCE].astype(np.float32) @ query for at in range(0, len(vectors), ROWS_AT_ONCE)]
    # Rounded, so that the order does not hang on how a machine sums.
    scores = np.round(np.concatenate(parts), 5) if parts else np.zeros(0, np.float32)
    if among is not None:
        scores[~np.isin(ids, np.array(sorted(among), "S32"))] = -2
    best = np.argsort(-scores, kind="stable")[:limit]
    return [(ids[place].decode(), float(scores[place])) for place in best if scores[place] > -2]


def fused(*rankings: Sequence[int]) -> list[tuple[int, float]]:
    """Several rankings of documents as one, by the sum of 1 / (60 + rank); equal sums by number."""
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, doc in enumerate(ranking, start=1):
            scores[doc] = scores.get(doc, 0.0) + 1 / (FUSION + rank)
    return sorted(scores.items(), key=lambda item: (-round(item[1], 9), item[0]))


def _indexes(folder: Path) -> Iterator[Index]:
    for path in sorted(folder.glob(f"*/{INDEX_NAME}")):
        try:
            index = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise CatalogError(f"{path}: damaged; delete {path.parent}, then run `forge embed`") from error
        yield Index(folder=path.parent, **index)


def _stock(plan: Plan) -> "dict[str, np.ndarray[Any, Any]]":
    """Vectors of the plan's model that any folder holds, whole or in parts, by content hash; memory-mapped."""
    import numpy as np

    files = [(path, path.with_name(path.name.replace(".keys", ""))) for path in sorted(plan.parts.glob("*.keys.npy"))]
    for index in _indexes(plan.folder):
        if index.fingerprint == plan.encoder.fingerprint and index.text_version == TEXT_VERSION:
            files.append((index.folder / "contents.npy", index.folder / "vectors.npy"))
    stock: dict[str, np.ndarray[Any, Any]] = {}
    for keys, vectors in files:
        stock.update(zip(np.load(keys).astype(str).tolist(), np.load(vectors, mmap_mode="r"), strict=True))
    return stock


def _finish(plan: Plan) -> None:
    """Write the vectors that are wanted, in order of id, then the index."""
    import numpy as np

    stock = _stock(plan)
    dimensions = len(next(iter(stock.values()))) if stock else 0
    with atomic_path(plan.target / "vectors.npy") as temporary:
        shape = (len(plan.wanted), dimensions)
        table = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.float16, shape=shape)
        for place, (_, content) in enumerate(plan.wanted):
            table[place] = stock[content]
        table.flush()
        del table
    _save(plan.target / "ids.npy", np.array([own for own, _ in plan.wanted], "S32"))
    _save(plan.target / "contents.npy", np.array([content for _, content in plan.wanted], "S32"))
    facts = {
        "spec": plan.encoder.spec,
        "fingerprint": plan.encoder.fingerprint,
        "text_version": TEXT_VERSION,
        "rows": len(plan.wanted),
        "dimensions": dimensions,
    }
    write_bytes(plan.target / INDEX_NAME, msgspec.json.format(msgspec.json.encode(facts), indent=1))


def _clear(plan: Plan) -> None:
    """Remove the parts, and after a run without a limit the model's other folders: the new one holds all of them."""
    shutil.rmtree(plan.parts, ignore_errors=True)
    for index in list(_indexes(plan.folder)):
        if plan.whole and index.folder != plan.target and index.fingerprint == plan.encoder.fingerprint:
            (index.folder / INDEX_NAME).unlink()
            shutil.rmtree(index.folder)


def _save(path: Path, array: "np.ndarray[Any, Any]") -> None:
    """An array as a file, whole or not at all."""
    import numpy as np

    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array)
