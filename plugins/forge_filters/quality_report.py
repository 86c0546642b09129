"""What the classifier is worth, measured on documents that it was not trained on: as JSON and as a report's section.

Nothing here depends on a threshold: the report holds every step of the staircase that scores climb, and a reader looks
up the one for a target.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forge.steps import Section, Table
from forge_filters.quality_calibration import Cut, Sigmoid, auc, cuts, wilson
from forge_filters.quality_training import AS_WELL
from forge_filters.shingles import Array

POINTS = 20
_DRIFT_SIGMAS = 3.0
_DRIFT_ROW = ("source", "documents", "good", "predicted", "sigmas")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """Labelled documents that the model has not seen; logits as `Model.opinions` gives them, labels bool."""

    logits: Array
    labels: Array
    sources: Sequence[str]


def at_cut(held: Held, logit: float) -> dict[str, Any]:
    """What a cut does on held-out documents: share kept, precision with its interval, recall, F1."""
    kept = held.logits >= logit
    right, total = int(np.count_nonzero(kept & held.labels)), int(np.count_nonzero(kept))
    good = int(np.count_nonzero(held.labels))
    low, high = wilson(right, total)
    precision, recall = right / total if total else 0.0, right / good if good else 0.0
    both = precision + recall
    return {
        "documents": total,
        "kept": _round(total / max(1, len(held.labels))),
        "precision": _round(precision),
        "low": _round(low),
        "high": _round(high),
        "recall": _round(recall),
        "f1": _round(2 * precision * recall / both if both else 0.0),
    }


def stairs(held: Held, sigmoid: Sigmoid, *, edges: Array, heights: Array) -> list[dict[str, Any]]:
    """One row a step: the precision that it promises, the probability it begins at, what it does on held-out ones."""
    return [
        {"promised": height, "logit": edge, "probability": _round(_at(sigmoid, edge)), **at_cut(held, edge)}
        for edge, height in zip(edges.tolist(), heights.tolist(), strict=True)
    ]


def curve(held: Held, sigmoid: Sigmoid) -> list[dict[str, Any]]:
    """The yield curve: what is left, and how good it is, from keeping all to keeping little."""
    found = cuts(held.logits, held.labels)
    chosen: dict[int, Cut] = {}
    for step in range(POINTS):
        wanted = len(held.labels) * (POINTS - step) / POINTS
        best = min(found, key=lambda cut: abs(cut.kept - wanted))
        chosen[best.kept] = best
    return [
        {"probability": _round(_at(sigmoid, cut.logit)), **at_cut(held, cut.logit)}
        for _, cut in sorted(chosen.items(), reverse=True)
    ]


def calibration(held: Held, sigmoid: Sigmoid) -> dict[str, Any]:
    """Brier's score and the expected calibration error over ten equal bins."""
    chances = _chances(held.logits, sigmoid)
    bins = np.minimum((chances * 10).astype(np.int64), 9)
    gaps = [abs(float(np.sum(chances[bins == bin] - held.labels[bins == bin]))) for bin in range(10)]
    count = max(1, len(chances))
    brier = float(np.sum((chances - held.labels) ** 2)) / count
    return {"auc": _round(auc(held.logits, held.labels)), "brier": _round(brier), "error": _round(sum(gaps) / count)}


def drift(held: Held, sigmoid: Sigmoid) -> list[dict[str, Any]]:
    """By source, how far the mean probability lies from the share of good ones, in standard errors."""
    chances = _chances(held.logits, sigmoid)
    sources = np.array(held.sources, object)
    rows = []
    for source in sorted(set(held.sources)):
        here = sources == source
        count = int(np.count_nonzero(here))
        share, mean = float(np.mean(held.labels[here])), float(np.mean(chances[here]))
        error = float(np.sqrt(max(1e-12, float(np.sum(chances[here] * (1 - chances[here])))) / (count * count)))
        sigmas = (share - mean) / max(error, 1e-3)
        row = {"source": source, "documents": count, "good": _round(share), "predicted": _round(mean)}
        rows.append({**row, "sigmas": round(sigmas, 2), "drifts": bool(abs(sigmas) > _DRIFT_SIGMAS)})
    return rows


def leaks(model_auc: float, baselines: Mapping[str, float]) -> list[dict[str, Any]]:
    """The baselines, and whether each does as well as the model: then labels hang on what they should not."""
    return [
        {"baseline": name, "auc": _round(value), "as_well": bool(value >= model_auc - AS_WELL)}
        for name, value in baselines.items()
    ]


