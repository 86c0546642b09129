"""The judge: small questions, that may only reject, and how far it agrees with labels."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from forge.llm import Answer, Failure
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.judge import agreement, judge_calls, labelled, questions, verdict
from forge_trajectories.ladder.verify import first_failure, verify

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


def test_a_judge_overrules_nothing() -> None:
    failed = Check(check="grounded", passed=False, code="grounded:not-heard")
    trajectory = cases.single()
    found = verdict(trajectory, [says("yes")] * len(questions(trajectory)), before=[failed])
    assert found.passed is None
    assert first_failure([failed, found]) is failed


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
