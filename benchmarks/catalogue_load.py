"""The catalogue from nothing: CPU seconds, peak memory and size for the sources of ``examples/catalogue``.

    python benchmarks/catalogue_load.py [--workers 2] [--cache DIR] [--ansible]

Runs `forge build` on that recipe in a fresh folder, and once more to see that nothing is done again. CPU
seconds are those of the whole process tree; memory is the sum over the tree of proportional set sizes, sampled every
50 ms. ``--cache`` is a workspace's ``.forge/http``, so that nothing is fetched.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

RECIPE = Path(__file__).resolve().parent.parent / "examples" / "catalogue" / "forge.toml"
ANSIBLE = '\n[[source]]\nname = "ansible"\n'


def peak_of(process: "subprocess.Popen[bytes]") -> float:
    """Largest proportional set size of the process tree until it ends, in MB."""
    peak = 0.0
    root = psutil.Process(process.pid)
    while process.poll() is None:
        total = 0
        for member in [root, *root.children(recursive=True)]:
            try:
                total += member.memory_full_info().pss
            except psutil.Error:
                continue
        peak = max(peak, total / 1e6)
        time.sleep(0.05)
    return peak


def build(workspace: Path, workers: int) -> dict[str, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    command = [sys.executable, "-m", "forge", "-C", str(workspace), "build", "--quiet", "--workers", str(workers)]
    process = subprocess.Popen(command)
    peak = peak_of(process)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"cpu_seconds": round(cpu, 1), "seconds": round(time.perf_counter() - begun, 1), "peak_mb": round(peak)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--ansible", action="store_true", help="with the source that is off by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder)
        (workspace / "forge.toml").write_text(RECIPE.read_text() + (ANSIBLE if options.ansible else ""))
        if options.cache:
            (workspace / ".forge").mkdir()
            (workspace / ".forge" / "http").symlink_to(options.cache.resolve())
        first = build(workspace, options.workers)
        again = build(workspace, options.workers)
        status = subprocess.run(
            [sys.executable, "-m", "forge", "-C", folder, "status", "--json"], check=True, capture_output=True
        )
        catalog = json.loads(status.stdout)["catalog"]
        size = (workspace / ".forge" / "catalog.duckdb").stat().st_size / 1e6
        facts = {key: catalog[key] for key in ("raw", "distinct", "distinct_documented", "strict")}
        print(json.dumps({"first": first, "again": again, "catalogue_mb": round(size, 1), **facts}, indent=2))


if __name__ == "__main__":
    main()
