"""Plans that are text: their calls, read back and checked as those of a dialogue are.

A call is JSON on a line of its own, ``{"name": ..., "arguments": {...}}``; ``"$1.data.id"`` stands for what the first
call's answer has there. The plan is executed in a fresh environment without faults, so that what stands for a value
can be put in before the arguments are checked.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from forge_trajectories.blueprint import Blueprint, Step
from forge_trajectories.ladder.arguments import schema_failure, ungrounded_in
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue, Made
from forge_trajectories.ladder.heard import heard_before
from forge_trajectories.ladder.reading import same
from forge_trajectories.plain_text import clip, compact_json, listed

_PLACE = re.compile(r"\$(\d+)((?:\.[^.\s]+)*)")
_MISSING = object()


@dataclass(slots=True, kw_only=True)
class Planned:
    """The calls of a plan.

    Attributes:
        broken: lines that look like a call and are none.
        values: what each call answered when the plan was executed, as far as it could be.
        resolved: arguments with every placeholder replaced; None where one leads nowhere.
    """

    calls: list[Made] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    resolved: list[dict[str, Any] | None] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)


def read_plan(dialogue: Dialogue) -> Planned:
    """The plan in the dialogue's last message, executed."""
    place = len(dialogue.messages) - 1
    found = planned_calls(dialogue.messages[place].content if place >= 0 else "", message=place)
    if dialogue.blueprint is not None:
        _execute(dialogue.blueprint, found)
    return found


def planned_calls(text: str, *, message: int = 0) -> Planned:
    """Calls of a plan's text, in their order."""
    found = Planned()
    for line in text.splitlines():
        bare = line.strip().strip("`").strip()
        if not bare.startswith("{"):
            continue
        try:
            value = orjson.loads(bare)
        except orjson.JSONDecodeError:
            value = None
        if isinstance(value, dict) and isinstance(value.get("name"), str) and isinstance(value.get("arguments"), dict):
            number = len(found.calls)
            found.calls.append(
                Made(
                    number=number,
                    id=f"c{number + 1}",
                    tool=value["name"],
                    arguments=value["arguments"],
                    message=message,
                    turn=0,
                )
            )
        else:
            found.broken.append(bare)
    return found


def _execute(blueprint: Blueprint, found: Planned) -> None:
    from forge_trajectories.execution.opening import open_environment

    environment = open_environment(blueprint, faults=False)
    for made in found.calls:
        arguments = _filled(made.arguments, found.values)
        found.resolved.append(None if arguments is _MISSING else arguments)
        if arguments is _MISSING or blueprint.operation(made.tool) is None:
            found.values.append(None)
            continue
        observation = environment.call(made.tool, arguments)
        found.values.append(observation.value)
        if not observation.ok:
            found.failed.append(made.number)


def _filled(value: Any, answers: Sequence[Any]) -> Any:
    """``value`` with its placeholders replaced; `_MISSING` if one leads nowhere."""
    if isinstance(value, Mapping):
        made = {key: _filled(item, answers) for key, item in value.items()}
        return _MISSING if any(item is _MISSING for item in made.values()) else made
    if isinstance(value, list):
        items = [_filled(item, answers) for item in value]
        return _MISSING if any(item is _MISSING for item in items) else items
    if isinstance(value, str) and (match := _PLACE.fullmatch(value)):
        number = int(match[1])
        if not 1 <= number <= len(answers):
            return _MISSING
        return _walk(answers[number - 1], match[2].split(".")[1:])
    return value


def _walk(value: Any, path: Sequence[str]) -> Any:
    for step in path:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return _MISSING
    return value


def check_plan(dialogue: Dialogue, found: Planned) -> Iterator[Check]:
    """The rungs from ``parses`` to ``reference`` for a plan; ends at the first failure."""
    rungs: tuple[Callable[[], Check], ...] = (
        lambda: _parses(found),
        lambda: _offered(dialogue, found),
        lambda: _arguments(dialogue, found),
        lambda: _grounded(dialogue, found),
        lambda: _executes(found),
        lambda: _order(dialogue, found),
        lambda: _reference(dialogue, found),
    )
    for rung in rungs:
        verdict = rung()
        yield verdict
        if verdict.passed is False:
            return


def _verdict(name: str, code: str = "", evidence: str = "") -> Check:
    return Check(
        check=name, passed=not code, code=f"{name}:{code}" if code and ":" not in code else code, evidence=evidence
    )


def _parses(found: Planned) -> Check:
    if found.broken:
        return _verdict("parses", "plan", f"a line of the plan is no call in JSON: {clip(found.broken[0], 120)!r}")
    if not found.calls:
        return _verdict("parses", "plan", "the plan holds no call as JSON on a line of its own")
    return _verdict("parses")


