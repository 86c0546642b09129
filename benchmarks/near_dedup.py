"""Near-deduplication of real documents: ours, datatrove, data-juicer, a plain rensa loop; MB a CPU second and recall.

    python benchmarks/near_dedup.py --packages FOLDER --apis WORKSPACE --work FOLDER [--size-mb 200] [--rounds 2]
        [--peers FOLDER --peer-mb 200 --spacy-mb 5]

``--packages``: archives (.tar.gz, .tgz, .whl, .deb), searched through; their documentation and source files are the
documents. ``--apis``: a workspace with a built catalogue, whose records are rendered with ``api-text``: up to a third
of the corpus. A tenth of the documents are copied with 0 to 8 % of their words changed. The corpus stays in ``--work``
and is used again. ``--peers``: environments that ``benchmarks/peers.py`` makes; peers get the first ``--peer-mb`` of
the corpus, and so do we for the ratio. Each candidate is a process of its own; CPU is user and system time of it and
its children, imports included, the better of the rounds (what takes over a minute runs once).

Recall: pairs whose Jaccard index, computed on Python sets of words, reaches 0.8, of which one went. Precision: what
went whose index with the document that stays, computed alike, reaches it. Planted pairs, and all pairs of a sample.
"""

import argparse
import json
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from near_dedup_corpus import SEED, build_corpus, head, json_lines, text_megabytes
from near_dedup_peers import ENVIRONMENTS, PEERS
from peers import interpreter

WORD = re.compile("[0-9A-Za-z_\u00aa\u00b5\u00ba\u00c0-\u1fff\u2080-\u2fff]+|[\u3040-\U0010ffff]")
LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
LONG_CPU_SECONDS = 60.0


def run_ours(corpus: Path, work: Path) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from forge.steps import Context
    from forge_filters.near_dedup import NearDedup

    class Batches:
        fingerprint = ""

        def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
            return pq.ParquetFile(corpus).iter_batches(1_000, columns=list(columns))

    scratch = work / "ours"
    scratch.mkdir(exist_ok=True)
    nothing: Any = None
    context = Context(workspace=work, cache=work, scratch=scratch, seed=0, http=nothing)
    step = NearDedup()
    state = step.prepare(Batches(), context)
    gone: list[str] = []
    for batch in Batches().batches(step.columns):
        keep = step.judge(batch, state).keep
        gone += [
            name for name, stays in zip(batch.column("id").to_pylist(), keep.to_pylist(), strict=True) if not stays
        ]
    return gone


RUNS = {"ours": run_ours, **PEERS}


def child(name: str, corpus: Path, work: Path) -> None:
    """Run one candidate and write what it dropped and what it took."""
    started = time.monotonic()
    gone = RUNS[name](corpus, work)
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    facts = {
        "cpu": own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime,
        "wall": time.monotonic() - started,
        "peak_mb": max(own_peak_mb(), others.ru_maxrss / 1024 if others.ru_utime else 0.0),
        "gone": gone,
    }
    (work / "result.json").write_text(json.dumps(facts))


