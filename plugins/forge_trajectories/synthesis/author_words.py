"""What a model's words have to be besides true: an answer speaks to the user, and tells something that came back.

Stricter than the ladder, which asks only that nothing in an answer is wrong. A few microseconds.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.coverage import only_reads
from forge_trajectories.plain_text import clip
from forge_trajectories.synthesis.author_state import Dialogue

_THIRD_PERSON = re.compile(r"\bthe (?:user|assistant)(?:'s)?\b", re.IGNORECASE)
MOST_LEAVES = 200


def misaddressed(dialogue: Dialogue, text: str, turn: int) -> Check | None:
    """Whether an answer talks about the user, and not to them."""
    if _THIRD_PERSON.search(text) and not any("user" in str(value).lower() for value in _seen(dialogue, turn)):
        return Check.failure(
            "kind:third-person", "Speak to the user as you; do not write about the user or the assistant."
        )
    return None


def hollow(dialogue: Dialogue, text: str, turn: int) -> Check | None:
    """What is wrong with an answer that says nothing false: it tells nothing."""
    if dialogue.blueprint.ending != "answer" or not _has_read(dialogue, turn):
        return None
    low, said = text.casefold(), ""
    for value in _seen(dialogue, turn):
        shown = str(value).casefold()
        if len(shown) > 1 and shown[:60] in low:
            return None
        said = said or (str(value) if isinstance(value, str) and len(value) > 2 else "")
    if not said:
        return None
    return Check.failure("answer-supported:says-nothing", f"Tell what the results say, for example {clip(said, 60)!r}.")


def _has_read(dialogue: Dialogue, turn: int) -> bool:
    """Whether what came back in a turn is what was asked for: its calls only read, and found something."""
    worked = [made for made in dialogue.made if made.turn == turn and made.worked]
    operations = [dialogue.blueprint.operation(made.tool) for made in worked]
    return bool(worked) and all(only_reads(operation) for operation in operations)


def _seen(dialogue: Dialogue, turn: int) -> list[Any]:
    found = [value for made in dialogue.made if made.turn == turn for value in _leaves(made.observation.value)]
    return found[:MOST_LEAVES]


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item)
    elif value is not None and not isinstance(value, bool):
        yield value
