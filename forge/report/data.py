"""What a report is made from: the manifest, what the run counted, and the losses that training logged.

Plain data, so that the page can be drawn from a finished export on any machine. Reading a training log costs one pass
over its lines (about 3 microseconds each).
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forge.catalog import CatalogCounts
from forge.errors import CorpusError
from forge.manifest import Manifest
from forge.sections import Section

TRAIN_COMMAND = "forge-trainer run plan.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """What one source gave.

    Attributes:
        label: the source's label in the recipe.
        partitions, records, rejects, documents: how many.
        rejects_sample: ``(locator, reason)`` of some records that could not be read.
        seconds: processor time spent collecting; None where it was not measured.
        bytes: size of the text of its documents.
    """

    label: str
    partitions: int = 0
    records: int = 0
    rejects: int = 0
    rejects_sample: Sequence[tuple[str, str]] = ()
    seconds: float | None = None
    documents: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRow:
    """One filter, in the order of the recipe: documents seen and kept, and those dropped by reason."""

    label: str
    seen: int
    kept: int
    reasons: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class TripwireRow:
    """What watched one filter over the whole corpus, and the limits; a run in which one did not hold makes no export.

    Attributes:
        reached: documents that came to it. dropped: of those. changed: whose text it replaced.
        least, most: shares of what reached it, 0 to 1, that bound what it may drop; None where nothing does.
        text_rate: share of the text that reached it which it took, 0 to 1, by drops and cuts; None if it rewrites none.
        due: known bad things planted for it. caught: of those. floor: share that it must catch.
        innocent: documents planted beside them, to be left as they are. touched: of those, which must be none.
    """

    label: str
    reached: int
    dropped: int
    changed: int = 0
    least: float | None = None
    most: float | None = None
    text_rate: float | None = None
    has_canaries: bool = True
    due: int = 0
    caught: int = 0
    floor: float = 1.0
    innocent: int = 0
    touched: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCurve:
    """Training losses of one stage.

    Attributes:
        stage: the stage's name in the plan.
        steps: optimizer steps, ascending, counted within the stage.
        tokens: tokens seen by the stage up to each step.
        losses: mean cross-entropy of each step, nats a token.
    """

    stage: str
    steps: Sequence[int]
    tokens: Sequence[int]
    losses: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """All that the page shows.

    Attributes:
        tripwires: a row a filter, of the run that the export was made by; empty where unknown.
        sections: by label, what filters say of themselves.
        available: tokens that were there to draw on, by domain; empty where unknown.
        training: a curve a stage, in order; empty without a training run.
        train_command: what to type to get one.
    """

    manifest: Manifest
    catalog: CatalogCounts | None = None
    sources: Sequence[SourceRow] = ()
    filters: Sequence[FilterRow] = ()
    tripwires: Sequence[TripwireRow] = ()
    sections: Mapping[str, Section] = field(default_factory=dict)
    available: Mapping[str, int] = field(default_factory=dict)
    training: Sequence[StageCurve] = ()
    train_command: str = TRAIN_COMMAND


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    stage: str
    step: int
    global_step: int
    tokens: int
    loss: float


def read_training(path: Path) -> Sequence[StageCurve]:
    """The loss curves in a trainer's ``metrics.jsonl``, in the order of the stages; none if there is no such file.

    A resumed run repeats steps; from the step at which it took up again, what it wrote replaces what stood before. A
    last line that was cut off while it was written is ignored.

    Raises:
        CorpusError: any other line is no metrics object, naming file and line.
    """
    if not path.is_file():
        return []
    points: list[_Point] = []
    for point in _points(path):
        while points and points[-1].global_step >= point.global_step:
            points.pop()
        points.append(point)
    curves, before = [], 0
    for stage, group in itertools.groupby(points, key=lambda point: point.stage):
        own = list(group)
        curves.append(_curve(stage, own, before=before))
        before = own[-1].tokens
    return curves


def _points(path: Path) -> Iterator[_Point]:
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            yield _Point(
                stage=str(row["stage"]),
                step=int(row["step"]),
                global_step=int(row["global_step"]),
                tokens=int(row["tokens"]),
                loss=float(row["loss"]),
            )
        except (ValueError, TypeError, KeyError) as error:
            if number == len(lines):  # no newline after it: cut off while it was written
                return
            raise CorpusError(f"{path}: line {number}: not a metrics object: {error!r}; run the stage again") from error


def _curve(stage: str, points: Sequence[_Point], *, before: int) -> StageCurve:
    """The trainer counts tokens over the whole run: ``before`` is what earlier stages took."""
    return StageCurve(
        stage=stage,
        steps=[point.step for point in points],
        tokens=[point.tokens - before for point in points],
        losses=[point.loss for point in points],
    )
