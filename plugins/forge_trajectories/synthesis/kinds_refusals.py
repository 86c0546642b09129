"""Blueprints in which a call cannot be made yet, or at all: missing parameter, missing tool, irrelevance."""

import dataclasses

from forge_trajectories.blueprint import Fact
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import compact_json
from forge_trajectories.synthesis.facts import is_secret, known_values
from forge_trajectories.synthesis.kinds_calls import offer_around
from forge_trajectories.synthesis.plans import Draft
from forge_trajectories.synthesis.plans_goals import goal
from forge_trajectories.tools.graph import could_do, siblings
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.store import Group

LEAST_CHARS = 3
"""Of a value that is kept back: a shorter one could stand in the request by chance."""


def missing_parameter(group: Group, at: int, picks: Picks) -> Draft | None:
    """One call, of whose required values the user keeps one or two back until asked."""
    draft = Draft(kind="missing-parameter", picks=picks)
    operation = draft.add(group.operations[at])
    draft.goals.append(goal(operation))
    if draft.step(operation) is None:
        return None
    required = operation.parameters.get("required", ())
    fit = [place for place, fact in enumerate(draft.facts) if fact.name in required and _can_be_kept(fact, draft)]
    if not fit:
        return None
    count = 1 + (len(fit) > 2 and picks.below(3) == 0)
    for _ in range(count):
        place = fit.pop(picks.below(len(fit)))
        draft.facts[place] = dataclasses.replace(draft.facts[place], told="asked")
    return offer_around(draft, group, [at], count=picks.below(4), least=0)


def missing_tool(group: Group, at: int, picks: Picks) -> Draft | None:
    """A request for which there is a tool, which is not offered; its neighbours are, and none of them will do."""
    draft = Draft(kind="missing-tool", picks=picks, ending="no-call")
    near = [place for place in siblings(group, at) if not could_do(group.abouts[place], group.abouts[at])]
    far = [place for place in range(len(group.operations)) if place != at and place not in near]
    far = [place for place in far if not could_do(group.abouts[place], group.abouts[at])]
    return _refused(draft, group.operations[at], group, [*near[:5], *far[:3]], count=2 + picks.below(4))


def irrelevance(group: Group, at: int, picks: Picks, *, other: Group) -> Draft | None:
    """A request to which tools of another provider's service, on other things, are offered."""
    if other.provider == group.provider:
        return None
    draft = Draft(kind="irrelevance", picks=picks, ending="no-call")
    about = set(group.abouts[at].nouns)
    foreign = [place for place, each in enumerate(other.abouts) if about.isdisjoint(each.nouns)]
    return _refused(draft, group.operations[at], other, foreign, count=1 + picks.below(5))


def _refused(draft: Draft, wanted: Operation, others: Group, places: list[int], *, count: int) -> Draft | None:
    """A draft of a request that nothing offered serves: ``count`` of the ``places`` in ``others`` at most."""
    if not places:
        return None
    missing = draft.add(wanted, withheld=True)
    values = known_values(missing, draft.picks)
    if values is None:
        return None
    for name, value in values.items():
        draft.fact(name, value)
    draft.goals.append(goal(missing))
    left = list(places)
    for _ in range(min(count, len(left))):
        draft.add(others.operations[left.pop(draft.picks.below(len(left)))])
    return draft


def _can_be_kept(fact: Fact, draft: Draft) -> bool:
    """A plain value that is not told by way of another, or of what is wanted."""
    if not isinstance(fact.value, (str, int, float)) or isinstance(fact.value, bool) or is_secret(fact.name):
        return False
    text = _letters(str(fact.value))
    others = [compact_json(other.value) for other in draft.facts if other is not fact]
    return len(text) >= LEAST_CHARS and text not in _letters(" ".join([*draft.goals, *others]))


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
