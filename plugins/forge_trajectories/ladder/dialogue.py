"""A trajectory as the checks read it: who said what when, which call served which request and what came back.

Reading costs some 20 microseconds a message, most of it the observations' JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from forge.records import JsonObject, Message, Trajectory
from forge_trajectories.blueprint import Blueprint, from_object

_BROKEN = object()


@dataclass(slots=True, kw_only=True)
class Made:
    """One call of the assistant's.

    Attributes:
        number: counts the calls of the dialogue from 0. message: index of the message that makes it.
        turn: the user's request that it serves, from 0.
        arguments: an object, or the text that is none. thought: what the assistant said with the call.
        answer: index of the message that answers it; None if none does.
        content, value, parsed: of that answer; ``parsed`` is False where it is no JSON.
    """

    number: int
    id: str
    tool: str
    arguments: Any
    message: int
    turn: int
    thought: str = ""
    answer: int | None = None
    content: str = ""
    value: Any = None
    parsed: bool = False
    origin: str | None = None

    def repeats(self, other: "Made") -> bool:
        """Whether it is the same call again."""
        return self.tool == other.tool and bool(self.arguments == other.arguments)


@dataclass(slots=True, kw_only=True)
class Dialogue:
    """A trajectory, read.

    Attributes:
        blueprint: None for an imported one.
        asked: of every user message, its index and the turn it belongs to.
    """

    messages: Sequence[Message]
    tools: Sequence[JsonObject]
    blueprint: Blueprint | None
    calls: list[Made]
    asked: list[tuple[int, int]] = field(default_factory=list)
    source: str = ""

    @property
    def kind(self) -> str:
        """Of the blueprint; empty for an imported one."""
        return self.blueprint.kind if self.blueprint is not None else ""

    def turn_at(self, message: int) -> int:
        """The user's request that is being served at a message."""
        return max((turn for index, turn in self.asked if index <= message), default=0)

    def said_in(self, turn: int) -> list[int]:
        """Indices of the user's messages of a turn."""
        return [index for index, of in self.asked if of == turn]

    def closing(self, turn: int) -> int | None:
        """Index of the message that ends a turn: the assistant's last one without calls before the next turn."""
        later = [index for index, of in self.asked if of > turn]
        end = min(later, default=len(self.messages))
        last = end - 1
        if last < 0:
            return None
        message = self.messages[last]
        return last if message.role == "assistant" and not message.tool_calls else None


def read(trajectory: Trajectory, blueprint: Blueprint | None = None) -> Dialogue:
    """Read a trajectory.

    Raises:
        ValueError: its blueprint is none that `forge_trajectories.blueprint.to_object` made.
    """
    if blueprint is None and trajectory.blueprint is not None and "operations" in trajectory.blueprint:
        blueprint = from_object(trajectory.blueprint)
    return read_messages(trajectory.messages, tools=trajectory.tools, blueprint=blueprint, source=trajectory.source)


def read_messages(
    messages: Sequence[Message],
    *,
    tools: Sequence[JsonObject] = (),
    blueprint: Blueprint | None = None,
    source: str = "",
) -> Dialogue:
    """Read messages; ids that are no text or no call's are passed over here, `parsing` reports them."""
    found = Dialogue(messages=messages, tools=tools, blueprint=blueprint, calls=[], source=source)
    found.asked = _asked(messages, len(blueprint.goals) if blueprint is not None else 0)
    turns = dict(found.asked)
    turn = 0
    open_calls: dict[str, Made] = {}
    for index, message in enumerate(messages):
        turn = turns.get(index, turn)
        for item in message.tool_calls if message.role == "assistant" else ():
            made = _made(item, number=len(found.calls), message=index, turn=turn, thought=message.content)
            found.calls.append(made)
            open_calls[made.id] = made
        if message.role == "tool" and message.tool_call_id is not None:
            answered = open_calls.pop(message.tool_call_id, None)
            if answered is not None:
                _answer(answered, message, index)
    return found


def _made(item: Any, *, number: int, message: int, turn: int, thought: str) -> Made:
    known = item if isinstance(item, Mapping) else {}
    return Made(
        number=number,
        id=str(known.get("id", "")),
        tool=str(known.get("name", "")),
        arguments=known.get("arguments"),
        message=message,
        turn=turn,
        thought=thought,
    )


def _answer(made: Made, message: Message, index: int) -> None:
    made.answer, made.content, made.origin = index, message.content, message.origin
    value = json_of(message.content)
    made.parsed = value is not _BROKEN
    made.value = value if made.parsed else None


@lru_cache(maxsize=512)
def json_of(text: str) -> Any:
    """The value of JSON text, shared: not to be changed; a mark of its own for what is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _BROKEN


def _asked(messages: Sequence[Message], goals: int) -> list[tuple[int, int]]:
    """The user's messages with their turns: one a goal, but for answers to the assistant's questions."""
    users = [index for index, message in enumerate(messages) if message.role == "user"]
    if len(users) <= goals or not goals:
        return [(index, turn) for turn, index in enumerate(users)]
    found: list[tuple[int, int]] = []
    turn = -1
    for index in users:
        before = messages[index - 1] if index else None
        told = before is not None and before.role == "assistant" and "?" in before.content
        turn = max(turn, 0) if told and turn >= 0 else min(turn + 1, goals - 1)
        found.append((index, turn))
    return found
