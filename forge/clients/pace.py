"""The rate limit by host, shared by all threads and worker processes of a workspace.

Each host has a small file that says when the next request may begin. Whoever wants to ask takes the next place in the
queue under a lock and then waits for it without the lock; a process that dies has at most wasted its place. A 429 moves
the queue and doubles the interval for ten minutes. Cost: some 0.2 ms a request to a host with an interval, else one
failed `open`.
"""

import hashlib
import json
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from forge.clients.failures import Final

LONGEST_INTERVAL = 10.0
"""Seconds to which repeated 429s raise the interval at most."""
_SLOW = 600.0
_LOCK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Pace:
    """Places in the queue of each host, kept in ``folder``; ``longest`` is the longest wait for one, in seconds."""

    folder: Path
    longest: float = 3600.0

    def wait(self, host: str, interval: float) -> None:
        """Wait until a request to ``host`` may begin, ``interval`` seconds after the one before.

        Raises:
            Final: the queue is too long.
        """
        delay = self._take(host, interval) - time.time()
        if delay > self.longest:
            raise Final(f"its host lets in a request only in {delay:.0f} s; run the same command again later")
        if delay > 0:
            time.sleep(delay)

    def hold(self, host: str, seconds: float) -> None:
        """Let no request begin within ``seconds``, and fewer after that: the host has said that we are too fast."""
        with self._lock(host):
            state = self._read(host)
            now = time.time()
            state["next"] = max(state["next"], now + seconds)
            state["interval"] = min(2 * max(state["interval"], state["asked"]), LONGEST_INTERVAL)
            state["until"] = now + _SLOW
            self._write(host, state)

    def _take(self, host: str, interval: float) -> float:
        """The time of the next free place, which is now taken."""
        path = self._path(host)
        if not interval and not path.exists():
            return 0.0
        with self._lock(host):
            state, now = self._read(host), time.time()
            if state["until"] < now:
                state["interval"] = 0.0
            place = max(now, state["next"])
            if place - now <= self.longest:
                state["next"] = place + max(interval, state["interval"])
                state["asked"] = interval
                self._write(host, state)
            return place

    def _lock(self, host: str) -> AbstractContextManager[object]:
        from filelock import FileLock

        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self._path(host).with_suffix(".lock"), timeout=_LOCK_SECONDS)

    def _read(self, host: str) -> dict[str, float]:
        empty = {"next": 0.0, "interval": 0.0, "asked": 0.0, "until": 0.0}
        try:
            return {**empty, **json.loads(self._path(host).read_bytes())}
        except (FileNotFoundError, json.JSONDecodeError):
            return empty

    def _write(self, host: str, state: dict[str, float]) -> None:
        # No flush: a queue that a power cut forgets does no harm.
        self._path(host).write_text(json.dumps(state), encoding="utf-8")

    def _path(self, host: str) -> Path:
        return self.folder / f"{hashlib.sha256(host.encode()).hexdigest()[:24]}.json"
