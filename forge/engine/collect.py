"""Collect: sources to parts.

Each source names its partitions; a partition whose key has a marker is not read again. Records of a partition are
streamed to disk by a worker. What could not be read is kept as rejects, and a source whose share of rejects passes its
limit fails the run, naming the first ones: a source that quietly reads nothing is worse than one that stops.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from forge.engine.keys import code_version, key_of, step_key
from forge.engine.parts import Part, read_part, write_part
from forge.engine.session import Session, Step, worker_context
from forge.errors import StepError, step_context
from forge.recipe import LABEL
from forge.records import ApiRecord, Document, Record, Reject, Trajectory
from forge.steps import CatalogView, Context, Partition, Source

RECORD_TYPES = (ApiRecord, Document, Trajectory, Reject)


@dataclass(frozen=True, kw_only=True)
class CollectTask:
    """One partition to read, as it travels to a worker."""

    source: Source
    partition: Partition
    context: Context
    part: Part
    rename: bool


def collect(session: Session, steps: Sequence[Step], *, catalog: CatalogView | None = None) -> list[Part]:
    """All parts of the sources, read now or before.

    Raises:
        StepError: a source failed, or its share of rejects passes its limit.
    """
    parts: list[Part] = []
    for step in steps:
        with session.timed("collected", label=step.label) as facts:
            found = _collect_source(session, step, catalog=catalog)
            facts.update(partitions=len(found), records=sum(_records(part) for part in found))
        _check_rejects(step, found)
        parts.extend(found)
    return parts


def _collect_source(session: Session, step: Step, *, catalog: CatalogView | None) -> list[Part]:
    context = session.context(step.label, catalog=catalog)
    folder = session.workspace.corpus(step.label)
    with step_context(step.table.name, step="collect"):
        partitions = list(step.instance.partitions(context))
        _check_keys(partitions)
    code = [code_version(module) for module in ("forge.records", "forge.engine.parts", __name__)]
    base = key_of(step_key(step.instance), step.label, code)
    if getattr(step.instance, "uses_seed", False):
        base = key_of(base, session.recipe.seed)
    parts: list[Part | None] = []
    tasks: list[tuple[int, CollectTask]] = []
    for index, partition in enumerate(partitions):
        key = key_of(base, partition.key, partition.fingerprint)
        part = read_part(folder, label=step.label, name=partition.key, key=key)
        parts.append(part)
        if part is None:
            blank = Part(label=step.label, name=partition.key, key=key, folder=str(folder))
            task = CollectTask(
                source=step.instance,
                partition=partition,
                context=worker_context(context),
                part=blank,
                rename=step.label != step.table.name,
            )
            tasks.append((index, task))
    sizes = [max(1, task.partition.size) for _, task in tasks]
    # Where no partition knows its size they are counted themselves.
    unit = getattr(step.instance, "size_unit", "bytes") if max(sizes, default=1) > 1 else "partitions"
    for position, part in (
        session.run(f"collect {step.label}", collect_partition, [task for _, task in tasks], sizes=sizes, unit=unit)
        if tasks
        else ()
    ):
        session.events.write("computed", step="collect", label=step.label, part=part.name, rows=part.rows)
        parts[tasks[position][0]] = part
    return [part for part in parts if part is not None]


def _check_keys(partitions: Sequence[Partition]) -> None:
    """Partition keys become file names: they must be fit for it, and different from each other."""
    seen: set[str] = set()
    for partition in partitions:
        if not LABEL.fullmatch(partition.key) or len(partition.key) > 128:
            raise StepError(f"the partition key {partition.key!r} is no file name: letters, digits, - _ and . only")
        if partition.key in seen:
            raise StepError(f"two partitions have the key {partition.key!r}")
        seen.add(partition.key)


def collect_partition(task: CollectTask) -> Part:
    """Read one partition into its part; runs in a worker."""
    with step_context(task.source.name, step="collect", record=task.partition.key):
        records = task.source.records(task.partition, task.context)
        return write_part(task.part, _checked(records), rename=task.rename)


def _checked(records: Iterable[Record | Reject]) -> Iterator[Record | Reject]:
    for record in records:
        if not isinstance(record, RECORD_TYPES):
            raise StepError(f"yielded a {type(record).__name__}; expected a record or a Reject")
        yield record


def _records(part: Part) -> int:
    return sum(count for table, count in part.rows.items() if table != "rejects")


def _check_rejects(step: Step, parts: Sequence[Part]) -> None:
    rejects = sum(part.rows.get("rejects", 0) for part in parts)
    records = sum(_records(part) for part in parts)
    limit = step.table.max_reject_rate
    if rejects and rejects > limit * (rejects + records):
        locator, reason = next(part.first_rejects[0] for part in parts if part.first_rejects)
        share = rejects / (rejects + records)
        raise StepError(
            f"{rejects} of {rejects + records} records ({share:.1%}) could not be read, more than max_reject_rate = "
            f"{limit:.0%}; the first: {reason}. Mend it, leave it out, or raise max_reject_rate in {step.table.key}",
            plugin=step.table.name,
            step="collect",
            record=locator,
        )
