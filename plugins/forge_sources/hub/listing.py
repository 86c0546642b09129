"""Which files a data set of the hub has at a revision, and which of them an option means.

The answers are kept as a harvest: a branch is resolved to a commit once, and stays there until ``--refresh``. Cost: one
request for the revision, one a thousand files for the list.
"""

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from forge.errors import StepError
from forge.steps import Context
from forge_sources.harvest import Harvest
from forge_sources.hub.client import Hub

FORMATS = (".parquet", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".json.gz", ".json.zst", ".gz")


class RepoFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a data set: its ``path``, ``size`` in bytes, ``digest``: sha256 of its bytes, or git's name for it."""

    path: str
    size: int
    digest: str
    is_sha256: bool


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A data set at a commit ``sha``, with the facts of its ``card`` and its data files, sorted by path."""

    sha: str
    card: dict[str, Any]
    gated: bool
    files: tuple[RepoFile, ...]


def listing(hub: Hub, name: str, *, revision: str, context: Context, refresh: bool = False) -> Listing:
    """The files of a data set at a revision; asks the hub once, then reads the cache, unless told to ``refresh``.

    Raises:
        FetchError: the hub does not have it, or wants a token.
    """
    harvest = Harvest(context.cache, source=hub.plugin, options=(hub.endpoint, name, revision), refresh=refresh)
    page = harvest.get("listing") if harvest.finished is not None else None
    if page is not None:
        return msgspec.json.decode(page.body, type=Listing)
    facts = hub.json(f"/api/datasets/{quote(name)}/revision/{quote(revision, safe='')}")
    sha = str(facts.get("sha") or "")
    if not sha:
        raise StepError(f"{name}: the hub names no commit for {revision}", plugin=hub.plugin, step="collect")
    files: list[RepoFile] = []
    for _url, entries in hub.pages(f"/api/datasets/{quote(name)}/tree/{sha}?recursive=true&expand=false"):
        files.extend(_file(entry) for entry in entries if _is_data(entry))
    found = Listing(
        sha=sha,
        card=dict(facts.get("cardData") or {}),
        gated=bool(facts.get("gated")),
        files=tuple(sorted(files, key=lambda file: file.path)),
    )
    harvest.keep("listing", msgspec.json.encode(found))
    harvest.finish(sha=sha)
    return found


def chosen(found: Listing, patterns: Sequence[str]) -> list[RepoFile]:
    """The files that match any of the globs (``*`` crosses folders), in the order of their paths."""
    return [file for file in found.files if any(fnmatch.fnmatchcase(file.path, pattern) for pattern in patterns)]


def config_patterns(card: Mapping[str, Any], *, config: str, split: str) -> list[str] | None:
    """The globs that a card gives for a configuration and split; None where it names no such configuration.

    ``data_files`` is a glob, a list of them, or a list of tables with ``split`` and ``path``.
    """
    for entry in card.get("configs") or ():
        if isinstance(entry, Mapping) and entry.get("config_name") == config:
            given = entry.get("data_files")
            parts = given if isinstance(given, list) else [given]
            return [glob for part in parts for glob in _globs(part, split=split)]
    return None


def _globs(part: Any, *, split: str) -> list[str]:
    if isinstance(part, str):
        return [part]
    if not isinstance(part, Mapping) or (split and part.get("split") not in (None, split)):
        return []
    path = part.get("path")
    return [each for each in (path if isinstance(path, list) else [path]) if isinstance(each, str)]


def _is_data(entry: Mapping[str, Any]) -> bool:
    return entry.get("type") == "file" and str(entry.get("path", "")).lower().endswith(FORMATS)


def _file(entry: Mapping[str, Any]) -> RepoFile:
    lfs = entry.get("lfs") or {}
    digest = str(lfs.get("oid") or entry.get("oid") or "")
    size = int(lfs.get("size") or entry.get("size") or 0)
    return RepoFile(path=str(entry["path"]), size=size, digest=digest, is_sha256=bool(lfs.get("oid")))
