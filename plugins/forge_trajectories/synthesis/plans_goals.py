"""What the user of a blueprint wants, as an imperative sentence without values.

Taken from the operation's own summary where that begins with a verb, from its name else. A few microseconds a goal.
"""

from collections.abc import Sequence

from forge_trajectories.call_request import imperative
from forge_trajectories.plain_text import ELLIPSIS, first_sentence, words
from forge_trajectories.tools.operation import Operation

MAX_WANTED = 140


def wanted(operation: Operation) -> str:
    """What a call does, as an imperative in lower case: ``get a pet by its ID``."""
    summary = first_sentence(operation.description, MAX_WANTED).rstrip(".!:… ")
    found = imperative(summary) if ELLIPSIS not in first_sentence(operation.description, MAX_WANTED) else ""
    if len(found.split()) > 1 and "{" not in found:
        return found
    named = [word if word.isupper() and len(word) > 1 else word.lower() for word in words(operation.tool)]
    for place in range(len(named)):
        turned = imperative(" ".join([*named[place:], *named[:place]]))
        if turned and len(turned.split()) > 1:
            return turned
    of = operation.service or operation.provider
    return f"call {' '.join(named) or operation.tool} of {of}"


def goal(operation: Operation) -> str:
    """A call as a sentence."""
    return sentence(wanted(operation))


def chain_goal(operations: Sequence[Operation], taken: Sequence[Sequence[tuple[int, str]]]) -> str:
    """Calls that take something from earlier ones.

    Args:
        operations: in their order.
        taken: for each what it takes: the place of an earlier operation, and the pointer into its answer.
    """
    parts = [wanted(operations[0])]
    for place in range(1, len(operations)):
        parts.append(f"{_from_before(place, taken[place])} {wanted(operations[place])}")
    return sentence(", ".join(parts))


def _from_before(place: int, taken: Sequence[tuple[int, str]]) -> str:
    givers = sorted({giver for giver, _ in taken})
    if not givers:
        return "independently of that"
    if len(givers) > 1:
        return f"then use {'both results' if len(givers) == place == 2 else 'earlier results'} to"
    if givers[0] == place - 1:
        return f"then use {_taken(taken[0][1])} to"
    return f"then use {_taken(taken[0][1])} of step {givers[0] + 1} to"


def follow_up(operation: Operation, pointer: str) -> str:
    """A request that takes something from what came of an earlier one."""
    return sentence(f"use {_taken(pointer)} from before to {wanted(operation)}")


def side_by_side(operations: Sequence[Operation]) -> str:
    """Calls that do not depend on each other; the same one several times over is said once."""
    distinct = list(dict.fromkeys(wanted(operation) for operation in operations))
    if len(distinct) == 1 and len(operations) > 1:
        number = ("two", "three", "four")[min(len(operations), 4) - 2]
        return sentence(f"{distinct[0]}, once for each of the {number} sets of values")
    return sentence(" and, independently, ".join(distinct))


def sentence(text: str) -> str:
    """``text`` with a capital and a full stop."""
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _taken(pointer: str) -> str:
    return "the first result" if "/0" in pointer else "that result"
