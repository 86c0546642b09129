"""Render: the catalogue's distinct documented APIs, and the trajectories of the corpus, to documents.

The catalogue is read through its snapshot, bucket by bucket, so that a change at one provider renders one bucket again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from forge.catalog import SnapshotView
from forge.engine.keys import code_version, key_of, step_key
from forge.engine.parts import Part, read_part, write_part
from forge.engine.session import Session, Step
from forge.errors import CatalogError, step_context
from forge.records import ApiRecord, Document, Trajectory, from_row
from forge.steps import Partition, Renderer

SNAPSHOT_STEP = "catalog"


@dataclass(frozen=True, kw_only=True)
class RenderTask:
    """One bucket of the snapshot, or one part with trajectories, to render."""

    renderer: Renderer
    part: Part
    snapshot: Path | None = None
    bucket: Partition | None = None
    trajectories: Part | None = None
    rename: bool = False


def snapshot(session: Session) -> SnapshotView:
    """The snapshot of the catalogue as it is now, written if it is not there."""
    fingerprint = session.catalog.fingerprint()
    folder = session.workspace.state(SNAPSHOT_STEP) / key_of(
        str(fingerprint), code_version("forge.catalog"), code_version("forge.records")
    )
    if not _is_whole(folder):
        with session.timed("computed", step="snapshot"):
            session.reporter.log("catalogue: writing the snapshot that renderers read")
            session.catalog.snapshot(folder)
    return SnapshotView(folder)


def _is_whole(folder: Path) -> bool:
    """Whether a snapshot is there with all of its buckets."""
    try:
        view = SnapshotView(folder)
    except CatalogError:
        return False
    return all((folder / bucket.items[0]).is_file() for bucket in view.buckets())


def render(session: Session, steps: Sequence[Step], *, view: SnapshotView | None, parts: Sequence[Part]) -> list[Part]:
    """All parts that the renderers make, now or before.

    Raises:
        StepError: a renderer failed, naming the record.
    """
    rendered: list[Part] = []
    for step in steps:
        with session.timed("rendered", label=step.label):
            rendered.extend(_render_step(session, step, tasks=_tasks(session, step, view=view, parts=parts)))
    return rendered


def _tasks(
    session: Session, step: Step, *, view: SnapshotView | None, parts: Sequence[Part]
) -> list[tuple[RenderTask, int]]:
    folder = str(session.workspace.corpus(step.label))
    code = [code_version(module) for module in ("forge.records", "forge.engine.parts", __name__)]
    base = key_of(step_key(step.instance), step.label, code)
    rename = step.label != step.table.name
    tasks = []
    if step.instance.renders is ApiRecord and view is not None:
        for bucket in view.buckets():
            key = key_of(base, bucket.key, bucket.fingerprint)
            part = Part(label=step.label, name=bucket.key, key=key, folder=folder)
            task = RenderTask(renderer=step.instance, part=part, snapshot=view.folder, bucket=bucket, rename=rename)
            tasks.append((task, bucket.size))
    elif step.instance.renders is Trajectory:
        for source in parts:
            if source.rows.get("trajectories"):
                key = key_of(base, source.key)
                part = Part(label=step.label, name=f"{source.label}-{source.name}", key=key, folder=folder)
                task = RenderTask(renderer=step.instance, part=part, trajectories=source, rename=rename)
                tasks.append((task, source.rows["trajectories"]))
    return tasks


def _render_step(session: Session, step: Step, *, tasks: Sequence[tuple[RenderTask, int]]) -> list[Part]:
    found = [
        read_part(Path(task.part.folder), label=step.label, name=task.part.name, key=task.part.key) for task, _ in tasks
    ]
    todo = [index for index, part in enumerate(found) if part is None]
    if todo:
        chosen = [tasks[index][0] for index in todo]
        sizes = [tasks[index][1] for index in todo]
        for position, part in session.run(f"render {step.label}", render_part, chosen, sizes=sizes, unit="records"):
            session.events.write("computed", step="render", label=step.label, part=part.name, rows=part.rows)
            found[todo[position]] = part
    return [part for part in found if part is not None]


def render_part(task: RenderTask) -> Part:
    """Render one part; runs in a worker."""
    return write_part(task.part, _documents(task), rename=task.rename)


def _documents(task: RenderTask) -> Iterator[Document]:
    for record in _inputs(task):
        with step_context(task.renderer.name, step="render", record=record.id):
            documents = list(task.renderer.render(record))
        yield from documents


def _inputs(task: RenderTask) -> Iterator[ApiRecord | Trajectory]:
    if task.snapshot is not None and task.bucket is not None:
        yield from SnapshotView(task.snapshot).read(task.bucket)
    elif task.trajectories is not None:
        import pyarrow.parquet as pq

        with pq.ParquetFile(task.trajectories.path("trajectories")) as table:
            for batch in table.iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    yield from_row(Trajectory, row)
