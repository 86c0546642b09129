"""The walk through the marketplace, and the index of what it brought home.

Categories are walked in turn, a page each, so that a walk that stops at ``max_apis`` has a share of every one. A walk
of everything goes from the longest unchanged API to the newest: one that changes meanwhile moves to the end and is met
again, none is missed. A refresh goes the other way and ends as soon as a page holds nothing new and the marketplace
counts as many APIs as are known; where the counts differ it goes on to the end, and what it has not met is gone.

The index (in the harvest's closing facts) names the pages and, of each, the APIs with their times of change. Of an API
on two pages the first stands unless the later has another time: a page that did not change keeps its partition.
Costs: 0.1 ms a page of index; the pages themselves are read again only where a walk is taken up.
"""

import datetime
from collections import deque
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from forge.errors import StepError
from forge_sources.harvest import Harvest, Page
from forge_sources.rapidapi.client import Marketplace
from forge_sources.rapidapi.query import Answer

GONE = "-"
"""Stands in an index for the id of an API that the marketplace has no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One page in the index: its key and category, size in bytes, hash, and ids and times of its APIs in order."""

    key: str
    category: str
    size: int
    digest: str
    ids: Sequence[str]
    updated: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """What a finished walk knows.

    Attributes:
        label: of the walk that its first pages are kept under. rounds: refreshes since.
        complete: every category was walked to its end.
    """

    label: str
    rounds: int
    complete: bool
    pages: Sequence[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far to walk: ``categories`` (empty: all) and ``max_apis`` (0: all)."""

    categories: Sequence[str]
    max_apis: int


def load(harvest: Harvest) -> Index | None:
    """The index of the last finished walk, if there is one."""
    facts = harvest.finished
    return None if facts is None else msgspec.convert(facts, Index)


def is_enough(index: Index | None, extent: Extent) -> bool:
    """Whether the index holds all that is wanted."""
    if index is None:
        return False
    return index.complete or 0 < extent.max_apis <= sum(len(took) for _, took in taken(index.pages, limit=0))


def gather(marketplace: Marketplace, extent: Extent, *, refresh: bool) -> Index:
    """Walk as far as ``extent`` says, taking up a walk that was cut short, and write the index.

    What is not complete has no edge to look for changes behind: its refresh is a new walk, into a harvest of its own
    (which the caller opens with ``refresh``). A walk that a refresh began is taken up on the same day only.

    Raises:
        StepError: the marketplace refuses or fails (what was fetched is kept), or knows no such category.
    """
    known = load(marketplace.harvest)
    if refresh and known is not None and known.complete:
        index = _refreshed(marketplace, extent, known)
    else:
        label = f"walk of {_today()}" if refresh else known.label if known is not None else "walk"
        index = _walked(marketplace, extent, label)
    marketplace.harvest.finish(**msgspec.to_builtins(index))
    return index


def taken(pages: Sequence[Entry], *, limit: int) -> list[tuple[Entry, list[int]]]:
    """The pages with the positions of the APIs that count on each: an API once, and ``limit`` at most (0: all)."""
    stands: dict[str, tuple[int, int]] = {}
    for number, page in enumerate(pages):
        for position, (name, time) in enumerate(zip(page.ids, page.updated, strict=True)):
            if name == GONE:
                continue
            earlier = stands.get(name) if name else None
            if earlier is None or pages[earlier[0]].updated[earlier[1]] != time:
                stands[name or f"{number}/{position}"] = (number, position)
    positions: dict[int, list[int]] = {}
    for number, position in sorted(stands.values())[: limit or None]:
        positions.setdefault(number, []).append(position)
    return [(pages[number], took) for number, took in positions.items()]


def _walked(marketplace: Marketplace, extent: Extent, label: str) -> Index:
    """Every category from its start, in turn."""
    order = "ByRelevance" if extent.max_apis else "ByUpdatedAt"
    waiting = deque((category, "") for category in _categories(marketplace, extent, label))
    pages: list[Entry] = []
    seen: set[tuple[str, str]] = set()
    names: set[str] = set()
    nameless = 0
    while waiting and not (extent.max_apis and len(names) + nameless >= extent.max_apis):
        category, cursor = waiting.popleft()
        _check_new(seen, category, cursor)
        page, answer = marketplace.page(category, cursor, order=order, by="ASC", label=label)
        pages.append(_entry(page, category, answer))
        names.update(pages[-1].ids)
        names.discard("")
        nameless += pages[-1].ids.count("")
        if answer.cursor:
            waiting.append((category, answer.cursor))
        if len(pages) % 50 == 0:
            marketplace.context.log(f"rapidapi: {len(names)} APIs on {len(pages)} pages")
    return Index(label=label, rounds=0, complete=not waiting, pages=pages)


def _refreshed(marketplace: Marketplace, extent: Extent, known: Index) -> Index:
    """What is new or changed since ``known``, category by category."""
    label = f"refresh {known.rounds + 1} of {_today()}"
    pages = {page.key: page for page in known.pages}
    for category in _categories(marketplace, extent, label):
        old = [page for page in known.pages if page.category == category]
        fresh, is_whole = _changes(marketplace, category, old, label)
        met = {name for page in fresh for name in page.ids}
        pages.update({page.key: _without_gone(page, met) for page in old if is_whole})
        pages.update({page.key: page for page in fresh})
    return replace(known, rounds=known.rounds + 1, pages=list(pages.values()))


def _changes(marketplace: Marketplace, category: str, old: Sequence[Entry], label: str) -> tuple[list[Entry], bool]:
    """Pages from the newest on with something new on them, and whether the walk went to the end."""
    times = {name: time for page, took in taken(old, limit=0) for name, time in _named(page, took)}
    fresh: list[Entry] = []
    seen: set[tuple[str, str]] = set()
    cursor, more = "", True
    while more:
        _check_new(seen, category, cursor)
        page, answer = marketplace.page(category, cursor, order="ByUpdatedAt", by="DESC", label=label)
        entry = _entry(page, category, answer)
        fresh.append(entry)
        pairs = list(zip(entry.ids, entry.updated, strict=True))
        is_old = all(name and times.get(name) == time for name, time in pairs)
        times.update(pair for pair in pairs if pair[0])
        if is_old and answer.total in (None, len(times)):
            return fresh[:-1], False
        cursor, more = answer.cursor, bool(answer.cursor)
    return fresh, True


def _without_gone(page: Entry, met: Container[str]) -> Entry:
    """The page with the APIs that were not met again marked as gone; it keeps its place in the index."""
    return replace(page, ids=[name if name in met else GONE for name in page.ids])


def _named(page: Entry, took: Sequence[int]) -> Iterator[tuple[str, str]]:
    return ((page.ids[position], page.updated[position]) for position in took if page.ids[position])


def _categories(marketplace: Marketplace, extent: Extent, label: str) -> list[str]:
    names = marketplace.categories(label)
    unknown = sorted(set(extent.categories) - set(names))
    if unknown:
        raise StepError(
            f"the marketplace has no category {', '.join(map(repr, unknown))}; it has: {', '.join(names)}",
            plugin="rapidapi",
            step="collect",
        )
    return sorted(extent.categories) or names


def _entry(page: Page, category: str, answer: Answer) -> Entry:
    import xxhash

    nodes: list[Mapping[str, Any]] = [node if isinstance(node, Mapping) else {} for node in answer.nodes]
    return Entry(
        key=page.key,
        category=category,
        size=len(page.body),
        digest=xxhash.xxh3_128_hexdigest(page.body),
        ids=[str(node.get("id") or "") for node in nodes],
        updated=[str(node.get("updatedAt") or "") for node in nodes],
    )


def _check_new(seen: set[tuple[str, str]], category: str, cursor: str) -> None:
    if (category, cursor) in seen:
        message = f"the marketplace gives the same cursor of {category!r} twice; its paging has changed"
        raise StepError(message, plugin="rapidapi", step="collect")
    seen.add((category, cursor))


def _today() -> str:
    return datetime.datetime.now(datetime.UTC).date().isoformat()
