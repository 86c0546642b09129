"""The ``$ref`` pointers of one document: found, followed, and reported when they lead nowhere.

References to other files are followed where the document came with neighbours, and within their limits.

A reference that cannot be followed costs its place in the result, never the operation around it: the caller gets None,
and the pointer is noted once in `References.lost`. Looking up a pointer a second time is one dictionary access.

Source: RFC 6901 (JSON Pointer); OpenAPI 3.1, Reference Object.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson

from forge_sources.openapi.external import Neighbours
from forge_sources.openapi.opening import Raw, value_of
from forge_sources.spec_files import UnreadableSpec

LONGEST_CHAIN = 32
"""References to references followed before a chain counts as going nowhere."""


class References:
    """The references of one document.

    Args:
        document: the whole of it.
        neighbours: the files that it may refer to; None: none.

    Attributes:
        lost: what could not be followed, by reference, with the reason in one line; in order of discovery.
    """

    __slots__ = ("_document", "_found", "_neighbours", "_read", "lost")

    def __init__(self, document: Mapping[str, Any], *, neighbours: Neighbours | None = None) -> None:
        self._document = document
        self._neighbours = neighbours
        self._found: dict[str, Any] = {}
        self._read: dict[int, Any] = {}  # parts of the document that were bytes, by the identity of these
        self.lost: dict[str, str] = {}

    def follow(self, node: Any) -> tuple[Any, str]:
        """The node that ``node`` stands for, and the last reference on the way to it ("" if ``node`` is none).

        A node that leads nowhere gives ``(None, reference)`` and is noted in `lost`.
        """
        if not isinstance(node, dict) or "$ref" not in node:
            return node, ""
        pointer = ""
        seen: set[str] = set()
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            pointer = node["$ref"]
            if pointer in seen or len(seen) >= LONGEST_CHAIN:
                self.lost.setdefault(pointer, "$ref leads back to itself")
                return None, pointer
            seen.add(pointer)
            node = self._find(pointer)
            if node is None:
                return None, pointer
        return node, pointer

    def _find(self, pointer: str) -> Any:
        if pointer not in self._found:
            self._found[pointer] = self._walk(pointer)
        return self._found[pointer]

    def _walk(self, pointer: str) -> Any:
        node: Any = self._document
        fragment = pointer[1:]
        if not pointer.startswith("#"):
            if self._neighbours is None:
                self.lost.setdefault(pointer, "$ref leaves the document")
                return None
            try:
                node, fragment = self._neighbours.find(pointer)
            except UnreadableSpec as error:
                self.lost.setdefault(pointer, str(error))
                return None
        for part in fragment.split("/")[1:]:
            node = self._opened(_step(node, part))
            if node is None:
                break
        if node is None:
            self.lost.setdefault(pointer, "$ref leads nowhere")
        return node

    def _opened(self, node: Any) -> Any:
        """``node``, read if it is still bytes; once, so that what refers to it shares it."""
        if not isinstance(node, Raw):
            return node
        if id(node) not in self._read:
            try:
                self._read[id(node)] = value_of(node)
            except orjson.JSONDecodeError:
                self._read[id(node)] = None
        return self._read[id(node)]


def name_of(pointer: str) -> str:
    """The readable end of a reference: ``Pet`` for ``#/components/schemas/Pet``."""
    last = _decoded(pointer.rsplit("/", 1)[-1])
    return last if "#" in pointer else last.rpartition(".")[0] or last


def _step(node: Any, part: str) -> Any:
    if isinstance(node, list):
        return node[int(part)] if part.isdecimal() and len(part) < 10 and int(part) < len(node) else None
    if not isinstance(node, dict):
        return None
    if part in node:
        return node[part]
    return node.get(_decoded(part))


def _decoded(part: str) -> str:
    if "%" in part:
        part = unquote(part)
    return part.replace("~1", "/").replace("~0", "~") if "~" in part else part