def warnings(report: Mapping[str, Any]) -> list[str]:
    """What a person should know, one line each."""
    said = [
        f"by {row['baseline']} alone one does as well (AUC {row['auc']:.2f}, the model {report['fit']['auc']:.2f}): "
        "the labels may hang on it"
        for row in report["baselines"]
        if row["as_well"]
    ]
    said += [
        f"{row['source']}: {row['good']:.0%} are good, {row['predicted']:.0%} were predicted ({row['sigmas']:+.1f} "
        "standard errors)"
        for row in report["sources"]
        if row["drifts"]
    ]
    said += [
        f"a step that promises a precision of {step['promised']:.2f} had at most {step['high']:.2f} on the test side"
        for step in report["stairs"]
        if step["documents"] and step["high"] < step["promised"]
    ]
    wrong = report["labels"]["noise"]
    if wrong is not None and wrong > 0.1:
        said.append(f"about {wrong:.0%} of the labels are wrong, going by those that were asked for twice")
    return said


def step_for(report: Mapping[str, Any], target: float) -> dict[str, Any] | None:
    """The lowest step that reaches a target precision; None if none does."""
    steps: list[dict[str, Any]] = report["stairs"]
    return next((step for step in steps if step["promised"] >= target), None)


def section(report: Mapping[str, Any], *, target: float) -> Section:
    """The report for a page, with the cut for a target precision."""
    labels, fit = report["labels"], report["fit"]
    lines = [
        f"{summary(report, target=target)}.",
        f"Labels {labels['name']} by {labels.get('model', 'a model not named')}: {labels['train']:,} to train on, "
        f"{labels['calibrate']:,} to calibrate on, {labels['test']:,} to test on, split by where they are from; "
        f"{labels['alike']:,} that say the same as another are left aside. Brier score {fit['brier']:.3f}, calibration "
        f"error {fit['error']:.3f}.",
    ]
    if labels["twice"]:
        lines.append(
            f"{labels['twice']:,} were asked for twice: {labels['disagree']:.0%} disagree, kappa "
            f"{labels['kappa']:.2f}, so that about {labels['noise']:.0%} of the labels are wrong."
        )
    warned = [f"{line}." for line in report["warnings"]]
    return Section(title="Quality classifier", lines=lines, warnings=warned, tables=_tables(report, target))


def _tables(report: Mapping[str, Any], target: float) -> list[Table]:
    step = step_for(report, target)
    rates = ("documents", "kept", "precision", "low", "high", "recall", "f1")
    heads = ("Probability", "Documents", "Kept", "Precision", "From", "To", "Recall", "F1")
    return [
        Table(
            title=f"The cut for a precision of {target:g}, on the test side (95 % interval)",
            columns=("Promised", *heads),
            rows=[] if step is None else [_values(step, "promised", "probability", *rates)],
        ),
        Table(
            title="Against what knows less: area under the curve",
            columns=("Judged by", "Area", "As well as the model"),
            rows=[
                ("the model", report["fit"]["auc"], ""),
                *((f"{row['baseline']} alone", row["auc"], _yes(row["as_well"])) for row in report["baselines"]),
            ],
        ),
        Table(
            title="Drift by source: share that is good, as labelled and as predicted",
            columns=("Source", "Documents", "Labelled", "Predicted", "Standard errors apart", "Drifts"),
            rows=[(*_values(row, *_DRIFT_ROW), _yes(row["drifts"])) for row in report["sources"]],
        ),
        Table(
            title="Yield curve: what is left of the test side, and how good it is (95 % interval)",
            columns=heads,
            rows=[_values(row, "probability", *rates) for row in report["curve"]],
        ),
    ]


def summary(report: Mapping[str, Any], *, target: float) -> str:
    """The report in a line."""
    step, fit = step_for(report, target), report["fit"]
    head = f"{report['labels']['documents']:,} labels, {report['labels']['good']:.0%} good; AUC {fit['auc']:.2f}"
    if step is None:
        best = max((row["promised"] for row in report["stairs"]), default=0.0)
        return f"{head}; no cut reaches a precision of {target:g} (best: {best:.2f})"
    return (
        f"{head}; cut at probability {step['probability']:.2f} for a precision of {target:g}: on the test side "
        f"{step['precision']:.2f} ({step['low']:.2f} to {step['high']:.2f}), recall {step['recall']:.2f}, "
        f"F1 {step['f1']:.2f}, {step['kept']:.0%} kept"
    )


def _values(row: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"


def _at(sigmoid: Sigmoid, logit: float) -> float:
    return float(_chances(np.array([logit]), sigmoid)[0])


def _chances(logits: Array, sigmoid: Sigmoid) -> Array:
    """Probabilities; 0 for documents that the model has no opinion of."""
    known = np.isfinite(logits)
    return np.where(known, sigmoid(np.where(known, logits, 0.0)), 0.0)


def _round(value: float) -> float:
    return round(value, 4)
