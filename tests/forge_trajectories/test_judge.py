"""The judge: small questions, that may only reject, and how far it agrees with labels."""

import asyncio
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge.clients.llm import LlmClient
from forge.clients.llm_journal import Journal
from forge.llm import Answer, Failure
from forge.testing.llm import ScriptedLlm
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.judge import QUESTIONS, agreement, judge_calls, labelled, questions, verdict
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.synthesis.attempts import Attempt
from forge_trajectories.synthesis.driver import Aims, synthesize
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.tools.graph import ToolGraph

_spec = importlib.util.spec_from_file_location("ladder_cases", Path(__file__).with_name("ladder_cases.py"))
assert _spec is not None
assert _spec.loader is not None
cases: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)


def says(word: str) -> Answer:
    return Answer(text="", value={"why": "because", "answer": word})


@pytest.mark.parametrize("name", cases.CASES)
def test_every_kind_is_asked_a_few_small_questions(name: str) -> None:
    trajectory = cases.CASES[name]()
    calls = judge_calls(trajectory)
    assert 2 <= len(calls) == len(questions(trajectory)) <= 5
    assert len({call.key("m") for call in calls}) == len(calls)
    assert all(call.schema and call.max_tokens <= 200 for call in calls)
    starts = {str(call.messages[-1]["content"]).partition("\n\nQuestion:")[0] for call in calls}
    assert len(starts) == 1  # they begin alike
    assert trajectory.messages[-1].content.split()[0] in starts.pop()


def test_one_no_rejects_and_silence_is_no_verdict() -> None:
    trajectory = cases.single()
    count = len(questions(trajectory))
    assert verdict(trajectory, [says("yes")] * count).passed is True
    no = verdict(trajectory, [*[says("yes")] * (count - 1), says("no")])
    assert (no.passed, no.code) == (False, "judge:faithful")
    silent = Failure(kind="unanswered", reason="gone")
    assert verdict(trajectory, [silent, *[says("yes")] * (count - 1)]).passed is None
    assert verdict(trajectory, [silent, *[says("no")] * (count - 1)]).passed is False


@pytest.mark.parametrize(("word", "code"), [("yes", ""), ("no", "judge:natural")])
def test_a_judge_is_asked_about_what_passed_and_overrules_nothing(
    shop_graph: ToolGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, code: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-key-0007")
    good = sample(shop_graph, kind="single", number=1, seed=5)
    assert good is not None
    bad = replace(good, final_state={"left": "behind"})
    with ScriptedLlm(lambda request: {"why": "because", "answer": word}) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        with LlmClient(journal=Journal(tmp_path / "llm.sqlite"), model="judge", scope="test") as judge:
            failed = attempt_at(bad, judge)
            assert not endpoint.requests
            passed = attempt_at(good, judge)
    assert (failed.accepted, failed.code) == (False, "final-state:differs")
    assert (passed.accepted, passed.code) == (word == "yes", code)
    assert len(endpoint.requests) == sum(question.applies("single") for question in QUESTIONS)


def attempt_at(blueprint: Blueprint, judge: LlmClient) -> Attempt:
    """What the driver makes of one blueprint that no model writes a part of."""
    outcome = asyncio.run(synthesize(iter([blueprint]), aims=Aims(target=1, most=1), judge=judge))
    return outcome.settled[-1].attempt


def checks(*passed: bool | None) -> list[Check]:
    return [Check(check="judge", passed=each) for each in passed]


def test_agreement_beyond_chance() -> None:
    labels = [True, True, True, False, False, False]
    assert agreement(labels, checks(True, True, True, False, False, False)).kappa == 1.0
    blind = agreement(labels, checks(*[True] * 6))
    assert (blind.accuracy, blind.kappa) == (0.5, 0.0)
    mixed = agreement(labels, checks(True, True, False, False, False, None))
    assert (mixed.count, mixed.silent, mixed.wrong_rejected) == (5, 1, 1)
    assert mixed.accuracy == pytest.approx(0.8)
    assert mixed.kappa == pytest.approx(8 / 13)
    assert agreement([], []).kappa == 0.0


def test_the_labelled_set_is_good_ones_and_corrupted_ones() -> None:
    good = [make() for make in cases.CASES.values()]
    found = labelled(good, seed=3)
    assert found == labelled(good, seed=3)
    assert [trajectory for trajectory, label in found if label] == good
    bad: list[Any] = [trajectory for trajectory, label in found if not label]
    assert len(bad) >= len(good) - 1
    assert all(first_failure(verify(trajectory)) is not None for trajectory in bad)
