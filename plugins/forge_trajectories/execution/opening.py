"""The environment of a blueprint: where its calls are executed, today and whenever the trajectory is verified again."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from forge.records import JsonObject
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.execution import llm_simulator, replay
from forge_trajectories.execution.environment import Environment, Observation
from forge_trajectories.execution.faults import FaultyEnvironment
from forge_trajectories.execution.mock import MockEnvironment
from forge_trajectories.execution.refusals import refusal
from forge_trajectories.execution.simulators import WORLDS, SimulatedEnvironment
from forge_trajectories.tools.operation import Operation

Opener = Callable[[Sequence[Operation], int], Environment]
"""Opens an environment for operations and a seed."""

SIMULATORS: Mapping[str, Opener] = {
    **{name: partial(SimulatedEnvironment, world) for name, world in WORLDS.items()},
}
"""What executes operations in a world of its own, by the name that `Operation.simulator` has."""
_SESSION = ("", replay.NAME, llm_simulator.NAME)
"""Simulators that share one session with the mock server."""


def open_environment(blueprint: Blueprint, *, faults: bool = True) -> Environment:
    """A fresh environment for the blueprint's operations.

    Args:
        blueprint: whose operations, seed and faults count.
        faults: let its faults happen.

    Raises:
        ValueError: a simulator or a kind of fault is not known.
    """
    by_simulator: dict[str, list[Operation]] = {}
    for operation in blueprint.operations:
        by_simulator.setdefault(_part_of(operation), []).append(operation)
    parts = {name: _opened(name, group, blueprint.seed) for name, group in by_simulator.items()}
    if len(parts) == 1:
        environment = next(iter(parts.values()))
    else:
        tools = {operation.tool: _part_of(operation) for operation in blueprint.operations}
        environment = JoinedEnvironment(parts, tools=tools)
    if not faults or not blueprint.faults:
        return environment
    providers = {operation.tool: operation.provider for operation in blueprint.operations}
    return FaultyEnvironment(environment, blueprint.faults, providers=providers)


class JoinedEnvironment:
    """Several environments, each with tools of its own."""

    def __init__(self, parts: Mapping[str, Environment], *, tools: Mapping[str, str]) -> None:
        self._parts = parts
        self._tools = tools

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Observation:
        """Execute one call where its tool belongs."""
        if tool not in self._tools:
            return refusal("", 404, f"there is no tool {tool}")
        return self._parts[self._tools[tool]].call(tool, arguments)

    def state(self) -> JsonObject:
        """The states by simulator; that of the mock server is called ``mock``."""
        return {name or "mock": self._parts[name].state() for name in sorted(self._parts)}


def _part_of(operation: Operation) -> str:
    return "" if operation.simulator in _SESSION else operation.simulator


def _opened(name: str, operations: Sequence[Operation], seed: int) -> Environment:
    if not name:
        return _session(operations, seed)
    if name not in SIMULATORS:
        raise ValueError(f"no simulator is called {name!r}; there are {', '.join(SIMULATORS) or 'none'}")
    return SIMULATORS[name](operations, seed)


def _session(operations: Sequence[Operation], seed: int) -> Environment:
    """The mock server, with recordings and what a model answers where operations want them."""
    wanted = {operation.simulator for operation in operations}
    has_recordings = replay.NAME in wanted
    found: Environment
    found = replay.ReplayEnvironment(operations, seed) if has_recordings else MockEnvironment(operations, seed)
    if llm_simulator.NAME in wanted:
        tools = [operation.tool for operation in operations if operation.simulator == llm_simulator.NAME]
        found = llm_simulator.StandIn(found, tools)
    return found
