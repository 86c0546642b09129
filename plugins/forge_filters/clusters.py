"""Which of many similar documents stay: candidates by a join on band keys, clusters around survivors.

Documents are ranked: best quality first, then smallest id. In that order each is compared with the survivors that it
shares a band key with; if one is as similar as asked, the document joins the first-ranked such survivor's cluster, else
it survives itself. So every document that goes is at least that similar to the one that stays for it, no two survivors
that share a key are, and order, partitions and workers do not matter. (Joining all pairs by union-find instead would
chain: a document goes for one that it has little in common with.)

DuckDB joins and ranks within a memory limit, spilling to disk. Shingle sets and signatures are mapped from files. A
thousand copies of one text cost a thousand comparisons, since only survivors are compared with.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forge.errors import StepError
from forge_filters.minhash import agreeing
from forge_filters.shingles import Array, compiled, jaccard

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SHARED = """
    CREATE TABLE repeated AS
    SELECT key, (row_number() OVER (ORDER BY key) - 1)::INTEGER AS bucket
    FROM read_parquet($bands) GROUP BY key HAVING count(*) > 1
"""
_ENTRIES = "CREATE TABLE shared AS SELECT doc, bucket FROM read_parquet($bands) JOIN repeated USING (key)"
_RANKED = """
    CREATE TABLE ranked AS
    SELECT doc, id, same, (row_number() OVER (ORDER BY quality DESC NULLS LAST, id) - 1)::INTEGER AS place
    FROM read_parquet($docs)
    WHERE doc IN (SELECT doc FROM shared) OR same IN (
        SELECT same FROM read_parquet($docs) WHERE same <> 0 GROUP BY same HAVING count(*) > 1
    )
"""

_ORDERED = "SELECT place, bucket FROM shared JOIN ranked USING (doc) ORDER BY place, bucket"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Documents that share something with another, in rank order; m of them.

    Attributes:
        docs: their numbers in the order of reading, int64, m. same: what makes two of them the same, uint64, m; 0 if
            nothing does.
        starts: where each one's entries begin, int64, m + 1. buckets: int32, the band keys of all, one after the other.
        bucket_count: number of distinct band keys.
    """

    docs: Array
    same: Array
    starts: Array
    buckets: Array
    bucket_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Clusters:
    """The survivor of each candidate, by place in the ranking.

    Attributes:
        survivors: int64, m; a survivor's own place. scores: float64, m; Jaccard index with the survivor, 1.0 where both
            are the same by structure, 0.0 for survivors. is_same: bool, m: whether structure decided.
    """

    survivors: Array
    scores: Array
    is_same: Array


def connect(folder: Path, *, memory_mb: int) -> "DuckDBPyConnection":
    """A database in ``folder`` that spills there beyond ``memory_mb``."""
    import duckdb

    settings: dict[str, Any] = {"memory_limit": f"{memory_mb}MB", "temp_directory": str(folder / "spill")}
    return duckdb.connect(str(folder / "join.duckdb"), config=settings)


def find_candidates(connection: "DuckDBPyConnection", folder: Path, *, memory_mb: int) -> Candidates:
    """Join ``bands.parquet`` (key, doc) with itself and rank ``docs.parquet`` (doc, id, quality, same).

    Raises:
        StepError: memory or disk do not suffice.
    """
    import duckdb

    bands, docs = {"bands": str(folder / "bands.parquet")}, {"docs": str(folder / "docs.parquet")}
    try:
        connection.execute(_SHARED, bands)
        connection.execute(_ENTRIES, bands)
        connection.execute(_RANKED, docs)
        ranked = connection.execute("SELECT doc, same FROM ranked ORDER BY place").fetchnumpy()
        starts, buckets = _entries(connection, size=len(ranked["doc"]))
        bucket_count = connection.execute("SELECT count(*) FROM repeated").fetchall()[0][0]
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        why = str(error).partition("\n")[0][:300]
        raise StepError(
            f"joining similar documents failed: {why}; free some space on the disk of {folder.parent}, or raise "
            f"memory_mb (now {memory_mb}), and run the same command again"
        ) from error
    return Candidates(
        docs=np.asarray(ranked["doc"]).astype(np.int64),
        same=np.asarray(ranked["same"]).astype(np.uint64),
        starts=starts,
        buckets=buckets,
        bucket_count=int(bucket_count),
    )


