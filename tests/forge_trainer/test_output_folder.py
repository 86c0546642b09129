"""Checkpoint pointers, metrics, and the record of what an output was made from."""

from pathlib import Path

import pytest

from forge.errors import CorpusError, RecipeError, WorkspaceError
from forge_trainer import checkpoints, metrics, output
from forge_trainer.checkpoints import State
from forge_trainer.curve import draw_curve, smoothed
from forge_trainer.metrics import Metric
from forge_trainer.plan import ModelPlan, Plan, StagePlan

PLAN = Plan(
    model=ModelPlan(hidden_size=16, intermediate_size=32, layers=2, heads=2),
    stages=[StagePlan(name="a", manifest="m", steps=10)],
)


def state(step: int) -> State:
    return State(
        stage=0,
        step=step,
        global_step=step,
        tokens=step,
        sample=step,
        world_size=1,
        plan_hash="p",
        manifest_sha256="m",
    )


def write(folder: Path, step: int) -> None:
    (folder / checkpoints.tag_of(state(step))).mkdir(parents=True)
    checkpoints.commit(folder, state(step), keep=2)


def line(step: int, stage: str = "a") -> Metric:
    return Metric(
        stage=stage, step=step, global_step=step, tokens=step * 10, loss=9 / step, learning_rate=1e-3, seconds=0.1
    )


def test_the_newest_checkpoint_is_in_force_and_old_ones_go(tmp_path: Path) -> None:
    assert checkpoints.latest(tmp_path) is None
    for step in (1, 2, 3):
        write(tmp_path, step)
    assert checkpoints.latest(tmp_path) == state(3)
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-00000002", "step-00000003"]


def test_a_checkpoint_that_was_never_committed_does_not_count(tmp_path: Path) -> None:
    write(tmp_path, 1)
    (tmp_path / "step-00000002").mkdir()
    (tmp_path / "step-00000002" / "half.pt").write_bytes(b"half")
    assert checkpoints.latest(tmp_path) == state(1)


def test_a_pointer_to_nothing_is_named(tmp_path: Path) -> None:
    (tmp_path / "latest").write_text("step-00000007")
    with pytest.raises(CorpusError, match=r"damaged checkpoint.*--fresh"):
        checkpoints.latest(tmp_path)


def test_a_pointer_that_is_no_name_is_named(tmp_path: Path) -> None:
    for content in (b"\xff\xfe\x00", b"", b"../elsewhere"):
        (tmp_path / "latest").write_bytes(content)
        with pytest.raises(CorpusError, match=r"latest: names no checkpoint.*--fresh"):
            checkpoints.latest(tmp_path)


def test_a_state_that_is_no_state_is_named(tmp_path: Path) -> None:
    write(tmp_path, 1)
    (tmp_path / "step-00000001" / "state.json").write_bytes(b'{"stage": ')
    with pytest.raises(CorpusError, match=r"state\.json: damaged checkpoint.*--fresh"):
        checkpoints.latest(tmp_path)


@pytest.mark.parametrize("damage", [b"weighty", b"weight", None])
def test_a_part_that_is_not_what_was_written_is_named(tmp_path: Path, damage: bytes | None) -> None:
    part = tmp_path / "step-00000001" / "model.pt"
    part.parent.mkdir()
    part.write_bytes(b"weights")
    checkpoints.commit(tmp_path, state(1), keep=2)
    assert checkpoints.latest(tmp_path) is not None
    part.unlink() if damage is None else part.write_bytes(damage)
    with pytest.raises(CorpusError, match=r"model\.pt: damaged checkpoint.*--fresh"):
        checkpoints.latest(tmp_path)


def test_a_line_that_is_no_metric_is_named(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_bytes(b"{}\n")
    with pytest.raises(CorpusError, match=r"metrics\.jsonl: a line is no metric.*--fresh"):
        metrics.read_metrics(tmp_path / "metrics.jsonl")


def test_metrics_are_cut_back_to_the_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with path.open("ab") as stream:
        for step in (1, 2, 3):
            metrics.append(stream, line(step))
        stream.write(b'{"stage":"a","st')
    assert [metric.step for metric in metrics.read_metrics(path)] == [1, 2, 3]
    metrics.cut_metrics(path, global_step=2)
    assert path.read_bytes() == metrics.encode(line(1)) + metrics.encode(line(2))


def test_first_and_last_tenth() -> None:
    assert metrics.first_and_last([float(at) for at in range(20)]) == (0.5, 18.5)
    assert metrics.first_and_last([4.0]) == (4.0, 4.0)


def test_a_changed_plan_or_manifest_is_named(tmp_path: Path) -> None:
    output.begin(tmp_path, output.facts_of(PLAN, {"a": "0" * 64}))
    output.check_unchanged(tmp_path, output.facts_of(PLAN, {"a": "0" * 64}))
    with pytest.raises(RecipeError, match=r"manifest of a was 0000.*--fresh"):
        output.check_unchanged(tmp_path, output.facts_of(PLAN, {"a": "1" * 64}))
    stages = [StagePlan(name="a", manifest="m", steps=10, learning_rate=2e-3)]
    other = Plan(model=PLAN.model, stages=stages)
    with pytest.raises(RecipeError, match=r"stage\[0\].learning_rate was 0.001 .* and is 0.002 now"):
        output.check_unchanged(tmp_path, output.facts_of(other, {"a": "0" * 64}))


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(b"{half")
    with pytest.raises(CorpusError, match=r"run\.json: damaged record.*--fresh"):
        output.check_unchanged(tmp_path, {})


@pytest.mark.parametrize("content", [b"", b"{}", b'{"stages": 3}'])
def test_a_damaged_summary_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "summary.json").write_bytes(content)
    with pytest.raises(CorpusError, match=r"summary\.json: damaged summary.*--fresh"):
        output.read_summary(tmp_path)


def test_a_run_without_its_model_is_not_complete(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_bytes(b"{}")
    assert not output.is_complete(tmp_path)
    with pytest.raises(WorkspaceError, match="checkpoints are gone; train it again with --fresh"):
        output.reopen(tmp_path)
    write(tmp_path / "checkpoints", 1)
    output.reopen(tmp_path)
    assert not (tmp_path / "summary.json").exists()


def test_options_that_change_nothing_in_the_result_may_change() -> None:
    other = Plan(model=PLAN.model, stages=PLAN.stages, threads=1, checkpoint_every=7)
    assert output.facts_of(other, {}) == output.facts_of(PLAN, {})


def test_fresh_removes_only_what_a_run_wrote(tmp_path: Path) -> None:
    output.begin(tmp_path, {})
    write(tmp_path / "checkpoints", 1)
    (tmp_path / "notes.txt").write_text("mine")
    output.clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_two_runs_cannot_share_an_output(tmp_path: Path) -> None:
    with output.locked(tmp_path), pytest.raises(WorkspaceError, match="another forge-trainer"), output.locked(tmp_path):
        pass


def test_the_curve_is_a_picture(tmp_path: Path) -> None:
    lines = [line(step, "a" if step < 50 else "b") for step in range(1, 101)]
    draw_curve(lines, tmp_path / "loss.png", notes={"b": "assistant tokens only"})
    data = (tmp_path / "loss.png").read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 20_000
    assert smoothed([2.0, 4.0, 6.0], window=2) == [2.0, 3.0, 5.0]
