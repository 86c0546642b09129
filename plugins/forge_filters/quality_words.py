"""Texts as the words that fastText would see, and a linear model applied to them in one pass over their bytes.

A text is lower-cased (ASCII), its digits become 0, and what is no letter or digit separates words; of a long word the
first 64 bytes count. Words are hashed as fastText hashes them (FNV-1a over signed bytes), and so are pairs of
neighbours, with the end of the text as a last word: a model that fastText trained on these words can be applied here
without it. The kernel runs over Arrow's buffers, some 200 MB of text a second; numba compiles it at first use, a few
seconds, and keeps the result on disk.

Source: Joulin et al., "Bag of Tricks for Efficient Text Classification", 2016; fastText's ``Dictionary``.
"""

from functools import cache
from typing import Any

import numpy as np

from forge_filters.shingles import Array, compiled

LONGEST = 64
"""Bytes of a word that count; what follows them to the word's end does not."""
FREE = np.int32(-(1 << 31))
"""The weight of a free place in a table of words."""
_SPACE = 0x20
# Of 64 bits, because numba widens sums and products of 32 to them.
_FIRST = np.uint64(2166136261)
_PRIME = np.uint64(16777619)
_PAIR = np.uint64(116049371)
_SIGN_OF_BYTE = np.uint64(0xFFFFFF00)
_LOW = np.uint64(0xFFFFFFFF)
_SIGN_BIT = np.uint64(0x80000000)
_HIGH = np.uint64(0xFFFFFFFF00000000)
_ONE = np.uint64(1)
_NONE = np.uint64(0x0000000100000000)  # no hash, sign and all, is this
_END_OF_TEXT = np.uint64(3617362777)  # of </s>


@compiled
def features(data: Array, offsets: Array, plain: Array, table: tuple[Array, Array, Array]) -> Array:
    """Sums of the weights of the words and pairs of each text, and how many words the model knows.

    Args:
        data: UTF-8 bytes. offsets: n + 1 offsets into them. plain: what becomes of each byte (uint8, 256).
        table: hashes (uint32) and weights (int32) of the words, an open-addressed table whose size is a power of two,
            and weights of the pairs' buckets (int32, a power of two).

    Returns:
        int64, shape (4, n): sums of the weights, how many were summed, words, and those of them that the model knows.
    """
    hashes, weights, pairs = table
    size = len(offsets) - 1
    found = np.zeros((4, size), np.int64)
    pair_mask = np.uint64(len(pairs) - 1)
    for row in range(size):
        before: Any = _NONE
        total, summed, words, known = 0, 0, 0, 0
        place, stop = offsets[row], offsets[row + 1]
        while place <= stop:
            value, place = _word(data, plain, place, stop)
            is_word = place <= stop
            words += is_word
            slot = _slot(hashes, weights, value)
            if weights[slot] != FREE:
                total += weights[slot]
                summed += 1
                known += is_word
            signed = value | _HIGH if value & _SIGN_BIT else value
            if before != _NONE:
                total += pairs[(before * _PAIR + signed) & pair_mask]
                summed += 1
            before = signed
        found[0, row], found[1, row], found[2, row], found[3, row] = total, summed, words, known
    return found


@compiled
def _word(data: Array, plain: Array, place: int, stop: int) -> tuple[np.uint64, int]:
    """The hash of the next word at or after ``place`` and where it ends; the end-of-text word and ``stop + 1``."""
    while place < stop and plain[data[place]] == _SPACE:
        place += 1
    if place == stop:
        return _END_OF_TEXT, stop + 1
    value = _FIRST
    end = min(stop, place + LONGEST)
    while place < stop:
        byte = plain[data[place]]
        if byte == _SPACE:
            break
        if place < end:
            wide = np.uint64(byte)
            if byte > 127:
                wide |= _SIGN_OF_BYTE
            value = ((value ^ wide) * _PRIME) & _LOW
        place += 1
    return value, place


@compiled
def _slot(hashes: Array, weights: Array, value: np.uint64) -> np.uint64:
    """Where a word lies in the table, or the free place at which looking for it ends."""
    mask = np.uint64(len(hashes) - 1)
    slot = value & mask
    while weights[slot] != FREE and hashes[slot] != value:
        slot = (slot + _ONE) & mask
    return slot


def line(text: str) -> bytes:
    """One text as the words that `features` sees, separated by blanks: what fastText is trained on."""
    raw = text.encode("utf-8", "replace").translate(table_of_bytes().tobytes())
    return b" ".join(word[:LONGEST] for word in raw.split(b" ") if word)


def hash_of(word: bytes) -> int:
    """fastText's hash of a word."""
    value = int(_FIRST)
    for byte in word:
        value = ((value ^ (byte - 256 if byte > 127 else byte) & 0xFFFFFFFF) * int(_PRIME)) & 0xFFFFFFFF
    return value


@cache
def table_of_bytes() -> Array:
    """What becomes of each byte; bytes of characters beyond ASCII stay."""
    table = np.full(256, _SPACE, np.uint8)
    table[0x80:] = np.arange(0x80, 0x100)
    table[ord("0") : ord("9") + 1] = ord("0")
    for letter in range(ord("a"), ord("z") + 1):
        table[letter] = table[letter - 32] = letter
    return table
