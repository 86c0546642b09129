"""Puts the commands together.

Plugins may add commands of their own. They are loaded only when the word typed is none of ours, because finding plugins
costs more than everything else that ``--help`` does.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from forge.cli import (
    audit,
    build,
    catalog,
    changes,
    diff,
    doctor,
    embed,
    explain,
    funnel,
    init,
    label,
    llm,
    mock,
    plugins,
    report,
    search,
    show,
    sources,
    status,
    synthesize,
    verify,
)

COMMANDS: Mapping[str, Callable[..., None]] = {
    "init": init.init,
    "build": build.build,
    "export": build.export,
    "status": status.status,
    "audit": audit.audit,
    "search": search.search,
    "show": show.show,
    "explain": explain.explain,
    "diff": diff.diff,
    "changes": changes.changes,
    "catalog": catalog.catalog,
    "embed": embed.embed,
    "label": label.label,
    "synthesize": synthesize.synthesize,
    "funnel": funnel.funnel,
    "report": report.report,
    "verify": verify.verify,
    "add-source": sources.add_source,
    "remove-source": sources.remove_source,
    "plugins": plugins.plugins,
    "doctor": doctor.doctor,
}
GROUPS: Mapping[str, typer.Typer] = {
    "llm": llm.app,
    "mock": mock.app,
}
"""Commands with commands of their own."""


def make_app(words: Sequence[str] = ()) -> typer.Typer:
    """The program. ``words`` are the arguments; they decide whether plugins' own commands are loaded."""
    app = typer.Typer(
        name="forge",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name, function in COMMANDS.items():
        app.command(name)(function)
    for name, inner in GROUPS.items():
        app.add_typer(inner, name=name)
    if _names_a_foreign_command(words):
        _add_foreign_commands(app)
    return app


def _add_foreign_commands(app: typer.Typer) -> None:
    """Let plugins add theirs, one by one, so that a failure names its plugin.

    Raises:
        StepError: a plugin's hook failed.
    """
    from forge.errors import step_context
    from forge.host import PluginHost

    for found in reversed(PluginHost().hook.forge_commands.get_hookimpls()):
        with step_context(found.plugin_name, step="forge_commands"):
            found.function(*(app for _ in found.argnames))


def _print_version(wanted: bool) -> None:
    if wanted:
        from forge import __version__

        typer.echo(f"hephaestus-forge {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    workspace: Annotated[
        Path, typer.Option("-C", metavar="DIR", help="The workspace: the folder that holds forge.toml.")
    ] = Path(),
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Build agent pre-training corpora from real APIs, with every token traceable."""
    del version  # answered by its callback
    context.obj = workspace


def _names_a_foreign_command(words: Sequence[str]) -> bool:
    """Whether the first word that is no option (nor the value of ``-C``) is unknown to us."""
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word == "-C":
            skip = True
        elif not word.startswith("-"):
            return word not in COMMANDS and word not in GROUPS
    return False
