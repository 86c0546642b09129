"""The marketplace's parameter and payload descriptions as JSON Schema.

A parameter there has a type of its own (``STRING``, ``NUMBER``, ``BOOLEAN``, ``ENUM``, ``DATE (YYYY-MM-DD)``,
``GEOPOINT (latitude, longitude)`` ...), a default that is always text, and says only sometimes where it travels.
ToolBench's files keep the same words, and give the shape of an answer as an example whose leaves are Python's type
names. Pure functions; some 5 microseconds a parameter.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from forge_sources.markup import plain

IN_PATH = re.compile(r"\{([^{}/]+)\}|:([A-Za-z_]\w*)")
WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
DEEPEST = 30
LENGTH = "_list_length"
"""ToolBench's own note in a shape: how many entries the list had. It is no member of the answer."""

_TYPES: Mapping[str, Mapping[str, Any]] = {
    "string": {"type": "string"},
    "str": {"type": "string"},
    "text": {"type": "string"},
    "number": {"type": "number"},
    "float": {"type": "number"},
    "double": {"type": "number"},
    "integer": {"type": "integer"},
    "int": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "bool": {"type": "boolean"},
    "enum": {"type": "string"},
    "select": {"type": "string"},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "datetime": {"type": "string", "format": "date-time"},
    "geopoint": {"type": "string"},
    "object": {"type": "object"},
    "json": {"type": "object"},
    "map": {"type": "object"},
    "array": {"type": "array"},
    "list": {"type": "array"},
    "file": {"type": "string", "format": "binary"},
    "binary": {"type": "string", "format": "binary"},
    "nonetype": {"type": "null"},
    "null": {"type": "null"},
}
_SCHEMA_KEYS = ("type", "properties", "items", "enum", "anyOf", "oneOf", "allOf", "$ref")


def object_schema(parameters: Iterable[tuple[Mapping[str, Any], bool]], *, method: str, path: str) -> dict[str, Any]:
    """JSON Schema of type object of ``(parameter, required)`` pairs; of two with one name the first stands."""
    in_path = {a or b for a, b in IN_PATH.findall(path)}
    properties: dict[str, Any] = {}
    required: list[str] = []
    for parameter, is_required in parameters:
        name = parameter.get("name")
        if not isinstance(name, str) or not name or name in properties:
            continue
        schema = parameter_schema(parameter)
        schema["x-in"] = _place(parameter, method=method, is_in_path=name in in_path)
        properties[name] = schema
        if is_required or name in in_path:
            required.append(name)
    found: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        found["required"] = required
    return found


def parameter_schema(parameter: Mapping[str, Any]) -> dict[str, Any]:
    """Schema of one parameter: type, description, default (of that type), choices."""
    stated = str(parameter.get("paramType") or parameter.get("type") or "")
    own = parameter.get("schemaDefinition") or parameter.get("schema")
    if isinstance(own, Mapping) and any(key in own for key in _SCHEMA_KEYS):
        schema = dict(own)
    else:
        schema = dict(_TYPES.get(_word(stated), {"type": "string"}))
        if stated and _word(stated) not in _TYPES:
            schema["x-type"] = stated
    if description := _text(parameter.get("description")):
        schema["description"] = description
    options = parameter.get("options") or parameter.get("enum")
    if isinstance(options, list) and options and "enum" not in schema:
        schema["enum"] = options
    default = parameter.get("default", parameter.get("value"))
    value = typed(default, schema.get("type"))
    if value is not None:
        schema["default"] = value
    return schema


def typed(value: object, kind: object) -> Any:
    """A default, which is text, as a value of the JSON Schema type; None where it says nothing or does not fit."""
    if value is None or value == "":
        return None
    if kind == "boolean":
        return {"true": True, "1": True, "false": False, "0": False}.get(str(value).strip().lower())
    if kind in ("number", "integer"):
        return _number(str(value).strip(), whole=kind == "integer")
    if kind == "string":
        return value if isinstance(value, str) else str(value)
    fits: tuple[type, ...] = (list,) if kind == "array" else (dict,) if kind == "object" else (object,)
    return value if isinstance(value, fits) else None


def shape_schema(shape: object, *, depth: int = 0) -> dict[str, Any]:
    """JSON Schema of an answer's shape as ToolBench writes it: ``{"id": "int", "tags": ["str"]}``."""
    if depth > DEEPEST:
        return {}
    if isinstance(shape, Mapping):
        members = {str(key): shape_schema(v, depth=depth + 1) for key, v in shape.items() if key != LENGTH}
        return {"type": "object", "properties": members}
    if isinstance(shape, list):
        found: dict[str, Any] = {"type": "array"}
        items = [item for item in shape if not (isinstance(item, Mapping) and set(item) == {LENGTH})]
        return found | {"items": shape_schema(items[0], depth=depth + 1)} if items else found
    word = str(shape).strip().lower()
    if word == "empty list":
        return {"type": "array"}
    if listed := re.match(r"list of (\w+)", word):
        return {"type": "array", "items": dict(_TYPES.get(listed[1], {}))}
    return dict(_TYPES.get(word, {}))


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; none of what is no list."""
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def is_json_schema(value: object) -> bool:
    """Whether a payload's schema is JSON Schema rather than a shape or nothing."""
    return isinstance(value, Mapping) and (isinstance(value.get("type"), str) or "$ref" in value or "anyOf" in value)


def _place(parameter: Mapping[str, Any], *, method: str, is_in_path: bool) -> str:
    stated = str(parameter.get("in") or parameter.get("paramIn") or "").lower()
    if is_in_path:
        return "path"
    if stated in ("query", "header", "cookie", "body"):
        return stated
    query = parameter.get("querystring")
    if isinstance(query, bool):
        return "query" if query else "body"
    return "query" if method in WITHOUT_BODY else "body"


def _word(stated: str) -> str:
    """``DATE (YYYY-MM-DD)`` as ``date``."""
    return stated.partition("(")[0].strip().lower().replace(" ", "")


def _number(text: str, *, whole: bool) -> int | float | None:
    if re.fullmatch(r"[+-]?\d{1,18}", text):
        return int(text)
    if whole or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?", text):
        return None
    return float(text)


def _text(value: object) -> str:
    return plain(value).strip() if isinstance(value, str) else ""
