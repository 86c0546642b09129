"""Source ``python-modules``: functions, classes and methods of Python distributions, read by griffe, never imported.

``distributions`` names what is installed (``httpx``) or what pip fetches and nobody installs: ``pip:NAME==VERSION``, a
wheel that every platform shares; ``pip-sdist:NAME==VERSION``, the source distribution. A partition is a distribution.

Cost: some 1 to 3 ms of CPU a function, most of it griffe's; memory: the largest package's syntax (numpy: some 100 MB).
"""

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from forge.errors import StepError
from forge.records import ApiRecord, Reject, stable_id
from forge.steps import Context, Partition, option

if TYPE_CHECKING:
    from forge_sources.packages.spec import PackageSpec

_TESTS = ("*.tests", "*.tests.*", "*.test", "*.test.*", "*.conftest", "*.benchmarks", "*.benchmarks.*", "*._vendor.*")


@dataclass(frozen=True, kw_only=True)
class PythonModules:
    """Functions, classes and methods of Python distributions, from their sources, stubs and docstrings."""

    name: ClassVar[str] = "python-modules"
    requires: ClassVar[Mapping[str, str]] = {"pip": "run `python -m ensurepip`; needed for pip: and pip-sdist: names"}

    distributions: list[str] = option(
        [], help="installed distributions by name, or pip:NAME==VERSION, pip-sdist:NAME==VERSION to fetch one"
    )
    include: list[str] = option(
        [], help="globs of dotted modules to take, such as numpy.linalg*; empty: all public ones"
    )
    exclude: list[str] = option(list(_TESTS), help="globs of dotted modules to leave out")
    docstring_style: Literal["auto", "google", "numpy", "sphinx"] = option(
        "auto", help="style of the docstrings; auto: found for each one"
    )
    max_file_kb: int = option(4_000, help="pass over larger files of fetched distributions", unit="kB")

    def __post_init__(self) -> None:
        if not self.distributions:
            raise ValueError('distributions is empty; name at least one, for example distributions = ["httpx"]')
        for text in self.distributions:
            _spec(text)

    def plan(self, context: Context) -> str:
        """What would be read and fetched.

        Raises:
            StepError: one is not installed.
        """
        from forge_sources.packages.fetch import cached
        from forge_sources.python_modules.files import installed

        for text in self.distributions:
            if _spec(text) is None:
                installed(text, plugin=self.name)
        specs = [spec for text in self.distributions if (spec := _spec(text)) is not None]
        missing = [str(spec) for spec in specs if cached(spec, context.cache) is None]
        there = len(self.distributions) - len(missing)
        if not missing:
            return f"reads {there} distributions as they are installed or cached; fetches nothing"
        return (
            f"fetches {len(missing)} distributions by `pip download --no-deps`, once: {', '.join(missing)}; has {there}"
        )

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One partition a distribution, by content; fetches what the cache lacks.

        Raises:
            StepError: one is not installed, pip failed, or two names stand for one distribution.
        """
        from forge_sources.packages.fetch import fetch_all
        from forge_sources.python_modules.files import fingerprint, installed

        specs = {text: spec for text in self.distributions if (spec := _spec(text)) is not None}
        archives = fetch_all(list(specs.values()), cache=context.cache, refresh=context.refresh, log=context.log)
        fetched = dict(zip(specs, archives, strict=True))
        partitions = []
        for text in self.distributions:
            spec = specs.get(text)
            if spec is not None:
                archive = fetched[text]
                key, digest, size = spec.key, stable_id(archive.package, archive.sha256), archive.bytes
                items: tuple[str, ...] = (text, archive.name, archive.version, archive.file)
            else:
                found = installed(text, plugin=self.name)
                digest, size = fingerprint(found.root, found.files)
                key, items = f"installed-{found.name.lower()}", (text, found.name, found.version)
            partitions.append(Partition(key=key, fingerprint=digest, items=items, size=size))
        twice = {
            p.items[1].lower()
            for p in partitions
            if [q.items[1].lower() for q in partitions].count(p.items[1].lower()) > 1
        }
        if twice:
            message = f"distributions names {', '.join(sorted(twice))} more than once; keep one"
            raise StepError(message, plugin=self.name, step="collect")
        return partitions

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Reject]:
        """The distribution's public callables, by path; a `Reject` for each module that cannot be read.

        Raises:
            StepError: the archive is gone or damaged, or the distribution is not installed any more.
        """
        from forge_sources.packages.evidence import stated_with_evidence, wheel_license
        from forge_sources.python_modules.files import installed, unpacked

        text, name, version = partition.items[:3]
        if len(partition.items) == 3:
            found = installed(text, plugin=self.name)
            stated = stated_with_evidence(found.metadata)
            shared = self._shared((name, version), stated, url=found.home or None)
            yield from self._modules(found.root, found.files, shared)
            return
        archive = context.cache / partition.items[3]
        if not archive.is_file():
            raise StepError(f"{archive}: gone from the cache; run the same command again to fetch it", plugin=self.name)
        shared = self._shared((name, version), wheel_license(archive), url=None)
        with unpacked(archive, limit=self.max_file_kb * 1000) as (root, files, problems):
            for path, problem in problems:
                yield Reject(locator=f"{name}=={version}:{path}", reason=problem)
            yield from self._modules(root, files, shared)

    def _shared(self, release: tuple[str, str], stated: tuple[str, str], *, url: str | None) -> dict[str, Any]:
        name, version = release
        return {
            "provider": name,
            "license": stated[0],
            "license_evidence": stated[1] and f"{name} {version}: {stated[1]}",
            "source": self.name,
            "version": version,
            "url": url,
        }

    def _modules(self, root: Path, files: Sequence[str], shared: Mapping[str, Any]) -> Iterator[ApiRecord | Reject]:
        from forge_sources.python_modules.files import tops
        from forge_sources.python_modules.record import record
        from forge_sources.python_modules.walk import Unloadable, load, public, unread

        for top in tops(files):
            if top.startswith("_"):
                continue
            try:
                module = load(top, search=root)
            except Unloadable as error:
                yield Reject(locator=f"{shared['provider']}:{top}", reason=str(error))
                continue
            inside = [file for file in files if file.startswith(f"{top.replace('.', '/')}/")]
            for file, reason in unread(module, root=root, files=inside):
                yield Reject(locator=f"{shared['provider']}=={shared['version']}:{file}", reason=reason)
            for found in public(module, wanted=self._is_wanted):
                yield record(found, {**shared, "service": top}, style=self.docstring_style)

    def _is_wanted(self, module: str) -> bool:
        if self.include and not any(fnmatch.fnmatchcase(module, pattern) for pattern in self.include):
            return False
        return not any(fnmatch.fnmatchcase(module, pattern) for pattern in self.exclude)


def _spec(text: str) -> "PackageSpec | None":
    """What to fetch; None for the name of an installed distribution.

    Raises:
        ValueError: it is neither.
    """
    from forge_sources.packages.spec import parse_spec

    registry = text.partition(":")[0]
    spec = parse_spec(text if ":" in text else f"pip:{text}")
    if ":" not in text:
        if spec.version:
            raise ValueError(
                f"{text!r}: an installed distribution has the version it has; write pip:{text} to fetch one"
            )
        return None
    if registry not in ("pip", "pip-sdist"):
        raise ValueError(
            f"{text!r} is no Python distribution; write NAME, pip:NAME==VERSION or pip-sdist:NAME==VERSION"
        )
    return spec
