"""The rule of grounding, value by value, and the same rule asked of one part at a time."""

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_trajectories.blueprint import from_object
from forge_trajectories.call_request import stated_value
from forge_trajectories.ladder.dialogue import Made
from forge_trajectories.ladder.heard import Heard, Source, source_of, ungrounded
from forge_trajectories.ladder.parts import check_action, check_answer, check_query
from forge_trajectories.ladder.reading import figures

_spec = importlib.util.spec_from_file_location("ladder_cases", Path(__file__).with_name("ladder_cases.py"))
assert _spec is not None
assert _spec.loader is not None
cases: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)


def said(text: str, value: Any, name: str = "value", schema: dict[str, Any] | None = None) -> bool:
    heard = Heard(sources=[Source(at=0, text=text, spoken=True)])
    return next(ungrounded(value, name, heard, schema or {}), None) is None


def answered(observation: Any, value: Any, name: str = "value") -> bool:
    text = orjson.dumps(observation).decode()
    made = Made(number=0, id="c1", tool="t", arguments={}, message=1, turn=0, answer=2, content=text)
    made.value, made.parsed = observation, True
    return next(ungrounded(value, name, Heard(sources=[source_of(made)]), {}), None) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A trip to oslo.", "Oslo"),
        ("It is in progress now", "IN_PROGRESS"),
        ("sort by created at", "createdAt"),
        ("Send \u201chello there\u201d to them", "hello there"),
        ("the tags a, b and c d", "a,b"),
        ("about 1,200 of them", 1200),
        ("twenty-five of them", 25),
        ("three hundred and ten", 310),
        ("a dozen eggs", 12),
        ("2k rows", 2000),
        ("1.5 million", 1_500_000),
        ("at 5%", 0.05),
        ("-3 degrees", -3),
        ("number 42", "42"),
        ("on September 12th, 2023 at 2pm", "2023-09-12 14:00:00"),
        ("on 12 Sep 2023", "2023-09-12"),
        ("on 9/12/2023", "2023-09-12T00:00:00Z"),
        ("anything", None),
        ("anything", ""),
        ("anything", []),
        ("archived is true", True),
        ('{"lines": ["a", "b\\"c"]}', 'b"c'),
    ],
)
def test_what_grounds(text: str, value: Any) -> None:
    assert said(text, value, "archived" if isinstance(value, bool) else "value")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A trip to Osloby.", "Oslo"),
        ("about 12000 of them", 1200),
        ("order A7X-991", "a7x-991"),
        ("on September 12th", "2023-09-12"),
        ("on September 12th, 2023 at 2pm", "2023-09-12 15:00:00"),
        ("the tags a and b", "a,c"),
        ("one and two", 3.5),
        ("archived is true", False),
        ("nothing of the kind", True),
    ],
)
def test_what_does_not(text: str, value: Any) -> None:
    assert not said(text, value, "archived" if isinstance(value, bool) else "value")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("include archived ones", True),
        ("without archived ones", False),
        ("archived: false", False),
        ("set archived to true", True),
        ("don't show archived ones", False),
    ],
)
def test_flags(text: str, value: bool) -> None:
    assert said(text, value, "archived")
    assert not said(text, not value, "archived")


def test_the_schema_gives_defaults_and_only_values() -> None:
    assert said("", 10, schema={"default": 10})
    assert said("", "v2", schema={"enum": ["v2"]})
    assert not said("", "v2", schema={"enum": ["v1", "v2"]})
    assert not said("", True, schema={"default": 1})


def test_nested_values_and_keys_without_a_schema() -> None:
    schema = {"properties": {"city": {}, "zip": {}}}
    assert said("Oslo, 0150", {"city": "Oslo", "zip": "0150"}, schema=schema)
    assert not said("Oslo, 0150", {"city": "Oslo", "zip": "0151"}, schema=schema)
    assert not said("Oslo", {"town": "Oslo"}, schema=schema)
    assert said("a 1 and b 2", [{"x": 1}, {"x": 2}], schema={"items": {"properties": {"x": {}}}})


def test_observations_ground_by_value() -> None:
    assert answered({"data": [{"id": 17, "ok": True}]}, 17)
    assert answered({"data": [{"id": "x-17"}]}, "x-17")
    assert answered({"rates": {"EUR": 1.1}}, "EUR")
    assert not answered({"id": True}, 1)
    assert answered({"is_open": True}, True, "isOpen")
    assert not answered({"is_open": True}, True, "archived")


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_a_number_is_found_as_it_is_stated(number: int) -> None:
    assert number in figures(f"value is {number}.")
    assert number in figures(f"value is {number:,}, thank you")


@given(st.one_of(st.integers(), st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30)))
def test_a_stated_value_is_grounded(value: Any) -> None:
    assert said(f"Use value {stated_value(value)}, please.", value)


def test_a_request_is_checked_on_its_own() -> None:
    plan = from_object(cases.missing_parameter().blueprint)
    assert check_query(plan, 0, "I'd like a desk lamp.") is None
    early = check_query(plan, 0, "I'd like desk lamp, 3 of them.")
    assert early is not None
    assert early.code == "grounded:told-early"
    missing = check_query(plan, 0, "I'd like a lamp.")
    assert missing is not None
    assert "desk lamp" in missing.evidence


def test_an_action_is_checked_on_its_own() -> None:
    trajectory = cases.sequential()
    plan, messages = from_object(trajectory.blueprint), trajectory.messages

    def code(upto: int, tool: str, **arguments: Any) -> str:
        failed = check_action(plan, messages[:upto], [{"name": tool, "arguments": arguments}])
        return failed.code if failed is not None else ""

    order = orjson.loads(messages[2].content)["id"]
    assert code(1, "create_order", **cases.ORDERED) == ""
    assert code(1, "make_order") == "tool-offered:unknown-tool"
    assert code(1, "create_order", item="desk lamp") == "arguments-valid:missing-required"
    assert code(1, "get_order", order_id="desk lamp") == ""  # harmless, if of no use
    assert code(1, "cancel_order", order_id="desk lamp") == "reference:extra-call"
    assert code(3, "get_order", order_id=order) == ""
    assert code(3, "get_order", order_id="ord-1") == "grounded:not-heard"
    assert code(3, "create_order", **cases.ORDERED) == "reference:extra-call"
    broken = check_action(plan, messages[:1], [{"name": "create_order", "arguments": '{"item": '}])
    assert broken is not None
    assert broken.code == "parses:arguments"


def test_an_answer_is_checked_on_its_own() -> None:
    trajectory = cases.single()
    plan, messages = from_object(trajectory.blueprint), trajectory.messages[:-1]
    assert check_answer(plan, messages, trajectory.messages[-1].content) is None
    wrong = check_answer(plan, messages, "The quantity is 7.")
    assert wrong is not None
    assert wrong.code == "answer-supported:contradicts"
    steps = cases.planning()
    text = check_answer(from_object(steps.blueprint), steps.messages[:-1], "1. Nothing.")
    assert text is not None
    assert text.check == "parses"
    failed = cases.failed()
    hidden = check_answer(from_object(failed.blueprint), failed.messages[:-1], "Here it is.")
    assert hidden is not None
    assert hidden.code == "honest:false-success"
    assert check_answer(replace(plan, kind="choice"), messages, "I ordered it.") is None
