"""Questions and other texts in the index: long ones by weighted n-grams, short ones as a whole, if they tell anything.

Some two seconds for BFCL and MMLU together.
"""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge_filters.benchmarks_items import Item
from forge_filters.decontaminate_index import TEXT, WHOLE
from forge_filters.decontaminate_measure import UNIT, Built, Measured, entry_of, written
from forge_filters.decontaminate_words import Words, words_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

GENERAL_TASKS = 4
"""A short text that more tasks than this hold, as a whole or within, says nothing of where it is found."""

WHOLE_BYTES = 20
STRONG_BYTES = 32
"""A single word of so many bytes, a hash for example, says enough."""


def add_texts(built: Built, items: Sequence[Item], *, ngram: int, min_words: int) -> None:
    """Add the entries of texts; those that are too short or too general are left out."""
    import numpy as np

    owners = [item for item in items for _ in written(item.text)]
    pieces = list(words_of([text for item in items for text in written(item.text)]))
    if not pieces:
        return
    facts = Measured.of(pieces)
    first = np.zeros(len(owners), np.bool_)
    first[np.unique(facts.keys, return_index=True)[1]] = True
    is_text = first & (facts.counts >= ngram)
    is_short = (facts.counts >= min_words) & (facts.sizes >= WHOLE_BYTES) | (
        (facts.counts == 1) & (facts.sizes >= STRONG_BYTES)
    )
    is_whole = first & ~is_text & is_short
    numbers: dict[tuple[str, str], int] = {}
    tasks = np.array([numbers.setdefault((item.benchmark, item.item), len(numbers)) for item in owners], np.int64)
    is_whole &= _in_tasks(pieces, tasks, facts=facts, wanted=is_whole) <= GENERAL_TASKS
    silent = ~np.isin(facts.keys, facts.keys[is_text | is_whole])
    built.left_out += dict.fromkeys(owners[place] for place in np.flatnonzero(silent))
    keys, rows = _ngrams(pieces, ngram=ngram, wanted=is_text)
    weights = _weights(keys, tasks[rows])
    totals = np.bincount(rows, weights=weights, minlength=len(owners)).astype(np.int64)
    chosen = np.flatnonzero(is_text | is_whole)
    place_of = np.zeros(len(owners), np.int64)
    place_of[chosen] = len(built.entries) + np.arange(len(chosen))
    for place in chosen:
        kind, total = (TEXT, int(totals[place])) if is_text[place] else (WHOLE, UNIT)
        built.entries.append(entry_of(owners[place], kind=kind, total=total))
    built.point(keys, place_of[rows], weights)
    short = np.flatnonzero(is_whole)
    built.point(facts.keys[short], place_of[short], np.full(len(short), UNIT, np.int64))
    built.lengths.update({ngram} if len(keys) else (), (int(count) for count in np.unique(facts.counts[short])))


def _ngrams(
    pieces: Sequence[Words], *, ngram: int, wanted: "NDArray[np.bool_]"
) -> "tuple[NDArray[np.uint64], NDArray[np.int64]]":
    """The distinct n-grams of the wanted texts, as keys and numbers of texts."""
    import numpy as np

    keys, rows = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for words in pieces:
        begins, ends = words.all_bounds()
        text_of = np.repeat(np.arange(len(begins)), ends - begins)
        runs = words.keys(ngram)
        inside = text_of[: len(runs)] == text_of[ngram - 1 :] if len(runs) else np.zeros(0, np.bool_)
        inside &= wanted[words.first + text_of[: len(runs)]]
        keys.append(runs[inside])
        rows.append(words.first + text_of[: len(runs)][inside])
    return _distinct(np.concatenate(keys), np.concatenate(rows))


def _distinct(keys: "NDArray[np.uint64]", rows: "NDArray[np.int64]") -> "tuple[NDArray[np.uint64], NDArray[np.int64]]":
    """The pairs of key and row, each once, in order."""
    import numpy as np

    order = np.lexsort((rows, keys))
    keys, rows = keys[order], rows[order]
    new = np.ones(len(keys), np.bool_)
    new[1:] = (keys[1:] != keys[:-1]) | (rows[1:] != rows[:-1])
    return keys[new], rows[new]


def _weights(keys: "NDArray[np.uint64]", tasks: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Squared inverse frequency of each key over tasks, in units of 1/65536: whole numbers, whose sums are exact."""
    import numpy as np

    if not len(keys):
        return np.zeros(0, np.int64)
    distinct, counts = np.unique(_distinct(keys, tasks)[0], return_counts=True)
    everything = 1 + len(np.unique(tasks))
    shares = np.log(everything / counts) / np.log(everything)
    weights = np.maximum(1, np.round(UNIT * shares * shares)).astype(np.int64)
    return np.asarray(weights[np.searchsorted(distinct, keys)])


def _in_tasks(
    pieces: Sequence[Words], tasks: "NDArray[np.int64]", *, facts: Measured, wanted: "NDArray[np.bool_]"
) -> "NDArray[np.int64]":
    """How many tasks hold each wanted text, as a whole or within; 0 for others."""
    import numpy as np

    held = np.zeros(len(facts.counts), np.int64)
    for length in np.unique(facts.counts[wanted]):
        rows = np.flatnonzero(wanted & (facts.counts == length))
        sought = np.unique(facts.keys[rows])
        pairs = set()
        for words in pieces:
            runs = words.keys(int(length))
            found = np.flatnonzero(np.isin(runs, sought))
            texts = words.texts_at(found)
            same = texts == words.texts_at(found + int(length) - 1)
            pairs |= set(zip(runs[found][same].tolist(), tasks[words.first + texts[same]].tolist(), strict=True))
        tally = Counter(key for key, _ in pairs)
        held[rows] = [tally[key] for key in facts.keys[rows].tolist()]
    return held
