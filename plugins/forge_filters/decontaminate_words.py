"""Words of many texts at once, as hashes of which those of any run of words follow: numpy over Arrow's bytes.

A word is a run of letters and digits in lower case; everything else, underscores and punctuation included, only parts
words, and so do the escapes ``\\n``, ``\\t`` and ``\\r`` of JSON. A text and the same text cased, respaced or quoted
otherwise thus have the same words. Words are hashed by a polynomial over their bytes, runs of words by one over their
words' hashes; both come from prefix sums modulo 2**64, so that a run of any length costs one subtraction. Some 100 MB
of text a second; memory: about 40 bytes for each byte of the piece at hand.

Source: Karp and Rabin, "Efficient randomized pattern-matching algorithms", IBM Journal of Research and Development
31(2), 1987. Hashes guard against chance, not against somebody who makes texts collide.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from forge_filters.decontaminate_letters import lower_letters

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

PIECE_BYTES = 1 << 19
_ODD_BYTE = 0x9E3779B97F4A7C15
_ODD_WORD = 0xD1342543DE82EF95
_ODD_BYTE_INVERSE = pow(_ODD_BYTE, -1, 1 << 64)
_ODD_WORD_INVERSE = pow(_ODD_WORD, -1, 1 << 64)
_MIX = 0xFF51AFD7ED558CCD
_LENGTH = 0xC4CEB9FE1A85EC53
_WORD64 = 1 << 64
_CONTINUATION = 0xC0


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The words of a piece: n words, in the order of the texts.

    Attributes:
        data: the piece's bytes, uint8. offsets: where its d texts begin in ``data``, and where the last ends; int64,
            shape (d + 1,).
        first: number of the piece's first text within its batch.
        starts, ends: of each word in ``data``, int64, shape (n,). sums: prefix sums of the word hashes, uint64,
            shape (n + 1,).
    """

    data: "NDArray[np.uint8]"
    offsets: "NDArray[np.int64]"
    first: int
    starts: "NDArray[np.int64]"
    ends: "NDArray[np.int64]"
    sums: "NDArray[np.uint64]"

    def __len__(self) -> int:
        return len(self.starts)

    def keys(self, length: int, begin: int = 0, end: int | None = None) -> "NDArray[np.uint64]":
        """One key for each run of ``length`` words within the words ``begin`` to ``end``, wherever texts end."""
        import numpy as np

        sums = self.sums[begin : len(self) + 1 if end is None else end + 1]
        if len(sums) <= length:
            return np.zeros(0, np.uint64)
        runs = sums[length:] - sums[:-length]
        runs *= powers(_ODD_WORD_INVERSE, len(self))[begin : begin + len(runs)]
        runs += np.uint64(length * _LENGTH % _WORD64)
        return _mixed(runs)

    def run_keys(self, begins: "NDArray[np.int64]", ends: "NDArray[np.int64]") -> "NDArray[np.uint64]":
        """The keys of the runs from each of ``begins`` to before the word of the same place in ``ends``."""
        import numpy as np

        runs = self.sums[ends] - self.sums[begins]
        runs *= powers(_ODD_WORD_INVERSE, len(self))[begins]
        runs += (ends - begins).astype(np.uint64) * np.uint64(_LENGTH)
        return _mixed(runs)

    def all_bounds(self) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
        """Of each text the first word, and the first after it."""
        import numpy as np

        edges = np.searchsorted(self.starts, self.offsets).astype(np.int64)
        return edges[:-1], edges[1:]

    def texts_at(self, words: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Which text of the piece each of these words is in."""
        import numpy as np

        return np.asarray(np.searchsorted(self.offsets, self.starts[words], side="right") - 1)

    def bounds(self, text: int) -> tuple[int, int]:
        """The first word of a text, and the first after it."""
        import numpy as np

        begin, end = np.searchsorted(self.starts, self.offsets[text : text + 2])
        return int(begin), int(end)

    def characters(self, text: int, begin: int, end: int) -> tuple[int, int]:
        """Character offsets, in their text, of the span from word ``begin`` to before word ``end``."""
        import numpy as np

        origin, start, stop = int(self.offsets[text]), int(self.starts[begin]), int(self.ends[end - 1])
        leads = (self.data[origin:stop] & _CONTINUATION) != 0x80
        before = int(np.count_nonzero(leads[: start - origin]))
        return before, before + int(np.count_nonzero(leads[start - origin :]))


def read_words(texts: "pa.Array") -> Iterator[Words]:
    """The words of a string array, in pieces of whole texts; a missing text has none."""
    import numpy as np
    import pyarrow as pa

    texts = texts.cast(pa.large_string())
    if not len(texts):
        return
    offsets = np.frombuffer(texts.buffers()[1], np.int64)[texts.offset : texts.offset + len(texts) + 1]
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    begin = 0
    while begin < len(texts):
        fits = int(np.searchsorted(offsets, offsets[begin] + PIECE_BYTES, side="right")) - 1
        end = min(len(texts), max(fits, begin + 1))
        piece = data[offsets[begin] : offsets[end]]
        yield _words(piece, offsets[begin : end + 1] - offsets[begin], first=begin)
        begin = end


def words_of(texts: Sequence[str]) -> Iterator[Words]:
    """`read_words` of texts outside Arrow; characters that UTF-8 cannot hold are replaced."""
    import pyarrow as pa

    yield from read_words(pa.array([text.encode("utf-8", "replace").decode() for text in texts], pa.string()))


def _words(data: "NDArray[np.uint8]", offsets: "NDArray[np.int64]", *, first: int) -> Words:
    import numpy as np

    letters = lower_letters(data, offsets)
    within = np.empty(len(data) + 2, np.bool_)
    within[0] = within[-1] = False
    np.not_equal(letters, 0, out=within[1:-1])
    edges = np.flatnonzero(within[1:] != within[:-1])
    joins = offsets[1:-1][within[offsets[1:-1]] & within[offsets[1:-1] + 1]]
    if len(joins):
        joins = np.repeat(np.unique(joins), 2)
        edges = np.insert(edges, np.searchsorted(edges, joins), joins)
    starts, ends = edges[::2], edges[1::2]
    sums = np.zeros(len(starts) + 1, np.uint64)
    if len(starts):
        terms = letters.astype(np.uint64)
        terms *= powers(_ODD_BYTE, len(data))[: len(data)]
        hashes = np.add.reduceat(terms, starts)
        hashes *= powers(_ODD_BYTE_INVERSE, len(data))[starts]
        hashes = _mixed(hashes)
        hashes *= powers(_ODD_WORD, len(starts))[: len(starts)]
        np.cumsum(hashes, out=sums[1:])
    return Words(data=data, offsets=offsets, first=first, starts=starts, ends=ends, sums=sums)


def _mixed(values: "NDArray[np.uint64]") -> "NDArray[np.uint64]":
    """A bijection of 64 bits, in place, that makes the high bits depend on all."""
    import numpy as np

    values ^= values >> np.uint64(32)
    values *= np.uint64(_MIX)
    values ^= values >> np.uint64(29)
    values *= np.uint64(_MIX)
    return values


def powers(base: int, count: int) -> "NDArray[np.uint64]":
    """At least ``count`` powers of ``base`` modulo 2**64, from the zeroth."""
    return _powers(base, max(count, PIECE_BYTES).bit_length())


@lru_cache(maxsize=12)
def _powers(base: int, bits: int) -> "NDArray[np.uint64]":
    import numpy as np

    table = np.full(1 << bits, base, np.uint64)
    table[0] = 1
    np.multiply.accumulate(table, out=table)
    return table
