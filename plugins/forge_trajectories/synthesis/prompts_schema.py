"""JSON Schemas that a model's answers have to fit: texts, actions, plans.

They keep to what grammars of all common servers know: type, enum, properties, items, anyOf. What a tool's own schema
says beyond that (patterns, formats, bounds) is checked afterwards, by the schema itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from forge_trajectories.api_view import as_list, as_mapping
from forge_trajectories.tools.operation import Operation

MOST_CALLS = 6
MOST_ASKED, MOST_SAID, MOST_WRITTEN = 240, 700, 2_400
"""Characters of a question, of an answer, and of a decision or another text that is the work itself."""
DEPTH = 3
_TYPES = frozenset(("string", "integer", "number", "boolean", "object", "array", "null"))


def text_schema(name: str, *, most: int) -> dict[str, Any]:
    """An object with one text of at most ``most`` characters: a weak model does not stop by itself."""
    return _closed({name: {"type": "string", "maxLength": most}})


def action_schema(operations: Sequence[Operation], *, has_answer: bool, has_thought: bool) -> dict[str, Any]:
    """Calls of offered tools, or a question, or the end of the turn."""
    choices: list[dict[str, Any]] = []
    if operations:
        calls = {"type": "array", "items": _any([call_schema(item) for item in operations]), "minItems": 1}
        calls["maxItems"] = MOST_CALLS
        thought = {"thought": {"type": "string", "maxLength": MOST_WRITTEN}} if has_thought else {}
        choices.append(_closed({**thought, "calls": calls}))
    choices.append(text_schema("ask", most=MOST_ASKED))
    choices.append(text_schema("answer", most=MOST_SAID) if has_answer else _closed({"finish": {"type": "boolean"}}))
    return _closed({"action": _any(choices)})


def plan_schema(operations: Sequence[Operation]) -> dict[str, Any]:
    """Steps, each a sentence and a call; any value may be a reference to an earlier step."""
    steps = []
    for operation in operations:
        names = list(as_mapping(operation.parameters.get("properties")))
        arguments = {"type": "object", "properties": {name: {} for name in names}, "additionalProperties": False}
        name = {"type": "string", "enum": [operation.tool]}
        steps.append(_closed({"why": {"type": "string"}, "name": name, "arguments": arguments}))
    return _closed({"steps": {"type": "array", "items": _any(steps), "minItems": 1, "maxItems": 2 * MOST_CALLS}})


def call_schema(operation: Operation) -> dict[str, Any]:
    """One call of one tool."""
    arguments = simplified(operation.parameters)
    arguments["type"] = "object"
    arguments.setdefault("properties", {})
    return _closed({"name": {"type": "string", "enum": [operation.tool]}, "arguments": arguments})


def simplified(schema: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """The part of a schema that shapes an answer, `DEPTH` levels deep; an object admits its own properties only."""
    found: dict[str, Any] = {}
    kinds = [kind for kind in _listed(schema.get("type")) if kind in _TYPES]
    if kinds:
        found["type"] = kinds[0] if len(kinds) == 1 else kinds
    allowed = as_list(schema.get("enum"))
    if allowed:
        found["enum"] = list(allowed)
    if depth >= DEPTH:
        return found
    choices = [as_mapping(item) for key in ("anyOf", "oneOf") for item in as_list(schema.get(key))]
    if choices and not kinds:
        found["anyOf"] = [simplified(choice, depth + 1) for choice in choices]
    inner = as_mapping(schema.get("properties"))
    if inner:
        found["properties"] = {name: simplified(as_mapping(item), depth + 1) for name, item in inner.items()}
        found["required"] = [name for name in as_list(schema.get("required")) if name in inner]
        found["additionalProperties"] = False
    if "items" in schema:
        found["items"] = simplified(as_mapping(schema["items"]), depth + 1)
    return found


def _listed(kind: object) -> Sequence[Any]:
    return [kind] if isinstance(kind, str) else as_list(kind)


def _any(choices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return choices[0] if len(choices) == 1 else {"anyOf": list(choices)}


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
