"""The rung ``kind``: what each kind of trajectory has to show beyond its calls being right."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from forge_trajectories.blueprint import Fact
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue
from forge_trajectories.ladder.documents import document_problems
from forge_trajectories.ladder.heard import Heard, Source, ungrounded
from forge_trajectories.ladder.plans import planned_calls
from forge_trajectories.ladder.reading import figures, loose, occurs, plain, spoken
from forge_trajectories.ladder.recovering import claim_in
from forge_trajectories.ladder.replaying import Replay
from forge_trajectories.plain_text import ELLIPSIS, compact_json, words

_NO_TOOL = re.compile(
    r"\b(?:no|none|not|n['’]t|cannot|can['’]?t|without|unable|lack|don['’]t|doesn['’]t|isn['’]t)\b",  # noqa: RUF001
    re.IGNORECASE,
)
_OF_TOOLS = re.compile(
    r"\b(?:tools?|functions?|apis?|capabilit(?:y|ies)|able|available|offer(?:ed)?|access|support(?:ed)?|way|means|"
    r"can|cannot|can['’]t|help|do)\b",  # noqa: RUF001
    re.IGNORECASE,
)
_ASKING = re.compile(r"\?|\b(?:please|tell me|let me know|provide|need|specify|give me|missing)\b", re.IGNORECASE)
_SMALL = frozenset({"the", "of", "to", "a", "an", "in", "on", "for", "and", "or", "is", "id"})
_STEP = re.compile(r"\s*(?:step )?(\d+)[.):]\s*(\S.*)", re.I)
_STEP_NAMED = re.compile(r"\bsteps? \d+(?:(?:, | and )\d+)*", re.I)
LEAST_STEM = 4
LEAST_REASON = 3
"""Words that a candidate needs beside its call to be weighed."""

Problems = Iterator[tuple[str, str]]


def check_kind(dialogue: Dialogue, replay: Replay) -> Check:
    """The demands of the blueprint's kind."""
    code, evidence = next(_problems(dialogue, replay), ("", ""))
    return Check(check="kind", passed=not code, code=f"kind:{code}" if code else "", evidence=evidence)


def _problems(dialogue: Dialogue, replay: Replay) -> Problems:
    demand = _DEMANDS.get(dialogue.kind)
    if demand is not None:
        yield from demand(dialogue)
    if dialogue.kind == "error-recovery" and all(each.ok and not each.fault for each in replay.observations):
        yield "no-error", "nothing goes wrong in it"
    yield from _turns(dialogue)


def _turns(dialogue: Dialogue) -> Problems:
    """Every request is made, and closed by an answer."""
    assert dialogue.blueprint is not None
    for turn in range(len(dialogue.blueprint.goals)):
        if not dialogue.said_in(turn):
            yield "missing-turn", f"request {turn + 1} of {len(dialogue.blueprint.goals)} is never made"
        elif dialogue.closing(turn) is None:
            yield "open-turn", f"request {turn + 1} is not closed by an answer"
        for index in dialogue.said_in(turn)[1:]:
            if "?" not in dialogue.messages[index - 1].content and not _ASKING.search(
                dialogue.messages[index - 1].content
            ):
                yield "extra-turn", f"message {index} of the user answers no question and is none of the requests"


def _single(dialogue: Dialogue) -> Problems:
    assert dialogue.blueprint is not None
    if len(dialogue.blueprint.plan) != 1:
        yield "not-single", f"the plan has {len(dialogue.blueprint.plan)} calls"


def _choice(dialogue: Dialogue) -> Problems:
    if len(dialogue.tools) < 2:
        yield "no-choice", "fewer than two tools are offered"


def _parallel(dialogue: Dialogue) -> Problems:
    assert dialogue.blueprint is not None
    most = max((len(message.tool_calls) for message in dialogue.messages if message.role == "assistant"), default=0)
    free = sum(not step.after for step in dialogue.blueprint.plan)
    if most < max(free, 2):
        yield "not-parallel", f"{free} calls do not depend on each other, and at most {most} are made at once"


