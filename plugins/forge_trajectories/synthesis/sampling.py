"""Blueprints, each a function of the catalogue's tools and of (kind, seed, number) alone.

    blueprint = sample(graph, kind="sequential", number=7, seed=1)

Numbers in a row draw operations spread evenly over the weighted line of all that suit the kind, so that a run of a
hundred hardly ever draws one twice. An operation that does not lend itself to the kind after all is passed over for
the next; after `MAX_TRIES` there is no blueprint of that number. About two milliseconds each, execution included.
"""

from collections.abc import Callable, Mapping

from forge.records import stable_id
from forge_trajectories.blueprint import KINDS, Blueprint
from forge_trajectories.picking import Picks
from forge_trajectories.synthesis.dataflow import problems
from forge_trajectories.synthesis.kinds_calls import choice, multi_turn, parallel, sequential, single
from forge_trajectories.synthesis.kinds_contrast import decision_contrast
from forge_trajectories.synthesis.kinds_errors import error_recovery
from forge_trajectories.synthesis.kinds_refusals import irrelevance, missing_parameter, missing_tool
from forge_trajectories.synthesis.kinds_texts import code_to_documentation, planning
from forge_trajectories.synthesis.plans import Draft, executed
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.store import ASKS, CODED, CROWD, FED, RICH, Group

MAX_TRIES = 12
_GOLDEN = 0x9E3779B97F4A7C15  # 2**64 over the golden ratio: multiples of it fill a line evenly, however many there are

Draw = Callable[[Group, int, Picks], Draft | None]

_DRAWS: Mapping[str, Draw] = {
    "single": single,
    "choice": choice,
    "parallel": parallel,
    "sequential": sequential,
    "multi-turn": multi_turn,
    "missing-parameter": missing_parameter,
    "missing-tool": missing_tool,
    "error-recovery": error_recovery,
    "decision-contrast": decision_contrast,
    "planning": planning,
    "code-to-documentation": code_to_documentation,
}
_TRAITS: Mapping[str, int] = {
    "single": RICH,
    "choice": RICH | CROWD,
    "parallel": RICH | CROWD,
    "sequential": FED | RICH,
    "multi-turn": RICH | CROWD,
    "missing-parameter": RICH | ASKS,
    "missing-tool": CROWD,
    "irrelevance": 0,
    "error-recovery": RICH | CROWD,
    "decision-contrast": RICH | CROWD,
    "planning": FED,
    "code-to-documentation": CODED,
}


def sample(graph: ToolGraph, *, kind: str, number: int, seed: int) -> Blueprint | None:
    """A blueprint that stands up to the check of its data flow and whose plan was executed; None if none was found.

    Args:
        graph: the tools.
        kind: one of `KINDS`.
        number: running index within the kind, from 0.
        seed: of the whole run.
    """
    if kind not in KINDS:
        raise ValueError(f"kind {kind!r} is none of {', '.join(KINDS)}")
    start = int(stable_id(kind, str(seed))[:16], 16)
    for attempt in range(MAX_TRIES):
        picks = Picks(f"{seed}/{kind}/{number}/{attempt}")
        # A first try keeps to the even spread; a second goes off it, so that it is no other number's first.
        point = start + number * _GOLDEN + attempt * int(stable_id("again", kind, str(number), str(attempt))[:16], 16)
        draft = _drawn(graph, kind, point, picks)
        if draft is None:
            continue
        blueprint = draft.drawn()
        if problems(blueprint):
            continue
        done = executed(blueprint)
        if done is not None and not problems(done):
            return done
    return None


def _drawn(graph: ToolGraph, kind: str, point: int, picks: Picks) -> Draft | None:
    place = graph.draw(point, traits=_TRAITS[kind])
    if place is None:
        return None
    group = graph.group(place.group)
    if kind != "irrelevance":
        return _DRAWS[kind](group, place.at, picks)
    other = graph.draw(picks.below(1 << 64))
    return irrelevance(group, place.at, picks, other=graph.group(other.group)) if other is not None else None
