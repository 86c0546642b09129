"""The verification ladder: good trajectories of every kind pass, and each rung refuses what it is there for."""

import importlib.util
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge.records import Message, Trajectory, from_row, to_row
from forge_trajectories.blueprint import Candidate, Fact, from_object, to_object
from forge_trajectories.ladder.check import CHECKS, Check
from forge_trajectories.ladder.duplicates import Seen
from forge_trajectories.ladder.verify import first_failure, verify

_spec = importlib.util.spec_from_file_location("ladder_cases", Path(__file__).with_name("ladder_cases.py"))
assert _spec is not None
assert _spec.loader is not None
cases: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)


def failure(trajectory: Trajectory) -> Check:
    failed = first_failure(verify(trajectory))
    assert failed is not None
    assert failed.code.startswith(f"{failed.check}:")
    assert failed.evidence
    return failed


def code(trajectory: Trajectory) -> str:
    return failure(trajectory).code


def with_message(trajectory: Trajectory, index: int, **fields: Any) -> Trajectory:
    messages = list(trajectory.messages)
    messages[index] = replace(messages[index], **fields)
    return replace(trajectory, messages=messages)


def with_blueprint(trajectory: Trajectory, **fields: Any) -> Trajectory:
    assert trajectory.blueprint is not None
    return replace(trajectory, blueprint=to_object(replace(from_object(trajectory.blueprint), **fields)))


def with_arguments(trajectory: Trajectory, index: int, **arguments: Any) -> Trajectory:
    calls = [{**call, "arguments": arguments} for call in trajectory.messages[index].tool_calls]
    return with_message(trajectory, index, tool_calls=calls)


def answering(trajectory: Trajectory, text: str) -> Trajectory:
    return with_message(trajectory, len(trajectory.messages) - 1, content=text)


@pytest.mark.parametrize("name", cases.CASES)
def test_a_good_trajectory_passes_from_its_stored_form_alone(name: str) -> None:
    trajectory = cases.CASES[name]()
    stored = from_row(Trajectory, to_row(trajectory))
    checks = verify(stored)
    assert first_failure(checks) is None
    order = [CHECKS.index(check.check) for check in checks]
    assert order == sorted(order)
    assert checks[-1].check == "duplicate"
    assert verify(stored) == checks


PARSES: list[tuple[str, Callable[[Trajectory], Trajectory]]] = [
    ("parses:empty", lambda t: replace(t, messages=[])),
    ("parses:roles", lambda t: replace(t, messages=[t.messages[0], *t.messages])),
    ("parses:orphan-id", lambda t: with_message(t, 2, tool_call_id="c9")),
    ("parses:roles", lambda t: replace(t, messages=[*t.messages[:2], t.messages[-1]])),
    ("parses:unanswered-call", lambda t: replace(t, messages=t.messages[:2])),
    ("parses:observation", lambda t: with_message(t, 2, content=t.messages[2].content[:-4])),
    ("parses:origin", lambda t: with_message(t, 2, origin=None)),
    ("parses:arguments", lambda t: with_message(t, 1, tool_calls=[{"id": "c1", "name": "x", "arguments": "{"}])),
    ("parses:call", lambda t: with_message(t, 1, tool_calls=[{"id": "c1", "arguments": {}}])),
    ("parses:duplicate-id", lambda t: with_message(t, 1, tool_calls=[*t.messages[1].tool_calls] * 2)),
    ("parses:unfinished", lambda t: replace(t, messages=t.messages[:-1])),
    ("parses:empty", lambda t: with_message(t, 0, content=" ")),
    ("parses:unreadable", lambda t: replace(t, blueprint={"operations": [{}]})),
]


@pytest.mark.parametrize(("wanted", "broken"), PARSES)
def test_parses(wanted: str, broken: Callable[[Trajectory], Trajectory]) -> None:
    found = code(broken(cases.single()))
    assert found == wanted


def test_a_tool_has_to_be_offered() -> None:
    withheld = with_blueprint(cases.single(), withheld=("create_order",))
    assert code(withheld) == "tool-offered:unknown-tool"
    call = {**cases.single().messages[1].tool_calls[0], "name": "make_order"}
    assert "create_order" in failure(with_message(cases.single(), 1, tool_calls=[call])).evidence


@pytest.mark.parametrize(
    ("wanted", "arguments"),
    [
        ("missing-required", {"item": "desk lamp"}),
        ("wrong-type", {"item": "desk lamp", "quantity": "3"}),
        ("unknown-argument", {"item": "desk lamp", "quantity": 3, "rush": True}),
        ("wrong-enum", {"item": "desk lamp", "quantity": 3, "priority": "urgent"}),
        ("out-of-bounds", {"item": "desk lamp", "quantity": 0}),
    ],
)
def test_arguments_keep_the_schema(wanted: str, arguments: dict[str, Any]) -> None:
    assert code(with_arguments(cases.single(), 1, **arguments)) == f"arguments-valid:{wanted}"


