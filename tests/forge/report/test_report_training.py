import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.errors import CorpusError
from forge.report import StageCurve, read_training
from forge.report.chart import COLUMNS, HEIGHT, WIDTH, chart, smoothed, ticks


def line(stage: str, step: int, *, at: int, loss: float) -> str:
    row = {"stage": stage, "step": step, "global_step": at, "tokens": 10 * at, "loss": loss}
    return json.dumps({**row, "learning_rate": 1e-3, "seconds": 0.1})


def log(tmp_path: Path, *lines: str, end: str = "\n") -> Path:
    path = tmp_path / "metrics.jsonl"
    path.write_text("\n".join(lines) + end)
    return path


def test_no_log_is_no_curve(tmp_path: Path) -> None:
    assert read_training(tmp_path / "metrics.jsonl") == []


def test_reads_a_curve_a_stage_in_order(tmp_path: Path) -> None:
    path = log(tmp_path, line("I", 1, at=1, loss=9), line("I", 2, at=2, loss=8), line("II", 1, at=3, loss=7))
    assert read_training(path) == [
        StageCurve(stage="I", steps=[1, 2], tokens=[10, 20], losses=[9.0, 8.0]),
        StageCurve(stage="II", steps=[1], tokens=[10], losses=[7.0]),
    ]


def test_resumed_run_replaces_what_it_repeats(tmp_path: Path) -> None:
    before = [line("I", step, at=step, loss=9) for step in (1, 2, 3)]
    path = log(tmp_path, *before, line("I", 2, at=2, loss=5))
    assert read_training(path) == [StageCurve(stage="I", steps=[1, 2], tokens=[10, 20], losses=[9.0, 5.0])]


def test_run_from_the_start_leaves_no_later_stage_behind(tmp_path: Path) -> None:
    path = log(tmp_path, line("I", 1, at=1, loss=9), line("II", 1, at=2, loss=8), line("I", 1, at=1, loss=7))
    assert [curve.stage for curve in read_training(path)] == ["I"]


@pytest.mark.parametrize("cut", range(1, 40, 6))
def test_torn_last_line_is_ignored(tmp_path: Path, cut: int) -> None:
    path = log(tmp_path, line("I", 1, at=1, loss=9), line("I", 2, at=2, loss=8)[:-cut], end="")
    assert [curve.steps for curve in read_training(path)] == [[1]]


@pytest.mark.parametrize("bad", ["{", "[]", "{}", '{"stage": "I"}', "null"])
def test_bad_line_elsewhere_is_named(tmp_path: Path, bad: str) -> None:
    with pytest.raises(CorpusError, match=r"metrics\.jsonl: line 2: not a metrics object"):
        read_training(log(tmp_path, line("I", 1, at=1, loss=9), bad, line("I", 2, at=2, loss=8)))


def test_loss_that_is_no_number_is_counted_not_drawn(tmp_path: Path) -> None:
    path = log(tmp_path, line("I", 1, at=1, loss=9), line("I", 2, at=2, loss=math.nan), line("I", 3, at=3, loss=7))
    drawn = chart(read_training(path)[0])
    assert drawn.lost == 1
    assert "nan" not in drawn.raw + drawn.smooth


@pytest.mark.parametrize("losses", [[], [3.0], [2.0, 2.0, 2.0], [math.inf, math.nan]])
def test_chart_of_little(losses: list[float]) -> None:
    steps = range(1, len(losses) + 1)
    drawn = chart(StageCurve(stage="I", steps=steps, tokens=steps, losses=losses))
    assert bool(drawn.raw) == any(map(math.isfinite, losses))


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=600))
def test_paths_stay_inside_the_picture_and_small(losses: list[float]) -> None:
    steps = range(1, len(losses) + 1)
    drawn = chart(StageCurve(stage="I", steps=steps, tokens=steps, losses=losses))
    for path in (drawn.raw, drawn.smooth):
        points = [tuple(map(float, point.split())) for point in path.replace("M", "L").split("L")[1:]]
        assert len(points) <= 2 * COLUMNS + 2
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in points)


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e5))
def test_ticks_enclose_what_they_measure(low: float, span: float) -> None:
    marks = ticks(low, low + span, about=5)
    assert marks[0] <= low + span * 1e-6
    assert marks[-1] >= low + span * (1 - 1e-6)
    assert 2 <= len(marks) <= 9


def test_smoothing_keeps_a_constant_and_a_length() -> None:
    assert smoothed([2.0] * 50) == pytest.approx([2.0] * 50)


def test_smoothing_calms_the_last_value() -> None:
    values = [1.0] * 99 + [11.0]
    assert smoothed(values)[-1] == pytest.approx(1 + 10 / 5)