def own_peak_mb() -> float:
    """Peak resident memory of this process; the kernel's ``ru_maxrss`` begins with the parent's at the fork."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024 if found else 0.0


def once(name: str, corpus: Path, folder: Path, *, python: str) -> dict[str, Any]:
    """Run a candidate in a fresh process and a fresh folder below ``folder``."""
    work = Path(tempfile.mkdtemp(dir=folder, prefix="run-"))
    log = folder / f"{name.replace(', ', '-').replace(' ', '-')}.log"
    try:
        with log.open("w") as out:
            command = [python, __file__, "--run", name, str(corpus), str(work)]
            if subprocess.run(command, check=False, stdout=out, stderr=out).returncode:
                raise SystemExit(f"{name} failed; see {log}")
        facts: dict[str, Any] = json.loads((work / "result.json").read_text())
        if name == "ours":
            shutil.copytree(work / "ours", folder / f"state-{corpus.stem}", dirs_exist_ok=True)
    finally:
        shutil.rmtree(work)
    return facts


def measure(name: str, corpus: Path, options: argparse.Namespace, *, python: str) -> dict[str, Any]:
    """The better of the rounds; prints its line."""
    facts = once(name, corpus, options.work, python=python)
    for _ in range(options.rounds - 1 if facts["cpu"] < LONG_CPU_SECONDS else 0):
        facts = min(facts, once(name, corpus, options.work, python=python), key=lambda found: float(found["cpu"]))
    facts["rate"] = text_megabytes(corpus) / facts["cpu"]
    print(
        f"{name:24} {facts['rate']:8.1f} MB/CPU s   {facts['cpu']:7.1f} CPU s   {facts['wall']:7.1f} s   "
        f"{facts['peak_mb']:6.0f} MB peak   {len(facts['gone']):,} gone",
        flush=True,
    )
    return facts


def shingle_set(text: str, ngram: int = 5) -> set[tuple[str, ...]]:
    words = WORD.findall(text.translate(LOWER))
    if not words:
        return set()
    return {tuple(words[i : i + ngram]) for i in range(max(1, len(words) - ngram + 1))}


def jaccard(left: set[Any], right: set[Any]) -> float:
    return len(left & right) / len(left | right) if left or right else 0.0


def natural_pairs(texts: Sequence[str]) -> list[tuple[int, int]]:
    """All pairs of a sample with an index of 0.8 or more, by an inverted index as a sparse product."""
    import numpy as np
    from scipy.sparse import csr_matrix

    numbers: dict[Any, int] = {}
    rows, columns, sizes = [], [], []
    for row, text in enumerate(texts):
        found = shingle_set(text)
        sizes.append(len(found))
        for shingle in found:
            rows.append(row)
            columns.append(numbers.setdefault(hash(shingle), len(numbers)))
    matrix = csr_matrix((np.ones(len(rows), np.int32), (rows, columns)), shape=(len(texts), len(numbers)))
    shared = (matrix @ matrix.T).tocoo()
    size = np.array(sizes)
    upper = shared.row < shared.col
    left, right, both = shared.row[upper], shared.col[upper], shared.data[upper]
    near = both / (size[left] + size[right] - both) >= 0.8
    return list(zip(left[near].tolist(), right[near].tolist(), strict=True))


def judge_quality(corpus: Path, options: argparse.Namespace) -> None:
    import pyarrow.parquet as pq

    from forge_filters.near_dedup_api import structure_keys

    table = pq.read_table(corpus).combine_chunks()
    guards = structure_keys(table.to_batches()[0])[0]
    ids, texts = table["id"].to_pylist(), table["text"].to_pylist()
    place = {name: row for row, name in enumerate(ids)}
    found = pq.read_table(options.work / f"state-{corpus.stem}" / "evidence.parquet").to_pylist()
    gone = {row["id"] for row in found}
    say_recall("planted pairs", planted_pairs(corpus), gone)
    rows = random.Random(SEED).sample(range(len(ids)), min(options.sample, len(ids)))
    pairs = [(rows[i], rows[j]) for i, j in natural_pairs([texts[row] for row in rows])]
    alike = [(ids[i], ids[j]) for i, j in pairs if guards[i] == guards[j]]
    say_recall(f"all pairs of {len(rows):,} documents", alike, gone)
    print(f"  (kept apart by structure: {sum(guards[i] != guards[j] for i, j in pairs)} of {len(pairs)} pairs)")
    checked = [row for row in found if row["reason"] == "near duplicate"]
    checked = random.Random(SEED).sample(checked, min(options.sample, len(checked)))
    right = sum(
        jaccard(*(shingle_set(texts[place[row[side]]]) for side in ("id", "survivor"))) >= 0.8 for row in checked
    )
    stays = sum(row["survivor"] not in gone for row in found)
    print(f"precision: {right / max(1, len(checked)):.4f} of {len(checked):,} removed")
    print(f"survivors that stay: {stays:,} of {len(found):,}")


def planted_pairs(corpus: Path) -> list[tuple[str, str]]:
    """The planted pairs with an index of 0.8 or more, less those that are other operations of an API."""
    import pyarrow.parquet as pq

    from forge_filters.near_dedup_api import structure_keys

    table = pq.read_table(corpus).combine_chunks()
    guards = structure_keys(table.to_batches()[0])[0]
    ids, texts = table["id"].to_pylist(), table["text"].to_pylist()
    place = {name: row for row, name in enumerate(ids)}
    pairs = [(place[origin], row) for row, origin in enumerate(table["origin"].to_pylist()) if origin in place]
    return [
        (ids[left], ids[right])
        for left, right in pairs
        if guards[left] == guards[right] and jaccard(shingle_set(texts[left]), shingle_set(texts[right])) >= 0.8
    ]


def say_recall(what: str, pairs: Sequence[tuple[str, str]], gone: set[str]) -> None:
    hit = sum(left in gone or right in gone for left, right in pairs)
    print(f"recall, {what}: {hit / max(1, len(pairs)):.4f} of {len(pairs):,} with an index of 0.8 or more")


def compare(corpus: Path, options: argparse.Namespace) -> None:
    """We and each peer on the first of the corpus, with the ratios of CPU seconds a megabyte."""
    part = head(corpus, options.peer_mb)
    print(f"--- {text_megabytes(part):.0f} MB of text")
    ours = measure("ours", part, options, python=sys.executable)
    pairs = planted_pairs(part)
    for name, environment in ENVIRONMENTS.items():
        spacy = name.endswith("spaCy")
        if (spacy and not options.spacy_mb) or not (python := interpreter(options.peers, environment)):
            continue
        material = head(corpus, options.spacy_mb) if spacy else part
        json_lines(material)
        theirs = measure(name, material, options, python=python)
        print(f"  ours / {name}: {ours['rate'] / theirs['rate']:.1f} times")
        if not spacy:
            say_recall(f"planted pairs, {name}", pairs, set(theirs["gone"]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, help="archives to build the corpus of, unless --work has it")
    parser.add_argument("--apis", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--size-mb", type=int, default=200)
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    parser.add_argument("--peer-mb", type=int, default=200)
    parser.add_argument("--spacy-mb", type=int, default=0, help="also datatrove with its default tokenizer, on so much")
    parser.add_argument("--sample", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    corpus = build_corpus(options)
    print(f"{text_megabytes(corpus):.0f} MB of text")
    measure("ours", corpus, options, python=sys.executable)
    judge_quality(corpus, options)
    compare(corpus, options)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
