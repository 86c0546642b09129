"""Which bytes of UTF-8 belong to words, and those in lower case: tables and masks over whole pieces, length for length.

Characters are folded by Unicode's rules where what they fold to is as long: of two bytes all, of three those of the
blocks that know case (Vietnamese, old Greek, Georgian, Cherokee, fullwidth). Of three and four bytes, blanks,
punctuation, signs and pictures part words, the rest are letters. Some 500 MB of ASCII a second.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BACKSLASH = 0x5C
_CASED_LEADS = (0xE1, 0xEF)
"""U+1000-1FFF and U+F000-FFFF, with fullwidth punctuation; what else of three bytes knows case is for historians."""


def lower_letters(data: "NDArray[np.uint8]", offsets: "NDArray[np.int64]") -> "NDArray[np.uint8]":
    """The bytes in lower case, and 0 where a byte belongs to no word."""
    import numpy as np

    letters = _ascii_table()[data]
    escaped = np.flatnonzero(data[:-1] == _BACKSLASH) + 1
    if len(escaped):
        escaped = escaped[np.isin(data[escaped], np.frombuffer(b"ntrNTR", np.uint8))]
        letters[escaped[np.isin(escaped, offsets, invert=True)]] = 0
    if len(data) and data.max() >= 0x80:
        _fold_wide(data, letters)
    return letters


def _fold_wide(data: "NDArray[np.uint8]", letters: "NDArray[np.uint8]") -> None:
    """Lower case for characters of two bytes; symbols and blanks of two to four bytes belong to no word."""
    import numpy as np

    leads = np.flatnonzero((data[:-1] >= 0xC2) & (data[:-1] <= 0xDF))
    points = ((data[leads] & 0x1F).astype(np.int64) << 6) | (data[leads + 1] & 0x3F)
    lower = _two_byte_table()[points]
    letters[leads] = np.where(lower, 0xC0 | (lower >> 6), 0)
    letters[leads + 1] = np.where(lower, 0x80 | (lower & 0x3F), 0)
    # U+2000-2FFF: punctuation, blanks, arrows, signs; U+3000-303F: East Asian punctuation; U+FExx, the byte-order mark;
    # and U+1Fxxx: pictures.
    following = data[1:]
    for lead, second, width in ((0xE2, None, 3), (0xE3, 0x80, 3), (0xEF, 0xB8, 3), (0xEF, 0xBB, 3), (0xF0, 0x9F, 4)):
        found = np.flatnonzero(data[:-1] == lead)
        if second is not None:
            found = found[following[found] == second]
        for place in range(width):
            letters[np.minimum(found + place, len(data) - 1)] = 0
    _fold_three(data, letters)


def _fold_three(data: "NDArray[np.uint8]", letters: "NDArray[np.uint8]") -> None:
    """Lower case for characters of three bytes, in the two ranges that know case; their signs belong to no word."""
    import numpy as np

    for lead in _CASED_LEADS:
        found = np.flatnonzero(data[:-2] == lead)
        found = found[letters[found] != 0]
        if not len(found):
            continue
        points = ((data[found + 1] & 0x3F).astype(np.int64) << 6) | (data[found + 2] & 0x3F)
        lower = _three_byte_table(lead)[points]
        letters[found] = np.where(lower, 0xE0 | (lower >> 12), 0)
        letters[found + 1] = np.where(lower, 0x80 | ((lower >> 6) & 0x3F), 0)
        letters[found + 2] = np.where(lower, 0x80 | (lower & 0x3F), 0)


@lru_cache(maxsize=1)
def _ascii_table() -> "NDArray[np.uint8]":
    import numpy as np

    table = np.arange(256, dtype=np.uint8)
    for code in range(128):
        table[code] = ord(chr(code).lower()) if chr(code).isalnum() else 0
    return table


@lru_cache(maxsize=1)
def _two_byte_table() -> "NDArray[np.int64]":
    """Folded, by code point below U+0800."""
    import numpy as np

    return np.array([_folded(code, 0x80, 0x800) for code in range(0x800)], np.int64)


@lru_cache(maxsize=2)
def _three_byte_table(lead: int) -> "NDArray[np.int64]":
    """Folded, by the last 12 bits, for the code points that begin with this byte."""
    import numpy as np

    first = (lead & 0x0F) << 12
    return np.array([_folded(code, 0x800, 0x10000) for code in range(first, first + 0x1000)], np.int64)


def _folded(code: int, least: int, end: int) -> int:
    """What a character of the code points from ``least`` to before ``end`` is compared as, in as many bytes.

    0 for what is in no word; combining marks are. By way of the upper case where that can be: micro sign and mu, and
    both sigmas, have one upper case.
    """
    import unicodedata

    if not (chr(code).isalnum() or unicodedata.category(chr(code)).startswith("M")):
        return 0
    lower = chr(code).upper().lower()
    for form in (lower, chr(code).lower()):
        if len(form) == 1 and least <= ord(form) < end:
            return ord(form)
    return code
