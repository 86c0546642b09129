"""Schemas of a specification as self-contained JSON Schemas of bounded size.

A specification's schemas form a graph, with cycles, in which one operation may reach thousands of nodes. A record holds
a tree: references are inlined to a bounded depth and number of nodes, and what lies beyond is a stub that keeps type,
title and description. The tree of a named schema at a given depth is worked out once a document and shared by all
records that hold it: nobody may change what `SchemaBook` returns. Cost: about 2 microseconds a node worked out.

Sources: OpenAPI 2.0, 3.0 and 3.1, Schema Object; JSON Schema 2020-12, whose keywords the result uses.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forge_sources.markup import clip, plain
from forge_sources.openapi.refs import References, name_of
from forge_sources.schema_keywords import keywords

Node = dict[str, Any]
Sized = tuple[Node, int]

MOST_PARTS = 64
MOST_VARIANTS = 6
MOST_REQUIRED = 1_000
MOST_WORK = 1_500_000
"""Schemas worked out for one document under one budget; what comes after is stubs. The largest real one: 210,000."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How large a schema's tree may grow.

    Attributes:
        depth: levels of properties or items below the root.
        room: nodes below any one object; an object that has more properties by itself becomes a stub.
        text: characters of a description at the root.
        nested_text: characters of a description below it; 0 leaves them out.
    """

    depth: int
    room: int
    text: int
    nested_text: int


class SchemaBook:
    """The schemas of one document under one budget."""

    __slots__ = ("_budget", "_flat", "_left", "_memo", "_refs", "_texts")

    def __init__(self, refs: References, budget: Budget) -> None:
        self._refs = refs
        self._budget = budget
        self._left = MOST_WORK
        self._memo: dict[tuple[str, int], Sized] = {}
        self._flat: dict[int, tuple[Node, Node]] = {}  # by identity; holding the node keeps its id
        self._texts: dict[tuple[str, bool], str] = {}

    def tree(self, node: Any, *, levels_down: int = 0) -> Sized:
        """``node`` as a bounded schema, and its size in nodes; ``levels_down`` of the budget's depth are spent."""
        return self._tree(node, self._budget.depth - levels_down)

    def flatten(self, node: Any) -> tuple[Node | None, str]:
        """``node`` with references followed and ``allOf`` merged, and its name; None where there is no schema.

        Nested schemas are left as they stand in the document.
        """
        if not isinstance(node, dict):
            return None, ""
        pointer = ""
        if "$ref" in node:
            node, pointer = self._refs.follow(node)
            if not isinstance(node, dict):
                return None, name_of(pointer)
        title = node.get("title")
        name = name_of(pointer) if pointer else title if isinstance(title, str) else ""
        if not isinstance(node.get("allOf"), list):
            return node, name
        found = self._flat.get(id(node))
        if found is None:
            found = self._flat[id(node)] = (node, _merged(self._parts(node)))
        return found[1], name

    def text(self, raw: Any, *, nested: bool = False) -> str:
        """A description in plain text, clipped to the budget."""
        if not isinstance(raw, str) or not raw:
            return ""
        key = (raw, nested)
        found = self._texts.get(key)
        if found is None:
            found = clip(plain(raw), self._budget.nested_text if nested else self._budget.text)
            self._texts[key] = found
        return found

    def _tree(self, node: Any, depth: int) -> Sized:
        if not isinstance(node, dict):
            return {}, 1
        reference = node.get("$ref")
        if not isinstance(reference, str):
            flat, name = self.flatten(node)
            return self._expand(flat, name, depth)
        key = (reference, depth)
        found = self._memo.get(key)
        if found is None:
            flat, name = self.flatten(node)
            found = self._memo[key] = self._expand(flat, name, depth)
        if "description" in node:
            return {**found[0], **self._described(node, depth)}, found[1]
        return found

    def _parts(self, node: Node) -> list[Node]:
        """The schemas that ``allOf`` joins, innermost first, ``node`` itself last; each once, cycles or not."""
        parts: list[Node] = []
        seen: set[int] = set()
        stack = [node]
        while stack and len(parts) < MOST_PARTS:
            part = stack.pop()
            if id(part) in seen:
                continue
            seen.add(id(part))
            parts.append(part)
            inner = part.get("allOf")
            for item in inner[:MOST_PARTS] if isinstance(inner, list) else ():
                target = self._refs.follow(item)[0]
                if isinstance(target, dict):
                    stack.append(target)
        return parts[::-1]

    def _described(self, flat: Node, depth: int) -> Node:
        nested = depth < self._budget.depth
        if nested and not self._budget.nested_text:
            return {}
        text = self.text(flat.get("description"), nested=nested)
        return {"description": text} if text else {}

    def _expand(self, flat: Node | None, name: str, depth: int) -> Sized:
        if flat is None:
            return {"title": name} if name else {}, 1
        self._left -= 1
        if self._left <= 0:
            depth = 0
        out = keywords(flat)
        out.update(self._described(flat, depth))
        size = 1 + len(out.get("enum", ())) // 8
        properties = flat.get("properties")
        if isinstance(properties, dict) and properties:
            out.setdefault("type", "object")
            size += self._add_properties(out, flat, name=name, depth=depth)
        elif depth > 0:
            size += self._add_children(out, flat, depth)
        elif name and "type" not in out:
            out["title"] = name
        return out, size

    def _add_properties(self, out: Node, flat: Node, *, name: str, depth: int) -> int:
        properties: Node = flat["properties"]
        room = self._budget.room - len(properties)
        if depth <= 0 or room < 0:
            if name:
                out["title"] = name
            return 0
        used = 0
        children = {}
        for key, schema in properties.items():
            children[key], size = self.fitting(schema, room=room - used, depth=depth - 1)
            used += size - 1
        out["properties"] = children
        required = required_names(flat, children)
        if required:
            out["required"] = required
        return used + len(children)

    def fitting(self, schema: Any, *, room: int, depth: int | None = None) -> Sized:
        """The deepest tree of ``schema`` with no more than ``room`` nodes below its root; at worst a stub."""
        depth = self._budget.depth if depth is None else depth
        child, size = self._tree(schema, depth)
        while size - 1 > room and depth > 0:
            depth -= 1
            child, size = self._tree(schema, depth)
        return child, size

    def _add_children(self, out: Node, flat: Node, depth: int) -> int:
        """Items, variants and the values of a map; each costs a level."""
        used = 0
        for key in ("items", "additionalProperties"):
            child = flat.get(key)
            if isinstance(child, dict) and child:
                out[key], size = self._tree(child, depth - 1)
                out.setdefault("type", "array" if key == "items" else "object")
                used += size
        for key in ("oneOf", "anyOf"):
            variants = flat.get(key)
            if isinstance(variants, list) and 0 < len(variants) <= MOST_VARIANTS:
                trees = [self.fitting(variant, room=self._budget.room - used, depth=depth - 1) for variant in variants]
                out[key] = [tree for tree, _ in trees]
                used += sum(size for _, size in trees)
        return used


def required_names(flat: Mapping[str, Any], properties: Mapping[str, Any]) -> list[str]:
    """The names in ``required`` that are properties, each once, in their order."""
    names = flat.get("required")
    if not isinstance(names, list):
        return []
    return list(dict.fromkeys(name for name in names[:MOST_REQUIRED] if isinstance(name, str) and name in properties))


def _merged(parts: list[Node]) -> Node:
    merged: Node = {}
    properties: Node = {}
    required: list[Any] = []
    for part in parts:
        for key, value in part.items():
            if key == "properties" and isinstance(value, dict):
                properties.update(value)
            elif key == "required" and isinstance(value, list):
                required.extend(value)
            elif key != "allOf":
                merged[key] = value
    if properties:
        merged["properties"] = properties
    if required:
        merged["required"] = required
    return merged
