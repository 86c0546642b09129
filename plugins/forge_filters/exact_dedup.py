"""Filter ``exact-dedup``: of documents with the same text, the one with the smallest id stays.

Which one stays depends on ids alone, so the answer is the same for any order, partitioning and number of workers.
``prepare`` reads every text once and keeps 16 bytes of hash and the id of each in Parquet; DuckDB groups them within a
memory limit, spilling to the scratch folder. Some 400 MB of text a second; state: one sorted array of the ids to drop,
mapped from the file, so that workers share its pages. Blake2b-128: two texts with one hash are not to be expected, nor
to be made on purpose.
"""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from forge.errors import StepError
from forge.files import atomic_path
from forge.steps import Context, Corpus, Verdicts, option

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

DUPLICATE = "duplicate"
IDS_FILE = "duplicates.npy"

# Every id of a text that more than one document has, but for the smallest. DuckDB compares strings byte by byte.
_LATER_IDS = """
    SELECT id
    FROM hashes JOIN (SELECT hash, min(id) AS first FROM hashes GROUP BY hash HAVING count(*) > 1) USING (hash)
    WHERE id <> first ORDER BY id
"""


@dataclass(frozen=True, kw_only=True)
class ExactDedup:
    """Drops documents whose text another document has."""

    name: ClassVar[str] = "exact-dedup"
    columns: ClassVar[tuple[str, ...]] = ("id",)

    normalize: Literal["none", "whitespace"] = option(
        "none", help="none: texts must be equal; whitespace: runs of blanks and line ends count as one blank"
    )
    memory_mb: int = option(1_000, help="memory that grouping may take before it spills to disk", unit="MB")

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        """Find the ids to drop; returns the folder that holds them.

        Raises:
            WorkspaceError: the disk is full.
            StepError: the hashes cannot be grouped in the memory and on the disk that there are.
        """
        with (
            atomic_path(context.scratch / IDS_FILE) as fresh,
            tempfile.TemporaryDirectory(dir=context.scratch, prefix=".", suffix=".tmp") as name,
        ):
            self._write_hashes(corpus, Path(name) / "hashes.parquet")
            save(_sorted_bytes(_later_ids(Path(name), memory_mb=self.memory_mb)), fresh)
        return context.scratch

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """Score 1.0 for what is dropped, 0.0 for what stays."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        if state is None:
            raise ValueError("exact-dedup judges with the state that prepare left; it was given none")
        dropped = _among(_load_ids(state / IDS_FILE), _sorted_bytes(batch.column("id").to_pylist(), sort=False))
        mask = pa.array(dropped)
        reason = pc.if_else(mask, DUPLICATE, pa.scalar(None, pa.string()))
        return Verdicts(keep=pc.invert(mask), score=pa.array(dropped.astype(np.float64)), reason=reason)

    def _write_hashes(self, corpus: Corpus, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema([("hash", pa.binary(16)), ("id", pa.string())])
        with pq.ParquetWriter(path, schema, compression="lz4") as writer:
            for batch in corpus.batches(["id", "text"]):
                hashes = pa.array(list(self._hashes(batch.column("text"))), pa.binary(16))
                ids = batch.column("id").cast(pa.string())
                writer.write_batch(pa.RecordBatch.from_arrays([hashes, ids], schema=schema))

    def _hashes(self, texts: "pa.Array") -> Iterator[bytes]:
        """Blake2b-128 of each text; a missing text counts as empty."""
        for text in texts:
            raw = text.as_buffer()
            if raw is None:
                yield blake2b(b"", digest_size=16).digest()
            elif self.normalize == "whitespace":
                yield blake2b(" ".join(text.as_py().split()).encode(), digest_size=16).digest()
            else:
                yield blake2b(raw, digest_size=16).digest()


def _later_ids(work: Path, *, memory_mb: int) -> list[str]:
    import duckdb

    settings: dict[str, Any] = {"memory_limit": f"{memory_mb}MB", "temp_directory": str(work / "spill")}
    try:
        with duckdb.connect(config=settings) as connection:
            connection.read_parquet(str(work / "hashes.parquet")).create_view("hashes")
            return [row[0] for row in connection.execute(_LATER_IDS).fetchall()]
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        why = str(error).partition("\n")[0][:300]
        raise StepError(
            f"grouping equal texts failed: {why}; free some space on the disk of {work.parent}, or raise memory_mb "
            f"(now {memory_mb}), and run the same command again"
        ) from error


def save(ids: "np.ndarray[Any, np.dtype[np.bytes_]]", path: Path) -> None:
    """Write as ``.npy``; not by `numpy.save`, whose error on a full disk does not say that it is full."""
    from numpy.lib import format as npy

    with path.open("wb") as stream:
        npy.write_array_header_1_0(stream, npy.header_data_from_array_1_0(ids))
        stream.write(ids.data)


def _sorted_bytes(ids: list[str], *, sort: bool = True) -> "np.ndarray[Any, np.dtype[np.bytes_]]":
    """Ids as fixed-width UTF-8, shape (n,); numpy compares them byte by byte, as DuckDB does."""
    import numpy as np

    raw = [item.encode("utf-8", "surrogatepass") for item in ids]
    array = np.array(raw, dtype=np.bytes_) if raw else np.zeros(0, "S1")
    return np.sort(array) if sort else array


def _among(
    known: "np.ndarray[Any, np.dtype[np.bytes_]]", ids: "np.ndarray[Any, np.dtype[np.bytes_]]"
) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Which of ``ids`` are in the sorted array ``known``."""
    import numpy as np

    if not len(known):
        return np.zeros(len(ids), np.bool_)
    places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.asarray(known[places] == ids)


@lru_cache(maxsize=8)
def _load_ids(path: Path) -> "np.ndarray[Any, np.dtype[np.bytes_]]":
    """The ids to drop, read where they are touched. A state's folder is named by its content: a path never changes."""
    import numpy as np

    array: np.ndarray[Any, np.dtype[np.bytes_]] = np.load(
        path, mmap_mode=None if path.stat().st_size < 1 << 20 else "r"
    )
    return array
