"""The tool graph of a catalogue: where to begin, what follows what, what goes side by side, what is easily confused.

    graph = ToolGraph(build_store(context.catalog, context.scratch / "tools"))

Opening it reads the index (some 20 milliseconds and 10 MB for 106,000 APIs); operations are read group by group as they
are wanted, the last few groups are kept. An operation of a provider that has few is drawn more often than one of a
provider that has thousands: its weight is one over the square root of its provider's number of operations. Providers
that are given shares of their own are drawn as often as these say.
"""

import math
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, repeat
from operator import mul
from pathlib import Path

from forge_trajectories.picking import Picks
from forge_trajectories.tools.links import Link
from forge_trajectories.tools.ports import READING
from forge_trajectories.tools.store import About, Entry, Group, entries_of, read_group

MAX_KEPT = 16
MAX_WALK = 4
_SCALE = 1 << 20
_LINE = 1 << 48


@dataclass(frozen=True, slots=True)
class Place:
    """An operation: its group, and its place there."""

    group: int
    at: int


@dataclass(frozen=True, slots=True)
class Walk:
    """Operations of one group in an order in which they can be called, and the edges between them.

    Of `walk`, a chain: each edge leads from one place to the next. Of `web`, every edge from an earlier place to a
    later one that feeds a parameter, at most one a parameter.
    """

    group: Group
    places: Sequence[int]
    links: Sequence[Link]


@dataclass(slots=True)
class ToolGraph:
    """A read-only view of the tools in ``folder``; `forge_trajectories.tools.store.build_store` makes them.

    Attributes:
        shares: by provider, of everything that is drawn; those of providers that are not there count for nothing. They
            sum to 1 at most.
    """

    folder: Path
    shares: Mapping[str, float] = field(default_factory=dict)
    entries: Sequence[Entry] = ()
    _lines: dict[int, list[int]] = field(default_factory=dict)
    _weights: list[int] = field(default_factory=list)
    _bits: bytes = b""
    _starts: list[int] = field(default_factory=list)
    _groups: "OrderedDict[int, Group]" = field(default_factory=OrderedDict)

    def __post_init__(self) -> None:
        self.entries = entries_of(self.folder)
        self._starts = [0, *accumulate(len(entry.traits) for entry in self.entries)]
        self._weights = _weights_of(self.entries)
        self._bits = bytes(bits for entry in self.entries for bits in entry.traits)

    def __len__(self) -> int:
        return self._starts[-1]

    def draw(self, point: int, *, traits: int = 0) -> Place | None:
        """The operation at ``point``, a number of 64 bits, on the line on which each has room by its weight.

        Args:
            point: even spread over the line gives operations by weight.
            traits: bits of which every drawn operation has all.
        """
        line = self._line(traits)
        if not line or not line[-1]:
            return None
        found = bisect_right(line, (point & (1 << 64) - 1) * line[-1] >> 64)
        group = bisect_right(self._starts, found) - 1
        return Place(group, found - self._starts[group])

    def group(self, number: int) -> Group:
        """The group of that number."""
        if number in self._groups:
            self._groups.move_to_end(number)
            return self._groups[number]
        found = read_group(self.folder, self.entries[number])
        self._groups[number] = found
        if len(self._groups) > MAX_KEPT:
            self._groups.popitem(last=False)
        return found

    def _line(self, traits: int) -> list[int]:
        """Running sums of the weights of all operations, zero for those that are not meant."""
        if traits not in self._lines:
            meant = bytes(bits & traits == traits for bits in range(256))
            weights = list(map(mul, self._weights, self._bits.translate(meant)))
            self._lines[traits] = list(accumulate(self._shared(weights) if self.shares else weights))
        return self._lines[traits]

    def _shared(self, weights: list[int]) -> list[int]:
        """The weights, those of each provider with a share such that they sum to it."""
        sums: Counter[str] = Counter()
        for number, entry in enumerate(self.entries):
            own = entry.provider if entry.provider in self.shares else ""
            sums[own] += sum(weights[self._starts[number] : self._starts[number + 1]])
        shares = {provider: share for provider, share in self.shares.items() if sums[provider]}
        left = 1 - sum(shares.values()) if sums[""] else 0.0
        parts = {**shares, "": left}
        factors = {name: (_LINE * part / sums[name] if sums[name] else 0.0) for name, part in parts.items()}
        for number, entry in enumerate(self.entries):
            factor = factors.get(entry.provider, factors[""])
            for place in range(self._starts[number], self._starts[number + 1]):
                weights[place] = int(weights[place] * factor)
        return weights


def _weights_of(entries: Sequence[Entry]) -> list[int]:
    """The weight of each operation: one over the square root of its provider's number of operations."""
    sizes: Counter[str] = Counter()
    for entry in entries:
        sizes[entry.provider] += len(entry.traits)
    return [
        weight
        for entry in entries
        for weight in repeat(int(_SCALE / math.sqrt(max(sizes[entry.provider], 1))), len(entry.traits))
    ]


