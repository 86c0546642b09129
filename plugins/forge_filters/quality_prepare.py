"""What `Quality.prepare` does: train on one side of the labels, calibrate on another, measure on the third.

State: the model's arrays, ``staircase.npy`` (logits and the scores they lead to) and ``quality.json``, the report.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forge.steps import Context
from forge_filters import quality_report as reporting
from forge_filters.quality import REPORT_FILE, UNKNOWN_SCORE, read_report
from forge_filters.quality_calibration import auc, cuts, platt, reliance
from forge_filters.quality_labels import SIDES, Labels, noise, read_labels, sides
from forge_filters.quality_model import Model, load, save, save_array, write_json
from forge_filters.quality_training import boilerplate, by_length, by_source, predict, train
from forge_filters.shingles import Array

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST = 5
"""Good and bad documents that each side needs at least."""
STAIRCASE_FILE = "staircase.npy"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Staircase:
    """A model and the scores that its logits lead to.

    Attributes:
        steps: float64, ``steps[0]`` logits ascending, ``steps[1]`` scores. chars: of a text that are read; None: all.
    """

    model: Model
    steps: Array
    chars: int | None = None

    def scores(self, texts: "pa.StringArray") -> Array:
        """Scores of n texts, float64."""
        import pyarrow.compute as pc

        if self.chars is not None:
            texts = pc.utf8_slice_codeunits(texts, 0, self.chars)
        logits = self.model.opinions(texts)
        place = np.searchsorted(self.steps[0], logits, side="right") - 1
        found = self.steps[1][np.maximum(place, 0)]
        return np.where(np.isneginf(logits), UNKNOWN_SCORE, found)


def prepare(name: str, context: Context, *, shape: tuple[int, int]) -> dict[str, Any]:
    """Train, calibrate, measure and write the state into ``context.scratch``; returns the report.

    Args:
        name: the label set. shape: dimensions of fastText's vectors, epochs.

    Raises:
        ValueError: the labels are missing or too few.
    """
    labels = read_labels(context.workspace, name)
    side = sides(labels, seed=context.seed)
    _check(labels, side)
    texts, first = _side(labels, side, 0)
    model = train(texts, first, scratch=context.scratch, seed=context.seed, shape=shape)
    tuned, tested = (_held(labels, side, place, model) for place in (1, 2))
    known = np.isfinite(tuned.logits)  # the others are dropped at any cut
    sigmoid = platt(tuned.logits[known], tuned.labels[known])
    edges, heights = reliance(cuts(tuned.logits[known], tuned.labels[known]))
    report: dict[str, Any] = {
        "chars": labels.chars,
        "labels": _facts(labels, side, name=name),
        "sigmoid": {"slope": sigmoid.slope, "shift": sigmoid.shift},
        "fit": reporting.calibration(tested, sigmoid),
        "stairs": reporting.stairs(tested, sigmoid, edges=edges, heights=heights),
        "curve": reporting.curve(tested, sigmoid),
        "sources": reporting.drift(tested, sigmoid),
    }
    others = _baselines(labels, side, context=context, shape=shape)
    report["baselines"] = reporting.leaks(report["fit"]["auc"], others)
    report["warnings"] = reporting.warnings(report)
    save(model, context.scratch)
    save_array(np.stack([edges, heights]), context.scratch / STAIRCASE_FILE)
    write_json(context.scratch / REPORT_FILE, report)
    return report


@lru_cache(maxsize=4)
def load_staircase(state: Path) -> Staircase:
    """What `prepare` left."""
    return Staircase(model=load(state), steps=np.load(state / STAIRCASE_FILE), chars=read_report(state)["chars"])


def _check(labels: Labels, side: Array) -> None:
    for place, name in enumerate(SIDES):
        good = int(np.count_nonzero(labels.label[side == place]))
        bad = int(np.count_nonzero(side == place)) - good
        if min(good, bad) < FEWEST:
            raise ValueError(
                f"{len(labels.keys)} labels are too few: of those to {name} on, {good} are good and {bad} are not, and "
                f"each needs {FEWEST}; label more documents with `forge label --sample N`"
            )


def _side(labels: Labels, side: Array, place: int) -> tuple[list[str], Array]:
    rows = np.flatnonzero(side == place)
    return [labels.texts[row] for row in rows], labels.label[rows]


def _held(labels: Labels, side: Array, place: int, model: Model) -> reporting.Held:
    import pyarrow as pa

    rows = np.flatnonzero(side == place)
    texts, label = _side(labels, side, place)
    logits = model.opinions(pa.array(texts, pa.large_string()))
    return reporting.Held(logits=logits, labels=label, sources=[labels.sources[row] for row in rows])


def _baselines(labels: Labels, side: Array, *, context: Context, shape: tuple[int, int]) -> dict[str, float]:
    """Area under the curve on the test side, of what knows only a text's length, its boilerplate, or its source."""
    (texts, first), (tested, label) = _side(labels, side, 0), _side(labels, side, 2)
    shared = boilerplate(labels.texts)
    rows, others = np.flatnonzero(side == 0), np.flatnonzero(side == 2)
    plain = train([shared[row] for row in rows], first, scratch=context.scratch, seed=context.seed, shape=shape)
    sources = [labels.sources[row] for row in rows]
    scores = {
        "length": by_length((texts, first), tested),
        "boilerplate": predict(plain, [shared[row] for row in others]),
        "source": by_source((sources, first), [labels.sources[row] for row in others]),
    }
    return {name: auc(found, label) for name, found in scores.items()}


def _facts(labels: Labels, side: Array, *, name: str) -> dict[str, Any]:
    counts: dict[str, int] = {kind: int(np.count_nonzero(side == place)) for place, kind in enumerate(SIDES)}
    good = round(float(np.mean(labels.label)), 4)
    facts = {key: value for key, value in labels.facts.items() if key in ("rubric", "model")}
    shape = {"documents": len(labels.keys), "alike": labels.alike, "good": good}
    return {"name": name, **facts, **shape, **counts, **noise(labels)}
