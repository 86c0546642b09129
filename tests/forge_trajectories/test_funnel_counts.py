"""What the funnel says was spent is what the journal paid: repairs, useless answers, a judge, the budget's end."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from forge.clients.llm_journal import Journal
from forge.clients.llm_open import Endpoint
from forge.llm import LlmSettings, Prices, Spent
from forge.records import ApiRecord
from forge.steps import Context
from forge.testing import MemoryCatalog, context
from forge.testing.llm import Misbehave, ScriptedLlm
from forge_trajectories.synthesis.funnel import Funnel
from forge_trajectories.synthesis.funnel_files import read
from forge_trajectories.synthesis.source import Synthesizer
from forge_trajectories.synthesis.source_run import blueprints_of

Makes = Callable[..., Any]
PROMPT, COMPLETION = 90, 10
PRICES = {"writer": Prices(prompt=1.0, completion=2.0), "judge": Prices(prompt=10.0, completion=20.0)}


@pytest.fixture
def shop(tmp_path: Path, shop_records: list[ApiRecord]) -> Context:
    return context(tmp_path, catalog=MemoryCatalog(shop_records), seed=5)


def script(source: Synthesizer, given: Context, oracle: Makes) -> Callable[[Mapping[str, Any]], Any]:
    """An endpoint that gives every so many-eth question no JSON at all, or none at first; the judge says yes."""
    some = list(islice(blueprints_of(source, source.partitions(given)[0], given), 200))
    taught = oracle(some, source.writes, mended=3)

    def answer(request: Mapping[str, Any]) -> Mapping[str, Any] | Misbehave | str:
        if request["model"] == "judge":
            wanted = request["response_format"]["json_schema"]["schema"]["properties"]
            return {name: "yes" if "enum" in about else "As it should be." for name, about in wanted.items()}
        number, is_first = crc32(request["messages"][1]["content"].encode()), len(request["messages"]) == 2
        if number % 5 == 0 or (number % 7 == 0 and is_first):
            return "no"
        found: Mapping[str, Any] | Misbehave = taught(request)
        return found

    return answer


def run(source: Synthesizer, given: Context, oracle: Makes) -> tuple[Funnel, Spent, int]:
    """The funnel, what the journal paid, and the number of answers that the endpoint gave."""
    journal = given.workspace / "llm.sqlite"
    with ScriptedLlm(script(source, given, oracle), tokens=(PROMPT, COMPLETION)) as endpoint:
        said = LlmSettings(model="writer", base_url=endpoint.url, prices=PRICES)
        asked = replace(given, llm=Endpoint(journal=journal, scope="test", settings=said, recipe=Path("forge.toml")))
        for part in source.partitions(asked):
            list(source.records(part, asked))
        answers = sum(endpoint.answered.values())
    kept = Journal(journal)
    try:
        return read(given.scratch), kept.spent_by_step("test"), answers
    finally:
        kept.close()


@pytest.mark.parametrize("judge", ["", "judge"])
@pytest.mark.parametrize("max_tokens", [0, 12_000])
def test_the_funnel_counts_what_was_paid(shop: Context, oracle: Makes, judge: str, max_tokens: int) -> None:
    source = Synthesizer(target_accepted=20, writes=["query", "calls"], judge_model=judge, max_tokens=max_tokens)
    funnel, spent, answers = run(source, shop, oracle)
    assert funnel.ended == {"budget" if max_tokens else "target": 1}
    assert any(reason == "parses:unfit" for gate in funnel.gates for reason, _ in gate.reasons)
    assert funnel.calls == answers
    assert funnel.tokens == spent.tokens == answers * (PROMPT + COMPLETION)
    assert funnel.cost == pytest.approx(spent.usd)
    assert funnel.tokens_per_accepted == funnel.tokens / max(funnel.accepted, 1)
