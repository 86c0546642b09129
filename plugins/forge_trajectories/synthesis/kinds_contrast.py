"""Blueprints of a decision: several candidate calls, one right, and a true reason against each of the others."""

from collections.abc import Mapping
from typing import Any

from forge_trajectories.blueprint import Candidate
from forge_trajectories.execution.schemas import fits
from forge_trajectories.picking import Picks
from forge_trajectories.synthesis.kinds_calls import offer_around
from forge_trajectories.synthesis.plans import Draft
from forge_trajectories.synthesis.plans_goals import goal, wanted
from forge_trajectories.tools.graph import could_do, distractors
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import changes_data
from forge_trajectories.tools.store import Group

_CHANGES = (
    "it would {other} and so change data, while only reading is asked for",
    "it changes data ({other}), and nothing is to be changed",
)
_LACKS = (
    "it needs {missing}, which the user has not given",
    "without a value for {missing} it cannot be called",
)
_OTHER = (
    "it would {other}, which is not what is asked for",
    "what it does is to {other}; that does not serve the request",
)
_RIGHT = (
    "it does what is asked, to {wanted}, and every value that it needs is there",
    "it is made to {wanted}, and nothing that it needs is missing",
)


def decision_contrast(group: Group, at: int, picks: Picks) -> Draft | None:
    """The right call and one to three wrong ones, weighed before the call is made."""
    draft = Draft(kind="decision-contrast", picks=picks)
    operation = draft.add(group.operations[at])
    draft.goals.append(goal(operation))
    if draft.step(operation) is None:
        return None
    known = {fact.name: fact.value for fact in draft.facts}
    why = picks.one(_RIGHT).format(wanted=wanted(operation))
    candidates = [Candidate(tool=operation.tool, arguments=known, right=True, why=why)]
    count = 1 + picks.below(3)
    for place in distractors(group, [at], picks, count=count + 3):
        other = group.operations[place]
        may_do = could_do(group.abouts[place], group.abouts[at])
        reason = _reason(other, operation, known, picks, may_do=may_do)
        if reason and len(candidates) <= count:
            named = draft.add(other)
            candidates.append(Candidate(tool=named.tool, arguments=_fitting(named, known), right=False, why=reason))
    if len(candidates) < 2:
        return None
    while candidates:
        draft.candidates.append(candidates.pop(picks.below(len(candidates))))
    return offer_around(draft, group, [at], count=picks.below(2), least=0)


def _reason(other: Operation, right: Operation, known: Mapping[str, Any], picks: Picks, *, may_do: bool) -> str:
    """Why ``other`` is wrong, truly; empty if it might do."""
    missing = [name for name in other.parameters.get("required", ()) if name not in known]
    reasons = []
    if missing:
        reasons.append(picks.one(_LACKS).format(missing=missing[0]))
    if changes_data(other) and not changes_data(right):
        reasons.append(picks.one(_CHANGES).format(other=wanted(other)))
    if wanted(other) != wanted(right) and not may_do:
        reasons.append(picks.one(_OTHER).format(other=wanted(other)))
    return picks.one(reasons) if reasons else ""


def _fitting(operation: Operation, known: Mapping[str, Any]) -> dict[str, Any]:
    """What of the known values the call would take."""
    properties = operation.parameters.get("properties", {})
    return {name: value for name, value in known.items() if name in properties and fits(value, properties[name])}
