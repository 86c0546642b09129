"""Blueprints of every kind: they are what their kind promises, stand up to their own check, and follow from numbers."""

import ast
import json
import subprocess
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from forge.records import to_json
from forge_trajectories.blueprint import KINDS, Blueprint, from_object, to_object
from forge_trajectories.execution.faults import FAULTS
from forge_trajectories.execution.opening import open_environment
from forge_trajectories.picking import Picks
from forge_trajectories.synthesis.coverage import gini, spread_of
from forge_trajectories.synthesis.dataflow import problems
from forge_trajectories.synthesis.plans import executed
from forge_trajectories.synthesis.plans_code import client_code
from forge_trajectories.synthesis.plans_goals import chain_goal, wanted
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import changes_data

COUNT = 24


@pytest.fixture(scope="module")
def drawn(shop_graph: ToolGraph) -> dict[str, list[Blueprint]]:
    """Blueprints by kind."""
    found = {kind: [sample(shop_graph, kind=kind, number=n, seed=5) for n in range(COUNT)] for kind in KINDS}
    return {kind: [item for item in items if item is not None] for kind, items in found.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_most_numbers_give_a_sound_blueprint(drawn: dict[str, list[Blueprint]], kind: str) -> None:
    assert len(drawn[kind]) >= COUNT * 3 // 4
    for blueprint in drawn[kind]:
        assert blueprint.kind == kind
        assert problems(blueprint) == []
        assert len({operation.tool for operation in blueprint.operations}) == len(blueprint.operations)
        assert from_object(to_object(blueprint)) == from_object(json.loads(to_json(blueprint)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_stored_blueprint_comes_to_the_same_again(drawn: dict[str, list[Blueprint]], kind: str) -> None:
    for blueprint in drawn[kind]:
        again = executed(from_object(json.loads(to_json(blueprint))))
        assert again is not None
        assert [step.expected for step in again.plan] == [step.expected for step in blueprint.plan]
        assert again.final_state == blueprint.final_state


def test_a_blueprint_follows_from_kind_number_and_seed(shop_graph: ToolGraph) -> None:
    other = ToolGraph(shop_graph.folder)
    backwards = [sample(other, kind="choice", number=n, seed=9) for n in reversed(range(8))][::-1]
    assert backwards == [sample(shop_graph, kind="choice", number=n, seed=9) for n in range(8)]
    assert backwards != [sample(shop_graph, kind="choice", number=n, seed=10) for n in range(8)]


def test_an_unknown_kind_is_refused(shop_graph: ToolGraph) -> None:
    with pytest.raises(ValueError, match="dance"):
        sample(shop_graph, kind="dance", number=0, seed=0)


def test_numbers_in_a_row_spread_over_the_apis(shop_graph: ToolGraph) -> None:
    found = [sample(shop_graph, kind="single", number=n, seed=1) for n in range(40)]
    called = [
        [operation for operation in item.operations if operation.tool in item.needed]
        for item in found
        if item is not None
    ]
    assert len(called) == 40
    used = spread_of(
        ([each.api for each in operations] for operations in called),
        ([each.provider for each in operations] for operations in called),
    )
    assert used.used >= 28  # of 66 that answer with fields; the dear ones come twice
    assert used.providers == 8


def test_kinds_of_calls_keep_their_promise(drawn: dict[str, list[Blueprint]]) -> None:
    assert all(len(item.plan) == len(item.offered()) == 1 for item in drawn["single"])
    assert all(len(item.plan) == 1 and len(item.offered()) >= 3 for item in drawn["choice"])
    for item in drawn["parallel"]:
        assert 2 <= len(item.plan) <= 3
        assert not any(step.after for step in item.plan)
        calls = [(step.tool, to_json(step.expected)) for step in item.plan]
        assert len(set(calls)) == len(calls)
    for item in drawn["sequential"]:
        assert 2 <= len(item.plan) <= 4
        feeding = {before for step in item.plan for before in step.after}
        assert all(step.after or step.id in feeding for step in item.plan)
    for item in drawn["multi-turn"]:
        assert [step.turn for step in item.plan] == list(range(len(item.goals)))
        assert len(item.goals) >= 2


def test_parallel_calls_are_of_one_tool_or_of_several(drawn: dict[str, list[Blueprint]]) -> None:
    assert {len(item.needed) > 1 for item in drawn["parallel"]} == {True, False}


def test_refusals_withhold_what_would_do(drawn: dict[str, list[Blueprint]]) -> None:
    for item in (*drawn["missing-tool"], *drawn["irrelevance"]):
        assert item.ending == "no-call"
        assert item.withheld
        assert not item.plan
        assert item.offered()
    for item in drawn["irrelevance"]:
        providers = {operation.provider for operation in item.offered()}
        missing = item.operation(item.withheld[0])
        assert missing is not None
        assert missing.provider not in providers


def test_what_is_missing_is_required_and_told_by_nothing_else(drawn: dict[str, list[Blueprint]]) -> None:
    for item in drawn["missing-parameter"]:
        asked = [fact for fact in item.facts if fact.told == "asked"]
        operation = item.operation(item.needed[0])
        assert operation is not None
        said = to_json([fact.value for fact in item.facts if fact.told == "query"]) + item.goals[0]
        for fact in asked:
            assert fact.name in operation.parameters["required"]
            assert str(fact.value) not in said
        assert asked


def test_faults_are_known_and_recoveries_fit_them(drawn: dict[str, list[Blueprint]]) -> None:
    for item in drawn["error-recovery"]:
        fault = item.faults[0]
        assert set(fault.recoveries) <= {*FAULTS[fault.kind].recoveries, "repair"}
        assert (item.ending == "failure") == (item.final_state is None)
        environment = open_environment(item)
        answers = [environment.call(step.tool, step.expected) for step in item.plan]
        assert any(answer.fault == fault.kind for answer in answers)


def test_a_repaired_value_is_named_by_the_server_or_known_to_the_user(shop_graph: ToolGraph) -> None:
    found = [sample(shop_graph, kind="error-recovery", number=n, seed=2) for n in range(60)]
    mended = [item for item in found if item is not None and "arguments" in item.faults[0].details]
    assert {item.faults[0].kind for item in mended} == {"invalid", "not-found"}
    for item in mended:
        details = item.faults[0].details
        (value,) = details["arguments"].values()
        told = [fact.value for fact in item.facts if fact.told == "asked"]
        assert value in told or f"'{value}'" in details["message"]


def test_candidates_are_weighed_truly(drawn: dict[str, list[Blueprint]]) -> None:
    for item in drawn["decision-contrast"]:
        known = {fact.name for fact in item.facts}
        right = item.operation(item.needed[0])
        assert right is not None
        for candidate in item.candidates:
            operation = item.operation(candidate.tool)
            assert operation is not None
            assert candidate.arguments.keys() <= known
            if "chang" in candidate.why and "data" in candidate.why and not candidate.right:
                assert changes_data(operation)
                assert not changes_data(right)
            if "has not given" in candidate.why:
                assert not known >= set(operation.parameters["required"])


def test_plans_are_made_from_documentation_that_names_every_required_parameter(
    drawn: dict[str, list[Blueprint]],
) -> None:
    for item in drawn["planning"]:
        assert not item.offered()
        for operation in item.operations:
            assert f"Tool: {operation.tool}" in item.material
            assert all(name in item.material for name in operation.parameters.get("required", ()))


def test_code_names_path_and_parameters(drawn: dict[str, list[Blueprint]]) -> None:
    for item in drawn["code-to-documentation"]:
        assert item.material.startswith("```")
        assert all(name in item.material for name in item.plan[0].expected)


POST = Operation(
    tool="createPet",
    api="a",
    provider="pets.example",
    method="POST",
    path="/pets/{pet_id}",
    description="Creates a pet.",
    parameters={
        "type": "object",
        "properties": {
            "pet_id": {"type": "string", "x-in": "path"},
            "dry": {"type": "boolean", "x-in": "query"},
            "note": {"type": "string", "x-in": "header", "description": 'For whom """ */ it is.'},
            "name": {"type": "string", "x-in": "body"},
        },
    },
)


def test_code_is_code() -> None:
    values = {"pet_id": "it's", "dry": True, "name": "Rex $1"}
    seen = set()
    for number in range(40):
        fence, _, code = client_code(POST, values, Picks(str(number))).removesuffix("```").partition("\n")
        seen.add(fence)
        assert "/pets/" in code
        assert "note (string, optional) For whom" in code  # what is not passed is documented all the same
        if fence == "```python":
            ast.parse(code)
        if fence == "```bash":
            subprocess.run(["bash", "-n"], input=code, text=True, check=True, timeout=20)
    assert seen == {"```python", "```javascript", "```bash"}


def test_what_code_cannot_show_makes_none() -> None:
    assert client_code(POST, {"name": "no path"}, Picks("x")) == ""
    trace = {"X-Trace": {"type": "string", "x-in": "header"}}
    traced = replace(POST, parameters={**POST.parameters, "properties": {**POST.parameters["properties"], **trace}})
    assert client_code(traced, {"pet_id": "a"}, Picks("x")) == ""


def test_what_the_code_says_runs() -> None:
    codes = (client_code(POST, {"pet_id": "a b", "name": "Rex"}, Picks(str(number))) for number in range(40))
    code = next(code for code in codes if "import httpx" in code)
    sent: list[dict[str, Any]] = []

    class Httpx:
        @staticmethod
        def request(method: str, url: str, **passed: Any) -> Any:
            sent.append({"method": method, "url": url, **passed})
            return SimpleNamespace(raise_for_status=lambda: None, json=lambda: {})

    plain = code.removeprefix("```python").removesuffix("```").replace("import httpx", "")
    exec(compile(plain, "client", "exec"), {"httpx": Httpx, "print": lambda *_: None})
    assert sent == [
        {
            "method": "POST",
            "url": "https://pets.example/pets/a b",
            "params": {},
            "headers": {},
            "json": {"name": "Rex"},
        }
    ]


def test_goals_are_imperatives() -> None:
    assert wanted(POST) == "create a pet"
    assert wanted(replace(POST, description="Pets!")) == "create pet"
    assert wanted(replace(POST, description="Pets!", tool="pets-v2", path="/", service="shop")) == (
        "call pets v 2 of shop"
    )
    assert chain_goal([POST, POST], [[], [(0, "/0/id")]]) == "Create a pet, then use the first result to create a pet."
    owner = replace(POST, description="Gets an owner.", tool="getOwner", method="GET")
    both = [[], [], [(0, "/id"), (1, "/id")]]
    assert chain_goal([owner, owner, POST], both) == (
        "Get an owner, independently of that get an owner, then use both results to create a pet."
    )


def test_gini_is_nought_where_all_have_the_same_and_near_one_where_one_has_all() -> None:
    assert gini([]) == 0
    assert gini([3, 3, 3]) == pytest.approx(0)
    assert gini([0] * 99 + [7]) == pytest.approx(0.99)
    assert gini([1, 3]) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("method", "path", "tool", "description", "said"),
    [
        ("GET", "/a", "getA", "Gets the roles Returns a list of roles", "get the roles"),
        ("POST", "/hubs", "h", "Creates a hub, or updates an existing hub.", "create a hub, or update an existing hub"),
        ("POST", "/tags", "createTag", "POST for tag. Add tag into the system", "add tag into the system"),
        ("GET", "/me", "getMe", "Get My User.", "get my user"),
        ("POST", "/v1/hooks/{id}/enable", "post_hooks_by_id_enable", "Ability to enable.", "enable for hooks"),
        ("GET", "/v1/hooks/{id}", "get_hooks_by_id", "A web hook.", "get a hook"),
        ("GET", "/n", "n", "Airports near by. Retrieves airports by id.", "retrieve airports by id"),
        ("GET", "/n", "getNews", "News. Note that this is slow.", "get news"),
    ],
)
def test_a_goal_is_read_from_what_says_most(method: str, path: str, tool: str, description: str, said: str) -> None:
    assert wanted(replace(POST, method=method, path=path, tool=tool, description=description)) == said
