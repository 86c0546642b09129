"""The rungs ``order``, ``reference`` and ``final-state``: the dialogue's calls against the blueprint's plan.

Each step of the plan is matched with the call that did it: same tool (or the one that a fault names instead), same
turn, and the arguments that the plan's bindings give, an argument from an observation being what was truly observed.
A call that no step needs is harmless if it only reads, or if it is an attempt that failed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forge_trajectories.blueprint import Blueprint, Fault, Step
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue, Made
from forge_trajectories.ladder.reading import same, spoken
from forge_trajectories.ladder.replaying import Replay
from forge_trajectories.plain_text import clip, compact_json
from forge_trajectories.pointer import ABSENT, at_pointer
from forge_trajectories.tools.operation import Operation

READING = frozenset({"GET", "HEAD", "OPTIONS"})
_READING_WORDS = frozenset(
    {"get", "list", "search", "find", "read", "fetch", "query", "show", "describe", "check", "lookup", "retrieve"}
)


@dataclass(slots=True, kw_only=True)
class Coverage:
    """Which call did which step.

    Attributes:
        done: by step, the call that did it. tried: by step, a call that was right and failed.
        problems: code and evidence of every step that no call did.
    """

    done: dict[str, Made] = field(default_factory=dict)
    tried: dict[str, Made] = field(default_factory=dict)
    problems: list[tuple[str, str]] = field(default_factory=list)


def cover(dialogue: Dialogue, replay: Replay, *, whole: bool = True) -> Coverage:
    """Match the plan with the calls; ``whole``: the dialogue is finished, so that every step has to be done."""
    blueprint = dialogue.blueprint
    assert blueprint is not None
    found = Coverage()
    used: set[int] = set()
    for step in blueprint.plan:
        wanted = wanted_arguments(blueprint, step, found)
        right = [made for made in _serving(dialogue, step, used) if not differing(blueprint, step, made, wanted)]
        well = [made for made in right if replay.ok(made)]
        clean = [made for made in well if not _fault_at(replay, made)]
        if well:
            found.done[step.id] = clean[0] if clean else well[-1]
            used.add(found.done[step.id].number)
        elif right:
            found.tried[step.id] = right[-1]
        elif whole and not _excused(blueprint, step, found):
            found.problems.append(_missing(dialogue, step, wanted, used))
    return found


def wanted_arguments(blueprint: Blueprint, step: Step, found: Coverage) -> dict[str, Any]:
    """The arguments that a step is to be called with, given what the steps before it came to."""
    return {name: _bound(blueprint, step, name, found) for name, binding in step.arguments.items()}


def _bound(blueprint: Blueprint, step: Step, name: str, found: Coverage) -> Any:
    binding = step.arguments[name]
    if binding.source == "user" and binding.fact is not None:
        return blueprint.facts[binding.fact].value
    if binding.source == "observation" and binding.step in found.done:
        value = at_pointer(found.done[str(binding.step)].value, binding.pointer)
        if value is not ABSENT:
            return value
    if name in step.expected:
        return step.expected[name]
    return binding.value


def differing(blueprint: Blueprint, step: Step, made: Made, wanted: Mapping[str, Any]) -> list[str]:
    """Names of the arguments in which a call is not what a step wants; a default may be given or left out."""
    forms = [
        wanted,
        *(_instead(blueprint, fault, wanted) for fault in blueprint.faults if fault.tool == step.tool),
    ]
    found = [_differing(blueprint.operation(made.tool), made, form) for form in forms]
    return min(found, key=len)


def _instead(blueprint: Blueprint, fault: Fault, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments after a fault: with its own correction, and only those that the other tool takes."""
    given = fault.details.get("arguments")
    found = {**wanted, **given} if isinstance(given, Mapping) else dict(wanted)
    other = blueprint.operation(fault.other) if fault.other else None
    if other is None:
        return found
    taken = other.parameters.get("properties")
    return {name: value for name, value in found.items() if isinstance(taken, Mapping) and name in taken}


def _differing(operation: Operation | None, made: Made, wanted: Mapping[str, Any]) -> list[str]:
    given = made.arguments if isinstance(made.arguments, Mapping) else {}
    names: list[str] = []
    for name in (*wanted, *(each for each in given if each not in wanted)):
        default = _default(operation, name)
        left, right = wanted.get(name, default), given.get(name, default)
        if left is _NONE or right is _NONE or not same(left, right):
            names.append(name)
    return names


_NONE = object()


def _default(operation: Operation | None, name: str) -> Any:
    properties = operation.parameters.get("properties") if operation is not None else None
    schema = properties.get(name) if isinstance(properties, Mapping) else None
    return schema.get("default", _NONE) if isinstance(schema, Mapping) else _NONE


def _serving(dialogue: Dialogue, step: Step, used: set[int]) -> Iterator[Made]:
    """Calls that may have done a step: of its tool, or of the tool that may stand in for it."""
    assert dialogue.blueprint is not None
    tools = {step.tool} | {fault.other for fault in dialogue.blueprint.faults if fault.tool == step.tool}
    for made in dialogue.calls:
        if made.tool in tools and made.turn == step.turn and made.number not in used and made.answer is not None:
            yield made


def _fault_at(replay: Replay, made: Made) -> str:
    observation = replay.of(made)
    return observation.fault if observation is not None else ""


def _excused(blueprint: Blueprint, step: Step, found: Coverage) -> bool:
    """Whether a step could not be done, because one that it waits for failed and the dialogue is to end so."""
    failed = set(found.tried)
    for earlier in blueprint.plan:
        if earlier.id == step.id:
            break
        if earlier.id not in found.done and failed & {earlier.id, *earlier.after}:
            failed.add(earlier.id)
    return blueprint.ending == "failure" and bool(failed & set(step.after))


