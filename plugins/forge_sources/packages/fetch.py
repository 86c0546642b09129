"""A package's archive, fetched once by the registry's own client and kept: nothing is installed, nothing of it is run.

``CACHE/packages/KEY/`` holds an archive and ``lock.json``, written last: what the name resolved to, with the archive's
sha256. While it is there no client is started and no network touched. Cost: one process a package, half a second of
CPU and the download; later one small file.
"""

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from forge.errors import StepError
from forge.files import flush, write_bytes
from forge_sources.cache_folder import temporary_folder
from forge_sources.packages.clients import CLIENTS, PLUGIN
from forge_sources.packages.spec import PackageSpec

LOCK = "lock.json"
AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An archive in the cache.

    Attributes:
        package: the package at the version that was fetched, as `PackageSpec` writes it.
        name, version: of the package.
        file: the archive, relative to the cache. bytes: its size. sha256: of its bytes.
    """

    package: str
    name: str
    version: str
    file: str
    bytes: int
    sha256: str


def cached(spec: PackageSpec, cache: Path) -> Fetched | None:
    """What the cache holds for ``spec``; None if nothing whole."""
    lock = _folder(spec, cache) / LOCK
    if not lock.is_file():
        return None
    found = Fetched(**orjson.loads(lock.read_bytes()))
    archive = cache / found.file
    return found if archive.is_file() and archive.stat().st_size == found.bytes else None


def fetch_all(
    specs: Sequence[PackageSpec], *, cache: Path, refresh: bool = False, log: Callable[[str], None]
) -> list[Fetched]:
    """The archives of ``specs``, in order; what is missing is fetched, four at a time.

    Args:
        refresh: resolve again the names that are not pinned to one version.

    Raises:
        StepError: a client is missing or failed; what others fetched stays in the cache.
        WorkspaceError: the disk is full.
    """
    found = {spec: cached(spec, cache) for spec in specs}
    missing = [spec for spec, archive in found.items() if archive is None or (refresh and not spec.is_pinned)]
    for spec in missing:
        log(f"fetching {spec}")
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        found.update(
            zip(
                missing,
                pool.map(lambda spec: fetch_one(spec, cache, client=CLIENTS[spec.registry]), missing),
                strict=True,
            )
        )
    return [archive for spec in specs if (archive := found[spec]) is not None]


def fetch_one(spec: PackageSpec, cache: Path, *, client: Callable[[PackageSpec, Path], str]) -> Fetched:
    """Let ``client`` put one archive into a folder of its own and say its version; then keep it.

    Raises:
        StepError: the client failed, or left something else than one file.
        WorkspaceError: the disk is full; nothing of it is left.
    """
    with temporary_folder(cache / "packages") as scratch:
        version = client(spec, scratch)
        archives = [path for path in scratch.iterdir() if path.is_file()]
        if len(archives) != 1:
            raise StepError(f"the client left {len(archives)} files, expected one", plugin=PLUGIN, record=str(spec))
        return _keep(spec, archives[0], version=version, cache=cache)


def _keep(spec: PackageSpec, archive: Path, *, version: str, cache: Path) -> Fetched:
    """Put the archive in its place, then the lock that vouches for it."""
    folder = _folder(spec, cache)
    folder.mkdir(parents=True, exist_ok=True)
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    place = folder / archive.name
    fetched = Fetched(
        package=str(spec.at(version)),
        name=spec.name,
        version=version,
        file=place.relative_to(cache).as_posix(),
        bytes=archive.stat().st_size,
        sha256=digest,
    )
    flush(archive)
    archive.replace(place)
    flush(folder)
    note = orjson.dumps(asdict(fetched), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
    write_bytes(folder / LOCK, note)
    return fetched


def _folder(spec: PackageSpec, cache: Path) -> Path:
    return cache / "packages" / spec.key
