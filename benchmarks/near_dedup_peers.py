"""The peers of the near-deduplication benchmark, each as its documentation has it; run by the peer's interpreter."""

import json
from pathlib import Path
from typing import Any


def run_rensa(corpus: Path, work: Path) -> list[str]:  # noqa: ARG001
    """As its README does it: whitespace words, 5-grams, one pass, the first of similar documents stays."""
    import pyarrow.parquet as pq
    from rensa import RMinHash, RMinHashLSH

    index = RMinHashLSH(threshold=0.8, num_perm=128, num_bands=16)
    kept: dict[int, Any] = {}
    gone = []
    number = 0
    for batch in pq.ParquetFile(corpus).iter_batches(1_000, columns=["id", "text"]):
        for name, text in zip(batch.column(0).to_pylist(), batch.column(1).to_pylist(), strict=True):
            words = text.lower().split()
            sketch = RMinHash(num_perm=128, seed=42)
            sketch.update([" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))])
            if any(kept[other].jaccard(sketch) >= 0.8 for other in index.query(sketch)):
                gone.append(name)
            else:
                index.insert(number, sketch)
                kept[number] = sketch
            number += 1
    return gone


def run_datatrove(corpus: Path, work: Path, *, whitespace: bool = True) -> list[str]:
    """Its four stages, one task each, with its default 14 buckets of 8 hashes."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import minhash
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter
    from datatrove.utils.word_tokenizers import WordTokenizer

    class Whitespace(WordTokenizer):
        def word_tokenize(self, text: str) -> list[str]:
            return text.split()

        def sent_tokenize(self, text: str) -> list[str]:
            return [text]

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(0, len(text))]

    if whitespace:
        minhash.load_word_tokenizer = Whitespace
    config = minhash.MinhashConfig()
    base = work / ("datatrove-whitespace" if whitespace else "datatrove-spacy")
    folders = {name: str(base / name) for name in ("signatures", "buckets", "ids", "kept", "gone")}
    reader = JsonlReader(str(corpus.with_suffix("")))
    stages = [
        [reader, minhash.MinhashDedupSignature(output_folder=folders["signatures"], config=config)],
        [minhash.MinhashDedupBuckets(folders["signatures"], folders["buckets"], config=config)],
        [minhash.MinhashDedupCluster(folders["buckets"], folders["ids"], config=config)],
        [
            reader,
            minhash.MinhashDedupFilter(folders["ids"], exclusion_writer=JsonlWriter(folders["gone"], compression=None)),
            JsonlWriter(folders["kept"], compression=None),
        ],
    ]
    for number, pipeline in enumerate(stages):
        tasks = config.num_buckets if number == 1 else 1
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=1, logging_dir=str(base / f"log-{number}")).run()
    return [json.loads(line)["id"] for path in Path(folders["gone"]).glob("*.jsonl") for line in path.open()]


def run_data_juicer(corpus: Path, work: Path) -> list[str]:
    """Its operator as its executor runs it, in one process, with its defaults (256 permutations, 5 words) at 0.8."""
    from data_juicer.core.data.dj_dataset import NestedDataset
    from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
    from datasets import Dataset

    documents = Dataset.from_parquet(str(corpus), columns=["id", "text"], cache_dir=str(work))
    step = DocumentMinhashDeduplicator(jaccard_threshold=0.8, num_proc=1)
    kept = set(step.run(NestedDataset(documents))["id"])
    return [name for name in documents["id"] if name not in kept]


PEERS = {
    "rensa loop": run_rensa,
    "datatrove, whitespace": run_datatrove,
    "datatrove, spaCy": lambda corpus, work: run_datatrove(corpus, work, whitespace=False),
    "data-juicer": run_data_juicer,
}
ENVIRONMENTS = {name: "rensa" if name == "rensa loop" else name.partition(",")[0] for name in PEERS}
