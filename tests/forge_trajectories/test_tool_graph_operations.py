"""From a catalogue's record to a tool: small, valid schemas, unique readable names, examples that keep them."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.records import ApiRecord, to_json
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.operations import operation_of, readable_name, unique_name
from forge_trajectories.tools.schema_cut import MAX_DEPTH, cut


def record(**more: Any) -> ApiRecord:
    base: dict[str, Any] = {
        "provider": "pets.example",
        "service": "",
        "name": "getPet",
        "kind": "rest",
        "method": "GET",
        "path": "/pets/{petId}",
        "description": "Get a pet by its ID.",
        "source": "tests",
        "parameters": {
            "type": "object",
            "properties": {"petId": {"type": "string", "x-in": "path"}},
            "required": ["petId"],
        },
    }
    return ApiRecord(**{**base, **more})


def made(**more: Any) -> Operation:
    found = operation_of(record(**more), taken=set())
    assert found is not None
    return found


def depth(schema: Any) -> int:
    """Levels of properties and items."""
    if not isinstance(schema, dict):
        return 0
    inside = [*schema.get("properties", {}).values(), schema.get("items")]
    return max((1 + depth(part) for part in inside if isinstance(part, dict) and part), default=0)


def test_a_tool_has_its_record_s_call() -> None:
    tool = made()
    assert (tool.tool, tool.method, tool.path) == ("getPet", "GET", "/pets/{petId}")
    assert tool.parameters["required"] == ["petId"]
    assert tool.parameters["additionalProperties"] is False
    assert tool.parameters["properties"]["petId"]["x-in"] == "path"
    assert "x-in" not in to_json(tool.offered())


def test_at_most_a_dozen_parameters_required_ones_first() -> None:
    properties = {f"p{number}": {"type": "string"} for number in range(40)}
    tool = made(parameters={"type": "object", "properties": properties, "required": ["p38", "p39"]})
    assert len(tool.parameters["properties"]) == 12
    assert {"p38", "p39"} <= tool.parameters["properties"].keys()


@pytest.mark.parametrize(
    "parameters",
    [
        {"properties": {f"p{n}": {"type": "string"} for n in range(20)}, "required": [f"p{n}" for n in range(20)]},
        {"properties": {"file": {"type": "string", "format": "binary"}}, "required": ["file"]},
        {"properties": {"two words": {"type": "string"}}, "required": ["two words"]},
    ],
)
def test_what_cannot_be_called_makes_no_tool(parameters: dict[str, Any]) -> None:
    assert operation_of(record(parameters={"type": "object", **parameters}), taken=set()) is None


def test_what_the_runtime_sends_is_left_out() -> None:
    properties = {
        "petId": {"type": "string", "x-in": "path"},
        "Authorization": {"type": "string", "x-in": "header"},
        "api_key": {"type": "string", "x-in": "query"},
        "Authorization2": {"type": "string", "x-in": "query"},
    }
    tool = made(parameters={"type": "object", "properties": properties, "required": ["petId", "Authorization"]})
    assert list(tool.parameters["properties"]) == ["petId", "Authorization2"]
    assert tool.parameters["required"] == ["petId"]


def test_examples_keep_the_cut_schema() -> None:
    examples = [
        {"arguments": {"petId": 7}},
        {"arguments": {"petId": "p7"}, "result": {"id": "p7", "toys": [1, 2, 3]}},
        {"arguments": {}, "result": {"id": "p8", "long": "x" * 5_000}},
    ]
    assert made(examples=examples).examples == ({"arguments": {"petId": "p7"}, "result": {"id": "p7", "toys": [1, 2]}},)


@pytest.mark.parametrize("value", ["petId", "pet-id", "{pet_id}", "<pet id>", "YOUR_PET_ID"])
def test_a_documented_value_that_only_names_its_parameter_is_none(value: str) -> None:
    found = made(examples=[{"arguments": {"petId": value}, "result": {"name": "Rex"}}]).examples
    assert found == ({"result": {"name": "Rex"}},)


@pytest.mark.parametrize(
    ("name", "method", "path", "readable"),
    [
        ("getPet", "GET", "/pets/{petId}", "getPet"),
        ("apps/list-repos", "GET", "/apps", "apps_list-repos"),
        ("list", "GET", "/v1/pets", "list_v1_pets"),
        ("groups.team.primaryChannel.messages.chatMessage.replies.chatMessage.undoSoftDelete", "POST", "/x", ""),
    ],
)
def test_names_say_what_is_called(name: str, method: str, path: str, readable: str) -> None:
    found = readable_name(name, method, path)
    assert found == readable if readable else found.endswith("replies_chatMessage_undoSoftDelete")
    assert len(found) <= 64


def test_names_are_unique_and_short() -> None:
    taken: set[str] = set()
    found = [unique_name("a" * 64, taken) for _ in range(12)]
    assert len(set(found)) == 12
    assert max(map(len, found)) == 64


def test_one_shape_is_kept_of_several_and_parts_are_put_together() -> None:
    several = {"oneOf": [{"type": "null"}, {"type": "string"}, {"type": "integer"}]}
    whole = {"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {}}}]}
    assert cut(several, asked=True) == {"type": "string"}
    assert cut(whole, asked=True) == {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {}},
        "required": ["a"],
    }


def test_what_contradicts_is_dropped() -> None:
    schema = {"type": "string", "minLength": 9, "maxLength": 2, "pattern": "([", "default": 4, "enum": [1, "x"]}
    assert cut(schema, asked=True) == {"type": "string", "enum": ["x"]}


def test_what_only_a_server_sets_is_not_asked_for() -> None:
    inside = {"id": {"type": "string", "readOnly": True}, "name": {"type": ["string", "null"]}}
    schema = {"type": "object", "properties": inside}
    assert cut(schema, asked=True)["properties"] == {"name": {"type": "string"}}
    assert set(cut(schema, asked=False)["properties"]) == {"id", "name"}


WILD = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["string", "object", "array", "[", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "required",
                    "enum",
                    "default",
                    "minimum",
                    "maximum",
                    "minLength",
                    "pattern",
                    "oneOf",
                    "allOf",
                    "$ref",
                    "format",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(WILD, st.booleans())
def test_any_schema_is_cut_to_a_valid_shallow_one(schema: Any, asked: bool) -> None:
    found = cut(schema, asked=asked)
    jsonschema_rs.validator_for(found)
    assert depth(found) <= MAX_DEPTH
    assert "$ref" not in found
