"""A repository with a ``hubconf.py``, from a folder or an archive: its Python modules, licence and entry points.

Cost: reading the Python files of the repository, each up to `MODULE_BYTES`; parsing those that ``hubconf.py`` leads to.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from forge.errors import StepError
from forge.files import file_hash
from forge.records import UNKNOWN_LICENSE, ApiRecord, Reject
from forge_sources.packages.license import is_license_text, stated_license
from forge_sources.torchhub.code import HUBCONF, Entry, Repository, dependencies, entries
from forge_sources.torchhub.signature import doc_of, schema_of

MODULE_BYTES = 1_000_000
MOST_MODULES = 20_000
PROVIDER = "pytorch.org"
_REMOTE = re.compile(r"url\s*=\s*\S*github\.com[:/]([\w.-]+/[\w.-]+?)(?:\.git)?\s*$", re.MULTILINE)


def read_repository(path: Path, *, name: str, ref: str, source: str) -> Iterator[ApiRecord | Reject]:
    """The entry points of a repository's ``hubconf.py`` as APIs; those that cannot be found as rejects."""
    try:
        files, expression, evidence, refused = _contents(path)
    except StepError as error:
        yield Reject(locator=name, reason=error.message)
        return
    yield from (Reject(locator=f"{name}:{file}", reason=why) for file, why in refused.items())
    if HUBCONF in refused:
        return
    repository = Repository(files=files)
    tree = repository.tree(HUBCONF)
    if tree is None:
        reason = (
            "is not Python that can be parsed"
            if HUBCONF in files
            else f"there is none of at most {MODULE_BYTES / 1e6:g} MB"
        )
        yield Reject(locator=f"{name}:{HUBCONF}", reason=reason)
        return
    needs = dependencies(tree)
    for entry in entries(repository):
        if entry.node is None:
            yield Reject(locator=f"{name}:{HUBCONF}:{entry.name}", reason=entry.problem)
            continue
        try:
            yield _api(entry, name=name, ref=ref, source=source, facts=(needs, expression, evidence))
        except RecursionError:
            yield Reject(locator=f"{name}:{HUBCONF}:{entry.name}", reason="its signature is nested too deeply")


def repository_name(path: Path, *, endings: Sequence[str]) -> str:
    """``owner/name`` of a clone by its remote, else the folder's, archive's or file's own name."""
    config = path / ".git" / "config"
    if path.is_dir() and config.is_file():
        match = _REMOTE.search(config.read_text("utf-8", "replace"))
        if match:
            return match.group(1)
    return next((path.name.removesuffix(ending) for ending in endings if path.name.endswith(ending)), path.name)


def content_hash(path: Path) -> str:
    """A hash of a file, or of the Python files and licences below a folder, paths included."""
    from forge_sources.spec_files import combined, hashes

    if path.is_file():
        return file_hash(path)
    found = _wanted_files(path)
    digests = hashes(found)
    pairs = zip(found, digests, strict=True)
    return combined(part for file, (digest, _) in pairs for part in (file.relative_to(path).as_posix(), digest))


def _api(entry: Entry, *, name: str, ref: str, source: str, facts: tuple[list[str], str, str]) -> ApiRecord:
    assert entry.node is not None
    needs, expression, evidence = facts
    doc = doc_of(entry.node)
    reference = f"{name}:{ref}" if ref else name
    call = f"torch.hub.load({reference!r}, {entry.name!r})"
    return ApiRecord(
        provider=PROVIDER,
        service=name,
        name=entry.name,
        kind="model",
        description=doc.text,
        parameters=schema_of(entry.node, doc),
        returns={"description": doc.returns} if doc.returns else None,
        license=expression,
        license_evidence=evidence,
        meta={"api_call": call, "module": entry.module, **({"requirements": needs} if needs else {})},
        source=source,
        url=f"https://github.com/{name}" if "/" in name else None,
        version=ref or None,
    )


def _contents(path: Path) -> tuple[dict[str, str], str, str, dict[str, str]]:
    """Python modules by path, the licence, where it is stated, and the files that were refused, with the reason."""
    texts, licences, refused = {}, {}, {}
    for name, data, problem in _folder_files(path) if path.is_dir() else _archive_files(path):
        if problem:
            refused[name] = problem
        elif name.endswith(".py"):
            texts[name] = data.decode("utf-8", "replace")
        else:
            licences[name] = stated_license(name, data)
    known = {expression for name, expression in licences.items() if "/" not in name} - {UNKNOWN_LICENSE}
    expression = known.pop() if len(known) == 1 else UNKNOWN_LICENSE
    where = next((f"the repository's {name}" for name, found in sorted(licences.items()) if found == expression), "")
    return texts, expression, where if expression != UNKNOWN_LICENSE else "", refused


def _wants(name: str) -> bool:
    return name.endswith(".py") or ("/" not in name and is_license_text(name))


def _wanted_files(folder: Path) -> list[Path]:
    """Python files and top-level licences below a folder, hidden folders left out; links that lead out are not read."""
    root = folder.resolve()
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        hidden = "/." in f"/{name}"
        if not hidden and _wants(name) and path.is_file() and path.resolve().is_relative_to(root):
            found.append(path)
    return found[:MOST_MODULES]


def _folder_files(folder: Path) -> Iterator[tuple[str, bytes, str]]:
    """Path, bytes and problem of each file; a problem where it is too large."""
    for path in _wanted_files(folder):
        name = path.relative_to(folder).as_posix()
        if path.stat().st_size <= MODULE_BYTES:
            yield name, path.read_bytes(), ""
        else:
            yield name, b"", f"larger than {MODULE_BYTES / 1e6:g} MB"


def _archive_files(archive: Path) -> Iterator[tuple[str, bytes, str]]:
    """As `_folder_files`; a problem also where a member leads out of the archive, or is damaged."""
    from forge_sources.packages.archive import members

    for member in members(archive, wanted=_wants, limit=MODULE_BYTES):
        yield member.path, member.data, member.problem
