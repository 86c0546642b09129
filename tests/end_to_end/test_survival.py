"""A build killed at random moments ends with the bytes of an undisturbed one, with one worker and with two."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

KILLS = 10
MakeWorkspace = Callable[[str], Path]


def start(workspace: Path, workers: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "forge", "-C", str(workspace), "build", "--workers", str(workers)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def digest(workspace: Path) -> dict[str, str]:
    """Hash of every file of every export, but for the report, which tells of training too."""
    files = sorted(path for path in (workspace / "exports").rglob("*") if path.is_file() and path.suffix != ".html")
    return {str(path.relative_to(workspace)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def undisturbed(small_workspace: MakeWorkspace) -> tuple[dict[str, str], float]:
    workspace = small_workspace("undisturbed")
    begun = time.monotonic()
    process = start(workspace, 1)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    return digest(workspace), time.monotonic() - begun


def test_an_interrupted_build_says_that_it_can_go_on(small_workspace: MakeWorkspace) -> None:
    workspace = small_workspace("interrupted")
    process = start(workspace, 2)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("collect ")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert errors.endswith("forge: stopped; what was finished is kept: run the same command to go on\n")
    assert "Traceback" not in errors


def forget(workspace: Path) -> None:
    """Take back everything but what was fetched, so that the next kill may fall into any stage again."""
    shutil.rmtree(workspace / "exports")
    for path in (workspace / ".forge").iterdir():
        if path.is_dir() and path.name != "http":
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_build_killed_ten_times_ends_with_the_same_bytes(
    small_workspace: MakeWorkspace, undisturbed: tuple[dict[str, str], float], workers: int
) -> None:
    expected, seconds = undisturbed
    workspace = small_workspace(f"killed-{workers}")
    moments = random.Random(workers)
    kills = 0
    while kills < KILLS:
        process = start(workspace, workers)
        try:
            process.wait(moments.uniform(0.2, seconds))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            kills += 1
        process.communicate()
        if process.returncode == 0:  # it was done before the moment came
            assert digest(workspace) == expected
            forget(workspace)
    process = start(workspace, workers)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert digest(workspace) == expected
    assert not list(workspace.rglob(".*.tmp"))
    assert not list((workspace / "exports").glob(".*.partial"))
