"""Documents of the source ``openapi`` that come by address or in a package, fetched once and kept.

An address goes into a `Harvest` together with the files beside it that it refers to. A package's archive is fetched by
its registry's client (`packages_fetch`) and only the files that are wanted are taken out of it, under the limits of
`packages_archive`. Cost: the download; a package also one decompression.
"""

import datetime
import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from forge.errors import FetchError, StepError
from forge.files import write_bytes
from forge.records import UNKNOWN_LICENSE, stable_id
from forge.steps import Context, HttpRequest
from forge_sources.cache_folder import temporary_folder
from forge_sources.harvest import Harvest
from forge_sources.openapi.entries import PLUGIN, PackageFiles, address_of, secret_headers, shown
from forge_sources.openapi.external import Read, neighbours_of
from forge_sources.openapi.places import Place
from forge_sources.spec_files import UnreadableSpec

MARKER = ".unpacked.json"
PASSES = 4
"""How often an archive is gone through for files that the ones before refer to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpacked:
    """Files of a package.

    Attributes:
        folder: where they lie, relative to the cache. package: what it is, with its version.
        names: those that match the pattern. problems: by path, why a file was left out.
        license, evidence: of the package.
    """

    folder: str
    package: str
    names: list[str]
    problems: dict[str, str]
    license: str
    evidence: str


def harvest_of(entry: str, cache: Path, *, refresh: bool = False) -> Harvest:
    """The pages of one address; no secret bears on their place."""
    return Harvest(cache, source=PLUGIN, options=(shown(entry),), refresh=refresh)


def fetched_place(entry: str, headers: Mapping[str, str], context: Context, *, limit: int) -> Place:
    """Fetch the document at an address, and what it refers to beside it, unless the harvest holds them.

    Raises:
        StepError: a variable is not set. FetchError: the server refuses it or cannot be reached.
    """
    harvest = harvest_of(entry, context.cache, refresh=context.refresh)
    root, base = _split(shown(entry))
    if harvest.finished is None:
        ask = _asker(entry, headers, context, limit=limit)
        folder, _ = _split(address_of(entry, context.secret))

        def read(name: str) -> bytes:
            page = harvest.get(name)
            return page.body if page else harvest.keep(name, ask(folder, name)).body

        if harvest.get(base) is None:
            harvest.keep(base, ask("", base))
        neighbours_of(base, read, address=root)
        harvest.finish(retrieved_at=datetime.datetime.now(datetime.UTC).date().isoformat())
    facts = harvest.finished or {}
    return Place(
        area="harvest",
        root=shown(entry),
        base=base,
        locator=shown(entry),
        named=True,
        address=root,
        url=shown(entry),
        retrieved_at=facts.get("retrieved_at"),
    )


def harvest_reader(entry: str, cache: Path, *, limit: int) -> Read:
    """A function that reads a page of an address' harvest."""
    harvest = harvest_of(entry, cache)

    def read(name: str) -> bytes:
        page = harvest.get(name)
        if page is None:
            raise UnreadableSpec("is not in the cache; run the same command again to fetch it")
        if len(page.body) > limit:
            raise UnreadableSpec(f"larger than {limit / 1e6:g} MB")
        return page.body

    return read


def _split(address: str) -> tuple[str, str]:
    """The address of the folder, with its slash and without a query, and the document's name in it."""
    parts = urlsplit(address)
    folder, _, name = parts.path.rpartition("/")
    return urlunsplit((parts.scheme, parts.netloc, f"{folder}/", "", "")), name or "index"


