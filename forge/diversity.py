"""Who dominates: how diverse a set of groups is, and how much of it can be had when none may pass a share.

Sizes are counts of anything: APIs, documents, tokens. Every function costs one sort of the groups.

Source: Hill, "Diversity and Evenness", Ecology 54 (1973): the effective number of groups of order 1 (Shannon) and of
order 2 (Simpson).
"""

import math
from collections.abc import Iterable


def effective_number(sizes: Iterable[int]) -> float:
    """How many groups of equal size would be as diverse: exp of the Shannon entropy; 0 without any."""
    shares = _shares(sizes)
    return math.exp(-math.fsum(share * math.log(share) for share in shares)) if shares else 0.0


def effective_number_of_large(sizes: Iterable[int]) -> float:
    """The same of order 2, the inverse Simpson index, to which small groups hardly count; 0 without any."""
    shares = _shares(sizes)
    return 1 / math.fsum(share * share for share in shares) if shares else 0.0


def most_under_cap(sizes: Iterable[int], *, cap: float, free: int = 0) -> int:
    """The most that can be taken of all groups so that none has more than ``cap`` (0 to 1) of what is taken.

    Args:
        free: what belongs to no group, and is never capped.
    """
    largest_first = sorted(sizes, reverse=True)
    rest = sum(largest_first) + free
    for held, largest in enumerate([*largest_first, 0]):
        room = 1 - held * cap
        if room <= 0:
            break
        if largest <= cap * rest / room:  # those before it fill their part, all others give what they have
            return int(rest / room)
        rest -= largest
    return 0


def _shares(sizes: Iterable[int]) -> list[float]:
    present = sorted(size for size in sizes if size > 0)
    total = sum(present)
    return [size / total for size in present]
