"""Finding the calls and the tools that a text shows, and holding the ones to the others.

A JSON value is looked for wherever ``{`` or ``[`` begins a line (after a list's dash too). Schemas come from the wild:
one that is no valid JSON Schema, or that refers to what is elsewhere, allows everything. No more than `MAX_VALUES` are
looked at in one text.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

BREAKS = "call breaks its schema"
UNNAMED = "call passes an argument that its schema does not name"
NO_JSON = "call is no JSON"
_START = re.compile(r"(?m)^[ \t]*(?:[-*] )?([{\[])")
_DECODER = json.JSONDecoder()
_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema")
_CALL_START = re.compile(r"\{\s*\"(?:name|arguments)\"\s*:")
MAX_VALUES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What the catalogue says of a document's API, as JSON: the schema of its parameters, and its examples."""

    parameters: str
    examples: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call as a document shows it."""

    name: str
    arguments: Mapping[str, Any]


def judged_text(
    text: str, spans: Sequence[Sequence[int]] | None, own: Own | None, *, strict: bool
) -> tuple[str | None, bool]:
    """Why a text must go, or None, and whether there was anything to check.

    Args:
        spans: of a dialogue, where the assistant speaks: what begins as a call there must be one. own: the API's.
    """
    if any(_is_torn(text[start:end]) for start, end in spans or ()):
        return NO_JSON, True
    values = list(_values(text)) if '"arguments"' in text else []
    calls = [call for value in values for call in _calls(value)]
    offers = {name: schema for value in values for name, schema in _offers(value)}
    checked = False
    for call in calls:
        schema = own.parameters if own is not None else offers.get(call.name)
        if schema is not None:
            checked = True
            reason = broken(call.arguments, schema, strict=strict)
            if reason:
                return reason, True
    if own is None or spans is not None:
        return None, checked
    reason = _examples(text, own, strict=strict)
    return reason, checked or own.examples != "[]"


def _is_torn(turn: str) -> bool:
    """Whether a turn begins as a call does and is no JSON."""
    if not _CALL_START.match(turn):
        return False
    try:
        orjson.loads(turn)
    except orjson.JSONDecodeError:
        return True
    return False


def _values(text: str) -> Iterator[Any]:
    """The JSON values that begin a line, each once."""
    position = 0
    for _ in range(MAX_VALUES):
        match = _START.search(text, position)
        if match is None:
            return
        position = match.end()
        try:
            value, position = _DECODER.raw_decode(text, match.start(1))
        except (ValueError, RecursionError):
            continue
        yield value


def _calls(value: Any) -> Iterator[Call]:
    for item in value if isinstance(value, list) else [value]:
        inner = item.get("function", item) if isinstance(item, dict) else None
        if not isinstance(inner, dict) or not isinstance(inner.get("name"), str):
            continue
        arguments = inner.get("arguments")
        if isinstance(arguments, str):
            try:
                arguments = orjson.loads(arguments)
            except orjson.JSONDecodeError:
                continue
        if isinstance(arguments, dict):
            yield Call(name=inner["name"], arguments=arguments)


def _offers(value: Any) -> Iterator[tuple[str, str]]:
    """Name and schema, as JSON, of the tools that a value declares."""
    for item in value if isinstance(value, list) else [value]:
        inner = item.get("function", item) if isinstance(item, dict) else None
        if isinstance(inner, dict) and isinstance(inner.get("name"), str):
            schemas = [inner[key] for key in _SCHEMA_KEYS if isinstance(inner.get(key), dict)]
            if schemas:
                yield inner["name"], json.dumps(schemas[0])


def _examples(text: str, own: Own, *, strict: bool) -> str | None:
    """Why an example of the catalogue that the text shows is wrong."""
    for example in orjson.loads(own.examples):
        arguments = example.get("arguments") if isinstance(example, dict) else None
        if isinstance(arguments, dict) and arguments:
            reason = broken(arguments, own.parameters, strict=strict)
            if reason and all(_shows(text, value) for value in _leaves(arguments)):
                return reason
    return None


def _leaves(value: Any) -> Iterator[str]:
    """Names and plain values within ``value``, as texts."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield str(name)
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _shows(text: str, value: str) -> bool:
    return value in text or json.dumps(value)[1:-1] in text


def broken(arguments: Mapping[str, Any], schema: str, *, strict: bool) -> str | None:
    """Why the arguments break the schema (JSON), or None. An optional argument that is null was not given."""
    validator, names, required, is_open = _validator(schema)
    if validator is None:
        return None
    given = {name: value for name, value in arguments.items() if value is not None or name in required}
    if strict and names and not is_open and not names.issuperset(given):
        return UNNAMED
    return None if validator.is_valid(given) else BREAKS


@lru_cache(maxsize=512)
def _validator(schema: str) -> tuple[Any, frozenset[str], frozenset[str], bool]:
    """The validator of a schema, or None; the names it knows and requires, and whether it welcomes others."""
    import jsonschema_rs

    parsed = orjson.loads(schema)
    properties, required = parsed.get("properties"), parsed.get("required")
    names = frozenset(properties) if isinstance(properties, dict) else frozenset()
    needed = (
        frozenset(name for name in required if isinstance(name, str)) if isinstance(required, list) else frozenset()
    )
    is_open = bool(parsed.get("additionalProperties") or parsed.get("patternProperties")) or any(
        key in parsed for key in ("allOf", "anyOf", "oneOf", "$ref")
    )
    try:
        validator = jsonschema_rs.validator_for(parsed, validate_formats=False, retriever=_refuse)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError):
        validator = None
    return validator, names, needed, is_open


def _refuse(address: str) -> Any:
    raise ValueError(f"{address}: a schema refers to another, which is not fetched")
