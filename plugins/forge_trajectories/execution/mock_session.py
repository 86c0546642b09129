"""A client's session with one service of the mock: what the mock remembers, and the worlds of simulators.

The tools of a simulator do what they say here too, in a world that is the session's own.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.mock import MockApi, MockEnvironment, Route
from forge_trajectories.execution.mock_wire import additional
from forge_trajectories.execution.schemas import checkable, compiled
from forge_trajectories.execution.simulators import WORLDS, SimulatedEnvironment
from forge_trajectories.tools.operation import Operation

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator


class Session:
    """Executes the calls of one client, whose arguments were checked."""

    __slots__ = ("_api", "_mock", "_seed", "_worlds")

    def __init__(self, api: MockApi, *, seed: int) -> None:
        self._api = api
        self._seed = seed
        self._mock = MockEnvironment(api)
        self._worlds: dict[str, SimulatedEnvironment] = {}

    def call(self, operation: Operation, arguments: Mapping[str, Any]) -> Observation:
        """Execute one call, by the operation's simulator if it has one."""
        name = operation.simulator
        if name not in WORLDS:
            return self._mock.call(operation.tool, arguments)
        if name not in self._worlds:
            own = [route.operation for route in self._api.routes.values() if route.operation.simulator == name]
            self._worlds[name] = SimulatedEnvironment(WORLDS[name], own, self._seed)
        return self._worlds[name].call(operation.tool, arguments)


def api_of(operations: Sequence[Operation], *, seed: int) -> MockApi:
    """The mock of a service's operations; one whose body may hold more than is documented takes that too."""
    api = MockApi(operations, seed=seed)
    for operation in operations:
        if additional(operation) is not None:
            api.routes[operation.tool] = _OpenRoute(operation)
    return api


class _OpenRoute(Route):
    __slots__ = ("_open",)

    def __init__(self, operation: Operation) -> None:
        super().__init__(operation)
        self._open: Draft202012Validator | None = None

    @property
    def validator(self) -> "Draft202012Validator":
        """Of its arguments: those that are documented, and any others."""
        if self._open is None:
            schema = {name: part for name, part in self.operation.parameters.items() if name != "additionalProperties"}
            self._open = compiled({**checkable(schema), "type": "object"})
        return self._open
