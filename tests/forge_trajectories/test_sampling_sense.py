"""What is sampled makes sense to a reader: values, goals, faults, shares; answers agree with what was asked."""

from dataclasses import replace
from typing import Any

import pytest

from forge.records import ApiRecord, Message
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.execution import replay
from forge_trajectories.execution.mock import MockEnvironment
from forge_trajectories.picking import Picks
from forge_trajectories.placeholders import is_marked, is_placeholder
from forge_trajectories.synthesis.coverage import spread_of
from forge_trajectories.synthesis.facts import is_sayable, is_secret, known_values
from forge_trajectories.synthesis.origins import origins_of
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.tools.graph import ToolGraph
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.operations import operation_of
from forge_trajectories.tools.ports import changes_data

ID = {"type": "string", "x-in": "path"}
THING = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}


def operation(method: str, path: str, returns: Any = None, **body: Any) -> Operation:
    """An operation with what its path takes, and a body."""
    held = {part.strip("{}").removesuffix("}.json"): ID for part in path.split("/") if part.startswith("{")}
    return Operation(
        tool=f"{method.lower()}{path.replace('/', '_').replace('{', '').replace('}', '').replace('.', '_')}",
        api=f"{method} {path}",
        provider="a.example",
        method=method,
        path=path,
        description="Does it.",
        parameters={"type": "object", "properties": {**held, **body}, "required": list(held)},
        returns=returns,
    )


@pytest.mark.parametrize(
    "text", ["{{accountId}}", "<your key>", "YOUR_API_KEY", "{subscription-id}", "[FILE_ID]", "xxxxxxxx", "your-domain"]
)
def test_a_place_for_a_value_is_none(text: str) -> None:
    assert is_marked(text)
    assert not is_sayable(text)
    assert not is_sayable({"ids": [text]})


@pytest.mark.parametrize("text", ["London", "my-user-1234", "a < b", "string theory", "none", "[1, 2]", "user_3"])
def test_a_value_is_no_place_for_one(text: str) -> None:
    assert not is_placeholder(text)


