"""One partition of the source ``synthesizer``: its tools, its blueprints in order, its models, its run."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from forge.errors import StepError
from forge.llm import Caps, LlmClient, LlmOptions, Prices
from forge.records import ApiRecord, stable_id
from forge.steps import CatalogView, Context, Partition
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.synthesis.audit import judge_agreement
from forge_trajectories.synthesis.author import OBSERVATION
from forge_trajectories.synthesis.driver import Aims, Outcome, synthesize
from forge_trajectories.synthesis.progress import Pulse
from forge_trajectories.synthesis.prompts import Asking
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.store import build_store

if TYPE_CHECKING:
    from forge_trajectories.synthesis.source import Synthesizer

MOST_MISSES = 100
"""Draws in a row that give no blueprint of a kind, after which the kind is left out."""
ATTEMPTS = 4
"""Blueprints for each accepted trajectory, at most, where the recipe says nothing."""


def run_partition(source: "Synthesizer", partition: Partition, context: Context) -> Outcome:
    """Make the trajectories of one partition; its part of the source's budget is as large as any other's.

    Raises:
        StepError: no blueprint can be made, or the endpoint answers no more.
    """
    target, parts = given_of(partition)["target"], source.parts
    stream = blueprints_of(source, partition, context)
    total = Caps(tokens=source.max_tokens or None, usd=source.max_usd or None)
    caps = Caps(
        tokens=total.tokens // parts if total.tokens is not None else None,
        usd=total.usd / parts if total.usd is not None else None,
    )
    with ExitStack() as stack:
        client, judge = (
            stack.enter_context(_open(context, LlmOptions(model=model, caps=caps, part=partition.key, total=total)))
            if wanted
            else None
            for model, wanted in ((source.model, source.asks_model), (source.judge_model, source.judge_model))
        )
        aims = Aims(
            target=target,
            most=-(-source.max_attempts // parts) if source.max_attempts else ATTEMPTS * target + 50,
            writes=written_of(source),
            assist=source.assist,
            max_llm_share=source.max_llm_share,
            window=source.concurrency,
            caps=caps,
            asking=asking_of(source),
            prices=_prices(context, client),
            judge_prices=_prices(context, judge),
            source=source.name,
        )
        pulse = Pulse.of(context.scratch, partition.key)
        stack.callback(pulse.end)
        outcome = asyncio.run(synthesize(stream, aims=aims, client=client, judge=judge, heard=pulse.beat))
        if judge is not None:
            outcome.agreement = asyncio.run(judge_agreement(outcome, judge, prices=aims.judge_prices))
        return outcome


def written_of(source: "Synthesizer") -> frozenset[str]:
    """The parts that the model writes, answers of calls among them."""
    return frozenset([*source.writes, *([OBSERVATION] if source.observations else [])])


def asking_of(source: "Synthesizer") -> Asking:
    """How the model is asked."""
    return Asking(temperature=source.temperature, observations=source.observations, native_tools=source.native_tools)


def blueprints_of(source: "Synthesizer", partition: Partition, context: Context) -> Iterator[Blueprint]:
    """The partition's blueprints, in the order in which they are taken up."""
    seed = seed_of(context.seed, given_of(partition)["lap"])
    return blueprints(open_graph(partition, context, shares=source.providers), source.shares(), seed=seed)


def given_of(partition: Partition) -> dict[str, int]:
    """The numbers among a partition's items."""
    pairs = (item.partition("=") for item in partition.items if "=" in item)
    return {name: int(value) for name, _, value in pairs}


def seed_of(seed: int, lap: int) -> int:
    """The seed for partitions that share buckets: another on every lap."""
    return seed if lap == 0 else int(stable_id("lap", str(seed), str(lap))[:12], 16)


def available(source: "Synthesizer", partition: Partition, context: Context) -> int:
    """How many tools a partition draws from; none for one whose buckets another partition has drawn from already."""
    return 0 if given_of(partition)["lap"] else len(open_graph(partition, context, shares=source.providers))


def open_graph(partition: Partition, context: Context, *, shares: Mapping[str, float] | None = None) -> ToolGraph:
    """The tool graph over a partition's buckets; its files are kept in the scratch directory."""
    assert context.catalog is not None
    view = Buckets(context.catalog, [item for item in partition.items if "=" not in item])
    folder: Path = context.scratch / "tools" / stable_id(*(bucket.fingerprint for bucket in view.buckets()))[:16]
    graph = ToolGraph(build_store(view, folder), shares or {})
    if not len(graph):
        raise StepError(f"{partition.key}: none of the catalogue's APIs makes a tool", step="synthesizer")
    return graph


def blueprints(graph: ToolGraph, shares: Mapping[str, float], *, seed: int) -> Iterator[Blueprint]:
    """Blueprints without end, kinds by their shares in even order; ends where no kind gives one any more."""
    live = {kind: share for kind, share in shares.items() if share > 0}
    numbers: Counter[str] = Counter()
    given: Counter[str] = Counter()
    misses: Counter[str] = Counter()
    while live:
        kind = min(live, key=lambda kind: ((given[kind] + 1) / live[kind], kind))
        blueprint = sample(graph, kind=kind, number=numbers[kind], seed=seed)
        numbers[kind] += 1
        if blueprint is not None:
            misses[kind] = 0
            given[kind] += 1
            yield blueprint
            continue
        misses[kind] += 1
        if misses[kind] >= MOST_MISSES:
            del live[kind]


class Buckets:
    """A `forge.steps.CatalogView` of some of another's buckets."""

    def __init__(self, catalog: CatalogView, keys: Sequence[str]) -> None:
        self._catalog = catalog
        self._buckets = [bucket for bucket in catalog.buckets() if bucket.key in set(keys)]
        self.fingerprint = stable_id(*(bucket.fingerprint for bucket in self._buckets))

    def buckets(self) -> Sequence[Partition]:
        """Those buckets."""
        return self._buckets

    def read(self, bucket: Partition) -> Iterator[ApiRecord]:
        """The records of one."""
        return self._catalog.read(bucket)


def _open(context: Context, options: LlmOptions) -> AbstractContextManager[LlmClient]:
    if context.llm is None:
        reason = "parts are to be written by a model, and none can be asked here; set writes = []"
        raise StepError(reason, step="synthesizer")
    return context.llm.open(options)


def _prices(context: Context, client: LlmClient | None) -> Prices:
    found = context.llm.prices(client.model) if client is not None and context.llm is not None else None
    return found or Prices()
