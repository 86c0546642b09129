"""From a recipe's table to a step: names checked, values converted, errors that name file and key.

A step's dataclass fields are its options. Values are converted by `msgspec` to the field's annotation, so that what
reaches a step has the type that it declares.
"""

import dataclasses
import difflib
import json
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
            raise RecipeError(_said(error, name=name, value=value), file=file, key=f"{key}.{name}") from error
    missing = [name for name, spec in fields.items() if name not in values and _is_required(spec)]
    if missing:
        raise RecipeError(f"the option {missing[0]!r} is required", file=file, key=key)
    try:
        return step(**values)
    except ValueError as error:
        raise RecipeError(str(error), file=file, key=key) from error


def _said(error: msgspec.ValidationError, *, name: str, value: object) -> str:
    """What is wrong with a value; for one text in place of a list, what to write."""
    if isinstance(value, str) and str(error).startswith("Expected `array`"):
        return f"a list is expected; write {name}={json.dumps([value], ensure_ascii=False)}"
    return str(error)


def parse_settings(settings: Sequence[str], *, step: type[Any] | None = None) -> dict[str, Any]:
    """Options from ``key=value`` words of a command line; values are TOML where they parse as such, else strings.

    Given the class that the options are for, what the option does not take as TOML but does as a string is a string:
    ``version=1.10`` and ``path=2024`` where they are declared as ``str``.

    Raises:
        RecipeError: a word has no ``=``.
    """
    hints = typing.get_type_hints(step) if step is not None else {}
    options: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise RecipeError(f"--set {setting}: expected key=value")
        options[name.strip()] = _value(text, hints.get(name.strip(), Any))
    return options


def _value(text: str, hint: Any) -> Any:
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except ValueError:
        return text
    return text if not _fits(value, hint) and _fits(text, hint) else value


def _fits(value: object, hint: Any) -> bool:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError:
        return False
    return True


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
