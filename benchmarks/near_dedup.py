"""Near-deduplication of real documents: ours, datatrove and a plain rensa loop, in megabytes per CPU second and recall.

    python benchmarks/near_dedup.py --packages FOLDER --apis WORKSPACE --work FOLDER [--size-mb 200]
        [--peer-python PATH --peer-mb 100 --spacy-mb 5]

``--packages``: archives (.tar.gz, .tgz, .whl, .deb), searched through; their documentation and source files are the
documents. ``--apis``: a workspace with a built catalogue, whose records are rendered with ``api-text``. A tenth of the
documents are copied with 0 to 8 % of their words changed. ``--peer-python``: an environment with spacy, rensa, pyarrow
and ``datatrove[processing]==0.10.*``; peers get the first ``--peer-mb`` of the corpus, and so do we for the ratio. Each
candidate is a process of its own; CPU is user and system time of it and its children, imports included.

Recall: pairs whose Jaccard index, computed on Python sets of words, reaches 0.8, of which one went. Precision: what
went whose index with the document that stays, computed alike, reaches it. Planted pairs, and all pairs of a sample.
"""

import argparse
import io
import json
import random
import re
import resource
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

SUFFIXES = {".py", ".pyi", ".rst", ".txt", ".md", ".ts", ".js", ".c", ".h", ".html", ".yml"}
WORD = re.compile("[0-9A-Za-z_\u00aa\u00b5\u00ba\u00c0-\u1fff\u2080-\u2fff]+|[\u3040-\U0010ffff]")
LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
RATES = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08)
SEED = 2502


