"""JSON Schemas of arguments as a server checks them, compiled, and what is wrong with a value in plain words.

Schemas come from the wild. What a checker cannot be sure of is left out before compiling: formats other than those
whose grammar is beyond doubt, and patterns for which no matching text can be made. Compiling takes some 30
microseconds, a check one to ten.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from forge_trajectories.execution.patterns import compiles, sample

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

FORMATS = frozenset({"date-time", "date", "uuid", "email", "ipv4", "ipv6"})
"""Formats that are checked; values made for any other follow it, but a server may take more."""
MAX_DEPTH = 12
_LONGEST = 36
"""Characters of the longest of those formats that has a certain length: UUID."""
_LONG_COUNT = re.compile(r"\{(\d+),\d{2,}\}")
_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one argument.

    Attributes:
        field: its place: ``address.zip``; empty for the whole.
        rule: the keyword that was broken: ``required``, ``type``, ``enum``, ``unknown``, ...
        message: in words.
    """

    field: str
    rule: str
    message: str


def checkable(schema: object, *, request: bool = True, depth: int = 0) -> dict[str, Any]:
    """A copy of ``schema`` with only the keywords that a checker can be sure of; it always compiles.

    ``request``: a property that only the server writes (``readOnly``) is not required.
    """
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return {}
    out: dict[str, Any] = {}
    for key, value in schema.items():
        rule = _RULES.get(key)
        if rule is not None and (kept := rule(value)) is not None:
            out[key] = kept
    if "pattern" in out or out.get("maxLength", _LONGEST) < _LONGEST:
        out.pop("format", None)  # what is said beside a format often contradicts it
    _nested(out, schema, request=request, depth=depth)
    return out


def compiled(schema: Mapping[str, Any]) -> "Draft202012Validator":
    """The validator of a `checkable` schema."""
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True)


def validator_of(parameters: Mapping[str, Any]) -> "Draft202012Validator":
    """The validator of a tool's arguments: its parameters, and none that it does not have; remembered by content."""
    return _remembered(orjson.dumps(parameters))


@lru_cache(maxsize=4096)
def _remembered(parameters: bytes) -> "Draft202012Validator":
    return compiled({**checkable(orjson.loads(parameters)), "type": "object", "additionalProperties": False})


def fits(value: object, schema: Mapping[str, Any], *, request: bool = True) -> bool:
    """Whether ``value`` keeps what is certain of ``schema``; validators are remembered by its content."""
    try:
        validator = _checking(orjson.dumps(schema, option=orjson.OPT_NON_STR_KEYS), request)
    except TypeError:  # a number of more than 64 bits, which orjson does not write
        validator = compiled(checkable(schema, request=request))
    return bool(validator.is_valid(value))


@lru_cache(maxsize=8192)
def _checking(schema: bytes, request: bool) -> "Draft202012Validator":
    return compiled(checkable(orjson.loads(schema), request=request))


def problems(validator: "Draft202012Validator", arguments: object, *, most: int = 3) -> list[Problem]:
    """What is wrong with the arguments, the first ``most``; empty if nothing is."""
    if validator.is_valid(arguments):
        return []
    found: list[Problem] = []
    for error in validator.iter_errors(arguments):
        found.extend(_explained(error))
        if len(found) >= most:
            break
    return found[:most]


def _explained(error: Any) -> Iterator[Problem]:
    path = ".".join(str(step) for step in error.instance_path)
    rule = str(error.kind.name)
    if rule == "required":
        name = f"{path}.{error.kind.property}" if path else str(error.kind.property)
        yield Problem(name, rule, f"{name} is required")
    elif rule == "additionalProperties":
        for name in sorted(error.kind.unexpected):
            where = f"{path}.{name}" if path else name
            yield Problem(where, "unknown", f"{where} is not a known parameter")
    else:
        message = str(error.message)
        yield Problem(path, rule, message if len(message) <= 200 else f"{message[:90]} ... {message[-100:]}")


def _nested(out: dict[str, Any], schema: Mapping[str, Any], *, request: bool, depth: int) -> None:
    properties = schema.get("properties")
    if isinstance(properties, Mapping):
        out["properties"] = {
            name: checkable(item, request=request, depth=depth + 1)
            for name, item in properties.items()
            if isinstance(name, str)
        }
    required = schema.get("required")
    if isinstance(required, (list, tuple)) and required:
        hidden = _written_by_server(properties) if request else frozenset()
        named = dict.fromkeys(name for name in required if isinstance(name, str))
        out["required"] = [name for name in named if name not in hidden]
    for key in ("items", "additionalProperties"):
        item = schema.get(key)
        if isinstance(item, Mapping):
            out[key] = checkable(item, request=request, depth=depth + 1)
        elif key == "additionalProperties" and item is False:
            out[key] = False
    for key in ("anyOf", "oneOf"):
        choices = schema.get(key)
        if isinstance(choices, (list, tuple)) and choices and all(isinstance(item, Mapping) for item in choices):
            # "Exactly one" cannot be told apart once keywords are left out: any will do.
            checked = [checkable(item, request=request, depth=depth + 1) for item in choices]
            out.setdefault("allOf", []).append({"anyOf": checked})


def _written_by_server(properties: object) -> frozenset[str]:
    if not isinstance(properties, Mapping):
        return frozenset()
    return frozenset(
        name for name, item in properties.items() if isinstance(item, Mapping) and item.get("readOnly") is True
    )


def _types(value: object) -> object:
    if isinstance(value, str):
        return value if value in _TYPES else None
    if isinstance(value, (list, tuple)):
        return list(dict.fromkeys(item for item in value if isinstance(item, str) and item in _TYPES)) or None
    return None


def _number(value: object) -> object:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _count(value: object) -> object:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None


def _pattern(value: object) -> object:
    if not isinstance(value, str):
        return None
    # The engine spells counted repetitions out, which takes it a tenth of a second for the long ones.
    short = _LONG_COUNT.sub(r"{\1,}", value)
    return short if _makeable(short) else None


@lru_cache(maxsize=8192)
def _makeable(pattern: str) -> bool:
    return compiles(pattern) and sample(pattern, "") is not None


_RULES: Mapping[str, Callable[[object], object]] = {
    "type": _types,
    "enum": lambda value: list(value) if isinstance(value, (list, tuple)) and value else None,
    "const": lambda value: value,
    "pattern": _pattern,
    "format": lambda value: value if isinstance(value, str) and value in FORMATS else None,
    "uniqueItems": lambda value: True if value is True else None,
    "multipleOf": lambda value: value if isinstance(value, (int, float)) and value > 0 else None,
    **dict.fromkeys(_BOUNDS, _number),
    **dict.fromkeys(_COUNTS, _count),
}
