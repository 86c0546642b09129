"""The blueprint of a trajectory: what the user wants, which tools there are, what has to be called, what goes wrong.

A blueprint is made without a model and settles everything that can be checked later: `Trajectory.blueprint` holds its
JSON form, from which the checks work. Costs the standard library and orjson.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from forge.records import JsonObject, to_json
from forge_trajectories.tools.operation import Operation

KINDS = (
    "single",
    "choice",
    "parallel",
    "sequential",
    "multi-turn",
    "missing-parameter",
    "missing-tool",
    "irrelevance",
    "error-recovery",
    "decision-contrast",
    "planning",
    "code-to-documentation",
)
"""Kinds of trajectories; see docs/trajectories.md."""

Ending = Literal["answer", "no-call", "failure", "text"]
Told = Literal["query", "asked"]
Bound = Literal["user", "observation", "default", "candidate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that the user knows.

    Attributes:
        name: of the parameter it is for. value: JSON.
        told: ``query``: said with the request of its turn; ``asked``: only when the assistant asks for it.
        turn: the user's request it belongs to, from 0.
    """

    name: str
    value: Any
    told: Told = "query"
    turn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Where an argument's value comes from.

    Attributes:
        source: ``user`` (the fact ``fact``), ``observation`` (``pointer`` into the answer to ``step``), ``default``
            (the schema's default or only allowed value).
        fact: index into `Blueprint.facts`.
        step, pointer: id of an earlier step, and a JSON Pointer (RFC 6901) into its answer.
        value: of a default.
    """

    source: Bound
    fact: int | None = None
    step: str | None = None
    pointer: str = ""
    value: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One call of the plan, a node of its graph.

    Attributes:
        after: ids of the steps that must have answered before; every step that an argument is taken from is among them.
        turn: the user's request that it serves, from 0.
        expected: the arguments as the plan's own execution found them; filled in once the plan was executed.
    """

    id: str
    tool: str
    arguments: Mapping[str, Binding]
    after: Sequence[str] = ()
    turn: int = 0
    expected: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that goes wrong on purpose.

    Attributes:
        kind: one of `forge_trajectories.execution.faults.FAULTS`.
        tool: the tool it happens at. ordinal: at its how many-eth call, from 0. times: for how many calls in a row.
        recoveries: acceptable ones: ``retry``, ``repair``, ``other-tool``, ``ask``, ``failure``.
        other: the tool that can do instead, for ``other-tool``; details: kind-specific, JSON.
    """

    kind: str
    tool: str
    ordinal: int = 0
    times: int = 1
    recoveries: Sequence[str] = ()
    other: str = ""
    details: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An action that could be taken, for decision contrast: a call that is right, or one that is not, and why."""

    tool: str
    arguments: JsonObject
    right: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """Everything about a trajectory that is settled before a word of it is written.

    Attributes:
        id: blake2b-128 of kind, seed and tools.
        kind: one of `KINDS`. seed: of the execution.
        goals: what the user wants, one sentence a turn of the user's; without values.
        facts: what the user knows.
        operations: every tool that is offered or executed, in the order of offering. A tool in ``withheld`` is not
            offered: the one that is missing in ``missing-tool``.
        needed: tools that the plan calls.
        plan: its calls, in an order that its graph allows.
        faults: what goes wrong.
        ending: ``answer``; ``no-call`` (no tool fits: said so, no call made); ``failure`` (a permanent fault, honestly
            reported); ``text`` (planning, code-to-documentation: the assistant's text is the work).
        candidates: of a decision contrast.
        material: text that is given to the assistant: documentation to plan from, code to document.
        final_state: the environment's state after the plan, as `Environment.state` gives it.
        written: by part (``query``, ``clarification``, ``calls``, ``answer``, ...) who wrote it: ``blueprint`` or
            ``llm``; the texts of a part in ``drafts`` where the deterministic ones were used.
    """

    id: str
    kind: str
    seed: int
    goals: Sequence[str]
    operations: Sequence[Operation]
    facts: Sequence[Fact] = ()
    needed: Sequence[str] = ()
    withheld: Sequence[str] = ()
    plan: Sequence[Step] = ()
    faults: Sequence[Fault] = ()
    ending: Ending = "answer"
    candidates: Sequence[Candidate] = ()
    material: str = ""
    final_state: JsonObject | None = None
    written: Mapping[str, str] = field(default_factory=dict)

    def operation(self, tool: str) -> Operation | None:
        """The operation behind a tool; None if there is none of that name."""
        return next((operation for operation in self.operations if operation.tool == tool), None)

    def offered(self) -> list[Operation]:
        """The tools that the assistant sees."""
        return [operation for operation in self.operations if operation.tool not in self.withheld]


def to_object(blueprint: Blueprint) -> JsonObject:
    """The JSON form, which `Trajectory.blueprint` holds."""
    found: JsonObject = orjson.loads(to_json(dataclasses.asdict(blueprint)))
    return found


def from_object(value: JsonObject) -> Blueprint:
    """The blueprint that `to_object` made ``value`` from.

    Raises:
        ValueError: it is none.
    """
    try:
        parts: dict[str, Any] = dict(value)
        parts["operations"] = tuple(Operation(**item) for item in value["operations"])
        parts["facts"] = tuple(Fact(**item) for item in value.get("facts", ()))
        parts["plan"] = tuple(_step(item) for item in value.get("plan", ()))
        parts["faults"] = tuple(Fault(**item) for item in value.get("faults", ()))
        parts["candidates"] = tuple(Candidate(**item) for item in value.get("candidates", ()))
        return Blueprint(**parts)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no blueprint: {error}") from error


def _step(value: Mapping[str, Any]) -> Step:
    arguments = {name: Binding(**binding) for name, binding in value["arguments"].items()}
    return Step(**{**value, "arguments": arguments})
