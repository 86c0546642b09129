"""From a recipe's table to a step: names checked, values converted, errors that name file and key.

A step's dataclass fields are its options. Values are converted by `msgspec` to the field's annotation, so that what
reaches a step has the type that it declares.
"""

import dataclasses
import difflib
import tomllib
import typing
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from forge.errors import RecipeError
from forge.steps import THRESHOLD


def nearest(word: str, known: Sequence[str]) -> str:
    """A hint for a word that is not known: the nearest that is, or all of them."""
    close = difflib.get_close_matches(word, known, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(known)}" if known else "it takes none"


def make_step(step: type[Any], options: Mapping[str, Any], *, file: object, key: str) -> Any:
    """Make a step of class ``step`` from its options.

    Raises:
        RecipeError: an option is unknown (with the nearest one), missing, of the wrong type, or refused by the step.
    """
    hints = typing.get_type_hints(step)
    fields = {spec.name: spec for spec in dataclasses.fields(step) if spec.init}
    values = {}
    for name, value in options.items():
        if name not in fields:
            raise RecipeError(f"unknown option: {nearest(name, list(fields))}", file=file, key=f"{key}.{name}")
        try:
            values[name] = msgspec.convert(value, hints[name])
        except msgspec.ValidationError as error:
            raise RecipeError(str(error), file=file, key=f"{key}.{name}") from error
    missing = [name for name, spec in fields.items() if name not in values and _is_required(spec)]
    if missing:
        raise RecipeError(f"the option {missing[0]!r} is required", file=file, key=key)
    try:
        return step(**values)
    except ValueError as error:
        raise RecipeError(str(error), file=file, key=key) from error


def parse_settings(settings: Sequence[str]) -> dict[str, Any]:
    """Options from ``key=value`` words of a command line; values are TOML where they parse as such, else strings.

    Raises:
        RecipeError: a word has no ``=``.
    """
    options = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise RecipeError(f"--set {setting}: expected key=value")
        try:
            options[name.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            options[name.strip()] = text
    return options


def describe_options(step: type[Any]) -> list[dict[str, str]]:
    """The options of a step class, for people: name, type, default, unit, help."""
    hints = typing.get_type_hints(step)
    rows = []
    for spec in dataclasses.fields(step):
        default = "required" if _is_required(spec) else repr(_default(spec))
        hint = hints[spec.name]
        type_name = hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
        rows.append(
            {
                "name": spec.name,
                "type": type_name.replace("typing.", "").replace("collections.abc.", ""),
                "default": default,
                "unit": str(spec.metadata.get("unit", "")),
                "help": str(spec.metadata.get("help", "")),
            }
        )
    return rows


def key_options(step: object, *, thresholds: bool = True) -> dict[str, Any]:
    """The options that bear on a step's result; without ``thresholds``, those that bear on its scores."""
    assert dataclasses.is_dataclass(step)
    return {
        spec.name: getattr(step, spec.name)
        for spec in dataclasses.fields(step)
        if thresholds or not spec.metadata.get(THRESHOLD)
    }


def _is_required(spec: "dataclasses.Field[Any]") -> bool:
    return spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING


def _default(spec: "dataclasses.Field[Any]") -> Any:
    if spec.default_factory is not dataclasses.MISSING:
        return spec.default_factory()
    return spec.default
