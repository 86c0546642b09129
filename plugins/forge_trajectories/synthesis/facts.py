"""What the user of a blueprint knows: values for the parameters of a call, documented ones first, made ones else.

Values are short enough to be said in a sentence or two. Some 20 microseconds a parameter.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from forge_trajectories.api_view import as_list, as_mapping
from forge_trajectories.execution import replay
from forge_trajectories.execution.schemas import fits
from forge_trajectories.execution.values import made_value
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import compact_json, fit_for_arrow
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import key_words

MAX_VALUE = 240
MAX_VALUES = 700
MAX_OPTIONAL = 2
# Optional parameters that a person seldom speaks of.
_TECHNICAL = frozenset(
    [
        "token",
        "cursor",
        "filter",
        "select",
        "expand",
        "top",
        "skip",
        "search",
        "count",
        "orderby",
        "fields",
        "embed",
        "mask",
        "etag",
        "trace",
        "request",
        "correlation",
        "client",
        "dry",
        "pretty",
        "accept",
        "version",
        "callback",
        "page",
        "offset",
        "force",
    ]
)


def known_values(
    operation: Operation, picks: Picks, *, without: Collection[str] = (), optional: int = MAX_OPTIONAL
) -> dict[str, Any] | None:
    """Values that the user states for a call, by parameter; None if a required one cannot be said.

    Args:
        operation: what is called.
        picks: where choices are drawn from.
        without: parameters whose values come from elsewhere.
        optional: most optional parameters that are given.
    """
    properties = as_mapping(operation.parameters.get("properties"))
    required = [name for name in as_list(operation.parameters.get("required")) if name not in without]
    if not without and optional and (recorded := _recorded(operation, picks)) is not None:
        return recorded
    documented = _documented(operation, picks)
    found: dict[str, Any] = {}
    for name in required:
        if default_of(properties[name]) is not None and name not in documented and picks.below(2):
            continue
        value = documented.get(name)
        if value is None or not is_sayable(value):
            value = _made(name, properties[name], picks)
        if value is None:
            return None
        found[name] = value
    for name in _optional(properties, documented, picks, skip={*required, *without}, most=optional):
        value = documented[name] if name in documented else _made(name, properties[name], picks)
        if value is not None and is_sayable(value):
            found[name] = value
    if len(compact_json(found)) > MAX_VALUES:
        found = {name: value for name, value in found.items() if name in required}
    return found if len(compact_json(found)) <= MAX_VALUES else None


def default_of(schema: Mapping[str, Any]) -> Any:
    """The value that a parameter has where nobody says one: its default, or the only one allowed; None if none."""
    if "default" in schema:
        return schema["default"]
    allowed = as_list(schema.get("enum"))
    return allowed[0] if len(allowed) == 1 else None


def other_value(name: str, schema: Mapping[str, Any], picks: Picks, *, than: Sequence[Any]) -> Any:
    """A value that is none of ``than``; None if none turns up."""
    for _ in range(4):
        value = _made(name, schema, picks)
        if value is not None and value not in than:
            return value
    return None


def is_sayable(value: Any) -> bool:
    """Whether a person could say the value: not empty, on one line, of some length at most."""
    if isinstance(value, str):
        plain = value == " ".join(value.split()) == fit_for_arrow(value) and '"' not in value
        return 0 < len(value) <= MAX_VALUE and plain
    if isinstance(value, (Mapping, list, tuple)):
        inside = value.values() if isinstance(value, Mapping) else value
        return bool(value) and len(compact_json(value)) <= MAX_VALUE and all(is_sayable(item) for item in inside)
    return value is not None


def _made(name: str, schema: Mapping[str, Any], picks: Picks) -> Any:
    value = made_value(name, schema, picks)
    return value if is_sayable(value) else None


def _recorded(operation: Operation, picks: Picks) -> dict[str, Any] | None:
    """All arguments of a call whose answer was recorded; None if there is none that could be said."""
    if operation.simulator != replay.NAME:
        return None
    calls = replay.recorded_calls(operation)
    given = dict(picks.one(calls)) if calls else {}
    sayable = all(is_sayable(value) for value in given.values()) and len(compact_json(given)) <= MAX_VALUES
    required = as_list(operation.parameters.get("required"))
    return given if calls and sayable and all(name in given for name in required) else None


def _documented(operation: Operation, picks: Picks) -> Mapping[str, Any]:
    """The arguments of one documented call."""
    calls = [example["arguments"] for example in operation.examples if example.get("arguments")]
    if not calls:
        return {}
    properties = as_mapping(operation.parameters.get("properties"))
    return {name: value for name, value in picks.one(calls).items() if fits(value, properties.get(name, {}))}


def _optional(
    properties: Mapping[str, Any], documented: Mapping[str, Any], picks: Picks, *, skip: Collection[str], most: int
) -> list[str]:
    shown = [name for name in documented if name not in skip]
    if shown:
        return shown[: max(most, 3) if most else 0]
    plain = [
        name
        for name, part in properties.items()
        if name not in skip and part.get("type") in ("string", "integer", "number", "boolean") and _is_usual(name, part)
    ]
    count = picks.below(most + 1) if plain else 0
    return [plain.pop(picks.below(len(plain))) for _ in range(min(count, len(plain)))]


def _is_usual(name: str, part: Mapping[str, Any]) -> bool:
    """Whether a person would give it: described, and no header or technicality."""
    described = bool(part.get("description")) or "enum" in part
    return described and part.get("x-in") != "header" and _TECHNICAL.isdisjoint(key_words(name))
