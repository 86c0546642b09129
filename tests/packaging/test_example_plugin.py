"""A third party's package beside ours: both installed from wheels into a fresh environment, used by name."""

import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forge.manifest import read_manifest, verify_files

EXAMPLE = Path(__file__).parents[2] / "examples" / "forge-source-example"
Run = Callable[..., str]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the example, so that building it leaves nothing in the repository."""
    copy = tmp_path_factory.mktemp("third-party") / "project"
    return Path(shutil.copytree(EXAMPLE, copy, ignore=shutil.ignore_patterns("dist", "__pycache__", ".*")))


@pytest.fixture(scope="module")
def declared(project: Path) -> dict[str, Any]:
    facts: dict[str, Any] = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return facts


@pytest.fixture(scope="module")
def programs(
    project: Path, wheel: Path, build: Callable[..., Path], install: Callable[..., Path], tmp_path_factory: Any
) -> Path:
    """Programs of an environment with both wheels."""
    return install(wheel, build(project, tmp_path_factory.mktemp("third-party-wheel")))


@pytest.fixture
def forge(programs: Path, tmp_path: Path) -> Run:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            [programs / "forge", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def sources(forge: Run, distribution: str) -> list[dict[str, str]]:
    rows = json.loads(forge("plugins", "--json"))
    return [row for row in rows if row["distribution"] == distribution and row["kind"] == "source"]


def test_it_is_listed_beside_ours(forge: Run, declared: dict[str, Any]) -> None:
    assert [row["state"] for row in json.loads(forge("plugins", "--json"))].count("failed") == 0
    (row,) = sources(forge, declared["name"])
    assert (row["state"], row["version"], row["failure"]) == ("ok", declared["version"], "")
    assert sources(forge, "hephaestus-forge")


RECIPE = """\
seed = 1

[tokenizer]
name = "bpe"
vocab_size = 300

[[render]]
name = "api-text"

[[filter]]
name = "min-words"
minimum = 3

[export.main]
mix = "1:0:0"
"""
TOOL = {
    "name": "get_tide",
    "description": "Height of the tide at a harbour, in metres above chart datum.",
    "parameters": {
        "type": "object",
        "properties": {"harbour": {"type": "string", "description": "Name of the harbour."}},
        "required": ["harbour"],
    },
}


def test_its_source_and_filter_are_used_by_name(forge: Run, tmp_path: Path, declared: dict[str, Any]) -> None:
    (source,) = sources(forge, declared["name"])
    workspace = tmp_path / "corpus"
    (workspace / "tools").mkdir(parents=True)
    lines = [json.dumps({**TOOL, "name": f"get_{name}"}) for name in ("tide", "current", "swell")]
    (workspace / "tools" / "sea.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (workspace / "forge.toml").write_text(RECIPE, encoding="utf-8")
    added = json.loads(forge("-C", "corpus", "add-source", source["name"], "--set", "license=MIT", "--json"))
    assert added["written"]
    assert "nothing over the network" in added["plan"]
    forge("-C", "corpus", "build", "--quiet")
    facts = json.loads(forge("-C", "corpus", "status", "--json"))
    assert facts["catalog"]["by_source"] == {source["name"]: 3}
    assert facts["catalog"]["distinct_documented"] == 3
    check_export(workspace / "exports" / "main", declared["name"])


def check_export(folder: Path, distribution: str) -> None:
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    assert manifest.documents == 3
    assert [count.name for count in manifest.licences] == ["MIT"]
    assert distribution in {plugin.distribution for plugin in manifest.plugins}


def test_its_own_tests_pass(programs: Path, project: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "PYTHON"))}
    done = subprocess.run(
        [programs / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
