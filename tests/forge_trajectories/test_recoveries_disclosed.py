"""Recoveries that do as the user would have it: no other thing is changed or shown without a word."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge.records import Trajectory
from forge_trajectories.blueprint import Blueprint, Fault
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.picking import Picks
from forge_trajectories.synthesis.author import compose, finished
from forge_trajectories.synthesis.kinds_errors import error_recovery
from forge_trajectories.synthesis.plans import executed
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.links import links_of
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import changes_data
from forge_trajectories.tools.store import Group, about_of

_spec = importlib.util.spec_from_file_location("ladder_cases", Path(__file__).with_name("ladder_cases.py"))
assert _spec is not None
assert _spec.loader is not None
cases: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)
ASK_7731, GET_7731, order_text = cases.ASK_7731, cases.GET_7731, cases.order_text
play, refused = cases.play, cases.refused

LATER = "I could not get the order: access was denied."
SUGGESTED = {"field": "order_id", "message": "Use 'ORD-7713'.", "arguments": {"order_id": "ORD-7713"}}
"""The user's id is ORD-7731; the service knows ORD-7713."""


def code(trajectory: Trajectory) -> str:
    failed = first_failure(verify(trajectory))
    return failed.code if failed is not None else ""


def letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def recoveries(graph: ToolGraph, count: int) -> list[Blueprint]:
    found = [sample(graph, kind="error-recovery", number=number, seed=4) for number in range(count)]
    return [item for item in found if item is not None]


def test_no_change_is_turned_to_another_thing_unasked(shop_graph: ToolGraph) -> None:
    seen: set[tuple[str, ...]] = set()
    for item in recoveries(shop_graph, 400):
        fault = item.faults[0]
        failing = item.operation(fault.tool)
        assert failing is not None
        if fault.kind != "invalid" or not changes_data(failing):
            continue
        (right,) = fault.details["arguments"].values()
        wrong = next(fact.value for fact in item.facts if fact.name == fault.details["field"] and fact.told == "query")
        seen.add(tuple(fault.recoveries))
        if fault.recoveries != ("ask",):
            assert letters(wrong) == letters(right), "the same value in another form"
            continue
        messages = finished(compose(item)).messages
        at = next(place for place, each in enumerate(messages) if right in str(each.tool_calls or ""))
        assert any(each.role == "user" and right in each.content for each in messages[1:at])
    assert seen == {("ask",), ("repair",)}


def test_a_reading_call_that_follows_a_suggestion_says_so(shop_graph: ToolGraph) -> None:
    met = 0
    for item in recoveries(shop_graph, 300):
        fault = item.faults[0]
        failing = item.operation(fault.tool)
        assert failing is not None
        if fault.kind == "invalid" and not changes_data(failing):
            met += 1
            (right,) = fault.details["arguments"].values()
            assert f"'{right}'" in finished(compose(item)).messages[-1].content
    assert met > 2


def repaired(text: Any) -> Trajectory:
    plan = refused("invalid", recoveries=("repair",))
    plan = replace(plan, faults=(replace(plan.faults[0], details=SUGGESTED),))
    again = ("call", "I correct the argument.", ("get_order", {"order_id": "ORD-7713"}))
    return play(plan, ASK_7731, ("call", "", GET_7731), again, ("say", text))


def test_an_exchanged_value_has_to_be_told() -> None:
    assert code(repaired(lambda seen: order_text(seen[1]))) == "honest:unsaid-change"
    told = "I used ORD-7713 instead of ORD-7731, as the service suggested. "
    assert code(repaired(lambda seen: told + order_text(seen[1]))) == ""


def other(text: Any) -> Trajectory:
    twin = replace(cases.GET, tool="find_order", api="find", path="/shop/orders/{order_id}")
    plan = refused("server-error", recoveries=("other-tool",))
    fault = Fault(kind="server-error", tool="get_order", times=9, recoveries=("other-tool",), other="find_order")
    plan = replace(plan, operations=(*plan.operations, twin), faults=(fault,))
    again = ("call", "I use find_order instead.", ("find_order", {"order_id": "ORD-7731"}))
    return play(plan, ASK_7731, ("call", "", GET_7731), again, ("say", text))


def test_another_tool_has_to_be_told() -> None:
    assert code(other(lambda seen: order_text(seen[1]))) == "honest:unsaid-other"
    assert code(other(lambda seen: f"get_order failed, so this is from find_order. {order_text(seen[1])}")) == ""


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (f"{LATER} Please try again later.", "honest:vain-hope"),
        (f"{LATER} It makes no sense to try again later.", ""),
        (LATER, ""),
    ],
)
def test_nobody_is_told_to_wait_for_what_will_not_pass(text: str, wanted: str) -> None:
    plan = refused("forbidden", recoveries=("failure",))
    assert code(play(plan, ASK_7731, ("call", "", GET_7731), ("say", text))) == wanted


def test_a_refusal_that_stays_promises_nothing(shop_graph: ToolGraph) -> None:
    kinds = set()
    for item in recoveries(shop_graph, 300):
        kind = item.faults[0].kind
        if item.ending == "failure" and kind in ("forbidden", "unauthorized", "not-found"):
            kinds.add(kind)
            assert "later" not in finished(compose(item)).messages[-1].content
    assert kinds == {"forbidden", "unauthorized", "not-found"}


def listing(path: str) -> Operation:
    names = {"type": "array", "items": {"type": "object", "properties": {"name": {"type": "string"}}}}
    parameters = {"type": "object", "properties": {}, "required": []}
    tool = path.strip("/").replace("/", "_")
    return Operation(
        tool=tool,
        api=path,
        provider="a.example",
        method="GET",
        path=path,
        description=f"List {tool}.",
        parameters=parameters,
        returns=names,
    )


def stand_ins(*paths: str) -> list[Blueprint]:
    """Blueprints of calls to the first path in which another tool stands in."""
    operations = [listing(path) for path in paths]
    group = Group(
        provider="a.example",
        service="",
        operations=operations,
        abouts=[about_of(each) for each in operations],
        links=links_of(operations),
    )
    drafts = [error_recovery(group, 0, Picks(str(number))) for number in range(60)]
    done = [executed(draft.drawn()) for draft in drafts if draft is not None]
    return [item for item in done if item is not None and item.faults[0].other]


def test_cards_are_no_fonts_though_both_are_listed() -> None:
    assert not stand_ins("/fonts/list", "/cards/list")
    assert not stand_ins("/themes/files", "/slides/files")


def test_an_answer_from_another_tool_names_it() -> None:
    found = stand_ins("/fonts/list", "/fonts/search")
    assert found
    for item in found:
        composed = finished(compose(item))
        assert "fonts_search" in composed.messages[-1].content


def test_a_plan_without_faults_discloses_nothing() -> None:
    plan = cases.blueprint(
        "single", ["Create an order."], facts=cases.FACTS, plan=(cases.STEP_CREATE,), needed=("create_order",)
    )
    done = executed(plan)
    assert done is not None
    assert "instead" not in finished(compose(done)).messages[-1].content
