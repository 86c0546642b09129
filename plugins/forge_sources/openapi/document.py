"""One OpenAPI document opened for reading: its references, its schemas under two budgets, and what its parts hold.

Everything taken from a document may be of any type: specifications in the wild break the rules in every place. The
readers here turn what is not of the expected type into nothing.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import orjson

from forge_sources.openapi.external import Neighbours
from forge_sources.openapi.opening import value_of
from forge_sources.openapi.refs import References
from forge_sources.openapi.schema import Budget, Node, SchemaBook

MOST_OPERATIONS = 100_000
MOST_LISTED = 1_000
"""Entries of a list that are looked at: parameters of an operation, origins, servers."""
MOST_MEDIA = 100
MOST_EXAMPLE_WORK = 2_000_000
"""Schemas that are searched for examples in one document."""
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
PARAMETERS = Budget(depth=3, room=40, text=400, nested_text=160)
RETURNS = Budget(depth=2, room=16, text=240, nested_text=100)


class OpenApi:
    """A document and what is worked out of it once.

    Attributes:
        root: the document.
        info: its ``info`` object.
        version2: True for Swagger 2.0.
        refs: its references.
        parameters: schemas of what is sent.
        returns: schemas of what is answered.
        stated: examples found on named schemas so far, by reference and levels looked down.
        examples_left: schemas that may still be searched for examples.
    """

    __slots__ = ("examples_left", "info", "parameters", "refs", "returns", "root", "stated", "version2")

    def __init__(self, root: Mapping[str, Any], *, neighbours: Neighbours | None = None) -> None:
        self.root = root
        self.info = mapping(root.get("info"))
        self.version2 = "swagger" in root and "openapi" not in root
        self.refs = References(root, neighbours=neighbours)
        self.parameters = SchemaBook(self.refs, PARAMETERS)
        self.returns = SchemaBook(self.refs, RETURNS)
        self.examples_left = MOST_EXAMPLE_WORK
        self.stated: dict[tuple[str, int], tuple[bool, Any]] = {}

    def followed(self, node: Any) -> Node:
        """``node``, references followed; empty where there is no object."""
        return mapping(self.refs.follow(node)[0])

    def operations(self) -> "Iterator[tuple[str, str, Node, Node]]":
        """``(method, path, path item, operation)`` in the document's order, at most `MOST_OPERATIONS`.

        A path that cannot be read, and the first operation past the limit, are noted among the lost references.
        """
        left = MOST_OPERATIONS
        for path, item in mapping(self.root.get("paths")).items():
            try:
                entry = self.followed(value_of(item))
            except orjson.JSONDecodeError as error:
                self.refs.lost.setdefault(f"#/paths/{path.replace('~', '~0').replace('/', '~1')}", f"not JSON: {error}")
                continue
            for method in METHODS if entry else ():
                operation = entry.get(method)
                if isinstance(operation, dict):
                    if not left:
                        self.refs.lost.setdefault(
                            "#/paths", f"more than {MOST_OPERATIONS} operations; the rest is left"
                        )
                        return
                    left -= 1
                    yield method, str(path), entry, operation

    def listed(self, node: Any) -> list[Node]:
        """The objects in a list, references followed; what is no object is left out."""
        followed = [self.refs.follow(item)[0] for item in node[:MOST_LISTED]] if isinstance(node, list) else []
        return [item for item in followed if isinstance(item, dict)]


def mapping(node: Any) -> Node:
    """``node`` if it is an object, else an empty one."""
    return node if isinstance(node, dict) else {}


def text_of(node: Any) -> str:
    """``node`` without outer blanks if it is text, a number as text, else nothing."""
    if isinstance(node, str):
        return node.strip()
    return str(node) if isinstance(node, (int, float)) and not isinstance(node, bool) else ""


def best_media(content: Any) -> tuple[str, Node]:
    """The media type of ``content`` that a program would rather speak: JSON, then forms, then the first."""
    offered = [(kind, mapping(media)) for kind, media in islice(mapping(content).items(), MOST_MEDIA)]
    if not offered:
        return "", {}
    return min(offered, key=lambda pair: _rank(pair[0]))


def _rank(kind: str) -> int:
    kind = kind.partition(";")[0].strip().lower()
    if kind == "application/json":
        return 0
    if "json" in kind:
        return 1
    return 2 if kind in ("application/x-www-form-urlencoded", "multipart/form-data") else 3
