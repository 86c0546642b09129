"""A JSON Schema in few words: one type on a line, an answer as a short outline."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from forge.show.facts import one_line

MOST_VALUES = 8
MOST_FIELDS = 14
DEEPEST = 2
WIDEST_TYPE = 160


def type_of(schema: object, *, depth: int = 0) -> str:
    """``string (date-time)``, ``list of integer``, ``one of a, b``, ``string or null``; ``any`` if nothing is said."""
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return "any"
    if "const" in schema:
        return _value(schema["const"])
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return _choice(schema["enum"])
    for key in ("oneOf", "anyOf"):
        if isinstance(schema.get(key), list):
            options = dict.fromkeys(type_of(option, depth=depth + 1) for option in schema[key])
            return " or ".join(sorted(options, key=lambda option: option == "any")) or "any"
    kinds = schema.get("type")
    names = kinds if isinstance(kinds, list) else [kinds]
    return " or ".join(_named(schema, name, depth=depth) for name in names)[:WIDEST_TYPE]


def default_of(schema: object) -> str:
    """The default as JSON; empty if there is none."""
    if not isinstance(schema, Mapping) or "default" not in schema:
        return ""
    return one_line(_value(schema["default"]), most=40)


def outline(schema: object, *, depth: int = 0) -> Iterator[tuple[int, str, str, str]]:
    """Depth, name, type and description of the fields of an object, and of the objects in it."""
    fields, inner = _fields(schema)
    if inner is not None and depth == 0:
        yield from outline(inner, depth=depth)
        return
    for place, (name, field) in enumerate(fields.items()):
        if place == MOST_FIELDS:
            yield depth, f"{len(fields) - place} more", "", ""
            return
        said = field.get("description") if isinstance(field, Mapping) else None
        yield depth, str(name), type_of(field), said if isinstance(said, str) else ""
        below = field.get("items", field) if isinstance(field, Mapping) else field
        if depth + 1 < DEEPEST and _fields(below)[0]:
            yield from outline(below, depth=depth + 1)


def _fields(schema: object) -> tuple[Mapping[str, Any], object]:
    """Properties of an object schema; for a list, what is in it."""
    if not isinstance(schema, Mapping):
        return {}, None
    found = schema.get("properties")
    if isinstance(found, Mapping) and found:
        return found, None
    return {}, schema.get("items") if schema.get("type") == "array" else None


def _named(schema: Mapping[str, Any], name: object, *, depth: int) -> str:
    if name == "array":
        return f"list of {type_of(schema.get('items'), depth=depth + 1)}"
    if name == "object":
        inside = schema.get("additionalProperties")
        return f"map of {type_of(inside, depth=depth + 1)}" if isinstance(inside, Mapping) and inside else "object"
    said = schema.get("format")
    text = str(name) if name else "any"
    return f"{text} ({said})" if isinstance(said, str) and name not in ("null", None) else text


def _choice(values: list[Any]) -> str:
    shown = ", ".join(one_line(_value(value), most=40) for value in values[:MOST_VALUES])
    more = f", {len(values) - MOST_VALUES} more" if len(values) > MOST_VALUES else ""
    return f"one of {shown}{more}" if len(values) > 1 else shown


def _value(value: object) -> str:
    return value if isinstance(value, str) and value else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