def _offered(dialogue: Dialogue, found: Planned) -> Check:
    assert dialogue.blueprint is not None
    names = {operation.tool for operation in dialogue.blueprint.operations}
    unknown = next((made.tool for made in found.calls if made.tool not in names), None)
    if unknown is None:
        return _verdict("tool-offered")
    return _verdict("tool-offered", "unknown-tool", f"{unknown!r} is not documented: {listed(sorted(names)[:12])}")


def _arguments(dialogue: Dialogue, found: Planned) -> Check:
    assert dialogue.blueprint is not None
    for made, arguments in zip(found.calls, found.resolved, strict=True):
        operation = dialogue.blueprint.operation(made.tool)
        given = made.arguments if arguments is None else arguments
        failed = schema_failure(made.tool, given, operation.parameters if operation is not None else {})
        if failed is not None and not (
            arguments is None and failed.code.endswith(("wrong-type", "wrong-enum", "bounds"))
        ):
            return failed
    return _verdict("arguments-valid")


def _grounded(dialogue: Dialogue, found: Planned) -> Check:
    assert dialogue.blueprint is not None
    for made, arguments in zip(found.calls, found.resolved, strict=True):
        if arguments is None:
            given = clip(compact_json(made.arguments), 160)
            return _verdict("grounded", "placeholder", f"{made.tool}: an argument points to no earlier answer: {given}")
        operation = dialogue.blueprint.operation(made.tool)
        literal = {name: value for name, value in made.arguments.items() if not _has_place(value)}
        bare = Made(
            number=made.number, id=made.id, tool=made.tool, arguments=literal, message=made.message, turn=made.turn
        )
        heard = heard_before(dialogue, made.message)
        parameters = operation.parameters if operation is not None else {}
        for code, evidence in ungrounded_in(bare, parameters, heard):
            return _verdict("grounded", code, evidence)
    return _verdict("grounded")


def _has_place(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_has_place(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_place(item) for item in value)
    return isinstance(value, str) and _PLACE.fullmatch(value) is not None


def _executes(found: Planned) -> Check:
    if found.failed:
        return _verdict("executes", "refused", f"{found.calls[found.failed[0]].tool} fails when the plan is executed")
    return _verdict("executes")


def _order(dialogue: Dialogue, found: Planned) -> Check:
    """Every step of the blueprint's plan comes after those that it needs, and takes its values where they are."""
    assert dialogue.blueprint is not None
    places = _places(dialogue.blueprint, found)
    for step in dialogue.blueprint.plan:
        made = places.get(step.id)
        for before in step.after if made is not None else ():
            if before in places and made is not None and places[before].number > made.number:
                return _verdict("order", "too-early", f"{step.tool} is planned before {places[before].tool}")
        for name, binding in step.arguments.items() if made is not None else ():
            if made is None or binding.source != "observation" or binding.step not in places:
                continue
            pointed = binding.pointer.replace("/", ".").replace("~1", "/").replace("~0", "~")
            right = f"${places[binding.step].number + 1}{pointed}"
            if made.arguments.get(name) != right:
                shown = clip(compact_json(made.arguments.get(name)), 80)
                return _verdict("order", "wrong-id", f"{step.tool}: {name} is {shown} and has to be {right}")
    return _verdict("order")


def _places(blueprint: Blueprint, found: Planned) -> dict[str, Made]:
    """The call of each step: in order of the plan, the first of its tool that no other step has, best by arguments."""
    used: set[int] = set()
    places: dict[str, Made] = {}
    for step in blueprint.plan:
        free = [made for made in found.calls if made.tool == step.tool and made.number not in used]
        free.sort(key=lambda made: (len(_different(blueprint, step, made)), made.number))
        if free:
            places[step.id] = free[0]
            used.add(free[0].number)
    return places


def _different(blueprint: Blueprint, step: Step, made: Made) -> list[str]:
    """Arguments that are not the plan's, apart from those that stand for an answer."""
    wrong = [name for name in made.arguments if name not in step.arguments]
    for name, binding in step.arguments.items():
        if binding.source == "observation":
            wrong += [name] if name not in made.arguments else []
            continue
        fact = blueprint.facts[binding.fact].value if binding.source == "user" and binding.fact is not None else None
        value = fact if binding.source == "user" else step.expected.get(name, binding.value)
        if name not in made.arguments or not same(made.arguments[name], value):
            wrong.append(name)
    return wrong


def _reference(dialogue: Dialogue, found: Planned) -> Check:
    assert dialogue.blueprint is not None
    places = _places(dialogue.blueprint, found)
    for step in dialogue.blueprint.plan:
        if step.id not in places:
            return _verdict("reference", "missing-call", f"the plan never calls {step.tool}, and the goal needs it")
        wrong = _different(dialogue.blueprint, step, places[step.id])
        if wrong:
            given = clip(compact_json(places[step.id].arguments.get(wrong[0])), 80)
            return _verdict("reference", "wrong-argument", f"{step.tool}: {wrong[0]} is {given}")
    if len(found.calls) > len(places):
        return _verdict("reference", "extra-call", "the plan makes a call that the goal does not need")
    return _verdict("reference")
