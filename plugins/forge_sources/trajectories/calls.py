"""Calls as models write them into text: Hermes tags, ReAct lines, Python-like lists, bare JSON.

A call is ``{"id", "name", "arguments"}``; arguments are an object, or the text as it was written where that is no JSON
object, so that a check can see what is wrong with it. Cost: some 20 microseconds a message.

Sources: Hermes function calling (``<tool_call>`` tags), ReAct (Yao et al., 2022), ToolACE (Liu et al., 2024).
"""

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from forge.records import JsonObject

MOST_LITERAL = 200_000
"""Characters of Python-like text that are parsed; deeper or longer text is left as it is."""

_TAGGED = re.compile(r"<(tool_call|functioncall|function_call)>(.*?)(?:</\1>|$)", re.S)
_REACT = re.compile(
    r"Action:[ \t]*([^\n]+)\n\s*Action Input:[ \t]*(.*?)(?=\n\s*(?:Observation|Thought|Action):|\Z)", re.S
)
_THOUGHT = re.compile(r"^\s*Thought:[ \t]*", re.M)
_NAMED_CALL = re.compile(r"\s*([^\[\]()=,'\"]+?)\(")


def call(name: object, arguments: object, *, number: int) -> dict[str, Any]:
    """One call; ``number`` counts the calls of a dialogue from 1."""
    return {"id": f"call_{number}", "name": str(name or "").strip(), "arguments": arguments_of(arguments)}


def arguments_of(value: object) -> Any:
    """An object, or text that is none."""
    if isinstance(value, Mapping):
        return dict(value)
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        found = loose_json(value)
        return found if isinstance(found, dict) else value
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def loose_json(text: str) -> Any:
    """The value of JSON, or of a Python literal; None for neither."""
    stripped = text.strip()
    try:
        return orjson.loads(stripped)
    except orjson.JSONDecodeError:
        pass
    if len(stripped) > MOST_LITERAL or not stripped.startswith(("{", "[")):
        return None
    try:
        return ast.literal_eval(stripped)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def tagged_calls(text: str, *, first: int) -> tuple[str, list[dict[str, Any]]]:
    """Text without its ``<tool_call>`` blocks, and the calls in them, numbered from ``first``."""
    calls: list[dict[str, Any]] = []
    for found in _TAGGED.finditer(text):
        value = loose_json(found[2])
        for each in value if isinstance(value, list) else [value]:
            known = each if isinstance(each, Mapping) else {"arguments": found[2].strip()}
            calls.append(call(known.get("name"), known.get("arguments"), number=first + len(calls)))
    return (_TAGGED.sub("", text).strip(), calls) if calls else (text, calls)


def react_calls(text: str, *, first: int) -> tuple[str, list[dict[str, Any]]]:
    """Thought and call of a ReAct step: ``Thought: ... Action: name Action Input: {...}``."""
    matches = list(_REACT.finditer(text))
    calls = [call(found[1], found[2].strip(), number=first + at) for at, found in enumerate(matches)]
    if not calls:
        return text, []
    return _THOUGHT.sub("", text[: matches[0].start()]).strip(), calls


def listed_calls(text: str, *, first: int, names: Sequence[str]) -> tuple[str, list[dict[str, Any]]]:
    """Calls written as ``[Name(key=value, ...), Other(...)]``, whose names may hold spaces, as ToolACE has them.

    Text that is not such a list as a whole, or that calls none of ``names``, comes back as it is.
    """
    stripped = text.strip()
    if not (stripped.startswith("[") and stripped.endswith("]")) or len(stripped) > MOST_LITERAL:
        return text, []
    rest = stripped[1:-1]
    calls: list[dict[str, Any]] = []
    while match := _NAMED_CALL.match(rest):
        end = _closing(rest, match.end())
        arguments = _keywords(rest[match.end() : end - 1]) if end else None
        if arguments is None:
            return text, []
        calls.append(call(match[1], arguments, number=first + len(calls)))
        rest = rest[end:].lstrip().removeprefix(",")
    if rest.strip() or not any(each["name"] in names for each in calls):
        return text, []
    return "", calls


def _closing(text: str, start: int) -> int:
    """Position after the parenthesis that closes the one before ``start``; 0 if none does."""
    depth, quote, position = 1, "", start
    while position < len(text):
        letter = text[position]
        if quote:
            if letter == "\\":
                position += 1
            elif letter == quote:
                quote = ""
        elif letter in "'\"":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if not depth:
                return position + 1
        position += 1
    return 0


def _keywords(text: str) -> dict[str, Any] | None:
    """Keyword arguments with literal values, JSON's words among them; None if they are not."""
    words = {"true": True, "false": False, "null": None}
    try:
        node = ast.parse(f"f({text})", mode="eval").body
        if not isinstance(node, ast.Call) or node.args:
            return None
        return {
            str(keyword.arg): words[keyword.value.id]
            if isinstance(keyword.value, ast.Name) and keyword.value.id in words
            else ast.literal_eval(keyword.value)
            for keyword in node.keywords
            if keyword.arg
        }
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def inferred_tools(calls: Sequence[JsonObject]) -> list[dict[str, Any]]:
    """Tools of which only the calls are known: their names, and the arguments ever given to them, without types."""
    known: dict[str, dict[str, Any]] = {}
    for each in calls:
        properties = known.setdefault(str(each["name"]), {})
        if isinstance(each["arguments"], Mapping):
            properties.update({str(key): {} for key in each["arguments"]})
    return [
        {"name": name, "description": "", "parameters": {"type": "object", "properties": properties}}
        for name, properties in known.items()
    ]
