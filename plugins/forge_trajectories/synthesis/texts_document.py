"""What the assistant writes where its text is the work, without a model: plans of calls, and documentation of an API.

Some 50 microseconds a text.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from forge_trajectories.api_view import Field, fields
from forge_trajectories.blueprint import Binding, Blueprint, Step
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import compact_json, first_sentence, listed, one_line
from forge_trajectories.synthesis.texts import bare_goal, spoken
from forge_trajectories.tools.operation import Operation

_PLAN_LEADS = ("", "Plan:", "Here is the plan.", "The calls, in order:", "I would go about it like this:")
_STEPS = (
    "Call {tool}: {what}.",
    "Use {tool} to {what}.",
    "{tool}: {what}.",
    "With {tool}, {what}.",
)
_FROM = (" It takes the {names} from step {steps}.", " The {names} comes from step {steps}.", " (Needs step {steps}.)")
_PARAMETERS = ("Parameters", "Arguments", "Request parameters", "What it takes")
_NO_PARAMETERS = ("It takes no parameters.", "No parameters.", "There are no parameters.")
_KINDS = {"object": "a JSON object", "array": "a JSON array", "string": "a text", "boolean": "true or false"}
_RETURNS = ("Returns {}.", "The answer is {}.", "Answer: {}.", "A successful call answers with {}.")


def plan(blueprint: Blueprint) -> str:
    """A numbered plan: a sentence a step, and below it the call as JSON on a line of its own."""
    lead = Picks(f"{blueprint.id}/plan/lead").one(_PLAN_LEADS)
    text = plan_text(plan_value(blueprint)["steps"])
    return f"{lead}\n{text}" if lead else text


def plan_value(blueprint: Blueprint) -> dict[str, Any]:
    """The plan as data: ``{"steps": [{"why", "name", "arguments"}]}``."""
    picks = Picks(f"{blueprint.id}/plan")
    numbers = {step.id: number for number, step in enumerate(blueprint.plan, 1)}
    form = picks.one(_STEPS)
    steps = [
        {
            "why": _sentence(blueprint, step, form, picks, numbers=numbers),
            "name": step.tool,
            "arguments": planned(blueprint, step, numbers),
        }
        for step in blueprint.plan
    ]
    return {"steps": steps}


def plan_text(steps: Sequence[Mapping[str, Any]]) -> str:
    """The text of a plan's steps."""
    lines: list[str] = []
    for number, step in enumerate(steps, 1):
        lines.append(f"{number}. {one_line(step['why'])}")
        lines.append(compact_json({"name": step["name"], "arguments": step["arguments"]}))
    return "\n".join(lines)


def planned(blueprint: Blueprint, step: Step, numbers: Mapping[str, int]) -> dict[str, Any]:
    """A step's arguments as a plan writes them: values that are known, and ``$1.data.id`` for those that are not."""
    return {name: _planned(blueprint, binding, numbers) for name, binding in step.arguments.items()}


def documentation(blueprint: Blueprint) -> str:
    """Documentation of the API that the material calls: method and path or function, and every parameter."""
    picks = Picks(f"{blueprint.id}/documentation")
    names = set(blueprint.needed)
    wanted = [operation for operation in blueprint.operations if operation.tool in names] or blueprint.operations[:1]
    return "\n\n".join(_documented(operation, picks) for operation in wanted)


def request_line(operation: Operation) -> str:
    """``GET /things/{id}``, or the function's dotted path, or the tool's name."""
    return " ".join(part for part in (operation.method, operation.path) if part) or operation.tool


def _sentence(blueprint: Blueprint, step: Step, form: str, picks: Picks, *, numbers: Mapping[str, int]) -> str:
    operation = blueprint.operation(step.tool)
    about = first_sentence(operation.description, 120) if operation is not None else ""
    text = form.format(tool=step.tool, what=bare_goal(about) or spoken(step.tool))
    taken = {name: binding for name, binding in step.arguments.items() if binding.source == "observation"}
    if not taken:
        return text
    steps = sorted({numbers[binding.step or ""] for binding in taken.values()})
    return text + picks.one(_FROM).format(
        names=listed([spoken(name) for name in taken]), steps=listed([str(number) for number in steps])
    )


def _planned(blueprint: Blueprint, binding: Binding, numbers: Mapping[str, int]) -> Any:
    if binding.source == "user" and binding.fact is not None:
        return blueprint.facts[binding.fact].value
    if binding.source == "observation" and binding.step is not None:
        return f"${numbers.get(binding.step, 0)}{_dotted(binding.pointer)}"
    return binding.value


def _dotted(pointer: str) -> str:
    parts = pointer.split("/")[1:]
    return "".join(f".{part.replace('~1', '/').replace('~0', '~')}" for part in parts)


def _documented(operation: Operation, picks: Picks) -> str:
    title = spoken(operation.tool)
    line = request_line(operation)
    head = picks.one((f"# {title[0].upper()}{title[1:]}\n\n`{line}`", f"## {line}", f"### {operation.tool}\n\n{line}"))
    parts = [head]
    if operation.description:
        parts.append(operation.description)
    taken = fields(operation.parameters)
    parts.append(_parameters(taken, picks) if taken else picks.one(_NO_PARAMETERS))
    if operation.returns:
        kind = operation.returns.get("type")
        parts.append(picks.one(_RETURNS).format(_KINDS.get(kind, "JSON") if isinstance(kind, str) else "JSON"))
    return "\n\n".join(parts)


def _parameters(taken: Sequence[Field], picks: Picks) -> str:
    head = picks.one(_PARAMETERS)
    if picks.below(3) == 0:
        rows = [f"| {item.name} | {item.type} | {'yes' if item.required else 'no'} | {_cell(item)} |" for item in taken]
        return "\n".join([f"{head}:", "", "| Name | Type | Required | Description |", "|---|---|---|---|", *rows])
    form = picks.one(("- `{}` ({}, {}): {}", "* {} ({}, {}): {}", "- **{}** ({}, {}): {}"))
    lines = [
        form.format(item.name, item.type, "required" if item.required else "optional", item.about(160)).rstrip(": ")
        for item in taken
    ]
    return "\n".join([f"{head}:", "", *lines])


def _cell(item: Field) -> str:
    return item.about(160).replace("|", "/")
