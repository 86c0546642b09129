"""Read Parquet, three cheap filters, write Parquet: MB a CPU second, side by side with datatrove.

    python benchmarks/cheap_filters.py --peer PYTHON [--folder DIR]... [--mb 200]

PYTHON is the interpreter of an environment of its own with ``datatrove`` 0.10 and ``nltk``. Documents are the UTF-8
files in the folders (default: Debian's documentation and this interpreter's library). Both sides read the same Parquet
file, in a process of their own, and write what stays; the filters are

    length           100 to 1 000 000 characters           a lambda over the same bounds
    pii              e-mail and IP addresses, redacted     its PIIFormatter
    secrets          keys of known formats                 a RegexFilter over AWS's keys alone, far less work

and, on a line of its own, ``repetition`` against GopherRepetitionFilter with a whitespace splitter given to it, on a
twentieth of the text (its own splitter is spaCy's, which is slower still). CPU seconds are of the whole process, less
those of starting and importing; memory is the peak resident set, as Linux tells it.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

OURS = """
import json, sys, time
import pyarrow as pa, pyarrow.parquet as pq, pyarrow.compute as pc
from forge.engine.judging import replace_text
from forge_filters.length import Length
from forge_filters.pii import Pii
from forge_filters.repetition import Repetition
from forge_filters.secrets import Secrets
source, target, which = sys.argv[1:]
steps = [Repetition()] if which == "repetition" else [Length(), Pii(kinds=["email", "ip"]), Secrets()]
pa.set_cpu_count(1)
begun = time.process_time()
written = 0
with pq.ParquetWriter(target, pq.read_schema(source), compression="snappy") as writer:
    for batch in pq.ParquetFile(source).iter_batches(batch_size=1000):
        for step in steps:
            verdicts = step.judge(batch.select(list(step.columns)), None)
            batch = replace_text(batch, verdicts.text).filter(verdicts.keep)
        writer.write_batch(batch)
        written += len(batch)
"""
PEER = """
import json, sys, time
import datatrove.utils.text as text_of
import datatrove.pipeline.filters.gopher_repetition_filter as gopher
from datatrove.data import Document
from datatrove.pipeline.filters import GopherRepetitionFilter, LambdaFilter, RegexFilter
from datatrove.pipeline.formatters import PIIFormatter
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers.parquet import ParquetWriter
from loguru import logger
logger.remove()
source, target, which = sys.argv[1:]
folder, _, name = source.rpartition("/")
gopher.split_into_words = lambda text, language: text.split()
aws = r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"
steps = [GopherRepetitionFilter()] if which == "repetition" else [
    LambdaFilter(lambda document: 100 <= len(document.text) <= 1_000_000), PIIFormatter(), RegexFilter(aws)]
begun = time.process_time()
written = 0
class Counted:
    def __call__(self, data):
        global written
        for document in data:
            written += 1
            yield document
data = ParquetReader(folder, glob_pattern=name, doc_progress=False).run()
for step in steps:
    data = step.run(data)
for document in ParquetWriter(target).run(Counted()(data)):
    pass
"""
REPORT = """
cpu = time.process_time() - begun
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(json.dumps({"cpu": cpu, "peak_mb": int(peak) / 1e3, "written": written}))
"""


def sample(folders: list[Path], *, target: Path, limit: float) -> float:
    """Write the files of the folders as documents; returns their MB."""
    size = 0
    rows: list[dict[str, str]] = []
    for path in sorted(path for folder in folders for path in folder.rglob("*") if path.is_file()):
        if path.is_symlink() or not 0 < path.stat().st_size < 2_000_000 or size > limit * 1e6:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        rows.append({"id": str(len(rows)), "text": text, "domain": "text", "meta": "{}"})
        size += len(text.encode())
    pq.write_table(pa.Table.from_pylist(rows), target, row_group_size=1000)
    return size / 1e6


def measure(python: str, program: str, arguments: list[str]) -> dict[str, float]:
    """Run a program in its own process, on one core."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}
    command = [python, "-c", program + REPORT, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(peer: str, *, source: Path, mb: float, which: str) -> dict[str, object]:
    """Both sides on one file."""
    folder = source.parent
    ours = measure(sys.executable, OURS, [str(source), str(folder / f"{which}.parquet"), which])
    theirs = measure(peer, PEER, [str(source), str(folder / f"{which}-peer"), which])
    rows = {
        side: {"mb_per_cpu_second": round(mb / found["cpu"], 1), **found, "peak_mb": round(found["peak_mb"])}
        for side, found in (("forge", ours), ("datatrove", theirs))
    }
    return {"filters": which, "mb": round(mb, 1), **rows, "ratio": round(theirs["cpu"] / ours["cpu"], 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peer", required=True, help="interpreter of an environment with datatrove 0.10")
    parser.add_argument("--folder", type=Path, action="append")
    parser.add_argument("--mb", type=float, default=200)
    options = parser.parse_args()
    folders = options.folder or [Path("/usr/share/doc"), Path(sysconfig.get_path("stdlib"))]
    with tempfile.TemporaryDirectory() as name:
        for which, share in (("three", 1.0), ("repetition", 0.05)):
            source = Path(name) / f"{which}-source.parquet"
            mb = sample(folders, target=source, limit=options.mb * share)
            print(json.dumps(compare(options.peer, source=source, mb=mb, which=which), indent=2))


if __name__ == "__main__":
    main()