def _sequential(dialogue: Dialogue) -> Problems:
    if (
        len({made.message for made in dialogue.calls}) < 2
        and dialogue.blueprint
        and dialogue.blueprint.ending == "answer"
    ):
        yield "not-sequential", "the calls are made at once"


def _multi_turn(dialogue: Dialogue) -> Problems:
    if len({turn for _, turn in dialogue.asked}) < 2:
        yield "one-turn", "there is only one request"


def _missing_parameter(dialogue: Dialogue) -> Problems:
    assert dialogue.blueprint is not None
    asked = [fact for fact in dialogue.blueprint.facts if fact.told == "asked"]
    users = [index for index, _ in dialogue.asked]
    if len(users) < 2:
        yield "not-asked", f"the assistant never asks for {', '.join(spoken(fact.name) for fact in asked)}"
        return
    first_call = min((made.message for made in dialogue.calls), default=len(dialogue.messages))
    question = dialogue.messages[users[1] - 1].content
    if first_call < users[1]:
        yield "called-before-asking", "a call is made before the user has told what is missing"
    for fact in asked:
        if is_said(fact, dialogue.messages[users[0]].content):
            yield "told-early", f"the request already tells {spoken(fact.name)}"
        if not names_parameter(question, fact.name):
            yield "not-asked", f"the question does not name {spoken(fact.name)!r}"
    if not _ASKING.search(question):
        yield "not-asked", "the assistant's message before the user's is no question"


def names_parameter(text: str, name: str) -> bool:
    """Whether a text names a parameter, in words or as it is written."""
    low = plain(text)
    if occurs(name.casefold(), low) or occurs(spoken(name), loose(text)):
        return True
    telling = [word.casefold() for word in words(name) if word.casefold() not in _SMALL and len(word) > 2]
    return bool(telling) and all(word in low for word in telling)


def is_said(fact: Fact, text: str) -> bool:
    """Whether a text tells a fact's value."""
    if isinstance(fact.value, bool) or fact.value in (None, "", [], {}):
        return False
    heard = Heard(sources=[Source(at=0, text=text, spoken=True)])
    return next(ungrounded(fact.value, fact.name, heard, {}, spoken_only=True), None) is None


def _no_call(dialogue: Dialogue) -> Problems:
    if dialogue.calls:
        yield "called", f"{dialogue.calls[0].tool} is called although no tool fits"
    last = dialogue.messages[-1].content
    if (claimed := claim_in(last)) is not None:
        yield "claims", f"nothing was called, and the answer claims: {claimed!r}"
    if not (_NO_TOOL.search(last) and _OF_TOOLS.search(last)):
        yield "not-said", "the answer does not say that no tool can do this"


def _decision_contrast(dialogue: Dialogue) -> Problems:
    assert dialogue.blueprint is not None
    thought = dialogue.calls[0].thought if dialogue.calls else ""
    right = next((candidate for candidate in dialogue.blueprint.candidates if candidate.right), None)
    for candidate in dialogue.blueprint.candidates:
        if not names_tool(thought, candidate.tool):
            yield "not-weighed", f"the candidate {candidate.tool} is not weighed"
        if not arguments_named(thought, candidate.arguments):
            yield "not-weighed", f"the candidate {candidate.tool} is not given with its arguments"
    if len(thought.split()) < LEAST_REASON * max(len(dialogue.blueprint.candidates), 1):
        yield "no-reason", "the candidates are named and not weighed"
    if right is not None and thought:
        named = re.search(
            r"(?:\bso\b|choose|pick|\bright one\b|best|therefore|\bcall\b|\bit is\b)[^\n]*$", thought.rstrip(), re.I
        )
        chosen = named[0] if named else thought.rstrip().rpartition("\n")[2]
        end = thought.rstrip().rpartition("\n")[2]
        others = [each.tool for each in dialogue.blueprint.candidates if each.tool != right.tool]
        if not names_tool(chosen, right.tool) or (
            not _names_exactly(end, right.tool) and any(_names_exactly(end, tool) for tool in others)
        ):
            yield "wrong-choice", f"the last line does not choose {right.tool}"
        if dialogue.calls and dialogue.calls[0].tool != right.tool:
            yield "wrong-choice", f"{dialogue.calls[0].tool} is called, and {right.tool} is right"