def _asker(entry: str, headers: Mapping[str, str], context: Context, *, limit: int) -> Callable[[str, str], bytes]:
    secrets = secret_headers(headers, context.secret)

    def ask(folder: str, name: str) -> bytes:
        """The entry's own body where there is no folder; else the body of a file beside it."""
        address = f"{folder}{name}" if folder else address_of(entry, context.secret)
        request = HttpRequest(url=address, secret_headers=secrets, limit=limit, refresh=context.refresh)
        answer = context.http.fetch(request)
        if answer.status < 400:
            return answer.body
        if folder:
            raise UnreadableSpec(f"the server answered {answer.status}")
        hint = "; name its key under headers" if answer.status in (401, 403) else ""
        message = f"the server answered {answer.status}; check the address{hint}"
        raise FetchError(message, plugin=PLUGIN, step="collect", record=shown(entry))

    return ask


def unpacked(wanted: PackageFiles, context: Context, *, limit: int) -> Unpacked:
    """The files of a package that match, and those that they refer to, taken out of its archive once.

    Raises:
        StepError: the registry's client failed, the archive is damaged or a bomb, or no file of it matches.
        WorkspaceError: the disk is full.
    """
    from forge_sources.packages.fetch import fetch_all

    (archive,) = fetch_all([wanted.spec], cache=context.cache, refresh=context.refresh, log=context.log)
    key = stable_id(archive.sha256, wanted.pattern, str(limit))[:16]
    folder = context.cache / "openapi" / key
    if not (folder / MARKER).is_file():
        with temporary_folder(folder.parent) as scratch:
            fresh = scratch / "fresh"
            fresh.mkdir()
            found = _take_out(context.cache / archive.file, wanted.pattern, fresh, limit=limit)
            if not found.names and not found.problems:
                message = f"no file of at most {limit / 1e6:g} MB in {archive.package} matches {wanted.pattern!r}"
                raise StepError(message, plugin=PLUGIN, step="collect", record=str(wanted.spec))
            note = replace(found, package=archive.package, folder=f"openapi/{key}")
            write_bytes(fresh / MARKER, msgspec.json.encode(_with_license(note, context.cache / archive.file)))
            if not (folder / MARKER).is_file():
                fresh.rename(folder)
    return msgspec.json.decode((folder / MARKER).read_bytes(), type=Unpacked)


def _with_license(note: Unpacked, archive: Path) -> Unpacked:
    from forge_sources.packages.source import package_license

    stated = package_license(archive, note.package.partition(":")[0])
    return note if stated == UNKNOWN_LICENSE else replace(note, license=stated, evidence=f"{note.package}: {stated}")


def _take_out(archive: Path, pattern: str, folder: Path, *, limit: int) -> Unpacked:
    """Write the members that match ``pattern`` below ``folder``, then those that they refer to, until all are there."""
    from forge_sources.packages.archive import members

    problems: dict[str, str] = {}
    taken: set[str] = set()

    def take(wanted: Callable[[str], bool]) -> None:
        for member in members(archive, wanted=wanted, limit=limit):
            if member.problem:
                problems[member.path] = member.problem
                continue
            target = folder.joinpath(*Path(member.path).parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(member.data)
            taken.add(member.path)

    take(lambda path: matches(path, pattern))
    names = sorted(taken)
    for _ in range(PASSES):
        missing = _missing(names, folder, taken)
        if not missing:
            break
        take(missing.__contains__)
        if not missing & taken:
            break
    return Unpacked(folder="", package="", names=names, problems=problems, license=UNKNOWN_LICENSE, evidence="")


def _missing(names: list[str], folder: Path, taken: set[str]) -> set[str]:
    """Paths that the documents and their neighbours refer to and that were not taken out yet."""
    missing: set[str] = set()

    def read(name: str) -> bytes:
        if name not in taken:
            missing.add(name)
            raise UnreadableSpec("not yet")
        return (folder / name).read_bytes()

    for name in names:
        neighbours_of(name, read)
    return missing


def matches(path: str, pattern: str) -> bool:
    """Whether a member's path is the pattern, or matches it as a glob (``*`` also spans folders)."""
    return path == pattern or fnmatch.fnmatchcase(path, pattern)


def is_harvested(entry: str, cache: Path) -> bool:
    """Whether `fetched_place` would need no network."""
    return harvest_of(entry, cache).finished is not None
