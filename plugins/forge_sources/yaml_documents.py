"""YAML as specifications use it, read into plain JSON values under limits, from the C parser's events.

Tags other than JSON's own are refused, Python's among them. Plain scalars are typed by the JSON-like part of YAML 1.2:
``yes`` and ``2024-01-31`` stay text, keys are always text. Of equal keys the last counts, as in JSON; ``<<`` merges.
Nothing is composed: depth and the number of nodes that aliases would stand for are counted as the events come, so that
a document that expands without end is refused before it takes any memory. Aliased values are shared, not copied.

Cost: some 9 MB a second, and the memory of the values.

Sources: YAML 1.2.2, chapters 6.9 and 10.3; YAML 1.1's merge key.
"""

import math
import re
from collections.abc import Iterator
from typing import Any

MOST_DEPTH = 200
MOST_NODES = 4_000_000
"""Values and keys of a document, those that aliases stand for included."""
MOST_ALIASED = 1_000_000
"""Nodes that all aliases of a document together may stand for."""

_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,400})")
_BASED = re.compile(r"0o[0-7]{1,30}|0x[0-9a-fA-F]{1,25}")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]{1,400}|(?:0|[1-9][0-9]{0,400})(?:\.[0-9]{0,400})?)(?:[eE][-+]?[0-9]{1,6})?")
_WORDS: dict[str, object] = {
    **dict.fromkeys(("null", "Null", "NULL", "~", "")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_MAYBE_NUMBER = frozenset("+-.0123456789")
_BY_TAG = {"str": str, "int": int, "float": float, "bool": bool, "null": type(None)}


class RefusedYaml(Exception):  # noqa: N818
    """A document that is not YAML, or that passes a limit; the message is one line."""


def yaml_value(data: bytes) -> Any:
    """The one document in ``data`` (UTF-8 or UTF-16) as dict, list, str, int, float, bool and None.

    Raises:
        RefusedYaml: it is not well-formed, has a tag that JSON has no value for, is nested deeper than `MOST_DEPTH`,
            its aliases stand for more than `MOST_ALIASED` nodes, or there are several documents.
    """
    import yaml

    try:
        return _Builder().built(yaml.parse(data, Loader=_c_loader()))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RefusedYaml(f"not YAML: {' '.join(str(error).split())[:200]}") from error


def _c_loader() -> Any:
    import yaml

    if not hasattr(yaml, "CBaseLoader"):
        raise RefusedYaml(
            "PyYAML is here without its C parser; install its wheel: pip install --force-reinstall pyyaml"
        )
    return yaml.CBaseLoader


class _Open:
    """A collection whose end has not come: its value, the key that waits, and where its nodes began."""

    __slots__ = ("anchor", "height", "key", "merged", "nodes_before", "value")

    def __init__(self, value: Any, anchor: str | None, nodes_before: int) -> None:
        self.value = value
        self.anchor = anchor
        self.nodes_before = nodes_before
        self.height = 1
        self.key: str | None = None
        self.merged: list[dict[str, Any]] | None = None


class _Builder:
    """Puts values together from events."""

    def __init__(self) -> None:
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Any, int, int]] = {}  # value, nodes, height
        self._nodes = 0
        self._aliased = 0
        self._root: Any = None
        self._documents = 0

    def built(self, events: Iterator[Any]) -> Any:
        for event in events:
            if self._nodes > MOST_NODES:
                raise RefusedYaml(f"holds more than {MOST_NODES} values")
            kind = type(event).__name__
            if kind == "ScalarEvent":
                self._scalar(event)
            elif kind == "MappingStartEvent":
                self._begin({}, event)
            elif kind == "SequenceStartEvent":
                self._begin([], event)
            elif kind in ("MappingEndEvent", "SequenceEndEvent"):
                self._end()
            elif kind == "AliasEvent":
                self._alias(event)
            elif kind == "DocumentStartEvent":
                self._documents += 1
                if self._documents > 1:
                    raise RefusedYaml(f"holds a second document at {_place(event)}; keep one to a file")
        return self._root

    def _begin(self, value: Any, event: Any) -> None:
        if len(self._stack) >= MOST_DEPTH:
            raise RefusedYaml(f"nested deeper than {MOST_DEPTH} levels at {_place(event)}")
        kind = "map" if isinstance(value, dict) else "seq"
        if event.tag not in (None, "!", _TAG + kind):
            raise _bad_tag(event)
        if self._stack and self._waits_for_key():
            raise RefusedYaml(f"a key that is no text at {_place(event)}")
        self._nodes += 1
        self._stack.append(_Open(value, event.anchor, self._nodes))
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)  # an alias inside it would be a cycle

    def _end(self) -> None:
        done = self._stack.pop()
        for merged in done.merged or ():
            for key, value in merged.items():
                done.value.setdefault(key, value)
        if done.anchor is not None:
            self._anchors[done.anchor] = (done.value, self._nodes - done.nodes_before + 1, done.height)
        if self._stack:
            self._stack[-1].height = max(self._stack[-1].height, done.height + 1)
        self._put(done.value)

    def _scalar(self, event: Any) -> None:
        self._nodes += 1
        text: str = event.value
        if self._stack and self._waits_for_key():
            if event.anchor is not None:
                self._anchors[event.anchor] = (text, 1, 0)
            self._stack[-1].key = text if not (text == "<<" and event.implicit[0]) else _MERGE
            return
        value = _typed(event) if event.tag not in (None, "!") else _plain(text) if event.implicit[0] else text
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1, 0)
        self._put(value)

    def _alias(self, event: Any) -> None:
        found = self._anchors.get(event.anchor)
        if found is None:
            raise RefusedYaml(f"the alias *{event.anchor[:60]} at {_place(event)} stands for nothing, or for itself")
        value, nodes, height = found
        self._aliased += nodes
        self._nodes += nodes
        if self._aliased > MOST_ALIASED:
            raise RefusedYaml(f"its aliases stand for more than {MOST_ALIASED} nodes at {_place(event)}")
        if len(self._stack) + height > MOST_DEPTH:
            raise RefusedYaml(f"nested deeper than {MOST_DEPTH} levels at {_place(event)}")
        if self._stack:
            top = self._stack[-1]
            top.height = max(top.height, height + 1)
            if self._waits_for_key():
                if not isinstance(value, str):
                    raise RefusedYaml(f"a key that is no text at {_place(event)}")
                top.key = value
                return
        self._put(value)

    def _waits_for_key(self) -> bool:
        top = self._stack[-1]
        return top.key is None and type(top.value) is dict

    def _put(self, value: Any) -> None:
        if not self._stack:
            self._root = value
            return
        top = self._stack[-1]
        if type(top.value) is list:
            top.value.append(value)
            return
        key, top.key = top.key, None
        if key is _MERGE:
            top.merged = _mergeable(value, top.merged)
        elif key is not None:
            top.value[key] = value


