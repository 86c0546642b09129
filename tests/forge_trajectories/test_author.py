"""Writing a trajectory: every kind, without a model and with one that answers part by part."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from forge.llm import Answer, Failure
from forge_trajectories.blueprint import KINDS, Blueprint, Fault
from forge_trajectories.execution.faults import FAULTS
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.synthesis.author import PARTS, Composed, compose, finished
from forge_trajectories.synthesis.author_draft import Usage, blamed, draft_of, license_of
from forge_trajectories.synthesis.prompts import PartCall
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.tools.graph import ToolGraph

EVERY = frozenset(PARTS)


def sampled(graph: ToolGraph, kind: str, count: int) -> list[Blueprint]:
    found = [sample(graph, kind=kind, number=number, seed=11) for number in range(count)]
    return [blueprint for blueprint in found if blueprint is not None]


def walked(
    blueprint: Blueprint, writes: frozenset[str] = frozenset(), *, answers: Mapping[str, Sequence[Any]] | None = None
) -> tuple[Composed, list[PartCall]]:
    """Compose; ``answers`` by part, in turn, instead of the drafts; a `Failure` is sent as it is."""
    road, asked = compose(blueprint, writes=writes), []
    left = {part: list(values) for part, values in (answers or {}).items()}
    try:
        call = next(road)
        while True:
            assert isinstance(call, PartCall)
            asked.append(call)
            value = left[call.part].pop(0) if left.get(call.part) else call.draft
            sent = value if isinstance(value, Failure) else Answer(text=json.dumps(value), value=value)
            call = road.send(sent)
    except StopIteration as end:
        return end.value, asked


def failed(composed: Composed) -> str:
    """Code of the check that failed; empty if none did. Checked from the stored form alone."""
    assert composed.refusal is None, composed.refusal
    draft = draft_of(composed, Usage(paid=set()), model="m", source="test", number=0)
    check = first_failure(verify(draft))
    return f"{check.code}: {check.evidence}" if check is not None else ""


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_written_without_a_model(shop_graph: ToolGraph, kind: str) -> None:
    blueprints = sampled(shop_graph, kind, 12)
    assert len(blueprints) >= 8
    for blueprint in blueprints:
        composed, asked = walked(blueprint)
        assert not asked
        assert set(composed.blueprint.written.values()) == {"blueprint"}
        assert failed(composed) == ""


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_written_by_a_model_that_is_right(shop_graph: ToolGraph, kind: str) -> None:
    for blueprint in sampled(shop_graph, kind, 6):
        composed, asked = walked(blueprint, EVERY)
        assert asked
        assert "llm" in composed.blueprint.written.values()
        assert failed(composed) == ""


def test_drafts_fit_the_schemas_that_are_asked_for(shop_graph: ToolGraph) -> None:
    import jsonschema_rs

    for kind in KINDS:
        for blueprint in sampled(shop_graph, kind, 3):
            for call in walked(blueprint, EVERY)[1]:
                jsonschema_rs.validator_for(dict(call.schema or {})).validate(call.draft)


def test_the_same_blueprint_gives_the_same_words(shop_graph: ToolGraph) -> None:
    for blueprint in sampled(shop_graph, "sequential", 4):
        assert walked(blueprint)[0].messages == walked(blueprint)[0].messages


def test_words_vary_between_blueprints(shop_graph: ToolGraph) -> None:
    queries = {walked(blueprint)[0].messages[0].content[:12] for blueprint in sampled(shop_graph, "single", 30)}
    assert len(queries) >= 12


def test_prompts_of_one_dialogue_begin_alike(shop_graph: ToolGraph) -> None:
    for blueprint in sampled(shop_graph, "sequential", 4):
        asked = walked(blueprint, frozenset({"query", "calls", "answer"}))[1]
        # A user knows no tools: the query's prompt shows none, all others begin with the same ones.
        assert len({call.messages[0]["content"] for call in asked if call.part != "query"}) == 1
        assert len({call.group for call in asked}) == 1
        actions = [call.messages[1]["content"].partition("\n\nWhat does")[0] for call in asked if call.part == "calls"]
        assert all(later.startswith(earlier) for earlier, later in pairwise(actions))


def test_a_wrong_part_is_asked_once_more_with_the_check_s_words(shop_graph: ToolGraph) -> None:
    blueprint = sampled(shop_graph, "single", 1)[0]
    wrong = {"answer": "The total is 918273645 euros."}
    composed, asked = walked(blueprint, frozenset({"answer"}), answers={"answer": [wrong]})
    assert [len(call.messages) for call in asked] == [2, 4]
    assert "918273645" in asked[1].messages[3]["content"]
    assert failed(composed) == ""


def test_a_part_that_is_wrong_twice_ends_the_attempt(shop_graph: ToolGraph) -> None:
    blueprint = sampled(shop_graph, "single", 1)[0]
    wrong = {"answer": "The total is 918273645 euros."}
    composed, asked = walked(blueprint, EVERY - {"calls"}, answers={"answer": [wrong, wrong]})
    assert composed.refusal is not None
    assert (composed.refusal.part, composed.refusal.check.code) == ("answer", "answer-supported:figure")
    assert len([call for call in asked if call.part == "answer"]) == 2


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"action": {"calls": [{"name": "no_such_tool", "arguments": {}}]}}, "tool-offered:unknown-tool"),
        ({"action": {"ask": "What would you like?"}}, "kind:needless-question"),
        ({"action": {"answer": "I am glad to help."}}, "reference:missing-call"),
    ],
)
def test_an_action_out_of_place_is_refused(shop_graph: ToolGraph, said: Any, code: str) -> None:
    blueprint = sampled(shop_graph, "single", 1)[0]
    composed, _ = walked(blueprint, frozenset({"calls", "answer"}), answers={"calls": [said, said]})
    assert composed.refusal is not None
    assert composed.refusal.check.code == code
    assert composed.blueprint.written["calls"] == "llm"


def test_a_call_where_no_tool_fits_is_refused(shop_graph: ToolGraph) -> None:
    blueprint = sampled(shop_graph, "irrelevance", 1)[0]
    said = {"action": {"calls": [{"name": blueprint.offered()[0].tool, "arguments": {}}]}}
    composed, _ = walked(blueprint, frozenset({"calls"}), answers={"calls": [said, said]})
    assert composed.refusal is not None
    assert composed.refusal.check.code == "kind:needless-call"


def test_a_call_that_has_answered_is_not_made_again(shop_graph: ToolGraph) -> None:
    blueprint = sampled(shop_graph, "single", 1)[0]
    step = blueprint.plan[0]
    said = {"action": {"calls": [{"name": step.tool, "arguments": dict(step.expected)}]}}
    composed, asked = walked(blueprint, frozenset({"calls"}), answers={"calls": [said] * 9})
    assert composed.refusal is not None
    assert composed.refusal.check.code == "reference:repeated-call"
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The user asked for something and got it. {}", "kind:third-person"),
        ("It is all there now.", "answer-supported:says-nothing"),
    ],
)
def test_a_hollow_answer_is_refused(shop_graph: ToolGraph, text: str, code: str) -> None:
    blueprint = next(b for b in sampled(shop_graph, "single", 20) if b.plan[0].tool.startswith("get"))
    own = finished(compose(blueprint)).messages[-1].content
    answer = {"answer": text.replace("{}", own)}
    composed, _ = walked(blueprint, frozenset({"answer"}), answers={"answer": [answer] * 2})
    assert composed.refusal is not None
    assert composed.refusal.check.code == code


def test_values_that_nobody_told_are_refused(shop_graph: ToolGraph) -> None:
    blueprint = sampled(shop_graph, "missing-parameter", 1)[0]
    step = blueprint.plan[0]
    invented = {"action": {"calls": [{"name": step.tool, "arguments": dict(step.expected)}]}}
    composed, _ = walked(blueprint, frozenset({"calls"}), answers={"calls": [invented, invented]})
    assert composed.refusal is not None


def test_an_unanswered_call_ends_the_attempt(shop_graph: ToolGraph) -> None:
    blueprint = sampled(shop_graph, "single", 1)[0]
    nothing = Failure(kind="unanswered", reason="no answer in 5 seconds")
    composed, _ = walked(blueprint, frozenset({"query"}), answers={"query": [nothing]})
    assert composed.refusal is not None
    assert composed.refusal.check.code == "parses:unanswered"


def test_who_wrote_what_is_said(shop_graph: ToolGraph) -> None:
    blueprint = sampled(shop_graph, "missing-parameter", 1)[0]
    composed, _ = walked(blueprint, frozenset({"query", "answer"}))
    written = composed.blueprint.written
    assert written["query"] == written["answer"] == "llm"
    assert written["calls"] == written["clarification"] == "blueprint"
    assert composed.stored["written"] == written


def test_every_sampled_fault_is_met_and_recovered_from(shop_graph: ToolGraph) -> None:
    met = set()
    for blueprint in sampled(shop_graph, "error-recovery", 80):
        composed, _ = walked(blueprint)
        assert failed(composed) == "", blueprint.faults
        met.add((blueprint.faults[0].kind, blueprint.faults[0].recoveries[0]))
    assert {how for _, how in met} >= {"retry", "repair", "ask", "failure"}
    assert len({kind for kind, _ in met}) >= 8


@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_every_fault_ends_in_an_honest_dialogue_if_failure_is_all_that_is_left(
    shop_graph: ToolGraph, kind: str
) -> None:
    plain = next(b for b in sampled(shop_graph, "single", 12) if not b.plan[0].tool.startswith("list"))
    fault = Fault(kind=kind, tool=plain.plan[0].tool, times=9, recoveries=("failure",))
    hurt = replace(plain, kind="error-recovery", ending="failure", faults=(fault,), final_state=None)
    composed, _ = walked(hurt)
    assert failed(composed) == ""


def test_a_rate_limit_is_waited_out_in_words(shop_graph: ToolGraph) -> None:
    plain = sampled(shop_graph, "single", 1)[0]
    fault = Fault(kind="rate-limit", tool=plain.plan[0].tool, times=2, recoveries=("retry",))
    composed, _ = walked(replace(plain, kind="error-recovery", faults=(fault,)))
    thoughts = [message.content for message in composed.messages if message.tool_calls]
    assert len(thoughts) == 3
    assert failed(composed) == ""


def test_another_tool_takes_over_where_one_is_forbidden(shop_graph: ToolGraph) -> None:
    plain = next(b for b in sampled(shop_graph, "single", 20) if b.plan[0].tool.startswith("get"))
    own = plain.operations[0]
    other = replace(own, tool=f"find_{own.category}", api="another")
    fault = Fault(kind="forbidden", tool=own.tool, recoveries=("other-tool",), other=other.tool)
    hurt = replace(plain, kind="error-recovery", operations=(own, other), faults=(fault,), final_state=None)
    composed, _ = walked(hurt)
    assert [call["name"] for message in composed.messages for call in message.tool_calls] == [own.tool, other.tool]
    assert failed(composed) == ""


def test_licences_are_joined_and_one_unknown_is_unknown(shop_graph: ToolGraph) -> None:
    blueprint = sampled(shop_graph, "choice", 1)[0]
    one, two = blueprint.operations[:2]
    named = [replace(one, license="MIT"), replace(two, license="Apache-2.0 OR MIT")]
    assert license_of(replace(blueprint, operations=named)) == "(Apache-2.0 OR MIT) AND MIT"
    assert license_of(replace(blueprint, operations=[*named, replace(one, license="unknown")])) == "unknown"


def test_blame_falls_on_a_part_that_the_model_wrote(shop_graph: ToolGraph) -> None:
    from forge_trajectories.ladder.check import Check

    wrong = Check(check="answer-supported", passed=False)
    assert blamed(wrong, {"query", "calls", "answer"}) == "answer"
    assert blamed(wrong, {"query"}) == "query"
    assert blamed(wrong, set()) == ""