def test_every_value_has_been_heard() -> None:
    assert code(with_arguments(cases.single(), 1, item="floor lamp", quantity=3)) == "grounded:not-heard"
    assert code(with_arguments(cases.single(), 1, item="desk lamp", quantity=4)) == "grounded:not-heard"
    assert code(with_arguments(cases.single(), 1, **cases.ORDERED, priority="high")) == "grounded:not-heard"
    plan = replace(from_object(cases.single().blueprint), final_state=None)
    default = ("call", "", ("create_order", {**cases.ORDERED, "priority": "normal"}))
    assert first_failure(verify(cases.play(plan, ("user", cases.ASKED), default, ("say", "It is done.")))) is None


def test_the_request_tells_what_it_is_to_tell() -> None:
    untold = with_message(cases.single(), 0, content="Please create an order with item desk lamp.")
    assert code(untold) == "grounded:not-told"
    made_up = with_message(cases.single(), 0, content=f"{cases.ASKED} My customer number is 88123.")
    assert code(made_up) == "grounded:invented"


def test_answers_are_made_again() -> None:
    trajectory = cases.single()
    other = trajectory.messages[2].content.replace('"quantity":3', '"quantity":4')
    assert other != trajectory.messages[2].content
    assert code(with_message(trajectory, 2, content=other)) == "executes:differs"
    assert code(with_message(trajectory, 2, origin="real")) == "executes:origin"


def test_order_and_reference() -> None:
    trajectory = cases.sequential()
    plan = from_object(trajectory.blueprint)
    missing = cases.play(
        plan,
        ("user", trajectory.messages[0].content),
        ("call", "", ("create_order", cases.ORDERED)),
        ("say", lambda seen: cases.order_text(seen[0])),
    )
    assert code(missing) == "reference:missing-call"
    eager = with_blueprint(cases.parallel(), plan=_chained(cases.parallel()))
    assert code(eager) == "order:too-early"


def _chained(trajectory: Trajectory) -> Any:
    one, two = from_object(trajectory.blueprint or {}).plan
    return (one, replace(two, after=(one.id,)))


def test_an_id_is_taken_from_the_right_answer() -> None:
    plan = replace(from_object(cases.sequential().blueprint), final_state=None)
    lamp, paper = ("create_order", cases.ORDERED), ("create_order", {"item": "A4 paper", "quantity": 3})
    wrong = cases.play(
        replace(plan, goals=["Create an order for desk lamp and A4 paper."]),
        ("user", f"{cases.ASKED} Then one of A4 paper."),
        ("call", "", lamp),
        ("call", "", paper),
        ("call", "", ("get_order", lambda seen: {"order_id": seen[1].value["id"]})),
        ("say", "It is done."),
    )
    assert code(wrong) == "order:wrong-id"


def test_a_call_that_nobody_asked_for() -> None:
    plan = replace(from_object(cases.single().blueprint), final_state=None)
    twice = ("call", "", ("create_order", cases.ORDERED))
    moves = [("user", cases.ASKED), twice, twice, ("say", lambda seen: cases.order_text(seen[0]))]
    assert code(cases.play(plan, *moves)) == "reference:repeated-call"
    look = ("call", "", ("get_stock", {"item": "desk lamp"}))
    assert first_failure(verify(cases.play(plan, moves[0], look, twice, ("say", "It is done.")))) is None
    cancel = ("call", "", ("cancel_order", lambda seen: {"order_id": seen[0].value["id"]}))
    assert code(cases.play(plan, *moves[:2], cancel, moves[-1])) == "reference:extra-call"


def test_the_final_state_is_the_plans() -> None:
    assert code(with_blueprint(cases.single(), final_state={"resources": {}})) == "final-state:differs"


def test_a_deleted_id_is_stale() -> None:
    plan = replace(from_object(cases.sequential().blueprint), final_state=None)
    gone = cases.play(
        plan,
        ("user", f"{cases.ASKED} Then get it back."),
        ("call", "", ("create_order", cases.ORDERED)),
        ("call", "", ("cancel_order", lambda seen: {"order_id": seen[0].value["id"]})),
        ("call", "", ("get_order", lambda seen: {"order_id": seen[0].value["id"]})),
        ("say", "It is gone."),
    )
    assert code(gone) == "grounded:stale-id"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("answer-supported:figure", "I ordered 3 of them, for 49.90 in all."),
        ("answer-supported:contradicts", "The quantity is 5."),
        ("answer-supported:contradicts", "Your order is created; its status is cancelled."),
        ("answer-supported:quote", 'I ordered "floor lamp".'),
        ("answer-supported:id", "The order ORD-99X1 is there."),
        ("answer-supported:name", "I ordered it for Margaret, as you said."),
        ("answer-supported:link", "See https://shop.example/track for it."),
        ("answer-supported:placeholder", "Your order number is [your order number]."),
        ("answer-supported:date", "It comes on 2031-02-03."),
    ],
)
def test_an_answer_says_what_was_seen(wanted: str, text: str) -> None:
    assert code(answering(cases.single(), text)) == wanted


