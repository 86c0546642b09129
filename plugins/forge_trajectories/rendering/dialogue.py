"""A dialogue as every form writes it down and reads it back: tools, and turns in the order of their saying.

What a text cannot show (ids of calls, where an observation comes from) is not in it: calls are answered in their order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge.records import JsonObject, Message, Trajectory
from forge_trajectories.execution.faults import FAULTS
from forge_trajectories.plain_text import compact_json, fit_for_arrow

_PLACES = {key: place for place, key in enumerate(("name", "type", "description", "parameters", "properties", "items"))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message.

    Attributes:
        calls: of the assistant, each ``{"name", "arguments"}``.
    """

    role: str
    content: str = ""
    calls: Sequence[JsonObject] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """Tools, each ``{"name", "description", "parameters"}``, and turns."""

    tools: Sequence[JsonObject]
    turns: Sequence[Turn]


def dialogue_of(trajectory: Trajectory) -> Dialogue:
    """What of a trajectory is written down."""
    tools = tuple(_ordered(_fit(tool)) for tool in trajectory.tools)
    return Dialogue(tools=tools, turns=tuple(_turn(message) for message in trajectory.messages))


def _ordered(value: Any) -> Any:
    """A tool as people write one: its name first, then what it is; records keep keys in no order of their own."""
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=lambda key: _PLACES.get(key, len(_PLACES)))}
    return [_ordered(item) for item in value] if isinstance(value, list) else value


def _fit(value: Any) -> Any:
    """A JSON value whose texts hold no control characters."""
    if isinstance(value, str):
        return fit_for_arrow(value)
    if isinstance(value, Mapping):
        return {fit_for_arrow(str(key)): _fit(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fit(item) for item in value]
    return value


def _turn(message: Message) -> Turn:
    calls = tuple(
        {"name": _fit(call.get("name", "")), "arguments": _fit(call.get("arguments", {}))}
        for call in message.tool_calls
    )
    return Turn(role=message.role, content=_fit(message.content), calls=calls)


def faulty_turns(trajectory: Trajectory) -> frozenset[int]:
    """Positions of the assistant's messages with a call at which a fault was put in: nothing is to be learned there.

    Those that a fault goes on to meet (a permanent one every call, another the same arguments) are among them.
    """
    faults = (trajectory.blueprint or {}).get("faults") or ()
    made: Counter[str] = Counter()
    met: set[str] = set()
    found: set[int] = set()
    for position, message in enumerate(trajectory.messages if faults else ()):
        for call in message.tool_calls:
            name = str(call.get("name", ""))
            same = compact_json([name, call.get("arguments")])
            if any(_hits(fault, name, made[name], again=same in met) for fault in faults):
                found.add(position)
                met.add(same)
            made[name] += 1
    return frozenset(found)


def _hits(fault: Mapping[str, Any], name: str, number: int, *, again: bool) -> bool:
    first, kind = int(fault.get("ordinal", 0)), FAULTS.get(str(fault.get("kind")))
    if fault.get("tool") != name or number < first:
        return False
    goes_on = kind is not None and (kind.permanent or (kind.same_call and again))
    return goes_on or number < first + int(fault.get("times", 1))
