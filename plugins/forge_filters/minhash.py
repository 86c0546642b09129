"""MinHash signatures and their bands: which documents are worth comparing.

Each of K permutations keeps one value a document; two documents agree on it with a probability equal to the Jaccard
index of their shingles. One hash a shingle serves all K: it picks the permutation and gives the value. Rounds with
fresh hashes follow only while permutations are empty, so that short documents are sketched as well as long ones.
K permutations are cut into bands; documents that agree on a whole band are candidates, and candidates are verified.

Sources: Dahlgaard, Knudsen, Thorup, "Fast Similarity Sketching", FOCS 2017; Leskovec, Rajaraman, Ullman, "Mining of
Massive Datasets", chapter 3. Costs some 10 nanoseconds a shingle. Needs numba: see `forge_filters.shingles`.
"""

import numpy as np

from forge_filters.shingles import Array, compiled, mix, shingles

_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_HALF = np.uint64(32)
_BYTE = np.uint64(8)
_ROUND = np.uint64(0x9E3779B97F4A7C15)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_LOW_BYTE = np.uint64(0xFF)


@compiled
def sketch(values: Array, count: int, signature: Array) -> None:
    """Fill ``signature`` (uint64, one value a permutation) from the first ``count`` shingles; leaves it full.

    A value is a hash, distinct between rounds. Without shingles every permutation is empty.
    """
    size = len(signature)
    signature[:] = _EMPTY
    if count == 0:
        return
    empty = size
    for turn in range(2 * size):
        salt = np.uint64(turn + 1) * _ROUND
        top = np.uint64(min(turn, 255)) << np.uint64(56)
        for place in range(count):
            value = mix(values[place] + salt)
            where = np.int64(((value & _LOW_HALF) * np.uint64(size)) >> _HALF) if turn < size else np.int64(turn - size)
            entry = top | (value >> _BYTE)
            if entry < signature[where]:
                if signature[where] == _EMPTY:
                    empty -= 1
                signature[where] = entry
        if empty == 0:
            break


@compiled
def sign(data: Array, offsets: Array, guards: Array, shape: tuple[int, int, int]) -> tuple[Array, Array, Array]:
    """Band keys, short signatures and numbers of shingles of a batch of texts.

    Args:
        data: UTF-8 bytes. offsets: n + 1 offsets into them.
        guards: uint64, n: texts whose guards differ share no key.
        shape: words in a shingle, permutations, bands.

    Returns:
        keys (uint64, n x bands), signatures (uint8, n x permutations), numbers of shingles (int64, n).
    """
    ngram, permutations, bands = shape
    rows = permutations // bands
    size = len(offsets) - 1
    keys = np.empty((size, bands), np.uint64)
    short = np.empty((size, permutations), np.uint8)
    counts = np.empty(size, np.int64)
    signature = np.empty(permutations, np.uint64)
    longest = 0
    for row in range(size):
        longest = max(longest, offsets[row + 1] - offsets[row])
    values = np.empty(longest + 1, np.uint64)
    for row in range(size):
        counts[row] = shingles(data, (offsets[row], offsets[row + 1]), ngram, values)
        sketch(values, counts[row], signature)
        for place in range(permutations):
            short[row, place] = np.uint8(signature[place] & _LOW_BYTE)  # high bits of a minimum are mostly zero
        for band in range(bands):
            key = mix(guards[row] + np.uint64(band + 1) * _ROUND)
            for place in range(band * rows, (band + 1) * rows):
                key = mix(key ^ signature[place])
            keys[row, band] = key
    return keys, short, counts


def found_share(similarity: float, *, rows: int, bands: int) -> float:
    """Expected share of the pairs of a Jaccard index that agree on at least one band: the S-curve."""
    return 1.0 - (1.0 - similarity**rows) ** bands


def s_curve(*, permutations: int, bands: int) -> str:
    """The S-curve in one line, from 0.4 to 1."""
    rows = permutations // bands
    points = [(step / 20, found_share(step / 20, rows=rows, bands=bands)) for step in (8, 10, 12, 14, 15, 16, 17, 18)]
    return ", ".join(f"{similarity:g}: {share:.2%}" for similarity, share in points)


def least_estimate(threshold: float, permutations: int) -> int:
    """Agreeing bytes of two signatures below which a pair is not worth an exact comparison.

    Five standard deviations below what the threshold leads to expect: one pair in three million is lost by it.
    """
    chance = threshold + (1 - threshold) / 256
    spread = (chance * (1 - chance) * permutations) ** 0.5
    return max(0, int(chance * permutations - 5 * spread))


@compiled
def agreeing(left: Array, right: Array) -> int:
    """How many bytes of two signatures are equal."""
    same = 0
    for place in range(len(left)):
        same += left[place] == right[place]
    return same
