"""How fast trajectories are verified, and what of planted corruption is caught.

    python benchmarks/ladder.py --catalog FOLDER [--each 50] [--seed 1] [--no-mutations]

FOLDER is a snapshot of a catalogue, as a workspace keeps it under ``.forge/state/catalog``. For every kind, so many
trajectories are made without a model, stored as rows, read back and verified from that alone. Printed are milliseconds
of CPU a trajectory for making and for verifying (one process, caches warm: the second pass counts), how many of the
untouched are accepted, and the table of mutations by kind.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from forge.catalog import SnapshotView
from forge.records import Trajectory, from_row, to_row
from forge_trajectories.blueprint import KINDS
from forge_trajectories.ladder.mutations import mutation_report, table
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.synthesis.author import compose, finished
from forge_trajectories.synthesis.author_draft import Usage, draft_of
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.store import write_tools

BUCKETS = 6


def graph_of(folder: Path, scratch: Path) -> ToolGraph:
    """The tool graph over the first buckets of a snapshot."""
    view = SnapshotView(folder)
    stems = [
        write_tools(view.read(bucket), scratch, fingerprint=bucket.fingerprint) for bucket in view.buckets()[:BUCKETS]
    ]
    (scratch / "tools.json").write_text(json.dumps(sorted(stems)))
    return ToolGraph(scratch)


def made(graph: ToolGraph, *, each: int, seed: int) -> Iterator[Trajectory]:
    """So many trajectories of every kind, none of their words by a model."""
    for kind in KINDS:
        got = number = 0
        while got < each and number < 4 * each:
            blueprint = sample(graph, kind=kind, number=number, seed=seed)
            number += 1
            if blueprint is not None:
                got += 1
                composed = finished(compose(blueprint))
                yield draft_of(composed, Usage(paid=set()), model="", source="benchmark", number=number)


def main() -> None:
    """Make, verify, corrupt, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", type=Path, required=True)
    parser.add_argument("--each", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-mutations", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        graph = graph_of(given.catalog, Path(scratch))
        begun = time.process_time()
        drafts = list(made(graph, each=given.each, seed=given.seed))
        making = time.process_time() - begun
    stored = [from_row(Trajectory, to_row(draft)) for draft in drafts]
    failed = Counter(check.code for each in stored if (check := first_failure(verify(each))) is not None)
    begun = time.process_time()
    for each in stored:
        verify(each)
    verifying = time.process_time() - begun
    print(f"{len(stored)} trajectories: made in {1000 * making / len(stored):.2f} ms each (sampled, written, executed)")
    print(f"verified in {1000 * verifying / len(stored):.2f} ms each; {sum(failed.values())} refused {dict(failed)}")
    if given.no_mutations:
        return
    report = mutation_report(stored, seed=given.seed)
    print(f"mutations: {report.planted} planted, {100 * report.share:.2f} % caught")
    for row in table(report):
        share = 100 * float(str(row["share"]))
        print(f"  {row['kind']:22} {row['planted']:6} {row['caught']:6} {share:7.2f} %  {row['reason']}")


if __name__ == "__main__":
    main()
