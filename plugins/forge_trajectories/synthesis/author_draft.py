"""From a composition to a trajectory with its checks, its cost and its licence; and which part a failed check blames.

The ladder costs a few milliseconds a trajectory.
"""

from dataclasses import asdict, dataclass

from forge.llm import Call, Prices, Result
from forge.records import UNKNOWN_LICENSE, JsonObject, Trajectory, stable_id
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.synthesis.author import Composed

_BLAMED = {
    "executes": ("observation",),
    "grounded": ("calls", "query"),
    "answer-supported": ("answer", "plan", "documentation"),
    "honest": ("answer",),
    "kind": ("plan", "documentation", "thought", "clarification", "calls", "answer"),
    "judge": ("answer", "query", "plan", "documentation"),
    "duplicate": ("query",),
}
_BLAMED_FIRST = ("calls", "plan", "documentation", "answer", "thought", "clarification", "query", "observation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """Answers, tokens and US dollars."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0

    def plus(self, other: "Bill") -> "Bill":
        """Both together."""
        mine, theirs = asdict(self), asdict(other)
        return Bill(**{name: mine[name] + theirs[name] for name in mine})

    def less(self, other: "Bill") -> "Bill":
        """What is beyond the other; nothing is owed back."""
        mine, theirs = asdict(self), asdict(other)
        return Bill(**{name: max(0, mine[name] - theirs[name]) for name in mine})


@dataclass(slots=True, kw_only=True)
class Usage:
    """What one attempt asked.

    Attributes:
        paid: keys of answers of earlier attempts at the blueprint, and of this one: the journal has them for nothing.
        calls: repairs included. prompt, completion, cost: of every answer of this attempt, also of those that
            were of no use. The ``new_`` ones: of those not in ``paid`` before.
    """

    paid: set[str]
    calls: int = 0
    prompt: int = 0
    completion: int = 0
    cost: float = 0.0
    new_calls: int = 0
    new_prompt: int = 0
    new_completion: int = 0
    new_cost: float = 0.0

    def add(self, call: Call, result: Result, *, model: str, prices: Prices) -> None:
        """Count one call, whatever came of it."""
        cost = prices.cost(result.prompt_tokens, result.completion_tokens)
        self.calls += max(1, result.answers)
        self.prompt += result.prompt_tokens
        self.completion += result.completion_tokens
        self.cost += cost
        key = call.key(model)
        if key not in self.paid:
            # What nobody answered is asked anew by the next attempt, and is no call that was paid.
            if result.answers:
                self.paid.add(key)
            self.new_calls += result.answers
            self.new_prompt += result.prompt_tokens
            self.new_completion += result.completion_tokens
            self.new_cost += cost

    def as_object(self) -> JsonObject:
        """The form in which `Trajectory.usage` keeps it."""
        return {"calls": self.calls, "prompt_tokens": self.prompt, "completion_tokens": self.completion}

    def new(self) -> Bill:
        """What was not in ``paid`` before."""
        return Bill(
            calls=self.new_calls,
            prompt_tokens=self.new_prompt,
            completion_tokens=self.new_completion,
            cost=self.new_cost,
        )


def draft_of(composed: Composed, usage: Usage, *, model: str, source: str, number: int) -> Trajectory:
    """The trajectory that a composition makes, without checks."""
    blueprint = composed.blueprint
    return Trajectory(
        id=stable_id(source, blueprint.id, model, str(number)),
        tools=[operation.offered() for operation in blueprint.offered()],
        messages=tuple(composed.messages),
        blueprint=composed.stored,
        model=model or None,
        usage=usage.as_object() if usage.calls else {},
        cost=usage.cost,
        source=source,
        license=license_of(blueprint),
    )


def checked(composed: Composed, draft: Trajectory) -> tuple[list[Check], Check | None]:
    """The ladder's checks of a draft, and the one that failed; of a refused composition those before its refusal."""
    if composed.refusal is None:
        checks = verify(draft, blueprint=composed.blueprint)
        return checks, first_failure(checks)
    failed = composed.refusal.check
    return [failed], failed


def blamed(failed: Check, wrote: set[str]) -> str:
    """The part that a failed check is put down to, among those that a model wrote; empty if it wrote none."""
    order = (*_BLAMED.get(failed.check, ()), *_BLAMED_FIRST)
    return next((part for part in order if part in wrote), "")


def license_of(blueprint: Blueprint) -> str:
    """The licences of its operations' documentation, all of which hold: joined by AND; unknown if any is."""
    found = sorted({operation.license for operation in blueprint.operations})
    if not found or UNKNOWN_LICENSE in found:
        return UNKNOWN_LICENSE
    if len(found) == 1:
        return found[0]
    return " AND ".join(f"({each})" if " OR " in each or " AND " in each else each for each in found)