def _missing(dialogue: Dialogue, step: Step, wanted: Mapping[str, Any], used: set[int]) -> tuple[str, str]:
    """Why no call did a step: none of its tool, one in another turn, one with other arguments."""
    assert dialogue.blueprint is not None
    for made in _serving(dialogue, step, used):
        names = differing(dialogue.blueprint, step, made, wanted)
        given = made.arguments if isinstance(made.arguments, Mapping) else {}
        taken = [name for name in names if name in step.arguments and step.arguments[name].source == "observation"]
        name = (taken or names)[0]
        shown = clip(compact_json(given.get(name)), 80)
        if taken:
            right = clip(compact_json(wanted[name]), 80)
            return (
                "order:wrong-id",
                f"{step.tool}: {name} is {shown}; the answer to {step.arguments[name].step} says {right}",
            )
        said = f"{step.tool}: {name} is {shown}; what was asked for is {clip(compact_json(wanted.get(name)), 80)}"
        return "reference:wrong-argument", said
    if any(made.tool == step.tool and made.number not in used for made in dialogue.calls):
        return "order:wrong-turn", f"{step.tool} is called in another turn than the one that asks for it"
    return "reference:missing-call", f"{step.tool} is never called, and the request needs it"


def check_order(dialogue: Dialogue, found: Coverage) -> Check:
    """What a step needs was there before it: the steps that it comes after had answered, and their ids were taken."""
    assert dialogue.blueprint is not None
    for code, evidence in found.problems:
        if code.startswith("order:"):
            return Check.failure(code, evidence)
    for step in dialogue.blueprint.plan:
        made = found.done.get(step.id) or found.tried.get(step.id)
        for before in step.after if made is not None else ():
            earlier = found.done.get(before)
            if made is not None and earlier is not None and (earlier.answer or 0) > made.message:
                evidence = f"{made.tool} is called before {earlier.tool}, whose answer it has to wait for"
                return Check.failure("order:too-early", evidence)
    return Check(check="order", passed=True if dialogue.blueprint.plan else None)


def check_reference(dialogue: Dialogue, found: Coverage, replay: Replay) -> Check:
    """Every step of the plan is done, but for those that a permanent failure prevents; nothing else was changed."""
    blueprint = dialogue.blueprint
    assert blueprint is not None
    problems = [each for each in found.problems if each[0].startswith("reference:")]
    if blueprint.ending != "failure" and not problems:
        problems = [
            ("reference:failed-call", f"{made.tool} never succeeded, and the request needs it")
            for step, made in found.tried.items()
            if step not in found.done
        ]
    problems = problems or list(extra_calls(dialogue, found, replay))
    if problems:
        return Check.failure(*problems[0])
    return Check(check="reference", passed=True if blueprint.plan or dialogue.calls else None)


def extra_calls(dialogue: Dialogue, found: Coverage, replay: Replay) -> Iterator[tuple[str, str]]:
    """Calls that no step needs and that are not harmless."""
    assert dialogue.blueprint is not None
    steps = {made.number for made in (*found.done.values(), *found.tried.values())}
    for made in dialogue.calls:
        observation = replay.of(made)
        if any(each.repeats(made) and each.message == made.message for each in dialogue.calls[: made.number]):
            yield "reference:repeated-call", f"{made.tool} is called twice at once with the same arguments"
        if made.number in steps:
            continue
        if observation is not None and observation.fault and (wrong := _wrong_first(dialogue, made, found)):
            yield "reference:wrong-argument", wrong
        if observation is not None and (not replay.ok(made) or observation.fault):
            continue
        earlier = [each for each in dialogue.calls[: made.number] if each.repeats(made) and each.turn == made.turn]
        if any(replay.ok(each) and not _fault_at(replay, each) for each in earlier):
            yield (
                "reference:repeated-call",
                f"{made.tool} is called again with the same arguments, after it had answered",
            )
        elif not only_reads(dialogue.blueprint.operation(made.tool)):
            yield "reference:extra-call", f"nobody asked for the call of {made.tool}, which changes something"


def _wrong_first(dialogue: Dialogue, made: Made, found: Coverage) -> str:
    """How a call that met a fault is none that the plan has: it failed for the fault, not for being wrong."""
    blueprint = dialogue.blueprint
    assert blueprint is not None
    meant = [step for step in blueprint.plan if step.tool == made.tool and step.turn == made.turn]
    wrong = [differing(blueprint, step, made, wanted_arguments(blueprint, step, found)) for step in meant]
    if not wrong or not min(wrong, key=len):
        return ""
    name = min(wrong, key=len)[0]
    given = made.arguments.get(name) if isinstance(made.arguments, Mapping) else None
    return f"{made.tool}: {name} is {clip(compact_json(given), 80)}, which is not what was asked for"


def only_reads(operation: Operation | None) -> bool:
    """Whether a call changes nothing: by its HTTP method, or else by the verb of its name."""
    if operation is None:
        return False
    if operation.method:
        return operation.method.upper() in READING
    return spoken(operation.tool).partition(" ")[0] in _READING_WORDS


def check_final_state(dialogue: Dialogue, replay: Replay) -> Check:
    """What the calls left behind is what the plan would have left."""
    assert dialogue.blueprint is not None
    wanted = dialogue.blueprint.final_state
    if wanted is None or not dialogue.calls:
        return Check(check="final-state", passed=None)
    if same(wanted, replay.state):
        return Check(check="final-state", passed=True)
    evidence = f"the state is {clip(compact_json(replay.state), 200)} instead of {clip(compact_json(wanted), 200)}"
    return Check.failure("final-state:differs", evidence)
