"""The ladder for one part at a time, for an author that can still mend it: a request, an action, an answer.

The same code as `forge_trajectories.ladder.verify` runs on the whole. Each function returns the failed check, whose
evidence says what to mend, or None. Costs as much as the rungs that are run: up to a millisecond, with executing the
calls so far.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from forge.records import Message
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.answers import check_answers
from forge_trajectories.ladder.arguments import check_arguments, check_grounded, check_offered
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.coverage import Coverage, cover, differing, only_reads, wanted_arguments
from forge_trajectories.ladder.dialogue import Dialogue, Made, read_messages
from forge_trajectories.ladder.kinds import check_kind
from forge_trajectories.ladder.parsing import check_parses
from forge_trajectories.ladder.plans import check_plan, read_plan
from forge_trajectories.ladder.queries import query_failure
from forge_trajectories.ladder.recovering import check_honest, check_recovery
from forge_trajectories.ladder.replaying import Replay, replay
from forge_trajectories.plain_text import clip, compact_json


def check_query(blueprint: Blueprint, turn: int, text: str) -> Check | None:
    """What is wrong with the user's request of a turn."""
    return query_failure(blueprint, turn, text)


def check_action(
    blueprint: Blueprint, messages: Sequence[Message], calls: Sequence[Mapping[str, Any]], *, thought: str = ""
) -> Check | None:
    """What is wrong with calls that the assistant is about to make.

    Args:
        blueprint: what the dialogue is to become.
        messages: so far, ending before the assistant's.
        calls: each ``{"name", "arguments"}``; an id may be left out.
        thought: what is said with them.
    """
    numbered = [{"id": f"next_{place}", **call} for place, call in enumerate(calls)]
    whole = [*messages, Message(role="assistant", content=thought, tool_calls=numbered)]
    dialogue = read_messages(whole, tools=_offered(blueprint), blueprint=blueprint)
    made = [each for each in dialogue.calls if each.message == len(messages)]
    for each in made:
        if not isinstance(each.arguments, Mapping):
            shown = clip(str(each.arguments), 120)
            return Check.failure("parses:arguments", f"the arguments are no object: {shown}")
    for check in (check_offered(dialogue), check_arguments(dialogue), check_grounded(dialogue)):
        if check.passed is False:
            return check
    done = [each for each in dialogue.calls if each.message < len(messages)]
    again = replay(blueprint, done)
    return next(_misplaced(blueprint, dialogue, made, again), None)


def _misplaced(blueprint: Blueprint, dialogue: Dialogue, made: Sequence[Made], again: Replay) -> Iterator[Check]:
    recovery = check_recovery(dialogue, again, whole=False)
    if recovery.passed is False:
        yield recovery
    covered = cover(dialogue, again, whole=False)
    taken: set[str] = set()
    for each in made:
        failed = _no_step(blueprint, each, covered, taken)
        if failed is not None and not only_reads(blueprint.operation(each.tool)):
            yield failed


def _no_step(blueprint: Blueprint, made: Made, covered: Coverage, taken: set[str]) -> Check | None:
    """Why no open step of the plan wants a call; notes the step that does."""
    nearest: Check | None = None
    for step in blueprint.plan:
        others = {fault.other for fault in blueprint.faults if fault.tool == step.tool}
        if (
            step.id in covered.done
            or step.id in taken
            or step.turn != made.turn
            or made.tool not in {step.tool, *others}
        ):
            continue
        wanted = wanted_arguments(blueprint, step, covered)
        wrong = differing(blueprint, step, made, wanted)
        waiting = [each for each in step.after if each not in covered.done]
        if not wrong and not waiting:
            taken.add(step.id)
            return None
        if nearest is None and waiting:
            nearest = Check.failure("order:too-early", f"{made.tool} has to wait for the answer to another call")
        elif nearest is None:
            given = made.arguments.get(wrong[0]) if isinstance(made.arguments, Mapping) else None
            shown, right = clip(compact_json(given), 80), clip(compact_json(wanted.get(wrong[0])), 80)
            nearest = Check.failure(
                "reference:wrong-argument", f"{made.tool}: {wrong[0]} is {shown} and has to be {right}"
            )
    return nearest or Check.failure("reference:extra-call", f"nobody asked for this call of {made.tool}")


def check_answer(blueprint: Blueprint, messages: Sequence[Message], text: str) -> Check | None:
    """What is wrong with the text that is to close a turn: an answer, a plan or a documentation."""
    whole = [*messages, Message(role="assistant", content=text)]
    dialogue = read_messages(whole, tools=_offered(blueprint), blueprint=blueprint)
    return next((check for check in _answer_checks(blueprint, dialogue) if check.passed is False), None)


def _answer_checks(blueprint: Blueprint, dialogue: Dialogue) -> Iterator[Check]:
    yield check_parses(dialogue, whole=False)
    if blueprint.kind == "planning":
        yield from check_plan(dialogue, read_plan(dialogue))
    if blueprint.ending == "text":
        yield check_kind(dialogue, Replay())
        return
    turn = dialogue.turn_at(len(dialogue.messages) - 1)
    again = replay(blueprint, dialogue.calls)
    yield check_answers(dialogue, [turn], again)
    yield check_honest(dialogue, again, [turn])
    if turn == len(blueprint.goals) - 1:
        yield check_kind(dialogue, again)


def _offered(blueprint: Blueprint) -> list[dict[str, object]]:
    if blueprint.ending == "text":
        return []
    return [operation.offered() for operation in blueprint.offered()]