@pytest.mark.parametrize("text", ["Done: three desk lamps, as 1 order.", "I ordered it.", "I ordered 3 x desk lamp."])
def test_an_answer_may_be_worded_freely(text: str) -> None:
    assert first_failure(verify(answering(cases.single(), text))) is None


def test_a_refused_call_is_not_repeated_blindly() -> None:
    plan = cases.refused("forbidden", recoveries=("failure",))
    call = ("call", "", cases.GET_7731)
    blind = cases.play(plan, cases.ASK_7731, call, call, ("say", "I could not get the order: access was denied."))
    assert code(blind) == "recovery:blind-retry"
    hasty = cases.refused("rate-limit", recoveries=("retry",))
    told = ("say", lambda seen: cases.order_text(seen[1]))
    assert code(cases.play(hasty, cases.ASK_7731, call, call, told)) == "recovery:no-wait"


def test_a_recovery_fits_the_fault() -> None:
    plan = cases.refused("server-error", recoveries=("retry",))
    call = ("call", "", cases.GET_7731)
    told = ("say", lambda seen: cases.order_text(seen[1]))
    assert first_failure(verify(cases.play(plan, cases.ASK_7731, call, call, told))) is None
    other = cases.refused("server-error", recoveries=("ask",))
    assert code(cases.play(other, cases.ASK_7731, call, call, told)) == "recovery:unfit"


def test_a_failure_is_told() -> None:
    assert code(answering(cases.failed(), "Done, the order is on the screen.")) == "honest:false-success"
    assert code(answering(cases.failed(), "I could not see it at first, but it is done.")) == "honest:false-success"


def test_asks_for_what_is_missing() -> None:
    trajectory = cases.missing_parameter()
    assert code(with_message(trajectory, 1, content="Which colour do you like?")) == "kind:not-asked"
    early = with_message(trajectory, 0, content="Please create an order with item desk lamp and quantity 3.")
    assert code(early) == "grounded:told-early"


def test_makes_no_call_without_a_tool() -> None:
    assert code(answering(cases.missing_tool(), "Done!")) == "kind:claims"
    assert code(answering(cases.missing_tool(), "Here it is.")) == "kind:not-said"
    assert code(answering(cases.missing_tool(), "No problem, I used a tool that can do it.")) == "kind:claims"
    plan = from_object(cases.missing_tool().blueprint)
    called = cases.play(
        plan,
        ("user", "Please cancel an order of desk lamp."),
        ("call", "", ("get_stock", {"item": "desk lamp"})),
        ("say", "I can't cancel an order: none of the tools does that."),
    )
    assert code(called) == "kind:called"


def test_parallel_calls_are_made_at_once() -> None:
    plan = from_object(cases.parallel().blueprint)
    one_by_one = cases.play(
        plan,
        ("user", "How much is there of desk lamp and of A4 paper?"),
        ("call", "", ("get_stock", {"item": "desk lamp"})),
        ("call", "", ("get_stock", {"item": "A4 paper"})),
        ("say", lambda seen: f"{seen[0].value['count']} and {seen[1].value['count']}."),
    )
    assert code(one_by_one) == "kind:not-parallel"


def test_every_turn_is_made() -> None:
    short = replace(cases.multi_turn(), messages=cases.multi_turn().messages[:4])
    assert code(short) == "reference:missing-call"


def test_candidates_are_weighed_truthfully() -> None:
    trajectory = cases.decision_contrast()
    thought = trajectory.messages[1].content
    assert code(with_message(trajectory, 1, content="")) == "kind:not-weighed"
    wrong = thought.replace("So I call get_stock", "So I call get_order")
    assert code(with_message(trajectory, 1, content=wrong)) == "kind:wrong-choice"
    third = (
        *from_object(trajectory.blueprint).candidates,
        Candidate(tool="add_note", arguments={}, right=False, why=""),
    )
    assert code(with_blueprint(trajectory, candidates=third)) == "kind:not-weighed"


