"""The whole plugin interface: seven hooks, for registration only.

A plugin is a module (or object) named by an entry point in the group ``hephaestus_forge``. It marks the hooks it
implements with `hookimpl`; each returns classes, and the engine makes instances from the recipe's options. Hooks must
be cheap: no work, no network, no heavy import. A hook whose name or arguments are not in this file makes the plugin
fail to load, by name, without harm to others.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from forge.steps import Executor, Filter, Renderer, Source, Tokenizer

if TYPE_CHECKING:
    import typer

PROJECT = "hephaestus_forge"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def forge_sources() -> Sequence[type[Source]]:
    """Source classes: where records come from. Each class is a frozen dataclass whose fields are its options."""
    raise NotImplementedError


@hookspec
def forge_filters() -> Sequence[type[Filter]]:
    """Filter classes: what judges documents."""
    raise NotImplementedError


@hookspec
def forge_renderers() -> Sequence[type[Renderer]]:
    """Renderer classes: what turns API records and trajectories into documents."""
    raise NotImplementedError


@hookspec
def forge_tokenizers() -> Sequence[type[Tokenizer]]:
    """Tokenizer classes: what trains or finds the vocabulary of an export."""
    raise NotImplementedError


@hookspec
def forge_executors() -> Sequence[type[Executor]]:
    """Executor classes: what maps the engine's functions over partitions. Made with ``workers=N``."""
    raise NotImplementedError


@hookspec
def forge_commands(app: "typer.Typer") -> None:
    """Add commands to the ``forge`` program. Called when the word typed is none of its own commands."""


@hookspec
def forge_export_finished(folder: Path) -> None:
    """Called after an export's ``manifest.json`` is in place; ``folder`` holds the shards, the card and the report."""
