"""Files that a specification refers to: beside it in its own folder, or under its own address, and nowhere else.

Which files those are is worked out once, from the bytes (`neighbours_of`): they are part of what a partition's
fingerprint covers, and no other file is opened later. A reference to another host, to an absolute path or out of the
root folder is refused by name. Cost: one regular expression over each file, then one reading of each.

Source: OpenAPI 3.1, Reference Object; RFC 3986, chapter 5.
"""

import posixpath
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from forge_sources.openapi.opening import opened
from forge_sources.spec_files import UnreadableSpec

MOST_FILES = 300
MOST_BYTES = 200_000_000
"""Bytes of all neighbours of one document together."""

_REFERENCE = re.compile(rb"""\$ref["']?\s*:\s*["']?([^\s"'#,}\]][^\s"'#,}\]]*)""")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_FROM_ROOT = "\x00"
"""Marks a reference that was made relative to the root when its file was read."""

Read = Callable[[str], bytes]


def resolved(reference: str, *, base: str, address: str = "") -> str:
    """The file, relative to the root, that ``reference`` in the file ``base`` names.

    Args:
        address: what stands before the root where the files have addresses: ``https://host/specs/``.

    Raises:
        UnreadableSpec: it names another host, an absolute path, or a place outside the root.
    """
    name = reference.partition("#")[0].partition("?")[0]
    if name.startswith(_FROM_ROOT):
        base, name = "", name[1:]
    elif address and name.startswith(address):
        base, name = "", name[len(address) :]
    if _SCHEME.match(name) or name.startswith("//"):
        raise UnreadableSpec("$ref leads to another host")
    name = unquote(name)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(base), name))
    if path.startswith(("/", "../")) or path == ".." or "\\" in path or "\x00" in path:
        raise UnreadableSpec("$ref leads out of the folder")
    return path


def neighbours_of(base: str, read: Read, *, address: str = "") -> list[str]:
    """The files, sorted, that ``base`` refers to directly or through others; those that cannot be read are left out."""
    found: dict[str, None] = {}
    waiting, total = [base], 0
    while waiting and len(found) <= MOST_FILES and total <= MOST_BYTES:
        name = waiting.pop(0)
        if name in found:
            continue
        try:
            data = read(name)
        except UnreadableSpec:
            continue
        found[name] = None
        total += len(data)
        waiting.extend(_named(data, name, address=address))
    return sorted(name for name in found if name != base)


def _named(data: bytes, base: str, *, address: str) -> list[str]:
    names: dict[str, None] = {}
    for raw in _REFERENCE.findall(data):
        try:
            names[resolved(raw.decode("utf-8", "replace").replace("\\/", "/"), base=base, address=address)] = None
        except UnreadableSpec:
            continue  # told by name when the reference is followed
    return list(names)[: MOST_FILES + 1]


class Neighbours:
    """The files around one document, opened when a reference leads to them.

    Args:
        base: the document's own name, relative to the root.
        names: the files that may be opened, as `neighbours_of` gives them.
        read: gives the bytes of a file; raises `UnreadableSpec`.
        address: see `resolved`.
    """

    def __init__(self, base: str, *, names: frozenset[str], read: Read, address: str = "") -> None:
        self._base = base
        self._names = names | {base}
        self._read = read
        self._address = address
        self._trees: dict[str, Any] = {}

    def find(self, reference: str) -> tuple[Any, str]:
        """The tree that ``reference`` leads into, and the fragment to follow there.

        Raises:
            UnreadableSpec: it leads out of the root, to a file that is not there, or to one that cannot be read.
        """
        name = resolved(reference, base=self._base, address=self._address)
        if name not in self._trees:
            if name not in self._names:
                raise UnreadableSpec("$ref leads to a file that is not there, or not in the folder")
            tree = opened(self._read(name), name, lazy_bytes=1 << 62)
            _make_absolute(tree, name, address=self._address)
            self._trees[name] = tree
        return self._trees[name], reference.partition("#")[2]


def _make_absolute(tree: Any, name: str, *, address: str) -> None:
    """Make each reference in ``tree`` relative to the root, in place; values that aliases share are met once."""
    waiting, seen = [tree], set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            if id(node) not in seen:
                seen.add(id(node))
                waiting.extend(node)
        elif isinstance(node, dict) and id(node) not in seen:
            seen.add(id(node))
            reference = node.get("$ref")
            if isinstance(reference, str):
                node["$ref"] = _absolute(reference, name, address=address)
            waiting.extend(node.values())


def _absolute(reference: str, name: str, *, address: str) -> str:
    target, mark, fragment = reference.partition("#")
    try:
        path = resolved(target, base=name, address=address) if target else name
    except UnreadableSpec:
        return reference if _SCHEME.match(reference) or reference.startswith("/") else f"refused:{reference}"
    return f"{_FROM_ROOT}{path}{mark}{fragment}"


def shown(pointer: str) -> str:
    """A reference as a person reads it."""
    return pointer.removeprefix(_FROM_ROOT).removeprefix("refused:")
