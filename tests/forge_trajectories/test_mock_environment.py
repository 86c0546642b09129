"""The mock server in process: it refuses what the schema refuses, and agrees with itself."""

import copy
import json
from typing import Any

import jsonschema_rs
import pytest

from forge_trajectories.execution.mock import MAX_CONTENT, MockEnvironment
from forge_trajectories.execution.refusals import refusal
from forge_trajectories.execution.roles import role_of
from forge_trajectories.tools.operation import Operation

TEXT = {"type": "string"}
ORDER = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "item": {"type": "string"},
        "quantity": {"type": "integer", "minimum": 1},
        "status": {"enum": ["open", "shipped"]},
        "created_at": {"type": "string", "format": "date-time"},
    },
    "required": ["id", "item"],
}


def operation(tool: str, method: str, path: str, **fields: Any) -> Operation:
    fields.setdefault("provider", "shop.example.com")
    return Operation(tool=tool, api=tool, method=method, path=path, **fields)


def takes(required: str = "", **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required.split(),
        "additionalProperties": False,
    }


PATH = {**TEXT, "x-in": "path"}
ITEM = {**TEXT, "x-in": "body"}
NUMBER = {"type": "integer", "minimum": 1, "x-in": "body"}
SHOP = [
    operation("create", "POST", "/orders", parameters=takes("item", item=ITEM, quantity=NUMBER), returns=ORDER),
    operation("get", "GET", "/orders/{orderId}", parameters=takes("orderId", orderId=PATH), returns=ORDER),
    operation(
        "patch", "PATCH", "/orders/{orderId}", parameters=takes("orderId", orderId=PATH, item=ITEM), returns=ORDER
    ),
    operation("put", "PUT", "/orders/{id}", parameters=takes("id item", id=PATH, item=ITEM), returns=ORDER),
    operation("delete", "DELETE", "/orders/{orderId}", parameters=takes("orderId", orderId=PATH)),
    operation(
        "list",
        "GET",
        "/orders",
        parameters=takes(limit={"type": "integer", "x-in": "query"}, status={"enum": ["open", "shipped"]}),
        returns={
            "type": "object",
            "properties": {
                "data": {"type": "array", "items": ORDER},
                "total": {"type": "integer"},
                "next_token": TEXT,
                "error": TEXT,
            },
        },
    ),
    operation("notes", "POST", "/orders/{orderId}/notes", parameters=takes("orderId", orderId=PATH, text=ITEM)),
    operation("ship", "POST", "/orders/{orderId}:ship", parameters=takes("orderId", orderId=PATH)),
]


def call(environment: MockEnvironment, tool: str, **arguments: Any) -> Any:
    found = environment.call(tool, arguments)
    assert found.ok, found.content
    assert json.loads(found.content) == found.value
    return found.value


def test_what_was_created_is_there() -> None:
    shop = MockEnvironment(SHOP, 1)
    made = call(shop, "create", item="lamp", quantity=3)

    assert (made["item"], made["quantity"]) == ("lamp", 3)
    assert call(shop, "get", orderId=made["id"]) == made
    assert made in call(shop, "list")["data"]


def test_what_a_list_shows_is_what_reading_shows() -> None:
    shop = MockEnvironment(SHOP, 1)
    for item in call(shop, "list")["data"]:
        assert call(shop, "get", orderId=item["id"]) == item


def test_the_same_call_twice_creates_two() -> None:
    shop = MockEnvironment(SHOP)

    assert call(shop, "create", item="lamp")["id"] != call(shop, "create", item="lamp")["id"]
    assert len(shop.state()["resources"]) == 2


def test_what_was_changed_stays_changed() -> None:
    shop = MockEnvironment(SHOP)
    before = call(shop, "get", orderId="o-1")
    changed = call(shop, "patch", orderId="o-1", item="vase")

    assert changed == {**before, "item": "vase"}
    assert call(shop, "get", orderId="o-1") == changed
    call(shop, "put", id="o-1", item="rug")
    assert call(shop, "get", orderId="o-1")["item"] == "rug"
    assert shop.state()["resources"] == {"shop.example.com/:orders/o-1": {"item": "rug"}}


def test_what_was_deleted_is_gone_with_all_under_it() -> None:
    shop = MockEnvironment(SHOP)
    own = call(shop, "create", item="lamp")["id"]
    listed = call(shop, "list")["data"][0]["id"]
    for order in (own, listed):
        call(shop, "delete", orderId=order)

    assert [shop.call("get", {"orderId": order}).status for order in (own, listed)] == [404, 404]
    assert shop.call("delete", {"orderId": own}).status == 404
    assert shop.call("notes", {"orderId": own, "text": "late"}).status == 404
    assert not {own, listed} & {item["id"] for item in call(shop, "list")["data"]}
    call(shop, "put", id=own, item="rug")
    assert call(shop, "get", orderId=own)["item"] == "rug"


def test_a_list_is_a_success_to_its_end() -> None:
    shop = MockEnvironment(SHOP)
    for _ in range(3):
        call(shop, "create", item="lamp")
    whole, two = call(shop, "list"), call(shop, "list", limit=2)

    assert whole["total"] == len(whole["data"]) > 3
    assert len(two["data"]) == 2
    assert not {"next_token", "error"} & set(whole)
    assert {item["status"] for item in call(shop, "list", status="open")["data"]} <= {"open"}


