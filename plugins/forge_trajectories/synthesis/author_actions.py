"""What a model says that the assistant does next, read; and whether it is the moment for it.

Whether calls are valid and answers supported is the ladder's to say; here is only what comes in which order. A few
microseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from forge.records import JsonObject
from forge_trajectories.ladder.check import Check
from forge_trajectories.plain_text import listed
from forge_trajectories.synthesis.author_policy import Action
from forge_trajectories.synthesis.author_state import Dialogue, Planned

MOST_STRAYS = 2
"""Calls in a turn that no step wants: a model may look around, not for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """An action in a model's words.

    Attributes:
        text: the question, the answer, or the thought that goes with calls.
        calls: each ``{"name", "arguments"}``.
    """

    kind: Literal["calls", "ask", "answer", "finish"]
    text: str = ""
    calls: Sequence[JsonObject] = ()

    def planned(self, dialogue: Dialogue, turn: int) -> list[Planned]:
        """The calls, each with the step that it would serve."""
        found: list[Planned] = []
        for call in self.calls:
            tool, arguments = str(call["name"]), call["arguments"]
            taken = {item.step for item in found}
            step = dialogue.step_for(tool, arguments, turn, taken)
            found.append(Planned(tool=tool, arguments=arguments, step=step))
        return found


def as_said(value: Mapping[str, Any]) -> Said:
    """Read an action that fits the schema of `prompts_schema.action_schema`."""
    action = value["action"]
    if "calls" in action:
        return Said(kind="calls", calls=action["calls"], text=str(action.get("thought", "")).strip())
    if "ask" in action:
        return Said(kind="ask", text=action["ask"].strip())
    if "answer" in action:
        return Said(kind="answer", text=action["answer"].strip())
    return Said(kind="finish")


def from_said(action: Action, *, has_thought: bool, answer: str | None) -> JsonObject:
    """A planned action in the form that a model gives it; ``answer`` None where the turn just ends."""
    if action.is_question:
        return {"action": {"ask": action.content}}
    if action.calls:
        calls = [{"name": call.tool, "arguments": dict(call.arguments)} for call in action.calls]
        return {"action": {"thought": action.content, "calls": calls} if has_thought else {"calls": calls}}
    return {"action": {"finish": True} if answer is None else {"answer": answer}}


def misplaced(said: Said, planned: Action, dialogue: Dialogue, turn: int) -> Check | None:
    """What is wrong with the moment of an action, if anything; ``planned`` is what the blueprint would do."""
    if said.kind == "ask":
        return None if planned.is_question else _needless_question()
    if said.kind == "calls":
        return _needless_call(said) if dialogue.blueprint.ending == "no-call" else _wandering(said, dialogue, turn)
    if planned.is_question:
        names = listed([fact.name for fact in dialogue.facts(planned.asks)])
        return Check.failure("kind:no-question", f"The user has not told {names}; ask for it first.")
    if planned.calls:
        tools = listed([call.tool for call in planned.calls])
        return Check.failure("reference:missing-call", f"It is too early to end: {tools} still has to be called.")
    return None


def _wandering(said: Said, dialogue: Dialogue, turn: int) -> Check | None:
    """A call again that has answered, or one call too many that no step of the plan wants."""
    made = [each for each in dialogue.made if each.turn == turn]
    for call in said.calls:
        again = [each for each in made if (each.tool, dict(each.arguments)) == (call["name"], call["arguments"])]
        if any(each.worked and not each.observation.fault for each in again):
            evidence = f"{call['name']} has answered this call already; go on with its answer."
            return Check.failure("reference:repeated-call", evidence)
    strays = sum(each.worked and not each.step for each in made)
    strays += sum(not planned.step for planned in said.planned(dialogue, turn))
    if strays > MOST_STRAYS:
        return Check.failure(
            "reference:extra-call", "These calls do not lead to what the user wants; call what does, or answer."
        )
    return None


def _needless_question() -> Check:
    return Check.failure("kind:needless-question", "Nothing is missing, so do not ask the user; call a tool or answer.")


def _needless_call(said: Said) -> Check:
    tools = listed([str(call["name"]) for call in said.calls])
    return Check.failure("kind:needless-call", f"{tools} does not do what the user wants; say that no tool here does.")