def members(archive: Path) -> Iterator[tuple[str, bytes]]:
    """Files of an archive, by name."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            yield from ((info.filename, opened.read(info)) for info in opened.infolist() if not info.is_dir())
        return
    if archive.suffix == ".deb":
        command = ["dpkg-deb", "--fsys-tarfile", str(archive)]
        stream: Any = io.BytesIO(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    else:
        stream = archive.open("rb")
    with stream, tarfile.open(fileobj=stream) as tar:
        for member in tar:
            if member.isfile() and (file := tar.extractfile(member)) is not None:
                yield member.name, file.read()


def file_texts(folder: Path) -> Iterator[tuple[str, str, str]]:
    """(kind, domain, text) of the documentation and source files under ``folder``, deterministic in order."""
    archives = sorted(path for path in folder.rglob("*") if path.suffix in {".gz", ".tgz", ".whl", ".deb"})
    for archive in archives:
        for name, raw in members(archive):
            suffix = Path(name).suffix
            if suffix not in SUFFIXES or not 200 <= len(raw) <= 200_000:
                continue
            text = raw.decode("utf-8", "ignore")
            if suffix == ".html":
                text = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)
            yield ("code", "code", text) if suffix in {".py", ".ts", ".js", ".c", ".h"} else ("prose", "text", text)


def api_texts(workspace: Path) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """API documents of a workspace's records, rendered as the forge renders them."""
    import pyarrow.parquet as pq

    from forge.records import ApiRecord, from_row
    from forge_trajectories.api_text import ApiText

    seen: set[str] = set()
    for path in sorted((workspace / ".forge" / "corpus").rglob("*.apis.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(256):
            for row in batch.to_pylist():
                if row["id"] not in seen:
                    seen.add(row["id"])
                    document = next(iter(ApiText().render(from_row(ApiRecord, row))))
                    yield document.kind, document.domain, document.text, dict(document.meta)


def edited(text: str, rate: float, rng: random.Random) -> str:
    """The text with a share of its words replaced, dropped or doubled."""
    parts = re.split(r"(\s+)", text)
    for place in range(0, len(parts), 2):
        if parts[place] and rng.random() < rate:
            parts[place] = rng.choice(("changed", "", f"{parts[place]} {parts[place]}", f"x{rng.randrange(1000)}"))
    return "".join(parts)


def build_corpus(options: argparse.Namespace) -> Path:
    """Write ``corpus.parquet`` (id, text, kind, domain, meta, origin: row of the original or null), shuffled."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from forge.records import stable_id

    path: Path = options.work / f"corpus-{options.size_mb}.parquet"
    if path.is_file():
        return path
    rng = random.Random(SEED)
    wanted = options.size_mb * 1_000_000 * 0.9
    files = [(*entry, {}) for entry in file_texts(options.packages)]
    apis = list(api_texts(options.apis)) if options.apis else []
    originals: list[tuple[str, str, str, dict[str, Any]]] = []
    for group, share in ((files, 0.7 if apis else 1.0), (apis, 0.3)):
        rng.shuffle(group)
        size = 0
        for entry in group:
            if size >= wanted * share:
                break
            originals.append(entry)
            size += len(entry[2].encode())
    rows = []
    for number, (kind, domain, text, meta) in enumerate(originals):
        rows.append((stable_id("original", str(number)), text, kind, domain, json.dumps(meta), None))
        if rng.random() < 0.1:
            copy = {**meta, "api": stable_id("copy", str(number)), "provider": "copy"} if meta else {}
            again = edited(text, rng.choice(RATES), rng)
            rows.append((stable_id("copy", str(number)), again, kind, domain, json.dumps(copy), rows[-1][0]))
    rng.shuffle(rows)
    names = ("id", "text", "kind", "domain", "meta", "origin")
    columns = {name: pa.array(column, pa.string()) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=2_000)
    return path


def head(path: Path, megabytes: int) -> Path:
    """The first megabytes of a corpus, as one Parquet file and, for datatrove, one JSON line a document."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    out = path.with_name(f"{path.stem}-head-{megabytes}.parquet")
    if not out.is_file():
        table = pq.ParquetFile(path).read()
        sizes = pc.cumulative_sum(pc.cast(pc.binary_length(table["text"]), "int64")).to_numpy()
        table = table.slice(0, int((sizes < megabytes * 1_000_000).sum()))
        pq.write_table(table, out, compression="zstd", row_group_size=2_000)
        folder = out.with_suffix("")
        folder.mkdir(exist_ok=True)
        lines = (json.dumps({"id": row["id"], "text": row["text"]}) for row in table.to_pylist())
        (folder / "part.jsonl").write_text("\n".join(lines) + "\n")
    return out


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


RUNS = {
    "ours": run_ours,
    "rensa loop": run_rensa,
    "datatrove, whitespace": run_datatrove,
    "datatrove, spaCy": lambda corpus, work: run_datatrove(corpus, work, whitespace=False),
}


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


def measure(name: str, corpus: Path, options: argparse.Namespace, *, python: str) -> dict[str, Any]:
    """Run a candidate in a fresh process and folder; prints its line."""
    work = Path(tempfile.mkdtemp(dir=options.work, prefix="run-"))
    try:
        command = [python, __file__, "--run", name, str(corpus), str(work)]
        with (options.work / "peer.log").open("w") as log:
            subprocess.run(command, check=True, stdout=log, stderr=log)
        facts: dict[str, Any] = json.loads((work / "result.json").read_text())
        if name == "ours":
            shutil.copytree(work / "ours", options.work / f"state-{corpus.stem}", dirs_exist_ok=True)
    finally:
        shutil.rmtree(work)
    facts["rate"] = text_megabytes(corpus) / facts["cpu"]
    print(
        f"{name:24} {facts['rate']:8.1f} MB/CPU s   {facts['cpu']:7.1f} CPU s   {facts['wall']:7.1f} s   "
        f"{facts['peak_mb']:6.0f} MB peak   {len(facts['gone']):,} gone"
    )
    return facts


def text_megabytes(corpus: Path) -> float:
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    return float(pc.sum(pc.binary_length(pq.read_table(corpus, columns=["text"])["text"])).as_py()) / 1e6


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
    found = pq.read_table(options.work / f"state-{corpus.stem}" / "clusters.parquet").to_pylist()
    gone = {row["id"] for row in found}
    planted = [(place[origin], row) for row, origin in enumerate(table["origin"].to_pylist()) if origin]
    planted = [pair for pair in planted if guards[pair[0]] == guards[pair[1]]]
    near = [pair for pair in planted if jaccard(*(shingle_set(texts[row]) for row in pair)) >= 0.8]
    say_recall("planted pairs", near, ids, gone)
    rows = random.Random(SEED).sample(range(len(ids)), min(options.sample, len(ids)))
    pairs = [(rows[i], rows[j]) for i, j in natural_pairs([texts[row] for row in rows])]
    say_recall(f"all pairs of {len(rows):,} documents", [(i, j) for i, j in pairs if guards[i] == guards[j]], ids, gone)
    print(f"  (kept apart by structure: {sum(guards[i] != guards[j] for i, j in pairs)} of {len(pairs)} pairs)")
    checked = [row for row in found if row["reason"] == "near duplicate"]
    checked = random.Random(SEED).sample(checked, min(options.sample, len(checked)))
    right = sum(
        jaccard(*(shingle_set(texts[place[row[side]]]) for side in ("id", "survivor"))) >= 0.8 for row in checked
    )
    stays = sum(row["survivor"] not in gone for row in found)
    print(f"precision: {right / max(1, len(checked)):.4f} of {len(checked):,} removed")
    print(f"survivors that stay: {stays:,} of {len(found):,}")


def say_recall(what: str, pairs: Sequence[tuple[int, int]], ids: Sequence[str], gone: set[str]) -> None:
    hit = sum(ids[left] in gone or ids[right] in gone for left, right in pairs)
    print(f"recall, {what}: {hit / max(1, len(pairs)):.4f} of {len(pairs):,} with an index of 0.8 or more")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, required=True)
    parser.add_argument("--apis", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--size-mb", type=int, default=200)
    parser.add_argument("--peer-python")
    parser.add_argument("--peer-mb", type=int, default=100)
    parser.add_argument("--spacy-mb", type=int, default=0, help="also datatrove with its default tokenizer, on so much")
    parser.add_argument("--sample", type=int, default=4_000)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    corpus = build_corpus(options)
    print(f"{text_megabytes(corpus):.0f} MB of text")
    measure("ours", corpus, options, python=sys.executable)
    judge_quality(corpus, options)
    if options.peer_python:
        part = head(corpus, options.peer_mb)
        print(f"--- {text_megabytes(part):.0f} MB of text")
        ours = measure("ours", part, options, python=sys.executable)
        peers = [("rensa loop", part), ("datatrove, whitespace", part)]
        if options.spacy_mb:
            peers.append(("datatrove, spaCy", head(corpus, options.spacy_mb)))
        for name, material in peers:
            theirs = measure(name, material, options, python=options.peer_python)
            print(f"  ours / {name}: {ours['rate'] / theirs['rate']:.1f} times")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--run"]:
        child(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
