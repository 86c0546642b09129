"""How many calls are under way at once: more while answers come quickly, fewer on 429 and when they grow slow.

Additive increase, multiplicative decrease (Chiu and Jain, 1989): each answer adds 1/limit, a refusal halves the limit,
an answer three times as slow as the best lately takes a tenth off. A refusal also holds all calls back for as long as
the server asks. Belongs to one event loop.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SLOW = 3.0


class Pace:
    """A limit on calls under way that finds its level between 1 and ``most``."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.limit = float(min(4, most))
        self._flying = 0
        self._open_at = 0.0
        self._best: float | None = None
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[None]:
        """Wait for a place, and for the end of a pause."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._flying < max(1, int(self.limit)))
            self._flying += 1
        try:
            while (wait := self._open_at - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            yield
        finally:
            async with self._changed:
                self._flying -= 1
                self._changed.notify_all()

    def answered(self, seconds: float) -> None:
        """An answer came after ``seconds``."""
        best = seconds if self._best is None else min(seconds, self._best * 1.02)
        if seconds > _SLOW * best and seconds > 0.5:
            self.limit = max(1.0, self.limit * 0.9)
        else:
            self.limit = min(float(self.most), self.limit + 1.0 / self.limit)
        self._best = best

    def refused(self, wait: float) -> None:
        """The server has too much to do; nothing is sent for ``wait`` seconds."""
        self.limit = max(1.0, self.limit / 2)
        self._open_at = max(self._open_at, time.monotonic() + wait)
