"""What near-dedup, decontaminate and the cheap filters cost from 50 to 800 MB: CPU seconds, peak memory, a plot.

    python benchmarks/linear_cost.py --work FOLDER [--packages FOLDER --apis WORKSPACE] [--cache DIR] [--rounds 2]
        [--sizes 50 100 200 400 800]

The corpus of the largest size is built as `near_dedup.py` builds it (or found in ``--work``), in an order drawn once;
the smaller ones are its beginnings. Each run is a process of its own, the better of the rounds. CPU seconds are, of
near-dedup, those of the whole process, imports included; of decontaminate those of judging, without the index, whose
cost does not depend on the corpus; of the cheap filters those of reading, filtering and writing.
Written to ``--work``: ``linear_cost.png``, ``linear_cost.json``. Printed: a table, and of a straight line through the
points R squared and the share of its start in the largest; a cost that grows linearly keeps its seconds a megabyte.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cheap_filters
import decontamination
import near_dedup
import pyarrow as pa
import pyarrow.parquet as pq
from near_dedup_corpus import build_corpus, head, text_megabytes
from peers import better

STEPS = ("near-dedup", "decontaminate", "length, pii, secrets")


def grouped(corpus: Path, path: Path) -> Path:
    """The texts as the decontamination benchmark reads them, all of one group."""
    source = pq.ParquetFile(corpus)
    with pq.ParquetWriter(path, pa.schema({"group": pa.string(), "text": pa.string()}), compression="zstd") as writer:
        for batch in source.iter_batches(1_000, columns=["text"]):
            names = pa.array(["corpus"] * len(batch))
            writer.write_batch(pa.RecordBatch.from_arrays([names, batch.column("text")], ["group", "text"]))
    return path


def runs(corpus: Path, folder: Path, *, cache: Path) -> dict[str, Callable[[], dict[str, Any]]]:
    """A run of each step over a corpus, in a process of its own; gives at least ``cpu`` and ``peak_mb``."""
    texts = grouped(corpus, folder / "texts.parquet")
    ours = [sys.executable, decontamination.__file__, "--ours", cache, texts]
    arguments = [str(corpus), str(folder / "out.parquet"), "three"]
    return {
        "near-dedup": lambda: near_dedup.once("ours", corpus, folder, python=sys.executable),
        "decontaminate": lambda: decontamination.side(ours, folder),
        "length, pii, secrets": lambda: cheap_filters.measure(sys.executable, cheap_filters.OURS, arguments),
    }


def measure(corpus: Path, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Points of one size."""
    megabytes, points = text_megabytes(corpus), []
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        for step, run in runs(corpus, Path(name), cache=options.cache.absolute()).items():
            found = better(options.rounds, run)
            point = {"step": step, "mb": megabytes, "cpu": found["cpu"], "peak_mb": found["peak_mb"]}
            points.append(point)
            print(
                f"| {step} | {megabytes:.0f} | {point['cpu']:.2f} | {1e3 * point['cpu'] / megabytes:.1f} "
                f"| {point['peak_mb']:.0f} |",
                flush=True,
            )
    return points


def line(points: Sequence[dict[str, Any]]) -> tuple[float, float, float]:
    """Slope, start and R squared of the straight line of least squares."""
    import numpy as np

    size, cost = (np.array([point[name] for point in points]) for name in ("mb", "cpu"))
    slope, start = np.polyfit(size, cost, 1)
    rest = ((cost - slope * size - start) ** 2).sum() / ((cost - cost.mean()) ** 2).sum()
    return float(slope), float(start), float(1 - rest)


def say_lines(points: Sequence[dict[str, Any]]) -> None:
    for step in STEPS:
        own = [point for point in points if point["step"] == step]
        slope, start, fit = line(own)
        growth = (own[-1]["cpu"] / own[-1]["mb"]) / (own[0]["cpu"] / own[0]["mb"])
        print(
            f"{step}: {1e3 * slope:.1f} CPU ms a MB and {start:+.2f} s, R squared {fit:.4f}; "
            f"a megabyte at {own[-1]['mb']:.0f} MB costs {growth:.2f} times what it does at {own[0]['mb']:.0f} MB"
        )


def plot(points: Sequence[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (cost, memory) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for step in STEPS:
        own = [point for point in points if point["step"] == step]
        slope, start, fit = line(own)
        sizes = [point["mb"] for point in own]
        drawn = cost.plot(sizes, [point["cpu"] for point in own], "o", label=f"{step} (R² {fit:.4f})")
        color = drawn[0].get_color()
        cost.plot([0, sizes[-1]], [start, start + slope * sizes[-1]], "-", color=color, linewidth=0.8)
        memory.plot(sizes, [point["peak_mb"] for point in own], "o-", color=color, label=step)
    cost.set(xlabel="text, MB", ylabel="CPU seconds", xlim=0, ylim=0)
    memory.set(xlabel="text, MB", ylabel="peak memory, MB", xlim=0, ylim=0)
    cost.legend()
    memory.legend()
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--packages", type=Path, help="archives to build the corpus of, unless --work has it")
    parser.add_argument("--apis", type=Path)
    parser.add_argument("--cache", type=Path, help="folder for fetched packages, kept; default: in --work")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 100, 200, 400, 800])
    options = parser.parse_args()
    options.cache, options.size_mb = options.cache or options.work / "cache", max(options.sizes)
    corpus = build_corpus(options)
    points: list[dict[str, Any]] = []
    print("| step | MB | CPU s | CPU ms a MB | peak MB |\n| --- | --- | --- | --- | --- |")
    for size in sorted(options.sizes):
        points += measure(head(corpus, size), options)
    say_lines(points)
    (options.work / "linear_cost.json").write_text(json.dumps(points, indent=1))
    plot(points, options.work / "linear_cost.png")
    print(options.work / "linear_cost.png")


if __name__ == "__main__":
    main()
