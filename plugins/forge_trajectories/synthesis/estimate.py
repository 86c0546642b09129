"""What a run of the synthesizer will ask, before anything is sent: calls, tokens, cost, time.

The first blueprints of the run are composed with the answers that they would give themselves, so that every prompt is
the true one, the judge's too; the rest is taken to be like them. What a model thinks before it answers is counted as
long as it may be, since nothing foretells it. Some milliseconds a blueprint, once the tools are made.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from forge.llm import Answer, Call, as_sent
from forge.records import to_json
from forge.steps import Context
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.judge import judge_calls
from forge_trajectories.synthesis.audit import LABELLED
from forge_trajectories.synthesis.author import Composed, compose
from forge_trajectories.synthesis.author_draft import Usage, draft_of
from forge_trajectories.synthesis.prompts import Asking, PartCall

if TYPE_CHECKING:
    from forge_trajectories.synthesis.source import Synthesizer

SAMPLE = 48
BYTES_A_TOKEN = 3.6
"""Of English and JSON in a vocabulary of common size."""
SECONDS_A_CALL, TOKENS_A_SECOND = 0.4, 40.0
"""Of a common endpoint: time before the first token, and speed after it."""
JUDGED = to_json({"why": "x" * 150, "answer": "yes"})
"""A judge's answer of common length: half the reason that its schema allows."""

Asked = Sequence[tuple[Call, str]]
"""Calls, each with the answer that is taken to come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What is to be expected if every answer is right at once; ``most_`` with one retry for each.

    Attributes:
        calls, prompt_tokens, completion_tokens: of the model that writes and of the judge together.
        judge_calls: of these, the questions to the judge: of each accepted trajectory, and of those for the audit.
        thinking_tokens: of the completion's, those for thinking; see `forge.llm.Llm.thinking`.
        seconds: at the source's concurrency and the speed of a common endpoint.
        unpriced: models that are asked and have no prices in the recipe.
        usd, most_usd: None where there is one of those, or nothing is asked.
    """

    accepted: int
    model: str
    judge_model: str
    calls: int
    judge_calls: int
    prompt_tokens: int
    completion_tokens: int
    thinking_tokens: int
    most_calls: int
    most_tokens: int
    unpriced: Sequence[str]
    usd: float | None
    most_usd: float | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    """Calls and tokens; ``thought`` beside the ``said`` ones."""

    calls: int = 0
    prompt: int = 0
    said: int = 0
    thought: int = 0

    @property
    def completion(self) -> int:
        return self.said + self.thought

    @property
    def most(self) -> tuple[int, int]:
        """Tokens in and out with one retry for each, which carries the prompt and the first answer once more."""
        return 2 * self.prompt + self.said, 2 * self.completion


def estimate(source: "Synthesizer", context: Context, *, sample: int = SAMPLE) -> Estimate:
    """Estimate a run over the catalogue; the tools of the first partition are made if they are not there yet."""
    way, judge = context.llm, source.judge_model
    model = way.model(source.model) if source.asks_model and way is not None else ""
    wrote, judged = _counted(source, context, sample=sample)
    asked = [(name, counted) for name, counted in ((model, wrote), (judge, judged)) if counted.calls]
    prices = {name: way.prices(name) if way is not None else None for name, _ in asked}
    bills = [(price, counted) for name, counted in asked if (price := prices[name]) is not None]
    is_known = bool(bills) and None not in prices.values()
    calls, completion = wrote.calls + judged.calls, wrote.completion + judged.completion
    return Estimate(
        accepted=source.target_accepted,
        model=model,
        judge_model=judge,
        calls=calls,
        judge_calls=judged.calls,
        prompt_tokens=wrote.prompt + judged.prompt,
        completion_tokens=completion,
        thinking_tokens=wrote.thought + judged.thought,
        most_calls=2 * calls,
        most_tokens=sum(wrote.most) + sum(judged.most),
        unpriced=[name for name, price in prices.items() if price is None],
        usd=sum(price.cost(counted.prompt, counted.completion) for price, counted in bills) if is_known else None,
        most_usd=sum(price.cost(*counted.most) for price, counted in bills) if is_known else None,
        seconds=(calls * SECONDS_A_CALL + completion / TOKENS_A_SECOND) / source.concurrency,
    )


def _counted(source: "Synthesizer", context: Context, *, sample: int) -> tuple[_Counted, _Counted]:
    """What the model that writes is asked, and what the judge is."""
    wrote = judged = _Counted()
    if source.asks_model or source.judge_model:
        from forge_trajectories.synthesis.source_run import asking_of, blueprints_of, given_of, written_of

        parts = source.partitions(context)
        stream = islice(blueprints_of(source, parts[0], context), min(sample, source.target_accepted))
        found = [composition(blueprint, written_of(source), asking_of(source)) for blueprint in stream]
        share = source.target_accepted / len(found) if found else 0.0
        thinking = context.llm.thinking if context.llm is not None else 0
        wrote = _count([pair for asked, _ in found for pair in asked], share, thinking=thinking)
        if source.judge_model:
            # The audit shows the judge trajectories that it has seen, each with a corruption.
            audited = sum(min(LABELLED, given_of(part)["target"]) for part in parts)
            share *= 1 + audited / source.target_accepted
            judged = _count([pair for _, composed in found for pair in _judged(composed)], share, thinking=thinking)
    return wrote, judged


def composition(
    blueprint: Blueprint, writes: frozenset[str], asking: Asking | None = None
) -> tuple[list[tuple[Call, str]], Composed]:
    """What one composition asks whose model answers as the blueprint would, and what comes of it."""
    asked: list[tuple[Call, str]] = []
    road = compose(blueprint, writes=writes, asking=asking or Asking())
    try:
        call = next(road)
        while True:
            assert isinstance(call, PartCall)
            text = to_json(call.draft)
            asked.append((call, text))
            call = road.send(Answer(text=text, value=call.draft))
    except StopIteration as end:
        return asked, end.value


def _judged(composed: Composed) -> list[tuple[Call, str]]:
    draft = draft_of(composed, Usage(paid=set()), model="", source="", number=0)
    return [(call, JUDGED) for call in judge_calls(draft)]


def _count(asked: Asked, share: float, *, thinking: int) -> _Counted:
    """Calls and tokens of what is ``share`` times as much as is asked here."""
    prompt = sum(len(message["content"].encode("utf-8", "replace")) for call, _ in asked for message in call.messages)
    prompt += sum(len(to_json(tool)) for call, _ in asked for tool in call.tools)
    said = sum(len(text.encode("utf-8", "replace")) for _, text in asked)
    thought = sum(as_sent(call, thinking).max_tokens - call.max_tokens for call, _ in asked)
    return _Counted(
        calls=math.ceil(len(asked) * share),
        prompt=math.ceil(prompt / BYTES_A_TOKEN * share),
        said=math.ceil(said / BYTES_A_TOKEN * share),
        thought=round(thought * share),
    )
