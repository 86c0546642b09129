"""A mock of the operations of a catalogue: checks arguments as the real server would, answers, and remembers.

Arguments have to keep the tool's schema to the letter: a number is no string and an argument that the tool does not
have is refused, since that is what a caller is to learn. Only `mock_http`, where every parameter outside the body is
text by nature, reads numbers from text first.

    POST then GET agree             what was created, and every field that was ever shown, comes back
    DELETE then GET                 404, for all that lies under it too
    PATCH, PUT                      change what GET and the list show
    list                            shows what was created, and what is gone no more
    other calls that change things  are counted

A resource that nobody created is there all the same, made from the seed and its path. About 60 microseconds a call;
validators are compiled at the first call of an operation.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import orjson

from forge.records import JsonObject, to_json
from forge_trajectories.api_view import as_mapping
from forge_trajectories.call_answer import shortened
from forge_trajectories.execution.answering import Reply
from forge_trajectories.execution.answers import Answering, answering
from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.refusals import invalid, refusal
from forge_trajectories.execution.roles import Role, role_of
from forge_trajectories.execution.schemas import problems, validator_of
from forge_trajectories.execution.store import Store
from forge_trajectories.tools.operation import Operation

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

MAX_CONTENT = 4_000
"""Characters of an answer; a longer one is cut as a structure."""


class Route:
    """One operation, read and compiled when it is first called."""

    __slots__ = ("_answering", "_validator", "operation", "role")

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.role = role_of(operation)
        self._answering: Answering | None = None
        self._validator: Draft202012Validator | None = None

    @property
    def validator(self) -> "Draft202012Validator":
        """Of its arguments."""
        if self._validator is None:
            self._validator = validator_of(self.operation.parameters)
        return self._validator

    @property
    def answering(self) -> Answering:
        """How it answers."""
        if self._answering is None:
            self._answering = answering(self.operation, self.role)
        return self._answering


class MockApi:
    """Operations that can be called, without any session's state; shared by environments and threads."""

    def __init__(self, operations: Mapping[str, Operation] | Sequence[Operation], *, seed: int = 0) -> None:
        listed = operations.values() if isinstance(operations, Mapping) else operations
        self.seed = seed
        self.routes = {operation.tool: Route(operation) for operation in listed}
        self._keys: dict[tuple[str, str, tuple[str, ...]], tuple[str, Mapping[str, Any]]] = {}
        for route in self.routes.values():
            role, operation = route.role, route.operation
            if role.key:
                place = (operation.provider, operation.service, role.template[:-1])
                properties = as_mapping(operation.parameters.get("properties"))
                self._keys.setdefault(place, (role.key, as_mapping(properties.get(role.key))))

    def key_of(self, operation: Operation, role: Role) -> tuple[str, Mapping[str, Any]]:
        """The argument by which other operations name what this one creates or lists, and its schema; else empty."""
        return self._keys.get((operation.provider, operation.service, role.template), ("", {}))


class MockEnvironment:
    """One session with a `MockApi`."""

    def __init__(self, operations: Mapping[str, Operation] | Sequence[Operation] | MockApi, seed: int = 0) -> None:
        self._api = operations if isinstance(operations, MockApi) else MockApi(operations, seed=seed)
        self._store = Store()

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Observation:
        """Execute one call; what is wrong with it is answered as its server would."""
        route = self._api.routes.get(tool)
        if route is None:
            return refusal("", 404, f"there is no tool {tool}")
        given = arguments if isinstance(arguments, dict) else dict(arguments)
        wrong = problems(route.validator, given)
        if wrong:
            return invalid(route.operation.provider, wrong)
        key, schema = self._api.key_of(route.operation, route.role)
        reply = Reply(route.answering, self._store, arguments=given, seed=self._api.seed, key=key, schema=schema)
        status, value = reply.made()
        if status >= 400:
            return refusal(route.operation.provider, status, value)
        return _observed(status, value)

    @property
    def is_changed(self) -> bool:
        """Whether a call changed or deleted a resource."""
        return bool(self._store.changed or self._store.gone)

    def __deepcopy__(self, memo: object) -> "MockEnvironment":
        """A session that goes on from here on its own; the operations are shared."""
        del memo
        copied = MockEnvironment(self._api)
        copied._store = deepcopy(self._store)
        return copied

    def state(self) -> JsonObject:
        """What the calls so far changed: ``resources`` by path, what is ``deleted``, other ``actions`` counted."""
        state: JsonObject = orjson.loads(to_json(self._store.state()))
        return state


def _observed(status: int, value: Any) -> Observation:
    content = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    if len(content) > MAX_CONTENT:
        value, _ = shortened(value, MAX_CONTENT)
        content = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    return Observation(content=content.decode(), status=status, origin="mock", value=value)
