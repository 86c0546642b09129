"""Answers that have to fit a JSON Schema: reading them, saying what is wrong, asking once more.

jsonschema-rs compiles a schema in some ten microseconds and is imported at the first answer.
"""

import json
from dataclasses import replace
from typing import Any

from forge.llm import Call
from forge.records import JsonObject


def unfit(text: str, schema: JsonObject) -> tuple[Any, str | None]:
    """The JSON value of an answer, and what is wrong with it: None if it fits."""
    import jsonschema_rs

    try:
        value = json.loads(_bare(text))
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
    complaint = f"That does not fit the schema: {wrong}. Answer again, with JSON that fits it and nothing else."
    more = [{"role": "assistant", "content": said}, {"role": "user", "content": complaint}]
    return replace(call, messages=[*call.messages, *more])


def _bare(text: str) -> str:
    """The JSON object in a text that wraps it in words or a fence; the text itself if it has none."""
    first, last = text.find("{"), text.rfind("}")
    return text[first : last + 1] if 0 <= first < last else text
