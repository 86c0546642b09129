"""What a run of the synthesizer will ask, before anything is sent: calls, tokens, cost, time.

The first blueprints of the run are composed with the answers that they would give themselves, so that every prompt is
the true one; the rest is taken to be like them. Some milliseconds a blueprint, once the tools are made.
"""

import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from forge.llm import Answer, Prices
from forge.records import to_json
from forge.steps import Context
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.synthesis.author import compose
from forge_trajectories.synthesis.prompts import Asking, PartCall

if TYPE_CHECKING:
    from forge_trajectories.synthesis.source import Synthesizer

SAMPLE = 48
BYTES_A_TOKEN = 3.6
"""Of English and JSON in a vocabulary of common size."""
SECONDS_A_CALL, TOKENS_A_SECOND = 0.4, 40.0
"""Of a common endpoint: time before the first token, and speed after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What is to be expected if every answer is right at once; ``most_`` with one retry for each.

    Attributes:
        seconds: at the source's concurrency and the speed of a common endpoint.
        usd, most_usd: None where the recipe has no prices for the model.
    """

    accepted: int
    model: str
    calls: int
    prompt_tokens: int
    completion_tokens: int
    most_calls: int
    most_tokens: int
    usd: float | None
    most_usd: float | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    calls: int = 0
    prompt: float = 0.0
    completion: float = 0.0


def estimate(source: "Synthesizer", context: Context, *, sample: int = SAMPLE) -> Estimate:
    """Estimate a run over the catalogue; the tools of the first partition are made if they are not there yet."""
    model = ""
    prices: Prices | None = None
    counted, share = _Counted(), 0.0
    if source.asks_model:
        from forge_trajectories.synthesis.source_run import asking_of, blueprints_of, written_of

        stream = blueprints_of(source, source.partitions(context)[0], context)
        found = [
            count_calls(blueprint, written_of(source), asking_of(source))
            for blueprint in islice(stream, min(sample, source.target_accepted))
        ]
        share = source.target_accepted / len(found) if found else 0.0
        counted = _Counted(
            calls=sum(each.calls for each in found),
            prompt=sum(each.prompt for each in found),
            completion=sum(each.completion for each in found),
        )
        if context.llm is not None:
            model = context.llm.model(source.model)
            prices = context.llm.prices(model)
    return _scaled(source, counted, share, model=model, prices=prices)


def count_calls(blueprint: Blueprint, writes: frozenset[str], asking: Asking | None = None) -> _Counted:
    """Calls and tokens of one composition whose model answers as the blueprint would."""
    calls, prompt, completion = 0, 0.0, 0.0
    road = compose(blueprint, writes=writes, asking=asking or Asking())
    try:
        call = next(road)
        while True:
            assert isinstance(call, PartCall)
            text = to_json(call.draft)
            calls += 1
            prompt += sum(len(message["content"].encode("utf-8", "replace")) for message in call.messages)
            prompt += sum(len(to_json(tool)) for tool in call.tools)
            completion += len(text.encode("utf-8", "replace"))
            call = road.send(Answer(text=text, value=call.draft))
    except StopIteration:
        return _Counted(calls=calls, prompt=prompt / BYTES_A_TOKEN, completion=completion / BYTES_A_TOKEN)


def _scaled(source: "Synthesizer", counted: _Counted, share: float, *, model: str, prices: Prices | None) -> Estimate:
    calls = math.ceil(counted.calls * share)
    prompt, completion = math.ceil(counted.prompt * share), math.ceil(counted.completion * share)
    usd = prices.cost(prompt, completion) if prices is not None else None
    seconds = (calls * SECONDS_A_CALL + completion / TOKENS_A_SECOND) / source.concurrency
    return Estimate(
        accepted=source.target_accepted,
        model=model,
        calls=calls,
        prompt_tokens=prompt,
        completion_tokens=completion,
        most_calls=2 * calls,
        # A retry carries the prompt and the first answer once more.
        most_tokens=2 * prompt + 3 * completion,
        usd=usd,
        most_usd=prices.cost(2 * prompt + completion, 2 * completion) if prices is not None else None,
        seconds=seconds,
    )
