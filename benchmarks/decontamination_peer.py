"""datatrove's n-gram decontamination over the texts of `decontamination.py`; run by the peer's interpreter.

    python benchmarks/decontamination_peer.py WHITESPACE(0|1) ITEMS.json TEXTS.parquet RESULT.json

Its indexer asks for lighteval and a network to list tasks; the index is therefore written here with the indexer's own
``compute_hashes``, queries included. A splitter at white space is given to it, or its default (spaCy's English).
"""

import json
import re
import sys
import time
from pathlib import Path
from typing import Any


def build(items: Path, folder: Path) -> None:
    """Hashes of the n-grams of every question and reference, one file a benchmark."""
    import numpy as np
    from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontIndexer

    config = NGramsDecontConfig(find_query_ngrams=True)
    NGramsDecontIndexer._requires_dependencies = []
    indexer = NGramsDecontIndexer(str(folder), config=config)
    found: dict[str, set[int]] = {}
    for benchmark, text in json.loads(items.read_text()):
        found.setdefault(benchmark, set()).update(indexer.compute_hashes("", text))
    for benchmark, hashes in found.items():
        np.array(list(hashes), dtype=config.hash_config.np_descr).tofile(folder / f"{benchmark}.index.hashes")


def judge(texts: Path, folder: Path) -> dict[str, Any]:
    """CPU seconds and verdicts by group."""
    import pyarrow.parquet as pq
    from datatrove.data import Document
    from datatrove.pipeline.decont.n_grams import NGramsDecontConfig, NGramsDecontFilter

    step = NGramsDecontFilter(str(folder), config=NGramsDecontConfig(find_query_ngrams=True))
    step.filter(Document(text="warm", id="0"))
    groups: dict[str, dict[str, float]] = {}
    for batch in pq.ParquetFile(texts).iter_batches(1_000):
        for group, text in zip(batch.column("group").to_pylist(), batch.column("text").to_pylist(), strict=True):
            begun = time.process_time()
            dropped = step.filter(Document(text=text, id="0")) is not True
            facts = groups.setdefault(group, {"cpu": 0.0, "dropped": 0})
            facts["cpu"] += time.process_time() - begun
            facts["dropped"] += dropped
    return groups


def main() -> None:
    import datatrove.pipeline.decont.n_grams as module
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Whitespace(WordTokenizer):
        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(0, len(text))]

    whitespace, items, texts, result = sys.argv[1:]
    if whitespace == "1":
        module.load_word_tokenizer = lambda _: Whitespace()
    folder = Path(result).with_suffix("")
    folder.mkdir(exist_ok=True)
    begun = time.process_time()
    build(Path(items), folder)
    index = time.process_time() - begun
    groups = judge(Path(texts), folder)
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    facts = {"index": index, "groups": groups, "cpu": sum(found["cpu"] for found in groups.values())}
    Path(result).write_text(json.dumps({**facts, "peak_mb": int(peak[1]) / 1024 if peak else 0.0}))


if __name__ == "__main__":
    main()
