"""Answers whose insides were not documented in place, completed from where the same service documents them.

A list of pets is often documented as objects titled ``Pet`` and no more, while the answer of GET /pets/{petId} has all
its fields. What is filled in is documented for the same thing in the same service; nothing is made up. Some 20
microseconds an operation.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from forge_trajectories.api_view import as_mapping
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import effect_of, key_words, nouns_of, owners_of

MAX_FILLED = 8
_SCALARS = ("string", "integer", "number", "boolean")


def completed(operations: Sequence[Operation]) -> list[Operation]:
    """The operations with what their answers leave open, where another operation of the group says it."""
    known: dict[str, dict[str, Any]] = {}
    for operation in operations:
        noun = "" if effect_of(operation) == "list" else next(iter(nouns_of(operation)), "")
        _learn(as_mapping(operation.returns), noun, known)
    return [_complete(operation, known) for operation in operations]


def _learn(schema: Mapping[str, Any], noun: str, known: dict[str, dict[str, Any]]) -> None:
    properties = as_mapping(schema.get("properties"))
    plain = {name: part for name, part in properties.items() if _kind(part) in _SCALARS}
    if noun and len(plain) > 1 and noun not in known:
        known[noun] = dict(list(plain.items())[:MAX_FILLED])
    if _kind(schema) == "array":
        _learn(as_mapping(schema.get("items")), noun, known)
    for name, part in properties.items():
        if _kind(part) in ("object", "array"):
            _learn(part, _name(name) or noun, known)


def _complete(operation: Operation, known: Mapping[str, dict[str, Any]]) -> Operation:
    if not operation.returns:
        return operation
    nouns = nouns_of(operation)[:1]
    filled = _filled(operation.returns, nouns[0] if nouns else "", known)
    return operation if filled is operation.returns else dataclasses.replace(operation, returns=filled)


def _filled(schema: Mapping[str, Any], noun: str, known: Mapping[str, dict[str, Any]]) -> Mapping[str, Any]:
    """``schema``, itself if there is nothing to fill."""
    kind = _kind(schema)
    if kind == "array":
        items = as_mapping(schema.get("items"))
        inner = _filled(items or {"type": "object"}, noun, known)
        return schema if inner is items or "properties" not in inner else {**schema, "items": inner}
    if kind != "object":
        return schema
    properties = as_mapping(schema.get("properties"))
    if not properties:
        title = str(schema.get("title", "")).rpartition(".")[2]
        found = known.get(_name(title)) if title else known.get(noun)
        return {**schema, "properties": found} if found else schema
    inside = {name: _filled(part, _name(name) or noun, known) for name, part in properties.items()}
    changed = any(inside[name] is not part for name, part in properties.items())
    return {**schema, "properties": inside} if changed else schema


def _name(name: str) -> str:
    return next(iter(owners_of(key_words(name))), "")


def _kind(schema: object) -> str:
    kind = as_mapping(schema).get("type")
    return str(kind[0] if isinstance(kind, list) and kind else kind or "")
