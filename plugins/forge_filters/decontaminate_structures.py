"""Calls and states in the index: their parts, in whichever order and notation, and the anchors to look around.

Some two seconds for BFCL.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from forge_filters.benchmarks_items import Item
from forge_filters.decontaminate_index import CALL, STATE, Part
from forge_filters.decontaminate_measure import ANCHOR_WORDS, UNIT, Built, Measured, entry_of, written
from forge_filters.decontaminate_words import words_of

CALL_WORDS, CALL_BYTES = 4, 12
STATE_PARTS, STATE_WORDS = 4, 12
STATE_ANCHORS = 3
SLACK_WORDS = 16
ALONE_CHARACTERS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A call or state whose parts are measured: each part's alternatives as (words, bytes, key, key of its head)."""

    item: Item
    parts: tuple[tuple[tuple[int, int, int, int], ...], ...]

    @property
    def words(self) -> int:
        """So many words it has at least."""
        return sum(min(form[0] for form in part) for part in self.parts)


def add_structures(built: Built, items: Sequence[Item]) -> None:
    """Add the entries of calls and states; those that say too little are left out."""
    import numpy as np

    drafts: dict[object, Draft] = {}
    for draft in _drafts(items):
        if not _tells(draft):
            built.left_out.append(draft.item)
        else:
            drafts.setdefault((bool(draft.item.function), frozenset(draft.parts)), draft)
    tasks: dict[int, set[tuple[str, str]]] = {}
    for draft in drafts.values():
        for part in draft.parts:
            tasks.setdefault(part[0][2], set()).add((draft.item.benchmark, draft.item.item))
    everything = np.log(1 + len({(draft.item.benchmark, draft.item.item) for draft in drafts.values()}))
    for draft in drafts.values():
        counts = np.array([len(tasks[part[0][2]]) for part in draft.parts])
        shares = 1 - np.log(counts) / everything
        weights = tuple(int(value) for value in np.maximum(1, np.round(UNIT * shares * shares)))
        _add_draft(built, draft, counts=counts.tolist(), weights=weights)


def _tells(draft: Draft) -> bool:
    if not draft.item.function:
        return len(draft.parts) >= STATE_PARTS and draft.words >= STATE_WORDS
    size = sum(min(form[1] for form in part) for part in draft.parts)
    return len(draft.parts) > 1 and draft.words >= CALL_WORDS and size >= CALL_BYTES


def _add_draft(built: Built, draft: Draft, *, counts: list[int], weights: tuple[int, ...]) -> None:
    """The entry, and pointers to it from the heads of the parts that say most: of a call one, of a state three."""
    import numpy as np

    kind = CALL if draft.item.function else STATE
    parts: tuple[Part, ...] = tuple(tuple((form[0], form[2]) for form in part) for part in draft.parts)
    longest = sum(max(form[0] for form in part) for part in draft.parts)
    ranked = sorted(
        range(len(parts)),
        key=lambda place: (-min(ANCHOR_WORDS, *(form[0] for form in draft.parts[place])), counts[place], place),
    )
    heads = {
        (min(form[0], ANCHOR_WORDS), form[3])
        for place in ranked[: 1 if kind == CALL else STATE_ANCHORS]
        for form in draft.parts[place]
    }
    built.lengths.update(length for length, _ in heads)
    keys = np.array(sorted(key for _, key in heads), np.uint64)
    number = np.full(len(keys), len(built.entries), np.int64)
    built.point(keys, number, np.full(len(keys), UNIT, np.int64))
    more: dict[str, Any] = {"parts": parts, "weights": weights, "total": sum(weights)}
    built.entries.append(entry_of(draft.item, kind=kind, reach=1 << (2 * longest + SLACK_WORDS).bit_length(), **more))


def _drafts(items: Sequence[Item]) -> Iterable[Draft]:
    """The items with their parts measured, all in one go; parts without words are no parts."""
    texts: list[str] = []
    shapes: list[list[range]] = []
    for item in items:
        shape = []
        for forms in _part_texts(item):
            shape.append(range(len(texts), len(texts) + len(forms)))
            texts += forms
        shapes.append(shape)
    pieces = list(words_of(texts))
    if not pieces:
        return
    facts = Measured.of(pieces)
    columns = (facts.counts.tolist(), facts.sizes.tolist(), facts.keys.tolist(), facts.heads.tolist())
    measured: list[tuple[int, int, int, int]] = list(zip(*columns, strict=True))
    for item, shape in zip(items, shapes, strict=True):
        parts = (tuple(dict.fromkeys(form for form in measured[r.start : r.stop] if form[0])) for r in shape)
        yield Draft(item=item, parts=tuple(dict.fromkeys(part for part in parts if part)))


def _part_texts(item: Item) -> Iterable[list[str]]:
    """The ways to write the name and each leaf: key and value side by side; a long value may stand alone."""
    if item.function:
        yield [item.function]
    for leaf in item.leaves:
        forms = [form for value in leaf.values for form in written(value) if any(map(str.isalnum, form))]
        alone = [
            form
            for form in forms
            if not leaf.key or (len(form.split()) >= ANCHOR_WORDS and len(form) >= ALONE_CHARACTERS)
        ]
        yield [*(f"{key} {form}" for key in written(leaf.key) for form in forms if key), *alone]
