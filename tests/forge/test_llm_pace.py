"""The limit on calls under way: up with answers, down with refusals and with answers slow for their length."""

from forge.clients.llm_pace import Pace


def test_long_answers_that_take_long_are_no_congestion() -> None:
    pace = Pace(16)
    for tokens in [20, 300, 40, 320, 25] * 20:
        pace.answered(0.2 + tokens * 0.02, prompt=500, completion=tokens)
    assert pace.limit > 12


def test_answers_slow_for_their_length_bring_it_down_to_two() -> None:
    pace = Pace(16)
    for _ in range(50):
        pace.answered(1.0, prompt=100, completion=50)
    high = pace.limit
    for _ in range(30):
        pace.answered(9.0, prompt=100, completion=50)
    assert high > 8
    assert 2 <= pace.limit < 3


def test_refusals_halve_it_down_to_one_and_slowness_does_not_raise_it() -> None:
    pace = Pace(16)
    for _ in range(5):
        pace.refused(0.0)
    assert pace.limit == 1
    pace.answered(1.0, completion=50)
    assert pace.limit == 2
    pace.refused(0.0)
    pace.answered(60.0, completion=50)
    assert pace.limit == 1
