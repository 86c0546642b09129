"""The registries' own clients: pip, npm, apt. Each puts one archive into a folder and says which version it is.

A client is started with arguments, never through a shell. It uses the user's own configuration (indexes, proxies,
certificates). Cost: one process a package.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

import orjson

from forge.errors import StepError
from forge_sources.packages import npm_output
from forge_sources.packages.spec import PackageSpec

PLUGIN = "packages"
CLIENT_SECONDS = 900
GET_PROGRAM: Mapping[str, str] = {
    "pip": "run `python -m ensurepip` in this environment",
    "npm": "install Node.js, which brings npm; or leave npm: packages out",
    "apt-get": "apt is part of Debian and its kin; elsewhere leave apt: packages out",
}

_WHEEL_FLAGS = ("--only-binary", ":all:", "--platform", "any", "--implementation", "py", "--abi", "none")
"""Pure-Python wheels only: they are the same file on every machine, where a compiled one differs by platform."""

_SDIST_FLAGS = ("--no-binary", ":all:", "--no-build-isolation", "--use-pep517")


def pip_wheel(spec: PackageSpec, folder: Path) -> str:
    """The wheel that every platform shares."""
    _pip(spec, folder, flags=_WHEEL_FLAGS, environment={})
    return _only_file(folder).name.split("-")[1]


def pip_sdist(spec: PackageSpec, folder: Path) -> str:
    """The source distribution; `packages_backend` stands in for its build backend."""
    from forge_sources.packages import backend as packages_backend

    with tempfile.TemporaryDirectory() as path:
        shutil.copyfile(packages_backend.__file__, Path(path) / "sitecustomize.py")
        paths = os.pathsep.join(filter(None, (path, os.environ.get("PYTHONPATH"))))
        _pip(spec, folder, flags=_SDIST_FLAGS, environment={"PYTHONPATH": paths})
    name = _only_file(folder).name
    stem = name.removesuffix(".zip").removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz").removesuffix(".tar")
    return stem.removesuffix(".tgz").rpartition("-")[2]


def _pip(spec: PackageSpec, folder: Path, *, flags: Sequence[str], environment: Mapping[str, str]) -> None:
    wanted = f"{spec.name}=={spec.version}" if spec.version else spec.name
    command = [sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "download", "--no-deps"]
    command += ["--ignore-requires-python", "--dest", str(folder), *flags, wanted]
    done = _run(command, spec=spec, folder=folder, environment=environment)
    if done.returncode:
        if "No module named pip" in done.stderr:
            raise StepError(f"pip is missing; {GET_PROGRAM['pip']}", plugin=PLUGIN, step="collect", record=str(spec))
        hint = "; if it ships no pure-Python wheel, write pip-sdist:" if spec.registry == "pip" else ""
        raise _failed(spec, done.stderr, hint=hint)


def npm_pack(spec: PackageSpec, folder: Path) -> str:
    """The tarball as it was published; its scripts are not run."""
    wanted = f"{spec.name}@{spec.version}" if spec.version else spec.name
    command = [_program("npm", spec), "pack", wanted, "--json", "--ignore-scripts", "--pack-destination", str(folder)]
    done = _run(command, spec=spec, folder=folder)
    if done.returncode:
        raise _not_fetched(spec, npm_output.cause(done.stderr))
    answer = orjson.loads(done.stdout)
    entries = list(answer.values()) if isinstance(answer, dict) else answer
    return str(entries[0]["version"])


def apt_download(spec: PackageSpec, folder: Path) -> str:
    """The Debian package; lists of its own, in a folder that goes away, where the system has none that know it."""
    program = _program("apt-get", spec)
    wanted = f"{spec.name}={spec.version}" if spec.version else spec.name
    done = _run([program, "--quiet", "download", wanted], spec=spec, folder=folder)
    if done.returncode:
        with tempfile.TemporaryDirectory() as path:
            private = _private_apt(Path(path))
            updated = _run([program, "--quiet", *private, "update"], spec=spec, folder=folder)
            if updated.returncode:
                raise _failed(spec, updated.stderr)
            done = _run([program, "--quiet", *private, "download", wanted], spec=spec, folder=folder)
    if done.returncode:
        raise _failed(spec, done.stderr)
    return unquote(_only_file(folder).name.split("_")[1])


def _private_apt(folder: Path) -> list[str]:
    """Options that make apt keep its state in ``folder``, which needs no root."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True)
    settings = (f"Dir::State::Lists={folder}/lists", f"Dir::Cache={folder}/cache", "Debug::NoLocking=1")
    return [word for setting in (*settings, "APT::Sandbox::User=") for word in ("-o", setting)]


CLIENTS: Mapping[str, Callable[[PackageSpec, Path], str]] = {
    "pip": pip_wheel,
    "pip-sdist": pip_sdist,
    "npm": npm_pack,
    "apt": apt_download,
}


def _run(
    command: Sequence[str], *, spec: PackageSpec, folder: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a client in ``folder``, where no project file of the user's has a say."""
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=CLIENT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"the client took more than {CLIENT_SECONDS} s; run the same command again"
        raise StepError(message, plugin=PLUGIN, step="collect", record=str(spec)) from error


def _program(name: str, spec: PackageSpec) -> str:
    program = shutil.which(name)
    if program is None:
        message = f"{name} is not on the PATH; {GET_PROGRAM[name]}"
        raise StepError(message, plugin=PLUGIN, step="collect", record=str(spec))
    return program


def _failed(spec: PackageSpec, stderr: str, *, hint: str = "") -> StepError:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    telling = [line for line in lines if line.lower().startswith(("error", "e:"))] or lines
    why = "; ".join(line[:200] for line in telling[-2:])
    return _not_fetched(spec, f"{why or 'the client says nothing'}{hint and hint + spec.name}")


def _not_fetched(spec: PackageSpec, why: str) -> StepError:
    message = f"could not be fetched: {why}"
    return StepError(message, plugin=PLUGIN, step="collect", record=str(spec))


def _only_file(folder: Path) -> Path:
    return next(path for path in sorted(folder.iterdir()) if path.is_file())
