"""The check of a blueprint before a word of its dialogue is paid for: can what it plans be done, from what is known?

Every required argument has to be obtainable: from the user, by the time of the call; from an earlier answer whose
documentation has that value; or from a default. Pure; some 100 microseconds a blueprint.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from forge_trajectories.api_view import as_list, as_mapping
from forge_trajectories.blueprint import KINDS, Binding, Blueprint, Step
from forge_trajectories.execution.schemas import fits, validator_of
from forge_trajectories.plain_text import compact_json, dangling
from forge_trajectories.synthesis.facts import default_of, is_sayable
from forge_trajectories.tools.operation import Operation

_TEXTS = ("planning", "code-to-documentation")
_REFUSALS = ("missing-tool", "irrelevance")
_ENDINGS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(KINDS, ("answer",)),
    **dict.fromkeys(_TEXTS, ("text",)),
    **dict.fromkeys(_REFUSALS, ("no-call",)),
    "error-recovery": ("answer", "failure"),
}


def problems(blueprint: Blueprint) -> list[str]:
    """What stands against the blueprint, one line each; empty if nothing does."""
    return [*_frame(blueprint), *_graph(blueprint), *_flow(blueprint), *_facts(blueprint), *_around(blueprint)]


def _frame(blueprint: Blueprint) -> Iterator[str]:
    if blueprint.kind not in KINDS:
        yield f"kind {blueprint.kind!r} is none of {', '.join(KINDS)}"
        return
    if blueprint.ending not in _ENDINGS[blueprint.kind]:
        yield f"a {blueprint.kind} does not end in {blueprint.ending!r}"
    names = [operation.tool for operation in blueprint.operations]
    yield from (f"tool {name!r} is there {count} times" for name, count in Counter(names).items() if count > 1)
    yield from (f"{name!r} is withheld and no tool" for name in blueprint.withheld if name not in names)
    called = list(dict.fromkeys(step.tool for step in blueprint.plan))
    if set(called) != set(blueprint.needed):
        yield f"needed are {sorted(blueprint.needed)}, called are {sorted(called)}"
    if (blueprint.ending == "no-call") == bool(blueprint.plan):
        yield "a plan and no call" if blueprint.plan else "there is no plan"
    if blueprint.ending not in ("no-call", "text"):
        yield from (f"{tool} is needed and not offered" for tool in called if tool in blueprint.withheld)
    turns = {step.turn for step in blueprint.plan} | {fact.turn for fact in blueprint.facts}
    if not blueprint.goals or any(not goal.strip() for goal in blueprint.goals):
        yield "a request has no goal"
    yield from (f"a goal breaks off: {end!r}" for goal in blueprint.goals if (end := dangling(goal)))
    if turns and max(turns) >= len(blueprint.goals):
        yield f"{len(blueprint.goals)} goals, and something in request {max(turns) + 1}"


def _graph(blueprint: Blueprint) -> Iterator[str]:
    """Steps come after those that they wait for."""
    turns: dict[str, int] = {}
    for step in blueprint.plan:
        if blueprint.operation(step.tool) is None:
            yield f"{step.id}: there is no tool {step.tool!r}"
        if step.id in turns:
            yield f"{step.id} is there twice"
        for before in step.after:
            if before not in turns:
                yield f"{step.id} waits for {before}, which does not come before it"
            elif turns[before] > step.turn:
                yield f"{step.id} waits for {before} of a later request"
        turns[step.id] = step.turn


def _flow(blueprint: Blueprint) -> Iterator[str]:
    """Each argument can be had, and what can be had fits."""
    steps = {step.id: step for step in blueprint.plan}
    for step in blueprint.plan:
        operation = blueprint.operation(step.tool)
        if operation is None:
            continue
        properties = as_mapping(operation.parameters.get("properties"))
        for name in as_list(operation.parameters.get("required")):
            if name not in step.arguments:
                yield f"{step.id}: {step.tool} needs {name}, which nobody gives"
        for name, binding in step.arguments.items():
            if name not in properties:
                yield f"{step.id}: {step.tool} has no parameter {name}"
                continue
            if wrong := _bound(blueprint, steps, step, binding=binding, schema=properties[name]):
                yield f"{step.id}: {step.tool}: {name}: {wrong}"
        if step.expected and not validator_of(operation.parameters).is_valid(dict(step.expected)):
            yield f"{step.id}: {step.tool} does not take {compact_json(dict(step.expected))[:200]}"


def _bound(
    blueprint: Blueprint, steps: Mapping[str, Step], step: Step, *, binding: Binding, schema: Mapping[str, Any]
) -> str:
    """Why an argument cannot be had as it is bound; empty if it can."""
    if binding.source == "user":
        return _said(blueprint, step, binding, schema)
    if binding.source == "observation":
        giver = steps.get(binding.step or "")
        if giver is None or not _comes_before(steps, step, giver.id):
            return f"the answer of {binding.step!r} is not there by then"
        operation = blueprint.operation(giver.tool)
        return "" if operation and gives(operation, binding.pointer, schema) else f"no {binding.pointer} in the answer"
    if binding.source == "default":
        return "" if binding.value is not None and binding.value == default_of(schema) else "it has no such default"
    return f"{binding.source!r} is no source of a value"


def _said(blueprint: Blueprint, step: Step, binding: Binding, schema: Mapping[str, Any]) -> str:
    if binding.fact is None or not 0 <= binding.fact < len(blueprint.facts):
        return "the user knows no such fact"
    fact = blueprint.facts[binding.fact]
    if fact.turn > step.turn:
        return "the user says it in a later request"
    return "" if fits(fact.value, schema) else f"what the user says does not fit: {compact_json(fact.value)[:80]}"


def _comes_before(steps: Mapping[str, Step], step: Step, wanted: str) -> bool:
    """Whether ``wanted`` is among what a step waits for, directly or not."""
    open_, seen = list(step.after), set()
    while open_:
        name = open_.pop()
        if name == wanted:
            return True
        if name in steps and name not in seen:
            seen.add(name)
            open_ += steps[name].after
    return False


def gives(operation: Operation, pointer: str, schema: Mapping[str, Any]) -> bool:
    """Whether the documented answer of a call has a value at ``pointer`` of a type that ``schema`` takes."""
    part: Mapping[str, Any] = as_mapping(operation.returns)
    for key in pointer.split("/")[1:]:
        inside = as_mapping(part.get("properties"))
        name = key.replace("~1", "/").replace("~0", "~")
        if name in inside:
            part = as_mapping(inside[name])
        elif key.isdigit() and "items" in part:
            part = as_mapping(part["items"])
        else:
            return False
    given, taken = _types(part), _types(schema)
    if "integer" in given and "number" in taken:
        given |= {"number"}
    return not given or not taken or not given.isdisjoint(taken)


def _types(schema: Mapping[str, Any]) -> set[str]:
    kind = schema.get("type")
    return {kind} if isinstance(kind, str) else {item for item in as_list(kind) if isinstance(item, str)}


def _facts(blueprint: Blueprint) -> Iterator[str]:
    used = {binding.fact for step in blueprint.plan for binding in step.arguments.values() if binding.source == "user"}
    repaired = any(fault.details.get("arguments") for fault in blueprint.faults)
    for place, fact in enumerate(blueprint.facts):
        if not is_sayable(fact.value):
            yield f"nobody could say {fact.name} = {compact_json(fact.value)[:80]}"
        if blueprint.plan and place not in used and not (repaired and fact.told == "asked"):
            yield f"the user says {fact.name}, and nothing asks for it"
    asked = any(fact.told == "asked" for fact in blueprint.facts)
    may_ask = any("ask" in fault.recoveries for fault in blueprint.faults)
    if asked != (blueprint.kind == "missing-parameter") and not may_ask:
        yield "something is told only when asked" if asked else "nothing is missing from the request"


def _around(blueprint: Blueprint) -> Iterator[str]:
    """Faults, candidates and material."""
    offered = {operation.tool for operation in blueprint.offered()}
    if bool(blueprint.faults) != (blueprint.kind == "error-recovery"):
        yield "nothing goes wrong" if not blueprint.faults else "something goes wrong"
    for fault in blueprint.faults:
        if fault.tool not in blueprint.needed:
            yield f"a fault at {fault.tool}, which is not called"
        if not fault.recoveries:
            yield f"nothing can be done about {fault.kind}"
        if "other-tool" in fault.recoveries and fault.other not in offered:
            yield f"{fault.other!r} is to stand in for {fault.tool} and is not offered"
    if blueprint.kind == "decision-contrast":
        right = [candidate.tool for candidate in blueprint.candidates if candidate.right]
        if len(right) != 1 or len(blueprint.candidates) < 2 or right[0] not in blueprint.needed:
            yield "of several candidates exactly one, which the plan calls, has to be right"
        yield from (
            f"candidate {item.tool} is not offered" for item in blueprint.candidates if item.tool not in offered
        )
    if (blueprint.kind in _TEXTS) != bool(blueprint.material):
        yield "there is nothing to read" if not blueprint.material else "there is material that nobody asks about"
    if blueprint.kind in _TEXTS and offered:
        yield f"{min(offered)} is offered, and nothing is to be called"