def _entries(connection: "DuckDBPyConnection", *, size: int) -> tuple[Array, Array]:
    """``starts`` and ``buckets`` of `Candidates`, fetched piece by piece: they are the most of its memory."""
    count = connection.execute("SELECT count(*) FROM shared").fetchall()[0][0]
    buckets = np.empty(count, np.int32)
    starts = np.zeros(size + 1, np.int64)
    done = 0
    for batch in connection.execute(_ORDERED).to_arrow_reader(_PIECE):
        buckets[done : done + batch.num_rows] = batch.column("bucket").to_numpy()
        starts[1:] += np.bincount(batch.column("place").to_numpy(), minlength=size)
        done += batch.num_rows
    return np.cumsum(starts), buckets


def cluster(
    candidates: Candidates, *, signatures: Array, sets: Array, bounds: Array, threshold: float, least: int
) -> Clusters:
    """Give each candidate its survivor.

    Args:
        candidates: m documents in rank order.
        signatures: uint8, documents x permutations, by number of reading.
        sets: uint64, sorted distinct shingles of the candidates by place, end to end. bounds: int64, m x 2, each one's
            first and last offset.
        threshold: Jaccard index from which two texts are the same.
        least: agreeing signature bytes below which a pair is not compared exactly.
    """
    _, same = np.unique(candidates.same, return_inverse=True)
    same = np.where(candidates.same == 0, -1, same).astype(np.int64)
    links = (candidates.docs, same, candidates.starts, candidates.buckets)
    found = _cluster(links, candidates.bucket_count, (signatures, sets, bounds), (threshold, least))
    return Clusters(survivors=found[0], scores=found[1], is_same=found[2])


@compiled
def _cluster(
    links: tuple[Array, Array, Array, Array],
    bucket_count: int,
    material: tuple[Array, Array, Array],
    cuts: tuple[float, int],
) -> tuple[Array, Array, Array]:
    docs, same, starts, buckets = links
    size = len(docs)
    survivors = np.arange(size)
    scores = np.zeros(size, np.float64)
    is_same = np.zeros(size, np.bool_)
    owners = np.full(size + 1, -1, np.int64)
    heads = np.full(bucket_count, -1, np.int32)
    following = np.full(len(buckets), -1, np.int32)
    holder = np.empty(len(buckets), np.int32)
    seen = np.full(size, -1, np.int32)
    for place in range(size):
        if same[place] >= 0 and owners[same[place]] >= 0:
            survivors[place], scores[place], is_same[place] = owners[same[place]], 1.0, True
            continue
        best = size
        for entry in range(starts[place], starts[place + 1]):
            link = heads[buckets[entry]]
            while link >= 0:
                other = holder[link]
                link = following[link]
                if seen[other] == place or other >= best:
                    continue
                seen[other] = place
                score = _similar(docs, material, (place, other), cuts)
                if score >= cuts[0]:
                    best = other
                    scores[place] = score
        if best < size:
            survivors[place] = best
            continue
        if same[place] >= 0:
            owners[same[place]] = place
        for entry in range(starts[place], starts[place + 1]):
            holder[entry] = place
            following[entry] = heads[buckets[entry]]
            heads[buckets[entry]] = entry
    return survivors, scores, is_same


@compiled
def _similar(
    docs: Array, material: tuple[Array, Array, Array], pair: tuple[int, int], cuts: tuple[float, int]
) -> float:
    """Jaccard index of two candidates; 0 where their signatures or sizes rule the threshold out."""
    signatures, sets, bounds = material
    left, right = pair
    if agreeing(signatures[docs[left]], signatures[docs[right]]) < cuts[1]:
        return 0.0
    sizes = bounds[left, 1] - bounds[left, 0], bounds[right, 1] - bounds[right, 0]
    if min(sizes[0], sizes[1]) / max(sizes[0], sizes[1]) < cuts[0]:  # the index is no larger than this
        return 0.0
    return jaccard(sets[bounds[left, 0] : bounds[left, 1]], sets[bounds[right, 0] : bounds[right, 1]])
