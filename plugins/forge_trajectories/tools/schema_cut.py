"""JSON Schemas from the wild, cut to what a tool needs: small, shallow, valid, and free of references.

A cut schema allows no more than one shape where the original allowed several, so that a value can be made for it; what
it says of sizes and allowed values is kept where it makes sense. Some 3 microseconds a property.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from forge_trajectories.api_view import as_list, as_mapping
from forge_trajectories.call_check import agrees
from forge_trajectories.plain_text import clip, fit_for_arrow, one_line

MAX_DEPTH = 4
MAX_NESTED = 8
MAX_ENUM = 16
MAX_PATTERN = 80
TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")
_FORMATS = frozenset(
    "date-time date time duration email uri url uuid ipv4 ipv6 hostname int32 int64 float double byte password".split()  # noqa: SIM905
)
_BOUNDS = (
    ("minimum", "maximum", ("integer", "number")),
    ("exclusiveMinimum", "exclusiveMaximum", ("integer", "number")),
    ("minLength", "maxLength", ("string",)),
    ("minItems", "maxItems", ("array",)),
)


def cut(schema: object, depth: int = 1, *, asked: bool) -> dict[str, Any]:
    """``schema`` as a small one.

    Args:
        schema: any value; what is no schema gives the empty one, which allows everything.
        depth: its level, from 1 for a parameter; `MAX_DEPTH` is the last whose insides are kept.
        asked: it is a caller's to fill: no nulls, nothing that only a server sets.
    """
    chosen = _single(as_mapping(schema))
    found: dict[str, Any] = {}
    if kind := _type(chosen, nulls=not asked):
        found["type"] = kind
    said = one_line(chosen.get("description"))
    if said and depth <= MAX_DEPTH:
        found["description"] = clip(fit_for_arrow(said), 160 if depth == 1 and asked else 80)
    _limits(found, chosen)
    if found.get("type") == "array":
        found["items"] = cut(chosen.get("items"), depth + 1, asked=asked) if depth < MAX_DEPTH else {}
    elif found.get("type") == "object":
        if not asked and isinstance(title := chosen.get("title"), str) and 0 < len(title) <= 80:
            found["title"] = title
        _inside(found, chosen, depth, asked=asked)
    _values(found, chosen)
    return found


def _single(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """One shape of a schema that offers several; parts that all hold are put together."""
    for key in ("oneOf", "anyOf"):
        branches = [item for item in as_list(schema.get(key)) if isinstance(item, Mapping) and item]
        branches = [item for item in branches if item.get("type") != "null"]
        if branches and "type" not in schema and "properties" not in schema:
            rest = {name: value for name, value in schema.items() if name not in ("oneOf", "anyOf")}
            return {**_single(branches[0]), **rest}
    parts = [_single(item) for item in as_list(schema.get("allOf")) if isinstance(item, Mapping)]
    if not parts:
        return schema
    whole: dict[str, Any] = {}
    for part in (*parts, schema):
        inner = {**as_mapping(whole.get("properties")), **as_mapping(part.get("properties"))}
        required = [*as_list(whole.get("required")), *as_list(part.get("required"))]
        whole = {**whole, **part}
        whole |= {"properties": inner} if inner else {}
        whole |= {"required": required} if required else {}
    return whole


def _type(schema: Mapping[str, Any], *, nulls: bool) -> str | list[str]:
    kind = schema.get("type")
    names = [kind] if isinstance(kind, str) else [item for item in as_list(kind) if isinstance(item, str)]
    kept = [name for name in dict.fromkeys(names) if name in TYPES and (nulls or name != "null")]
    if not kept and "file" in names:
        return "string"
    if not kept:
        return "object" if as_mapping(schema.get("properties")) else "array" if "items" in schema else ""
    main = [name for name in kept if name != "null"][:1]
    return [*main, "null"] if "null" in kept and main else (main or kept)[0]


def _has(found: Mapping[str, Any], kinds: tuple[str, ...]) -> bool:
    kind = found.get("type")
    return (kind[0] if isinstance(kind, list) else kind) in kinds


def _limits(found: dict[str, Any], schema: Mapping[str, Any]) -> None:
    for low, high, kinds in _BOUNDS:
        if not _has(found, kinds):
            continue
        least, most = _number(schema.get(low)), _number(schema.get(high))
        if least is not None and most is not None and least > most:
            continue
        found |= {key: value for key, value in ((low, least), (high, most)) if value is not None}
    if _has(found, ("string",)) and isinstance(pattern := schema.get("pattern"), str) and _is_usable(pattern):
        found["pattern"] = pattern
    form = schema.get("format")
    if _has(found, ("string", "integer", "number")) and isinstance(form, str) and form in _FORMATS:
        found["format"] = form
    if _has(found, ("array",)) and schema.get("uniqueItems") is True:
        found["uniqueItems"] = True


def _number(value: object) -> int | float | None:
    """A bound that a schema can state; sizes beyond 64 bits are no bounds that matter."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -(2**53) <= value <= 2**53:
        return None
    return int(value) if float(value).is_integer() else value


@lru_cache(maxsize=4096)
def _is_usable(pattern: str) -> bool:
    """Whether the validator takes the pattern, and it is short enough to be worth keeping."""
    if not 0 < len(pattern) <= MAX_PATTERN or not pattern.isascii():
        return False
    import jsonschema_rs

    try:
        re.compile(pattern)
        jsonschema_rs.validator_for({"type": "string", "pattern": pattern})
    except (re.error, jsonschema_rs.ValidationError, ValueError):
        return False
    return True


def _inside(found: dict[str, Any], schema: Mapping[str, Any], depth: int, *, asked: bool) -> None:
    properties = as_mapping(schema.get("properties"))
    if not properties or depth >= MAX_DEPTH:
        return
    required = {name for name in as_list(schema.get("required")) if isinstance(name, str)}
    names = [name for name in properties if isinstance(name, str) and 0 < len(name) <= 64]
    if asked:
        names = [name for name in names if as_mapping(properties[name]).get("readOnly") is not True]
    names.sort(key=lambda name: (name not in required, not _tells(name)))
    kept = set(names[:MAX_NESTED])
    found["properties"] = {name: cut(properties[name], depth + 1, asked=asked) for name in properties if name in kept}
    if needed := [name for name in found["properties"] if name in required]:
        found["required"] = needed


def _tells(name: str) -> bool:
    return name.lower().endswith(("id", "name", "status", "state", "title", "type"))


def _values(found: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """Allowed values and default, as far as they fit what is kept of the schema."""
    allowed = [value for value in as_list(schema.get("enum")) if _is_scalar(value) and agrees(value, found)]
    if allowed := [value for value in allowed if not isinstance(value, str) or 0 < len(value) <= 80]:
        found["enum"] = allowed[:MAX_ENUM]
    default = schema.get("default")
    if _is_scalar(default) and default not in (None, "") and len(str(default)) <= 80:
        if isinstance(default, str) and allowed and default in allowed and default not in found["enum"]:
            found["enum"][-1] = default
        if agrees(default, found):
            found["default"] = default


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, (str, int, float))
