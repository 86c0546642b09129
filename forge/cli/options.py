"""Options that several commands share, and how facts are printed."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from forge.workspace import Workspace

Directory = Annotated[
    Path | None, typer.Option("-C", metavar="DIR", help="The workspace: the folder that holds forge.toml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print facts as JSON on standard output.")]
Workers = Annotated[
    int | None, typer.Option("--workers", "-j", min=1, help="Processes to use. Default: one per processor.")
]
ExecutorName = Annotated[str, typer.Option("--executor", help="Who does the work; see `forge plugins`.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Look for newer material than the cache holds.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors and results.")]
MaxTokens = Annotated[int | None, typer.Option("--max-tokens", min=1, help="Most tokens, over all runs.")]
MaxUsd = Annotated[
    float | None,
    typer.Option("--max-usd", min=0, help="Most US dollars, over all runs; needs prices, as [llm.prices] has them."),
]


_NUMBER = re.compile(r"[\d,.]+ ?(%|[kMG]?B)?")
"""What a table's cell holds if its column is one of numbers."""


def workspace_of(context: typer.Context, directory: Path | None) -> Workspace:
    """The workspace named after the command, or before it, or the current folder.

    Raises:
        WorkspaceError: it is a file.
    """
    from forge.errors import WorkspaceError

    root = Path((directory if directory is not None else context.obj) or ".").absolute()
    if root.is_file():
        raise WorkspaceError(f"{root}: a file; name the folder that holds forge.toml with -C DIR")
    return Workspace(root)


def shown(path: Path) -> str:
    """A path as a person would type it here."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def print_json(value: Any) -> None:
    """One JSON value on standard output."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(rows: Sequence[Sequence[str]], *, head: Sequence[str]) -> None:
    """A table with columns as wide as what is in them, numbers to the right; plain text, so that it can be piped."""
    lines = [list(head), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    numeric = [bool(rows) and all(_NUMBER.fullmatch(row[column]) for row in rows) for column in range(len(head))]
    for line in lines:
        cells = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        typer.echo("  ".join(cells).rstrip())
