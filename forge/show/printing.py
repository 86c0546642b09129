"""Choosing how a record is shown, and printing it."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, TextIO

from forge.records import ApiRecord, Trajectory
from forge.show.api import api_parts
from forge.show.facts import Shown
from forge.show.trajectory import trajectory_parts

if TYPE_CHECKING:
    from rich.console import RenderableType

PIPED_WIDTH = 100
WIDEST = 140
"""Columns of a terminal that are used at most: longer lines are hard to read."""

RENDERERS: Mapping[type, Callable[[Shown], "Iterator[RenderableType]"]] = {
    ApiRecord: api_parts,
    Trajectory: trajectory_parts,
}
"""How each kind of record is shown."""


def print_record(shown: Shown, *, stream: TextIO) -> None:
    """Print a record: in colours on a terminal, as plain text of `PIPED_WIDTH` columns elsewhere."""
    from rich.console import Console

    terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    width = min(shutil.get_terminal_size().columns, WIDEST) if terminal else PIPED_WIDTH
    console = Console(file=stream, width=width, force_terminal=terminal, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        for part in RENDERERS[type(shown.record)](shown):
            console.print(part, crop=False)
    lines = captured.get().splitlines()
    stream.write("\n".join(line.rstrip() for line in lines).rstrip() + "\n")
