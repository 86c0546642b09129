"""Answers of calls, written by a language model: for calls that change nothing and that nothing later depends on.

Which tools of a blueprint are answered so is settled before a word is written (`Operation.simulator` is `NAME`), so
that a stored trajectory says of itself where a model's answer is to be expected. The mock server executes such a call
like any other, which checks its arguments and keeps the state; a model then says in its place what came back, held to
the documented schema. Some 50 microseconds a call besides the model's time.
"""

from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from forge.llm import Call
from forge.records import JsonObject, to_json
from forge_trajectories.api_view import as_list, as_mapping
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.execution.environment import Environment, Observation
from forge_trajectories.execution.schemas import checkable, compiled
from forge_trajectories.execution.values import made_value
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import clip, compact_json
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import changes_data

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

NAME = "llm"
"""`Operation.simulator` of what a model answers."""
ANSWER = "answer"
"""The key under which a model gives an answer."""
MAX_TOKENS = 500
MAX_FIELDS, MAX_ITEMS, MAX_TEXT, MAX_DEPTH = 8, 3, 120, 3
"""Of an answer: an object's fields (all required ones besides), a list's items, a text's characters, levels."""
_PLAIN = ("string", "integer", "number", "boolean", "null")
_BOUNDS = ("format", "minLength", "minimum", "maximum")
_SCALE = 1_000_000


class StandIn:
    """An environment in which the answers of some tools are place-holders, marked as a model's to write."""

    def __init__(self, inner: Environment, tools: Collection[str]) -> None:
        self._inner = inner
        self._tools = frozenset(tools)

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Observation:
        """Execute one call; a refusal is no model's."""
        found = self._inner.call(tool, arguments)
        return replace(found, origin="llm") if found.ok and tool in self._tools else found

    def state(self) -> JsonObject:
        """The inner environment's."""
        return self._inner.state()

    def __deepcopy__(self, memo: dict[int, Any]) -> "StandIn":
        return StandIn(deepcopy(self._inner, memo), self._tools)


def with_model(blueprint: Blueprint, *, share: float) -> Blueprint:
    """The blueprint with ``share`` of the tools that lend themselves to it answered by a model."""
    chosen = [
        operation.tool
        for operation in blueprint.operations
        if is_eligible(blueprint, operation)
        and Picks(f"{blueprint.id}/observation/{operation.tool}").below(_SCALE) < share * _SCALE
    ]
    if not chosen:
        return blueprint
    operations = tuple(replace(each, simulator=NAME) if each.tool in chosen else each for each in blueprint.operations)
    return replace(blueprint, operations=operations)


def is_eligible(blueprint: Blueprint, operation: Operation) -> bool:
    """Whether a model may answer for a tool: it is called, changes nothing, feeds nothing and meets no fault."""
    if operation.simulator or operation.tool not in blueprint.needed or blueprint.faults:
        return False
    if blueprint.ending != "answer" or changes_data(operation) or not answer_schema(operation.returns).get("type"):
        return False
    feeding = {binding.step for step in blueprint.plan for binding in step.arguments.values()}
    return all(step.id not in feeding for step in blueprint.plan if step.tool == operation.tool)


def call_of(operation: Operation, arguments: Mapping[str, Any]) -> Call:
    """The question what a call came back with."""
    schema = answer_schema(operation.returns)
    system = (
        "You are the server of an API. You answer calls with short, realistic JSON: plausible names, dates, figures."
    )
    where = " ".join(part for part in (operation.method, operation.path) if part)
    lines = [
        f"{operation.tool} ({where or operation.kind}) of {operation.service or operation.provider}: "
        f"{clip(operation.description, 200)}",
        f"It is called with {compact_json(dict(arguments))}.",
        f"Its answer fits this schema: {compact_json(schema)}",
        'Write {"answer": ...} with that answer. What the call names, the answer names alike.',
    ]
    messages = [{"role": "system", "content": system}, {"role": "user", "content": "\n".join(lines)}]
    group = f"{operation.provider}/{operation.service}"
    # Endpoints take schemas of objects only.
    wrapped = {
        "type": "object",
        "properties": {ANSWER: _for_grammars(schema)},
        "required": [ANSWER],
        "additionalProperties": False,
    }
    return Call(messages=messages, max_tokens=MAX_TOKENS, schema=wrapped, group=group)


def observed(value: Any) -> Observation:
    """A model's answer that fits, as what came back."""
    content = orjson.dumps(value).decode()
    return Observation(content=content, status=200, origin="llm", value=orjson.loads(content))


