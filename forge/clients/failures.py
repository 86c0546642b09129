"""How an exchange fails, and how long to wait before the next attempt.

`Again` may pass (a busy server, a broken connection); `Final` will not (a refused address, a body over the limit).
Both carry a reason without the address: the client adds it, redacted. Costs the standard library.
"""

import email.utils
import random
import time

_BUSY = frozenset({408, 425, 429})
_LASTING = frozenset({501, 505, 511})


def is_passing(status: int) -> bool:
    """Whether another attempt may not meet this status: 408, 425, 429, and what is wrong with the server (5xx)."""
    return status in _BUSY or (status >= 500 and status not in _LASTING)


class Again(Exception):  # noqa: N818
    """A failure that may pass; ``wait`` is what the server asks for in seconds, if it does."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


class Final(Exception):  # noqa: N818
    """A failure that stays."""


def retry_after(header: str | None) -> float | None:
    """``Retry-After`` as seconds from now: a number of seconds or an HTTP date (RFC 9110, 10.2.3)."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        then = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, then.timestamp() - time.time())


def growing_wait(attempt: int, *, first: float, longest: float) -> float:
    """Seconds before the attempt after ``attempt`` (1, 2, ...): doubled each time, with up to half as much again.

    The random part keeps the workers of a build from coming back all at once; near ``longest`` it takes up to a fifth
    off instead.
    """
    wait = first * 2.0 ** min(attempt - 1, 30)
    return wait * random.uniform(1.0, 1.5) if wait * 1.5 <= longest else longest * random.uniform(0.8, 1.0)


def spread(wait: float) -> float:
    """What a server asks for, and up to a tenth more: those that it sent away together come back apart."""
    return wait * random.uniform(1.0, 1.1)
