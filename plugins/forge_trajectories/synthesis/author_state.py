"""A dialogue while it is written: what was said, which steps of the plan are done, what failed.

Costs what the environment costs, some 20 microseconds a call besides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge.records import Message
from forge_trajectories.blueprint import Binding, Blueprint, Fact, Fault, Step
from forge_trajectories.execution.environment import Environment, Observation
from forge_trajectories.pointer import ABSENT, at_pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A call about to be made. ``step``: the step of the plan that it serves; empty if it serves none."""

    tool: str
    arguments: Mapping[str, Any]
    step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A call that was made, and what came back. ``turn``: the user's request that it serves."""

    tool: str
    arguments: Mapping[str, Any]
    observation: Observation
    step: str = ""
    turn: int = 0

    @property
    def worked(self) -> bool:
        """Whether what came back can be used: a success that can be read."""
        return self.observation.ok and self.observation.value is not None


@dataclass(slots=True, kw_only=True)
class Dialogue:
    """The state of one composition.

    Attributes:
        done: by step the call that served it. failed: by step the calls that did not, in their order.
        given_up: steps that will not be done. told: facts that the user has told on request, by index.
        made: every call, in order.
    """

    blueprint: Blueprint
    environment: Environment
    messages: list[Message] = field(default_factory=list)
    done: dict[str, Made] = field(default_factory=dict)
    failed: dict[str, list[Made]] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    told: set[int] = field(default_factory=set)
    made: list[Made] = field(default_factory=list)

    def say(self, role: Any, content: str) -> None:
        """Add a message without calls."""
        self.messages.append(Message(role=role, content=content))

    def execute(self, planned: Sequence[Planned]) -> list[Observation]:
        """What comes back from calls; `call` puts it into the dialogue."""
        return [self.environment.call(item.tool, item.arguments) for item in planned]

    def call(self, planned: Sequence[Planned], observations: Sequence[Observation], *, content: str, turn: int) -> None:
        """The assistant makes calls, all in one message; their observations follow in the same order."""
        first = len(self.made) + 1
        calls = [
            {"id": f"c{number}", "name": item.tool, "arguments": dict(item.arguments)}
            for number, item in enumerate(planned, first)
        ]
        self.messages.append(Message(role="assistant", content=content, tool_calls=calls))
        for number, (item, observation) in enumerate(zip(planned, observations, strict=True), first):
            answer = Message(
                role="tool", content=observation.content, tool_call_id=f"c{number}", origin=observation.origin
            )
            self.messages.append(answer)
            self._note(item, observation, turn)

    def untold(self, turn: int) -> list[int]:
        """Facts of a turn that the user tells only when asked, and was not asked for yet, by index."""
        facts = enumerate(self.blueprint.facts)
        return [index for index, fact in facts if fact.turn == turn and fact.told == "asked" and index not in self.told]

    def facts(self, indices: Sequence[int]) -> list[Fact]:
        """Facts by index."""
        return [self.blueprint.facts[index] for index in indices]

    def steps(self, turn: int) -> list[Step]:
        """The plan's steps of a turn."""
        return [step for step in self.blueprint.plan if step.turn == turn]

    def is_open(self, step: Step) -> bool:
        """Whether a step is still to be done and can be, as far as earlier steps go."""
        if step.id in self.done or step.id in self.given_up:
            return False
        return all(earlier in self.done for earlier in step.after)

    def arguments(self, step: Step) -> dict[str, Any]:
        """A step's arguments from the facts and from what came back so far."""
        return {name: self._value(binding, step, name) for name, binding in step.arguments.items()}

    def fault_of(self, made: Made) -> Fault | None:
        """The fault that a call met."""
        kind = made.observation.fault
        faults = [fault for fault in self.blueprint.faults if fault.kind == kind and kind]
        return next((fault for fault in faults if fault.tool == made.tool), faults[0] if faults else None)

    def step_for(self, tool: str, arguments: Mapping[str, Any], turn: int, taken: set[str]) -> str:
        """The step that a call would serve: one that is open, with the same tool, and best the same arguments.

        After a failure the tool that the fault names may stand in.
        """
        faults = self.blueprint.faults
        fits = [
            step
            for step in self.steps(turn)
            if step.id not in taken
            and self.is_open(step)
            and (
                step.tool == tool
                or (step.id in self.failed and any((each.tool, each.other) == (step.tool, tool) for each in faults))
            )
        ]
        alike = [step for step in fits if self.arguments(step) == dict(arguments)]
        chosen = alike or fits
        return chosen[0].id if chosen else ""

    def _note(self, item: Planned, observation: Observation, turn: int) -> None:
        made = Made(tool=item.tool, arguments=item.arguments, observation=observation, step=item.step, turn=turn)
        self.made.append(made)
        if item.step and made.worked and not self._is_stale(made):
            self.done[item.step] = made
        elif item.step:
            self.failed.setdefault(item.step, []).append(made)

    def _is_stale(self, made: Made) -> bool:
        """Whether an answer that can be read is better asked for again."""
        fault = self.fault_of(made)
        wanting = made.observation.fault in ("stale-data", "partial-success")
        return fault is not None and wanting and "retry" in fault.recoveries

    def _value(self, binding: Binding, step: Step, name: str) -> Any:
        if binding.source == "user" and binding.fact is not None:
            return self.blueprint.facts[binding.fact].value
        if binding.source == "observation" and binding.step is not None:
            made = self.done.get(binding.step)
            found = at_pointer(made.observation.value, binding.pointer) if made is not None else ABSENT
            return step.expected.get(name) if found is ABSENT else found
        return step.expected[name] if binding.source == "candidate" and name in step.expected else binding.value
