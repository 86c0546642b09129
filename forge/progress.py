"""How long steps tell of their progress: bars on a terminal, plain lines in a log, nothing when asked to be quiet.

All of it goes to standard error, so that ``--json`` on standard output stays clean. rich is imported when the first bar
is drawn, and only on a terminal. Advancing costs a microsecond in a log and some ten on a terminal: call it for
partitions or batches, not for bytes.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from forge.figures import duration, size
from forge.secrets import redact

if TYPE_CHECKING:
    from rich.progress import Progress

EVERY = 10.0
"""Seconds between two lines about the same step in a log."""
BYTES = "bytes"
"""The unit that is shown in MB and GB."""


class Track(Protocol):
    """One step under way."""

    def advance(self, n: int = 1) -> None:
        """Say that ``n`` more units are done."""
        ...


class Reporter(Protocol):
    """Tells a person what goes on."""

    def log(self, line: str) -> None:
        """Say one line."""
        ...

    def track(self, description: str, total: int | None, unit: str) -> AbstractContextManager[Track]:
        """Follow a step from its beginning to its end.

        Args:
            description: what is done: ``collect openapi``.
            total: how many units there are; None if nobody knows.
            unit: what is counted, in the plural: ``partitions``; ``bytes`` is shown in MB.
        """
        ...


def reporter(stream: TextIO | None = None, quiet: bool = False) -> Reporter:
    """The reporter that suits ``stream`` (standard error by default): bars on a terminal, lines elsewhere."""
    if quiet:
        return QuietReporter()
    target = sys.stderr if stream is None else stream
    if target.isatty() and os.environ.get("TERM") != "dumb":
        return TerminalReporter(target)
    return LineReporter(target)


class QuietReporter:
    """Says nothing."""

    def log(self, line: str) -> None:
        """Drop the line."""

    @contextmanager
    def track(self, description: str, total: int | None, unit: str) -> Iterator[Track]:  # noqa: ARG002
        """Follow a step without a word."""
        yield _Count()


@dataclass(slots=True)
class _Count:
    done: int = 0

    def advance(self, n: int = 1) -> None:
        self.done += n


class LineReporter:
    """Plain lines: one when a step begins, one every ten seconds, one when it ends, with totals and seconds.

    Args:
        stream: where the lines go.
        clock: seconds, ascending.
        every: seconds between lines.
    """

    def __init__(self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic, every: float = EVERY) -> None:
        self.stream = stream
        self.clock = clock
        self.every = every

    def log(self, line: str) -> None:
        """Write the line, without secrets."""
        self.stream.write(redact(line) + "\n")
        self.stream.flush()

    @contextmanager
    def track(self, description: str, total: int | None, unit: str) -> Iterator[Track]:
        """Follow a step in lines; one that fails says how far it came."""
        lines = _Lines(reporter=self, description=description, total=total, unit=unit)
        self.log(f"{description}: {'starting' if total is None else amount(total, unit)}")
        outcome = ""
        try:
            yield lines
            outcome = amount(lines.done, unit)
        finally:
            said = outcome or f"stopped after {lines.so_far()}"
            self.log(f"{description}: {said} in {duration(lines.seconds())}")


@dataclass(slots=True, kw_only=True)
class _Lines:
    reporter: LineReporter
    description: str
    total: int | None
    unit: str
    done: int = 0
    began: float = field(init=False)
    spoke: float = field(init=False)

    def __post_init__(self) -> None:
        self.began = self.spoke = self.reporter.clock()

    def seconds(self) -> float:
        return self.reporter.clock() - self.began

    def advance(self, n: int = 1) -> None:
        self.done += n
        now = self.reporter.clock()
        if now - self.spoke >= self.reporter.every:
            self.spoke = now
            self.reporter.log(f"{self.description}: {self.so_far()}{self._pace()}")

    def so_far(self) -> str:
        if self.total is None:
            return amount(self.done, self.unit)
        return f"{amount(self.done, self.unit, bare=True)} of {amount(self.total, self.unit)}"

    def _pace(self) -> str:
        rate = self.done / max(self.seconds(), 1e-9)
        text = f", {pace(rate, self.unit)}"
        if self.total is None or not rate:
            return text
        return f"{text}, {duration(max(self.total - self.done, 0) / rate)} left"


class TerminalReporter:
    """Bars with count, rate and time left, drawn by rich; lines scroll above them. A finished bar stays.

    Steps may be followed at the same time: each has its bar.
    """

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self.console = Console(file=stream)
        self._bars: Progress | None = None
        self._open = 0

    def log(self, line: str) -> None:
        """Write the line, without secrets, above the bars if there are any."""
        self.console.print(redact(line), markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def track(self, description: str, total: int | None, unit: str) -> Iterator[Track]:
        """Follow a step with a bar."""
        bars = self._enter()
        task = bars.add_task(description, total=total, unit=unit)
        try:
            yield _Bar(bars=bars, task=task)
            finished = bars.tasks[bars.task_ids.index(task)]
            bars.update(task, total=finished.completed)
        finally:
            bars.stop_task(task)
            self._leave()

    def _enter(self) -> "Progress":
        if self._bars is None:
            self._bars = _bars(self.console)
            self._bars.start()
        self._open += 1
        return self._bars

    def _leave(self) -> None:
        self._open -= 1
        if self._open == 0 and self._bars is not None:
            self._bars.stop()
            self._bars = None


@dataclass(slots=True, kw_only=True)
class _Bar:
    bars: "Progress"
    task: Any

    def advance(self, n: int = 1) -> None:
        self.bars.advance(self.task, n)


def _bars(console: Any) -> "Progress":
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Counted(ProgressColumn):
        def render(self, task: Task) -> Text:
            unit, done = task.fields["unit"], int(task.completed)
            if task.total is None or task.finished:
                return Text(amount(done, unit))
            return Text(f"{amount(done, unit, bare=True)} of {amount(int(task.total), unit)}")

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(pace(speed, task.fields["unit"]) if speed else "", style="progress.data.speed")

    class Remaining(TimeRemainingColumn):
        def render(self, task: Task) -> Text:
            text = super().render(task)
            return Text("") if task.finished or not task.time_remaining else Text.assemble(text, " left")

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24, complete_style="yellow", finished_style="green"),
        Counted(),
        Rate(),
        TimeElapsedColumn(),
        Remaining(compact=True),
        console=console,
    )


def amount(count: int, unit: str, *, bare: bool = False) -> str:
    """``1,234 partitions``, or ``12.3 MB`` where the unit is bytes; ``bare`` leaves a plain unit out."""
    if unit == BYTES:
        return size(count)
    return f"{count:,}" if bare else f"{count:,} {unit}"


def pace(rate: float, unit: str) -> str:
    """Units a second; by the minute where that would be less than one."""
    if unit == BYTES:
        return f"{amount(round(rate), unit)}/s"
    if rate < 1:
        return f"{rate * 60:.1f}/min"
    return f"{rate:,.1f}/s" if rate < 100 else f"{rate:,.0f}/s"
