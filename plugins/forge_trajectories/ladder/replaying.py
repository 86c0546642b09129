"""The rung ``executes``: the calls are made once more, and every answer has to be the one that is stored.

What came from a mock, a simulator or a recording is a function of operations, seed and calls, so its value has to be
equal. What a model answered cannot be made again: it has to be where the blueprint wants a model's answer, and to fit
the documented schema. The observations that come back carry the status and the fault of each call, which the later
rungs need.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from forge.records import JsonObject
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.llm_simulator import unfit
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue, Made
from forge_trajectories.ladder.reading import same


@dataclass(slots=True, kw_only=True)
class Replay:
    """What came back: one observation a call, in the calls' order; the state that they left."""

    observations: list[Observation] = field(default_factory=list)
    state: JsonObject = field(default_factory=dict)

    def of(self, made: Made) -> Observation | None:
        """The observation of a call; None if it was not executed."""
        return self.observations[made.number] if made.number < len(self.observations) else None

    def ok(self, made: Made) -> bool:
        """Whether a call did what it was to do: answered well, and whole."""
        found = self.of(made)
        return found is not None and found.ok and found.value is not None


def replay(blueprint: Blueprint, calls: Sequence[Made]) -> Replay:
    """Make the calls once more in a fresh environment with the blueprint's faults."""
    from forge_trajectories.execution.opening import open_environment

    environment = open_environment(blueprint)
    found = Replay()
    for made in calls:
        arguments = made.arguments if isinstance(made.arguments, Mapping) else {}
        found.observations.append(environment.call(made.tool, arguments))
    found.state = environment.state()
    return found


def check_executes(dialogue: Dialogue, found: Replay) -> Check:
    """Stored answers are the answers that executing gives."""
    assert dialogue.blueprint is not None
    for made in dialogue.calls:
        again = found.of(made)
        if made.answer is None or again is None:
            continue
        code, evidence = _unlike(dialogue.blueprint, made, again)
        if code:
            return Check.failure(f"executes:{code}", evidence)
    return Check(check="executes", passed=True if dialogue.calls else None)


def _unlike(blueprint: Blueprint, made: Made, again: Observation) -> tuple[str, str]:
    """Code and evidence of how a stored answer is not what executing gives; both empty if it is."""
    if made.origin != again.origin:
        return "origin", f"the answer of {made.tool} is said to be {made.origin}, and is {again.origin}"
    if made.origin == "llm":
        operation = blueprint.operation(made.tool)
        wrong = unfit(operation, made.value) if made.parsed and operation is not None else "it is no JSON"
        return ("shape", f"what a model answered for {made.tool} does not fit: {wrong}") if wrong else ("", "")
    if made.content != again.content and not _is_same(made, again):
        return "differs", f"{made.tool} answered {_where(made.content, again.content)} when it was executed again"
    return "", ""


def _is_same(made: Made, again: Observation) -> bool:
    """Whether two texts are the same JSON: stored schemas have lost the order of their properties."""
    if not made.parsed or again.value is None or not same(made.value, again.value):
        return False
    return sorted(made.content) == sorted(again.content) or _blanks(made.content) == _blanks(again.content)


def _blanks(text: str) -> list[str]:
    """A text's characters without blanks, sorted: the same for the same JSON, unless a name stands in it twice."""
    return sorted("".join(text.split()))


def _where(stored: str, again: str) -> str:
    """Both texts from where they begin to differ."""
    shorter = min(len(stored), len(again))
    place = next((at for at in range(shorter) if stored[at] != again[at]), shorter)
    start = max(place - 20, 0)
    return f"{again[start : place + 40]!r} instead of {stored[start : place + 40]!r}"
