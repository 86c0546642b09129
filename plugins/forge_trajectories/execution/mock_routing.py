"""From a method and a URL path to operations: a tree of path segments, literal ones first.

Built for the routes of one service at its first request, some 5 microseconds a route; a look-up takes a few.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from forge_trajectories.api_view import as_mapping
from forge_trajectories.execution.roles import argument_names
from forge_trajectories.tools.operation import Operation

MAX_PARTS = 40
"""Segments of a path; a longer one leads nowhere."""
_SLOT = re.compile(r"\{\+?([^{}]*)\}")
_TARGET = re.compile(r"^(Action|X-Amz-Target)=(.+)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Found:
    """An operation that a request may mean, and the values of its path, by name on the wire."""

    operation: Operation
    values: Mapping[str, str]


@dataclass(slots=True)
class _Node:
    literal: dict[str, "_Node"] = field(default_factory=dict)
    slot: "_Node | None" = None
    mixed: list[tuple[re.Pattern[str], "_Node"]] = field(default_factory=list)
    wide: bool = False
    """Whether what stands in the slot may hold slashes: ``projects/p/locations/l``."""
    ends: dict[str, list[tuple[Operation, tuple[str, ...]]]] = field(default_factory=dict)


class Router:
    """The routes of one service."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self._root = _Node()
        for operation in operations:
            self._add(operation)

    def find(self, method: str, path: str) -> list[Found]:
        """The operations at a path (percent-encoded, without query); several where only arguments tell them apart."""
        for node, values in _walk(self._root, _parts(path), ()):
            ends = node.ends.get(method)
            if ends:
                return [Found(operation, dict(zip(names, values, strict=True))) for operation, names in ends]
        return []

    def methods(self, path: str) -> list[str]:
        """The methods that there are at a path."""
        return sorted({method for node, _ in _walk(self._root, _parts(path), ()) for method in node.ends})

    def _add(self, operation: Operation) -> None:
        node = self._root
        names: list[str] = []
        for part in route_path(operation).split("/"):
            if part:
                names += _SLOT.findall(part)
                node = _child(node, part, wide="{+" in part or _takes_slashes(operation, part))
        node.ends.setdefault(route_method(operation), []).append((operation, tuple(names)))


def route_method(operation: Operation) -> str:
    """The HTTP method of an operation; what is no HTTP operation is called with POST."""
    return operation.method.upper() or "POST"


def route_path(operation: Operation) -> str:
    """The path template of an operation; what is no HTTP operation lies under its tool's name."""
    if operation.kind != "rest" or not operation.path:
        return f"/{operation.tool}"
    return operation.path.partition("#")[0].partition("?")[0]


def target(operation: Operation) -> tuple[str, str] | None:
    """What tells apart operations that share one path, as some services do: ``("Action", "CreateUser")``."""
    found = _TARGET.match(operation.path.partition("#")[2].partition("&")[0])
    return (found[1].lower(), found[2]) if found else None


def _parts(path: str) -> list[str]:
    parts = [unquote(part) for part in path.split("/") if part]
    return parts if len(parts) <= MAX_PARTS else ["\0"]


def _child(node: _Node, part: str, *, wide: bool) -> _Node:
    if "{" not in part:
        return node.literal.setdefault(unquote(part), _Node())
    if _SLOT.fullmatch(part):
        node.slot = node.slot or _Node()
        node.slot.wide = node.slot.wide or wide
        return node.slot
    pieces = re.split(r"\{\+?[^{}]*\}", part)
    pattern = re.compile(("(.+)" if wide else "([^/]+?)").join(re.escape(piece) for piece in pieces))
    for known, child in node.mixed:
        if known.pattern == pattern.pattern:
            return child
    child = _Node(wide=wide)
    node.mixed.append((pattern, child))
    return child


def _takes_slashes(operation: Operation, part: str) -> bool:
    """Whether a value of this segment is a path of its own, as its pattern says."""
    names = argument_names(operation)
    properties = as_mapping(operation.parameters.get("properties"))
    for name in _SLOT.findall(part):
        pattern = as_mapping(properties.get(names.get(f"path:{name}", name))).get("pattern")
        if isinstance(pattern, str) and "/" in pattern.replace("[^/]", ""):
            return True
    return False


def _walk(node: _Node, parts: list[str], values: tuple[str, ...]) -> Iterator[tuple[_Node, tuple[str, ...]]]:
    """The nodes that a path leads to, the most literal way first."""
    if not parts:
        yield node, values
        return
    head, rest = parts[0], parts[1:]
    if head in node.literal:
        yield from _walk(node.literal[head], rest, values)
    for pattern, child in node.mixed:
        for count in range(1, len(parts) + 1) if child.wide else (1,):
            if found := pattern.fullmatch("/".join(parts[:count])):
                yield from _walk(child, parts[count:], (*values, *found.groups()))
    if node.slot is not None:
        yield from _walk(node.slot, rest, (*values, head))
        for count in range(2, len(parts) + 1) if node.slot.wide else ():
            yield from _walk(node.slot, parts[count:], (*values, "/".join(parts[:count])))
