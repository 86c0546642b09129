"""A distribution's Python files where griffe can read them: as they are installed, or unpacked for a while.

Nothing is installed and nothing is run. Of a wheel or source distribution only ``.py`` and ``.pyi`` files are unpacked,
within limits and never outside their folder. Cost: for an installed distribution the reading of its list of files; for
a fetched one the unpacking of its sources.
"""

import importlib.metadata
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forge.errors import StepError
from forge_sources import spec_files

SUFFIXES = (".py", ".pyi")
_NO_PACKAGES = frozenset(
    [
        "test",
        "tests",
        "testing",
        "doc",
        "docs",
        "example",
        "examples",
        "benchmark",
        "benchmarks",
        "bench",
        "scripts",
        "tools",
        "build",
        "dist",
        "ci",
    ]
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An installed distribution.

    Attributes:
        root: the folder that its files are relative to.
        files: its Python files, sorted, relative to the root.
        metadata: path and bytes of its metadata and licence files.
        home: address of its documentation, or of its home page; empty if it states none.
    """

    name: str
    version: str
    root: Path
    files: Sequence[str]
    metadata: Sequence[tuple[str, bytes]]
    home: str


def installed(name: str, *, plugin: str) -> Installed:
    """The installed distribution ``name``.

    Raises:
        StepError: it is not installed, or lists no Python files (as editable installations do not).
    """
    from forge_sources.packages.license import is_metadata

    try:
        found = importlib.metadata.distribution(name)
    except (importlib.metadata.PackageNotFoundError, ValueError) as error:
        hint = f'write "pip:{name}" to fetch it, or install it'
        raise StepError(f"{name} is not installed; {hint}", plugin=plugin, step="collect") from error
    listed = [file.as_posix() for file in found.files or ()]
    files = sorted(file for file in listed if file.endswith(SUFFIXES) and not file.startswith(("../", "/")))
    if not any(_top_of(file) for file in files):
        message = f"{name} lists no Python files (is it installed in editable mode?); write pip:{name} to fetch it"
        raise StepError(message, plugin=plugin, step="collect")
    root = Path(str(found.locate_file("")))
    metadata = [
        (file, (root / file).read_bytes())
        for file in sorted(listed)
        if is_metadata(file, "pip") or _is_license_of_wheel(file)
        if (root / file).is_file()
    ]
    return Installed(
        name=found.metadata["Name"],
        version=found.version,
        root=root,
        files=files,
        metadata=metadata,
        home=home_of(found.metadata.get_all("Project-URL") or [], (found.metadata.get_all("Home-page") or [""])[0]),
    )


def _is_license_of_wheel(file: str) -> bool:
    return ".dist-info/licenses/" in file


def home_of(project_urls: Sequence[str], home_page: str) -> str:
    """The address of the documentation among a distribution's project URLs, else of its home page."""
    pairs = [str(line).partition(",")[::2] for line in project_urls]
    by_label = {label.strip().lower(): url.strip() for label, url in pairs}
    for label in ("documentation", "docs", "homepage", "home", "source", "repository"):
        if by_label.get(label, "").startswith(("http://", "https://")):
            return by_label[label]
    return home_page if home_page.startswith(("http://", "https://")) else ""


def tops(files: Sequence[str]) -> list[str]:
    """The importable top modules among ``files``, sorted; of a namespace without an ``__init__`` the packages in it."""
    found = {_top_of(file) for file in files} - {""}
    packages = {file.rpartition("/")[0] for file in files if file.rpartition("/")[2] in ("__init__.py", "__init__.pyi")}
    named: set[str] = set()
    for top in found:
        if top in packages or f"{top}.py" in files or f"{top}.pyi" in files:
            named.add(top)
            continue
        inside = sorted(package for package in packages if package.startswith(f"{top}/"))
        outermost = [p for p in inside if not any(p.startswith(f"{other}/") for other in inside)]
        named.update(package.replace("/", ".") for package in outermost)
    return sorted(named)


def _top_of(file: str) -> str:
    head = file.partition("/")[0]
    name = head.rpartition(".")[0] if "/" not in file else head
    name = name.removesuffix("-stubs")
    return name if _NAME.fullmatch(name) else ""


@contextmanager
def unpacked(archive: Path, *, limit: int) -> Iterator[tuple[Path, list[str], list[tuple[str, str]]]]:
    """An archive's Python files in a folder that goes away, their paths, and ``(path, problem)`` of the others.

    Of a source distribution that keeps its packages under ``src`` those are taken, else the packages at its top that
    are neither tests, documentation nor tools.

    Raises:
        StepError: the archive is damaged, or larger than the limits.
    """
    from forge_sources.packages.archive import members

    with tempfile.TemporaryDirectory(prefix="forge-python-") as name:
        root = Path(name)
        files, problems = [], []
        for member in members(archive, wanted=lambda path: path.endswith(SUFFIXES), limit=limit):
            if member.problem:
                problems.append((member.path, member.problem))
                continue
            place = root / member.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(member.data)
            files.append(member.path)
        under = "src/" if archive.suffix != ".whl" and any(f.startswith("src/") for f in files) else ""
        kept = sorted(file.removeprefix(under) for file in files if file.startswith(under))
        if archive.suffix != ".whl":
            kept = [file for file in kept if "/" in file and file.partition("/")[0] not in _NO_PACKAGES]
        yield root / under, kept, problems


def fingerprint(root: Path, files: Sequence[str]) -> tuple[str, int]:
    """One hash of the content of ``files``, and their size in bytes."""
    hashes = spec_files.hashes([root / file for file in files])
    parts = (part for file, (digest, _) in zip(files, hashes, strict=True) for part in (file, digest))
    return spec_files.combined(parts), sum(size for _, size in hashes)
