"""Writing a trajectory from its blueprint: a generator that asks for what a model is to write and executes every call.

    road = compose(blueprint, writes=frozenset({"query", "calls"}))
    call = next(road)
    call = road.send(answer)     # until StopIteration, whose value is a `Composed`

It does no input or output itself. What a model wrote is checked at once; what fails is asked once more with the check's
message, and then the attempt is refused. Parts not in ``writes`` are the blueprint's own. Without a model a trajectory
costs about a millisecond, most of it the execution of its calls.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NoReturn

import orjson

from forge.llm import Call, Failure, Result
from forge.records import JsonObject, Message, to_json
from forge_trajectories.blueprint import Blueprint, Fact, from_object
from forge_trajectories.call_request import stated_value
from forge_trajectories.execution import llm_simulator
from forge_trajectories.execution.opening import open_environment
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.parts import check_action, check_answer, check_query
from forge_trajectories.synthesis import prompts, texts, texts_answer, texts_assistant, texts_document, texts_recovered
from forge_trajectories.synthesis.author_actions import Said, as_said, from_said, misplaced
from forge_trajectories.synthesis.author_policy import Action, next_action
from forge_trajectories.synthesis.author_state import Dialogue, Planned
from forge_trajectories.synthesis.author_words import hollow, misaddressed
from forge_trajectories.synthesis.prompts import Asking, PartCall
from forge_trajectories.tools.operation import Operation

PARTS = ("query", "clarification", "thought", "calls", "answer", "plan", "documentation")
"""What a model can write; see `Blueprint.written`."""
OBSERVATION = "observation"
"""The part that stands for answers of calls, of which a model writes `Asking.observations`."""

Road = Generator[Call, Result, Any]
Verdict = Callable[[Any], Check | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a composition ended before its end: the part, the check that it failed twice, and what the model said."""

    part: str
    check: Check
    said: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """What came of a composition.

    Attributes:
        blueprint: with `Blueprint.written` filled in. stored: the same as JSON.
        messages: the dialogue, as far as it got. refusal: None for a whole one.
    """

    blueprint: Blueprint
    stored: JsonObject
    messages: Sequence[Message]
    refusal: Refusal | None = None


def compose(
    blueprint: Blueprint, *, writes: frozenset[str] = frozenset(), asking: Asking | None = None
) -> Generator[Call, Result, Composed]:
    """Write the dialogue; yields calls, is sent their results (never a failure for want of budget).

    Args:
        blueprint: what to write.
        writes: parts that a model writes, of `PARTS`, and `OBSERVATION`.
        asking: how it is asked.
    """
    if OBSERVATION in writes:
        blueprint = llm_simulator.with_model(blueprint, share=(asking or Asking()).observations)
    # What is executed is what is stored: JSON with sorted keys, on which an answer's own order depends.
    stored: JsonObject = orjson.loads(to_json(blueprint))
    blueprint = from_object(stored)
    dialogue = Dialogue(blueprint=blueprint, environment=open_environment(blueprint))
    author = _Author(dialogue=dialogue, writes=writes, asking=asking or Asking())
    refusal = None
    try:
        yield from author.write()
    except _Refused as refused:
        refusal = refused.refusal
    written = dict(sorted(author.written.items()))
    return Composed(
        blueprint=replace(blueprint, written=written),
        stored={**stored, "written": written},
        messages=dialogue.messages,
        refusal=refusal,
    )


class _Refused(Exception):  # noqa: N818
    def __init__(self, part: str, check: Check, said: str = "") -> None:
        self.refusal = Refusal(part=part, check=check, said=said)


