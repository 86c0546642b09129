"""Where the observations of a dialogue come from, as the funnel tells it. A few microseconds a dialogue."""

from collections import Counter
from collections.abc import Sequence

from forge.records import Message
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.execution.simulators import WORLDS

SIMULATOR = "simulator"
"""Of an observation of a simulator, whose origin in the record is ``mock`` as well."""


def origins_of(blueprint: Blueprint, messages: Sequence[Message]) -> dict[str, int]:
    """Observations by origin; those of simulators apart from those of the mock server."""
    simulated = {operation.tool for operation in blueprint.operations if operation.simulator in WORLDS}
    called: dict[str, str] = {}
    found: Counter[str] = Counter()
    for message in messages:
        called |= {str(call["id"]): str(call["name"]) for call in message.tool_calls}
        if message.origin is not None:
            is_simulated = message.origin == "mock" and called.get(message.tool_call_id or "") in simulated
            found[SIMULATOR if is_simulated else message.origin] += 1
    return dict(found)
