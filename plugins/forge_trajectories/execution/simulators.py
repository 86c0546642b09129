"""Stateful simulators in this process, and the source ``simulated-tools`` that puts their tools into a catalogue.

Unlike the mock server, which answers by schema, a simulator does what its tools say: money that was withdrawn is gone,
and two meetings cannot be at one time. Some 10 microseconds a call.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from forge.records import ApiRecord, JsonObject, stable_id, to_json
from forge.steps import Context, Partition
from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.refusals import invalid, refusal
from forge_trajectories.execution.schemas import problems, validator_of
from forge_trajectories.execution.worlds import Refused, State, World, WorldTool
from forge_trajectories.execution.worlds_office import CALENDAR, TASKS
from forge_trajectories.execution.worlds_things import BANK, FILES, SHOP
from forge_trajectories.picking import Picks
from forge_trajectories.tools.operation import Operation

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

WORLDS: Mapping[str, World] = {world.name: world for world in (CALENDAR, TASKS, FILES, BANK, SHOP)}
PROVIDER = "simulators.hephaestus-forge"


class SimulatedEnvironment:
    """One world, of which the operations are tools: its name is theirs in `Operation.path`, after the world's."""

    def __init__(self, world: World, operations: Sequence[Operation], seed: int) -> None:
        self._world = world
        self._tools = {operation.tool: operation for operation in operations}
        self._state: State = world.start(Picks(f"{world.name}/{seed}"))

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Observation:
        """Execute one call."""
        operation = self._tools.get(tool)
        known = self._world.by_name.get(operation.path.rpartition(".")[2]) if operation is not None else None
        if operation is None or known is None:
            return refusal("", 404, f"there is no tool {tool}")
        given = dict(arguments)
        wrong = problems(_validator(self._world.name, known.name), given)
        if wrong:
            return invalid(operation.provider, wrong)
        # What a tool refuses half way must leave nothing behind.
        state: State = orjson.loads(orjson.dumps(self._state))
        try:
            value = known.run(state, given)
        except Refused as error:
            return refusal(operation.provider, error.status, str(error))
        self._state = state
        content = orjson.dumps(value).decode()
        return Observation(content=content, status=200, origin="mock", value=orjson.loads(content))

    def __deepcopy__(self, memo: object) -> "SimulatedEnvironment":
        """A world that goes on from here on its own; the tools are shared."""
        del memo
        copied = SimulatedEnvironment(self._world, (), 0)
        copied._tools, copied._state = self._tools, orjson.loads(orjson.dumps(self._state))
        return copied

    def state(self) -> JsonObject:
        """The world's state."""
        found: JsonObject = orjson.loads(to_json(self._state))
        return found


@cache
def _validator(world: str, tool: str) -> "Draft202012Validator":
    return validator_of(_schema(WORLDS[world].by_name[tool]))


def _schema(tool: WorldTool) -> dict[str, Any]:
    properties = {name: dict(part) for name, part in tool.parameters.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": list(tool.required),
        "additionalProperties": False,
    }


@dataclass(frozen=True, kw_only=True)
class SimulatedTools:
    """The tools of the simulators: calls of them are executed for real, in small worlds of their own."""

    name: ClassVar[str] = "simulated-tools"

    def partitions(self, context: Context) -> Sequence[Partition]:  # noqa: ARG002
        """One."""
        content = [to_json([_row(world, tool) for tool in world.tools]) for world in WORLDS.values()]
        return [Partition(key="worlds", fingerprint=stable_id(*content))]

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord]:  # noqa: ARG002
        """The tools of every world."""
        for world in WORLDS.values():
            for tool in world.tools:
                yield _record(world, tool)

    def plan(self, context: Context) -> str:  # noqa: ARG002
        """What there is."""
        return (
            f"{sum(len(world.tools) for world in WORLDS.values())} tools of {len(WORLDS)} simulators; nothing fetched"
        )


def _row(world: World, tool: WorldTool) -> list[Any]:
    return [world.name, world.about, tool.name, tool.about, _schema(tool), dict(tool.returns), list(tool.examples)]


def _record(world: World, tool: WorldTool) -> ApiRecord:
    return ApiRecord(
        provider=PROVIDER,
        service=world.name,
        name=tool.name,
        kind="python",
        path=f"{world.name}.{tool.name}",
        description=tool.about,
        parameters=_schema(tool),
        returns={"type": "object", "properties": {name: dict(part) for name, part in tool.returns.items()}},
        examples=[{"arguments": dict(example)} for example in tool.examples],
        license="Apache-2.0",
        license_evidence="part of this project",
        category=world.about,
        meta={"simulator": world.name},
        source=SimulatedTools.name,
    )
