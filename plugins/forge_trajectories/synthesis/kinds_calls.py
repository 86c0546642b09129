"""Blueprints in which tools are called and nothing goes wrong: single, choice, parallel, sequential, multi-turn.

Each function draws one up from an operation of the graph, or gives None where it does not lend itself to it.
"""

from forge_trajectories.picking import Picks
from forge_trajectories.synthesis.facts import known_values, other_value
from forge_trajectories.synthesis.plans import Draft
from forge_trajectories.synthesis.plans_goals import chain_goal, follow_up, goal, side_by_side, wanted
from forge_trajectories.tools.graph import Walk, distractors, siblings, walk, web
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import READING
from forge_trajectories.tools.store import Group


def single(group: Group, at: int, picks: Picks) -> Draft | None:
    """One tool, one call."""
    draft = Draft(kind="single", picks=picks)
    return _one_call(draft, group, at)


def choice(group: Group, at: int, picks: Picks) -> Draft | None:
    """One call, and three to seven tools besides that are easily taken for the right one."""
    draft = Draft(kind="choice", picks=picks)
    if _one_call(draft, group, at) is None:
        return None
    return offer_around(draft, group, [at], count=3 + picks.below(5), least=2)


def parallel(group: Group, at: int, picks: Picks) -> Draft | None:
    """Two or three calls that do not wait for each other: one tool with other values, or several tools."""
    draft = Draft(kind="parallel", picks=picks)
    count = 2 + (picks.below(3) == 0)
    places = [at]
    for place in _companions(group, at):
        if len(places) < count and all(_apart(group, place, other) for other in places):
            places.append(place)
    if len(places) < 2 or (group.operations[at].parameters.get("required") and picks.below(2)):
        made = _repeated(draft, group.operations[at], count)
        places = [at]
    else:
        operations = [draft.add(group.operations[place]) for place in places]
        made = all(draft.step(operation) is not None for operation in operations)
        draft.goals.append(side_by_side(operations))
    if not made:
        return None
    return offer_around(draft, group, places, count=picks.below(4), least=0)


def sequential(group: Group, at: int, picks: Picks) -> Draft | None:
    """Two to four calls, of which later ones are fed by earlier ones: a chain, or one call that takes from several."""
    draft = Draft(kind="sequential", picks=picks)
    found = web(group, at, picks, length=2 + picks.below(3))
    if found is None or not chained(draft, found):
        return None
    return offer_around(draft, group, list(found.places), count=picks.below(4), least=0)


def multi_turn(group: Group, at: int, picks: Picks) -> Draft | None:
    """Two or three requests; later ones take up what earlier ones gave, where the graph has such an edge."""
    draft = Draft(kind="multi-turn", picks=picks)
    found = walk(group, at, picks, length=2 + picks.below(2))
    places = list(found.places) if found is not None else [at, *_companions(group, at)[: 1 + picks.below(2)]]
    if found is None:
        # What is deleted is deleted last; the others come in the order in which they were found.
        places.sort(key=lambda place: group.abouts[place].effect == "delete")
    asked = {wanted(group.operations[place]).lower() for place in places}
    if len(places) < 2 or len(asked) < len(places):
        return None
    made: dict[int, str] = {}
    for turn, place in enumerate(places):
        operation = draft.add(group.operations[place])
        link = found.links[turn - 1] if found is not None and turn else None
        fed = {link.parameter: (made[link.producer], link.pointer)} if link is not None else {}
        step = draft.step(operation, turn=turn, fed=fed)
        if step is None:
            return None
        made[place] = step.id
        draft.goals.append(follow_up(operation, link.pointer) if link is not None else goal(operation))
    return offer_around(draft, group, places, count=picks.below(4), least=0)


def chained(draft: Draft, found: Walk) -> bool:
    """Take calls that feed each other in as the steps of one request; False if a value cannot be said."""
    made: dict[int, str] = {}
    operations: list[Operation] = []
    taken: list[list[tuple[int, str]]] = []
    for place in found.places:
        operation = draft.add(found.group.operations[place])
        links = [link for link in found.links if link.consumer == place]
        fed = {link.parameter: (made[link.producer], link.pointer) for link in links}
        step = draft.step(operation, fed=fed)
        if step is None:
            return False
        taken.append([(list(made).index(link.producer), link.pointer) for link in links])
        made[place] = step.id
        operations.append(operation)
    draft.goals.append(chain_goal(operations, taken))
    return True


def offer_around(draft: Draft, group: Group, needed: list[int], *, count: int, least: int) -> Draft | None:
    """Offer near neighbours too, and shuffle all tools; None if there are fewer than ``least`` of them."""
    said = {wanted(group.operations[place]).lower() for place in needed}
    around = distractors(group, needed, draft.picks, count=count)
    # A tool that is asked for in the same words would be no wrong choice.
    around = [place for place in around if wanted(group.operations[place]).lower() not in said]
    if len(around) < least:
        return None
    for place in around:
        draft.add(group.operations[place])
    left, draft.operations = draft.operations, []
    while left:
        draft.operations.append(left.pop(draft.picks.below(len(left))))
    return draft


def _one_call(draft: Draft, group: Group, at: int) -> Draft | None:
    operation = draft.add(group.operations[at])
    draft.goals.append(goal(operation))
    return draft if draft.step(operation) is not None else None


def _apart(group: Group, one: int, other: int) -> bool:
    """Whether two calls can be made at once: asked for in different words, none changes what the other is about."""
    first, second = group.abouts[one], group.abouts[other]
    if wanted(group.operations[one]).lower() == wanted(group.operations[other]).lower():
        return False
    both_read = first.effect in READING and second.effect in READING
    return both_read or first.resource != second.resource


def _companions(group: Group, at: int) -> list[int]:
    """Operations that make sense beside this one, without an edge between them, and that delete nothing."""
    linked = {link.consumer for link in group.links if link.producer == at}
    linked |= {link.producer for link in group.links if link.consumer == at}
    near = siblings(group, at)
    far = [place for place in range(len(group.operations)) if place != at and place not in near]
    found = [place for place in (*near[:12], *far) if place not in linked]
    return [place for place in found if group.abouts[place].effect != "delete"][:12]


def _repeated(draft: Draft, operation: Operation, count: int) -> bool:
    """The same call with other values: they differ in one required parameter, and agree in what else is required."""
    operation = draft.add(operation)
    values = known_values(operation, draft.picks, optional=0)
    if not values:
        return False
    properties = operation.parameters["properties"]
    plain = [
        name
        for name, value in values.items()
        if isinstance(value, (str, int, float)) and not isinstance(value, bool) and "enum" not in properties[name]
    ]
    if not plain:
        return False
    varied = next((name for name in plain if name.lower().endswith("id")), plain[-1])
    used: list[object] = [values[varied]]
    for _ in range(count - 1):
        value = other_value(varied, properties[varied], draft.picks, than=used)
        if value is None:
            return False
        used.append(value)
    for value in used:
        draft.step(operation, values={**values, varied: value})
    draft.goals.append(side_by_side([operation] * count))
    return True
