"""Where in an answer the resource itself is: at the top, under ``data``, or as the items of a list.

Read once per operation from the documented schema, or from a documented example; some 5 microseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forge_trajectories.api_view import as_mapping
from forge_trajectories.execution.roles import Role, normal, singular

_IDS = ("id", "uuid", "guid", "sid", "identifier", "key")
_WRAPPERS = ("data", "result", "results", "response", "payload", "item", "attributes", "value", "body", "content")
_LISTS = ("data", "items", "results", "value", "values", "records", "entries", "list", "result", "content", "objects")


@dataclass(frozen=True, slots=True)
class Shape:
    """Where the resource is.

    Attributes:
        at: the fields that lead to it. many: it is a list of them.
        schema: of one of them.
        key: the field that is its id; empty if it has none.
    """

    at: tuple[str, ...]
    many: bool
    schema: Mapping[str, Any]
    key: str


def shape_of(schema: Mapping[str, Any], role: Role, depth: int = 0) -> Shape:
    """The shape of an answer that ``schema`` describes."""
    if schema.get("type") == "array" or "items" in schema:
        items = as_mapping(schema.get("items"))
        return Shape((), True, items, key_field(items, role))
    properties = as_mapping(schema.get("properties"))
    own = key_field(schema, role)
    writes = role.action in ("create", "update", "replace", "delete", "act")
    looks_listed = role.action == "list" or (not own and not role.key and not (writes and _has_plain(properties)))
    if looks_listed and (listed := _list_in(properties, role)):
        items = as_mapping(as_mapping(properties[listed]).get("items"))
        return Shape((listed,), True, items, key_field(items, role))
    inner = "" if own or depth > 2 else _object_in(properties, role)
    if inner:
        found = shape_of(as_mapping(properties[inner]), role, depth + 1)
        return Shape((inner, *found.at), found.many, found.schema, found.key)
    return Shape((), False, schema, own)


def schema_like(value: object, depth: int = 0) -> dict[str, Any]:
    """The schema of an example: its types and fields."""
    if isinstance(value, Mapping):
        return {
            "type": "object",
            "properties": {name: schema_like(item, depth + 1) for name, item in value.items()} if depth < 4 else {},
        }
    if isinstance(value, (list, tuple)):
        return {"type": "array", "items": schema_like(value[0], depth + 1) if value else {}}
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"type": "boolean"}
    return {"type": "integer" if isinstance(value, int) else "number" if isinstance(value, float) else "string"}


def key_field(schema: Mapping[str, Any], role: Role) -> str:
    """The field that is the id of what ``schema`` describes: named as the path's argument, or ``id``, ``uuid``, ..."""
    properties = as_mapping(schema.get("properties"))
    if not properties:
        return ""
    by_name = {normal(name): name for name in reversed(list(properties)) if isinstance(name, str)}
    key, noun = normal(role.key), normal(role.noun)
    ending = next((word for word in ("name", "key", "slug", "arn", "code") if key.endswith(word)), "id")
    for wanted in (key, f"{noun}id", *(_IDS if ending == "id" else (ending, *_IDS)), f"{noun}name", f"{noun}arn"):
        found = by_name.get(wanted) if wanted else None
        if found is not None and _is_plain(properties[found]):
            return found
    named = "" if key.endswith(("id", "uid", "number")) else by_name.get("name", "")
    return named if named and _is_plain(properties[named]) else ""


def _is_plain(schema: object) -> bool:
    kind = as_mapping(schema).get("type")
    return kind not in ("object", "array", "boolean")


def _has_plain(properties: Mapping[str, Any]) -> bool:
    """Whether there are fields beside lists: what was written is shown as itself then."""
    return any(as_mapping(item).get("type") not in ("array", "object") for item in properties.values())


def _list_in(properties: Mapping[str, Any], role: Role) -> str:
    """The field that holds the list: the one of that name, or the only list of objects."""
    lists = [name for name, item in properties.items() if as_mapping(item).get("type") == "array"]
    for name in lists:
        if singular(normal(name)) == normal(role.noun) or normal(name) in _LISTS:
            return name
    full = [name for name in lists if as_mapping(as_mapping(properties[name]).get("items")).get("properties")]
    chosen = full or lists
    return chosen[0] if len(chosen) == 1 else ""


def _object_in(properties: Mapping[str, Any], role: Role) -> str:
    """The field that wraps the resource: named after it, one of the usual wrappers, or the one that has its id."""
    objects = [
        name
        for name, item in properties.items()
        if as_mapping(item).get("properties") or (as_mapping(item).get("type") == "array" and role.action == "list")
    ]
    for name in objects:
        if singular(normal(name)) == normal(role.noun):
            return name
    for name in objects:
        if normal(name) in _WRAPPERS:
            return name
    if not role.key:
        return ""
    noun, key = normal(role.noun), normal(role.key)
    # ``placement_group`` of /placement_groups/{id}, whose noun is its last word.
    ending = [name for name in objects if noun and singular(normal(name)).endswith(noun)]
    holding = [name for name in objects if _has_field(properties[name], key if key not in _IDS else "")]
    alone = objects if len(properties) == 1 else []
    for found in (ending, holding, alone):
        if len(found) == 1:
            return found[0]
    return ""


def _has_field(schema: object, key: str) -> bool:
    """Whether an object has a plain field of that name."""
    properties = as_mapping(as_mapping(schema).get("properties"))
    return any(normal(name) == key and _is_plain(item) for name, item in properties.items() if isinstance(name, str))
