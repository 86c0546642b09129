"""A wheel of the project, built once, and fresh environments to install wheels into, all without the network."""

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Installed = Callable[..., Path]


def build_wheel(project: Path, target: Path) -> Path:
    """Build the wheel of ``project`` into ``target`` with the build backend that is installed here."""
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(project)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="session")
def build() -> Callable[[Path, Path], Path]:
    """`build_wheel`, for tests of other projects."""
    return build_wheel


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's wheel."""
    return build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Makes an environment with just these wheels, and returns its folder of programs.

    What the wheels depend on is borrowed: the new environment's path ends with this one's site-packages, read as a
    plain folder, so that the editable install of the project that may live there stays out.
    """

    def make(*wheels: Path) -> Path:
        folder = tmp_path_factory.mktemp("environment")
        venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
        programs = folder / "bin"
        libraries = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
        Path(libraries, "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet"]
        quietly = ["--no-deps", "--no-index", "--force-reinstall", "--disable-pip-version-check"]
        subprocess.run([*pip, *quietly, *map(str, wheels)], check=True)
        return programs

    return make
