"""What the classifier is worth, measured on documents that it was not trained on: as JSON and as a section of HTML.

Nothing here depends on a threshold: the report holds every step of the staircase that scores climb, and a reader looks
up the one for a target.
"""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from forge_filters.quality_calibration import Cut, Sigmoid, auc, cuts, wilson
from forge_filters.quality_training import AS_WELL
from forge_filters.shingles import Array

POINTS = 20
_DRIFT_SIGMAS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Held:
    """Labelled documents that the model has not seen: logits (float64), labels (bool), sources."""

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
    chances = sigmoid(held.logits)
    bins = np.minimum((chances * 10).astype(np.int64), 9)
    gaps = [abs(float(np.sum(chances[bins == bin] - held.labels[bins == bin]))) for bin in range(10)]
    count = max(1, len(chances))
    brier = float(np.sum((chances - held.labels) ** 2)) / count
    return {"auc": _round(auc(held.logits, held.labels)), "brier": _round(brier), "error": _round(sum(gaps) / count)}


def drift(held: Held, sigmoid: Sigmoid) -> list[dict[str, Any]]:
    """By source, how far the mean probability lies from the share of good ones, in standard errors."""
    chances = sigmoid(held.logits)
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


def render_section(report: Mapping[str, Any], *, target: float) -> str:
    """The report as a section of HTML."""
    step = step_for(report, target)
    parts = ["<section><h2>Quality classifier</h2>", f"<p>{html.escape(summary(report, target=target))}</p>"]
    parts += [f"<p><strong>Warning:</strong> {html.escape(line)}.</p>" for line in report["warnings"]]
    columns = ("kept", "probability", "precision", "low", "high", "recall", "f1")
    parts.append(_table("Yield curve (test side)", columns, report["curve"]))
    parts.append(_table("Sources", ("source", "documents", "good", "predicted", "sigmas"), report["sources"]))
    parts.append(_table("Baselines", ("baseline", "auc", "as_well"), report["baselines"]))
    if step is not None:
        parts.append(_table(f"The cut for a precision of {target:g}", ("promised", *columns), [step]))
    return "\n".join([*parts, "</section>"])


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


def _table(title: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(row[name]))}</td>" for name in columns) + "</tr>" for row in rows
    )
    return f"<h3>{html.escape(title)}</h3><table><tr>{head}</tr>{body}</table>"


def _at(sigmoid: Sigmoid, logit: float) -> float:
    return float(sigmoid(np.array([logit]))[0])


def _round(value: float) -> float:
    return round(value, 4)
