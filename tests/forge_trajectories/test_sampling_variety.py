"""What a long run of blueprints holds: every fault, calls fed by several others, and small providers before large."""

from collections import Counter
from typing import Any

import pytest

from forge.records import ApiRecord
from forge.testing import MemoryCatalog
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.execution.faults import FAULTS
from forge_trajectories.execution.opening import open_environment
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.synthesis.author import compose, finished
from forge_trajectories.synthesis.author_draft import Usage, draft_of
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.store import build_store


def drawn(graph: ToolGraph, kind: str, count: int, seed: int = 1) -> list[Blueprint]:
    found = [sample(graph, kind=kind, number=number, seed=seed) for number in range(count)]
    return [blueprint for blueprint in found if blueprint is not None]


def assert_accepted(blueprint: Blueprint) -> None:
    composed = finished(compose(blueprint))
    assert composed.refusal is None
    draft = draft_of(composed, Usage(paid=set()), model="", source="test", number=0)
    assert first_failure(verify(draft)) is None


@pytest.fixture(scope="module")
def failing(shop_graph: ToolGraph) -> list[Blueprint]:
    return drawn(shop_graph, "error-recovery", 300)


def test_every_fault_is_sampled(failing: list[Blueprint]) -> None:
    counts = Counter(fault.kind for blueprint in failing for fault in blueprint.faults)
    assert set(counts) == set(FAULTS)


@pytest.mark.parametrize("kind", ["timeout-after-effect", "partial-success"])
def test_what_took_effect_is_not_blindly_repeated(failing: list[Blueprint], kind: str) -> None:
    found = [item for item in failing if item.faults[0].kind == kind]
    assert found
    for blueprint in found:
        fault = blueprint.faults[0]
        operation = blueprint.operation(fault.tool)
        assert operation is not None
        if "retry" in fault.recoveries:
            assert operation.method in ("PUT", "PATCH")
        assert_accepted(blueprint)


def test_after_a_lost_answer_another_tool_shows_what_was_done(failing: list[Blueprint]) -> None:
    found = [item for item in failing if item.faults[0].kind == "timeout-after-effect"]
    for blueprint in found:
        fault, step = blueprint.faults[0], blueprint.plan[-1]
        other = blueprint.operation(fault.other)
        assert other is not None
        assert other.method == "GET"
        environment = open_environment(blueprint)
        lost = environment.call(step.tool, step.expected)
        assert (lost.status, lost.fault) == (0, "timeout-after-effect")
        taken = {name: value for name, value in step.expected.items() if name in other.parameters["properties"]}
        seen = environment.call(other.tool, taken)
        written = [value for name, value in step.expected.items() if name not in taken]
        assert any(str(value) in seen.content for value in written)
        assert environment.state() == blueprint.final_state
        messages = finished(compose(blueprint)).messages
        tools = [call["name"] for message in messages for call in message.tool_calls]
        assert tools == [step.tool, other.tool]


def record(name: str, path: str, *, given: tuple[str, ...] = (), gives: str = "", **parts: Any) -> ApiRecord:
    shown = {"id": {"type": "string"}, "name": {"type": "string"}, "note": {"type": "string"}}
    places = {
        each: {
            "type": "string",
            "description": f"The id of the {each.partition('_')[0]}.",
            "x-in": "path" if f"{{{each}}}" in path else "body",
        }
        for each in given
    }
    verb = name.partition("_")[0]
    return ApiRecord(
        provider=parts.get("provider", "work.example"),
        service="api",
        name=name,
        kind="rest",
        method={"list": "GET", "get": "GET", "create": "POST"}[verb],
        path=path,
        description=f"{verb.capitalize()} the {name.partition('_')[2]} of a team.",
        parameters={"type": "object", "properties": places, "required": list(given)},
        returns={"type": "array", "items": {"type": "object", "properties": shown}}
        if verb == "list"
        else {"type": "object", "properties": shown},
        license="MIT",
        source="tests",
        category=gives,
    )


@pytest.fixture(scope="module")
def webbed(tmp_path_factory: pytest.TempPathFactory) -> ToolGraph:
    """Assignments need a project and a user; an issue of a project needs both ids."""
    records = [
        record("list_projects", "/projects"),
        record("list_users", "/users"),
        record("create_assignment", "/assignments", given=("project_id", "user_id")),
        record("list_issues", "/projects/{project_id}/issues", given=("project_id",)),
        record("get_issue", "/projects/{project_id}/issues/{issue_id}", given=("project_id", "issue_id")),
    ]
    return ToolGraph(build_store(MemoryCatalog(records), tmp_path_factory.mktemp("tools")))


def givers(blueprint: Blueprint) -> dict[str, set[str]]:
    """By step the steps that it takes arguments from."""
    return {
        step.id: {str(binding.step) for binding in step.arguments.values() if binding.source == "observation"}
        for step in blueprint.plan
    }


@pytest.mark.parametrize("kind", ["sequential", "planning"])
def test_a_call_can_take_from_two_earlier_ones(webbed: ToolGraph, kind: str) -> None:
    found = drawn(webbed, kind, 40)
    joined = [item for item in found if any(len(each) > 1 for each in givers(item).values())]
    assert joined
    independent = [item for item in joined if sum(not step.after for step in item.plan) > 1]
    chained = [item for item in joined if sum(not step.after for step in item.plan) == 1]
    assert independent
    assert chained
    assert {item.plan[-1].tool for item in independent} >= {"create_assignment"}
    for blueprint in joined:
        assert_accepted(blueprint)


def test_a_call_waits_for_each_that_feeds_it(webbed: ToolGraph) -> None:
    for blueprint in drawn(webbed, "sequential", 40):
        for step in blueprint.plan:
            assert givers(blueprint)[step.id] <= set(step.after)


def test_a_small_provider_has_more_than_its_share(tmp_path: Any) -> None:
    large = [record(f"get_thing{n}", f"/things{n}", provider="large.example") for n in range(120)]
    small = [record(f"get_item{n}", f"/items{n}", provider="small.example") for n in range(5)]
    graph = ToolGraph(build_store(MemoryCatalog([*large, *small]), tmp_path))
    assert len(graph) == 125
    called = Counter(
        operation.provider
        for blueprint in drawn(graph, "single", 200)
        for operation in blueprint.operations
        if operation.tool in blueprint.needed
    )
    share = called["small.example"] / called.total()
    assert share > 3 * 5 / 125
    weight = 5**0.5 / (5**0.5 + 120**0.5)
    assert share == pytest.approx(weight, abs=0.03)
