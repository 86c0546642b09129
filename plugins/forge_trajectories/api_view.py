"""What a record documents, read once into plain fields that every surface form can write down.

Records come from the wild: a schema may have any shape, so whatever is not of the shape that JSON Schema gives it is
passed over. About 2 microseconds a parameter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge.records import ApiRecord
from forge_trajectories.plain_text import as_text, clip, compact_json, first_sentence, one_line

MAX_NAME = 100
MAX_PATH = 240
MAX_SHOWN_VALUES = 10

_AUTH = {
    "apiKey": "API key",
    "oauth2": "OAuth 2.0",
    "openIdConnect": "OpenID Connect",
    "mutualTLS": "mutual TLS",
    "http:basic": "HTTP basic authentication",
    "http:bearer": "bearer token",
    "http:digest": "HTTP digest authentication",
    "http:oauth": "OAuth",
    "aws:sigv4": "AWS Signature Version 4",
    "aws:sigv4a": "AWS Signature Version 4A",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One parameter of a call, or one field of its answer.

    Attributes:
        name: as the schema has it. wire: the name sent, where it differs; else empty.
        type: in words: ``array of string``.
        where: path, query, header, cookie, body; empty if not said.
        description: one line. facts: what the schema adds: allowed values, default, bounds; one line.
    """

    name: str
    wire: str
    type: str
    required: bool
    where: str
    description: str
    facts: str
    schema: Mapping[str, Any]

    def about(self, limit: int) -> str:
        """Description and facts in one line of about ``limit`` characters."""
        text = clip(self.description, limit)
        if text and self.facts and text[-1] not in ".!?…:":
            text += "."
        return f"{text} {self.facts}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiView:
    """A record as its documentation's reader sees it; attributes as in `ApiRecord`, all plain and checked."""

    name: str
    provider: str
    service: str
    version: str
    kind: str
    method: str
    path: str
    description: str
    summary: str
    parameters: list[Field]
    returns: list[Field]
    returns_type: str
    returns_schema: Mapping[str, Any]
    returns_about: str
    errors: list[tuple[str, str]]
    auth: list[str]
    example: Mapping[str, Any]


def view(record: ApiRecord) -> ApiView:
    """Read ``record``."""
    description = "\n".join(line.strip() for line in as_text(record.description).strip().split("\n"))
    returns = as_mapping(record.returns)
    answer = as_mapping(returns.get("items")) if returns.get("type") == "array" else returns
    return ApiView(
        name=clip(one_line(record.name), MAX_NAME),
        provider=clip(one_line(record.provider), MAX_NAME),
        service=clip(one_line(record.service), MAX_NAME),
        version=clip(one_line(record.version), 40),
        kind=one_line(record.kind),
        method=clip(one_line(record.method), 20),
        path=clip(one_line(record.path), MAX_PATH),
        description=description,
        summary=first_sentence(description),
        parameters=fields(as_mapping(record.parameters)),
        returns=fields(answer),
        returns_type=type_text(returns) if returns else "",
        returns_schema=returns,
        returns_about=clip(one_line(returns.get("description")), 200),
        errors=[_error(error) for error in as_list(record.errors) if isinstance(error, Mapping)],
        auth=[_AUTH.get(scheme, clip(scheme, 60)) for scheme in as_list(record.auth) if isinstance(scheme, str)],
        example=_shortest_example(record.examples),
    )


def as_mapping(value: object) -> Mapping[str, Any]:
    """``value`` if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: object) -> Sequence[Any]:
    """``value`` if it is a list or tuple, else an empty one."""
    return value if isinstance(value, (list, tuple)) else ()


def fields(schema: Mapping[str, Any]) -> list[Field]:
    """The properties of an object's schema, required ones first, in the schema's order otherwise."""
    required = {name for name in as_list(schema.get("required")) if isinstance(name, str)}
    found = [
        _field(name, as_mapping(item), required=name in required)
        for name, item in as_mapping(schema.get("properties")).items()
        if isinstance(name, str)
    ]
    found.sort(key=lambda field: not field.required)
    return found


def type_text(schema: Mapping[str, Any], depth: int = 0) -> str:
    """The schema's type in words: ``string (date-time)``, ``array of object``, ``integer or null``, ``any``."""
    kind = schema.get("type")
    if isinstance(kind, (list, tuple)):
        return _either([{**schema, "type": item} for item in kind[:4] if isinstance(item, str)], depth)
    if kind == "array":
        items = as_mapping(schema.get("items"))
        return f"array of {type_text(items, depth + 1)}" if items and depth < 3 else "array"
    if isinstance(kind, str):
        form = schema.get("format")
        worth = isinstance(form, str) and kind in ("string", "integer", "number") and form not in ("string", kind)
        return f"{kind} ({clip(form, 30)})" if worth and form else clip(kind, 30)
    return _untyped(schema, depth)


def _untyped(schema: Mapping[str, Any], depth: int) -> str:
    if "properties" in schema:
        return "object"
    for key in ("anyOf", "oneOf"):
        choices = [item for item in as_list(schema.get(key)) if isinstance(item, Mapping)][:4]
        if choices and depth < 3:
            return _either(choices, depth + 1)
    return "any"


def _either(schemas: Sequence[Mapping[str, Any]], depth: int) -> str:
    names = [name for schema in schemas for name in type_text(schema, depth).split(" or ")]
    return " or ".join(dict.fromkeys(names)) or "any"


def facts(schema: Mapping[str, Any]) -> str:
    """Allowed values, default, bounds and deprecation as short sentences; empty where the schema has none."""
    said: list[str] = []
    allowed = as_list(schema.get("enum")) or as_list(as_mapping(schema.get("items")).get("enum"))
    if allowed:
        shown = ", ".join(clip(short(value), 40) for value in allowed[:MAX_SHOWN_VALUES])
        left = len(allowed) - MAX_SHOWN_VALUES
        said.append(f"One of {shown}{f' and {left} more' if left > 0 else ''}.")
    if isinstance(schema.get("default"), (str, int, float)):
        said.append(f"Default: {clip(short(schema['default']), 60)}.")
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        said.append(f"From {low} to {high}.")
    elif isinstance(low, (int, float)):
        said.append(f"At least {low}.")
    elif isinstance(high, (int, float)):
        said.append(f"At most {high}.")
    if schema.get("deprecated") is True:
        said.append("Deprecated.")
    return " ".join(said)


def short(value: object) -> str:
    """A value as a reader writes it: bare text, else JSON."""
    return (one_line(value) or '""') if isinstance(value, str) else compact_json(value)


def _field(name: str, schema: Mapping[str, Any], *, required: bool) -> Field:
    return Field(
        name=clip(one_line(name), MAX_NAME),
        wire=clip(one_line(schema.get("x-name")), MAX_NAME),
        type=type_text(schema),
        required=required,
        where=clip(one_line(schema.get("x-in")), 20),
        description=one_line(schema.get("description")),
        facts=facts(schema),
        schema=schema,
    )


def _error(error: Mapping[str, Any]) -> tuple[str, str]:
    code = error.get("code")
    return clip(one_line(str(code)), 60) if code is not None else "", one_line(error.get("description"))


def _shortest_example(examples: object) -> Mapping[str, Any]:
    """The example that has most to show: arguments and result before one of them, a short one before a long one."""
    usable = [item for item in as_list(examples)[:4] if isinstance(item, Mapping)]
    return max(usable, key=lambda item: bool(item.get("arguments")) * 2 + ("result" in item), default={})
