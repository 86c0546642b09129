"""What an importer makes of one dialogue, before it has a name: a `Draft`, or an error with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass

from forge.records import JsonObject, Message


class NotADialogueError(ValueError):
    """A row is no dialogue of the format that it was read as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A dialogue; fields as of `forge.records.Trajectory`."""

    tools: Sequence[JsonObject]
    messages: Sequence[Message]
    checks: Sequence[JsonObject] = ()
    blueprint: JsonObject | None = None
