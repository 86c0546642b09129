"""A build killed at random moments ends with the bytes of an undisturbed one, with one worker and with two."""

import hashlib
import os
import random
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


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_build_ends_with_the_same_bytes(
    small_workspace: MakeWorkspace, undisturbed: tuple[dict[str, str], float], workers: int
) -> None:
    expected, seconds = undisturbed
    workspace = small_workspace(f"killed-{workers}")
    moments = random.Random(workers)
    killed = 0
    for _ in range(KILLS):
        process = start(workspace, workers)
        try:
            process.wait(moments.uniform(0.2, seconds))
        except subprocess.TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.communicate()
    assert killed >= KILLS // 2
    process = start(workspace, workers)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert digest(workspace) == expected
    assert not list(workspace.rglob(".*.tmp"))
    assert not list((workspace / "exports").glob(".*.partial"))
