"""Learning rates: pure functions of the step, so that a resumed run needs no scheduler state."""

import math

from forge_trainer.plan import StagePlan


def warmup_steps(stage: StagePlan) -> int:
    """Steps of the linear warm-up: a number below 1 is a share of the stage, rounded up."""
    return math.ceil(stage.warmup * stage.total_steps) if stage.warmup < 1 else int(stage.warmup)


def learning_rate(stage: StagePlan, step: int) -> float:
    """The rate of optimizer step ``step``, counted from 0 within the stage.

    ``cosine`` is half a cosine from the peak to ``floor`` (arXiv 1608.03983); ``wsd`` is warm-up, stable, linear decay
    (arXiv 2404.06395); ``constant`` keeps the peak.
    """
    warmup, total = warmup_steps(stage), stage.total_steps
    if step < warmup:
        return stage.learning_rate * (step + 1) / warmup
    floor = stage.learning_rate * stage.floor
    if stage.schedule == "cosine":
        progress = (step - warmup) / max(1, total - warmup - 1)
        return floor + (stage.learning_rate - floor) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    if stage.schedule == "wsd":
        decay = max(1, round(stage.decay * total))
        remaining = min(1.0, (total - 1 - step) / decay)
        return floor + (stage.learning_rate - floor) * max(0.0, remaining)
    return stage.learning_rate
