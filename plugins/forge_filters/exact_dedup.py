"""Filter ``exact-dedup``: of documents with the same text, one stays; or of equal paragraphs or lines, one.

Which one stays depends on quality and ids alone, so the answer is the same for any order, partitioning and number of
workers. Level ``document``: ``prepare`` reads every text once and keeps 16 bytes of hash and the id of each in Parquet;
DuckDB groups them within a memory limit, spilling to the scratch folder. Some 400 MB of text a second; state: one
sorted array of the ids to drop, mapped from the file, so that workers share its pages, and for `forge explain` which
document stays for each. Blake2b-128: two texts with one hash are not to be expected, nor to be made on purpose.

Levels ``paragraph`` and ``line`` rewrite: what several documents hold stays in one of them. Some 55 MB of text per CPU
second; see `forge_filters.exact_dedup_segments`.
"""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from forge.canaries import PREFIX
from forge.errors import StepError
from forge.files import atomic_path
from forge.steps import EVIDENCE_FILE, Canary, Context, Corpus, Verdicts, option
from forge_filters.exact_dedup_ids import id_bytes, load, places, qualities, save

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Array = np.ndarray[Any, Any]

DUPLICATE = "duplicate"
REPEATS = "only repeats"
IDS_FILE = "duplicates.npy"
HASHES_FILE, OWNERS_FILE = "segments.npy", "owners.npy"
_SLICE = 8 << 20

# Every id of a text that more than one document has, but for the first-ranked, which survives. DuckDB compares strings
# byte by byte.
_LATER_IDS = """
    WITH repeated AS (SELECT hash FROM hashes GROUP BY hash HAVING count(*) > 1)
    SELECT id, first_value(id) OVER ranks AS survivor
    FROM hashes SEMI JOIN repeated USING (hash)
    WINDOW ranks AS (PARTITION BY hash ORDER BY quality DESC NULLS LAST, id)
    QUALIFY row_number() OVER ranks > 1 ORDER BY id
"""


