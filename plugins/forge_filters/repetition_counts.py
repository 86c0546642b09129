"""Counting what texts repeat: thirteen fractions a text, for all texts of a batch at once.

Lines and paragraphs (what blank lines part) count without the blanks around them, and not where they are empty; one
that was there before is a duplicate, the first is not. Words are what white space parts. Of n-grams, characters are
those of their words, out of the characters of all words. The top n-gram counts as often as it occurs, and not at all if
it occurs once (where the paper is silent, a text of four words would be repetition); words in two overlapping
n-grams count once. A duplicate n-gram is one that was there before, and the first is none.

Words become numbers by Arrow's dictionary, n-grams become 64-bit hashes of those, extended one word at a time; an
n-gram can only be repeated where its first n - 1 words are, so that each n looks only at what n - 1 left. Two n-grams
of a batch share a hash by accident once in 10^7 batches. Memory: some 100 bytes a word.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Array = np.ndarray[Any, Any]

TOP = (2, 3, 4)
DUPLICATE = (5, 6, 7, 8, 9, 10)
_PRIME = 0x9E3779B97F4A7C15
_MIX = 0xBF58476D1CE4E5B9
RULES = 4 + len(TOP) + len(DUPLICATE)


def fractions(texts: "pa.Array") -> "Array":
    """Fractions of n texts, float64 of shape (n, 13), in the order of the paper's table.

    Lines by number, paragraphs by number, lines by characters, paragraphs by characters; top 2-, 3-, 4-gram; duplicate
    5- to 10-grams.
    """
    import numpy as np
    import pyarrow.compute as pc

    found = np.zeros((len(texts), RULES))
    if not len(texts):
        return found
    lines = pc.split_pattern(texts, "\n")
    found[:, 0], found[:, 2] = _repeated(lines)
    found[:, 1], found[:, 3] = _repeated(pc.split_pattern_regex(texts, r"\n[ \t\r]*\n\s*"))
    found[:, 4:] = _n_grams(texts)
    return found


def _repeated(lists: "pa.ListArray") -> "tuple[Array, Array]":
    """Of each list, the fraction of its strings that were there before, by number and by characters."""
    import numpy as np
    import pyarrow.compute as pc

    pieces = pc.utf8_trim_whitespace(lists.flatten())
    owners = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    sizes = pc.utf8_length(pieces).to_numpy().astype(np.float64)
    filled = sizes > 0
    codes = pieces.dictionary_encode().indices.to_numpy().astype(np.int64)[filled]
    owners, sizes = owners[filled], sizes[filled]
    later = _later(owners << 32 | codes)
    count = len(lists)
    return (
        _ratio(np.bincount(owners[later], minlength=count), np.bincount(owners, minlength=count)),
        _ratio(np.bincount(owners[later], sizes[later], count), np.bincount(owners, sizes, count)),
    )


def _later(keys: "Array") -> "Array":
    """Which of the keys were there before, bool of the same shape."""
    import numpy as np

    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    later = np.zeros(len(keys), np.bool_)
    later[order[1:]] = ordered[1:] == ordered[:-1]
    return later


def _n_grams(texts: "pa.Array") -> "Array":
    import numpy as np
    import pyarrow.compute as pc

    count = len(texts)
    lists = pc.ascii_split_whitespace(texts)
    words = lists.flatten()
    owners = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    sizes = pc.utf8_length(words).to_numpy().astype(np.int64)
    codes = words.dictionary_encode().indices.to_numpy().astype(np.uint64)
    totals = np.bincount(owners, sizes, count)
    ends = np.concatenate([[0], np.cumsum(sizes)])
    found = np.zeros((count, len(TOP) + len(DUPLICATE)))
    places = np.arange(len(codes))
    hashes = _mixed(codes + (owners.astype(np.uint64) << np.uint64(32)))
    for n in range(2, DUPLICATE[-1] + 1):
        inside = places + n <= len(codes)
        places, hashes = places[inside], hashes[inside]
        inside = owners[places + n - 1] == owners[places]
        places, hashes = places[inside], hashes[inside]
        hashes = _mixed(hashes * np.uint64(_PRIME) + codes[places + n - 1])
        order = np.argsort(hashes, kind="stable")
        places, hashes = places[order], hashes[order]
        fresh = np.ones(len(hashes), np.bool_)
        fresh[1:] = hashes[1:] != hashes[:-1]
        repeated = ~(fresh & np.append(fresh[1:], True))
        places, hashes, fresh = places[repeated], hashes[repeated], fresh[repeated]
        if n in TOP:
            characters = _top(places, fresh, owners, ends=ends, n=n, count=count)
            found[:, n - TOP[0]] = np.minimum(_ratio(characters, totals), 1.0)
        else:
            characters = np.bincount(owners, sizes * _covered(places[~fresh], n=n, length=len(codes)), count)
            found[:, len(TOP) + n - DUPLICATE[0]] = _ratio(characters, totals)
    return found


def _top(places: "Array", fresh: "Array", owners: "Array", *, ends: "Array", n: int, count: int) -> "Array":
    """Characters in the most frequent n-gram of each text, the longest of those that are as frequent."""
    import numpy as np

    starts = np.flatnonzero(fresh)
    times = np.diff(np.append(starts, len(fresh)))
    first = places[starts]
    characters = ends[first + n] - ends[first]
    most = np.zeros(count, np.int64)
    np.maximum.at(most, owners[first], times << 32 | characters)
    return (most >> 32) * (most & 0xFFFFFFFF)


def _covered(places: "Array", *, n: int, length: int) -> "Array":
    """Which of ``length`` words lie in one of the n-grams that begin at ``places``."""
    import numpy as np

    steps = np.zeros(length + 1, np.int64)
    np.add.at(steps, places, 1)
    np.add.at(steps, places + n, -1)
    return np.cumsum(steps[:-1]) > 0


def _mixed(values: "Array") -> "Array":
    """Scatter the bits of uint64 values; one to one."""
    import numpy as np

    scattered: Array = (values ^ (values >> np.uint64(30))) * np.uint64(_MIX)
    scattered ^= scattered >> np.uint64(27)
    return scattered


def _ratio(part: "Array", whole: "Array") -> "Array":
    import numpy as np

    return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)
