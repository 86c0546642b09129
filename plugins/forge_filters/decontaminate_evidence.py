"""The evidence of `decontaminate`: one row for each find, in ``evidence.parquet`` beside the index.

Columns: ``id`` of the document; ``start`` and ``end`` of the longest span found, in characters of its text as earlier
filters left it; ``benchmark``, ``item`` and ``field`` that were found; ``kind``: n-grams, whole text, call or state;
``score``, 0.3 to 1, also below the threshold, so that near misses can be looked at; ``found``: the span's first 200
characters. Rows are ordered by document and entry. Costs one more pass over the corpus, streamed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge.canaries import PREFIX
from forge.files import atomic_path
from forge.steps import Corpus
from forge_filters.decontaminate_index import KINDS, Index
from forge_filters.decontaminate_search import find

if TYPE_CHECKING:
    import pyarrow as pa

EVIDENCE_FILE = "evidence.parquet"
FOUND_CHARACTERS = 200


def evidence_schema() -> "pa.Schema":
    """Columns of the evidence."""
    import pyarrow as pa

    text, number = pa.string(), pa.int64()
    return pa.schema(
        [
            ("id", text),
            ("start", number),
            ("end", number),
            ("benchmark", text),
            ("item", text),
            ("field", text),
            ("kind", text),
            ("score", pa.float64()),
            ("found", text),
        ]
    )


def evidence_rows(batch: "pa.RecordBatch", index: Index) -> Iterator[dict[str, Any]]:
    """The finds in a batch that has the columns ``id`` and ``text``; canaries are passed over."""
    ids, texts = batch.column("id"), batch.column("text")
    for match in find(texts, index):
        document = ids[match.row].as_py()
        if document.startswith(PREFIX):
            continue
        entry = index.entries[match.entry]
        start, end = max(match.spans, key=lambda span: (span[1] - span[0], -span[0]))
        yield {
            "id": document,
            "start": start,
            "end": end,
            "benchmark": entry.benchmark,
            "item": entry.item,
            "field": entry.field,
            "kind": KINDS[entry.kind],
            "score": match.score,
            "found": texts[match.row].as_py()[start : min(end, start + FOUND_CHARACTERS)],
        }


def write_evidence(corpus: Corpus, index: Index, folder: Path) -> int:
    """Look through the corpus and write what is found; returns how many rows.

    Raises:
        WorkspaceError: the disk is full.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 0
    schema = evidence_schema()
    with atomic_path(folder / EVIDENCE_FILE) as fresh, pq.ParquetWriter(fresh, schema, compression="zstd") as writer:
        for batch in corpus.batches(["id", "text"]):
            rows = list(evidence_rows(batch, index))
            count += len(rows)
            if rows:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=schema))
    return count
