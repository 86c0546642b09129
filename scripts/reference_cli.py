"""The command-line reference, from the annotations that the commands are built from.

Reads what typer reads (functions, `Annotated` metadata, docstrings), not what it prints: help text is wrapped to a
terminal and differs between releases. Importing the trainer's commands costs milliseconds: torch stays out.
"""

import inspect
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from typer.models import ArgumentInfo, OptionInfo, ParameterInfo

from reference_markdown import plain_type, table

Function = Callable[..., Any]


def forge_reference() -> str:
    """Every command of ``forge`` itself; plugins' commands are not ours to describe."""
    from forge.cli.app import make_app

    return reference(make_app(), "forge")


def trainer_reference() -> str:
    """Every command of ``forge-trainer``."""
    from forge_trainer.cli import app

    return reference(app, "forge-trainer")


def reference(app: typer.Typer, program: str) -> str:
    """Markdown for one program: what it takes before a command, then a section a command."""
    sections = []
    root = app.registered_callback.callback if app.registered_callback else None
    if root is not None:
        sections.append(f"{inspect.getdoc(root)}\n\n{_parameters(root)}".strip())
    elif isinstance(app.info.help, str):
        sections.append(app.info.help)
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        sections.append(_command(program, name, command.callback))
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for command in group.typer_instance.registered_commands:
            assert command.callback is not None
            sections.append(_command(program, f"{group.name} {command.callback.__name__}", command.callback))
    return "\n\n".join(sections)


def _command(program: str, name: str, function: Function) -> str:
    found = _declared(function)
    arguments = [_shown(parameter, info) for parameter, info, _ in found if isinstance(info, ArgumentInfo)]
    usage = " ".join([program, name, *arguments, "[OPTIONS]"])
    about = inspect.getdoc(function) or ""
    return f"### {program} {name}\n\n```\n{usage}\n```\n\n{about}\n\n{_parameters(function)}".strip()


def _parameters(function: Function) -> str:
    rows = [
        [f"`{_names(parameter, info)}`", _value(hint, info), _default(parameter, info), info.help or ""]
        for parameter, info, hint in _declared(function)
    ]
    return table(["argument or option", "value", "default", "meaning"], rows) if rows else ""


def _declared(function: Function) -> Iterator[tuple[inspect.Parameter, ParameterInfo, Any]]:
    """Parameters that a user can type, with typer's description and the type of their value."""
    hints = typing.get_type_hints(function, include_extras=True)
    for parameter in inspect.signature(function).parameters.values():
        hint = hints[parameter.name]
        for extra in getattr(hint, "__metadata__", ()):
            if isinstance(extra, ParameterInfo):
                yield parameter, extra, typing.get_args(hint)[0]


def _shown(parameter: inspect.Parameter, info: ParameterInfo) -> str:
    name = _names(parameter, info)
    return name if parameter.default is inspect.Parameter.empty else f"[{name}]"


def _names(parameter: inspect.Parameter, info: ParameterInfo) -> str:
    """What is typed for it; within ``Annotated``, typer keeps the first declared name where a default would stand."""
    if isinstance(info, ArgumentInfo):
        return info.metavar or parameter.name.upper()
    declared = [*([info.default] if isinstance(info.default, str) else []), *(info.param_decls or ())]
    return ", ".join(declared or [f"--{parameter.name.replace('_', '-')}"])


def _value(hint: Any, info: ParameterInfo) -> str:
    if hint is bool:
        return "flag"
    if isinstance(info, OptionInfo) and info.metavar:
        return f"`{info.metavar}`"
    return f"`{plain_type(hint).removesuffix(' | None')}`"


def _default(parameter: inspect.Parameter, info: ParameterInfo) -> str:
    if parameter.default is inspect.Parameter.empty:
        return "required" if isinstance(info, ArgumentInfo) else ""
    if parameter.default is None or parameter.default is False:
        return ""
    shown = parameter.default.as_posix() if isinstance(parameter.default, Path) else parameter.default
    return f"`{shown}`"
