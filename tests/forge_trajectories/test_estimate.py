"""What `forge synthesize --estimate` says against what a run then asks and pays: with thinking, and with a judge."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from forge.cli.synthesize import _say_estimate
from forge.clients.llm_open import Endpoint
from forge.llm import LlmSettings, Prices
from forge.records import ApiRecord
from forge.steps import Context
from forge.testing import MemoryCatalog, context
from forge.testing.llm import ScriptedLlm
from forge_trajectories.synthesis.estimate import estimate
from forge_trajectories.synthesis.source import Synthesizer
from forge_trajectories.synthesis.source_run import blueprints_of

Makes = Callable[..., Any]
PRICES = {"scripted": Prices(prompt=0.25, completion=2.0), "judge": Prices(prompt=1.0, completion=8.0)}
THINKING = 4_000
COUNT = 10


@pytest.fixture
def shop(tmp_path: Path, shop_records: list[ApiRecord]) -> Context:
    return context(tmp_path, catalog=MemoryCatalog(shop_records), seed=5)


def asking(given: Context, *, url: str | None = None, **settings: Any) -> Context:
    said = LlmSettings(model="scripted", base_url=url, **{"prices": PRICES, **settings})
    way = Endpoint(journal=given.workspace / "llm.sqlite", scope="test", settings=said, recipe=Path("forge.toml"))
    return replace(given, llm=way)


def requests_of(source: Synthesizer, given: Context, script: Any, *, tokens: tuple[int, int], **settings: Any) -> Any:
    """Run the source; what the endpoint was asked."""
    with ScriptedLlm(script, tokens=tokens) as endpoint:
        way = asking(given, url=endpoint.url, **settings)
        for part in source.partitions(way):
            assert len(list(source.records(part, way))) == source.target_accepted
        return endpoint.requests


def paid(requests: list[Mapping[str, Any]], tokens: tuple[int, int]) -> float:
    return sum(PRICES[request["model"]].cost(*tokens) for request in requests)


def taught(source: Synthesizer, given: Context, oracle: Makes) -> Callable[[Mapping[str, Any]], Any]:
    """A script that writes as the blueprints would, and as a judge finds everything good."""
    writer = oracle(list(islice(blueprints_of(source, source.partitions(given)[0], given), 2 * COUNT)), source.writes)
    return lambda request: {"why": "So.", "answer": "yes"} if request["model"] == "judge" else writer(request)


def test_thinking_is_part_of_the_estimate(shop: Context, oracle: Makes) -> None:
    source, tokens = Synthesizer(target_accepted=COUNT), (100, 3_000)
    plain, said = estimate(source, asking(shop)), estimate(source, asking(shop, thinking=THINKING))
    requests = requests_of(source, shop, taught(source, shop, oracle), tokens=tokens, thinking=THINKING)
    assert len(requests) == said.calls == plain.calls
    assert said.thinking_tokens == said.calls * THINKING
    assert said.completion_tokens == plain.completion_tokens + said.thinking_tokens
    assert said.most_tokens == plain.most_tokens + 2 * said.thinking_tokens
    assert plain.usd is not None
    assert said.usd is not None
    assert said.most_usd is not None
    assert said.usd == pytest.approx(plain.usd + said.thinking_tokens * 2.0 / 1e6)
    assert 10 * plain.usd < paid(requests, tokens) <= said.usd < said.most_usd
    assert said.seconds > plain.seconds


def test_the_judge_and_the_audit_are_part_of_the_estimate(shop: Context, oracle: Makes) -> None:
    source, tokens = Synthesizer(target_accepted=COUNT, judge_model="judge"), (600, 60)
    plain = estimate(Synthesizer(target_accepted=COUNT), asking(shop))
    said = estimate(source, asking(shop))
    requests = requests_of(source, shop, taught(source, shop, oracle), tokens=tokens)
    judged = [request for request in requests if request["model"] == "judge"]
    assert len(requests) - len(judged) == plain.calls == said.calls - said.judge_calls
    # Every accepted trajectory, and as many with a corruption; one that a question does not show is not asked again.
    assert 0.9 * said.judge_calls <= len(judged) <= said.judge_calls
    assert plain.usd is not None
    assert said.usd is not None
    assert said.most_usd is not None
    assert 0.5 * paid(requests, tokens) < said.usd < 2 * paid(requests, tokens) < 2 * said.most_usd
    assert said.usd > 2 * plain.usd


def test_a_judge_thinks_too_and_is_asked_where_nothing_else_is(shop: Context) -> None:
    source = Synthesizer(target_accepted=COUNT, writes=[], judge_model="judge")
    said = estimate(source, asking(shop, thinking=THINKING))
    assert said.calls == said.judge_calls >= 2 * COUNT
    assert said.thinking_tokens == said.calls * THINKING
    assert said.usd == pytest.approx(PRICES["judge"].cost(said.prompt_tokens, said.completion_tokens))


def test_the_audit_is_no_larger_in_a_larger_partition(shop: Context) -> None:
    """Ten trajectories of a partition are corrupted, whatever its size."""
    small, large = (
        estimate(Synthesizer(target_accepted=count, writes=[], judge_model="judge"), asking(shop), sample=40)
        for count in (40, 400)
    )
    assert small.judge_calls / 50 == pytest.approx(large.judge_calls / 410, rel=0.02)


def test_a_judge_without_prices_leaves_the_cost_unknown(shop: Context, capsys: pytest.CaptureFixture[str]) -> None:
    source = Synthesizer(target_accepted=COUNT, judge_model="judge")
    said = estimate(source, asking(shop, prices={"scripted": PRICES["scripted"]}, thinking=THINKING))
    assert (said.usd, said.most_usd, said.unpriced) == (None, None, ["judge"])
    _say_estimate(said, as_json=False)
    out = capsys.readouterr().out
    assert 'no cost is known: the recipe has no [llm.prices."judge"]\n' in out
    assert f"{said.judge_calls:,} of the calls are questions to the judge judge" in out
    assert f"{said.thinking_tokens:,} of the tokens out are for thinking" in out
