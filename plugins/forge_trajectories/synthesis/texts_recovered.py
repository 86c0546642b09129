"""What the user is told of a recovery, without a model: that another tool answered, or that a value was exchanged.

Nobody can tell from a list of cards that a list of fonts was asked for: an answer says what it is not. Some 5
microseconds.
"""

from collections.abc import Sequence
from typing import Any

from forge_trajectories.blueprint import Blueprint, Fault
from forge_trajectories.picking import Picks
from forge_trajectories.synthesis.author_state import Made
from forge_trajectories.synthesis.texts import spoken

_INSTEAD = (
    "{failed} did not work, so this comes from {other}.",
    "I could not use {failed}; what follows is from {other} instead.",
    "Please note that {failed} failed and that I asked {other} instead.",
    "This is what {other} says, as {failed} did not work.",
)
_AFTER_ALL = (
    "{failed} got no answer in time, so I looked with {other}.",
    "I could not see the answer of {failed}; this is what {other} shows.",
    "{failed} did not answer in time. {other} shows how it stands.",
)
_EXCHANGED = (
    "The service did not accept the {field} {wrong}, so I used {right}, which it suggested.",
    "Please note that I used the {field} {right} instead of {wrong}, as the service suggested.",
    "The {field} {wrong} was refused; I took {right} instead, the one that the service suggested.",
)


def disclosed(blueprint: Blueprint, made: Sequence[Made], *, turn: int) -> str:
    """Sentences that an answer begins with: which calls of a turn were made good by something else; empty if none."""
    said = []
    for number, failed in enumerate(made):
        fault = _fault_of(blueprint, failed)
        later = made[number + 1 :]
        if fault is not None:
            picks = Picks(f"{blueprint.id}/disclosed/{turn}/{number}")
            said.append(_by_other(failed, fault, later, picks) or _by_exchange(blueprint, failed, fault, later))
    return " ".join(dict.fromkeys(text for text in said if text))


def with_notes(notes: str, answer: str) -> str:
    """An answer after what is to be known about it."""
    return f"{notes}{chr(10) if chr(10) in answer else ' '}{answer}" if notes else answer


def _fault_of(blueprint: Blueprint, made: Made) -> Fault | None:
    kind = made.observation.fault
    if not kind:
        return None
    return next((fault for fault in blueprint.faults if (fault.kind, fault.tool) == (kind, made.tool)), None)


def _by_other(failed: Made, fault: Fault, later: Sequence[Made], picks: Picks) -> str:
    """That another tool stands in, if none but it answered."""
    if not fault.other or not any(each.worked and each.tool == fault.other for each in later):
        return ""
    if any(each.worked and each.tool == failed.tool for each in later):
        return ""
    forms = _AFTER_ALL if fault.kind == "timeout-after-effect" else _INSTEAD
    return picks.one(forms).format(failed=failed.tool, other=fault.other)


def _by_exchange(blueprint: Blueprint, failed: Made, fault: Fault, later: Sequence[Made]) -> str:
    """That a value which the user did not say was used, if the call with it worked."""
    again = next((each for each in later if each.tool == failed.tool and each.worked), None)
    if again is None or fault.kind != "invalid":
        return ""
    told: list[Any] = [fact.value for fact in blueprint.facts]
    for name, right in again.arguments.items():
        wrong = failed.arguments.get(name)
        if isinstance(right, str) and isinstance(wrong, str) and right != wrong and right not in told:
            form = Picks(f"{blueprint.id}/exchanged/{failed.turn}/{name}").one(_EXCHANGED)
            return form.format(field=spoken(name), wrong=f"'{wrong}'", right=f"'{right}'")
    return ""
