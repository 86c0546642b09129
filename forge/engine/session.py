"""One run of the engine: the workspace, the checked recipe, and what the steps are handed.

Everything that a stage needs is gathered here once, so that stages are functions of a `Session` and their input. The
event log is one JSON object a line; it tells what ran, how long, and what came of it, and is never read back to decide
anything.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from forge.catalog import Catalog
from forge.clients.llm_open import Endpoint
from forge.host import Kind, Origin, PluginHost
from forge.options import make_step
from forge.progress import Reporter
from forge.recipe import Recipe, StepTable
from forge.secrets import redact_facts
from forge.steps import CatalogView, Context, Executor, HttpClient
from forge.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step of the recipe with its instance. ``origin`` is the plugin that offers it."""

    table: StepTable
    instance: Any
    origin: Origin

    @property
    def label(self) -> str:
        """The step's name in this recipe."""
        return self.table.label


@dataclass(kw_only=True)
class EventLog:
    """Appends to ``.forge/runs/RUN.jsonl``; a new file a run, opened at the first event.

    RUN is the start, to the microsecond, as one process may begin several runs in a second, and the process.
    """

    folder: Path
    started: float = field(default_factory=time.time)
    counts: dict[str, int] = field(default_factory=dict)

    def write(self, event: str, **facts: Any) -> None:
        """Append one event, without secrets.

        ``computed`` events are what tests count to see that nothing was done twice.
        """
        self.counts[event] = self.counts.get(event, 0) + 1
        self.folder.mkdir(parents=True, exist_ok=True)
        stamp = f"{datetime.fromtimestamp(self.started, UTC):%Y%m%dT%H%M%S.%f}"
        line = json.dumps({"at": round(time.time(), 3), "event": event, **redact_facts(facts)}, sort_keys=True)
        with (self.folder / f"{stamp}-{os.getpid()}.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")


@dataclass(kw_only=True)
class Session:
    """What a stage is handed.

    Attributes:
        workers: used for messages; the executor does the work.
        refresh: look for newer material than the cache holds.
    """

    workspace: Workspace
    recipe: Recipe
    host: PluginHost
    executor: Executor
    catalog: Catalog
    reporter: Reporter
    http: HttpClient
    events: EventLog
    refresh: bool = False

    def step(self, kind: Kind, table: StepTable) -> Step:
        """The step of a table, made and checked.

        Raises:
            PluginError: nobody offers it. RecipeError: an option is wrong.
        """
        offer = self.host.require(kind, table.name)
        instance = make_step(offer.step, table.options, file=self.recipe.path, key=table.key)
        return Step(table=table, instance=instance, origin=offer.origin)

    def steps(self, kind: Kind, tables: Sequence[StepTable]) -> list[Step]:
        """The steps of several tables."""
        return [self.step(kind, table) for table in tables]

    def context(self, label: str, *, scratch: Path | None = None, catalog: CatalogView | None = None) -> Context:
        """What the step with this label may touch."""
        folder = scratch or self.workspace.scratch(label)
        folder.mkdir(parents=True, exist_ok=True)
        self.workspace.cache.mkdir(parents=True, exist_ok=True)
        return Context(
            workspace=self.workspace.root,
            cache=self.workspace.cache,
            scratch=folder,
            seed=self.recipe.seed,
            http=self.http,
            catalog=catalog,
            llm=Endpoint(
                journal=self.workspace.journal, scope=label, settings=self.recipe.llm, recipe=self.recipe.path
            ),
            refresh=self.refresh,
            log=self.reporter.log,
        )

    def run(
        self, title: str, function: Any, tasks: Sequence[Any], *, sizes: Sequence[int], unit: str = "bytes"
    ) -> Iterator[tuple[int, Any]]:
        """Run tasks with a progress bar in the tasks' own sizes, the largest first so that workers end together."""
        order = sorted(range(len(tasks)), key=lambda index: (-sizes[index], index))
        with self.reporter.track(title, max(1, sum(sizes)), unit) as bar:
            for position, result in self.executor.run(function, [tasks[index] for index in order]):
                bar.advance(sizes[order[position]])
                yield order[position], result

    @contextmanager
    def timed(self, event: str, **facts: Any) -> Iterator[dict[str, Any]]:
        """Write an event with its duration when the block ends well; the block may add facts."""
        started = time.perf_counter()
        more: dict[str, Any] = {}
        yield more
        self.events.write(event, seconds=round(time.perf_counter() - started, 3), **facts, **more)


def worker_context(context: Context) -> Context:
    """The context as it travels to a worker process: without the reporter's terminal."""
    return Context(**{**_fields(context), "log": _silent})


def _fields(context: Context) -> Mapping[str, Any]:
    return {name: getattr(context, name) for name in context.__dataclass_fields__}


def _silent(line: str) -> None:
    """Workers say nothing; what they find travels in their results."""
