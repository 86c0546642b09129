"""Source ``openapi``: any OpenAPI document, by path, folder, glob, address or from a package.

OpenAPI 2.0, 3.0 and 3.1, as JSON or YAML. References to other files are followed within the document's own folder (or
address) and never out of it. What needs a key names an environment variable: no secret stands in the recipe.

    [[source]]
    name = "openapi"
    specs = ["specs/*.yaml", "npm:@octokit/openapi@23.0.2/generated/api.github.com.json"]

Cost: the download, once; then some 150 microseconds an operation, JSON 300 MB and YAML 10 MB a second.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from forge.errors import StepError
from forge.records import UNKNOWN_LICENSE, ApiRecord, Reject
from forge.steps import Context, Partition, option

if TYPE_CHECKING:
    from forge_sources.openapi.entries import PackageFiles
    from forge_sources.openapi.places import Place


@dataclass(frozen=True, kw_only=True)
class OpenApiDocuments:
    """REST APIs from OpenAPI documents: files, addresses, packages."""

    name: ClassVar[str] = "openapi"

    specs: list[str] = option(
        [], help="paths, folders, globs, addresses, or files of packages such as npm:NAME@1.2.3/openapi.json"
    )
    provider: str = option("", help="who runs the API, whatever the documents say; empty: as they say")
    service: str = option("", help="the product within the provider, whatever the documents say")
    headers: dict[str, str] = option(
        {}, help="headers sent to the addresses, each the name of an environment variable: {X-Key = 'API_KEY'}"
    )
    package_license: bool = option(
        False, help="where a document states no licence, take the package's; for packages of the provider's own"
    )
    max_spec_mb: int = option(100, help="a larger document is rejected", unit="MB")

    def __post_init__(self) -> None:
        from forge_sources.openapi.entries import check_header, package_files

        if not self.specs:
            raise ValueError('specs is empty; name at least one, for example specs = ["openapi.yaml"]')
        for entry in self.specs:
            package_files(entry)
        for name, value in self.headers.items():
            check_header(name, value)

    def plan(self, context: Context) -> str:
        """What would be fetched, and what is there.

        Raises:
            StepError: a path or glob stands for no file.
        """
        from forge_sources.openapi.entries import is_address, package_files, shown
        from forge_sources.openapi.fetch import is_harvested
        from forge_sources.openapi.places import files_below
        from forge_sources.packages.fetch import cached

        packages = [found.spec for entry in self.specs if (found := package_files(entry)) is not None]
        missing = [str(spec) for spec in dict.fromkeys(packages) if cached(spec, context.cache) is None]
        addresses = [entry for entry in self.specs if is_address(entry)]
        asked = [shown(entry) for entry in addresses if not is_harvested(entry, context.cache)]
        fetched = [*(f"{name} by its registry's client" for name in missing), *asked]
        paths = [entry for entry in self.specs if not is_address(entry) and package_files(entry) is None]
        local = sum(1 for entry in paths for _ in files_below(entry, context))
        kept = len(set(packages)) + len(addresses) - len(fetched)
        reads = [
            f"{count:,} {what}" for count, what in ((local, "files on disk"), (kept, "entries of the cache")) if count
        ]
        told = [f"reads {' and '.join(reads)}"] if reads else []
        asked_for = f"fetches, once, at most {self.max_spec_mb} MB a document: {', '.join(fetched)}"
        return "; ".join([*told, asked_for if fetched else "fetches nothing"])

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One partition a document, by its content and that of the files it refers to; fetches what is not cached.

        Raises:
            StepError: there is no such file or package, or a variable is not set.
            FetchError: an address is refused or cannot be reached.
        """
        from forge_sources.openapi.places import found_file, key_of

        partitions: dict[str, Partition] = {}
        for place in self._places(context):
            found = found_file(place, context, limit=self.max_spec_mb * 1_000_000)
            partitions[place.locator] = Partition(
                key=key_of(place.locator),
                fingerprint=found.fingerprint,
                items=(found.place.item(),),
                size=found.size,
            )
        return list(partitions.values())

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Reject]:
        """The document's operations, then a `Reject` for each reference that leads nowhere it may lead."""
        from forge_sources.openapi.opening import opened
        from forge_sources.openapi.parser import Origin, parse_document
        from forge_sources.openapi.places import neighbours_at, place_of, reader
        from forge_sources.spec_files import UnreadableSpec

        place = place_of(partition.items[0])
        limit = self.max_spec_mb * 1_000_000
        try:
            root = opened(reader(place, context, limit=limit)(place.base), place.base)
        except UnreadableSpec as error:
            yield Reject(locator=place.locator, reason=str(error))
            return
        if not place.named and not (isinstance(root, dict) and ("openapi" in root or "swagger" in root)):
            return  # a folder or glob also holds files that specifications refer to
        origin = Origin(
            source=self.name,
            locator=place.locator,
            provider=self.provider,
            service=self.service,
            overrides=True,
            license=place.license,
            license_evidence=place.license_evidence,
            url=place.url,
            retrieved_at=place.retrieved_at,
        )
        yield from parse_document(root, origin, neighbours=neighbours_at(place, context, limit=limit))

    def _places(self, context: Context) -> "Iterator[Place]":
        from forge_sources.openapi.entries import is_address, package_files
        from forge_sources.openapi.fetch import fetched_place
        from forge_sources.openapi.places import Place, files_below

        for entry in self.specs:
            wanted = package_files(entry)
            if wanted is not None:
                yield from self._of_package(wanted, context)
            elif is_address(entry):
                yield fetched_place(entry, self.headers, context, limit=self.max_spec_mb * 1_000_000)
            else:
                for root, base, named in files_below(entry, context):
                    locator = f"{root}/{base}" if root != "." else base
                    yield Place(area="workspace", root=root, base=base, locator=locator, named=named)

    def _of_package(self, wanted: "PackageFiles", context: Context) -> "Iterator[Place]":
        from forge_sources.openapi.fetch import unpacked
        from forge_sources.openapi.places import Place

        found = unpacked(wanted, context, limit=self.max_spec_mb * 1_000_000)
        if found.problems:
            path, why = next(iter(sorted(found.problems.items())))
            raise StepError(f"{path} {why}; leave it out", plugin=self.name, step="collect", record=found.package)
        for name in found.names:
            locator = f"{found.package}/{name}"
            named = name == wanted.pattern
            place = Place(area="cache", root=found.folder, base=name, locator=locator, named=named, url=locator)
            if self.package_license and found.license != UNKNOWN_LICENSE:
                place = replace(place, license=found.license, license_evidence=found.evidence)
            yield place
