"""``loss.png``: the loss over the tokens trained on, a colour a stage."""

from collections.abc import Sequence
from pathlib import Path

from forge.files import atomic_path
from forge_trainer.metrics import Metric

COLOURS = ("#2563a8", "#c2571a", "#2e7d4f", "#7b4ea3", "#a8324a", "#5b6470")


def smoothed(losses: Sequence[float], *, window: int) -> list[float]:
    """Mean of each loss and its ``window - 1`` predecessors, fewer at the start."""
    result, total = [], 0.0
    for index, loss in enumerate(losses):
        total += loss
        if index >= window:
            total -= losses[index - window]
        result.append(total / min(index + 1, window))
    return result


def draw_curve(metrics: Sequence[Metric], path: Path, *, notes: dict[str, str]) -> None:
    """Draw the metrics of a run.

    Args:
        metrics: in order.
        path: the picture, PNG.
        notes: what to say of a stage beside its name.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.8), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    largest = max(metric.tokens for metric in metrics)
    unit, word = (1e9, "billions") if largest >= 2e9 else (1e6, "millions") if largest >= 5e5 else (1e3, "thousands")
    stages = list(dict.fromkeys(metric.stage for metric in metrics))
    for number, stage in enumerate(stages):
        own = [metric for metric in metrics if metric.stage == stage]
        colour = COLOURS[number % len(COLOURS)]
        tokens = [metric.tokens / unit for metric in own]
        losses = [metric.loss for metric in own]
        trend = smoothed(losses, window=max(1, len(own) // 20))
        axes.plot(tokens, losses, color=colour, alpha=0.25, linewidth=0.8)
        note = f" ({notes[stage]})" if notes.get(stage) else ""
        axes.plot(tokens, trend, color=colour, linewidth=2, label=f"{stage}{note}: ends at {trend[-1]:.2f}")
        if number:
            axes.axvline(tokens[0], color="#9aa0a6", linewidth=0.8, linestyle=(0, (4, 3)), zorder=0)
    axes.set_xlabel(f"tokens trained on ({word})")
    axes.set_ylabel("training loss (nats a token)")
    axes.set_title("Loss by stage (thin: each step; thick: mean of the last twentieth)", fontsize=11, loc="left")
    axes.grid(axis="y", color="#e3e6e8", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.01)
    axes.legend(loc="upper right", framealpha=1, edgecolor="white")
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
