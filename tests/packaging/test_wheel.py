"""What the wheel installs: our packages, nothing with a name that others use, and the files that code reads."""

import subprocess
import zipfile
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

import pytest

PACKAGES = {"forge", "forge_sources", "forge_filters", "forge_trajectories", "forge_registry", "forge_trainer"}
SCRIPTS = {"forge": "forge.cli:main", "forge-trainer": "forge_trainer.cli:main"}
CHATS = "forge_trajectories/rendering/templates/"


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def metadata(wheel: Path, name: str) -> str:
    with zipfile.ZipFile(wheel) as archive:
        (member,) = [member for member in archive.namelist() if member.endswith(f".dist-info/{name}")]
        return archive.read(member).decode()


def test_the_wheel_installs_our_packages_and_no_other(names: list[str]) -> None:
    tops = {name.partition("/")[0] for name in names}
    (info,) = {top for top in tops if top.endswith(".dist-info")}
    assert tops - {info} == PACKAGES
    assert not tops & {"plugins", "registry", "trainer", "tests", "examples", "benchmarks", "docs", "scripts"}


def test_every_package_is_typed(names: list[str]) -> None:
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(names)


def test_the_files_that_code_reads_are_in_the_wheel(names: list[str]) -> None:
    root = Path(__file__).parents[2]
    pages = {path.relative_to(root).as_posix() for path in (root / "forge/report/templates").iterdir()}
    assert "forge/report/templates/report.html.j2" in pages
    chats = {f"{CHATS}{path.name}" for path in (root / "plugins" / CHATS).iterdir()}
    assert f"{CHATS}chatml.jinja" in chats
    assert pages | chats <= set(names)


def test_nothing_but_code_and_what_it_reads_is_in_the_wheel(names: list[str]) -> None:
    read = (".dist-info/", "forge/report/templates/", CHATS)
    ours = [name for name in names if not any(part in name for part in read)]
    assert [name for name in ours if not name.endswith((".py", "/py.typed")) or "__pycache__" in name] == []


def test_programs_plugins_and_licence_are_declared(wheel: Path) -> None:
    declared = ConfigParser(delimiters="=")
    declared.read_string(metadata(wheel, "entry_points.txt"))
    assert dict(declared["console_scripts"]) == SCRIPTS
    assert set(declared["hephaestus_forge"].values()) == {
        "forge.builtin",
        "forge_sources",
        "forge_filters",
        "forge_trajectories",
    }
    assert "License-Expression: Apache-2.0" in metadata(wheel, "METADATA")
    assert "Apache License" in metadata(wheel, "licenses/LICENSE")


def test_the_installed_programs_run(wheel: Path, install: Callable[..., Path], tmp_path: Path) -> None:
    programs = install(wheel)
    for name in SCRIPTS:
        done = subprocess.run([programs / name, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert f"Usage: {name}" in done.stdout
    where = subprocess.run(
        [programs / "python", "-c", "import forge; print(forge.__file__)"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(where.stdout.strip()).is_relative_to(programs.parent)
