"""Read Parquet, three cheap filters, write Parquet: MB a CPU second, side by side with datatrove.

    python benchmarks/cheap_filters.py [--peers FOLDER] [--corpus FILE | --folder DIR...] [--mb 200] [--rounds 2]

``--peers``: environments that ``benchmarks/peers.py`` makes. Documents are the texts of a Parquet file, or the UTF-8
files in the folders (default: Debian's documentation and this interpreter's library). Both sides read the same Parquet
file, in a process of their own, and write what stays; the filters are

    length           100 to 1 000 000 characters           a lambda over the same bounds
    pii              e-mail and IP addresses, redacted     its PIIFormatter
    secrets          keys of known formats                 a RegexFilter over AWS's keys alone, far less work

and, on a line of its own, ``repetition`` against GopherRepetitionFilter with a whitespace splitter given to it, on a
twentieth of the text (its own splitter is spaCy's, which is slower still). CPU seconds are of the whole process, less
those of starting and importing, the better of the rounds; memory is the peak resident set, as Linux tells it.
"""

import argparse
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from peers import better, interpreter

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


def beginning(corpus: Path, *, target: Path, limit: float) -> float:
    """Write the first texts of a Parquet file as documents; returns their MB."""
    size, schema = 0, pa.schema(dict.fromkeys(("id", "text", "domain", "meta"), pa.string()))
    with pq.ParquetWriter(target, schema) as writer:
        for batch in pq.ParquetFile(corpus).iter_batches(1_000, columns=schema.names):
            if size >= limit * 1e6:
                break
            writer.write_batch(batch.select(schema.names))
            size += pc.sum(pc.binary_length(batch["text"])).as_py()
    return size / 1e6


def measure(python: str, program: str, arguments: list[str]) -> dict[str, float]:
    """Run a program in its own process, on one core."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ARROW_NUM_THREADS": "1"}
    command = [python, "-c", program + REPORT, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{python} failed:\n{done.stderr[-3000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(peer: str | None, *, source: Path, mb: float, which: str, rounds: int) -> None:
    """Both sides on one file; prints a line for each, and the ratio."""
    programs = {"ours": (sys.executable, OURS), "datatrove": (peer, PEER)}
    found: dict[str, dict[str, float]] = {}
    for side, (python, program) in programs.items():
        if python is None:
            continue
        with tempfile.TemporaryDirectory(dir=source.parent) as name:
            arguments = [str(source), str(Path(name) / "out.parquet"), which]
            found[side] = better(rounds, partial(measure, python, program, arguments))
        facts = found[side]
        print(
            f"{which:10} {side:10} {mb / facts['cpu']:7.1f} MB/CPU s {facts['cpu']:7.2f} CPU s "
            f"{facts['peak_mb']:6.0f} MB peak {facts['written']:8,} written of {mb:.1f} MB"
        )
    if peer is not None:
        print(f"{which:10} ours / datatrove: {found['datatrove']['cpu'] / found['ours']['cpu']:.1f} times")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, help="folder of the peers' environments")
    parser.add_argument("--corpus", type=Path, help="Parquet file with id, text, domain and meta")
    parser.add_argument("--folder", type=Path, action="append")
    parser.add_argument("--mb", type=float, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    folders = options.folder or [Path("/usr/share/doc"), Path(sysconfig.get_path("stdlib"))]
    peer = interpreter(options.peers, "datatrove")
    with tempfile.TemporaryDirectory() as name:
        for which, share in (("three", 1.0), ("repetition", 0.05)):
            source = Path(name) / f"{which}-source.parquet"
            if options.corpus:
                mb = beginning(options.corpus, target=source, limit=options.mb * share)
            else:
                mb = sample(folders, target=source, limit=options.mb * share)
            compare(peer, source=source, mb=mb, which=which, rounds=options.rounds)


if __name__ == "__main__":
    main()
