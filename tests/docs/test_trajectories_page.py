"""The page on trajectories names what the code has: kinds with shares, faults, checks, parts, forms, templates."""

import re
from pathlib import Path

import pytest

from forge.host import PluginHost
from forge.options import make_step
from forge.recipe import Recipe, load_recipe
from forge_trajectories.execution.faults import FAULTS, FaultKind
from forge_trajectories.execution.opening import SIMULATORS
from forge_trajectories.execution.simulators import WORLDS
from forge_trajectories.ladder.check import CHECKS
from forge_trajectories.rendering.chat_template import TEMPLATES
from forge_trajectories.rendering.text import FORM_NAMES
from forge_trajectories.synthesis.source import PARTS, SHARES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/trajectories.md").read_text(encoding="utf-8")


def table(head: str) -> dict[str, list[str]]:
    """The rows of the table whose first column has this head, by what that column names."""
    rows = re.search(rf"^\| {head} \|.*\n\|[-| ]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    assert rows is not None, head
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in rows[1].splitlines()]
    return {first.strip("| `"): [cell.strip("| ") for cell in rest] for first, *rest in cells}


def lasting(kind: FaultKind) -> str:
    if kind.permanent:
        return "for good"
    return "for the same arguments" if kind.same_call else "for some calls"


def test_kinds_and_shares() -> None:
    assert {kind: float(row[0].rstrip(" %")) / 100 for kind, row in table("kind").items()} == pytest.approx(
        dict(SHARES)
    )


def test_faults_and_their_recoveries() -> None:
    assert table("fault") == {
        name: [kind.about, ", ".join(kind.recoveries), lasting(kind)] for name, kind in FAULTS.items()
    }


def test_checks_in_their_order() -> None:
    assert tuple(table("check")) == CHECKS


def test_forms_templates_and_parts() -> None:
    assert tuple(table("form")) == FORM_NAMES
    assert all(f'"{name}"' in PAGE for name in TEMPLATES)
    parts = PAGE[PAGE.index("`writes` names the parts") : PAGE.index("All others are the blueprint's")]
    assert tuple(re.findall(r"`(\w+)`", parts))[1:] == PARTS


def test_the_simulators_are_counted() -> None:
    assert len(WORLDS) == 5
    assert "five small worlds" in PAGE
    assert set(SIMULATORS) - set(WORLDS) <= {"replay", "llm"}


@pytest.mark.parametrize("page", [True, False], ids=["page", "example"])
def test_the_recipes_are_ones(page: bool, tmp_path: Path) -> None:
    path = tmp_path / "forge.toml"
    shown = re.search(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown is not None
    example = (ROOT / "examples/trajectories/forge.toml").read_text(encoding="utf-8")
    path.write_text(shown[1] if page else example, encoding="utf-8")
    recipe = load_recipe(path)
    assert {"simulated-tools", "synthesizer"} <= made(recipe)
    assert {"trajectory-text", "trajectory-chat", "verified"} <= made(recipe)


def made(recipe: Recipe) -> set[str]:
    """The names of a recipe's steps, every one of which can be made."""
    host = PluginHost()
    names: set[str] = set()
    for kind, tables in (("source", recipe.sources), ("renderer", recipe.renderers), ("filter", recipe.filters)):
        for each in tables:
            make_step(host.require(kind, each.name).step, each.options, file=recipe.path, key=each.key)
            names.add(each.name)
    return names