def _names_exactly(text: str, tool: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(tool)}(?![\w-])", text) is not None


def names_tool(text: str, tool: str) -> bool:
    """Whether a text names a tool, as it is written or in words."""
    return occurs(tool, text) or occurs(spoken(tool), loose(text))


def arguments_named(text: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a text has the arguments' values, long ones at least begun; some of them where it was cut."""
    low = plain(text)
    found = [
        plain(value if isinstance(value, str) else compact_json(value))[:40] in low
        or plain(compact_json(value)).strip('"')[:40] in low
        for value in arguments.values()
        if not isinstance(value, (dict, list))
    ]
    return all(found) or (ELLIPSIS in text and any(found))


def _planning(dialogue: Dialogue) -> Problems:
    if dialogue.calls:
        yield "called", "a plan was asked for, and a call is made"
    lines = [line for line in dialogue.messages[-1].content.splitlines() if line.strip()]
    calls = sum(line.strip().startswith("{") for line in lines)
    numbered = [match for line in lines if (match := _STEP.match(line))]
    if len(numbered) < calls:
        yield "not-numbered", f"{calls} calls are planned and {len(numbered)} numbered sentences say what for"
    if [int(match[1]) for match in numbered] != list(range(1, len(numbered) + 1)):
        yield "not-numbered", "the steps are not numbered one after the other"
    yield from _sentences(dialogue, lines)


def _sentences(dialogue: Dialogue, lines: list[str]) -> Problems:
    """Each sentence speaks of the call below it, and makes up no number."""
    assert dialogue.blueprint is not None
    heard = figures("\n".join(dialogue.messages[index].content for index, _ in dialogue.asked))
    for line, after in pairwise(lines):
        match = _STEP.match(line)
        if match is None or not after.strip().startswith("{"):
            continue
        made = planned_calls(after).calls
        operation = dialogue.blueprint.operation(made[0].tool) if made else None
        made_up = figures(_STEP_NAMED.sub(" ", match[2])) - heard - figures(after) - set(range(1, len(lines)))
        if made_up:
            yield "invented", f"nothing given has the number {min(made_up)}: {line[:80]!r}"
        said = f"{operation.tool} {operation.description}" if operation is not None else after
        about = f"{said} {' '.join(dialogue.blueprint.goals)} {after}"
        if not _stems(match[2]) & _stems(about):
            yield "unrelated", f"a sentence says nothing of the call below it: {line[:80]!r}"


def _stems(text: str) -> set[str]:
    """The beginnings of a text's words, without regard to their endings."""
    return {word[:LEAST_STEM].casefold() for word in words(text) if len(word) >= LEAST_STEM - 1}


def _documentation(dialogue: Dialogue) -> Problems:
    assert dialogue.blueprint is not None
    if dialogue.calls:
        yield "called", "a text was asked for, and a call is made"
    yield from document_problems(dialogue.blueprint, dialogue.messages[-1].content)


_DEMANDS: Mapping[str, Callable[[Dialogue], Problems]] = {
    "single": _single,
    "choice": _choice,
    "parallel": _parallel,
    "sequential": _sequential,
    "multi-turn": _multi_turn,
    "missing-parameter": _missing_parameter,
    "missing-tool": _no_call,
    "irrelevance": _no_call,
    "decision-contrast": _decision_contrast,
    "planning": _planning,
    "code-to-documentation": _documentation,
}
