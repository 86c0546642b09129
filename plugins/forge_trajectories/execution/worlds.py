"""Small worlds with a state, in which calls do what they say: calendars, files, accounts, tasks, a shop.

A world is a table of tools, each a schema and a function over the world's state, a plain dictionary. Its functions
raise `Refused` where a server would answer 4xx. What is in a world at first follows from the seed alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge_trajectories.picking import Picks

State = dict[str, Any]
Arguments = Mapping[str, Any]


class Refused(Exception):  # noqa: N818
    """A world's no.

    Attributes:
        status: as an HTTP server would answer.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldTool:
    """One tool of a world.

    Attributes:
        parameters, returns: JSON Schemas of its properties; ``required`` of the parameters.
        run: changes the state, and returns the answer.
        examples: arguments that make sense.
        reads: whether it changes nothing.
    """

    name: str
    about: str
    parameters: Mapping[str, Mapping[str, Any]]
    required: Sequence[str]
    returns: Mapping[str, Mapping[str, Any]]
    run: Callable[[State, Arguments], Any]
    examples: Sequence[Mapping[str, Any]] = ()
    reads: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One world. ``start`` makes its first state."""

    name: str
    about: str
    tools: Sequence[WorldTool]
    start: Callable[[Picks], State]
    by_name: Mapping[str, WorldTool] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {tool.name: tool for tool in self.tools})


def text(about: str, **more: Any) -> dict[str, Any]:
    """Schema of a text."""
    return {"type": "string", "description": about, **more}


def number(about: str, **more: Any) -> dict[str, Any]:
    """Schema of a number."""
    return {"type": "number", "description": about, **more}


def whole(about: str, **more: Any) -> dict[str, Any]:
    """Schema of a whole number."""
    return {"type": "integer", "description": about, **more}


def many(of: Mapping[str, Any], about: str) -> dict[str, Any]:
    """Schema of a list."""
    return {"type": "array", "description": about, "items": dict(of)}


def found(state: State, shelf: str, key: Any, what: str) -> dict[str, Any]:
    """The thing with this id on a shelf of the state.

    Raises:
        Refused: 404, there is none.
    """
    thing = state[shelf].get(str(key))
    if thing is None:
        raise Refused(404, f"there is no {what} with the id {key}")
    kept: dict[str, Any] = thing
    return kept


def new_id(state: State, prefix: str) -> str:
    """The next id of its kind: ``evt-104``."""
    state["next"] = int(state.get("next", 100)) + 1
    return f"{prefix}-{state['next']}"
