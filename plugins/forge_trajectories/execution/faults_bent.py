"""Answers bent on purpose: broken off, emptied, with a field renamed, out of date, done in part."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from forge_trajectories.execution.answers import settle
from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.roles import normal
from forge_trajectories.picking import Picks


def truncated(plain: Observation, details: Mapping[str, Any], picks: Picks) -> Observation:
    """JSON that breaks off somewhere in its second half; never by luck a whole one."""
    del details
    text = plain.content
    cut = max(len(text) // 2 + picks.below(max(len(text) // 3, 1)), 1)
    if len(text) < 2 or text[0] not in '{["':
        return replace(plain, content='{"data": {', value=None)
    return replace(plain, content=text[: min(cut, len(text) - 1)], value=None)


def emptied(plain: Observation, details: Mapping[str, Any], picks: Picks) -> Observation:
    """The first list of the answer without its items, counts at 0; an answer without a list is an empty object."""
    del details, picks
    value = orjson.loads(plain.content)
    if isinstance(value, list):
        return _with(plain, [])
    if isinstance(value, dict) and _empty_first_list(value):
        settle(value, count=0)
        return _with(plain, value)
    return _with(plain, {})


def renamed(plain: Observation, details: Mapping[str, Any], picks: Picks) -> Observation:
    """The field ``details["field"]``, or the id, or the first, under the name ``details["to"]`` or one much like it."""
    value = orjson.loads(plain.content)
    thing = _object_in(value)
    if not thing:
        return plain
    wanted = details.get("field")
    chosen = wanted if wanted in thing else next((name for name in thing if normal(name) == "id"), next(iter(thing)))
    to = str(details.get("to") or _other_spelling(str(chosen), picks))
    items = [(to if name == chosen else name, item) for name, item in thing.items()]
    thing.clear()
    thing.update(items)
    return _with(plain, value)


def stale(plain: Observation, details: Mapping[str, Any], picks: Picks) -> Observation:
    """An answer from before the session's changes, with a note of its age."""
    value = orjson.loads(plain.content)
    age = details.get("age_seconds", (900, 3_600, 86_400)[picks.below(3)])
    if isinstance(value, dict):
        return _with(plain, {**value, "_cache": {"hit": True, "age_seconds": age}})
    return _with(plain, {"data": value, "_cache": {"hit": True, "age_seconds": age}})


def partial(plain: Observation, details: Mapping[str, Any], picks: Picks) -> Observation:
    """The answer of a call that was carried out but for a part, which is named."""
    value = orjson.loads(plain.content)
    reasons = ("timed out downstream", "was rejected by a downstream service", "could not be processed")
    failed = {"item": details.get("item", "secondary index"), "message": details.get("message", picks.one(reasons))}
    body = {**value, "partial": True, "failed": [failed]} if isinstance(value, dict) else _wrapped(value, failed)
    return replace(_with(plain, body), status=207)


def _wrapped(value: Any, failed: Mapping[str, Any]) -> dict[str, Any]:
    return {"data": value, "partial": True, "failed": [failed]}


def _with(plain: Observation, value: Any) -> Observation:
    return replace(plain, content=orjson.dumps(value).decode(), value=value)


def _empty_first_list(value: dict[str, Any]) -> bool:
    for name, item in value.items():
        if isinstance(item, list):
            value[name] = []
            return True
    return any(isinstance(item, dict) and _empty_first_list(item) for item in value.values())


def _object_in(value: Any) -> dict[str, Any]:
    """The resource: the object itself, the one object that it wraps, or the first of a list."""
    if isinstance(value, list):
        return _object_in(value[0]) if value else {}
    if not isinstance(value, dict):
        return {}
    inner = [item for item in value.values() if isinstance(item, (dict, list)) and item]
    plain = [name for name, item in value.items() if not isinstance(item, (dict, list))]
    found = _object_in(inner[0]) if inner and not any(normal(name).endswith("id") for name in plain) else {}
    return found or value


def _other_spelling(name: str, picks: Picks) -> str:
    if "_" in name:
        head, *rest = name.split("_")
        return head + "".join(part.capitalize() for part in rest)
    return (f"{name}_value", f"item_{name}", f"{name}V2")[picks.below(3)]
