"""How far a running synthesis has come: a small file a partition, for whoever watches from another process.

Nothing is decided by it; it is written at most once a second, and gone when the partition is done. A killed process
leaves its file: whoever is about to start a run, and to watch it, forgets those first.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from forge_trajectories.synthesis.scratch_files import PROGRESS

if TYPE_CHECKING:
    from forge_trajectories.synthesis.driver import Outcome

EVERY = 1.0


@dataclass(kw_only=True)
class Pulse:
    """Writes the progress of one partition."""

    path: Path
    _last: float = field(default=0.0, init=False)

    @classmethod
    def of(cls, folder: Path, partition: str) -> "Pulse":
        """The pulse of a partition, in a step's scratch directory."""
        return cls(path=PROGRESS.path(folder, partition))

    def beat(self, outcome: "Outcome") -> None:
        """Say how far the run has come."""
        now = time.monotonic()
        if now - self._last >= EVERY:
            self._last = now
            facts = {"accepted": outcome.accepted, "attempts": len(outcome.settled), "blueprints": outcome.blueprints}
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(orjson.dumps(facts))

    def end(self) -> None:
        """The partition is done."""
        self.path.unlink(missing_ok=True)


def forget(folder: Path) -> None:
    """Remove what killed processes left; for one that holds the workspace, so that nobody else is at work."""
    PROGRESS.drop(folder)


def progress(folder: Path) -> Mapping[str, int]:
    """Sums over the partitions under way; a file half written counts for nothing."""
    total = {"accepted": 0, "attempts": 0, "blueprints": 0}
    for path in sorted(folder.glob(PROGRESS.pattern)):
        try:
            facts = orjson.loads(path.read_bytes())
            total = {name: total[name] + int(facts[name]) for name in total}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return total
