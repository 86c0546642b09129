"""Whole runs in processes of their own: killed and resumed, without a compiler, and as two processes."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.files import sha256

Workspace = Callable[..., Path]
Finished = tuple[Path, subprocess.CompletedProcess[str]]
LINES = 56
WEIGHTS = Path("training") / "model" / "model.safetensors"


def environment(tmp_path: Path) -> dict[str, str]:
    """No compiler within reach, nothing cached: DeepSpeed must not need to build anything."""
    kept = {key: value for key, value in os.environ.items() if key in {"LANG", "SYSTEMROOT"}}
    return {**kept, "HOME": str(tmp_path), "PATH": str(tmp_path), "TORCH_EXTENSIONS_DIR": str(tmp_path / "extensions")}


def command(plan: Path, *extra: str) -> list[str]:
    return [sys.executable, "-m", "forge_trainer", "run", str(plan), *extra]


def metrics_of(plan: Path) -> list[dict[str, object]]:
    path = plan.parent / "training" / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def timeless(plan: Path) -> list[dict[str, object]]:
    return [{key: value for key, value in line.items() if key != "seconds"} for line in metrics_of(plan)]


def kill_at(plan: Path, lines: int, env: dict[str, str]) -> None:
    """SIGKILL as soon as so many lines are logged."""
    with subprocess.Popen(command(plan), env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        path = plan.parent / "training" / "metrics.jsonl"
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if path.is_file() and path.read_bytes().count(b"\n") >= lines:
                process.kill()
            time.sleep(0.002)
        assert process.wait() == -9


@pytest.fixture(scope="module")
def undisturbed(make_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run of all stages that nobody interrupts."""
    folder = tmp_path_factory.mktemp("undisturbed")
    plan = make_workspace(folder / "work")
    done = subprocess.run(command(plan, "--json"), env=environment(folder), capture_output=True, text=True, check=True)
    return plan, done


def test_three_stages_without_a_compiler_then_nothing_to_do(undisturbed: Finished, tmp_path: Path) -> None:
    plan, first = undisturbed
    facts = json.loads(first.stdout)
    assert [stage["name"] for stage in facts["stages"]] == ["general", "seed", "instruct"]
    assert all(stage["last_loss"] < stage["first_loss"] for stage in facts["stages"])
    assert "Warning" not in first.stderr
    output = plan.parent / "training"
    assert {"loss.png", "metrics.jsonl", "summary.json", "model", "checkpoints"} <= {p.name for p in output.iterdir()}
    assert len(metrics_of(plan)) == LINES
    again = subprocess.run(command(plan), env=environment(tmp_path), capture_output=True, text=True, check=True)
    assert again.stdout.startswith("already complete")


def test_a_killed_run_resumes_bit_for_bit(workspace: Workspace, tmp_path: Path, undisturbed: Finished) -> None:
    plan, env, whole = workspace(every=3), environment(tmp_path), undisturbed[0]
    for lines in (8, 30, 53):
        kill_at(plan, lines, env)
    subprocess.run(command(plan), env=env, capture_output=True, check=True)
    assert timeless(plan) == timeless(whole)
    assert sha256(plan.parent / WEIGHTS) == sha256(whole.parent / WEIGHTS)


def test_a_lost_model_is_written_again(undisturbed: Finished, tmp_path: Path) -> None:
    plan, _ = undisturbed
    before, lines = sha256(plan.parent / WEIGHTS), metrics_of(plan)
    shutil.rmtree((plan.parent / WEIGHTS).parent)
    again = subprocess.run(command(plan), env=environment(tmp_path), capture_output=True, text=True, check=True)
    assert "writing it again from the last checkpoint" in again.stderr
    assert sha256(plan.parent / WEIGHTS) == before
    assert metrics_of(plan) == lines


def test_two_processes_learn_the_same(workspace: Workspace, tmp_path: Path, undisturbed: Finished) -> None:
    plan = workspace()
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    env = environment(tmp_path)
    done = subprocess.run(
        [*launch, "-m", "forge_trainer", "run", str(plan)], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("model    ") == 1
    for ours, theirs in zip(metrics_of(plan), metrics_of(undisturbed[0]), strict=True):
        assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-3)


def test_the_exported_model_loads_and_generates(workspace: Workspace, tmp_path: Path) -> None:
    from forge_trainer.export import export_model, generate
    from forge_trainer.model import build_model
    from forge_trainer.plan import load_plan

    plan = workspace()
    tokenizer = plan.parent / "exports" / "pretrain" / "tokenizer.json"
    model = build_model(load_plan(plan), vocab_size=317, eos_id=0)
    export_model(model, tmp_path / "model", tokenizer_path=tokenizer, eos_id=0)
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    text = generate(tmp_path / "model", "list user", tokens=8)
    assert generate(tmp_path / "model", "list user", tokens=8) == text
    drawn = {generate(tmp_path / "model", "list user", tokens=8, temperature=1.0, seed=seed) for seed in range(3)}
    assert len(drawn) > 1


def test_errors_are_one_line_and_a_status(workspace: Workspace, tmp_path: Path) -> None:
    plan, env = workspace(), environment(tmp_path)
    run = [sys.executable, "-m", "forge_trainer"]
    missing = subprocess.run([*run, "run", "nowhere.toml"], env=env, capture_output=True, text=True, check=False)
    assert missing.returncode == 1
    assert re.fullmatch(r"forge-trainer: error: nowhere.toml: no such plan; .*\n", missing.stderr)
    usage = subprocess.run([*run, "walk"], env=env, capture_output=True, text=True, check=False)
    assert usage.returncode == 2
    facts = subprocess.run([*run, "plan", str(plan), "--json"], env=env, capture_output=True, text=True, check=True)
    assert [stage["steps"] for stage in json.loads(facts.stdout)["stages"]] == [24, 16, 16]


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, forge_trainer.cli; print([m for m in ('torch', 'numpy', 'deepspeed') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
