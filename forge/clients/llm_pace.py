"""How many calls are under way at once: more while answers come quickly, fewer on 429 and when they grow slow.

Additive increase, multiplicative decrease (Chiu and Jain, 1989): each answer adds 1/limit, a refusal halves the limit,
an answer three times as slow as the best lately takes a tenth off: slow for its length, since long answers take long. A
refusal also holds all calls back for as long as the server asks. Belongs to one event loop.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_SLOW = 3.0
_LEAST = 2
"""Slowness alone brings the limit no lower: a server answers two at once in little more time than one."""
_START, _READ = 20.0, 0.05
"""What an answer costs before its first token, and what a token of the prompt does, in tokens that are written."""


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

    def answered(self, seconds: float, *, prompt: int = 0, completion: int = 0) -> None:
        """An answer came after ``seconds``; ``prompt`` and ``completion`` are its tokens."""
        pace = seconds / (_START + prompt * _READ + completion)
        best = pace if self._best is None else min(pace, self._best * 1.02)
        if pace > _SLOW * best and seconds > 0.5:
            self.limit = max(min(self.limit, float(_LEAST)), self.limit * 0.9)
        else:
            self.limit = min(float(self.most), self.limit + 1.0 / self.limit)
        self._best = best

    def refused(self, wait: float) -> None:
        """The server has too much to do; nothing is sent for ``wait`` seconds."""
        self.limit = max(1.0, self.limit / 2)
        self._open_at = max(self._open_at, time.monotonic() + wait)
