"""An npm package fetched once by npm itself, checked, unpacked, and kept.

The tarball is compared with the integrity that npm states, unpacked under limits of size and number,
regular files only, and put in place by a rename: a folder that exists is whole. Cost: the download, once; later a stat.
"""

import base64
import datetime
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from forge.errors import StepError
from forge.files import write_bytes
from forge_sources.cache_folder import temporary_folder
from forge_sources.packages import npm_output
from forge_sources.spec_files import UNREADABLE, hashes

MARKER = "fetched.json"
MOST_BYTES = 4_000_000_000
MOST_MEMBERS = 200_000
NPM_SECONDS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """A package on disk.

    Attributes:
        folder: where it was unpacked; npm tarballs hold one folder ``package``.
        retrieved_at: ISO 8601 date of the download; None for a tarball that the user gave.
    """

    folder: Path
    retrieved_at: str | None


def from_registry(name: str, version: str, *, cache: Path, plugin: str) -> Unpacked:
    """Package ``name`` at ``version``, from ``cache`` or by ``npm pack``.

    Raises:
        StepError: npm is missing or failed, or the tarball is not what npm says it is.
        WorkspaceError: the disk is full.
    """
    folder = _place(name, version, cache)
    if not (folder / MARKER).is_file():
        with temporary_folder(cache / "npm") as scratch:
            packed = _pack(f"{name}@{version}", scratch, plugin=plugin)
            tarball = scratch / Path(packed["filename"]).name
            _check_integrity(tarball, str(packed.get("integrity", "")), plugin=plugin)
            note = {"name": name, "version": version, "integrity": packed["integrity"], "retrieved_at": _today()}
            _unpack(tarball, folder, note=note, plugin=plugin)
    return _opened(folder)


def is_fetched(name: str, version: str, *, cache: Path) -> bool:
    """Whether `from_registry` would need no network."""
    return (_place(name, version, cache) / MARKER).is_file()


def from_tarball(tarball: Path, *, cache: Path, plugin: str) -> Unpacked:
    """A tarball that the user has, unpacked into ``cache`` under the hash of its bytes.

    Raises:
        StepError: it is no tarball, ends early, or may not be read.
        WorkspaceError: the disk is full.
    """
    ((digest, _),) = hashes([tarball])
    if digest == UNREADABLE:
        raise StepError(f"{tarball} cannot be read; mend its permissions", plugin=plugin, step="collect")
    folder = cache / "npm" / f"tarball-{digest}"
    if not (folder / MARKER).is_file():
        _unpack(tarball, folder, note={"name": tarball.name, "retrieved_at": None}, plugin=plugin)
    return _opened(folder)


def newest_version(name: str, *, cache: Path, refresh: bool, plugin: str) -> str:
    """The newest version by npm; asked once and remembered until ``refresh``."""
    remembered = cache / "npm" / f"{_safe(name)}.newest.json"
    if remembered.is_file() and not refresh:
        return str(orjson.loads(remembered.read_bytes()))
    answer = _npm(["view", name, "version", "--json"], plugin=plugin)
    if not isinstance(answer, str):
        raise StepError(f"npm knows no single newest version of {name}; set version=", plugin=plugin, step="collect")
    write_bytes(remembered, orjson.dumps(answer))
    return answer


def _opened(folder: Path) -> Unpacked:
    note = orjson.loads((folder / MARKER).read_bytes())
    return Unpacked(folder=folder, retrieved_at=note["retrieved_at"])


def _place(name: str, version: str, cache: Path) -> Path:
    return cache / "npm" / f"{_safe(name)}-{_safe(version)}"


def _safe(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in ".-_" else "_" for letter in text)


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def _pack(wanted: str, scratch: Path, *, plugin: str) -> dict[str, Any]:
    answer = _npm(["pack", wanted, "--json", "--ignore-scripts", "--pack-destination", str(scratch)], plugin=plugin)
    entries = list(answer.values()) if isinstance(answer, dict) else answer
    if not isinstance(entries, list) or len(entries) != 1 or "filename" not in entries[0]:
        raise StepError(f"npm pack {wanted} answered with something else than one file", plugin=plugin, step="collect")
    packed: dict[str, Any] = entries[0]
    return packed


def _npm(arguments: list[str], *, plugin: str) -> Any:
    """Standard output of npm as JSON."""
    program = shutil.which("npm")
    if program is None:
        raise StepError(
            "npm is not on the PATH; install Node.js with npm, or go without it: set path= to an unpacked copy or "
            "tarball of the package, or live = true",
            plugin=plugin,
            step="collect",
        )
    with tempfile.TemporaryDirectory() as elsewhere:  # no package.json of the user's has a say
        try:
            done = subprocess.run(
                [program, *arguments], cwd=elsewhere, capture_output=True, timeout=NPM_SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            message = f"npm {arguments[0]} took more than {NPM_SECONDS} s; try again, or set path="
            raise StepError(message, plugin=plugin, step="collect") from error
    if done.returncode:
        why = npm_output.cause(done.stderr.decode(errors="replace"))
        raise StepError(
            f"npm {' '.join(arguments[:2])} failed: {why}; try again, or set path= to a copy of the package",
            plugin=plugin,
            step="collect",
        )
    try:
        return orjson.loads(done.stdout)
    except orjson.JSONDecodeError as error:
        raise StepError(f"npm {arguments[0]} did not answer with JSON", plugin=plugin, step="collect") from error


def _check_integrity(tarball: Path, integrity: str, *, plugin: str) -> None:
    algorithm, _, expected = integrity.partition("-")
    if algorithm != "sha512" or not expected:
        raise StepError(f"npm states no sha512 for {tarball.name}", plugin=plugin, step="collect")
    found = base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != expected:
        raise StepError(
            f"{tarball.name}: expected sha512 {expected}, found {found}; run again to fetch it anew",
            plugin=plugin,
            step="collect",
        )


def _unpack(tarball: Path, folder: Path, *, note: dict[str, Any], plugin: str) -> None:
    """Unpack ``tarball`` as ``folder``, whole or not at all; if another process was first, its copy stays."""
    with temporary_folder(folder.parent) as scratch:
        fresh = scratch / "fresh"
        fresh.mkdir()
        try:
            with tarfile.open(tarball, "r|*") as archive:
                for member in _bounded(archive):
                    _extract(archive, member, fresh)
        except (tarfile.TarError, EOFError, zlib.error) as error:
            raise StepError(
                f"{tarball}: not a whole tarball ({error}); fetch it again", plugin=plugin, step="collect"
            ) from error
        (fresh / MARKER).write_bytes(orjson.dumps(note, option=orjson.OPT_INDENT_2))
        try:
            fresh.rename(folder)
        except OSError:
            if not (folder / MARKER).is_file():
                raise


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one regular file below ``folder``; links and devices are left out, and directories made as needed.

    Not ``extractall``: its filters are missing from the first releases of Python 3.11.

    Raises:
        TarError: the member's name leads out of the folder.
    """
    stream = archive.extractfile(member) if member.isreg() else None
    if stream is None:
        return
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts:
        raise tarfile.TarError(f"the member {member.name!r} leads out of the folder")
    target = folder.joinpath(*name.parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("wb") as file:
        shutil.copyfileobj(stream, file)


def _bounded(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    total = 0
    for count, member in enumerate(archive):
        total += member.size
        if count >= MOST_MEMBERS or total > MOST_BYTES:
            raise tarfile.TarError(f"more than {MOST_MEMBERS} members or {MOST_BYTES / 1e9:g} GB")
        yield member
