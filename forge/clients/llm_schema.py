"""Answers that have to fit a JSON Schema: which schemas are taken at their word, reading, repairing once.

jsonschema-rs compiles a schema in some ten microseconds and is imported at the first answer.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from forge.llm import Call
from forge.records import JsonObject

_STRICT = frozenset(("type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf"))
_LENIENT = frozenset(("title", "description"))
_DEEPEST = 10


def is_strict(schema: JsonObject) -> bool:
    """Whether a schema keeps to the subset that OpenAI's strict mode takes; it refuses a request with any other.

    An object lists all its properties as required and admits no others; every schema has a type or choices; no bounds,
    lengths or patterns (some models take some of them); no more than ten levels. Source: OpenAI, "Structured model
    outputs", supported schemas.
    """
    return schema.get("type") == "object" and _is_strict(schema, 1)


def _is_strict(schema: Any, depth: int) -> bool:
    if not isinstance(schema, Mapping) or depth > _DEEPEST or not schema.keys() <= _STRICT | _LENIENT:
        return False
    kinds, inner = schema.get("type"), schema.get("properties", {})
    if "object" in ([kinds] if isinstance(kinds, str) else kinds or ()) and (
        schema.get("additionalProperties") is not False or set(schema.get("required", ())) != set(inner)
    ):
        return False
    if "type" not in schema and "anyOf" not in schema:
        return False
    if kinds == "array" and "items" not in schema:
        return False
    below = [*inner.values(), *schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else ())]
    return all(_is_strict(each, depth + 1) for each in below)


def unfit(text: str, schema: JsonObject) -> tuple[Any, str | None]:
    """The JSON value of an answer, and what is wrong with it: None if it fits."""
    import jsonschema_rs

    try:
        value = json.loads(bare(text))
    except ValueError as error:
        return None, f"it is no JSON ({error})"
    try:
        jsonschema_rs.validator_for(dict(schema)).validate(value)
    except jsonschema_rs.ValidationError as error:
        place = "/".join(str(step) for step in error.instance_path)
        return value, f"{place}: {error.message}"[:300] if place else error.message[:300]
    return value, None


def repair(call: Call, said: str, wrong: str) -> Call:
    """The call asked again, with the answer that did not fit and the validator's words."""
    # Where tools are offered, the endpoint's own calls are as good as JSON.
    asked = "Answer again, with JSON that fits it and nothing else." if not call.tools else "Answer again."
    complaint = f"That does not fit the schema: {wrong}. {asked}"
    more = [{"role": "assistant", "content": said}, {"role": "user", "content": complaint}]
    return replace(call, messages=[*call.messages, *more])


def bare(text: str) -> str:
    """The JSON object in a text that wraps it in words or a fence; the text itself if it has none."""
    first, last = text.find("{"), text.rfind("}")
    return text[first : last + 1] if 0 <= first < last else text
