"""Simulators and recordings: calls do what they say, and the same calls come to the same."""

from typing import Any

import jsonschema_rs
import pytest

from forge.records import ApiRecord
from forge.testing import check_source
from forge.testing import context as offline_context
from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.replay import ReplayEnvironment, is_recorded
from forge_trajectories.execution.simulators import WORLDS, SimulatedEnvironment, SimulatedTools
from forge_trajectories.tools.operation import Operation


def operations(world: str) -> list[Operation]:
    return [
        Operation(tool=tool.name, api="", provider="p", path=f"{world}.{tool.name}", simulator=world)
        for tool in WORLDS[world].tools
    ]


def opened(world: str, seed: int = 1) -> SimulatedEnvironment:
    return SimulatedEnvironment(WORLDS[world], operations(world), seed)


def value(observation: Observation) -> Any:
    assert observation.ok, observation.content
    return observation.value


@pytest.mark.parametrize("world", WORLDS)
def test_the_same_calls_come_to_the_same(world: str) -> None:
    one, other, third = opened(world), opened(world), opened(world, seed=2)
    for tool in WORLDS[world].tools:
        for example in tool.examples:
            assert one.call(tool.name, example) == other.call(tool.name, example)
            third.call(tool.name, example)
    assert one.state() == other.state()
    assert one.state() != third.state()


@pytest.mark.parametrize("world", WORLDS)
def test_examples_keep_their_schemas_and_answers_theirs(world: str) -> None:
    for tool in WORLDS[world].tools:
        schema = {"type": "object", "properties": tool.returns, "required": list(tool.returns)}
        for example in tool.examples:
            answer = opened(world).call(tool.name, example)
            jsonschema_rs.validate(schema, value(answer))
            if tool.reads:
                fresh, read = opened(world), opened(world)
                read.call(tool.name, example)
                assert read.state() == fresh.state()


def test_money_that_is_gone_is_gone() -> None:
    bank = opened("bank")
    account = value(bank.call("open_account", {"owner": "Ada", "currency": "EUR"}))["id"]
    bank.call("deposit", {"account_id": account, "amount": 100})
    assert value(bank.call("withdraw", {"account_id": account, "amount": 30}))["balance"] == 70
    before = bank.state()
    refused = bank.call("withdraw", {"account_id": account, "amount": 71})
    assert (refused.status, bank.state()) == (409, before)
    assert bank.call("close_account", {"account_id": account}).status == 409
    assert value(bank.call("get_account", {"account_id": account}))["balance"] == 70


def test_two_events_cannot_be_at_one_time() -> None:
    calendar = opened("calendar")
    first = {"title": "A", "date": "2030-01-01", "time": "10:00", "minutes": 60}
    key = value(calendar.call("create_event", first))["id"]
    clash = calendar.call("create_event", {"title": "B", "date": "2030-01-01", "time": "10:30"})
    assert clash.status == 409
    assert key in clash.content
    assert calendar.call("create_event", {"title": "B", "date": "2030-01-01", "time": "11:00"}).ok
    assert value(calendar.call("move_event", {"event_id": key, "date": "2030-01-02"}))["time"] == "10:00"
    assert value(calendar.call("cancel_event", {"event_id": key}))["cancelled"] is True
    assert calendar.call("get_event", {"event_id": key}).status == 404


def test_files_carts_and_tasks() -> None:
    files = opened("files")
    value(files.call("write_file", {"path": "a/b.txt", "content": "x"}))
    value(files.call("move_file", {"path": "a/b.txt", "new_path": "c.txt"}))
    assert files.call("read_file", {"path": "a/b.txt"}).status == 404
    assert value(files.call("read_file", {"path": "c.txt"}))["content"] == "x"
    assert files.call("read_file", {"path": "../etc"}).status == 400
    assert value(files.call("delete_file", {"path": "c.txt"}))["deleted"] is True
    shop = opened("shop")
    cart = value(shop.call("create_cart", {"customer": "Ada"}))["id"]
    assert shop.call("place_order", {"cart_id": cart}).status == 409
    stock = value(shop.call("get_product", {"product_id": "p-1"}))["stock"]
    value(shop.call("add_to_cart", {"cart_id": cart, "product_id": "p-1", "quantity": 1}))
    assert value(shop.call("place_order", {"cart_id": cart}))["total"] == 39.5
    assert value(shop.call("get_product", {"product_id": "p-1"}))["stock"] == stock - 1
    tasks = opened("tasks")
    task = value(tasks.call("create_task", {"title": "t"}))
    assert value(tasks.call("update_task", {"task_id": task["id"], "assignee": "Bo"}))["assignee"] == "Bo"
    assert value(tasks.call("complete_task", {"task_id": task["id"]}))["done"] is True
    assert tasks.call("complete_task", {"task_id": task["id"]}).status == 409


def test_wrong_calls_are_answered() -> None:
    shop = opened("shop")
    assert shop.call("sell", {}).status == 404
    wrong = shop.call("add_to_cart", {"cart_id": "cart-1", "product_id": "p-1", "quantity": 0, "gift": True})
    assert wrong.status in (400, 422)
    assert "quantity" in wrong.content
    assert "gift" in wrong.content


def test_the_source_gives_their_tools(tmp_path: Any) -> None:
    source, context = SimulatedTools(), offline_context(tmp_path)
    (partition,) = source.partitions(context)
    records = list(source.records(partition, context))
    assert len(records) == sum(len(world.tools) for world in WORLDS.values()) == 25
    assert all(isinstance(record, ApiRecord) and record.license == "Apache-2.0" for record in records)
    assert {record.meta["simulator"] for record in records} == set(WORLDS)
    assert "25 tools" in source.plan(context)
    assert len(check_source(source, context).records) == 25


RECORDED = Operation(
    tool="get_rate",
    api="",
    provider="p",
    method="GET",
    path="/rates/{currency}",
    parameters={
        "type": "object",
        "properties": {"currency": {"type": "string", "x-in": "path"}},
        "required": ["currency"],
    },
    returns={"type": "object", "properties": {"rate": {"type": "number"}}},
    examples=[{"arguments": {"currency": "CHF"}, "result": {"rate": 0.93}}],
    simulator="replay",
)


def test_recorded_answers_are_given_again_and_say_so() -> None:
    environment = ReplayEnvironment([RECORDED], 1)
    replayed = environment.call("get_rate", {"currency": "CHF"})
    assert (replayed.origin, replayed.value) == ("replay", {"rate": 0.93})
    assert environment.call("get_rate", {"currency": "EUR"}).origin == "mock"
    assert environment.call("get_rate", {}).status in (400, 422)
    assert is_recorded(RECORDED)


def test_what_changes_things_is_not_replayed() -> None:
    changed = Operation(**{**{name: getattr(RECORDED, name) for name in RECORDED.__slots__}, "method": "POST"})
    assert not is_recorded(changed)
    assert ReplayEnvironment([changed], 1).call("get_rate", {"currency": "CHF"}).origin == "mock"