def walk(group: Group, at: int, picks: Picks, *, length: int) -> Walk | None:
    """A chain of 2 to ``length`` calls through ``at``, each after the first fed by the one before it.

    First back to what can feed ``at`` (and what feeds that), then on to what it can feed in turn.
    """
    feeders = [link for link in group.links if link.consumer == at and _is_sensible(group, link)]
    if not feeders:
        return None
    chosen = [_surest(feeders, picks)]
    places = [chosen[0].producer, at]
    while len(places) < length:
        before = [
            link
            for link in group.links
            if link.consumer == places[0] and link.producer not in places and _is_sensible(group, link)
        ]
        after = [
            link
            for link in group.links
            if link.producer == places[-1] and link.consumer not in places and _is_sensible(group, link)
        ]
        if before and (not after or picks.below(2)):
            chosen.insert(0, _surest(before, picks))
            places.insert(0, chosen[0].producer)
        elif after and group.abouts[places[-1]].effect != "delete":
            chosen.append(_surest(after, picks))
            places.append(chosen[-1].consumer)
        else:
            break
    return Walk(group, places, chosen)


def web(group: Group, at: int, picks: Picks, *, length: int) -> Walk | None:
    """A `walk` whose last call takes what it can from every call before it, in half of all cases from one more.

    What is added feeds another parameter of the last call, and waits for none of the others unless one feeds it.
    """
    found = walk(group, at, picks, length=length)
    if found is None:
        return None
    places, last = list(found.places), found.places[-1]
    if len(places) < MAX_WALK and picks.below(2):
        fed = {link.parameter for link in _feeding(group, places[:-1], last)}
        more = [
            link
            for link in group.links
            if link.consumer == last
            and link.parameter not in fed
            and link.producer not in places
            and _is_sensible(group, link)
        ]
        if more:
            places.insert(len(places) - 1, _surest(more, picks).producer)
    links = [link for number, place in enumerate(places) for link in _feeding(group, places[:number], place)]
    return Walk(group, places, links)


def _feeding(group: Group, before: Sequence[int], place: int) -> list[Link]:
    """For each parameter of ``place`` the surest edge from one of the places ``before`` it, the latest of equals."""
    best: dict[str, Link] = {}
    for link in group.links:
        if link.consumer == place and link.producer in before and _is_sensible(group, link):
            known = best.get(link.parameter)
            rank = (link.score, before.index(link.producer))
            if known is None or rank > (known.score, before.index(known.producer)):
                best[link.parameter] = link
    return list(best.values())


def siblings(group: Group, at: int) -> list[int]:
    """Other operations about the same thing or under the same path, the nearest first."""
    own = group.abouts[at]
    scored = [(_likeness(own, other), place) for place, other in enumerate(group.abouts) if place != at]
    return [place for score, place in sorted(scored, key=lambda item: (-item[0], item[1])) if score > 0]


def distractors(group: Group, needed: Sequence[int], picks: Picks, *, count: int) -> list[int]:
    """Operations that are easily taken for the ``needed`` ones: near neighbours first, then others of the group."""
    near = list(dict.fromkeys(place for at in needed for place in siblings(group, at)[: count + 3]))
    near = [place for place in near if place not in needed and not _is_twin(group, place, needed)]
    rest = [place for place in range(len(group.operations)) if place not in near and place not in needed]
    rest = [place for place in rest if not _is_twin(group, place, needed)]
    found = list(_drawn(near, picks, count))
    return found + list(_drawn(rest, picks, count - len(found)))


def could_do(candidate: About, wanted: About) -> bool:
    """Whether one operation might be taken to do what another does: the same effect on the same thing."""
    same_effect = candidate.effect == wanted.effect or "act" in (candidate.effect, wanted.effect)
    same_effect = same_effect or (candidate.effect in READING and wanted.effect in READING)
    return same_effect and (not candidate.nouns or not wanted.nouns or candidate.nouns[0] in wanted.nouns)


def _drawn(places: Sequence[int], picks: Picks, count: int) -> Iterator[int]:
    left = list(places)
    for _ in range(min(count, len(left))):
        yield left.pop(picks.below(len(left)))


def _is_twin(group: Group, place: int, needed: Sequence[int]) -> bool:
    """The same call under another name is no wrong choice."""
    other = group.abouts[place]
    return any(other.said == group.abouts[at].said and other.effect == group.abouts[at].effect for at in needed)


def _likeness(own: About, other: About) -> int:
    score = 3 * (own.nouns[:1] == other.nouns[:1]) + 2 * (own.resource == other.resource)
    score += bool(own.category) and own.category == other.category
    return score + (own.resource.partition("/")[0] == other.resource.partition("/")[0])


def _is_sensible(group: Group, link: Link) -> bool:
    """One does not delete what is to be used; a deletion comes last."""
    return group.abouts[link.producer].effect != "delete"


def _surest(links: Sequence[Link], picks: Picks) -> Link:
    best = max(link.score for link in links)
    return picks.one([link for link in links if link.score >= best - 1])
