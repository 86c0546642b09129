"""Options and return values of an Ansible module as JSON Schema.

Whatever the documentation holds becomes a tree of at most `MOST_NODES` nodes and `MOST_DEPTH` levels; the caller bounds
it further by `openapi_schema.SchemaBook`. Cost: a few microseconds an option.

Source: Ansible's module format and documentation (``options``, ``suboptions``, ``elements``, ``contains``).
"""

from typing import Any

from forge_sources.ansible.text import text_of
from forge_sources.schema_keywords import Node

MOST_NODES = 4_000
MOST_DEPTH = 8

_TYPES = {
    "str": "string",
    "string": "string",
    "path": "string",
    "json": "string",
    "jsonarg": "string",
    "bytes": "string",
    "bits": "string",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "bool": "boolean",
    "boolean": "boolean",
    "list": "array",
    "dict": "object",
    "dictionary": "object",
    "complex": "object",
    "tuple": "array",
    "sid": "string",
    "date": "string",
}
_UNTYPED = frozenset({"raw", "any"})
_FLAGS = {"yes": True, "on": True, "true": True, "no": False, "off": False, "false": False}


class Room:
    """How many nodes may still be made."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_NODES


def option_schema(option: Node, room: Room, *, depth: int = MOST_DEPTH) -> Node:
    """The schema of one option, its suboptions in it."""
    room.left -= 1
    schema: Node = {}
    text = text_of(option.get("description"))
    if text:
        schema["description"] = text
    inner = option.get("suboptions")
    if inner is None:
        inner = option.get("options")
    kind = _kind(option.get("type"), has_inner=isinstance(inner, dict))
    _add_kind(schema, option, kind)
    _add_choices(schema.get("items", schema) if kind == "array" else schema, option)
    if "default" in option and option["default"] is not None:
        schema["default"] = _default(option["default"], kind)
    if isinstance(inner, dict) and inner and depth > 0 and room.left > 0:
        _add_inner(schema.setdefault("items", {"type": "object"}) if kind == "array" else schema, inner, room, depth)
    return schema


def return_schema(values: Node, room: Room, *, depth: int = MOST_DEPTH) -> Node:
    """The schema of an object of return values; ``contains`` of a list's value is what each of its items holds."""
    properties = {}
    for name, raw in values.items():
        if room.left <= 0:
            break
        room.left -= 1
        value = raw if isinstance(raw, dict) else {}
        kind = _kind(value.get("type"), has_inner=False) if value.get("type") else ""
        schema: Node = {}
        _add_kind(schema, value, kind)
        text = text_of(value.get("description"))
        if text:
            schema["description"] = text
        inner = value.get("contains")
        if isinstance(inner, dict) and inner and depth > 0:
            held = return_schema(inner, room, depth=depth - 1)
            schema |= {"type": "array", "items": held} if kind == "array" else held
        properties[str(name)] = schema
    return {"type": "object", "properties": properties}


def is_true(value: Any) -> bool:
    """A flag as YAML 1.1 writes it."""
    return value is True or (isinstance(value, str) and _FLAGS.get(value.lower()) is True)


def _kind(stated: Any, *, has_inner: bool) -> str:
    """JSON Schema's type; "" where any value is taken. Ansible's default is text."""
    if not isinstance(stated, str) or not stated:
        return "object" if has_inner else "string"
    name = stated.strip().lower()
    return "" if name in _UNTYPED else _TYPES.get(name, "")


def _add_kind(schema: Node, option: Node, kind: str) -> None:
    if kind:
        schema["type"] = kind
    if kind == "array":
        elements = option.get("elements")
        inner = _kind(elements, has_inner=False) if isinstance(elements, str) else ""
        if inner:
            schema["items"] = {"type": inner}


def _add_choices(schema: Node, option: Node) -> None:
    """Choices as ``enum``; those that are explained one by one keep what is said of them."""
    stated = option.get("choices")
    choices = list(stated) if isinstance(stated, (list, dict)) else []
    choices = [choice for choice in choices if isinstance(choice, (str, int, float, bool))]
    kind = schema.get("type")
    if not choices or kind == "boolean":
        return
    if kind == "string":
        choices = [choice if isinstance(choice, str) else _as_text(choice) for choice in choices]
    elif kind == "integer":
        choices = [_whole(choice) for choice in choices]
    schema["enum"] = choices
    if isinstance(stated, dict):
        schema["x-enum-descriptions"] = [text_of(text)[:200] for text in stated.values()][: len(choices)]


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.lstrip("-").isdecimal() and len(value) < 19 else value


def _default(value: Any, kind: str) -> Any:
    if kind == "boolean" and isinstance(value, str):
        return _FLAGS.get(value.lower(), value)
    if kind == "string" and isinstance(value, (bool, int, float)):
        return _as_text(value)
    return _whole(value) if kind == "integer" else value


def _add_inner(schema: Node, inner: Node, room: Room, depth: int) -> None:
    schema.setdefault("type", "object")
    properties, required = {}, []
    for name, raw in inner.items():
        if room.left <= 0:
            break
        option = raw if isinstance(raw, dict) else {}
        properties[str(name)] = option_schema(option, room, depth=depth - 1)
        if is_true(option.get("required")):
            required.append(str(name))
    schema["properties"] = properties
    if required:
        schema["required"] = required
