"""Tools by an endpoint's own parameter: how they are sent, and how what comes back becomes the JSON that was asked for.

A call that has tools asks for the next action of an assistant. Its schema is an object with the one property
``action``, whose branches are told apart by their names, and what the endpoint says is written as one of them:

    tool calls        {"action": {"calls": [{"name", "arguments"}, ...]}}, and "thought" with the words beside them
                      where the branch has such a property
    words             {"action": {"answer": words}}; {"action": {"ask": words}} where they end with a question mark
                      or the schema knows no other words; {"action": {"finish": true}} where it knows no answer
    JSON as words     itself, if it has "action" or is one of the branches

A schema of another form, or none, leaves words as they are. Whether the result fits is the schema's to say, as for any
answer. Costs the standard library; some microseconds an answer.
"""

import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from forge.clients.llm_schema import bare
from forge.llm import Call
from forge.records import JsonObject

ACTION, CALLS, THOUGHT, ASK, ANSWER, FINISH = "action", "calls", "thought", "ask", "answer", "finish"


def native(call: Call) -> dict[str, Any]:
    """The parameters that offer a call's tools."""
    tools = [{"type": "function", "function": dict(tool)} for tool in call.tools]
    return {"tools": tools, "tool_choice": "auto"}


def spoken(message: Mapping[str, Any], schema: JsonObject | None) -> Any:
    """The text of an answer to a call that offered tools; what is no text where the message has neither.

    Raises:
        KeyError, TypeError, AttributeError: its tool calls are not in the protocol's form.
    """
    words, made = message.get("content"), message.get("tool_calls")
    branches = _branches(schema)
    if made:
        action: dict[str, Any] = {CALLS: [_called(each["function"]) for each in made]}
        if THOUGHT in branches:
            action = {THOUGHT: words or "", **action}
        return json.dumps({ACTION: action})
    return _worded(words, branches) if isinstance(words, str) else words


def _called(function: Mapping[str, Any]) -> JsonObject:
    """A call with its arguments read; a text that is no JSON stays text, for the schema to complain of."""
    arguments = function.get("arguments")
    if isinstance(arguments, str) and arguments.strip():
        with contextlib.suppress(ValueError, RecursionError):
            arguments = json.loads(arguments)
    # Servers say nothing in more than one way where a tool takes no arguments.
    return {"name": function["name"], "arguments": {} if arguments in (None, "") else arguments}


def _worded(words: str, branches: Sequence[str]) -> str:
    value = _object(words)
    if ACTION in value:
        return words
    if value and value.keys() <= set(branches):
        return json.dumps({ACTION: value})
    if ASK in branches and (words.rstrip().endswith("?") or not {ANSWER, FINISH} & set(branches)):
        return json.dumps({ACTION: {ASK: words}})
    if ANSWER in branches:
        return json.dumps({ACTION: {ANSWER: words}})
    return json.dumps({ACTION: {FINISH: True}}) if FINISH in branches else words


def _object(words: str) -> dict[str, Any]:
    """The JSON object that the words are, fenced or not; empty if they are none."""
    if not words.lstrip().startswith(("{", "```")):
        return {}
    try:
        value = json.loads(bare(words))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _branches(schema: JsonObject | None) -> list[str]:
    """Names of the properties that an action may have, over all its branches."""
    action = (schema or {}).get("properties", {}).get(ACTION, {})
    return [name for branch in action.get("anyOf", [action]) for name in branch.get("properties", {})]