@dataclass(slots=True, kw_only=True)
class _Author:
    dialogue: Dialogue
    writes: frozenset[str]
    asking: Asking
    written: dict[str, str] = field(default_factory=dict)

    def write(self) -> Road:
        blueprint = self.dialogue.blueprint
        for turn in range(max(len(blueprint.goals), 1)):
            self.dialogue.say("user", (yield from self._query(turn)))
            if blueprint.kind == "planning":
                self.dialogue.say("assistant", (yield from self._plan()))
            elif blueprint.kind == "code-to-documentation":
                self.dialogue.say("assistant", (yield from self._documentation()))
            else:
                yield from self._turn(turn)

    def _turn(self, turn: int) -> Road:
        """Actions until the assistant closes the turn."""
        for _ in range(6 + 3 * len(self.dialogue.steps(turn))):
            action, text = yield from self._action(turn)
            if action.is_question:
                self.dialogue.say("assistant", action.content)
                yield from self._tell(action.asks)
            elif action.calls:
                observations = yield from self._observations(action.calls)
                self.dialogue.call(action.calls, observations, content=action.content, turn=turn)
            else:
                self.dialogue.say("assistant", text if text is not None else (yield from self._answer(turn)))
                return
        self._refuse("calls", "order:no-end", "The dialogue does not come to an end.")

    def _observations(self, planned: Sequence[Planned]) -> Road:
        """What comes back from calls, of which the blueprint may have a model answer some."""
        found = self.dialogue.execute(planned)
        for place, item in enumerate(planned):
            operation = self.dialogue.blueprint.operation(item.tool)
            if found[place].origin != "llm" or operation is None:
                continue
            call = prompts.observation_call(operation, item.arguments, draft=found[place].value)
            check = partial(_unfit, operation, item.arguments)
            value = yield from self._ask(call, check)
            found[place] = llm_simulator.observed(value[llm_simulator.ANSWER])
            self._mark("observation", by_model=True)
        return found

    def _action(self, turn: int) -> Road:
        """The next action, and the closing words where the model gave them with it."""
        planned = next_action(self.dialogue, turn)
        if self.dialogue.blueprint.offered() and "calls" in self.writes:
            return (yield from self._asked_action(planned, turn))
        if not planned.ends:
            self._mark("clarification" if planned.is_question else "calls", by_model=False)
        return planned, None

    def _asked_action(self, planned: Action, turn: int) -> Road:
        dialogue, has_answer = self.dialogue, "answer" in self.writes
        has_thought = "thought" in self.writes
        draft = self._closing_words(turn) if planned.ends and has_answer else ""
        call = prompts.action_call(
            dialogue.blueprint, dialogue.messages, has_answer=has_answer, has_thought=has_thought, asking=self.asking
        )
        said_so = from_said(planned, has_thought=has_thought, answer=draft if has_answer else None)
        call = prompts.with_draft(call, said_so)
        check: Verdict = lambda value: self._wrong_action(as_said(value), planned, turn)  # noqa: E731
        said: Said = as_said((yield from self._ask(call, check)))
        if said.kind == "ask":
            self._mark("clarification", by_model=True)
            return replace(planned, content=said.text), None
        if said.kind == "calls":
            self._mark("calls", by_model=True)
            content = self._thought(planned, said)
            if content:
                self._mark("thought", by_model=has_thought)
            return Action(calls=said.planned(dialogue, turn), content=content), None
        if said.kind == "answer":
            self._mark("answer", by_model=True)
            return Action(), said.text
        return Action(), None

    def _thought(self, planned: Action, said: Said) -> str:
        """What is said with a model's calls: its own words, or the blueprint's where the calls are the planned ones."""
        if "thought" in self.writes:
            return said.text
        alike = [call.tool for call in planned.calls] == [str(call["name"]) for call in said.calls]
        return planned.content if alike else ""

    def _wrong_action(self, said: Said, planned: Action, turn: int) -> Check | None:
        dialogue = self.dialogue
        wrong = misplaced(said, planned, dialogue, turn)
        if wrong is not None:
            return wrong
        if said.kind == "calls":
            thought = self._thought(planned, said)
            return check_action(dialogue.blueprint, dialogue.messages, said.calls, thought=thought)
        if said.kind == "answer":
            return self._wrong_answer(said.text, turn)
        return None

    def _wrong_answer(self, text: str, turn: int) -> Check | None:
        wrong = misaddressed(self.dialogue, text, turn) or self._wrong_text(text)
        # No more is asked of a model than of the blueprint: some results give nothing to tell.
        if wrong is None and hollow(self.dialogue, self._closing_words(turn), turn) is None:
            return hollow(self.dialogue, text, turn)
        return wrong

    def _query(self, turn: int) -> Road:
        blueprint, messages = self.dialogue.blueprint, self.dialogue.messages
        draft = texts.query(blueprint, turn)
        # What is given with the request (documentation, code) is no model's to write.
        if "query" not in self.writes or blueprint.material:
            self._mark("query", by_model=False)
            return draft
        call = prompts.query_call(blueprint, messages, turn=turn, draft=draft, asking=self.asking)
        value = yield from self._ask(call, lambda value: check_query(blueprint, turn, str(value["message"])))
        self._mark("query", by_model=True)
        return value["message"].strip()

    def _tell(self, asks: Sequence[int]) -> Road:
        dialogue = self.dialogue
        facts = dialogue.facts(asks)
        text = texts.told(dialogue.blueprint, facts)
        if "clarification" in self.writes:
            call = prompts.told_call(dialogue.blueprint, dialogue.messages, facts=facts, draft=text, asking=self.asking)
            value = yield from self._ask(call, lambda value: _tells(str(value["message"]), facts))
            text = value["message"].strip()
            self._mark("clarification", by_model=True)
        dialogue.told.update(asks)
        dialogue.say("user", text)

    def _answer(self, turn: int) -> Road:
        dialogue = self.dialogue
        draft = self._closing_words(turn)
        if "answer" not in self.writes:
            self._mark("answer", by_model=False)
            return draft
        call = prompts.answer_call(dialogue.blueprint, dialogue.messages, draft=draft, asking=self.asking)
        value = yield from self._ask(call, lambda value: self._wrong_answer(str(value["answer"]), turn))
        self._mark("answer", by_model=True)
        return value["answer"].strip()

    def _closing_words(self, turn: int) -> str:
        """What the blueprint says at the end of a turn."""
        dialogue = self.dialogue
        blueprint = dialogue.blueprint
        if blueprint.ending == "no-call":
            return texts_assistant.refusal(blueprint, turn=turn)
        mine = [made for made in dialogue.made if made.turn == turn]
        worked = [made for made in mine if made.worked]
        failed = [made for made in mine if not made.worked and made.step in dialogue.given_up]
        if failed and (blueprint.ending == "failure" or not worked):
            last = texts_answer.Found(tool=failed[-1].tool, observation=failed[-1].observation)
            return texts_answer.failure(blueprint, last, turn=turn)
        # What was asked for again, as it was out of date, is told once.
        fresh = [made for made in worked if made.step not in dialogue.done or made is dialogue.done[made.step]]
        found = [texts_answer.Found(tool=made.tool, observation=made.observation) for made in fresh]
        text = texts_answer.answer(blueprint, found, turn=turn)
        return texts_recovered.with_notes(texts_recovered.disclosed(blueprint, mine, turn=turn), text)

    def _plan(self) -> Road:
        blueprint = self.dialogue.blueprint
        if "plan" not in self.writes:
            self._mark("plan", by_model=False)
            return texts_document.plan(blueprint)
        draft = texts_document.plan_value(blueprint)
        call = prompts.plan_call(blueprint, self.dialogue.messages, draft=draft, asking=self.asking)
        value = yield from self._ask(call, lambda value: self._wrong_text(texts_document.plan_text(value["steps"])))
        self._mark("plan", by_model=True)
        return texts_document.plan_text(value["steps"])

    def _documentation(self) -> Road:
        blueprint = self.dialogue.blueprint
        draft = texts_document.documentation(blueprint)
        if "documentation" not in self.writes:
            self._mark("documentation", by_model=False)
            return draft
        call = prompts.documentation_call(blueprint, self.dialogue.messages, draft=draft, asking=self.asking)
        value = yield from self._ask(call, lambda value: self._wrong_text(str(value["documentation"])))
        self._mark("documentation", by_model=True)
        return value["documentation"].strip()

    def _wrong_text(self, text: str) -> Check | None:
        return check_answer(self.dialogue.blueprint, self.dialogue.messages, text)

    def _ask(self, call: PartCall, check: Verdict) -> Road:
        """A value that passes its check, after one retry; else the attempt is refused."""
        part, wrong, said = call.part, None, ""
        for _ in range(2):
            result = yield call
            if isinstance(result, Failure):
                self._mark(part, by_model=True)
                self._refuse(part, f"parses:{result.kind}", result.reason)
            wrong = check(result.value)
            if wrong is None:
                return result.value
            said = result.text
            call = prompts.again(call, said, wrong.evidence)
        assert wrong is not None
        self._mark(part, by_model=True)
        raise _Refused(part, wrong, said)

    def _refuse(self, part: str, code: str, evidence: str) -> NoReturn:
        raise _Refused(part, Check.failure(code, evidence))

    def _mark(self, part: str, *, by_model: bool) -> None:
        """Who wrote a part; one word of a model's makes it the model's."""
        if by_model or part not in self.written:
            self.written[part] = "llm" if by_model else "blueprint"


def _unfit(operation: Operation, arguments: Mapping[str, Any], value: Any) -> Check | None:
    """Whether a model's answer is none that the operation could give."""
    wrong = llm_simulator.unfit(operation, value[llm_simulator.ANSWER], arguments)
    return Check.failure("executes:shape", wrong) if wrong else None


def _tells(text: str, facts: Sequence[Fact]) -> Check | None:
    """Whether a user's reply says every value that it was to tell."""
    missing = [fact.name for fact in facts if stated_value(fact.value).strip('"').casefold() not in text.casefold()]
    if not missing:
        return None
    evidence = f"The reply does not say the value of {', '.join(missing)}."
    return Check.failure("grounded:not-told", evidence)


def finished(road: Generator[Call, Result, Composed]) -> Composed:
    """The end of a road of which a model writes no part; `driver.synthesize` walks the others.

    Raises:
        ValueError: it asks a model.
    """
    try:
        call = next(road)
    except StopIteration as end:
        found: Composed = end.value
        return found
    raise ValueError(f"a model is asked for {getattr(call, 'part', 'something')}; give it a client")
