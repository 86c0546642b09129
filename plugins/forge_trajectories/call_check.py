"""Whether documented arguments agree with the documented schema; an example that does not is no example to learn from.

The part of JSON Schema that says what a caller may pass: type, enum, required, properties, items, bounds, anyOf, oneOf.
Patterns and formats are passed over: they are written for other engines than Python's. A few microseconds a call.
"""

from collections.abc import Callable, Mapping
from typing import Any

from forge_trajectories.api_view import as_list, as_mapping

MAX_DEPTH = 6


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_integer(value: object) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())


_TYPES: Mapping[str, Callable[[object], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": _is_integer,
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, (list, tuple)),
    "object": lambda value: isinstance(value, Mapping),
    "null": lambda value: value is None,
}


def checked_arguments(arguments: object, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments as a call would pass them, or None if they break the schema.

    An optional parameter whose value is null where null is no value is left out: it stands for "not given".
    """
    if not isinstance(arguments, Mapping):
        return None
    properties = as_mapping(schema.get("properties"))
    required = [name for name in as_list(schema.get("required")) if isinstance(name, str)]
    passed: dict[str, Any] = {}
    for name, value in arguments.items():
        if not isinstance(name, str) or name not in properties:
            return None
        if value is None and name not in required:
            continue
        if not agrees(value, as_mapping(properties[name])):
            return None
        passed[name] = value
    return passed if all(name in passed for name in required) else None


def agrees(value: object, schema: Mapping[str, Any], depth: int = 0) -> bool:
    """Whether ``value`` keeps what ``schema`` says, down to `MAX_DEPTH` levels."""
    if depth > MAX_DEPTH or not schema:
        return True
    kind = schema.get("type")
    kinds = [kind] if isinstance(kind, str) else [item for item in as_list(kind) if isinstance(item, str)]
    if kinds and not any(_TYPES[item](value) for item in kinds if item in _TYPES):
        return False
    allowed = as_list(schema.get("enum"))
    if allowed and value not in allowed:
        return False
    for key in ("anyOf", "oneOf"):
        choices = [item for item in as_list(schema.get(key)) if isinstance(item, Mapping)]
        if choices and not any(agrees(value, choice, depth + 1) for choice in choices):
            return False
    return _within(value, schema) and _inside_agrees(value, schema, depth)


def _within(value: object, schema: Mapping[str, Any]) -> bool:
    """Bounds on the size of a number, a string or an array."""
    if _is_number(value):
        low, high = "minimum", "maximum"
        size: Any = value
    elif isinstance(value, (str, list, tuple)):
        low, high = ("minLength", "maxLength") if isinstance(value, str) else ("minItems", "maxItems")
        size = len(value)
    else:
        return True
    least, most = schema.get(low), schema.get(high)
    return not (_is_number(least) and size < least) and not (_is_number(most) and size > most)


def _inside_agrees(value: object, schema: Mapping[str, Any], depth: int) -> bool:
    if isinstance(value, Mapping):
        properties = as_mapping(schema.get("properties"))
        if any(isinstance(name, str) and name not in value for name in as_list(schema.get("required"))):
            return False
        if schema.get("additionalProperties") is False and not all(name in properties for name in value):
            return False
        given = [name for name in properties if name in value]
        return all(agrees(value[name], as_mapping(properties[name]), depth + 1) for name in given)
    if isinstance(value, (list, tuple)):
        items = as_mapping(schema.get("items"))
        return all(agrees(item, items, depth + 1) for item in value)
    return True
