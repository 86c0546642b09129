"""The evidence of `decontaminate`: one row for each find, in ``evidence.parquet`` beside the index.

Columns: ``id`` of the document; ``start`` and ``end`` of the longest span found, in characters of its text as earlier
filters left it; ``benchmark``, ``item`` and ``field`` that were found; ``kind``: n-grams, whole text, call or state;
``score``, 0.3 to 1, also below the threshold, so that near misses can be looked at; ``found``: the span's first 200
characters. Rows are ordered by document and entry. Costs a pass over the corpus, streamed; but ``clean.npy`` keeps 8
bytes of hash of each text in which nothing is, and judging passes over these at a GB a second.

Beside it ``left_out.jsonl`` lists what of the benchmarks nobody can look for, one object a line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import xxhash

from forge.canaries import PREFIX
from forge.files import atomic_path, write_bytes
from forge.steps import EVIDENCE_FILE, Corpus
from forge_filters.benchmarks_items import Item
from forge_filters.decontaminate_index import KINDS, Index
from forge_filters.decontaminate_search import Match, find
from forge_filters.exact_dedup_ids import load, places, save

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

CLEAN_FILE = "clean.npy"
LEFT_OUT_FILE = "left_out.jsonl"
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


def evidence_rows(batch: "pa.RecordBatch", index: Index, matches: Sequence[Match]) -> Iterator[dict[str, Any]]:
    """The finds in a batch that has the columns ``id`` and ``text``; canaries are passed over."""
    ids, texts = batch.column("id"), batch.column("text")
    for match in matches:
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
    """Look through the corpus and write what is found, and which texts are clean; returns how many rows of evidence.

    Raises:
        WorkspaceError: the disk is full.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    count = 0
    clean = [np.zeros(0, np.uint64)]
    schema = evidence_schema()
    with atomic_path(folder / EVIDENCE_FILE) as fresh, pq.ParquetWriter(fresh, schema, compression="zstd") as writer:
        for batch in corpus.batches(["id", "text"]):
            matches = list(find(batch.column("text"), index))
            clean.append(np.delete(_hashes(batch.column("text")), [match.row for match in matches]))
            rows = list(evidence_rows(batch, index, matches))
            count += len(rows)
            if rows:
                writer.write_batch(pa.RecordBatch.from_pylist(rows, schema=schema))
    with atomic_path(folder / CLEAN_FILE) as fresh:
        save(np.unique(np.concatenate(clean)), fresh)
    return count


def find_anew(texts: "pa.Array", index: Index, state: Path) -> Iterator[Match]:
    """`find`, but texts that `write_evidence` found clean are not looked through again."""
    import numpy as np
    import pyarrow as pa

    path = state / CLEAN_FILE
    if not path.is_file():
        yield from find(texts, index)
        return
    rows = np.flatnonzero(~places(load(path), _hashes(texts))[1])
    for match in find(texts.take(pa.array(rows)), index):
        yield replace(match, row=int(rows[match.row]))


def _hashes(texts: "pa.Array") -> "NDArray[np.uint64]":
    """XXH3-64 of each text; a missing one counts as empty."""
    import numpy as np

    return np.fromiter((xxhash.xxh3_64_intdigest(text.as_buffer() or b"") for text in texts), np.uint64, len(texts))


def write_left_out(items: Sequence[Item], folder: Path) -> Path:
    """List the items that are not looked for: benchmark, item, field, and what it is; returns the file.

    Raises:
        WorkspaceError: the disk is full.
    """
    rows = [
        {"benchmark": item.benchmark, "item": item.item, "field": item.field, "what": shown(item)} for item in items
    ]
    path = folder / LEFT_OUT_FILE
    write_bytes(path, b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def shown(item: Item) -> str:
    """An item as people read it: its text, or ``name(key=value)``; of a state, without the name."""
    if not (item.function or item.leaves):
        return item.text
    leaves = (f"{leaf.key}={leaf.values[0]}" if leaf.key else leaf.values[0] for leaf in item.leaves)
    return f"{item.function}({', '.join(leaves)})"
