"""The rung ``parses``: messages are well formed, roles follow each other, ids are unique and every call is answered.

Of imported dialogues less is asked: they may end with a call that nobody answered, which is how golden calls are
published, and their observations may be any text.
"""

from collections.abc import Iterator, Mapping

from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue

_FOLLOWS: Mapping[str, frozenset[str]] = {
    "": frozenset({"system", "user"}),
    "system": frozenset({"user"}),
    "user": frozenset({"assistant"}),
    "assistant": frozenset({"user"}),
    "calls": frozenset({"tool"}),
    "tool": frozenset({"tool", "assistant"}),
}


def check_parses(dialogue: Dialogue, *, whole: bool = True) -> Check:
    """``whole``: the dialogue has to be finished."""
    problems = _problems(dialogue, whole=whole)
    code, evidence = next(problems, ("", ""))
    return Check(check="parses", passed=not code, code=f"parses:{code}" if code else "", evidence=evidence)


def _problems(dialogue: Dialogue, *, whole: bool) -> Iterator[tuple[str, str]]:
    ours = dialogue.blueprint is not None
    if not dialogue.messages:
        yield "empty", "there is no message"
        return
    yield from _calls(dialogue)
    yield from _roles(dialogue, strict=ours)
    yield from _answered(dialogue, strict=ours)
    if ours:
        yield from _observations(dialogue)
    last = dialogue.messages[-1]
    if ours and whole and (last.role != "assistant" or last.tool_calls or not last.content.strip()):
        yield "unfinished", f"the dialogue ends with a message of {last.role}, not with the assistant's answer"


def _calls(dialogue: Dialogue) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for made in dialogue.calls:
        if not made.id or not made.tool:
            yield "call", f"a call in message {made.message} has no {'name' if made.id else 'id'}"
        if made.id in seen:
            yield "duplicate-id", f"two calls have the id {made.id!r}"
        seen.add(made.id)
        if not isinstance(made.arguments, Mapping):
            yield "arguments", f"the arguments of {made.tool} are no JSON object: {str(made.arguments)[:120]!r}"


def _roles(dialogue: Dialogue, *, strict: bool) -> Iterator[tuple[str, str]]:
    before = ""
    for index, message in enumerate(dialogue.messages):
        if message.role not in ("system", "user", "assistant", "tool"):
            yield "roles", f"message {index} has the role {message.role!r}"
            return
        if strict and message.role not in _FOLLOWS[before]:
            yield "roles", f"message {index} of {message.role} follows one of {before or 'nobody'}"
        if strict and message.role != "assistant" and message.tool_calls:
            yield "roles", f"message {index} of {message.role} makes calls"
        if strict and message.role in ("user", "assistant") and not message.tool_calls and not message.content.strip():
            yield "empty", f"message {index} of {message.role} says nothing"
        before = "calls" if message.role == "assistant" and message.tool_calls else message.role


def _answered(dialogue: Dialogue, *, strict: bool) -> Iterator[tuple[str, str]]:
    open_ids: list[str] = []
    for index, message in enumerate(dialogue.messages):
        if message.role == "tool":
            if message.tool_call_id not in open_ids:
                yield "orphan-id", f"message {index} answers {message.tool_call_id!r}, which no open call has"
                continue
            place = open_ids.index(str(message.tool_call_id))
            if strict and place:
                yield "answer-order", f"message {index} answers {message.tool_call_id!r} before {open_ids[0]!r}"
            del open_ids[place]
            continue
        if open_ids:
            yield "unanswered-call", f"the call {open_ids[0]!r} has no answer"
        open_ids = [str(call.get("id", "")) for call in message.tool_calls if isinstance(call, Mapping)]
    if open_ids and strict:
        yield "unanswered-call", f"the call {open_ids[0]!r} has no answer"


def _observations(dialogue: Dialogue) -> Iterator[tuple[str, str]]:
    """An observation is JSON, unless a fault that the blueprint lists was to break it."""
    assert dialogue.blueprint is not None
    breaking = {fault.tool for fault in dialogue.blueprint.faults if "trunc" in fault.kind or "timeout" in fault.kind}
    for made in dialogue.calls:
        if made.answer is not None and not made.parsed and made.tool not in breaking:
            yield "observation", f"the answer to {made.id} is no JSON: {made.content[-60:]!r}"
        if made.answer is not None and made.origin is None:
            yield "origin", f"the answer to {made.id} does not say where it comes from"
