"""Recorded answers, given again: a call whose arguments are those of a documented example gets the example's answer.

Everything else is answered by the mock server, which shares the session, and so is every call after one that changed
something: a recording knows nothing of that. Only operations that change nothing are replayed: what a recording says of
a change was true of another session. Some 70 microseconds a call.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

import orjson

from forge.records import JsonObject, to_json
from forge_trajectories.call_answer import shortened
from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.mock import MAX_CONTENT, MockEnvironment
from forge_trajectories.execution.roles import Role, normal, role_of
from forge_trajectories.execution.shapes import schema_like, shape_of
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import READING, effect_of

NAME = "replay"
"""`Operation.simulator` of what is replayed."""
_METHODS = ("GET", "HEAD")
_FUNCTIONS = ("python", "model")
"""Kinds of operations whose name need not say that they read: a function that is documented with its result."""


def is_recorded(operation: Operation) -> bool:
    """Whether there is a recording of a call that changes nothing."""
    return _changes_nothing(operation) and any(_is_whole(example, operation) for example in operation.examples)


def recorded_calls(operation: Operation) -> list[Mapping[str, Any]]:
    """The arguments with which a call gets a recording."""
    return [example["arguments"] for example in operation.examples if _is_whole(example, operation)]


class ReplayEnvironment:
    """Recordings of those operations that are replayed, and a mock server for all others and for all other calls."""

    def __init__(self, operations: Sequence[Operation], seed: int) -> None:
        self._mock = MockEnvironment(operations, seed)
        self._recorded = {
            (operation.tool, to_json(example["arguments"])): example["result"]
            for operation in operations
            if operation.simulator == NAME and _changes_nothing(operation)
            for example in reversed(operation.examples)
            if _is_whole(example, operation)
        }

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Observation:
        """Execute one call; the arguments have to keep the schema here too."""
        made = self._mock.call(tool, arguments)
        if not made.ok or self._mock.is_changed:
            return made
        result = self._recorded.get((tool, to_json(arguments)))
        if result is None:
            return made
        value, _ = shortened(result, MAX_CONTENT)
        content = orjson.dumps(value).decode()
        return Observation(content=content, status=200, origin="replay", value=orjson.loads(content))

    def state(self) -> JsonObject:
        """The mock server's state: a replayed call changes nothing."""
        return self._mock.state()

    def __deepcopy__(self, memo: dict[int, Any]) -> "ReplayEnvironment":
        """A session that goes on from here on its own; the recordings are shared."""
        copied = ReplayEnvironment([], 0)
        copied._mock, copied._recorded = deepcopy(self._mock, memo), self._recorded
        return copied


def _changes_nothing(operation: Operation) -> bool:
    if operation.method:
        return operation.method.upper() in _METHODS
    effect = effect_of(operation)
    return effect in READING or (effect == "act" and operation.kind in _FUNCTIONS)


def _is_whole(example: Mapping[str, Any], operation: Operation) -> bool:
    """Whether an example is a call with its answer, not two examples that know nothing of each other."""
    arguments, result = example.get("arguments"), example.get("result")
    if not isinstance(arguments, Mapping) or not isinstance(result, (Mapping, list)):
        return False
    role = role_of(operation)
    if _is_of_another(arguments.get(role.key), result, role):
        return False
    asked = {normal(name): value for name, value in arguments.items() if isinstance(value, (str, int))}
    if role.key in arguments and isinstance(arguments[role.key], (str, int)):
        asked["id"] = arguments[role.key]
    shown = {normal(name): value for name, value in result.items()} if isinstance(result, Mapping) else {}
    return not any(
        name.endswith("id") and isinstance(shown.get(name), (str, int)) and str(shown[name]) != str(value)
        for name, value in asked.items()
    )


def _is_of_another(key: Any, result: Mapping[str, Any] | list[Any], role: Role) -> bool:
    """Whether a result shows one resource, and that by another id than the one asked for."""
    if not isinstance(key, (str, int)) or role.action != "read" or not isinstance(result, Mapping):
        return False
    shape = shape_of(schema_like(result), role)
    thing: Any = result
    for name in shape.at:
        thing = thing[name]
    shown = thing.get(shape.key) if shape.key and isinstance(thing, Mapping) else None
    return isinstance(shown, (str, int)) and str(shown) != str(key)