_MERGE = str(b"<<", "ascii")  # an object of its own: a quoted "<<" is a key like any other


def _mergeable(value: Any, earlier: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, dict) for part in parts):
        raise RefusedYaml("'<<' merges something else than mappings")
    return [*(earlier or ()), *parts]


def _plain(text: str) -> object:
    """The value of a plain scalar without a tag."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAYBE_NUMBER:
        return text
    if _INTEGER.fullmatch(text):
        return _whole(int(text), text)
    if _BASED.fullmatch(text):
        return _whole(int(text, 0), text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def _whole(number: int, text: str) -> object:
    """An integer of 64 bits; beyond, a float as JSON readers have it, and text where even that is too small."""
    if -(2**63) <= number < 2**64:
        return number
    try:
        return float(number)
    except OverflowError:
        return text


def _typed(event: Any) -> object:
    """The value of a scalar with one of JSON's tags."""
    name = event.tag.removeprefix(_TAG)
    if name == "str":
        return event.value
    value = _plain(event.value)
    wanted = _BY_TAG.get(name)
    if not event.tag.startswith(_TAG) or wanted is None:
        raise _bad_tag(event)
    if type(value) is not wanted:
        if name == "float" and type(value) is int:
            return float(value)
        raise RefusedYaml(f"{event.value[:40]!r} is no {name} at {_place(event)}")
    return value


def _bad_tag(event: Any) -> RefusedYaml:
    return RefusedYaml(f"the tag {event.tag[:80]!r} at {_place(event)} is none of JSON's")


def _place(event: Any) -> str:
    return f"line {event.start_mark.line + 1}"
