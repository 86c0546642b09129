"""Accepted trajectories verified once more, from what is stored of them alone. Some 2 milliseconds each."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from forge.records import Trajectory
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.verify import first_failure, verify


@dataclass(slots=True, kw_only=True)
class Reverified:
    """What came of it: how many there were, how many passed, and id and failed check of the others."""

    verified: int = 0
    passed: int = 0
    failed: list[tuple[str, Check]] = field(default_factory=list)


def reverify(trajectories: Iterable[Trajectory]) -> Reverified:
    """Climb the ladder with each; the checks that they carry count for nothing."""
    found = Reverified()
    for trajectory in trajectories:
        failed = first_failure(verify(trajectory))
        found.verified += 1
        found.passed += failed is None
        if failed is not None:
            found.failed.append((trajectory.id, failed))
    return found