def test_documented_places_for_values_are_left_out() -> None:
    record = ApiRecord(
        provider="a.example",
        service="",
        name="makeThing",
        kind="rest",
        description="Makes a thing.",
        method="POST",
        path="/things",
        parameters={"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
        examples=[
            {"arguments": {"a": "{{a}}", "b": "real"}, "result": {"id": "<string>", "name": "string"}},
            {"arguments": {"b": "string"}, "result": {"$ref": "#/components/examples/thing"}},
        ],
        source="tests",
    )
    made = operation_of(record, taken=set())
    assert made is not None
    assert [dict(example) for example in made.examples] == [{"arguments": {"b": "real"}}, {"arguments": {}}]


def test_a_start_is_before_its_end() -> None:
    date = {"type": "string", "format": "date"}
    asked = operation("GET", "/a", startDate=date, endDate=date)
    asked = replace(asked, parameters={**asked.parameters, "required": ["startDate", "endDate"]})
    for number in range(30):
        values = known_values(asked, Picks(str(number)))
        assert values is not None
        assert values["startDate"] <= values["endDate"]


def test_nobody_says_credentials() -> None:
    assert is_secret("clientSecret")
    assert is_secret("api_key")
    assert not is_secret("secretId")
    text = {"type": "string", "description": "x"}
    asked = operation("POST", "/a", password=text, name=text)
    needs = replace(asked, parameters={**asked.parameters, "required": ["password"]})
    assert known_values(needs, Picks("1")) is None
    assert all("password" not in (known_values(asked, Picks(str(n))) or {}) for n in range(30))


def test_a_call_that_writes_writes_something() -> None:
    asked = operation("PATCH", "/things/{id}", size={"type": "integer"}, title={"type": "string"})
    for number in range(20):
        assert (known_values(asked, Picks(str(number)), optional=0) or {}).keys() == {"id", "title"}


def test_an_only_value_is_not_said() -> None:
    asked = operation("GET", "/a", Action={"type": "string", "enum": ["ListA"]})
    asked = replace(asked, parameters={**asked.parameters, "required": ["Action"]})
    assert all(known_values(asked, Picks(str(number))) == {} for number in range(9))


def letters(text: str) -> list[str]:
    """The letters and digits of a text, in order of the alphabet."""
    return sorted(letter for letter in text.casefold() if letter.isalnum())


def test_what_may_have_been_done_is_not_done_again_blindly(shop_graph: ToolGraph) -> None:
    found = [sample(shop_graph, kind="error-recovery", number=number, seed=8) for number in range(150)]
    met = 0
    for item in found:
        assert item is not None
        fault = item.faults[0]
        failing = item.operation(fault.tool)
        assert failing is not None
        if failing.method == "POST" and changes_data(failing):
            met += 1
            assert fault.kind not in ("timeout", "truncated", "stale-data", "empty-list")
        if fault.recoveries == ("other-tool",) and fault.kind != "timeout-after-effect":
            assert fault.kind != "unauthorized"
        if fault.kind == "invalid":
            (right,) = fault.details["arguments"].values()
            named = [fact for fact in item.facts if fact.name == fault.details["field"]]
            (wrong,) = [fact.value for fact in named if fact.told == "query"]
            assert letters(wrong) == letters(right), "two letters exchanged, or written in another way"
            assert wrong != right
            asked = [fact.value for fact in named if fact.told == "asked"]
            assert asked == ([right] if fault.recoveries == ("ask",) else [])
    assert met > 10


def test_calls_at_once_do_not_get_in_each_other_s_way(shop_graph: ToolGraph) -> None:
    for number in range(60):
        item = sample(shop_graph, kind="parallel", number=number, seed=4)
        if item is None or len(item.needed) < 2:
            continue
        called = [item.operation(tool) for tool in item.needed]
        changing = [each for each in called if each is not None and changes_data(each)]
        places = [each.path.split("/{")[0] for each in called if each is not None]
        assert not changing or len(set(places)) == len(places)


def test_a_provider_has_the_share_that_it_is_given(shop_graph: ToolGraph) -> None:
    rare = min(entry.provider for entry in shop_graph.entries)
    shared = ToolGraph(shop_graph.folder, {rare: 0.5, "not.there": 0.4})
    step = (1 << 64) // 400
    drawn = [shared.draw(number * step) for number in range(400)]
    mine = [place for place in drawn if place is not None and shared.entries[place.group].provider == rare]
    assert len(mine) == pytest.approx(200, abs=3)
    none = ToolGraph(shop_graph.folder, {rare: 0.0})
    places = [none.draw(number * step) for number in range(400)]
    assert all(place is not None and none.entries[place.group].provider != rare for place in places)


def test_a_list_under_something_does_not_repeat_its_id() -> None:
    mock = MockEnvironment([operation("GET", "/messages/{id}/replies", {"type": "array", "items": THING})])
    rows = mock.call("get_messages_id_replies", {"id": "m1"}).value
    assert "m1" not in {row["id"] for row in rows}
    assert len({row["id"] for row in rows}) == len(rows)


def test_what_is_made_by_name_is_found_by_it() -> None:
    named = {"type": "object", "properties": {"name": {"type": "string"}, "text": {"type": "string"}}}
    made = operation("POST", "/notes", named, text={"type": "string", "x-in": "body"})
    mock = MockEnvironment([made, operation("GET", "/notes/{note}", named)])
    name = mock.call("post_notes", {"text": "milk"}).value["name"]
    assert mock.call("get_notes_note", {"note": name}).value == {"name": name, "text": "milk"}


def test_what_is_done_to_a_thing_answers_with_that_thing() -> None:
    mock = MockEnvironment([operation("POST", "/hooks/{hookId}/enable", THING), operation("GET", "/hooks/{id}", THING)])
    done = mock.call("post_hooks_hookId_enable", {"hookId": "h7"}).value
    assert done["id"] == "h7"
    assert mock.call("get_hooks_id", {"id": "h7"}).value == done


def test_a_format_in_the_path_is_no_part_of_the_id() -> None:
    made = operation("POST", "/carts.json", THING)
    read = operation("GET", "/carts/{id}.json", THING)
    mock = MockEnvironment([made, read])
    there = mock.call(made.tool, {}).value
    assert mock.call(read.tool, {"id": there["id"]}).value == there


def test_a_write_shows_what_was_written_beside_a_list() -> None:
    policy = {
        "type": "object",
        "properties": {"mode": {"type": "string"}, "ids": {"type": "array", "items": {"type": "string"}}},
    }
    body = {"mode": {"type": "string", "x-in": "body"}, "ids": {"type": "array", "items": {"type": "string"}}}
    mock = MockEnvironment([operation("POST", "/projects/{id}/policy", policy, **body)])
    shown = mock.call("post_projects_id_policy", {"id": "p", "mode": "allow", "ids": ["a"]}).value
    assert shown == {"mode": "allow", "ids": ["a"]}


def test_an_object_that_nobody_describes_is_not_made_up() -> None:
    answer = {"type": "object", "properties": {"id": {"type": "string"}, "stats": {"type": "object"}}}
    mock = MockEnvironment([operation("GET", "/a/{id}", answer)])
    assert mock.call("get_a_id", {"id": "1"}).value == {"id": "1", "stats": {}}


def test_an_undocumented_thing_goes_by_the_id_that_others_take() -> None:
    made = operation("POST", "/issues", {"type": "object"}, title={"type": "string"})
    read = operation("GET", "/issues/{issue_number}", {"type": "object"})
    numbered = {"issue_number": {"type": "integer", "x-in": "path"}}
    read = replace(read, parameters={**read.parameters, "properties": numbered})
    mock = MockEnvironment([made, read])
    there = mock.call("post_issues", {"title": "A bug"}).value
    assert isinstance(there["number"], int)
    again = mock.call(read.tool, {"issue_number": there["number"]}).value
    assert again["title"] == "A bug"


def test_a_recording_of_another_thing_is_none() -> None:
    read = operation("GET", "/files/{file_id}", THING)
    other = replace(read, examples=[{"arguments": {"file_id": "123"}, "result": {"id": "77", "name": "a"}}])
    same = replace(read, examples=[{"arguments": {"file_id": "123"}, "result": {"id": "123", "name": "a"}}])
    assert not replay.is_recorded(other)
    assert replay.is_recorded(same)


def test_simulators_are_told_apart() -> None:
    own = replace(operation("", "calendar.list_events"), tool="list", simulator="calendar")
    other = replace(operation("GET", "/a"), tool="get")
    blueprint = Blueprint(id="", kind="parallel", seed=0, goals=("x",), operations=(own, other))
    calls = [{"id": "c1", "name": "list", "arguments": {}}, {"id": "c2", "name": "get", "arguments": {}}]
    messages = [
        Message(role="assistant", content="", tool_calls=calls),
        Message(role="tool", content="{}", tool_call_id="c1", origin="mock"),
        Message(role="tool", content="{}", tool_call_id="c2", origin="mock"),
    ]
    assert origins_of(blueprint, messages) == {"simulator": 1, "mock": 1}


def test_spread_counts_dialogues_not_calls() -> None:
    even = spread_of([["a", "a"], ["b"]], [["p"], ["q"]], available=10)
    assert (even.used, even.providers, even.gini_apis) == (2, 2, 0.0)
    assert "2 of 10 (20.00%) tools are called, of 2 providers" in str(even)
    assert spread_of([["a"], ["a"], ["a"], ["b"]], []).gini_apis == 0.25
