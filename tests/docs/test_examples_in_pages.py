"""Recipes and plans that the pages show can be read, and the pages name every key there is."""

import re
from pathlib import Path

import msgspec
import pytest

from forge.host import OWN_DISTRIBUTION, PluginHost
from forge.options import make_step
from forge.recipe import TOP_KEYS, ExportTable, Recipe, load_recipe
from forge_trainer.plan import ModelPlan, OptimizerPlan, Plan, StagePlan, load_plan

ROOT = Path(__file__).parents[2]


def block(page: str, containing: str) -> str:
    """The first TOML block of a page that contains a text."""
    blocks = re.findall(r"^```toml\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return next(found for found in blocks if containing in found)


def make_steps(recipe: Recipe) -> int:
    host = PluginHost()
    made = 0
    for kind, tables in (("source", recipe.sources), ("renderer", recipe.renderers), ("filter", recipe.filters)):
        for table in tables:
            make_step(host.require(kind, table.name).step, table.options, file=recipe.path, key=table.key)
            made += 1
    return made


@pytest.mark.parametrize("page", ["README.md", "docs/recipe.md"])
def test_a_recipe_that_a_page_shows_is_one(page: str, tmp_path: Path) -> None:
    path = tmp_path / "forge.toml"
    path.write_text(block(page, "[[source]]"), encoding="utf-8")
    recipe = load_recipe(path)
    assert make_steps(recipe) >= 4
    assert list(recipe.exports) == ["main"]


def test_the_plan_that_the_page_shows_is_one(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(block("docs/training.md", "[[stage]]"), encoding="utf-8")
    plan = load_plan(path)
    assert [stage.loss_mask for stage in plan.stages] == ["all", "assistant"]


def test_every_key_of_a_recipe_is_documented() -> None:
    text = (ROOT / "docs/recipe.md").read_text(encoding="utf-8")
    for key in TOP_KEYS:
        assert re.search(rf"^\| `\[*{key}[\].]?", text, re.MULTILINE), key
    for key in ("name", "label", "max_reject_rate", *ExportTable.__struct_fields__):
        assert f"| `{key}` |" in text, key
    for key, default in zip(ExportTable.__struct_fields__, ExportTable.__struct_defaults__, strict=True):
        if default is not None:
            assert re.search(rf'\| `{key}` \| `"?{re.escape(str(default))}"?` \|', text), key


@pytest.mark.parametrize("kind", [Plan, ModelPlan, OptimizerPlan, StagePlan])
def test_every_key_of_a_plan_is_documented(kind: type[msgspec.Struct]) -> None:
    text = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    for field in msgspec.structs.fields(kind):
        assert re.search(rf"`\[*{field.encode_name}\]*`", text), field.encode_name


def test_the_filters_that_the_page_shows_are_those_there_are(tmp_path: Path) -> None:
    page = "docs/filters.md"
    for containing in ('name = "length"', "min_drop_rate"):
        path = tmp_path / "forge.toml"
        path.write_text(block(page, containing), encoding="utf-8")
        recipe = load_recipe(path)
        assert make_steps(recipe) == len(recipe.filters) > 0
    text = (ROOT / page).read_text(encoding="utf-8")
    own = [offer.name for offer in PluginHost().offers("filter") if offer.origin.distribution == OWN_DISTRIBUTION]
    assert [name for name in own if f"| `{name}` |" not in text] == []