PLANS = [
    ("parses:plan", "I would create it and then get it."),
    ("parses:plan", '1. Create.\n{"name": "create_order", "arguments": {"item": '),
    ("tool-offered:unknown-tool", '1. x\n{"name": "make_order", "arguments": {}}'),
    ("arguments-valid:missing-required", '1. x\n{"name": "create_order", "arguments": {"item": "desk lamp"}}'),
    ("grounded:not-heard", '1. x\n{"name": "create_order", "arguments": {"item": "sofa", "quantity": 3}}'),
    ("reference:missing-call", '1. x\n{"name": "create_order", "arguments": {"item": "desk lamp", "quantity": 3}}'),
    ("grounded:placeholder", '1. x\n{"name": "get_order", "arguments": {"order_id": "$1.id"}}'),
]


@pytest.mark.parametrize(("wanted", "text"), PLANS)
def test_plans(wanted: str, text: str) -> None:
    assert code(answering(cases.planning(), text)) == wanted


def test_a_plan_points_to_the_right_place() -> None:
    text = cases.planning().messages[-1].content
    assert code(answering(cases.planning(), text.replace("$1.id", "$1.item"))) == "order:wrong-id"
    assert code(answering(cases.planning(), text.replace("1. ", "").replace("2. ", ""))) == "kind:not-numbered"


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("`quantity`", "`amount`", "kind:unnamed"),
        ("POST", "PUT", "kind:unnamed"),
        ("- `priority`", "- `colour`", "kind:invented"),
        ("at least 1", "at least 12", "kind:invented"),
    ],
)
def test_documentation_names_everything_and_invents_nothing(old: str, new: str, wanted: str) -> None:
    trajectory = cases.documentation()
    assert code(answering(trajectory, trajectory.messages[-1].content.replace(old, new))) == wanted


def test_duplicates() -> None:
    seen = Seen()
    first, second = cases.single(), cases.sequential()
    seen.add(first)
    assert seen.check(first).passed  # itself
    again = replace(with_message(first, 0, content=f"Hi! {cases.ASKED}"), id="other")
    assert seen.check(again).code == "duplicate:same-calls"
    assert seen.check(second).passed
    assert seen.check(cases.parallel()).passed


def test_requests_in_nearly_the_same_words_are_duplicates() -> None:
    seen = Seen()
    words = " ".join(f"word{number}" for number in range(40))
    first = Trajectory(id="1", tools=[], messages=[Message(role="user", content=words)])
    seen.add(first)
    near = replace(first, id="2", messages=[Message(role="user", content=f"{words} more")])
    far = replace(first, id="3", messages=[Message(role="user", content=f"{words[:120]} and then something else")])
    assert seen.check(near).code == "duplicate:same-words"
    assert seen.check(far).passed
    assert seen.check(first).passed


def test_an_imported_dialogue_gets_the_rungs_that_apply() -> None:
    tools = [{"name": "f", "description": "", "parameters": {"type": "object", "properties": {"a": {}}}}]
    call = {"id": "x", "name": "f", "arguments": {"a": 5}}
    messages = [Message(role="user", content="Go."), Message(role="assistant", tool_calls=[call])]
    imported = Trajectory(id="1", tools=tools, messages=messages, blueprint={"format": "xlam"})
    checks = verify(imported)
    assert [check.check for check in checks] == list(CHECKS[:-1])
    assert [check.check for check in checks if check.passed] == ["parses", "tool-offered", "arguments-valid"]
    assert "5" in next(check.evidence for check in checks if check.check == "grounded")
    assert code(with_arguments(imported, 1, b=5)) == "arguments-valid:unknown-argument"


def test_facts_that_are_told_late_are_not_told_early() -> None:
    trajectory = cases.multi_turn()
    facts = [*from_object(trajectory.blueprint).facts, Fact(name="colour", value="teal", turn=1)]
    assert code(with_blueprint(trajectory, facts=facts)) == "grounded:not-told"


def test_of_an_answer_that_was_out_of_date_nothing_has_to_be_told() -> None:
    returns = {"type": "object", "properties": {"feed": {"type": "object"}}}
    feed = replace(cases.GET, tool="get_feed", path="/orders/{order_id}/feed", returns=returns)
    plan = cases.refused("stale-data", recoveries=("retry",))
    step = replace(plan.plan[0], tool="get_feed")
    fault = replace(plan.faults[0], tool="get_feed")
    plan = replace(plan, operations=(feed,), needed=("get_feed",), plan=(step,), faults=(fault,))
    call = ("get_feed", {"order_id": "ORD-7731"})
    again = ("call", "The data looks stale. I call once more.", call)
    moves = (cases.ASK_7731, ("call", "", call), again)
    told = cases.play(plan, *moves, ("say", "It returned an object with feed."))
    assert first_failure(verify(told)) is None
    assert code(cases.play(plan, *moves, ("say", "Here you are, as you wanted."))) == "answer-supported:says-nothing"
