"""What the assistant does next when the blueprint decides: the plan's calls, questions, recoveries, the end of a turn.

A recovery is one that the fault allows: the same call after a wait, a repaired argument, another tool, a question to
the user, or an honest failure. Some 20 microseconds a decision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge_trajectories.api_view import as_mapping
from forge_trajectories.blueprint import Fault, Step
from forge_trajectories.synthesis import texts_assistant as says
from forge_trajectories.synthesis.author_state import Dialogue, Made, Planned
from forge_trajectories.tools.ports import changes_data

MOST_RETRIES = 4
IMPATIENT = 2
"""Attempts at a call, in all, where the blueprint ends in failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What the assistant does: calls, or a question for facts (by index), or neither: the turn ends.

    Attributes:
        content: said with the calls, or the question; empty at the end of a turn, whose words are another part.
    """

    calls: Sequence[Planned] = ()
    asks: Sequence[int] = ()
    content: str = ""
    is_question: bool = False

    @property
    def ends(self) -> bool:
        """Whether the turn ends."""
        return not self.calls and not self.is_question


def next_action(dialogue: Dialogue, turn: int) -> Action:
    """The plan's next action in a turn."""
    blueprint = dialogue.blueprint
    untold = dialogue.untold(turn)
    if blueprint.ending == "no-call":
        return Action()
    if untold and not _asks_after_failure(dialogue):
        return Action(asks=untold, is_question=True, content=says.question(blueprint, dialogue.facts(untold)))
    for step in dialogue.steps(turn):
        if dialogue.is_open(step) and step.id in dialogue.failed:
            action = _recovery(dialogue, step, turn)
            if action is not None:
                return action
            dialogue.given_up.add(step.id)
    ready = [step for step in dialogue.steps(turn) if dialogue.is_open(step)]
    if blueprint.kind != "parallel":
        ready = ready[:1]
    if not ready:
        return Action()
    calls = [Planned(tool=step.tool, arguments=dialogue.arguments(step), step=step.id) for step in ready]
    return Action(calls=calls, content=_thought(dialogue, [step.tool for step in ready]))


def _thought(dialogue: Dialogue, tools: Sequence[str]) -> str:
    if dialogue.blueprint.candidates:
        return says.weighing(dialogue.blueprint)
    return says.thought(dialogue.blueprint, tools, number=len(dialogue.made))


def _asks_after_failure(dialogue: Dialogue) -> bool:
    return any("ask" in fault.recoveries for fault in dialogue.blueprint.faults)


def _recovery(dialogue: Dialogue, step: Step, turn: int) -> Action | None:
    """How a failed step is taken up again; None if it is given up."""
    failed = dialogue.failed[step.id]
    fault = dialogue.fault_of(failed[-1])
    if fault is None:
        return None
    fails = dialogue.blueprint.ending == "failure"
    for recovery in fault.recoveries:
        if recovery == "retry" and len(failed) < (IMPATIENT if fails else MOST_RETRIES):
            return _retry(dialogue, step, failed)
        if recovery == "repair" and not fails and (action := _repair(dialogue, step, fault, failed)):
            return action
        if recovery == "other-tool" and not fails and (action := _other(dialogue, step, fault)):
            return action
        if recovery == "ask" and (action := _ask(dialogue, step, fault, turn)):
            return action
    return None


def _ask(dialogue: Dialogue, step: Step, fault: Fault, turn: int) -> Action | None:
    """A question for what the user has not told, or the call with what they told."""
    untold = dialogue.untold(turn)
    if untold:
        text = says.question(dialogue.blueprint, dialogue.facts(untold), after_failure=True)
        return Action(asks=untold, is_question=True, content=text)
    return _repair(dialogue, step, fault, dialogue.failed[step.id]) if dialogue.told else None


def _retry(dialogue: Dialogue, step: Step, failed: Sequence[Made]) -> Action:
    last = failed[-1]
    content = says.retrying(dialogue.blueprint, last.observation, number=len(dialogue.made))
    return Action(calls=[Planned(tool=last.tool, arguments=last.arguments, step=step.id)], content=content)


def _repair(dialogue: Dialogue, step: Step, fault: Fault, failed: Sequence[Made]) -> Action | None:
    """The call with the fault's own correction, or as the plan has it where what failed was something else."""
    arguments = _repaired(fault, dialogue.arguments(step))
    if any(dict(made.arguments) == arguments for made in failed):
        return None
    # What the user has just said when asked needs no word of its own.
    content = "" if dialogue.told else says.repairing(dialogue.blueprint, number=len(dialogue.made))
    return Action(calls=[Planned(tool=step.tool, arguments=arguments, step=step.id)], content=content)


def _repaired(fault: Fault, arguments: Mapping[str, Any]) -> dict[str, Any]:
    given = fault.details.get("arguments")
    return {**arguments, **given} if isinstance(given, Mapping) else dict(arguments)


def _other(dialogue: Dialogue, step: Step, fault: Fault) -> Action | None:
    """The other tool, with those arguments that it takes too."""
    operation = dialogue.blueprint.operation(fault.other) if fault.other else None
    if operation is None or any(made.tool == fault.other for made in dialogue.failed[step.id]):
        return None
    taken = as_mapping(operation.parameters.get("properties"))
    arguments = {name: value for name, value in dialogue.arguments(step).items() if name in taken}
    given = fault.details.get("arguments")
    if isinstance(given, Mapping):
        arguments |= {name: value for name, value in given.items() if name in taken}
    own = dialogue.blueprint.operation(step.tool)
    lost = dialogue.failed[step.id][-1].observation.status == 0 and own is not None and changes_data(own)
    say = says.looking if lost else says.other_way
    content = say(dialogue.blueprint, failed=step.tool, other=fault.other)
    return Action(calls=[Planned(tool=fault.other, arguments=arguments, step=step.id)], content=content)
