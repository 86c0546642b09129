"""A resource that is asked for by its id is answered under that id, however the answer wraps it."""

from typing import Any

import pytest

from forge_trajectories.execution import replay
from forge_trajectories.execution.mock import MockEnvironment
from forge_trajectories.execution.replay import ReplayEnvironment, is_recorded
from forge_trajectories.picking import Picks
from forge_trajectories.synthesis.facts import known_values
from forge_trajectories.tools.operation import Operation

TEXT = {"type": "string"}


def reading(path: str, returns: Any = None, *, result: Any = None, asked: Any = None, **more: Any) -> Operation:
    key = path.rpartition("{")[2].rstrip("}")
    schema = more.pop("schema", TEXT)
    return Operation(
        tool="read",
        api=path,
        provider="a.example",
        method="GET",
        path=path,
        parameters={"type": "object", "properties": {key: {**schema, "x-in": "path"}}, "required": [key]},
        returns=returns,
        examples=[{"arguments": {key: asked}, "result": result}] if asked else [{"result": result}] if result else [],
        **more,
    )


def holding(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


@pytest.mark.parametrize(
    ("path", "wrapper", "field"),
    [
        ("/placement_groups/{id}", "placement_group", "id"),
        ("/knowledgeBases/{knowledgeBaseId}", "knowledgeBase", "knowledgeBaseId"),
        ("/storage-config/{AssociationId}", "Association", "AssociationId"),
        ("/phone-number/{PhoneNumberId}", "ClaimedSummary", "PhoneNumberId"),
        ("/files/{id}", "details", "id"),
    ],
)
def test_the_asked_id_is_put_into_what_wraps_the_resource(path: str, wrapper: str, field: str) -> None:
    key = path.rpartition("{")[2].rstrip("}")
    schema = holding(**{wrapper: holding(**{field: TEXT, "size": {"type": "integer"}})})
    documented = {wrapper: {field: "8fa70202", "size": 4}}
    for operation in (
        reading(path, schema),
        reading(path, result=documented),
        reading(path, holding(), result=documented),
    ):
        found = MockEnvironment([operation], seed=3).call("read", {key: "73582"})
        assert found.value[wrapper][field] == "73582"


def test_an_example_fills_what_the_schema_leaves_open() -> None:
    schema = holding(data={"type": "object", "title": "Gif"}, meta=holding(status={"type": "integer"}))
    operation = reading("/gifs/{gifId}", schema, result={"data": {"id": "YsTs5", "slug": "a"}, "meta": {"status": 200}})
    found = MockEnvironment([operation], seed=3).call("read", {"gifId": "45532"})
    assert found.value["data"]["id"] == "45532"


def test_an_example_of_another_resource_is_not_replayed() -> None:
    def snapshot(shown: str) -> Operation:
        result = {"snapshot": {"id": shown, "region": "nyc"}}
        return reading("/snapshots/{id}", result=result, asked="6372321", simulator=replay.NAME)

    other, same = snapshot("8fa70202"), snapshot("6372321")
    assert not is_recorded(other)
    assert is_recorded(same)
    found = ReplayEnvironment([other], 1).call("read", {"id": "6372321"})
    assert (found.origin, found.value["snapshot"]["id"]) == ("mock", "6372321")
    assert ReplayEnvironment([same], 1).call("read", {"id": "6372321"}).origin == "replay"


@pytest.mark.parametrize(
    "shown", [{"type": "integer"}, {"type": ["integer", "null"]}, {"type": "string", "pattern": "^PN[0-9a-f]{8}$"}]
)
def test_an_id_is_asked_for_as_it_can_be_shown(shown: dict[str, Any]) -> None:
    operation = reading("/stations/{id}", holding(id=shown, size={"type": "integer"}))
    for number in range(12):
        values = known_values(operation, Picks(str(number)))
        assert values is not None
        found = MockEnvironment([operation], seed=number).call("read", values)
        assert str(found.value["id"]) == values["id"]
