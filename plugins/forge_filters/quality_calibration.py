"""From a model's log odds to probabilities, and from those to the precision that a cut can be relied on for.

The probability is Platt's sigmoid with his smoothed targets, fitted by Newton's method; precisions come with Wilson's
interval at 95 %. Some microseconds a document.

Sources: Platt, "Probabilistic Outputs for Support Vector Machines", 1999, with the corrections of Lin, Lin and Weng,
2007; Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
"""

import math
from dataclasses import dataclass

import numpy as np

from forge_filters.shingles import Array

Z = 1.959963984540054
PLACES = 4
MOST_STEPS = 100
"""Of Newton's method."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sigmoid:
    """Probability = 1 / (1 + exp(-(slope * logit + shift)))."""

    slope: float
    shift: float

    def __call__(self, logits: Array) -> Array:
        """Probabilities (float64)."""
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * (self.slope * logits + self.shift))))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What stays if documents with at least this logit do: on labelled ones, counted.

    Attributes:
        low, high: Wilson's interval of the precision.
    """

    logit: float
    kept: int
    right: int
    low: float
    high: float

    @property
    def precision(self) -> float:
        """Share of the kept that are of quality."""
        return self.right / self.kept if self.kept else 0.0


def platt(logits: Array, labels: Array) -> Sigmoid:
    """The sigmoid that fits best; deterministic."""
    good = float(np.count_nonzero(labels))
    bad = float(len(labels)) - good
    targets = np.where(labels, (good + 1.0) / (good + 2.0), 1.0 / (bad + 2.0))
    design = np.stack([logits, np.ones(len(logits))], axis=1)
    weights = np.array([0.0, math.log((good + 1.0) / (bad + 1.0))])
    before = _loss(design, targets, weights)
    for _ in range(MOST_STEPS):
        chances = 1.0 / (1.0 + np.exp(-np.clip(design @ weights, -500, 500)))
        slope = design.T @ (chances - targets)
        bend = (design * (chances * (1.0 - chances))[:, None]).T @ design + 1e-9 * np.eye(2)
        step, size = np.linalg.solve(bend, slope), 1.0
        while size > 1e-8 and _loss(design, targets, weights - size * step) > before:
            size /= 2
        weights = weights - size * step
        after = _loss(design, targets, weights)
        if before - after < 1e-12:
            break
        before = after
    return Sigmoid(slope=float(weights[0]), shift=float(weights[1]))


def wilson(right: int, total: int) -> tuple[float, float]:
    """Wilson's interval of a share at 95 %; all of [0, 1] of nothing."""
    if not total:
        return 0.0, 1.0
    share, square = right / total, Z * Z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = Z / (1 + square / total) * math.sqrt(share * (1 - share) / total + square / (4 * total * total))
    return max(0.0, middle - half), min(1.0, middle + half)


def cuts(logits: Array, labels: Array) -> list[Cut]:
    """One cut for each distinct logit, ascending: from all documents to the best one; none of no documents."""
    if not len(logits):
        return []
    order = np.argsort(logits, kind="stable")
    ranked, good = logits[order], labels[order]
    firsts = np.flatnonzero(np.concatenate([[True], ranked[1:] > ranked[:-1]]))
    right = np.concatenate([np.cumsum(good[::-1])[::-1], [0]])
    found = []
    for first in firsts.tolist():
        low, high = wilson(int(right[first]), len(ranked) - first)
        found.append(
            Cut(logit=float(ranked[first]), kept=len(ranked) - first, right=int(right[first]), low=low, high=high)
        )
    return found


def reliance(found: list[Cut]) -> tuple[Array, Array]:
    """The precision to rely on, as a staircase over the logit.

    Returns:
        (edges, heights): a document whose logit is at least ``edges[i]`` is in a selection whose precision is, at the
        lower bound of its interval, ``heights[i]``; heights ascend, rounded down to four places.
    """
    edges, heights, best = [], [], -1.0
    for cut in found:
        height = math.floor(cut.low * 10**PLACES) / 10**PLACES
        if height > best:
            edges.append(cut.logit)
            heights.append(height)
            best = height
    return np.array(edges), np.array(heights)


def auc(scores: Array, labels: Array) -> float:
    """Chance that a good document scores higher than a bad one, ties counted half; 0.5 where one kind is missing."""
    good = int(np.count_nonzero(labels))
    bad = len(labels) - good
    if not good or not bad:
        return 0.5
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[place]
    return float((ranks[labels].sum() - good * (good + 1) / 2.0) / (good * bad))


def _loss(design: Array, targets: Array, weights: Array) -> float:
    margins = design @ weights
    return float(np.sum(np.logaddexp(0.0, margins) - targets * margins))
