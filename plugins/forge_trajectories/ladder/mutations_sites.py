"""Where a trajectory can be corrupted: its calls, in messages or in the lines of a plan, and how one is replaced."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from forge.records import Message, Trajectory
from forge_trajectories.blueprint import Blueprint, from_object
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import compact_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One call. ``place``: among the calls of its message, or the line of a plan, if ``planned``."""

    message: int
    place: int
    tool: str
    arguments: Mapping[str, Any]
    planned: bool = False


def blueprint_of(trajectory: Trajectory) -> Blueprint:
    """The trajectory's blueprint."""
    assert trajectory.blueprint is not None
    return from_object(trajectory.blueprint)


def sites(trajectory: Trajectory) -> list[Site]:
    """Every call of the trajectory."""
    found = [
        Site(message=index, place=place, tool=call["name"], arguments=call["arguments"])
        for index, message in enumerate(trajectory.messages)
        for place, call in enumerate(message.tool_calls)
        if isinstance(call.get("arguments"), Mapping)
    ]
    if found or not trajectory.messages or (trajectory.blueprint or {}).get("kind") != "planning":
        return found
    last = len(trajectory.messages) - 1
    for number, line in enumerate(trajectory.messages[last].content.splitlines()):
        if line.startswith("{"):
            call = orjson.loads(line)
            found.append(Site(message=last, place=number, tool=call["name"], arguments=call["arguments"], planned=True))
    return found


def shuffled(items: Sequence[Any], picks: Picks) -> list[Any]:
    """The items in an order that the picks choose."""
    left = list(items)
    return [left.pop(picks.below(len(left))) for _ in range(len(left))]


def with_call(trajectory: Trajectory, site: Site, *, tool: str | None = None, arguments: Any = None) -> Trajectory:
    """The trajectory with another call at a site."""
    name = site.tool if tool is None else tool
    given = site.arguments if arguments is None else arguments
    message = trajectory.messages[site.message]
    if site.planned:
        lines = message.content.splitlines()
        lines[site.place] = compact_json({"name": name, "arguments": given})
        return with_message(trajectory, site.message, replace(message, content="\n".join(lines)))
    calls = list(message.tool_calls)
    calls[site.place] = {**calls[site.place], "name": name, "arguments": given}
    return with_message(trajectory, site.message, replace(message, tool_calls=calls))


def with_message(trajectory: Trajectory, index: int, message: Message) -> Trajectory:
    """The trajectory with another message at a place."""
    messages = list(trajectory.messages)
    messages[index] = message
    return replace(trajectory, messages=messages)


def schema_of(blueprint: Blueprint, tool: str) -> Mapping[str, Any]:
    """The JSON Schema of a tool's arguments."""
    operation = blueprint.operation(tool)
    return operation.parameters if operation is not None else {}


def property_of(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The schema of one argument."""
    properties = schema.get("properties")
    found = properties.get(name) if isinstance(properties, Mapping) else None
    return found if isinstance(found, Mapping) else {}
