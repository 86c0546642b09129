"""A synthesis whose model is offered tools by the endpoint's own parameter."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from forge.clients.llm_open import Endpoint
from forge.llm import LlmSettings
from forge.records import ApiRecord, Trajectory
from forge.steps import Context
from forge.testing import MemoryCatalog, context
from forge.testing.llm import Misbehave, ScriptedLlm, refusal
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.synthesis.estimate import estimate
from forge_trajectories.synthesis.source import Synthesizer
from forge_trajectories.synthesis.source_run import asking_of, blueprints_of

Makes = Callable[..., Any]
COUNT = 16


@pytest.fixture
def shop(tmp_path: Path, shop_records: list[ApiRecord]) -> Context:
    return context(tmp_path, catalog=MemoryCatalog(shop_records), seed=5)


def asked(given: Context, endpoint: ScriptedLlm) -> Context:
    said = LlmSettings(model="scripted", base_url=endpoint.url)
    journal = given.workspace / f"{endpoint.url.rpartition(':')[2].partition('/')[0]}.sqlite"
    endpoint_of_it = Endpoint(journal=journal, scope="test", settings=said, recipe=Path("forge.toml"))
    return replace(given, llm=endpoint_of_it)


def taught(source: Synthesizer, given: Context, oracle: Makes) -> Any:
    some = list(islice(blueprints_of(source, source.partitions(given)[0], given), 2 * COUNT))
    return oracle(some, source.writes, mended=4, asking=asking_of(source))


def made(source: Synthesizer, given: Context) -> list[Trajectory]:
    found = [record for part in source.partitions(given) for record in source.records(part, given)]
    return [record for record in found if isinstance(record, Trajectory)]


def natively(answer: Mapping[str, Any] | Misbehave, request: Mapping[str, Any]) -> Any:
    """An answer as a model that calls tools in its own form gives it."""
    if isinstance(answer, Misbehave) or "tools" not in request or "action" not in answer:
        return answer
    action = answer["action"]
    if "calls" in action:
        return {"content": action.get("thought"), "tool_calls": action["calls"]}
    return str(action.get("ask") or action.get("answer") or "That is all.")


@pytest.mark.parametrize("writes", [["query", "calls", "answer"], ["thought", "calls"]])
def test_native_calls_make_the_trajectories_that_json_makes(shop: Context, oracle: Makes, writes: list[str]) -> None:
    source = Synthesizer(target_accepted=COUNT, writes=writes, native_tools=True)
    script = taught(source, shop, oracle)
    with ScriptedLlm(lambda request: natively(script(request), request)) as endpoint:
        native = made(source, asked(shop, endpoint))
        actions = [request for request in endpoint.requests if "tools" in request]
    with ScriptedLlm(lambda request: refusal(400, "no tools") if "tools" in request else script(request)) as endpoint:
        fallen_back = made(source, asked(shop, endpoint))
        refused = [request for request in endpoint.requests if "tools" in request]
    assert len(native) == COUNT
    assert all(first_failure(verify(each)) is None for each in native)
    assert any(each.blueprint is not None and each.blueprint["written"].get("calls") == "llm" for each in native)
    assert len(actions) > COUNT
    assert not any("response_format" in request for request in actions)
    assert len(refused) <= source.concurrency
    assert [each.messages for each in fallen_back] == [each.messages for each in native]


def test_tools_are_offered_only_where_the_recipe_says_so(shop: Context, oracle: Makes) -> None:
    source = Synthesizer(target_accepted=2)
    with ScriptedLlm(taught(source, shop, oracle)) as endpoint:
        given = asked(shop, endpoint)
        made(source, given)
        assert endpoint.requests
        assert not any("tools" in request for request in endpoint.requests)
        native = estimate(Synthesizer(target_accepted=2, native_tools=True), given)
        assert native.prompt_tokens > estimate(source, given).prompt_tokens
