"""The keywords of one schema, without its children, as JSON Schema 2020-12 writes them.

Takes what OpenAPI 2.0 and 3.0 write otherwise (``nullable``, boolean ``exclusiveMinimum``, type ``file``), and drops
values that are of the wrong type or too large to keep. Costs about a microsecond a schema.
"""

from itertools import islice
from typing import Any

import orjson

Node = dict[str, Any]

MOST_KEYS = 500
"""Keys of one schema that are looked at."""
MOST_CHOICES = 48
CHOICE_CHARACTERS = 1_000
VALUE_BYTES = 240

_TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_COUNTS = ("minLength", "maxLength", "minItems", "maxItems")
_NUMBERS = frozenset({*_BOUNDS, *_COUNTS})
_KEPT = frozenset({"format", "pattern", "uniqueItems", "deprecated", "readOnly"})
_WORKED_OUT = frozenset({"type", "nullable", "enum", "default", "const"})


def keywords(flat: Node) -> Node:
    """The keywords of a schema that say something of the value itself, as JSON Schema 2020-12 writes them."""
    out: Node = {}
    special = False
    for key, value in flat.items() if len(flat) <= MOST_KEYS else islice(flat.items(), MOST_KEYS):
        if key in _NUMBERS:
            if type(value) in (int, float):
                out[key] = value
        elif key in _KEPT:
            if isinstance(value, bool) or (isinstance(value, str) and len(value) <= VALUE_BYTES):
                out[key] = value
        elif key in _WORKED_OUT:
            special = True
    if special:
        _add_type(out, flat)
        _add_choices(out, flat)
    for bound in ("Minimum", "Maximum"):
        if flat.get("exclusive" + bound) is True and bound.lower() in out:
            out["exclusive" + bound] = out.pop(bound.lower())
    return out


def _add_type(out: Node, flat: Node) -> None:
    kind = flat.get("type")
    if isinstance(kind, list):
        kinds = [item for item in kind if isinstance(item, str) and item in _TYPES]
    elif isinstance(kind, str):
        if kind == "file":
            out.setdefault("format", "binary")
        kinds = [kind] if kind in _TYPES else ["string"] if kind == "file" else []
    else:
        kinds = []
    if flat.get("nullable") is True and kinds and "null" not in kinds:
        kinds.append("null")
    if kinds:
        out["type"] = kinds[0] if len(kinds) == 1 else kinds


def _add_choices(out: Node, flat: Node) -> None:
    choices = flat.get("enum")
    if isinstance(choices, list) and choices:
        looked_at = choices[: MOST_CHOICES + 1]
        scalars = [item for item in looked_at if item is None or isinstance(item, (str, int, float))]
        short = len(scalars) <= MOST_CHOICES and sum(len(str(item)) for item in scalars) <= CHOICE_CHARACTERS
        if short and len(scalars) == len(choices):
            out["enum"] = scalars
        elif scalars:  # A cut enumeration would call valid values wrong.
            out["examples"] = [item for item in scalars[:3] if len(str(item)) <= VALUE_BYTES]
    for key in ("default", "const"):
        if key in flat and is_small(flat[key]):
            out[key] = flat[key]


def is_small(value: object, *, limit: int = VALUE_BYTES) -> bool:
    """Whether ``value`` takes at most ``limit`` bytes as JSON."""
    if isinstance(value, str):
        return len(value) <= limit
    if value is None or isinstance(value, (bool, int, float)):
        return True
    if not _may_be_small(value, limit):
        return False
    try:
        return len(orjson.dumps(value)) <= limit
    except orjson.JSONEncodeError:  # nested deeper than JSON text may be
        return False


def _may_be_small(value: object, limit: int) -> bool:
    """Whether ``value`` has so few parts that it may fit; looks at no more parts than would."""
    waiting, size = [value], 0
    while waiting:
        node = waiting.pop()
        size += len(node) if isinstance(node, str) else 1
        if isinstance(node, dict):
            size += 3 * len(node)
            waiting.extend(node.values() if size <= limit else ())
        elif isinstance(node, list):
            size += len(node)
            waiting.extend(node if size <= limit else ())
        if size > limit:
            return False
    return True
