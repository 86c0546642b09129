"""A harvest: what a live source fetched, page by page, kept so that a killed run goes on where it stopped.

A crawl or a walk through a paged interface lasts minutes to days. Each page is a file of its own in the cache, written
whole or not at all, under a name made of its key (an address, a cursor); the harvest is finished when its closing facts
are written. `Source.records` then reads pages and touches no network. A refresh gathers a second harvest beside the
first, which takes its place only when it is whole.

Costs: one small file a page, one rename each; 10,000 pages of 20 kB are written in some 5 seconds.
"""

import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from filelock import FileLock

from forge.files import flush, sweep, write_bytes
from forge.records import stable_id

FINISHED = "finished.json"
ASIDE = ".old.tmp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page: its ``key``, ``facts`` kept with it (JSON: status, content type, depth, next cursor), and ``body``."""

    key: str
    facts: Mapping[str, Any]
    body: bytes


class Harvest:
    """The pages of one source with one set of options.

    Args:
        cache: `Context.cache`. source: the plugin's name.
        options: what decides which pages there are; no secret, no threshold.
        refresh: gather anew; the pages of the last whole harvest are read until the new one is finished.
    """

    def __init__(self, cache: Path, *, source: str, options: tuple[object, ...], refresh: bool = False) -> None:
        self.root = cache / "harvest" / source / stable_id(*(str(part) for part in options))[:16]
        self.new = self.root.with_name(self.root.name + ".new")
        self._settle()
        self.folder = self.new if refresh or not self.root.is_dir() else self.root

    @property
    def finished(self) -> Mapping[str, Any] | None:
        """The closing facts, None while pages are still to be had."""
        path = self.folder / FINISHED
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Any]) if path.is_file() else None

    def get(self, key: str) -> Page | None:
        """The page of that key, if it was kept."""
        path = self._path(key)
        return _read(path) if path.is_file() else None

    def keep(self, key: str, body: bytes, **facts: Any) -> Page:
        """Keep a page; the same key again replaces it."""
        head = msgspec.json.encode({"key": key, "facts": facts})
        write_bytes(self._path(key), head + b"\n" + body)
        return Page(key=key, facts=facts, body=body)

    def forget(self, key: str) -> None:
        """Let go of a page, if it was kept, so that it is asked for again."""
        self._path(key).unlink(missing_ok=True)

    def pages(self) -> Iterator[Page]:
        """All pages kept so far, in the order of their file names, which is the same on every machine."""
        for path in sorted(self.folder.glob("*/*.page")):
            yield _read(path)

    def finish(self, **facts: Any) -> None:
        """Say that all pages are there. A harvest gathered beside an older one takes its place."""
        sweep([self.folder])
        write_bytes(self.folder / FINISHED, msgspec.json.encode(facts))
        if self.folder == self.new:
            self._settle()
            self.folder = self.root

    def _settle(self) -> None:
        """Put a finished harvest in its place, whether it was finished now or by a process killed before this.

        The older one is moved aside before it is removed, so that at no moment half a harvest has the name of a whole
        one; a lock keeps a second process from moving the new one aside in turn.
        """
        if not (self.new / FINISHED).is_file():
            return
        with FileLock(self.root.with_name(f".{self.root.name}.lock")):
            for leftover in self.root.parent.glob(f".{self.root.name}.*{ASIDE}"):
                shutil.rmtree(leftover)
            if not (self.new / FINISHED).is_file():
                return
            aside = self.root.with_name(f".{self.root.name}.{secrets.token_hex(4)}{ASIDE}")
            if self.root.is_dir():
                self.root.rename(aside)
            self.new.rename(self.root)
            flush(self.root.parent)
            shutil.rmtree(aside, ignore_errors=True)

    def _path(self, key: str) -> Path:
        name = stable_id(key)
        return self.folder / name[:2] / f"{name}.page"


def _read(path: Path) -> Page:
    head, _, body = path.read_bytes().partition(b"\n")
    facts = msgspec.json.decode(head, type=dict[str, Any])
    return Page(key=facts["key"], facts=facts["facts"], body=body)