@dataclass(frozen=True, kw_only=True)
class ExactDedup:
    """Drops documents whose text another document has, or cuts paragraphs or lines that another document has."""

    name: ClassVar[str] = "exact-dedup"
    columns: ClassVar[tuple[str, ...]] = ("id",)
    rewrites: ClassVar[bool] = False

    level: Literal["document", "paragraph", "line"] = option(
        "document", help="what is compared; paragraph and line cut what several documents hold from all but one"
    )
    normalize: Literal["none", "whitespace"] = option(
        "none",
        help="none: texts of documents must be equal; whitespace: runs of blanks and line ends count as one blank",
    )
    min_chars: int = option(80, help="shortest paragraph or line that is cut", unit="characters")
    min_left: int = option(
        100,
        help="a document of which cuts leave less is dropped, if nothing that it keeps for others",
        unit="characters",
    )
    domains: list[str] = option(["text"], help="domains whose paragraphs or lines are cut; code would break")
    quality: str = option(
        "quality", help="number in a document's meta: the best document keeps, then the smallest id; empty: that alone"
    )
    memory_mb: int = option(1_000, help="memory that grouping may take before it spills to disk", unit="MB")

    def __post_init__(self) -> None:
        if self.min_chars < 1:
            raise ValueError(f"min_chars = {self.min_chars} would cut empty lines; give 1 or more")
        if self.level != "document":  # these instances read and replace the text
            object.__setattr__(self, "columns", ("id", "text", "domain"))
            object.__setattr__(self, "rewrites", True)

    def canaries(self, seed: int) -> Sequence[Canary]:
        """A copied document, or a copied paragraph or line."""
        from forge_filters.exact_dedup_canaries import canaries

        return canaries(self, seed=seed)

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        """Find what to drop or cut; returns the folder that lists it.

        Raises:
            WorkspaceError: the disk is full.
            StepError: the hashes cannot be grouped in the memory and on the disk that there are.
        """
        files = (IDS_FILE, EVIDENCE_FILE) if self.level == "document" else (HASHES_FILE, OWNERS_FILE)
        with contextlib.ExitStack() as stack:
            fresh = [stack.enter_context(atomic_path(context.scratch / name)) for name in files]
            name = stack.enter_context(tempfile.TemporaryDirectory(dir=context.scratch, prefix=".", suffix=".tmp"))
            work = Path(name)
            if self.level == "document":
                self._write_hashes(corpus, work / "hashes.parquet")
                _save_later(_later(work, memory_mb=self.memory_mb), *fresh)
            else:
                for values, path in zip(self._owned_segments(corpus, work), fresh, strict=True):
                    save(values, path)
        return context.scratch

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """Score: 1.0 for a document that is dropped as a whole, else the share of its text that is cut, else 0.0."""
        if state is None:
            raise ValueError("exact-dedup judges with the state that prepare left; it was given none")
        return self._judge_documents(batch, state) if self.level == "document" else self._judge_segments(batch, state)

    def _judge_documents(self, batch: "pa.RecordBatch", state: Path) -> Verdicts:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        _, dropped = places(load(state / IDS_FILE), id_bytes(batch.column("id").to_pylist()))
        mask = pa.array(dropped)
        reason = pc.if_else(mask, DUPLICATE, pa.scalar(None, pa.string()))
        return Verdicts(keep=pc.invert(mask), score=pa.array(dropped.astype(np.float64)), reason=reason)

    def _judge_segments(self, batch: "pa.RecordBatch", state: Path) -> Verdicts:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        from forge_filters.exact_dedup_segments import cut_rows

        rows = np.flatnonzero(self._judged(batch))
        part = batch.select(["id", "text"]).take(pa.array(rows))
        repeats = (load(state / HASHES_FILE), load(state / OWNERS_FILE))
        size = batch.num_rows
        keep, score = np.ones(size, np.bool_), np.zeros(size, np.float64)
        text: list[str | None] = [None] * size
        changes: list[str | None] = [None] * size
        for row, cut in cut_rows(part, repeats, paragraphs=self.level == "paragraph", min_chars=self.min_chars):
            place = int(rows[row])
            keep[place] = len(cut.text) >= self.min_left or cut.owns
            score[place] = cut.share if keep[place] else 1.0
            text[place], changes[place] = cut.text, f"{self.level} {cut.count}"
        reason = pc.if_else(pa.array(keep), pa.scalar(None, pa.string()), REPEATS)
        return Verdicts(
            keep=pa.array(keep),
            score=pa.array(score),
            reason=reason,
            text=pa.array(text, pa.string()),
            changes=pa.array(changes, pa.string()),
        )

    def _judged(self, batch: "pa.RecordBatch") -> "np.ndarray[Any, np.dtype[np.bool_]]":
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        known = pc.is_in(batch.column("domain"), pa.array(self.domains, pa.string())).fill_null(False)
        return np.asarray(known.to_numpy(zero_copy_only=False))

    def _owned_segments(self, corpus: Corpus, work: Path) -> tuple["Array", "Array"]:
        """Hashes of repeated segments, sorted, and the id of the document that keeps each."""
        import pyarrow as pa

        from forge_filters.exact_dedup_segments import owners, write_segments

        meta = ["meta"] if self.quality else []
        batches = (
            batch.filter(pa.array(self._judged(batch))) for batch in corpus.batches(["id", "text", "domain", *meta])
        )
        described = ((batch, self._quality(batch)) for batch in batches)
        write_segments(described, work, paragraphs=self.level == "paragraph", min_chars=self.min_chars)
        hashes, ids = owners(work, memory_mb=self.memory_mb)
        return hashes, id_bytes(ids)

    def _quality(self, batch: "pa.RecordBatch") -> "pa.DoubleArray":
        import pyarrow as pa

        return qualities(batch.column("meta"), self.quality) if self.quality else pa.nulls(len(batch), pa.float64())

    def _write_hashes(self, corpus: Corpus, path: Path) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = pa.schema([("hash", pa.binary(16)), ("id", pa.string()), ("quality", pa.float64())])
        with pq.ParquetWriter(path, schema, compression="lz4") as writer:
            for batch in corpus.batches(["id", "text", *(["meta"] if self.quality else [])]):
                hashes = pa.array(list(self._hashes(batch.column("text"))), pa.binary(16))
                columns = [hashes, batch.column("id").cast(pa.string()), self._quality(batch)]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))

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


def _later(work: Path, *, memory_mb: int) -> "pa.Table":
    """``id`` of each document that goes, sorted, and the ``survivor`` that has its text."""
    import duckdb

    settings: dict[str, Any] = {"memory_limit": f"{memory_mb}MB", "temp_directory": str(work / "spill")}
    try:
        with duckdb.connect(config=settings) as connection:
            connection.read_parquet(str(work / "hashes.parquet")).create_view("hashes")
            return connection.execute(_LATER_IDS).to_arrow_table()
    except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
        why = str(error).partition("\n")[0][:300]
        raise StepError(
            f"grouping equal texts failed: {why}; free some space on the disk of {work.parent}, or raise memory_mb "
            f"(now {memory_mb}), and run the same command again"
        ) from error


def _save_later(later: "pa.Table", ids: Path, evidence: Path) -> None:
    """Write the ids for judging; and, for people, who stays for whom, canaries left out."""
    import numpy as np
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    shown = later.filter(pc.invert(pc.starts_with(later.column("id"), PREFIX)))
    save(np.sort(id_bytes(later.column("id").to_pylist())), ids)
    pq.write_table(shown, evidence, compression="zstd")
