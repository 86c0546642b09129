"""Words and shingles of texts, as 64-bit hashes, in one pass over Arrow's own buffers.

A word is a run of letters, digits and underscores; ASCII letters count without their case. Blanks, ASCII punctuation,
and the punctuation of Latin-1, of U+2000 to U+207F and of CJK end a word. A character from U+3000 on is a word of its
own, since the scripts found there write no blanks. A shingle is ``ngram`` consecutive words; a text of fewer words is
one shingle, one without words has none. Some 300 MB of text a second and core, compiled by numba; the first import on a
machine compiles for a few seconds. Two shingles with one hash are not to be expected below some 10**9 of them.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numba
import numpy as np

if TYPE_CHECKING:
    import pyarrow as pa

Array = np.ndarray[Any, Any]
F = TypeVar("F", bound=Callable[..., Any])

_SPLIT = 0
_LONE = 2

_PRIME = np.uint64(0x100000001B3)
_BASIS = np.uint64(0xCBF29CE484222325)
_ROLL = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)
_ZERO = np.uint64(0)
_ONE = np.uint64(1)


def compiled(function: F) -> F:
    """The function as machine code, kept on disk beside the source or in the user's cache where one can be written."""
    try:
        fast = numba.njit(function, cache=True, nogil=True)
    except RuntimeError:  # nowhere to keep it: compiled anew by each process
        fast = numba.njit(function, nogil=True)
    found: F = fast
    return found


def buffers(texts: "pa.Array") -> tuple[Array, Array]:
    """UTF-8 bytes and the n + 1 offsets into them of a string array, without a copy; a missing text is empty."""
    if texts.null_count:
        texts = texts.fill_null("")
    width = np.int64 if str(texts.type).startswith("large") else np.int32
    _, offsets, data = texts.buffers()
    bounds = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1] if offsets else np.zeros(1)
    raw = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return raw, bounds.astype(np.int64)


def _classes() -> tuple[Array, Array]:
    """By byte: whether it ends a word, belongs to one, or begins a word of its own; and its lower case."""
    kinds = np.ones(256, np.uint8)
    lower = np.arange(256, dtype=np.uint8)
    for byte in range(128):
        kinds[byte] = chr(byte).isalnum() or chr(byte) == "_"
        lower[byte] = ord(chr(byte).lower())
    kinds[0xE3:] = _LONE
    return kinds, lower


_KINDS, _LOWER = _classes()


@compiled
def mix(value: Any) -> Any:
    """The finaliser of splitmix64: every bit of the input moves every bit of the output."""
    value = (value ^ (value >> _S30)) * _MIX_1
    value = (value ^ (value >> _S27)) * _MIX_2
    return value ^ (value >> _S31)


@compiled
def _wide(data: Array, place: int, stop: int) -> tuple[int, int]:
    """Kind and length in bytes of the character beyond ASCII that begins at ``place``."""
    lead = data[place]
    second = data[place + 1] if place + 1 < stop else 0
    if lead == 0xC2:
        return (_SPLIT if second < 0xC0 and second not in (0xAA, 0xB5, 0xBA) else 1), 2
    if lead == 0xE2 and second in (0x80, 0x81):
        return _SPLIT, 3
    if lead == 0xE3 and second == 0x80:
        return _SPLIT, 3
    if lead >= 0xE3:
        return _LONE, 4 if lead >= 0xF0 else 3
    return 1, 1


@compiled
def _words(data: Array, start: int, stop: int, out: Array) -> int:
    """Hashes of the words between two offsets, written to ``out``; returns their number."""
    count = 0
    value = _BASIS
    inside = False
    place = start
    while place < stop:
        byte = data[place]
        step = 1
        kind = _KINDS[byte]
        if byte >= 0xC2:
            kind, step = _wide(data, place, stop)
        if kind == 1:
            value = (value ^ np.uint64(_LOWER[byte])) * _PRIME
            if step == 2:
                value = (value ^ np.uint64(data[place + 1])) * _PRIME
            inside = True
        else:
            if inside:
                out[count] = value
                count += 1
                value = _BASIS
                inside = False
            if kind == _LONE:
                for near in range(place, min(place + step, stop)):
                    value = (value ^ np.uint64(data[near])) * _PRIME
                out[count] = value
                count += 1
                value = _BASIS
        place += step
    if inside:
        out[count] = value
        count += 1
    return count


@compiled
def shingles(data: Array, span: tuple[int, int], ngram: int, out: Array) -> int:
    """Hashes of the shingles of the text that ``span`` bounds, with repeats, written to ``out``; returns their number.

    ``out`` needs room for one value more than there are bytes.
    """
    words = _words(data, span[0], span[1], out)
    if words == 0:
        return 0
    length = min(ngram, words)
    oldest = _ONE
    for _ in range(length):
        oldest *= _ROLL
    rolling = _ZERO
    for place in range(length):
        rolling = rolling * _ROLL + out[place]
    last = words - length
    for place in range(last):
        first = out[place]
        out[place] = mix(rolling)
        rolling = rolling * _ROLL + out[place + length] - first * oldest
    out[last] = mix(rolling)
    return last + 1


@compiled
def shingle_sets(data: Array, offsets: Array, rows: Array, ngram: int) -> tuple[Array, Array]:
    """Sorted distinct shingles of the texts at ``rows``, end to end, and how many each has."""
    room = 0
    for row in rows:
        room += (offsets[row + 1] - offsets[row]) // 2 + 2
    found = np.empty(room, np.uint64)
    lengths = np.empty(len(rows), np.int64)
    total = 0
    for number, row in enumerate(rows):
        buffer = np.empty(offsets[row + 1] - offsets[row] + 1, np.uint64)
        count = shingles(data, (offsets[row], offsets[row + 1]), ngram, buffer)
        ordered = np.sort(buffer[:count])
        before = total
        for place in range(count):
            if place == 0 or ordered[place] != ordered[place - 1]:
                found[total] = ordered[place]
                total += 1
        lengths[number] = total - before
    return found[:total], lengths


@compiled
def jaccard(left: Array, right: Array) -> float:
    """Size of the intersection of two sorted sets over that of their union; 0 if both are empty."""
    shared, i, j = 0, 0, 0
    while i < len(left) and j < len(right):
        if left[i] == right[j]:
            shared += 1
            i += 1
            j += 1
        elif left[i] < right[j]:
            i += 1
        else:
            j += 1
    union = len(left) + len(right) - shared
    return shared / union if union else 0.0
