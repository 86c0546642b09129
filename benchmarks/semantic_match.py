"""`semantic-match` against a bare sentence-transformers loop over the same texts, and what its prefilter loses.

    python benchmarks/semantic_match.py [--seeds 150] [--documents 800] [--chars 600] [--rounds 1]

Seeds: docstrings of the standard library's modules for the web, files and processes. Documents: passages from the long
descriptions of the distributions that are installed here, and docstrings of other modules: real text, some of it near
the seeds. Both read the first 256 tokens of each and load the packaged model within the time that counts; each runs in
a process of its own, in turns. The filter (prefilter off) also hashes, stores, searches and judges. The loop is
``SentenceTransformer.encode`` with its defaults, and the same under bfloat16 autocast. The last lines run the filter
with several cuts of the prefilter: the share that is embedded and the recall against the exact answer, over all
documents.
"""

import argparse
import inspect
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

SEED_MODULES = (
    "urllib.request", "urllib.parse", "http.client", "http.server", "http.cookiejar", "smtplib", "imaplib", "ftplib",
    "socket", "ssl", "json", "email.message", "shutil", "pathlib", "os", "subprocess", "sqlite3", "zipfile", "tarfile",
)  # fmt: skip
OTHER_MODULES = ("statistics", "fractions", "decimal", "calendar", "difflib", "ast", "unittest.mock", "turtle", "pdb")
CUTS = (0.02, 0.04, 0.06, 0.08, 0.1, 0.15)


def docstrings(modules: Sequence[str]) -> Iterator[str]:
    for name in modules:
        try:
            module = import_module(name)
        except ImportError:
            continue
        for title, member in sorted(inspect.getmembers(module), key=lambda item: item[0]):
            members = [(title, member)]
            if inspect.isclass(member):
                members += [(f"{title}.{inner}", value) for inner, value in inspect.getmembers(member)]
            for full, value in members:
                text = inspect.getdoc(value) if callable(value) else None
                if text and len(text) > 60 and not full.split(".")[-1].startswith("__"):
                    yield f"{name}.{full}: {text}"


def passages(chars: int) -> Iterator[str]:
    for distribution in sorted(distributions(), key=lambda item: str(item.name)):
        text = (distribution.read_text("METADATA") or "").partition("\n\n")[2]
        yield from (text[start : start + chars] for start in range(0, len(text) - chars, chars))


def material(arguments: argparse.Namespace) -> tuple[list[str], list[str]]:
    chance = random.Random(0)

    def drawn(texts: Iterator[str], count: int) -> list[str]:
        every = sorted({text[: arguments.chars] for text in texts})
        return chance.sample(every, min(count, len(every)))

    seeds = drawn(docstrings(SEED_MODULES), arguments.seeds)
    third = arguments.documents // 3
    near = [text for text in drawn(docstrings(SEED_MODULES), 10 * third) if text not in set(seeds)][: third // 2]
    other = drawn(docstrings(OTHER_MODULES), third - len(near))
    return seeds, near + other + drawn(passages(arguments.chars), arguments.documents - len(near) - len(other))


def run_loop(seeds: Sequence[str], documents: Sequence[str], *, low: bool) -> dict[str, Any]:
    import torch
    from sentence_transformers import SentenceTransformer

    from forge_filters.embedding import DEFAULT, _place

    model = SentenceTransformer(str(_place(DEFAULT)), device="cpu", local_files_only=True)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=low):
        model.encode([*seeds, *documents], show_progress_bar=False)
    return {}


def run_filter(seeds: Sequence[str], documents: Sequence[str], *, folder: Path, cut: float, top_k: int) -> Any:
    import pyarrow as pa

    from forge.records import Document, arrow_schema, stable_id
    from forge.steps import Context
    from forge.testing.fakes import MemoryCorpus, OfflineHttp
    from forge_filters.semantic_match import SemanticMatch

    names = arrow_schema(Document).names
    rows = [
        {**dict.fromkeys(names, ""), "id": stable_id(kind, text), "text": text, "kind": kind, "domain": "text"}
        for kind, texts in (("api_doc", seeds), ("web", documents))
        for text in texts
    ]
    batch = pa.RecordBatch.from_pylist(rows, schema=arrow_schema(Document))
    scratch = folder / str(cut)
    scratch.mkdir()
    context = Context(workspace=folder, cache=folder, scratch=scratch, seed=0, http=OfflineHttp())
    sample = 1 if cut == 0 else len(documents)
    step = SemanticMatch(seed_kinds=["api_doc"], prefilter=cut, top_k=top_k, sample=sample)
    state = step.prepare(MemoryCorpus(batch), context)
    verdicts = step.judge(batch.select(list(step.columns)), state)
    return {**json.loads((scratch / "report.json").read_text()), "kept": verdicts.keep.true_count}


def child(arguments: argparse.Namespace) -> None:
    seeds, documents = material(arguments)
    began, cpu = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as name:
        if arguments.child == "filter":
            run_filter(seeds, documents, folder=Path(name), cut=0.0, top_k=20)
        else:
            run_loop(seeds, documents, low=arguments.child == "loop, bfloat16")
    took = {"wall": time.perf_counter() - began, "cpu": time.process_time() - cpu, "n": len(seeds) + len(documents)}
    print(json.dumps({**took, "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


def compare(arguments: argparse.Namespace) -> None:
    best: dict[str, dict[str, float]] = {}
    for _ in range(arguments.rounds):
        for name in ("loop", "loop, bfloat16", "filter"):
            command = [sys.executable, *sys.argv, "--child", name]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found = json.loads(said.splitlines()[-1])
            best[name] = min(best.get(name, found), found, key=lambda item: item["cpu"])
    print(f"{'':16}{'docs/s':>8}{'docs/CPU s':>12}{'peak MB':>9}{'to the filter, CPU':>20}")
    for name, found in best.items():
        ratio = found["cpu"] / best["filter"]["cpu"]
        speeds = f"{found['n'] / found['wall']:8.1f}{found['n'] / found['cpu']:12.1f}{found['mb']:9.0f}"
        print(f"{name:16}{speeds}{ratio:20.2f}")


def recall(arguments: argparse.Namespace) -> None:
    """Each cut with the vectors of the first, which come from the cache."""
    seeds, documents = material(arguments)
    with tempfile.TemporaryDirectory() as name:
        print(f"{'cut':>6}{'embedded':>10}{'recall of top 5':>17}  recall by least similarity")
        for cut in CUTS:
            found = run_filter(seeds, documents, folder=Path(name), cut=cut, top_k=5)
            guess = found["prefilter"]
            levels = "  ".join(f"{level['similarity']:.2f}: {level['recall']:.3f}" for level in guess["levels"])
            print(f"{cut:6.2f}{guess['share_embedded']:10.3f}{guess['recall_of_top_k']:17.3f}  {levels}")
        means = found["similarity"]
    print(f"mean similarity to the nearest seed: retrieved {means['retrieved']:.3f}, random {means['random']:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=150)
    parser.add_argument("--documents", type=int, default=800)
    parser.add_argument("--chars", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments)
        return
    compare(arguments)
    recall(arguments)


if __name__ == "__main__":
    main()
