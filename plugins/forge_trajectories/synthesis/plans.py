"""A blueprint while it is drawn up: operations get names of their own, values become facts, calls become steps.

Costs a few microseconds a part; `finished` executes the plan, which costs what the environment costs.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge.records import JsonObject, stable_id
from forge_trajectories.blueprint import Binding, Blueprint, Candidate, Ending, Fact, Fault, Step, Told
from forge_trajectories.picking import Picks
from forge_trajectories.pointer import ABSENT, at_pointer
from forge_trajectories.synthesis.facts import default_of, known_values
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.operations import unique_name
from forge_trajectories.tools.ports import nouns_of, static_parts

_BARE = frozenset({"id", "name", "key", "slug", "code", "uuid", "number"})


@dataclass(slots=True, kw_only=True)
class Draft:
    """What will be a blueprint."""

    kind: str
    picks: Picks
    operations: list[Operation] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    goals: list[str] = field(default_factory=list)
    withheld: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    candidates: list[Candidate] = field(default_factory=list)
    ending: Ending = "answer"
    material: str = ""
    taken: set[str] = field(default_factory=set)

    def add(self, operation: Operation, *, withheld: bool = False) -> Operation:
        """Take an operation in, under a name of its own; one that is there already stays as it is."""
        known = next((item for item in self.operations if item.api == operation.api), None)
        if known is not None:
            return known
        name = unique_name(operation.tool, self.taken)
        found = operation if name == operation.tool else dataclasses.replace(operation, tool=name)
        self.operations.append(found)
        if withheld:
            self.withheld.append(name)
        return found

    def fact(self, name: str, value: Any, *, told: Told = "query", turn: int = 0) -> int:
        """The place of a fact; what was told in this turn or before is not told again."""
        for place, known in enumerate(self.facts):
            if (known.name, known.told) == (name, told) and known.turn <= turn and same(known.value, value):
                return place
        self.facts.append(Fact(name=name, value=value, told=told, turn=turn))
        return len(self.facts) - 1

    def step(
        self,
        operation: Operation,
        *,
        turn: int = 0,
        fed: Mapping[str, tuple[str, str]] | None = None,
        values: Mapping[str, Any] | None = None,
        after: Sequence[str] = (),
    ) -> Step | None:
        """The next call; None if what it needs cannot be said.

        Args:
            operation: what is called; taken in already.
            turn: the request that it serves.
            fed: by parameter the step and pointer that give its value.
            values: what the user says; made up if it is not given.
            after: steps that it waits for besides those that feed it.
        """
        fed = fed or {}
        shared = {fact.name: fact.value for fact in self.facts if fact.told == "query"}
        said = values if values is not None else self._said(operation, fed, shared)
        if said is None:
            return None
        arguments: dict[str, Binding] = {}
        for name, schema in operation.parameters.get("properties", {}).items():
            if name in fed:
                arguments[name] = Binding(source="observation", step=fed[name][0], pointer=fed[name][1])
            elif name in said:
                arguments[name] = Binding(source="user", fact=self.fact(name, said[name], turn=turn))
            elif name in operation.parameters.get("required", ()):
                arguments[name] = Binding(source="default", value=default_of(schema))
        before = dict.fromkeys([*after, *(step for step, _ in fed.values())])
        step = Step(
            id=f"s{len(self.steps) + 1}", tool=operation.tool, arguments=arguments, after=tuple(before), turn=turn
        )
        self.steps.append(step)
        return step

    def _said(self, operation: Operation, fed: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any] | None:
        """Values for a call; one that goes by a name that was told before keeps its value where its kind agrees."""
        found = known_values(operation, self.picks, without=set(fed))
        if found is None:
            return None
        properties = operation.parameters["properties"]
        for name in found:
            if name not in shared or type(shared[name]) is not type(found[name]) or "enum" in properties[name]:
                continue
            if name.lower() in _BARE and not self._is_of_same(operation, name):
                return None  # two things' ids would go by one name, and no one could tell which is which
            found[name] = shared[name]
        return found

    def _is_of_same(self, operation: Operation, name: str) -> bool:
        """Whether a bare ``id`` means the same thing for all calls so far that are told it."""
        own = _before(operation, name)
        told = {step.tool for step in self.steps if name in step.arguments and step.arguments[name].source == "user"}
        return all(_before(other, name) == own for other in self.operations if other.tool in told)

    def drawn(self) -> Blueprint:
        """The blueprint as it is, not executed."""
        seed = self.picks.below(1 << 31)
        needed = tuple(dict.fromkeys(step.tool for step in self.steps))
        tools = [f"{operation.tool}={operation.api}" for operation in self.operations]
        return Blueprint(
            id=stable_id(self.kind, str(seed), *tools),
            kind=self.kind,
            seed=seed,
            goals=tuple(self.goals),
            operations=tuple(self.operations),
            facts=tuple(self.facts),
            needed=needed,
            withheld=tuple(self.withheld),
            plan=tuple(self.steps),
            faults=tuple(self.faults),
            ending=self.ending,
            candidates=tuple(self.candidates),
            material=self.material,
        )


def _before(operation: Operation, name: str) -> str:
    """What a path parameter of that name is the id of: the path before it; the operation's thing for any other."""
    head, found, _ = operation.path.partition(f"{{{name}}}")
    return "/".join(static_parts(head)) if found else next(iter(nouns_of(operation)), "")


def executed(blueprint: Blueprint) -> Blueprint | None:
    """The blueprint with what its plan came to when it was called; None if a call fails or a value is not there."""
    from forge_trajectories.execution.opening import open_environment

    environment = open_environment(blueprint, faults=False)
    answers: dict[str, Any] = {}
    steps: list[Step] = []
    for step in blueprint.plan:
        arguments = resolved(blueprint, step, answers)
        if arguments is None:
            return None
        observation = environment.call(step.tool, {**arguments, **_mended(blueprint, step.tool)})
        if not observation.ok or observation.value is None:
            return None
        answers[step.id] = observation.value
        steps.append(dataclasses.replace(step, expected=arguments))
    state: JsonObject | None = environment.state() if blueprint.ending in ("answer", "no-call") else None
    return dataclasses.replace(blueprint, plan=tuple(steps), final_state=state)


def _mended(blueprint: Blueprint, tool: str) -> Mapping[str, Any]:
    """Arguments that a call comes to have once it was mended after a fault."""
    given = [
        fault.details["arguments"] for fault in blueprint.faults if fault.tool == tool and "arguments" in fault.details
    ]
    return given[0] if given else {}


def resolved(blueprint: Blueprint, step: Step, answers: Mapping[str, Any]) -> dict[str, Any] | None:
    """A step's arguments, given the answers so far; None if one is not there, or is nothing to go by."""
    found: dict[str, Any] = {}
    for name, binding in step.arguments.items():
        if binding.source == "user" and binding.fact is not None:
            found[name] = blueprint.facts[binding.fact].value
        elif binding.source == "observation" and binding.step is not None:
            value = at_pointer(answers.get(binding.step), binding.pointer)
            if value is ABSENT or value is None or isinstance(value, (dict, list)) or value == "":
                return None
            found[name] = value
        else:
            found[name] = binding.value
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; true is not one."""
    return type(one) is type(other) and bool(one == other)