def unfit(operation: Operation, value: Any, arguments: Mapping[str, Any] | None = None) -> str:
    """Why a model's answer is none that the operation could give; empty if it is one.

    Args:
        operation: what was called.
        value: the answer.
        arguments: where they are given, what the path names has to have the same value in the answer.
    """
    if not isinstance(value, (dict, list)) or not value:
        return "an answer is an object or a list, and not empty"
    error = next(_validator(orjson.dumps(operation.returns or {})).iter_errors(value), None)
    if error is not None:
        return clip(str(error.message), 200)
    properties = as_mapping(operation.parameters.get("properties"))
    answered = as_mapping(value)
    for name, given in (arguments or {}).items():
        told = as_mapping(properties.get(name)).get("x-in") == "path" and isinstance(answered.get(name), (str, int))
        if told and str(answered[name]) != str(given):
            return f"{name} is {answered[name]!r} in the answer and {given!r} in the call"
    return ""


def answer_schema(returns: Mapping[str, Any] | None) -> dict[str, Any]:
    """A strict, small schema of an answer; empty where the documentation says nothing that an answer could fit."""
    found = _small(as_mapping(returns), 0)
    return found if found and found["type"] in ("object", "array") else {}


def fitted(value: Any, schema: Mapping[str, Any]) -> Any:
    """``value`` cut to an `answer_schema`; what it lacks is made up."""
    kind = schema.get("type")
    if "enum" in schema:
        return value if value in schema["enum"] else schema["enum"][0]
    if kind == "object":
        there = as_mapping(value)
        return {name: fitted(there.get(name), part) for name, part in schema["properties"].items()}
    if kind == "array":
        return [fitted(item, schema["items"]) for item in as_list(value)[:MAX_ITEMS] or [None]]
    plain = value[:MAX_TEXT] if isinstance(value, str) else value
    return (
        plain
        if _validator(to_json(schema).encode()).is_valid(plain)
        else made_value("", schema, Picks(compact_json(schema)))
    )


def _small(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    kinds = schema.get("type")
    listed = [kinds] if isinstance(kinds, str) else [kind for kind in as_list(kinds) if kind != "null"]
    kind = listed[0] if listed else "object" if "properties" in schema else ""
    allowed = [item for item in as_list(schema.get("enum")) if item is not None]
    if allowed and kind in ("", "string", "integer", "number"):
        return {"type": kind, "enum": allowed} if kind else {"enum": allowed, "type": "string"}
    if kind == "object":
        return _small_object(schema, depth) if depth < MAX_DEPTH else {}
    if kind == "array":
        items = _small(as_mapping(schema.get("items")), depth + 1) if depth < MAX_DEPTH else {}
        return {"type": "array", "items": items, "minItems": 1, "maxItems": MAX_ITEMS} if items else {}
    told = {key: schema[key] for key in _BOUNDS if isinstance(schema.get(key), (str, int, float))}
    if kind == "string":
        return {"type": "string", **told, "maxLength": min(MAX_TEXT, int(schema.get("maxLength") or MAX_TEXT))}
    return {"type": kind, **told} if kind in _PLAIN else {}


def _small_object(schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
    inside = as_mapping(schema.get("properties"))
    required = [name for name in as_list(schema.get("required")) if name in inside]
    others = [name for name in inside if name not in required]
    properties: dict[str, Any] = {}
    for name in [*required, *others]:
        if name in required or len(properties) < MAX_FIELDS:
            part = _small(as_mapping(inside[name]), depth + 1)
            if part:
                properties[name] = part
            elif name in required:
                return {}  # it has to be there, and nobody knows what it is
    closed = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return closed if properties else {}


def _for_grammars(schema: Any) -> Any:
    """A schema without what not every endpoint's grammar knows; the model reads it, and the answer is checked by it."""
    if isinstance(schema, Mapping):
        named = schema.get("properties")
        kept = {key: value for key, value in schema.items() if key not in (*_BOUNDS, "properties")}
        inside = {name: _for_grammars(part) for name, part in named.items()} if isinstance(named, Mapping) else None
        found = {key: _for_grammars(value) if key == "items" else value for key, value in kept.items()}
        return found if inside is None else {**found, "properties": inside}
    return schema


@lru_cache(maxsize=1024)
def _validator(returns: bytes) -> "Draft202012Validator":
    return compiled(checkable(orjson.loads(returns), request=False))
