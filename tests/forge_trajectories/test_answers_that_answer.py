"""Deterministic answers tell what was asked for, and the ladder refuses one that a result gives the lie to."""

from typing import Any

import pytest

from forge.records import Message
from forge_trajectories.blueprint import Blueprint, Fact, Step
from forge_trajectories.call_answer import against_removal, closing, is_asked, is_beside
from forge_trajectories.execution.environment import Observation
from forge_trajectories.ladder.answers import check_answers
from forge_trajectories.ladder.dialogue import read_messages
from forge_trajectories.ladder.known import Known
from forge_trajectories.ladder.replaying import Replay
from forge_trajectories.ladder.stated import contradicted
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import compact_json
from forge_trajectories.synthesis.texts_answer import Found, answer, reported
from forge_trajectories.tools.operation import Operation

SEEDS = range(12)


def blueprint(tool: str, description: str, *, method: str = "GET", number: int = 0, **more: Any) -> Blueprint:
    operation = Operation(
        tool=tool,
        api=tool,
        provider="example.com",
        method=method,
        path=f"/{tool}",
        description=description,
        parameters={"properties": {}},
    )
    step = Step(id="s1", tool=tool, arguments={})
    return Blueprint(
        id=f"{tool}{number}", kind="single", seed=1, goals=(description,), operations=(operation,), plan=(step,), **more
    )


def observed_as(value: Any) -> Observation:
    return Observation(content=compact_json(value), status=200, origin="mock", value=value)


def said(tool: str, description: str, value: Any, *, method: str = "GET", **more: Any) -> set[str]:
    """What is answered, in all wordings."""
    observed = observed_as(value)
    made = [blueprint(tool, description, method=method, number=number, **more) for number in SEEDS]
    return {answer(each, [Found(tool=tool, observation=observed)], turn=0) for each in made}


def test_what_was_asked_for_is_told_first() -> None:
    value = {"abbreviation": "CET", "client_ip": "10.0.0.1", "datetime": "2026-01-02T10:00:00Z", "day_of_week": 5}
    for text in said("get_time", "Request the current time of a timezone.", value):
        assert "2026-01-02T10:00:00Z" in text


def test_camel_case_and_parts_of_words() -> None:
    about = ("time", "user")
    assert is_asked("dateTime", about)
    assert is_asked("userName", about)
    assert not is_asked("generated", ("rate",))
    assert not is_asked("id", about)
    assert not is_asked("name", ())


@pytest.mark.parametrize("beside", ["message", "code", "ok", "success", "tags", "_links", "_embedded", "@odata.type"])
def test_fields_about_the_answer_are_told_only_where_there_is_nothing_else(beside: str) -> None:
    value = {beside: "fine-words", "colour": "teal"}
    for text in said("get_lamp", "Get a lamp.", value):
        assert "teal" in text
        assert "fine-words" not in text
    assert all("fine-words" in text for text in said("get_lamp", "Get a lamp.", {beside: "fine-words"}))


def test_a_field_about_the_answer_is_told_where_it_was_asked_for() -> None:
    assert not is_beside("message", ("message",))
    for text in said("get_message", "Get a message of the channel.", {"message": "hello", "author": "Ada"}):
        assert "hello" in text


def test_links_are_no_entries() -> None:
    value = {"growth": 7, "_links": [{"name": "self"}, {"name": "next"}]}
    for text in said("get_growth_history", "Get the history of growth.", value):
        assert "growth" in text.lower()
        assert "next" not in text
    for text in said("get_weather", "Get the weather.", {"weather": "rain", "tags": ["seasonal", "urgent"]}):
        assert "rain" in text


def test_asked_for_tags_are_told() -> None:
    for text in said("get_tags", "List the tags of a page.", {"tags": ["seasonal", "urgent"]}):
        assert "seasonal and urgent" in text


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_listed_twice(seed: int) -> None:
    assert reported(["seasonal", "seasonal"], Picks(str(seed))).count("seasonal") == 1
    text = reported([{"name": "beta"}, {"name": "urgent"}, {"name": "beta"}], Picks(str(seed)))
    assert text.count("beta") == text.count("urgent") == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_are_said_to_be_what_they_are(seed: int) -> None:
    assert "id 796, id 630 and id 239" in reported([{"id": 796}, {"id": 630}, {"id": 239}], Picks(str(seed)))
    assert "value 796 and value 630" in reported(["796", "630"], Picks(str(seed)))
    assert "oak and elm" in reported([{"name": "oak", "id": 1}, {"name": "elm", "id": 2}], Picks(str(seed)))


