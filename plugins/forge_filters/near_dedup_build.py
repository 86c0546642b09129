"""What near-deduplication writes: signatures and bands of all documents, shingle sets of some, and who goes.

Reads the corpus in pieces of some 8 MB; needs numba, so it is imported by ``prepare`` alone.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from forge.canaries import PREFIX
from forge.files import atomic_path
from forge.steps import EVIDENCE_FILE, Corpus
from forge_filters.clusters import Candidates, Clusters
from forge_filters.exact_dedup_ids import id_bytes, qualities, save
from forge_filters.minhash import sign
from forge_filters.near_dedup import IDS_FILE, NEAR, SAME_API, SAME_FILE, SCORES_FILE
from forge_filters.near_dedup_api import structure_keys
from forge_filters.shingles import Array, buffers, shingle_sets

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SLICE = 8 << 20
_BANDS = pa.schema([("key", pa.uint64()), ("doc", pa.int32())])
_DOCS = pa.schema([("doc", pa.int32()), ("id", pa.string()), ("quality", pa.float64()), ("same", pa.uint64())])


def write_signatures(corpus: Corpus, folder: Path, *, shape: tuple[int, int, int], quality: str) -> tuple[int, int]:
    """Write ``signatures.bin``, ``bands.parquet`` and ``docs.parquet``; returns how many documents, and canaries.

    Args:
        corpus: the documents. folder: where to write.
        shape: words in a shingle, permutations, bands.
        quality: key of a number in a document's meta; empty for none.
    """
    done = planted = 0
    with (
        atomic_path(folder / "signatures.bin") as fresh,
        fresh.open("wb") as stream,
        pq.ParquetWriter(folder / "bands.parquet", _BANDS, compression="lz4", use_dictionary=False) as bands,
        pq.ParquetWriter(folder / "docs.parquet", _DOCS, compression="lz4") as docs,
    ):
        for piece in _pieces(corpus, ["id", "text", "kind", "meta"]):
            guards, same = structure_keys(piece)
            keys, short, counts = sign(*buffers(piece.column("text")), guards, shape)
            stream.write(short.data)
            worded = np.flatnonzero(counts)  # a text without words is like no other
            rows = np.repeat((worded + done).astype(np.int32), shape[2])
            bands.write_batch(
                pa.RecordBatch.from_arrays([pa.array(keys[worded].ravel()), pa.array(rows)], schema=_BANDS)
            )
            numbers = pa.array(np.arange(done, done + piece.num_rows, dtype=np.int32))
            columns = [numbers, piece.column("id").cast(pa.string()), qualities(piece.column("meta"), quality)]
            docs.write_batch(pa.RecordBatch.from_arrays([*columns, pa.array(same)], schema=_DOCS))
            done += piece.num_rows
            planted += pc.starts_with(piece.column("id"), PREFIX).true_count
    return done, planted


def signatures(folder: Path, shape: tuple[int, int]) -> Array:
    """What `write_signatures` left, mapped: uint8, documents x permutations."""
    return np.memmap(folder / "signatures.bin", np.uint8, "r", shape=shape) if shape[0] else np.zeros(shape, np.uint8)


def write_sets(corpus: Corpus, candidates: Candidates, folder: Path, *, ngram: int) -> tuple[Array, Array]:
    """Write ``sets.bin``: the shingle sets of m candidates; returns it, mapped, and its bounds by place, m x 2."""
    order = np.argsort(candidates.docs)
    docs = candidates.docs[order]
    bounds = np.zeros((len(docs), 2), np.int64)
    done = written = 0
    with atomic_path(folder / "sets.bin") as fresh, fresh.open("wb") as stream:
        for piece in _pieces(corpus, ["text"]):
            first, last = np.searchsorted(docs, (done, done + piece.num_rows))
            values, lengths = shingle_sets(*buffers(piece.column("text")), docs[first:last] - done, ngram)
            stream.write(values.data)
            ends = written + np.cumsum(lengths)
            bounds[order[first:last]] = np.stack([ends - lengths, ends], axis=1)
            written += len(values)
            done += piece.num_rows
    return np.memmap(folder / "sets.bin", np.uint64, "r") if written else np.zeros(0, np.uint64), bounds


def _pieces(corpus: Corpus, columns: list[str]) -> "Iterator[pa.RecordBatch]":
    """The corpus in batches of a bounded number of bytes."""
    for batch in corpus.batches(columns):
        step = max(1, batch.num_rows * _SLICE // max(batch.nbytes, 1))
        for start in range(0, batch.num_rows, step):
            yield batch.slice(start, step)


def write_state(connection: "DuckDBPyConnection", clusters: "Clusters", folder: Path) -> tuple[int, int]:
    """Write who goes, sorted by id, for judging; and who stays for whom, for people, who are not told of canaries.

    Returns:
        How many documents are like another, and how many go; without canaries.
    """
    gone = np.flatnonzero(clusters.scores > 0)
    ids = connection.execute("SELECT id FROM ranked ORDER BY place").to_arrow_table().column("id").combine_chunks()
    names = id_bytes(ids.take(pa.array(gone)).to_pylist())
    order = np.argsort(names)
    gone, names = gone[order], names[order]
    for values, name in ((names, IDS_FILE), (clusters.scores[gone], SCORES_FILE), (clusters.is_same[gone], SAME_FILE)):
        with atomic_path(folder / name) as fresh:
            save(values, fresh)
    real = ~pc.starts_with(ids, PREFIX).to_numpy(zero_copy_only=False)
    shown = gone[real[gone]]
    table = pa.table(
        {
            "id": ids.take(pa.array(shown)),
            "survivor": ids.take(pa.array(clusters.survivors[shown])),
            "jaccard": clusters.scores[shown],
            "reason": pa.array(np.where(clusters.is_same[shown], SAME_API, NEAR).tolist(), pa.string()),
        }
    )
    with atomic_path(folder / EVIDENCE_FILE) as fresh:
        pq.write_table(table, fresh, compression="zstd")
    return int(real.sum()), len(shown)
