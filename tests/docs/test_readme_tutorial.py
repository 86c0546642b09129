"""The README's plugin tutorial, followed to the letter: its files written, its commands run, their output compared.

The commands run in a virtual environment that borrows the libraries of this one, so that nothing is downloaded.
"""

import doctest
import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from forge.manifest import read_manifest, verify_files

README = Path(__file__).parents[2] / "README.md"
STEP = re.compile(
    r"^```(?P<language>toml|python|console)\n(?P<body>.*?)^```$|^<!-- run: (?P<hidden>.*?) -->$", re.M | re.S
)
FILE = re.compile(r"\A# (?P<path>[\w./-]+)\n")
LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A fresh environment with ``forge`` and ``pip`` on its PATH; pip is kept off the network."""
    folder = tmp_path / "environment"
    venv.EnvBuilder(with_pip=False, symlinks=True).create(folder)
    python = folder / "bin" / "python"
    libraries = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    Path(libraries, "borrowed.pth").write_text(f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n")
    pip = f'{sys.executable} -m pip --python {python} "$@" --no-deps --no-index --no-build-isolation'
    for name, command in {"forge": f'{python} -m forge "$@"', "pip": pip}.items():
        shim = folder / "bin" / name
        shim.write_text(f"#!/bin/sh\nexec {command}\n")
        shim.chmod(0o755)
    outer = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    return {**outer, "PATH": path, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "COLUMNS": "200"}


def steps() -> Iterator[re.Match[str]]:
    text = README.read_text(encoding="utf-8")
    return STEP.finditer(text[text.index("## A plugin in five minutes") : text.index("## Limits")])


def conversation(body: str) -> Iterator[tuple[str, str]]:
    """Commands of a console block with the output that the README shows."""
    for piece in re.split(r"^\$ ", body, flags=re.M)[1:]:
        command, _, output = piece.partition("\n")
        yield command, output


def run(command: str, expected: str, *, folder: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    status = 1 if expected.startswith("forge: error") else 0
    assert done.returncode == status, f"$ {command}\n{said}"
    if expected:
        assert doctest.OutputChecker().check_output(expected, said, LOOSE), (
            f"$ {command}\n{said}\nREADME says:\n{expected}"
        )


def test_the_tutorial_does_what_it_says(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "reader"
    folder.mkdir()
    commands = 0
    for step in steps():
        if step["hidden"]:
            run(step["hidden"], "", folder=folder, environment=environment)
        elif step["language"] == "console":
            for command, expected in conversation(step["body"]):
                run(command, expected, folder=folder, environment=environment)
                commands += 1
        elif name := FILE.match(step["body"]):
            path = folder / name["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step["body"], encoding="utf-8")
    assert commands >= 10
    check_export(folder / "corpus" / "exports" / "main")


def check_export(folder: Path) -> None:
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    assert manifest.documents == 2
    assert [(count.name, count.share) for count in manifest.domains] == [("text", 1.0)]
    assert [(count.name, count.documents) for count in manifest.sources] == [("notes", 2)]
    assert [(count.name, count.documents) for count in manifest.licences] == [("CC0-1.0", 2)]
    assert [(drop.filter, drop.reason, drop.documents) for drop in manifest.drops] == [("unfinished", "unfinished", 1)]
    assert {plugin.distribution for plugin in manifest.plugins} == {"forge-notes", "hephaestus-forge"}


def test_the_tutorial_has_files_and_commands() -> None:
    found = list(steps())
    files = [step for step in found if step["language"] in ("toml", "python") and FILE.match(step["body"])]
    assert len(files) == 3
    assert len(README.read_text(encoding="utf-8").splitlines()) < 250