def test_reads_leave_no_trace_and_actions_do() -> None:
    shop = MockEnvironment(SHOP)
    nothing = shop.state()
    call(shop, "get", orderId="o-1")
    call(shop, "list")

    assert shop.state() == nothing
    call(shop, "ship", orderId="o-1")
    assert shop.state()["actions"] == {'ship {"orderId":"o-1"}': 1}


def test_independent_calls_in_another_order_leave_the_same_state() -> None:
    one, other = MockEnvironment(SHOP, 4), MockEnvironment(SHOP, 4)
    for item in ("lamp", "rug"):
        call(one, "create", item=item)
    for item in ("rug", "lamp"):
        call(other, "create", item=item)

    assert one.state() == other.state()


def test_the_seed_decides_and_nothing_else() -> None:
    calls = [("create", {"item": "lamp"}), ("list", {}), ("get", {"orderId": "o-1"})]
    runs = [[MockEnvironment(SHOP, seed).call(*each).content for each in calls] for seed in (1, 1, 2)]

    assert runs[0] == runs[1] != runs[2]


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        ("create", {}, "item is required"),
        ("create", {"item": 7}, "item"),
        ("create", {"item": "lamp", "quantity": "3"}, "quantity"),
        ("create", {"item": "lamp", "quantity": 0}, "quantity"),
        ("create", {"item": "lamp", "colour": "red"}, "colour is not a known parameter"),
        ("list", {"status": "lost"}, "status"),
        ("none", {}, "none"),
    ],
)
def test_what_the_schema_refuses_is_refused_and_named(tool: str, arguments: dict[str, Any], said: str) -> None:
    shop = MockEnvironment(SHOP)
    found = shop.call(tool, arguments)

    assert 400 <= found.status < 500
    assert said in found.content
    assert shop.state() == MockEnvironment(SHOP).state()


def test_providers_refuse_in_shapes_of_their_own() -> None:
    bodies = {tuple(refusal(f"p{number}.com", 404, "gone").value) for number in range(40)}

    assert len(bodies) >= 5
    assert refusal("a.com", 404, "gone") == refusal("a.com", 404, "gone")


def test_answers_keep_their_schema() -> None:
    shop = MockEnvironment(SHOP)
    for number in range(20):
        jsonschema_rs.validate(ORDER, call(shop, "get", orderId=f"o-{number}"))


def test_a_documented_answer_is_used_and_takes_the_call_in() -> None:
    example = {"arguments": {"userId": 1}, "result": {"user": {"id": 1, "name": "Ada"}, "page": 0}}
    users = [operation("get", "GET", "/users/{userId}", parameters=takes(userId={"type": "integer"}),
                       examples=(example,))]  # fmt: skip

    assert call(MockEnvironment(users), "get", userId=42) == {"user": {"id": 42, "name": "Ada"}, "page": 0}


def test_names_that_callers_choose_are_the_resources_ids() -> None:
    service = [
        operation("make", "POST", "/buckets", parameters=takes("name", name=ITEM, region=ITEM)),
        operation("get", "GET", "/buckets/{name}", parameters=takes("name", name=PATH)),
    ]
    environment = MockEnvironment(service)
    call(environment, "make", name="logs", region="eu")

    assert call(environment, "get", name="logs")["region"] == "eu"
    assert environment.call("make", {"name": "logs"}).status == 409


@pytest.mark.parametrize("kind", ["mcp", "python", "cli", "graphql", "model"])
def test_tools_without_a_path_remember_by_their_verbs(kind: str) -> None:
    note = {"type": "object", "properties": {"note_id": TEXT, "text": TEXT}}
    of_one = takes("note_id", note_id=TEXT)
    parts: list[tuple[str, dict[str, Any], dict[str, Any] | None]] = [
        ("create_note", takes("text", text=TEXT), note),
        ("get_note", of_one, note),
        ("list_notes", takes(), {"type": "array", "items": note}),
        ("delete_note", of_one, None),
    ]
    tools = [
        Operation(tool=tool, api=tool, provider="p", kind=kind, parameters=parameters, returns=returns)
        for tool, parameters, returns in parts
    ]
    notes = MockEnvironment(tools)
    made = call(notes, "create_note", text="milk")

    assert call(notes, "get_note", note_id=made["note_id"]) == made
    assert made in call(notes, "list_notes")
    call(notes, "delete_note", note_id=made["note_id"])
    assert notes.call("get_note", {"note_id": made["note_id"]}).status == 404


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("POST", "/v1/users", "create"),
        ("POST", "/v1/users/search", "query"),
        ("POST", "/v1/users/{id}", "update"),
        ("POST", "/v1/{name}:cancel", "act"),
        ("GET", "/v1/{name}:check", "query"),
        ("POST", "/#X-Amz-Target=Svc.DeleteTable", "delete"),
        ("GET", "/#Action=DescribeInstances", "list"),
        ("POST", "/#Action=RunInstances", "act"),
    ],
)
def test_roles(method: str, path: str, action: str) -> None:
    assert role_of(operation("tool", method, path)).action == action


def test_a_branch_goes_its_own_way() -> None:
    shop = MockEnvironment(SHOP)
    made = call(shop, "create", item="lamp")
    branch = copy.deepcopy(shop)
    call(branch, "delete", orderId=made["id"])

    assert call(shop, "get", orderId=made["id"]) == made


def test_a_long_answer_is_cut_and_stays_json() -> None:
    rows = {"result": [{"name": "x" * 500, "id": number} for number in range(100)]}
    found = MockEnvironment([operation("all", "GET", "/all", parameters=takes(), examples=(rows,))]).call("all", {})

    assert len(found.content) <= MAX_CONTENT
    assert json.loads(found.content) == found.value
