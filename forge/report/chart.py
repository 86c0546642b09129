"""Geometry of the loss curves: axes, ticks and paths in the units of an SVG view box. Pure arithmetic.

Cost: linear in the number of steps; the paths have at most `COLUMNS` points (two a column for the raw curve) however
long the run was, so that the page stays small.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from forge.report.data import StageCurve

WIDTH, HEIGHT = 380, 236
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 40
COLUMNS = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis: ``at`` in view-box units."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One stage's curve, ready to draw.

    Attributes:
        raw, smooth: SVG path data; empty where there is nothing finite to draw.
        x_ticks, y_ticks: marks with labels.
        first, last: smoothed loss at the first and last step.
        steps, tokens: how long the stage has run.
        lost: number of steps whose loss was not finite.
    """

    stage: str
    raw: str
    smooth: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    first: float
    last: float
    steps: int
    tokens: int
    lost: int
    end_x: float
    end_y: float


def chart(curve: StageCurve) -> Chart:
    """Draw one curve on axes of its own."""
    pairs = list(zip(curve.steps, curve.losses, strict=True))
    finite = [(step, loss) for step, loss in pairs if math.isfinite(loss)]
    steps, losses = [step for step, _ in finite], [loss for _, loss in finite]
    smooth = smoothed(losses)
    x_axis = ticks(0, max(steps, default=1), about=5)
    y_axis = ticks(min(losses, default=0.0), max(losses, default=1.0), about=5)
    to_x = _scale(x_axis[0], max(steps[-1] if steps else 0, 1), LEFT, WIDTH - RIGHT)
    to_y = _scale(y_axis[0], y_axis[-1], HEIGHT - BOTTOM, TOP)
    envelope = [point for bucket in _buckets(finite) for point in _extremes(bucket)]
    line = [bucket[len(bucket) // 2] for bucket in _buckets(list(zip(steps, smooth, strict=True)))]
    line = [(steps[0], smooth[0]), *line, (steps[-1], smooth[-1])] if steps else []
    return Chart(
        stage=curve.stage,
        raw=_path([(to_x(step), to_y(loss)) for step, loss in envelope]),
        smooth=_path([(to_x(step), to_y(loss)) for step, loss in line]),
        x_ticks=[Tick(at=to_x(value), label=label(value)) for value in x_axis if to_x(value) <= WIDTH - RIGHT + 0.5],
        y_ticks=[Tick(at=to_y(value), label=label(value)) for value in y_axis],
        first=smooth[0] if smooth else math.nan,
        last=smooth[-1] if smooth else math.nan,
        steps=max(curve.steps, default=0),
        tokens=max(curve.tokens, default=0),
        lost=len(pairs) - len(finite),
        end_x=to_x(steps[-1]) if steps else 0,
        end_y=to_y(smooth[-1]) if smooth else 0,
    )


def smoothed(values: Sequence[float]) -> list[float]:
    """Centred moving average over a twelfth of the run; at the ends only the half of the window that exists."""
    half = max(1, len(values) // 24)
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    result = []
    for index in range(len(values)):
        start, stop = max(index - half, 0), min(index + half + 1, len(values))
        result.append((sums[stop] - sums[start]) / (stop - start))
    return result


def ticks(low: float, high: float, *, about: int) -> list[float]:
    """Round numbers, evenly spaced, that enclose ``low`` to ``high``; steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if span <= 0:
        span = max(abs(high), 1.0)
        low, high = low - span / 2, high + span / 2
    raw = span / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(index * step, 10) for index in range(first, last + 1)]


def label(value: float) -> str:
    """A tick's value: ``1,500``, ``12.5``, ``20K``."""
    if abs(value) >= 10_000:
        return f"{value / 1000:,.6g}K"
    return f"{value:,.6g}"


def _scale(low: float, high: float, start: float, end: float) -> "_Scale":
    return _Scale(low=low, span=(high - low) or 1.0, start=start, end=end)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    low: float
    span: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        return round(self.start + (value - self.low) / self.span * (self.end - self.start), 2)


def _buckets(points: Sequence[tuple[int, float]]) -> list[Sequence[tuple[int, float]]]:
    width = max(1, math.ceil(len(points) / COLUMNS))
    return [points[start : start + width] for start in range(0, len(points), width)]


def _extremes(bucket: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """Lowest and highest of a bucket, in order: a long run keeps its spikes."""
    low, high = min(bucket, key=lambda point: point[1]), max(bucket, key=lambda point: point[1])
    return sorted({low, high})


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "".join(f"{'L' if index else 'M'}{x:g} {y:g}" for index, (x, y) in enumerate(points))
