"""Quality prediction with one model: ours and datatrove's fastText filter, in megabytes of text per CPU second.

    python benchmarks/quality_prediction.py (--texts FOLDER | --corpus FILE) [--peers FOLDER] [--size-mb 100]

``--texts``: a folder of text files (.py, .md, .rst, .txt, .html), read in the order of their names; ``--corpus``: a
Parquet file with texts. ``--peers``: environments that ``benchmarks/peers.py`` makes. fastText trains one model, of 16
and of 100 dimensions; both sides predict with it, each in a process of its own over the same Parquet file, batch by
batch, after one word to warm up, the better of ``--rounds``. The peer sees the text as it is, ours cuts it into the
words that the model was trained on, so they keep other documents; given our words, the peer keeps what we do (bar
words cut within a character; not timed). "prediction" is the CPU time of predicting alone, without reading; "process"
is all of it, with imports, loading and compiling. The labels (has the text the word "return"?) are of no
interest here.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from peers import better, interpreter

SUFFIXES = {".py", ".md", ".rst", ".txt", ".html"}
DIMENSIONS = (16, 100)
LABELS = ("__label__yes", "__label__no")


def file_texts(folder: Path) -> Iterator[str]:
    for file in sorted(found for found in folder.rglob("*") if found.suffix in SUFFIXES and found.is_file()):
        raw = file.read_bytes()
        if 200 <= len(raw) <= 1_000_000:
            yield raw.decode("utf-8", "ignore")


def parquet_texts(corpus: Path) -> Iterator[str]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(corpus).iter_batches(1_000, columns=["text"]):
        yield from batch.column("text").to_pylist()


def write_corpus(source: Path, path: Path, megabytes: int) -> float:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from forge_filters.quality_words import line

    texts, size = [], 0
    for text in file_texts(source) if source.is_dir() else parquet_texts(source):
        texts.append(text)
        size += len(text.encode())
        if size >= megabytes * 1_000_000:
            break
    words = [line(text).decode(errors="ignore") for text in texts]
    pq.write_table(pa.table({"text": texts, "words": words}), path, row_group_size=512)
    return size / 1e6


def train(corpus: Path, folder: Path, dimensions: int) -> None:
    """Leave ``model.bin`` for the peer and our state in ``folder``, of the first 2,000 texts."""
    import fasttext
    import pyarrow.parquet as pq

    from forge_filters.quality_model import collapse, save
    from forge_filters.quality_words import line

    texts = pq.read_table(corpus).column("text").to_pylist()[:2000]
    lines = [f"{LABELS['return' not in text]} ".encode() + line(text) + b"\n" for text in texts]
    (folder / "train.txt").write_bytes(b"".join(lines))
    shape = {"dim": dimensions, "epoch": 2, "wordNgrams": 2, "minCount": 2, "bucket": 1 << 17}
    trained = fasttext.train_supervised(input=str(folder / "train.txt"), lr=0.5, thread=1, verbose=0, **shape)
    trained.save_model(str(folder / "model.bin"))
    save(collapse(trained, positive=LABELS[0]), folder)


def predict_ours(corpus: Path, folder: Path) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from forge_filters.quality_model import load

    model, spent, kept = load(folder), 0.0, 0
    model.logits(pa.array(["warm"]))
    for batch in pq.ParquetFile(corpus).iter_batches(512, columns=["text"]):
        begun = time.process_time()
        kept += int(np.count_nonzero(model.logits(batch.column("text")) >= 0))
        spent += time.process_time() - begun
    say(spent, kept)


PEER = """
import json, resource, sys, time
import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.filters import FastTextClassifierFilter

corpus, model = sys.argv[1:]
step = FastTextClassifierFilter(model, keep_labels=[("yes", 0.5)], newline_replacement=" ")
step.filter(Document(text="warm", id="0"))
spent, kept = 0.0, 0
for batch in pq.ParquetFile(corpus).iter_batches(512, columns=["text"]):
    documents = [Document(text=text, id="0") for text in batch.column("text").to_pylist()]
    begun = time.process_time()
    kept += sum(step.filter(document) for document in documents)
    spent += time.process_time() - begun
use = resource.getrusage(resource.RUSAGE_SELF)
facts = {"prediction": spent, "process": use.ru_utime + use.ru_stime, "peak_mb": use.ru_maxrss / 1e3, "kept": kept}
same = 0
for batch in pq.ParquetFile(corpus).iter_batches(512, columns=["words"]):
    same += sum(step.filter(Document(text=words, id="0")) for words in batch.column("words").to_pylist())
print(json.dumps({**facts, "kept_of_words": same}))
"""


def say(spent: float, kept: int) -> None:
    use = resource.getrusage(resource.RUSAGE_SELF)
    whole = use.ru_utime + use.ru_stime
    print(json.dumps({"prediction": spent, "process": whole, "peak_mb": use.ru_maxrss / 1e3, "kept": kept}))


def apart(function: Callable[..., Any], *values: Any) -> Any:
    """Run it in a process of its own: what is started from here inherits the peak memory of this process."""
    with ProcessPoolExecutor(1) as pool:
        return pool.submit(function, *values).result()


def candidate(command: list[str]) -> dict[str, float]:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--texts", type=Path)
    source.add_argument("--corpus", type=Path)
    source.add_argument("--ours", nargs=2, type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--size-mb", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    options = parser.parse_args()
    if options.ours:
        return predict_ours(*options.ours)
    python = interpreter(options.peers, "datatrove")
    with tempfile.TemporaryDirectory() as name:
        corpus = Path(name) / "corpus.parquet"
        size = apart(write_corpus, options.texts or options.corpus, corpus, options.size_mb)
        print(f"{size:.1f} MB of text")
        for dimensions in DIMENSIONS:
            folder = Path(name) / str(dimensions)
            folder.mkdir()
            apart(train, corpus, folder, dimensions)
            commands = {"ours": [sys.executable, __file__, "--ours", str(corpus), str(folder)]}
            if python:
                commands["datatrove"] = [python, "-c", PEER, str(corpus), str(folder / "model.bin")]
            found = {
                who: better(options.rounds, partial(candidate, command), by="prediction")
                for who, command in commands.items()
            }
            for who, facts in found.items():
                rates = ", ".join(f"{part} {size / facts[part]:.1f} MB/CPU s" for part in ("prediction", "process"))
                print(f"dim {dimensions:3} {who:9} {rates}, peak {facts['peak_mb']:.0f} MB, kept {facts['kept']}")
            if not python:
                continue
            same, ours = found["datatrove"]["kept_of_words"], found["ours"]["kept"]
            print(f"dim {dimensions:3} datatrove keeps {same} where it is given the words that we cut, we {ours}")
            ratios = ", ".join(
                f"{part} {found['datatrove'][part] / found['ours'][part]:.1f}" for part in ("prediction", "process")
            )
            print(f"dim {dimensions:3} ours / datatrove: {ratios}")
    return None


if __name__ == "__main__":
    main()
