"""A request's parts as the arguments of an operation.

Outside the body everything is text on the wire: it is read as the number, truth value, list or object that the schema
asks for, and left as it is where it is none, for the schema to refuse. Some 10 microseconds a request.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import orjson

from forge_trajectories.api_view import as_list, as_mapping
from forge_trajectories.tools.operation import Operation

_INTEGER = re.compile(r"-?\d{1,18}")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request.

    Attributes:
        path: percent-encoded, without query. query: its fields in order. headers: by name in small letters.
    """

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def cookies(self) -> dict[str, str]:
        """The cookies by name."""
        pairs = (part.partition("=") for part in self.headers.get("cookie", "").split(";"))
        return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}

    def content(self) -> Any:
        """What the body says: JSON, or the fields of a form; None for an empty one.

        Raises:
            ValueError: it is neither.
        """
        if not self.body.strip():
            return None
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/x-www-form-urlencoded":
            return dict(parse_qsl(self.body.decode("utf-8"), keep_blank_values=True))
        return orjson.loads(self.body)


def arguments_of(operation: Operation, request: Request, values: Mapping[str, str], content: Any) -> dict[str, Any]:
    """The arguments of a call.

    Args:
        operation: what is called.
        request: what came.
        values: of the path, by name on the wire.
        content: what the body says.
    """
    properties = as_mapping(operation.parameters.get("properties"))
    form = "urlencoded" in request.headers.get("content-type", "")
    found: dict[str, Any] = {}
    query: dict[str, list[str]] = {}
    for name, text in request.query:
        query.setdefault(name.removesuffix("[]"), []).append(text)
    in_body = [name for name, schema in properties.items() if as_mapping(schema).get("x-in") in ("body", None)]
    for name, part in properties.items():
        schema = as_mapping(part)
        place, wire = schema.get("x-in"), str(schema.get("x-name") or name)
        if place == "path" and wire in values:
            found[name] = read(values[wire], schema)
        elif place == "query" and wire in query:
            found[name] = _read_all(query[wire], schema)
        elif place == "header" and wire.lower() in request.headers:
            found[name] = read(request.headers[wire.lower()], schema)
        elif place == "cookie" and wire in request.cookies():
            found[name] = read(request.cookies()[wire], schema)
        elif place in ("body", None) and isinstance(content, dict) and wire in content:
            found[name] = read(content[wire], schema) if form and isinstance(content[wire], str) else content[wire]
        elif in_body == [name] and wire == "body" and content is not None:
            found[name] = content
    return found


def read(text: str, schema: Mapping[str, Any], depth: int = 0) -> Any:
    """Text as a value of the schema; as it is where it is none."""
    kinds = schema.get("type")
    for kind in [kinds] if isinstance(kinds, str) else as_list(kinds):
        value = _as_kind(text, kind, schema)
        if value is not None:
            return value
    for key in ("anyOf", "oneOf"):
        for choice in as_list(schema.get(key)):
            value = read(text, as_mapping(choice), depth + 1) if depth < 4 else text
            if value != text:
                return value
    return text


def _as_kind(text: str, kind: object, schema: Mapping[str, Any]) -> Any:
    """Text as a value of a type; None if it is none of that type."""
    found: Any = None
    if kind == "string":
        found = text
    elif kind in ("integer", "number") and _INTEGER.fullmatch(text):
        found = int(text)
    elif kind == "number" and _NUMBER.fullmatch(text):
        found = float(text)
    elif kind == "boolean" and text.lower() in ("true", "false"):
        found = text.lower() == "true"
    elif kind == "array":
        items = as_mapping(schema.get("items"))
        found = [read(part, items) for part in text.split(",")] if text else []
    elif kind == "object" and text.startswith("{"):
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            found = text
    return found


def _read_all(texts: list[str], schema: Mapping[str, Any]) -> Any:
    """A query field that may come several times: a list of what came, where the schema asks for one."""
    kinds = schema.get("type")
    if len(texts) > 1 and "array" in ([kinds] if isinstance(kinds, str) else as_list(kinds)):
        items = as_mapping(schema.get("items"))
        return [read(text, items) for text in texts]
    return read(texts[-1], schema)
