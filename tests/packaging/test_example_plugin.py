"""A third party's package beside ours: both installed from wheels into a fresh environment, used by name."""

import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
