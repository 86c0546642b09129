"""Source ``packages``: code and prose from named packages of pip, npm and apt.

Each package is fetched once by its registry's own client, never installed, and read straight from the archive. A file
that matches the patterns is one document; the licence is the one that the package's metadata states. Names without a
version are resolved once and kept at that version until the user asks for newer material.

Cost: the download, once; then about a second a 10 MB archive. Memory: one file.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from forge.errors import StepError
from forge.records import UNKNOWN_LICENSE, Document, Reject, stable_id
from forge.steps import Context, Partition, option

METADATA_BYTES = 4_000_000


@dataclass(frozen=True, kw_only=True)
class Packages:
    """Files of named packages as documents of code or prose."""

    name: ClassVar[str] = "packages"
    requires: ClassVar[Mapping[str, str]] = {
        "pip": "run `python -m ensurepip`; needed for pip: and pip-sdist: packages",
        "npm": "install Node.js, which brings npm; needed for npm: packages only",
        "apt-get": "part of Debian and its kin; needed for apt: packages only",
    }

    packages: list[str] = option(
        [], help="what to fetch: pip:NAME==VERSION (wheel), pip-sdist:NAME==VERSION, npm:NAME@VERSION, apt:NAME"
    )
    domain: Literal["code", "text"] = option("text", help="which share of the mix the documents count towards")
    include: list[str] = option([], help="globs of files to take; empty: the usual endings of the domain")
    exclude: list[str] = option([], help="globs of files to leave out")
    builtin_exclude: bool = option(
        True, help="also leave out tests, translations, vendored code, change logs, generated and legal files"
    )
    max_file_kb: int = option(400, help="pass over larger files, which are mostly data or generated", unit="kB")
    min_file_bytes: int = option(1, help="pass over smaller files", unit="bytes")
    plain: bool = option(False, help="also take .html, as the text of its main part")

    def __post_init__(self) -> None:
        from forge_sources.packages.spec import parse_spec

        specs = [parse_spec(text) for text in self.packages]
        if not specs:
            raise ValueError('packages is empty; name at least one, for example packages = ["pip-sdist:django==6.1.3"]')
        twice = [str(spec) for index, spec in enumerate(specs) if spec in specs[:index]]
        if twice:
            raise ValueError(f"{twice[0]} is named twice; keep one")

    def plan(self, context: Context) -> str:
        """What would be fetched and what the cache holds."""
        from forge_sources.packages.fetch import cached
        from forge_sources.packages.spec import parse_spec

        specs = [parse_spec(text) for text in self.packages]
        missing = [str(spec) for spec in specs if cached(spec, context.cache) is None]
        if not missing:
            return f"reads {len(specs)} packages from the cache; fetches nothing"
        return f"fetches {len(missing)} of {len(specs)} packages, once: {', '.join(missing)}"

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One partition a package; fetches what the cache lacks.

        Raises:
            StepError: a registry's client is missing or failed, or two names stand for one package.
            WorkspaceError: the disk is full.
        """
        from forge_sources.packages.fetch import fetch_all
        from forge_sources.packages.spec import parse_spec

        specs = [parse_spec(text) for text in self.packages]
        found = fetch_all(specs, cache=context.cache, refresh=context.refresh, log=context.log)
        for index, archive in enumerate(found):
            if any(archive.package == earlier.package for earlier in found[:index]):
                message = f"packages names {archive.package} twice, as {specs[index]} too; keep one"
                raise StepError(message, plugin=self.name, step="collect")
        return [
            Partition(
                key=spec.key,
                fingerprint=stable_id(archive.package, archive.sha256),
                items=(archive.package, archive.name, archive.version, archive.file),
                size=archive.bytes,
            )
            for spec, archive in zip(specs, found, strict=True)
        ]

    def records(self, partition: Partition, context: Context) -> Iterator[Document | Reject]:
        """The package's files that match, in the archive's order; what is no UTF-8 text is a `Reject`.

        Raises:
            StepError: the archive is damaged.
        """
        from forge_sources.packages.archive import members
        from forge_sources.packages.text import decoded, language_of, prose_of_html

        package, name, version, file = partition.items
        archive = context.cache / file
        if not archive.is_file():
            raise StepError(f"{archive}: gone from the cache; run the same command again to fetch it", record=package)
        stated = package_license(archive, package.partition(":")[0])
        for member in members(archive, wanted=self._is_wanted(), limit=self.max_file_kb * 1000):
            locator = f"{package}:{member.path}"
            if member.problem:
                yield Reject(locator=locator, reason=member.problem)
                continue
            if len(member.data) < self.min_file_bytes:
                continue
            text = decoded(member.data)
            if text is None:
                yield Reject(locator=locator, reason="is not UTF-8 text")
                continue
            language = language_of(member.path)
            yield Document(
                id=stable_id(self.name, self.domain, package, member.path),
                domain=self.domain,
                kind="code" if self.domain == "code" else "prose",
                text=prose_of_html(text) if language == "html" else text,
                source=self.name,
                url=locator,
                license=stated,
                meta={"package": name, "version": version, "path": member.path, "language": language},
            )

    def _is_wanted(self) -> Callable[[str], bool]:
        from forge_sources.packages.text import EXCLUDE, INCLUDE, matcher

        include = matcher([*(self.include or INCLUDE[self.domain]), *(["*.html"] if self.plain else [])])
        exclude = matcher([*self.exclude, *(EXCLUDE if self.builtin_exclude else ())])
        return lambda path: include(path) and not exclude(path)


def package_license(archive: Path, registry: str) -> str:
    """The licence that an archive's metadata states; its licence file decides where the metadata does not.

    Raises:
        StepError: the archive is damaged.
    """
    from forge_sources.packages.archive import members
    from forge_sources.packages.license import is_license_text, is_metadata, stated_license

    in_doubt: list[str] = []
    for member in members(archive, wanted=lambda path: is_metadata(path, registry), limit=METADATA_BYTES):
        found = stated_license(member.path, member.data)
        if found != UNKNOWN_LICENSE and not is_license_text(member.path):
            return found
        in_doubt.append(found)
    known = set(in_doubt) - {UNKNOWN_LICENSE}
    return known.pop() if len(known) == 1 else UNKNOWN_LICENSE
