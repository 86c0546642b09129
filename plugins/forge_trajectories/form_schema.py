"""Surface form: the tool schema that function-calling models take, with a lead in prose. The JSON parses."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from forge_trajectories import phrases
from forge_trajectories.api_view import ApiView, Field, as_list, as_mapping
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import bounded, clip, compact_json, first_sentence, indented_json, listed, one_line

MAX_TOOL_NAME = 64
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]+")
_KEPT = ("format", "default", "minimum", "maximum")

_LEADS = (
    "Tool definition for {title}{request}.",
    "{title}{request} as a function that a model can call:",
    "The function below wraps {title}{request}.",
    "Schema of the tool {title}{request}.",
    "To let an assistant use {title}{request}, declare this tool:",
    "Function-calling description of {title}{request}:",
)
_LEFT_OUT = (
    "Left out of the schema for brevity: {}.",
    "The schema above leaves out these parameters: {}.",
    "Further parameters, not shown: {}.",
)


def write(api: ApiView, picks: Picks, room: int) -> str:
    """Lead, schema and closing remarks, in about ``room`` characters."""
    dump = picks.one((indented_json, indented_json, compact_json))
    wrapper = picks.one((_plain, _openai, _anthropic, _mcp))
    schema, left = object_schema(api.parameters, room=room * (35 if dump is indented_json else 55) // 100)
    text = dump(wrapper(tool_name(phrases.title(api)), clip(api.description, room // 5), schema))
    fence = picks.below(2)
    parts = [_lead(api, picks), f"```json\n{text}\n```" if fence else text]
    if left:
        parts.append(picks.one(_LEFT_OUT).format(", ".join(bounded(left, room=room // 20, more="and {} more"))))
    parts += _remarks(api, picks, room)
    return "\n\n".join(part for part in parts if part)


def tool_name(name: str) -> str:
    """``name`` by the rule of function-calling interfaces: letters, digits, ``_`` and ``-``, at most 64."""
    return _UNSAFE.sub("_", name)[:MAX_TOOL_NAME].strip("_") or "call"


def object_schema(parameters: list[Field], *, room: int) -> tuple[dict[str, Any], list[str]]:
    """A JSON Schema of ``parameters``, and the names of those for which there was no room (last ones first to go)."""
    properties: dict[str, Any] = {}
    left: list[str] = []
    required: list[str] = []
    for field in parameters:
        brief = _brief(field.schema, 0, field.description) if room > 0 else {}
        room -= len(field.name) + len(repr(brief)) + 24
        if room < 0:
            left.append(field.name)
            continue
        properties[field.name] = brief
        if field.required:
            required.append(field.name)
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return schema, left


def _brief(schema: Mapping[str, Any], depth: int, description: str) -> dict[str, Any]:
    """The schema without provenance, three levels deep at most, its texts and lists clipped."""
    found: dict[str, Any] = {}
    if isinstance(kind := schema.get("type"), (str, list)):
        found["type"] = kind if isinstance(kind, str) else [item for item in kind if isinstance(item, str)][:4]
    if description:
        found["description"] = clip(description, 200 if depth == 0 else 100)
    allowed = as_list(schema.get("enum"))
    if 0 < len(allowed) <= 12:
        found["enum"] = [value for value in allowed if value is None or isinstance(value, (str, int, float))]
    for key in _KEPT:
        if isinstance(value := schema.get(key), (str, int, float)) and len(str(value)) < 80:
            found[key] = value
    if depth < 2:
        _nest(found, schema, depth)
    return found


def _nest(found: dict[str, Any], schema: Mapping[str, Any], depth: int) -> None:
    items = as_mapping(schema.get("items"))
    if items:
        found["items"] = _brief(items, depth + 1, "")
    inner = as_mapping(schema.get("properties"))
    if inner:
        names = [name for name in inner if isinstance(name, str)][:6]
        found["properties"] = {
            name: _brief(as_mapping(inner[name]), depth + 1, one_line(as_mapping(inner[name]).get("description")))
            for name in names
        }
        required = [name for name in as_list(schema.get("required")) if name in names]
        if required:
            found["required"] = required


def _plain(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "description": description, "parameters": schema}


def _openai(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": _plain(name, description, schema)}


def _anthropic(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "description": description, "input_schema": schema}


def _mcp(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": schema}


def _lead(api: ApiView, picks: Picks) -> str:
    request = phrases.request_line(api)
    title = phrases.title(api)
    lead = picks.one(_LEADS).format(title=title, request=f" ({request})" if request and request != title else "")
    origin = phrases.origin_line(api, picks)
    pieces: list[Callable[[], str]] = [lambda: lead, lambda: f"{origin}\n{lead}", lambda: f"{lead}\n{origin}"]
    return picks.one(pieces)().strip()


def _remarks(api: ApiView, picks: Picks, room: int) -> list[str]:
    """Example call, answer, failures and access, each as a short paragraph, in an order of their own."""
    remarks = [_call(api, picks, room // 10), _answer(api, room // 12), _failures(api, room // 10)]
    if api.auth:
        remarks.append(f"{picks.one(phrases.AUTH)}: {listed(api.auth[:6], last='or')}.")
    turn = picks.below(len(remarks))
    return remarks[turn:] + remarks[:turn]


def _call(api: ApiView, picks: Picks, room: int) -> str:
    arguments = api.example.get("arguments")
    if not isinstance(arguments, Mapping) or not arguments:
        return ""
    text = compact_json({"name": tool_name(phrases.title(api)), "arguments": arguments})
    if len(text) > room:
        return ""
    said = picks.one(("A call looks like this:", "Example call:", "For example:", "A model would answer with:"))
    return f"{said}\n{text}"


def _answer(api: ApiView, room: int) -> str:
    if not api.returns_type:
        return ""
    names = bounded([field.name for field in api.returns[:40]], room=room, more="{} more")
    about = first_sentence(api.returns_about, 160)
    said = f"The answer is of type {api.returns_type}{f': {about}' if about else ''}."
    return f"{said} Its fields: {listed(names)}." if names else said


def _failures(api: ApiView, room: int) -> str:
    lines = [f"{code}: {first_sentence(about, 120)}".rstrip(": ") for code, about in api.errors]
    return f"It can fail: {'; '.join(bounded(lines, room=room, more='and {} more'))}." if lines else ""
