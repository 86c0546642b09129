"""Tools as data sets describe them, as ``{"name", "description", "parameters"}`` with a JSON Schema.

Reads the wrapping that OpenAI's interface uses, BFCL's and ToolACE's ``"type": "dict"``, ToolBench's ``optional`` list,
and xLAM's flat maps of parameters with Python types. Cost: some 10 microseconds a tool.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from forge_sources.trajectories.calls import loose_json

_TYPES = {
    **dict.fromkeys(("str", "string", "char", "text", "date", "datetime"), "string"),
    **dict.fromkeys(("int", "integer", "long"), "integer"),
    **dict.fromkeys(("float", "double", "number", "complex"), "number"),
    **dict.fromkeys(("bool", "boolean"), "boolean"),
    **dict.fromkeys(("list", "array", "tuple", "set", "sequence"), "array"),
    **dict.fromkeys(("dict", "object", "mapping", "hashmap"), "object"),
}
_OUTER = re.compile(r"[A-Za-z]+")
_INNER = re.compile(r"\[\s*([A-Za-z]+)")
_BLOCK = re.compile(r"<tools>(.*?)</tools>", re.S)
_OPTIONAL = re.compile(r"^Optional\[")
_NESTED = 40


def tools_of(value: object) -> list[dict[str, Any]]:
    """Tools from a list, or from JSON text of one; what is no tool is left out."""
    found = loose_json(value) if isinstance(value, str) else value
    entries = found if isinstance(found, Sequence) and not isinstance(found, str) else [found]
    made = (_tool(each) for each in entries)
    return [each for each in made if each is not None]


def tools_in_prompt(text: str) -> list[dict[str, Any]]:
    """Tools that a system prompt lists: between ``<tools>`` tags, or as the first JSON or Python list of objects."""
    if block := _BLOCK.search(text):
        body = block[1].strip()
        whole = tools_of(body)
        return whole or [tool for line in body.splitlines() for tool in tools_of(line)]
    start = text.find("[{")
    while start >= 0:
        end = _end_of_list(text, start)
        if end and (tools := tools_of(text[start:end])):
            return tools
        start = text.find("[{", start + 1)
    return []


def _end_of_list(text: str, start: int) -> int:
    """Position after the bracket that closes the list at ``start``, by counting outside of double quotes."""
    depth, in_string, position = 0, False, start
    while position < len(text):
        letter = text[position]
        if letter == "\\":
            position += 1
        elif letter == '"':
            in_string = not in_string
        elif not in_string and letter in "[{":
            depth += 1
        elif not in_string and letter in "]}":
            depth -= 1
            if not depth:
                return position + 1
        position += 1
    return 0


def _tool(value: object) -> dict[str, Any] | None:
    if isinstance(value, Mapping) and isinstance(value.get("function"), Mapping):
        value = value["function"]
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str) or not value["name"]:
        return None
    stated = value.get("parameters", value.get("arguments", value.get("input_schema")))
    return {
        "name": value["name"],
        "description": str(value.get("description") or ""),
        "parameters": _parameters(loose_json(stated) if isinstance(stated, str) else stated),
    }


def _parameters(stated: object) -> dict[str, Any]:
    """A JSON Schema of type object."""
    if not isinstance(stated, Mapping):
        return {"type": "object", "properties": {}}
    properties = stated.get("properties")
    if isinstance(properties, Mapping):
        schema = {key: value for key, value in stated.items() if key != "optional"}
        return {**schema, "type": "object", "properties": {str(k): _schema(v) for k, v in properties.items()}}
    flat = {str(key): value for key, value in stated.items() if isinstance(value, Mapping)}
    required = [name for name, value in flat.items() if _is_required(value)]
    made: dict[str, Any] = {"type": "object", "properties": {name: _schema(value) for name, value in flat.items()}}
    return {**made, "required": required} if required else made


def _is_required(value: Mapping[str, Any]) -> bool:
    """Of a parameter in a flat map: said, or neither optional by its type nor with a default."""
    if isinstance(value.get("required"), bool):
        return bool(value["required"])
    return "optional" not in str(value.get("type", "")).lower() and "default" not in value


def _schema(value: object, depth: int = 0) -> dict[str, Any]:
    """A parameter's schema, its type in JSON Schema's words."""
    if not isinstance(value, Mapping) or depth > _NESTED:
        return {}
    schema = {str(key): part for key, part in value.items() if key not in ("required", "example_value")}
    if isinstance(value.get("required"), list):
        schema["required"] = value["required"]
    if value.get("example_value") not in (None, ""):
        schema["examples"] = [value["example_value"]]
    stated = value.get("type")
    if isinstance(stated, str):
        schema.pop("type")
        schema.update(_typed(stated))
    if isinstance(value.get("properties"), Mapping):
        schema["properties"] = {str(key): _schema(part, depth + 1) for key, part in value["properties"].items()}
    if isinstance(value.get("items"), Mapping):
        schema["items"] = _schema(value["items"], depth + 1)
    return schema


def _typed(stated: str) -> dict[str, Any]:
    """``List[str], optional`` as array of strings; a type that JSON Schema has no word for is kept as ``x-type``."""
    bare = _OPTIONAL.sub("", stated.strip())
    outer = _OUTER.match(bare)
    known = _TYPES.get(outer[0].lower()) if outer else None
    if known is None:
        return {"type": "null"} if bare.lower() in ("null", "none") else {"x-type": stated}
    made: dict[str, Any] = {"type": known}
    inner = _INNER.search(stated)
    if known == "array" and inner and inner[1].lower() in _TYPES:
        made["items"] = {"type": _TYPES[inner[1].lower()]}
    return made
