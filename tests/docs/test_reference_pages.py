"""The reference pages say what the code says: every hook, command and plugin, and none out of date."""

import ast
import inspect
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from forge import hookspecs
from forge.cli.app import make_app
from forge.host import KINDS, OWN_DISTRIBUTION, PluginHost
from forge.options import describe_options

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HOOKS = [
    function
    for _, function in inspect.getmembers(hookspecs, inspect.isfunction)
    if hasattr(function, f"{hookspecs.PROJECT}_spec")
]
each_hook = pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)


def section(page: Path, heading: str) -> str:
    """What stands under a ``###`` heading, up to the next heading of its depth or above."""
    found = re.search(rf"^### {re.escape(heading)}\n(.*?)(?=^###? |\Z)", page.read_text(encoding="utf-8"), re.M | re.S)
    assert found is not None, f"{page.name} has no section {heading!r}"
    return found[1]


def signature(source: str) -> str:
    """Arguments and result of the first function in ``source``, in one spelling."""
    function = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef))
    return ast.dump(function.args) + ast.dump(function.returns or ast.Constant(None))


def test_there_are_at_most_eight_hooks_and_all_are_ours() -> None:
    assert 1 <= len(HOOKS) <= 8
    assert all(hook.__name__.startswith("forge_") for hook in HOOKS)


@each_hook
def test_a_hook_is_documented_with_its_exact_signature(hook: Callable[..., Any]) -> None:
    text = section(DOCS / "hooks.md", hook.__name__)
    code = re.search(r"```python\n(.*?)```", text, re.S)
    assert code is not None
    assert signature(code[1]) == signature(inspect.getsource(hook))
    assert (inspect.getdoc(hook) or "").replace("``", "`") in text


@each_hook
def test_a_hook_is_used_by_a_test(hook: Callable[..., Any]) -> None:
    users = [
        path.name
        for path in (ROOT / "tests").rglob("test_*.py")
        if path != Path(__file__) and hook.__name__ in path.read_text(encoding="utf-8")
    ]
    assert users, f"no test names {hook.__name__}"


@pytest.mark.parametrize("name", ["Source", "Filter", "ScoredFilter", "Renderer", "Tokenizer", "Executor", "Context"])
def test_a_protocol_is_documented_with_the_signatures_of_its_methods(name: str) -> None:
    from forge import steps

    text = section(DOCS / "hooks.md", name)
    for method in vars(getattr(steps, name)).values():
        if inspect.isfunction(method) and method.__qualname__.startswith(f"{name}.") and method.__name__[0] != "_":
            declared = re.search(rf"^    def {method.__name__}\(.*?\.\.\.$", text, re.M | re.S)
            assert declared is not None, f"{name}.{method.__name__} is missing"
            assert signature(declared[0].strip()) == signature(textwrap.dedent(inspect.getsource(method)))


def commands(app: typer.Typer) -> list[str]:
    return [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]


def test_every_command_of_forge_is_documented() -> None:
    names = commands(make_app())
    assert len(names) >= 10
    for name in names:
        assert section(DOCS / "cli.md", f"forge {name}").strip()


def test_every_command_of_the_trainer_is_documented() -> None:
    from forge_trainer.cli import app

    names = commands(app)
    assert "run" in names
    for name in names:
        assert section(DOCS / "cli.md", f"forge-trainer {name}").strip()


def test_every_shipped_plugin_is_documented_with_its_options() -> None:
    own = [offer for offer in PluginHost().offers() if offer.origin.distribution == OWN_DISTRIBUTION]
    assert {offer.kind for offer in own} == set(KINDS)
    for offer in own:
        text = section(DOCS / "plugins.md", offer.name)
        if offer.kind != "executor":
            for option in describe_options(offer.step):
                assert f"| `{option['name']}` |" in text, f"{offer.name} lacks {option['name']}"
                assert option["help"], f"the option {option['name']} of {offer.name} has no help"


def test_generated_pages_are_up_to_date() -> None:
    command = [sys.executable, "scripts/generate_docs.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_stale_page_is_named_and_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    from generate_docs import main

    (tmp_path / "docs").mkdir()
    for page in ("cli.md", "hooks.md", "plugins.md", "training.md"):
        (tmp_path / "docs" / page).write_text((DOCS / page).read_text(encoding="utf-8"), encoding="utf-8")
    stale = tmp_path / "docs" / "hooks.md"
    stale.write_text("Mine.\n" + stale.read_text(encoding="utf-8").replace("### forge_filters", "### forge_sieves"))
    assert main(["--check"], root=tmp_path) == 1
    assert capsys.readouterr().out == "docs/hooks.md: out of date; run `make docs`\n"
    assert main([], root=tmp_path) == 0
    assert stale.read_text(encoding="utf-8") == "Mine.\n" + (DOCS / "hooks.md").read_text(encoding="utf-8")
    assert main(["--check"], root=tmp_path) == 0
