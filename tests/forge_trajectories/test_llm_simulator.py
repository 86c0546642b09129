"""Answers of calls that a model makes up: which calls, in what form, and how they are checked again."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge.clients.llm_open import Endpoint
from forge.llm import Answer, LlmSettings
from forge.records import ApiRecord, Trajectory, to_json
from forge.testing import MemoryCatalog, context
from forge.testing.llm import ScriptedLlm
from forge_trajectories.blueprint import KINDS, Blueprint, from_object
from forge_trajectories.execution.llm_simulator import (
    ANSWER,
    NAME,
    answer_schema,
    call_of,
    fitted,
    is_eligible,
    observed,
    unfit,
    with_model,
)
from forge_trajectories.execution.opening import open_environment
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.picking import Picks
from forge_trajectories.synthesis.author import OBSERVATION, Composed, compose
from forge_trajectories.synthesis.author_draft import Usage, blamed, draft_of
from forge_trajectories.synthesis.prompts import Asking, PartCall
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.synthesis.source import Synthesizer
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.operation import Operation

WEATHER = Operation(
    tool="get_weather",
    api="",
    provider="weather.example",
    method="GET",
    path="/cities/{city}/weather",
    description="Get the weather of a city.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "x-in": "path"}},
        "required": ["city"],
    },
    returns={
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "sky": {"type": "string", "enum": ["clear", "cloudy"]},
            "day": {"type": "string", "format": "date"},
            "hours": {"type": "array", "items": {"type": "object", "properties": {"celsius": {"type": "number"}}}},
        },
        "required": ["sky"],
    },
)
RIGHT = {"city": "Bern", "sky": "clear", "day": "2026-05-04", "hours": [{"celsius": 12.5}]}


def composed(blueprint: Blueprint, answer: Callable[[PartCall], Any] = lambda call: call.draft) -> Composed:
    road = compose(blueprint, writes=frozenset([OBSERVATION]), asking=Asking(observations=1.0))
    try:
        call = next(road)
        while True:
            assert isinstance(call, PartCall)
            assert call.part == OBSERVATION
            value = answer(call)
            call = road.send(Answer(text=json.dumps(value), value=value))
    except StopIteration as end:
        found: Composed = end.value
        return found


def stored(found: Composed) -> Trajectory:
    assert found.refusal is None, found.refusal
    return draft_of(found, Usage(paid=set()), model="m", source="test", number=0)


def eligible(graph: ToolGraph, kind: str, count: int = 12) -> list[Blueprint]:
    found = [sample(graph, kind=kind, number=number, seed=7) for number in range(count)]
    return [item for item in found if item and any(is_eligible(item, operation) for operation in item.operations)]


@pytest.mark.parametrize("kind", ["single", "choice", "parallel", "sequential", "multi-turn", "missing-parameter"])
def test_what_a_model_answered_stands_in_the_dialogue_and_verifies_again(shop_graph: ToolGraph, kind: str) -> None:
    blueprints = eligible(shop_graph, kind)
    assert blueprints
    for blueprint in blueprints:
        found = composed(blueprint)
        assert found.blueprint.written[OBSERVATION] == "llm"
        draft = stored(found)
        assert "llm" in {message.origin for message in draft.messages}
        again = replace(draft, blueprint=json.loads(to_json(draft.blueprint)))
        assert first_failure(verify(again)) is None


def test_the_state_and_all_other_answers_are_as_without_a_model(shop_graph: ToolGraph) -> None:
    (blueprint,) = eligible(shop_graph, "multi-turn")[:1]
    chosen = with_model(blueprint, share=1.0)
    assert any(operation.simulator == NAME for operation in chosen.operations)
    plain, marked = open_environment(blueprint), open_environment(chosen)
    for step in blueprint.plan:
        one, other = plain.call(step.tool, step.expected), marked.call(step.tool, step.expected)
        assert (one.status, one.value) == (other.status, other.value)
    assert plain.state() == marked.state() == blueprint.final_state


@pytest.mark.parametrize("kind", KINDS)
def test_only_calls_that_change_nothing_and_feed_nothing_are_a_models(shop_graph: ToolGraph, kind: str) -> None:
    for number in range(12):
        blueprint = sample(shop_graph, kind=kind, number=number, seed=3)
        assert blueprint is not None
        feeding = {binding.step for step in blueprint.plan for binding in step.arguments.values()}
        for operation in with_model(blueprint, share=1.0).operations:
            if operation.simulator == NAME:
                assert operation.method == "GET"
                assert not blueprint.faults
                assert not any(step.tool == operation.tool and step.id in feeding for step in blueprint.plan)


def test_the_share_is_about_that_of_the_tools_and_follows_from_the_blueprint(shop_graph: ToolGraph) -> None:
    blueprints = [item for kind in ("single", "choice", "parallel") for item in eligible(shop_graph, kind, 60)]
    chosen = [with_model(item, share=0.4) != item for item in blueprints]
    assert 0.25 < sum(chosen) / len(chosen) < 0.55
    assert [with_model(item, share=0.4) != item for item in blueprints] == chosen
    assert all(with_model(item, share=0.0) is item for item in blueprints)


def test_a_schema_is_strict_and_small() -> None:
    schema = answer_schema(WEATHER.returns)
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["sky", "city", "day", "hours"]
    assert schema["properties"]["hours"]["maxItems"] == 3
    wide = {"type": "object", "properties": {f"f{n}": {"type": "string"} for n in range(30)}, "required": ["f29"]}
    assert list(answer_schema(wide)["properties"]) == ["f29", *(f"f{n}" for n in range(7))]
    assert answer_schema({"type": "string"}) == {}
    assert answer_schema({"type": "object", "properties": {"a": {}}, "required": ["a"]}) == {}
    assert "format" not in to_json(call_of(WEATHER, {"city": "Bern"}).schema)


def test_what_fits_is_taken_and_what_does_not_is_named() -> None:
    assert unfit(WEATHER, RIGHT, {"city": "Bern"}) == ""
    assert "Bern" in unfit(WEATHER, RIGHT, {"city": "Basel"})
    assert "foggy" in unfit(WEATHER, {**RIGHT, "sky": "foggy"})
    assert "date" in unfit(WEATHER, {**RIGHT, "day": "soon"})
    assert "empty" in unfit(WEATHER, {})
    assert (observed(RIGHT).origin, observed(RIGHT).value) == ("llm", RIGHT)


def test_a_value_is_brought_into_a_schema(shop_graph: ToolGraph) -> None:
    assert unfit(WEATHER, fitted({"city": "Bern", "hours": []}, answer_schema(WEATHER.returns))) == ""
    for number in range(20):
        place = shop_graph.draw(number << 58)
        assert place is not None
        operation = shop_graph.group(place.group).operations[place.at]
        schema = answer_schema(operation.returns)
        assert not schema or unfit(operation, fitted(Picks("x").below(9), schema)) == ""


def test_an_answer_that_does_not_fit_is_asked_for_once_more_and_then_refused(shop_graph: ToolGraph) -> None:
    (blueprint,) = eligible(shop_graph, "single")[:1]
    asked: list[PartCall] = []

    def wrong(call: PartCall) -> Any:
        asked.append(call)
        return {ANSWER: {}}

    found = composed(blueprint, wrong)
    assert found.refusal is not None
    assert (found.refusal.part, found.refusal.check.code) == (OBSERVATION, "executes:shape")
    assert len(asked) == 2
    assert "empty" in asked[1].messages[-1]["content"]
    assert blamed(found.refusal.check, {OBSERVATION}) == OBSERVATION


@pytest.mark.parametrize(
    ("content", "origin", "code"),
    [
        ('{"id":', "llm", "parses:observation"),
        ("{}", "llm", "executes:shape"),
        (None, "mock", "executes:origin"),
        (None, "real", "executes:origin"),
    ],
)
def test_a_tampered_answer_is_found(shop_graph: ToolGraph, content: str | None, origin: Any, code: str) -> None:
    draft = stored(composed(eligible(shop_graph, "single")[0]))
    messages = [
        replace(each, content=each.content if content is None else content, origin=origin) if each.origin else each
        for each in draft.messages
    ]
    failed = first_failure(verify(replace(draft, messages=messages)))
    assert failed is not None
    assert failed.code == code


def test_no_answer_is_a_models_where_the_blueprint_wants_none(shop_graph: ToolGraph) -> None:
    blueprint = eligible(shop_graph, "single")[0]
    draft = stored(composed(blueprint))
    assert draft.blueprint is not None
    plain = from_object(draft.blueprint)
    plain = replace(plain, operations=tuple(replace(each, simulator="") for each in plain.operations))
    failed = first_failure(verify(replace(draft, blueprint=json.loads(to_json(plain)))))
    assert failed is not None
    assert failed.code == "executes:origin"


def test_the_source_caps_the_share_of_observations(tmp_path: Path, shop_records: list[ApiRecord]) -> None:
    def script(request: Mapping[str, Any]) -> Any:
        text = next(each["content"] for each in request["messages"] if "fits this schema" in each["content"])
        schema = text.partition("Its answer fits this schema: ")[2].partition("\n")[0]
        return {ANSWER: fitted(None, json.loads(schema))}

    given = context(tmp_path, catalog=MemoryCatalog(shop_records), seed=5)
    with ScriptedLlm(script) as endpoint:
        settings = LlmSettings(model="scripted", base_url=endpoint.url)
        journal = tmp_path / "llm.sqlite"
        given = replace(given, llm=Endpoint(journal=journal, scope="t", settings=settings, recipe=Path("forge.toml")))
        for cap, least in ((0.2, 0.1), (1.0, 0.3)):
            source = Synthesizer(
                target_accepted=30, writes=[], observations=1.0, max_llm_share=cap, kinds={"single": 1}
            )
            assert "100% of observations written" in source.plan(given)
            found = [record for part in source.partitions(given) for record in source.records(part, given)]
            origins = Counter(m.origin for item in found for m in getattr(item, "messages", ()) if m.origin)
            assert least <= origins["llm"] / origins.total() <= cap
            asked = len(endpoint.requests)
            list(source.records(source.partitions(given)[0], given))
            assert len(endpoint.requests) == asked  # the journal has them


@pytest.mark.parametrize("share", [-0.1, 1.1])
def test_a_share_is_between_nought_and_one(share: float) -> None:
    with pytest.raises(ValueError, match="observations"):
        Synthesizer(observations=share)
