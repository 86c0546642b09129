"""Progress of a run: a bar with rate and time left on a terminal, a plain line every ten seconds elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

EVERY_SECONDS = 10.0


class Report(Protocol):
    """Told of every step."""

    def __call__(self, *, stage: str, tokens: int, loss: float) -> None:
        """``tokens`` were trained on so far in this run's life, the last step's loss was ``loss``."""
        ...


@contextmanager
def shown(total: int, *, start: int, write: Callable[[str], None]) -> Iterator[Report]:
    """Show progress towards ``total`` tokens, of which ``start`` were done before.

    Args:
        total: tokens of all stages.
        start: tokens done by the run that this one resumes.
        write: takes a plain line where there is no terminal.
    """
    if sys.stderr.isatty():
        with _bar(total, start=start) as report:
            yield report
    else:
        yield _Lines(total=total, start=start, write=write)


@dataclass(kw_only=True)
class _Lines:
    total: int
    start: int
    write: Callable[[str], None]
    began: float = field(default_factory=time.monotonic)
    last: float = field(default_factory=time.monotonic)

    def __call__(self, *, stage: str, tokens: int, loss: float) -> None:
        now = time.monotonic()
        if now - self.last < EVERY_SECONDS and tokens < self.total:
            return
        self.last = now
        rate = (tokens - self.start) / max(1e-9, now - self.began)
        left = (self.total - tokens) / max(1e-9, rate)
        self.write(
            f"{stage}: {tokens:,} of {self.total:,} tokens, loss {loss:.3f}, {rate:,.0f} tokens/s, {left:,.0f} s left"
        )


@contextmanager
def _bar(total: int, *, start: int) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    began = time.monotonic()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("loss {task.fields[loss]:.3f}  {task.fields[rate]:,.0f} tokens/s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=total, completed=start, loss=float("nan"), rate=0.0)

        def report(*, stage: str, tokens: int, loss: float) -> None:
            rate = (tokens - start) / max(1e-9, time.monotonic() - began)
            progress.update(task, description=stage, completed=tokens, loss=loss, rate=rate)

        yield report
