"""The verification ladder: every rung in order, cheap ones first, up to the first failure.

    checks = verify(trajectory)
    failed = first_failure(checks)

Works on the stored form of a trajectory alone. An imported one, which has no blueprint, gets the rungs that can be
asked of it: ``parses``, ``tool-offered``, ``arguments-valid``; the others do not apply. Some 1.5
milliseconds a trajectory, a quarter of it executing the calls again.
"""

from collections.abc import Iterator, Sequence

from forge.records import Trajectory
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.answers import check_answers
from forge_trajectories.ladder.arguments import check_arguments, check_grounded, check_offered
from forge_trajectories.ladder.check import CHECKS, Check
from forge_trajectories.ladder.coverage import check_final_state, check_order, check_reference, cover
from forge_trajectories.ladder.dialogue import Dialogue, read
from forge_trajectories.ladder.kinds import check_kind
from forge_trajectories.ladder.parsing import check_parses
from forge_trajectories.ladder.plans import check_plan, read_plan
from forge_trajectories.ladder.queries import check_queries
from forge_trajectories.ladder.recovering import check_honest, check_recovery
from forge_trajectories.ladder.replaying import Replay, check_executes, replay

TEXT_KINDS = frozenset({"planning", "code-to-documentation"})
"""Kinds in which nothing is called: the assistant's text is the work."""
UNREADABLE = "parses:unreadable"


def verify(trajectory: Trajectory, *, blueprint: Blueprint | None = None) -> list[Check]:
    """The verdicts up to the first failure, in the order of `CHECKS`; the judge's is not among them.

    ``duplicate`` depends on what else was accepted and does not apply here: see `ladder.duplicates.Seen`.

    Args:
        trajectory: as it is stored; the checks that it carries count for nothing.
        blueprint: the trajectory's own, where it is at hand; it is read from the trajectory otherwise.
    """
    try:
        dialogue = read(trajectory, blueprint)
    except (ValueError, TypeError, KeyError, IndexError) as error:
        evidence = f"the trajectory cannot be read: {error}"
        return [Check.failure(UNREADABLE, evidence)]
    found: list[Check] = []
    for check in _rungs(dialogue):
        found.append(check)
        if check.passed is False:
            break
    return found


def first_failure(checks: Sequence[Check]) -> Check | None:
    """The check that failed; None if none did."""
    return next((check for check in checks if check.passed is False), None)


def _rungs(dialogue: Dialogue) -> Iterator[Check]:
    if dialogue.blueprint is None:
        yield from _imported(dialogue)
    elif dialogue.kind in TEXT_KINDS:
        yield from _text(dialogue)
    else:
        yield from _executed(dialogue)
    yield Check(check="duplicate", passed=None)


def _imported(dialogue: Dialogue) -> Iterator[Check]:
    yield check_parses(dialogue)
    yield check_offered(dialogue)
    yield check_arguments(dialogue)
    yield check_grounded(dialogue)
    for name in CHECKS[CHECKS.index("executes") : CHECKS.index("duplicate")]:
        yield Check(check=name, passed=None, evidence="there is no blueprint")


def _executed(dialogue: Dialogue) -> Iterator[Check]:
    yield check_parses(dialogue)
    yield check_offered(dialogue)
    yield check_arguments(dialogue)
    said = check_queries(dialogue)
    yield said if said is not None else check_grounded(dialogue)
    assert dialogue.blueprint is not None
    again = replay(dialogue.blueprint, dialogue.calls)
    yield check_executes(dialogue, again)
    covered = cover(dialogue, again)
    yield check_order(dialogue, covered)
    yield check_reference(dialogue, covered, again)
    yield check_final_state(dialogue, again)
    turns = turns_of(dialogue)
    yield check_answers(dialogue, turns, again)
    yield check_recovery(dialogue, again)
    yield check_honest(dialogue, again, turns)
    yield check_kind(dialogue, again)


def _text(dialogue: Dialogue) -> Iterator[Check]:
    parsed = check_parses(dialogue)
    if dialogue.kind != "planning" or dialogue.calls or not parsed.passed:
        yield parsed  # a plan's own lines are read with it, below
    offered = check_offered(dialogue)
    if dialogue.kind != "planning" or not offered.passed:
        yield offered
    if dialogue.calls:
        yield check_kind(dialogue, Replay())
        return
    if (said := check_queries(dialogue)) is not None:
        yield said
    if dialogue.kind == "planning":
        yield from check_plan(dialogue, read_plan(dialogue))
    yield check_kind(dialogue, Replay())


def turns_of(dialogue: Dialogue) -> list[int]:
    """The turns that the user's messages belong to."""
    return sorted({turn for _, turn in dialogue.asked})
