"""Mutations of calls: of their tool, of an argument's type, value, presence."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from forge.records import Trajectory
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.arguments import schema_failure
from forge_trajectories.ladder.mutations_sites import (
    Site,
    blueprint_of,
    property_of,
    schema_of,
    shuffled,
    sites,
    with_call,
)
from forge_trajectories.ladder.reading import leaves, same
from forge_trajectories.picking import Picks

_SYLLABLES = ("ka", "lor", "vi", "zem", "tu", "pra", "qui", "dox", "ne", "shal", "bry", "fen")


def _failing(trajectory: Trajectory, picks: Picks, *, code: str) -> Trajectory | None:
    """The first replacement of an argument that breaks the schema in the way that ``code`` names."""
    blueprint = blueprint_of(trajectory)
    for site in shuffled(sites(trajectory), picks):
        schema = schema_of(blueprint, site.tool)
        for name in shuffled(list(site.arguments), picks):
            if code.endswith("wrong-enum") and not _has_enum(property_of(schema, name)):
                continue
            for value in _WRONG[code]:
                arguments = {**site.arguments, name: value}
                failed = schema_failure(site.tool, arguments, schema)
                before = schema_failure(site.tool, site.arguments, schema)
                if failed is not None and failed.code == code and (before is None or site.planned):
                    return with_call(trajectory, site, arguments=arguments)
    return None


_WRONG: Mapping[str, tuple[Any, ...]] = {
    "arguments-valid:wrong-type": ("seven", 7, ["7"], {"value": "7"}, 7.5),
    "arguments-valid:wrong-enum": ("something_else", "UNHEARD_OF", 990017),
}


def _has_enum(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("enum"))


def wrong_type(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """An argument is of another type than the schema has."""
    return _failing(trajectory, picks, code="arguments-valid:wrong-type")


def wrong_enum(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """An argument is none of the values that its schema allows."""
    return _failing(trajectory, picks, code="arguments-valid:wrong-enum")


def missing_required(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """A required argument is left out."""
    blueprint = blueprint_of(trajectory)
    for site in shuffled(sites(trajectory), picks):
        required = schema_of(blueprint, site.tool).get("required") or ()
        names = [name for name in site.arguments if name in required]
        if names:
            gone = picks.one(names)
            left = {name: value for name, value in site.arguments.items() if name != gone}
            if schema_failure(site.tool, left, schema_of(blueprint, site.tool)) is not None:
                return with_call(trajectory, site, arguments=left)
    return None


def extra_argument(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """An argument is given that the tool does not have."""
    blueprint = blueprint_of(trajectory)
    found = sites(trajectory)
    if not found:
        return None
    site = picks.one(found)
    known = schema_of(blueprint, site.tool).get("properties", {})
    name = next(name for name in ("verbose", "dry_run", "force_all", "x_extra") if name not in known)
    return with_call(trajectory, site, arguments={**site.arguments, name: True})


def unknown_tool(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """A tool is called that nobody offers."""
    blueprint = blueprint_of(trajectory)
    found = sites(trajectory)
    if not found:
        return None
    site = picks.one(found)
    names = {operation.tool for operation in blueprint.operations}
    made = [f"{site.tool}_v2"[:64], f"get_{site.tool}"[:64], f"{site.tool[:50]}_all"]
    others = list(blueprint.withheld) if not site.planned else []
    return with_call(trajectory, site, tool=picks.one([name for name in made if name not in names] + others))


def hallucinated_value(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """An argument has a value that its schema takes and that nobody said."""
    blueprint = blueprint_of(trajectory)
    for site in shuffled(sites(trajectory), picks):
        schema = schema_of(blueprint, site.tool)
        for name in shuffled(list(site.arguments), picks):
            inner = property_of(schema, name)
            for value in _made_up(site.arguments[name], inner, picks):
                arguments = {**site.arguments, name: value}
                fits = schema_failure(site.tool, arguments, schema) is None
                if fits and not same(value, inner.get("default")) and not same(value, site.arguments[name]):
                    return with_call(trajectory, site, arguments=arguments)
    return None


def _made_up(value: Any, schema: Mapping[str, Any], picks: Picks) -> Iterator[Any]:
    """Values like ``value`` and not it."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int):
        yield value + 1 + picks.below(97)
        yield value - 1 - picks.below(9)
    elif isinstance(value, float):
        yield round(value * 1.37 + 0.5, 4)
    elif isinstance(value, str):
        yield from (each for each in schema.get("enum") or () if each != value)
        yield _garbled(value, picks)
        yield "".join(picks.one(_SYLLABLES) for _ in range(4))
    elif isinstance(value, list) and value:
        items = schema.get("items")
        for made in _made_up(value[0], items if isinstance(items, Mapping) else {}, picks):
            yield [made, *value[1:]]
    elif isinstance(value, dict):
        for key, item in value.items():
            for made in _made_up(item, property_of(schema, key), picks):
                yield {**value, key: made}


def _garbled(value: str, picks: Picks) -> str:
    """The text with every digit and some letters changed, so that its form stays: an id, a date, an address."""
    found = []
    for letter in value:
        if letter.isdigit():
            found.append(str((int(letter) + 1 + picks.below(2)) % 10) if letter not in "0" else "0")
        elif letter in "bcdfgklmnprstv" and picks.below(2):
            found.append(picks.one("bcdfgklmnprstv"))
        else:
            found.append(letter)
    return "".join(found)


def stale_id(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """An argument that was taken from an answer is another id instead: an older one of the dialogue's."""
    blueprint = blueprint_of(trajectory)
    taken = _taken(blueprint)
    for site in shuffled(sites(trajectory), picks):
        for name in shuffled([name for name in site.arguments if (site.tool, name) in taken], picks):
            for value in shuffled(_older(trajectory, site, site.arguments[name]), picks):
                arguments = {**site.arguments, name: value}
                if schema_failure(site.tool, arguments, schema_of(blueprint, site.tool)) is None:
                    return with_call(trajectory, site, arguments=arguments)
    return None


def _taken(blueprint: Blueprint) -> set[tuple[str, str]]:
    return {
        (step.tool, name)
        for step in blueprint.plan
        for name, binding in step.arguments.items()
        if binding.source == "observation"
    }


def _older(trajectory: Trajectory, site: Site, value: Any) -> list[Any]:
    """Values of the same type in the dialogue before a site: of answers and of arguments, and plans' placeholders."""
    found: list[Any] = []
    if site.planned:
        number, dot, path = str(value).partition(".")
        return [f"{number}{dot}{path}_old", f"$9{dot}{path}", f"{number}.previous{dot}{path}"] if dot else ["$9.id"]
    for message in trajectory.messages[: site.message]:
        parts: list[Any] = [call["arguments"] for call in message.tool_calls]
        if message.role == "tool":
            try:
                parts.append(orjson.loads(message.content))
            except orjson.JSONDecodeError:
                continue
        for part in parts:
            found += [leaf for _, leaf in leaves(part) if type(leaf) is type(value) and leaf not in (value, "")]
    return [each for place, each in enumerate(found) if each not in found[:place]]
