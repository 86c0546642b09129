"""From a record to where its calls are executed: recordings given again, simulators, and one session for all."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge.records import ApiRecord, Trajectory
from forge.testing import MemoryCatalog
from forge.testing import context as offline_context
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.execution import replay
from forge_trajectories.execution.opening import open_environment
from forge_trajectories.execution.simulators import WORLDS, SimulatedTools
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.synthesis.author import compose, finished
from forge_trajectories.synthesis.author_draft import Usage, draft_of
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.operations import operation_of
from forge_trajectories.tools.store import build_store

CITY = {"city": {"type": "string", "x-in": "path"}}
CALL = {"arguments": {"city": "Basel"}, "result": {"city": "Basel", "mayor": "Conradin Cramer", "people": 173863}}


def record(name: str, method: str = "GET", *, kind: Any = "rest", path: str = "", **parts: Any) -> ApiRecord:
    given: dict[str, Any] = {
        "description": f"{name.partition('_')[0].capitalize()} the details of a city.",
        "parameters": {"type": "object", "properties": CITY, "required": ["city"]},
        "returns": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "mayor": {"type": "string"},
                "people": {"type": "integer"},
            },
        },
        "examples": [CALL],
        "source": "tests",
        **parts,
    }
    where = path or ("/cities/{city}" if kind == "rest" else "")
    return ApiRecord(provider="cities.example", service="", name=name, kind=kind, method=method, path=where, **given)


def operation(given: ApiRecord) -> Operation:
    found = operation_of(given, taken=set())
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("given", "simulator"),
    [
        (record("get_city"), "replay"),
        (record("get_city", examples=[{"arguments": {"city": "Bern"}}]), ""),
        (record("get_city", examples=[{"result": {"city": "Bern"}}]), ""),
        (record("update_city", "PATCH"), ""),
        (record("find_city", "POST"), ""),
        (record("compute_city", "", kind="python"), "replay"),
        (record("delete_city", "", kind="python"), ""),
        (record("act_on_city", "", kind="mcp"), ""),
        (record("get_city", meta={"simulator": "bank"}, examples=[]), ""),
    ],
)
def test_where_a_call_is_executed_follows_from_its_record(given: ApiRecord, simulator: str) -> None:
    assert operation(given).simulator == simulator


def test_the_simulators_tools_are_executed_by_them(tmp_path: Path) -> None:
    given = offline_context(tmp_path)
    (partition,) = SimulatedTools().partitions(given)
    found = [operation(each) for each in SimulatedTools().records(partition, given)]
    assert {each.simulator for each in found} == set(WORLDS)


def blueprint(operations: Sequence[Operation], seed: int = 1) -> Blueprint:
    return Blueprint(id="b", kind="single", seed=seed, goals=("x",), operations=tuple(operations))


def test_a_recording_is_given_until_something_changes() -> None:
    tools = [operation(record("get_city")), operation(record("update_city", "PATCH", parameters=BODY))]
    environment = open_environment(blueprint(tools))
    assert environment.call("get_city", {"city": "Basel"}).value == CALL["result"]
    assert environment.call("get_city", {"city": "Bern"}).origin == "mock"
    assert environment.call("update_city", {"city": "Basel", "mayor": "Beat Jans"}).ok
    after = environment.call("get_city", {"city": "Basel"})
    assert (after.origin, after.value["mayor"]) == ("mock", "Beat Jans")
    assert "Beat Jans" in str(environment.state())


BODY = {
    "type": "object",
    "properties": {**CITY, "mayor": {"type": "string", "x-in": "body"}},
    "required": ["city", "mayor"],
}


@pytest.fixture(scope="module")
def cities(tmp_path_factory: pytest.TempPathFactory) -> ToolGraph:
    """A dozen operations that are documented with a call and its result."""
    records = [
        record(f"get_{what}", path=f"/cities/{{city}}/{what}", description=f"Get the {what} of a city.")
        for what in ("mayor", "history", "weather", "budget", "statistics", "climate", "museums", "parks", "bridges")
    ]
    return ToolGraph(build_store(MemoryCatalog(records), tmp_path_factory.mktemp("tools")))


def replayed(graph: ToolGraph, kind: str) -> list[Trajectory]:
    found = []
    for number in range(12):
        drawn = sample(graph, kind=kind, number=number, seed=4)
        assert drawn is not None
        composed = finished(compose(drawn))
        assert composed.refusal is None
        found.append(draft_of(composed, Usage(paid=set()), model="", source="test", number=0))
    return found


@pytest.mark.parametrize("kind", ["single", "choice", "multi-turn", "decision-contrast"])
def test_replays_really_occur_and_verify_again(cities: ToolGraph, kind: str) -> None:
    trajectories = replayed(cities, kind)
    origins = [message.origin for each in trajectories for message in each.messages if message.origin]
    assert origins.count("replay") > len(origins) / 2
    assert all(first_failure(verify(each)) is None for each in trajectories)


def test_a_replay_is_compared_and_its_origin_too(cities: ToolGraph) -> None:
    (draft,) = replayed(cities, "single")[:1]
    for change, code in (({"origin": "mock"}, "executes:origin"), ({"content": OTHER}, "executes:differs")):
        messages = [replace(each, **change) if each.origin == "replay" else each for each in draft.messages]
        assert messages != list(draft.messages)
        failed = first_failure(verify(replace(draft, messages=messages)))
        assert failed is not None
        assert failed.code == code


OTHER = json.dumps({"city": "Basel", "mayor": "Nobody", "people": 173863})


def test_recordings_are_known_by_their_arguments() -> None:
    assert replay.recorded_calls(operation(record("get_city"))) == [{"city": "Basel"}]
