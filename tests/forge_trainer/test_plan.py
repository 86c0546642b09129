"""Plans: what is accepted, and how what is not is named."""

from itertools import pairwise
from pathlib import Path

import pytest

from forge.errors import RecipeError
from forge_trainer.model_size import parameter_count
from forge_trainer.plan import Plan, StagePlan, load_plan
from forge_trainer.schedule import learning_rate, warmup_steps

MODEL = "[model]\nhidden_size = 16\nintermediate_size = 32\nlayers = 2\nheads = 2\n"
STAGE = '[[stage]]\nname = "a"\nmanifest = "m.json"\nsteps = 10\n'


def load(tmp_path: Path, text: str) -> Plan:
    path = tmp_path / "plan.toml"
    path.write_text(text)
    return load_plan(path)


def test_the_defaults_are_filled_in(tmp_path: Path) -> None:
    plan = load(tmp_path, MODEL + STAGE)
    assert (plan.output, plan.seed, plan.stages[0].loss_mask) == ("training", 0, "all")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sede = 1\n" + MODEL + STAGE, "sede: unknown key; did you mean 'seed'?"),
        (MODEL + "hiden = 3\n" + STAGE, "model.hiden: unknown key; did you mean 'hidden_size'?"),
        (MODEL + STAGE + "warm_up = 3\n", "stage[0].warm_up: unknown key; did you mean 'warmup'?"),
        (MODEL + STAGE + 'schedule = "linear"\n', "Invalid enum value 'linear'"),
        (MODEL + STAGE + "tokens = 5\n", "stage[0].tokens: give either tokens or steps"),
        (MODEL + STAGE + "batch = 0\n", "stage[0].batch: must be above 0, is 0"),
        (MODEL + STAGE + "floor = 2.0\n", "stage[0].floor: must lie between 0 and 1"),
        (MODEL + STAGE + STAGE, "two stages have one name"),
        (MODEL.replace("heads = 2", "heads = 3") + STAGE, "model.heads: 3 heads do not divide"),
        (STAGE, "missing required field `model`"),
        (MODEL, "missing required field `stage`"),
        ("seed = ", "not TOML"),
        ("seed = -1\n" + MODEL + STAGE, "seed: must be at least 0 and below 2**63, is -1"),
        (f"seed = {2**63}\n" + MODEL + STAGE, f"below 2**63, is {2**63}"),
        ("seed = true\n" + MODEL + STAGE, "Expected `int`, got `bool` - at `$.seed`"),
    ],
)
def test_a_wrong_plan_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, text)
    assert message in str(caught.value)
    assert "plan.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_largest_seed_is_taken(tmp_path: Path) -> None:
    assert load(tmp_path, f"seed = {2**63 - 1}\n" + MODEL + STAGE).seed == 2**63 - 1


def test_a_missing_plan_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such plan"):
        load_plan(tmp_path / "plan.toml")


def test_tokens_are_rounded_up_to_whole_steps() -> None:
    stage = StagePlan(name="a", manifest="m", tokens=1001, sequence_length=10, batch=10)
    assert stage.total_steps == 11


@pytest.mark.parametrize("schedule", ["cosine", "wsd", "constant"])
def test_the_rate_rises_to_the_peak_and_ends_at_its_floor(schedule: str) -> None:
    stage = StagePlan(
        name="a", manifest="m", steps=100, learning_rate=2.0, warmup=0.1, floor=0.25, decay=0.2, schedule=schedule
    )  # type: ignore[arg-type]
    rates = [learning_rate(stage, step) for step in range(100)]
    assert warmup_steps(stage) == 10
    assert rates[0] == pytest.approx(0.2)
    assert rates[9] == pytest.approx(2.0)
    assert max(rates) == pytest.approx(2.0)
    assert rates[-1] == pytest.approx(2.0 if schedule == "constant" else 0.5)
    assert all(after <= before + 1e-12 for before, after in pairwise(rates[9:]))


def test_wsd_stays_until_the_decay() -> None:
    stage = StagePlan(name="a", manifest="m", steps=100, learning_rate=2.0, warmup=10, decay=0.2, schedule="wsd")
    assert learning_rate(stage, 75) == 2.0
    assert learning_rate(stage, 85) < 2.0


def test_the_size_of_the_model_is_what_transformers_builds(tmp_path: Path) -> None:
    from forge_trainer.model import build_model

    grouped = MODEL.replace("layers", "kv_heads = 1\ntie_embeddings = false\nlayers")
    for text in (MODEL, grouped):
        plan = load(tmp_path, text + STAGE)
        model = build_model(plan, vocab_size=100, eos_id=0)
        assert parameter_count(plan, vocab_size=100) == sum(parameter.numel() for parameter in model.parameters())