def test_what_the_user_told_is_no_news() -> None:
    value = {"record_id": "r-77", "owner_id": "o-12", "billed": "later"}
    facts = (Fact(name="record_id", value="r-77"), Fact(name="owner_id", value="o-12"))
    for text in said("get_uptime", "Get an uptime record.", value, facts=facts):
        assert "later" in text
    assert "r-77" in closing({"record_id": "r-77"}, Picks("a"), was_cut=False, told={"r-77"})


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"is_member": True}, "is_member"),
        ({"deleted": False}, "deleted"),
        ({"ok": False}, "ok"),
        ({"id": "a", "active": True}, "active"),
        ({"status": "failed"}, "status"),
        ({"is_deleted": True}, ""),
        ({"ok": True, "is_member": False}, ""),
        ({"status": "deleted"}, ""),
        ({}, ""),
        (None, ""),
        ([], ""),
    ],
)
def test_a_removal_is_claimed_unless_the_answer_says_otherwise(value: Any, field: str) -> None:
    assert against_removal(value) == field
    for text in said("remove_member", "Remove a member.", value, method="DELETE"):
        assert ("remov" not in text.lower()) == bool(field)


def refused(value: Any, text: str) -> str:
    """The code with which an answer about one removal is refused; empty if it stands."""
    made = blueprint("remove_member", "Remove a member.", method="DELETE")
    messages = [
        Message(role="user", content="Remove a member."),
        Message(role="assistant", tool_calls=[{"id": "c1", "name": "remove_member", "arguments": {}}]),
        Message(role="tool", content=compact_json(value), tool_call_id="c1", origin="mock"),
        Message(role="assistant", content=text),
    ]
    dialogue = read_messages(messages, tools=[made.operations[0].offered()], blueprint=made)
    return check_answers(dialogue, [0], Replay(observations=[observed_as(value)])).code


@pytest.mark.parametrize("text", ["It has been removed.", "Done, it is removed.", "The removal went through."])
def test_the_ladder_refuses_a_removal_that_did_not_happen(text: str) -> None:
    assert refused({"is_member": True}, text) == "answer-supported:contradicts"
    assert refused({"deleted": False}, text) == "answer-supported:contradicts"
    assert refused({"is_member": False}, text) == ""
    assert refused({"deleted": True}, text) == ""


def test_the_ladder_takes_an_answer_that_tells_of_what_is_against_it() -> None:
    assert refused({"is_member": True}, "The call went through, but is member is still true.") == ""
    assert refused({"is_member": True}, "It is not gone: the answer says is_member: true, so it was not removed.") == ""


def test_a_field_s_name_inside_its_value_states_nothing() -> None:
    """``dev:policy:root`` does not say of the policy that it is ``root``."""
    known = Known(text="policy: dev:policy:root", fields={"policy": {"dev:policy:root"}}, values={"dev:policy:root"})
    assert list(contradicted("Done: the policy is dev:policy:root and that is all.", known)) == []
    assert list(contradicted('Done: the policy is "dev:policy:leaf".', known)) != []


def test_a_bare_yes_is_told_as_such_and_a_long_text_is_begun() -> None:
    for seed in SEEDS:
        assert "ok true" in closing({"ok": True}, Picks(str(seed)), was_cut=False)
    long = "Hello and welcome to the interface: the leading source of data on groundhogs and their shadows"
    assert closing({"message": long}, Picks("a"), was_cut=False).startswith('The message begins "Hello and welcome')


def test_where_only_a_part_came_back_it_is_not_called_empty() -> None:
    value = {"partial": True, "failed": [{"item": "the audit log", "message": "could not be processed"}]}
    for text in said("install", "Install a service.", value, method="POST"):
        assert "empty" not in text
        assert "the audit log could not be processed" in text


def test_what_is_stopped_is_not_removed() -> None:
    for text in said("stop_talk", "Stop text to speech in a call.", {"message": "Talk stopped"}, method="DELETE"):
        assert "done" in text.lower()
        assert "remov" not in text.lower()


def test_an_object_of_empty_parts_is_not_empty() -> None:
    value = {"last_name": "Tanaka", "password": "Draft-9682", "roles": [{}, {}]}
    for text in said("post_user", "Create a user.", value, method="POST"):
        assert "Tanaka" in text
        assert "Draft" not in text
