"""Faults happen where they are planned, change nothing that they should not, and are marked."""

import dataclasses
import json
from typing import Any

import pytest

from forge_trajectories.blueprint import Blueprint, Fault
from forge_trajectories.execution import opening
from forge_trajectories.execution.environment import Observation
from forge_trajectories.execution.faults import FAULTS, FaultyEnvironment
from forge_trajectories.execution.mock import MockEnvironment
from forge_trajectories.execution.opening import open_environment
from forge_trajectories.tools.operation import Operation

RECOVERIES = {"retry", "repair", "other-tool", "ask", "failure"}
NOTE = {"type": "object", "properties": {"id": {"type": "string"}, "text": {"type": "string"}}}
TEXT = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
ID = {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]}
TOOLS = (
    Operation(tool="write", api="1", provider="p.com", method="POST", path="/notes", parameters=TEXT, returns=NOTE),
    Operation(tool="read", api="2", provider="p.com", method="GET", path="/notes/{id}", parameters=ID, returns=NOTE),
    Operation(
        tool="list",
        api="3",
        provider="p.com",
        method="GET",
        path="/notes",
        parameters={"type": "object", "properties": {}},
        returns={
            "type": "object",
            "properties": {"notes": {"type": "array", "items": NOTE}, "total": {"type": "integer"}},
        },
    ),
)


def blueprint(*faults: Fault) -> Blueprint:
    return Blueprint(id="b", kind="error-recovery", seed=3, goals=["write"], operations=TOOLS, faults=faults)


def write(environment: Any, text: str = "milk") -> Observation:
    found = environment.call("write", {"text": text})
    assert isinstance(found, Observation)
    return found


@pytest.mark.parametrize("kind", FAULTS)
def test_each_fault_is_marked_changes_only_what_it_says_and_passes(kind: str) -> None:
    plain, faulty = open_environment(blueprint()), open_environment(blueprint(Fault(kind=kind, tool="write")))
    right, met = write(plain), write(faulty)
    about = FAULTS[kind]

    assert met.fault == kind
    assert met.content != right.content
    assert met.status in {about.status, *((201,) if about.bends else ()), *((422, 503) if about.messages else ())}
    assert (faulty.state() == plain.state()) is about.takes_effect
    again = write(faulty, "bread" if about.same_call else "milk")
    assert again.ok is not about.permanent
    assert bool(again.fault) is about.permanent


@pytest.mark.parametrize("kind", FAULTS)
def test_each_kind_says_what_may_be_done(kind: str) -> None:
    about = FAULTS[kind]

    assert about.recoveries
    assert set(about.recoveries) <= RECOVERIES
    assert "failure" in about.recoveries
    assert not (about.permanent and "retry" in about.recoveries)


def test_a_fault_happens_at_its_ordinal_for_its_times() -> None:
    environment = open_environment(blueprint(Fault(kind="server-error", tool="write", ordinal=1, times=2)))

    assert [write(environment).ok for _ in range(4)] == [True, False, False, True]


def test_calls_of_other_tools_do_not_count() -> None:
    environment = open_environment(blueprint(Fault(kind="timeout", tool="read", ordinal=1)))
    write(environment)
    statuses = [environment.call("read", {"id": "n"}).status for _ in range(3)]

    assert statuses == [200, 0, 200]


def test_faults_are_the_same_every_time() -> None:
    for kind in FAULTS:
        one, two = (write(open_environment(blueprint(Fault(kind=kind, tool="write")))) for _ in range(2))
        assert one == two


def test_a_refused_argument_stays_refused_and_is_named() -> None:
    fault = Fault(kind="invalid", tool="write", details={"field": "text", "message": "must be in capitals"})
    environment = open_environment(blueprint(fault))
    met = write(environment, "milk")

    assert met.value["field"] == "text"
    assert "must be in capitals" in met.content
    assert write(environment, "milk").fault == "invalid"
    assert write(environment, "MILK").ok


def test_too_many_requests_say_how_long_to_wait() -> None:
    met = write(open_environment(blueprint(Fault(kind="rate-limit", tool="write", details={"retry_after": 7}))))

    assert (met.status, met.value["retry_after"]) == (429, 7)


def test_a_cut_answer_is_no_json() -> None:
    met = write(open_environment(blueprint(Fault(kind="truncated", tool="write"))))

    assert met.value is None
    with pytest.raises(json.JSONDecodeError):
        json.loads(met.content)


def test_an_emptied_list_is_empty_and_counts_nothing() -> None:
    met = open_environment(blueprint(Fault(kind="empty-list", tool="list"))).call("list", {})

    assert met.value == {"notes": [], "total": 0}


def test_a_renamed_field_keeps_its_value() -> None:
    plain = write(open_environment(blueprint()))
    fault = Fault(kind="renamed-field", tool="write", details={"field": "id", "to": "note_id"})
    met = write(open_environment(blueprint(fault)))

    assert met.value == {"note_id": plain.value["id"], "text": "milk"}


def test_stale_data_is_from_before_the_sessions_changes() -> None:
    environment = open_environment(blueprint(Fault(kind="stale-data", tool="list")))
    made = write(environment).value
    stale, fresh = (environment.call("list", {}).value for _ in range(2))

    assert made not in stale["notes"]
    assert stale["_cache"]["hit"] is True
    assert made in fresh["notes"]


def test_what_is_wrong_anyway_is_answered_as_ever() -> None:
    environment = open_environment(blueprint(Fault(kind="truncated", tool="write")))
    met = environment.call("write", {})

    assert (met.status >= 400, met.fault) == (True, "")


def test_faults_can_be_left_out() -> None:
    assert write(open_environment(blueprint(Fault(kind="forbidden", tool="write")), faults=False)).ok


def test_an_unknown_fault_is_refused() -> None:
    with pytest.raises(ValueError, match="no fault is called 'gremlin'"):
        FaultyEnvironment(MockEnvironment(TOOLS), [Fault(kind="gremlin", tool="write")])


def test_tools_of_a_simulator_go_there(monkeypatch: pytest.MonkeyPatch) -> None:
    simulated = dataclasses.replace(TOOLS[1], tool="peek", simulator="notes")
    monkeypatch.setattr(opening, "SIMULATORS", {"notes": MockEnvironment})
    environment = open_environment(dataclasses.replace(blueprint(), operations=(*TOOLS, simulated)))
    write(environment)

    assert environment.call("peek", {"id": "n"}).ok
    assert environment.call("none", {}).status == 404
    assert set(environment.state()) == {"mock", "notes"}


def test_an_unknown_simulator_is_refused() -> None:
    unknown = dataclasses.replace(TOOLS[0], simulator="moon")
    with pytest.raises(ValueError, match="no simulator is called 'moon'"):
        open_environment(dataclasses.replace(blueprint(), operations=(unknown,)))
