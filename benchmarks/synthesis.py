"""Trajectories a CPU second without a model: sampling, composing, executing, verifying, and all of it together.

    python benchmarks/synthesis.py [--catalog FOLDER] [--buckets 4] [--count 2000] [--writes query,calls,answer]

``--catalog``: a snapshot of a catalogue, ``.forge/state/catalog/KEY`` of a workspace. Times are CPU time of this
process; making the tools of the buckets, which is done once, is told apart. ``--writes`` has the parts asked for and
answered at once by what the blueprint says: the overhead of prompts and checks without that of a model.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections import Counter
from itertools import islice
from pathlib import Path

from forge.catalog import SnapshotView
from forge.llm import Answer
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.synthesis.author import Composed, compose
from forge_trajectories.synthesis.author_draft import Usage, checked, draft_of
from forge_trajectories.synthesis.driver import Aims, synthesize
from forge_trajectories.synthesis.prompts import PartCall
from forge_trajectories.synthesis.source import SHARES
from forge_trajectories.synthesis.source_run import Buckets, blueprints
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.store import build_store


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", type=Path, required=True)
    parser.add_argument("--buckets", type=int, default=4)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--writes", default="query,calls,answer")
    parser.add_argument("--tools", type=Path, help="keep the tools in this folder")
    asked = parser.parse_args()
    view = SnapshotView(asked.catalog)
    buckets = Buckets(view, [bucket.key for bucket in view.buckets()[: asked.buckets]])
    with tempfile.TemporaryDirectory() as temporary:
        begun = time.process_time()
        graph = ToolGraph(build_store(buckets, asked.tools or Path(temporary)))
        print(f"tools of {len(graph):,} APIs: {time.process_time() - begun:.1f} s")
        parts(graph, asked.count, frozenset(asked.writes.split(",")))
        whole(graph, asked.count)


def parts(graph: ToolGraph, count: int, writes: frozenset[str]) -> None:
    """Each part of the road on its own."""
    list(islice(blueprints(graph, SHARES, seed=0), 24))  # what is read once is no part of it
    begun = time.process_time()
    drawn = list(islice(blueprints(graph, SHARES, seed=1), count))
    say("sample, executed once", count, time.process_time() - begun)
    begun = time.process_time()
    composed = [walked(blueprint, frozenset()) for blueprint in drawn]
    say("compose, executed again", count, time.process_time() - begun)
    begun = time.process_time()
    for each in composed:
        checked(each, draft_of(each, Usage(paid=set()), model="", source="benchmark", number=0))
    say("verify, executed again", count, time.process_time() - begun)
    begun = time.process_time()
    for blueprint in drawn:
        walked(blueprint, writes)
    say(f"compose, {','.join(sorted(writes))} asked for and checked", count, time.process_time() - begun)


def whole(graph: ToolGraph, count: int) -> None:
    """The road as the source takes it."""
    begun = time.process_time()
    aims = Aims(target=count, most=4 * count)
    outcome = asyncio.run(synthesize(blueprints(graph, SHARES, seed=2), aims=aims))
    seconds = time.process_time() - begun
    say("all of it, duplicates included", outcome.accepted, seconds)
    codes = Counter(settled.attempt.code for settled in outcome.settled if not settled.attempt.accepted)
    print(f"{outcome.accepted:,} accepted of {outcome.blueprints:,}; {dict(codes)}")


def walked(blueprint: Blueprint, writes: frozenset[str]) -> Composed:
    """Compose, with the blueprint's own answers."""
    road = compose(blueprint, writes=writes)
    try:
        call = next(road)
        while True:
            assert isinstance(call, PartCall)
            call = road.send(Answer(text=json.dumps(call.draft), value=call.draft))
    except StopIteration as end:
        found: Composed = end.value
        return found


def say(what: str, count: int, seconds: float) -> None:
    print(f"{what:48} {seconds / count * 1e3:7.2f} ms each  {count / seconds:7.0f} a second")


if __name__ == "__main__":
    main()
