"""Looking through texts for what an index holds: every run of words is tried, only what hits is looked at closer.

Numpy throughout but for calls and states, each hit of whose anchors costs some ten microseconds. Some 25 MB of text a
second.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from forge_filters.decontaminate_index import CALL, Entry, Index
from forge_filters.decontaminate_words import Words, read_words

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

FLOOR = 0.3
"""Less of an entry than this is no match at all."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An entry of a benchmark, or much of one, in a text.

    Attributes:
        row: of the text in its batch. entry: number of the entry in the index.
        score: share of the entry's weight that was found, `FLOOR` to 1.
        spans: where, as character offsets, in order and apart.
    """

    row: int
    entry: int
    score: float
    spans: tuple[Span, ...]


def find(texts: "pa.Array", index: Index) -> Iterator[Match]:
    """The matches in a string array, by row and entry; what is found in a text depends on that text alone."""
    if not len(index.keys):
        return
    for words in read_words(texts):
        hits = _hits(words, index)
        if len(hits.positions):
            found = [*_text_matches(words, index, hits), *_structure_matches(words, index, hits)]
            yield from sorted(found, key=lambda match: (match.row, match.entry))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hits:
    """Runs of words that point to entries, one row a run and entry, ordered by text, entry, key and position."""

    texts: "NDArray[np.int64]"
    entries: "NDArray[np.int64]"
    places: "NDArray[np.int64]"
    positions: "NDArray[np.int64]"
    lengths: "NDArray[np.int64]"

    def where(self, mask: "NDArray[np.bool_]") -> "_Hits":
        return _Hits(**{name: getattr(self, name)[mask] for name in self.__slots__})

    def edges(self) -> "NDArray[np.int64]":
        """Where each pair of text and entry begins, and where the last ends."""
        import numpy as np

        new = (self.texts[1:] != self.texts[:-1]) | (self.entries[1:] != self.entries[:-1])
        return np.concatenate([[0], np.flatnonzero(new) + 1, [len(self.texts)]])


def _hits(words: Words, index: Index) -> _Hits:
    import numpy as np

    columns: list[tuple[NDArray[np.int64], ...]] = []
    for length in index.lengths:
        positions, places = index.places(words.keys(length))
        texts = words.texts_at(positions)
        same = texts == words.texts_at(positions + length - 1)
        columns.append((texts[same], places[same], positions[same], np.full(int(same.sum()), length, np.int64)))
    texts, places, positions, lengths = (np.concatenate(column) for column in zip(*columns, strict=True))
    counts = index.starts[places + 1] - index.starts[places]
    rows = np.repeat(np.arange(len(places)), counts)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
    entries = index.targets[index.starts[places][rows] + within]
    order = np.lexsort((positions[rows], places[rows], entries, texts[rows]))
    rows = rows[order]
    return _Hits(
        texts=texts[rows],
        entries=entries[order],
        places=places[rows],
        positions=positions[rows],
        lengths=lengths[rows],
    )


def _text_matches(words: Words, index: Index, hits: _Hits) -> Iterator[Match]:
    import numpy as np

    hits = hits.where(index.kinds[hits.entries] < CALL)
    if not len(hits.texts):
        return
    edges = hits.edges()
    weights = index.weights[hits.places].copy()
    weights[1:][hits.places[1:] == hits.places[:-1]] = 0
    weights[edges[:-1]] = index.weights[hits.places[edges[:-1]]]
    scores = np.add.reduceat(weights, edges[:-1]) / index.totals[hits.entries[edges[:-1]]]
    for group in np.flatnonzero(scores >= FLOOR):
        begin, end = edges[group], edges[group + 1]
        text = int(hits.texts[begin])
        runs = _joined(hits.positions[begin:end], hits.lengths[begin:end])
        spans = tuple(words.characters(text, first, last) for first, last in runs)
        row, entry = words.first + text, int(hits.entries[begin])
        yield Match(row=row, entry=entry, score=float(scores[group]), spans=spans)


def _joined(positions: "NDArray[np.int64]", lengths: "NDArray[np.int64]") -> list[Span]:
    """Runs of words that overlap or touch, as one."""
    runs: list[Span] = []
    for begin, length in sorted(zip(positions.tolist(), lengths.tolist(), strict=True)):
        if runs and begin <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(runs[-1][1], begin + length))
        else:
            runs.append((begin, begin + length))
    return runs


def _structure_matches(words: Words, index: Index, hits: _Hits) -> Iterator[Match]:
    """Calls and states: of each the fullest find in each text, and of these the first."""
    hits = hits.where(index.kinds[hits.entries] >= CALL)
    if not len(hits.texts):
        return
    edges = hits.edges()
    look = _Look(words)
    for begin, end in pairwise(edges.tolist()):
        text, number = int(hits.texts[begin]), int(hits.entries[begin])
        if not look.may_hold(index.entries[number], text=text):
            continue
        best: tuple[float, Span] = (0.0, (0, 0))
        for position in sorted(set(hits.positions[begin:end].tolist())):
            score, run = look.around(position, index.entries[number], text=text)
            if score > best[0]:
                best = (score, run)
            if score >= 1.0:
                break
        if best[0] >= FLOOR:
            spans = (words.characters(text, *best[1]),)
            yield Match(row=words.first + text, entry=number, score=best[0], spans=spans)


class _Look:
    """Looks for the parts of calls and states around their anchors; keeps the keys of each window it has seen."""

    def __init__(self, words: Words) -> None:
        self._words = words
        self._bounds = words.all_bounds()
        self._seen: dict[tuple[int, int, int], NDArray[np.uint64]] = {}

    def may_hold(self, entry: Entry, *, text: int) -> bool:
        """Whether enough of the entry is anywhere in a text: what a window misses may be elsewhere, not the reverse.

        Spares a look around each anchor: a source file names thousands of things as some function's argument is named.
        """
        window = int(self._bounds[0][text]), int(self._bounds[1][text])
        spare: float = 0 if entry.kind == CALL else (1.0 - FLOOR) * entry.total + 1e-9
        for part, weight in zip(entry.parts, entry.weights, strict=True):
            if not any((self._keys(window, length) == key).any() for length, key in part):
                spare -= weight
                if spare < 0:
                    return False
        return True

    def around(self, position: int, entry: Entry, *, text: int) -> tuple[float, Span]:
        """How much of the entry is around a word, and the span from the first to the last of it.

        A call is there or not: a part that is missing makes it another call.
        """
        begin = max(int(self._bounds[0][text]), position - entry.reach)
        end = min(int(self._bounds[1][text]), position + entry.reach)
        found, first, last = 0, end, begin
        for part, weight in zip(entry.parts, entry.weights, strict=True):
            runs = [run for form in part if (run := self._nearest((begin, end), form, position))]
            if runs:
                found += weight
                first, last = min(first, *(run[0] for run in runs)), max(last, *(run[1] for run in runs))
            elif entry.kind == CALL:
                return 0.0, (0, 0)
        return found / entry.total, (first, last)

    def _nearest(self, window: Span, form: Span, position: int) -> Span | None:
        """The run nearest to a word, within a window of words, that has the length and key of ``form``."""
        begin, (length, key) = window[0], form
        places = (self._keys(window, length) == key).nonzero()[0]
        if not len(places):
            return None
        at = begin + int(min(places.tolist(), key=lambda place: (abs(begin + place - position), place)))
        return at, at + length

    def _keys(self, window: Span, length: int) -> "NDArray[np.uint64]":
        keys = self._seen.get((*window, length))
        if keys is None:
            keys = self._seen[*window, length] = self._words.keys(length, *window)
        return keys
