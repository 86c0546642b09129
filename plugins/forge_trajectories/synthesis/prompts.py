"""What a model is asked when it writes a part: short prompts that begin with the tools, answers as JSON by schema.

The tools come first and are the same for every part of a dialogue but the user's, who knows none; the dialogue comes
next and only grows, so that a provider's cache of prefixes hits. Some 50 microseconds a prompt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from forge.llm import Call
from forge.records import JsonObject, Message, to_json
from forge_trajectories.api_view import fields
from forge_trajectories.blueprint import Blueprint, Fact
from forge_trajectories.call_request import stated_value
from forge_trajectories.execution import llm_simulator
from forge_trajectories.plain_text import clip, compact_json
from forge_trajectories.synthesis.prompts_schema import (
    MOST_ASKED,
    MOST_SAID,
    MOST_WRITTEN,
    action_schema,
    plan_schema,
    text_schema,
)
from forge_trajectories.tools.operation import Operation

ABOUT = 120
SEEN = 1_200
"""Characters of a tool's description, and of an observation, that a prompt shows."""

_TOKENS = {"query": 220, "clarification": 160, "calls": 320, "answer": 220, "plan": 800, "documentation": 800}
LEAST_TOKENS, MOST_TOKENS, TOKENS_A_CHAR = 96, 1_000, 0.6
"""Room for calls: a token has some three characters of JSON."""
_ROLES = {"user": "User", "assistant": "Assistant", "tool": "Result"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCall(Call):
    """A question for one part of a trajectory.

    Attributes:
        part: which one; see `Blueprint.written`.
        draft: what the blueprint would answer, in the form that the schema asks for. Never sent; estimates and scripted
            endpoints use it.
    """

    part: str = ""
    draft: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a model is asked: sampling temperature, and the share of `_TOKENS` that answers may have.

    ``observations``: share of the tools that lend themselves to it whose calls a model answers. ``native_tools``:
    whether tools are offered by the endpoint's own parameter where an action is asked for.
    """

    temperature: float = 0.0
    answer_scale: float = 1.0
    observations: float = 0.0
    native_tools: bool = False


def query_call(blueprint: Blueprint, messages: Sequence[Message], *, turn: int, draft: str, asking: Asking) -> PartCall:
    """Ask for what the user says: the blueprint's request in other words. A user knows no tools, and is shown none."""
    known = [fact for fact in blueprint.facts if fact.turn == turn and fact.told == "query"]
    lines = ["Say this request in your own words, as the person who has it, in one or two plain sentences."]
    if known:
        lines.append("Keep every value exactly as it is.")
    lines += ["Name no tool, and add no other value.", f"The request: {draft}"]
    most = MOST_ASKED + len(draft) + 2 * sum(len(line) for line in _facts(known))
    call = _call(blueprint, messages, lines, part="query", schema=text_schema("message", most=most), asking=asking)
    system = {"role": "system", "content": "You say what people ask of an assistant."}
    return replace(call, messages=[system, *call.messages[1:]], draft={"message": draft})


def told_call(
    blueprint: Blueprint, messages: Sequence[Message], *, facts: Sequence[Fact], draft: str, asking: Asking
) -> PartCall:
    """Ask for the user's answer to a question."""
    lines = ["Write the user's short reply to the assistant's question. It tells, exactly as they are here:"]
    lines += _facts(facts)
    schema = text_schema("message", most=MOST_ASKED + 2 * sum(len(line) for line in _facts(facts)))
    call = _call(blueprint, messages, lines, part="clarification", schema=schema, asking=asking)
    return replace(call, draft={"message": draft})


def action_call(
    blueprint: Blueprint, messages: Sequence[Message], *, has_answer: bool, has_thought: bool, asking: Asking
) -> PartCall:
    """Ask for the assistant's next action: calls, a question to the user, or the answer."""
    # A model that calls in its own form is not told another; one that gets the schema after all sees it there.
    form = "" if asking.native_tools else ': {"calls": [{"name": ..., "arguments": {...}}]}'
    lines = [
        "What does the assistant do next? One of:",
        f"call tools{form}, with values from the dialogue only;",
        'ask the user for a value that is missing: {"ask": "..."};',
    ]
    if has_answer:
        lines.append('tell the user what the results say, or that it cannot be done: {"answer": "..."}.')
    else:
        lines.append('finish, when all is done or nothing can be: {"finish": true}.')
    if has_thought:
        where = "say" if asking.native_tools else '"thought" says'
        lines.append(f"Before calls, {where} in a sentence why these and no others.")
    schema = action_schema(blueprint.offered(), has_answer=has_answer, has_thought=has_thought)
    call = _call(blueprint, messages, lines, part="calls", schema=schema, asking=asking)
    return replace(call, tools=[tool.offered() for tool in blueprint.offered()]) if asking.native_tools else call


def with_draft(call: PartCall, draft: Any) -> PartCall:
    """The call with its draft, and with room for an answer some twice as long: a weak model does not stop by itself."""
    room = LEAST_TOKENS + round(TOKENS_A_CHAR * len(to_json(draft)))
    return replace(call, draft=draft, max_tokens=min(room, MOST_TOKENS))


def answer_call(blueprint: Blueprint, messages: Sequence[Message], *, draft: str, asking: Asking) -> PartCall:
    """Ask for the assistant's closing words of a turn."""
    lines = [
        "Write the assistant's answer: tell the user, as you, what the results say, in one or two sentences.",
        "Copy names and numbers from the results. Say so if something failed.",
    ]
    call = _call(blueprint, messages, lines, part="answer", schema=text_schema("answer", most=MOST_SAID), asking=asking)
    return replace(call, draft={"answer": draft})


def plan_call(blueprint: Blueprint, messages: Sequence[Message], *, draft: JsonObject, asking: Asking) -> PartCall:
    """Ask for a plan of calls."""
    lines = [
        "Plan the calls for this request, in order, without running them. Use the documented functions only.",
        'A value that comes out of an earlier step is written as "$1.data.id": step number, then path.',
    ]
    schema = plan_schema(blueprint.operations)
    return replace(_call(blueprint, messages, lines, part="plan", schema=schema, asking=asking), draft=draft)


def documentation_call(blueprint: Blueprint, messages: Sequence[Message], *, draft: str, asking: Asking) -> PartCall:
    """Ask for documentation of the API that a code calls."""
    lines = [
        "Write the documentation: method and path (or function), what it does, and each parameter of the code with its",
        "name and meaning. Name no parameter that the code does not show.",
    ]
    schema = text_schema("documentation", most=MOST_WRITTEN)
    call = _call(blueprint, messages, lines, part="documentation", schema=schema, asking=asking)
    return replace(call, draft={"documentation": draft})


def observation_call(operation: Operation, arguments: Mapping[str, Any], *, draft: Any) -> PartCall:
    """Ask for what a call came back with; ``draft``: what the mock server answered."""
    call = llm_simulator.call_of(operation, arguments)
    return PartCall(
        messages=call.messages,
        max_tokens=call.max_tokens,
        schema=call.schema,
        group=call.group,
        part="observation",
        draft={llm_simulator.ANSWER: llm_simulator.fitted(draft, llm_simulator.answer_schema(operation.returns))},
    )


def again(call: PartCall, said: str, evidence: str) -> PartCall:
    """The same question, with the answer that failed a check and the check's words."""
    form = "" if call.tools else ", with JSON only"
    complaint = f"That is not right: {clip(evidence, 300)} Answer again{form}."
    more = [{"role": "assistant", "content": said}, {"role": "user", "content": complaint}]
    return replace(call, messages=[*call.messages, *more])


def tool_lines(operations: Sequence[Operation]) -> str:
    """Tools as short signatures with what their parameters mean, a few lines a tool."""
    return "\n".join(_signature(operation) for operation in operations)


def transcript(messages: Sequence[Message]) -> str:
    """The dialogue so far, a paragraph a message; a later dialogue begins with an earlier one's text."""
    parts = []
    for message in messages:
        if message.role in _ROLES:
            text = clip(message.content, SEEN) if message.role == "tool" else message.content
            calls = [
                compact_json({"name": call["name"], "arguments": call["arguments"]}) for call in message.tool_calls
            ]
            parts.append(f"{_ROLES[message.role]}: {' '.join(part for part in (text, *calls) if part)}")
    return "\n".join(parts)


def _call(
    blueprint: Blueprint,
    messages: Sequence[Message],
    lines: Sequence[str],
    *,
    part: str,
    schema: JsonObject,
    asking: Asking,
) -> PartCall:
    offered = blueprint.offered()
    system = f"Tools:\n{tool_lines(offered)}" if offered else "You write dialogues about APIs."
    before = transcript(messages)
    asked = "\n".join([*([f"The dialogue so far:\n{before}\n"] if before else []), *lines])
    first = blueprint.operations[0] if blueprint.operations else None
    return PartCall(
        messages=[{"role": "system", "content": system}, {"role": "user", "content": asked}],
        max_tokens=round(_TOKENS[part] * asking.answer_scale),
        schema=schema,
        temperature=asking.temperature,
        seed=blueprint.seed % (1 << 31) if asking.temperature else None,
        group=f"{first.provider}/{first.service}" if first is not None else "",
        part=part,
    )


def _facts(facts: Sequence[Fact]) -> list[str]:
    return [f"- {fact.name}: {stated_value(fact.value)}" for fact in facts]


def _signature(operation: Operation) -> str:
    taken = fields(operation.parameters)
    listed = ", ".join(f"{item.name}{'' if item.required else '?'}: {item.type}" for item in taken)
    lines = [f"{operation.tool}({listed}): {clip(operation.description, ABOUT)}"]
    for item in taken:
        about = _about(item.description, item.schema) if item.required else ""
        if about:
            lines.append(f"  {item.name}: {about}")
    return "\n".join(lines)


def _about(description: str, schema: Mapping[str, Any]) -> str:
    allowed = schema.get("enum")
    if isinstance(allowed, list) and allowed:
        return f"one of {', '.join(stated_value(value) for value in allowed[:8])}"
    return clip(description, 60)
