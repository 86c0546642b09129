"""Planted corruption: what the ladder has to catch, thirteen kinds of it.

    broken = mutate(trajectory, "wrong-type", seed=1)     # None where the trajectory has no place for it

A mutation changes one thing as a careless or dishonest model would, and leaves the rest, the blueprint above all, as
it is. `caught` counts what the deterministic rungs make of many. Some 50 microseconds a mutation.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from forge.records import Trajectory, stable_id
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.mutations_arguments import (
    extra_argument,
    hallucinated_value,
    missing_required,
    stale_id,
    unknown_tool,
    wrong_enum,
    wrong_type,
)
from forge_trajectories.ladder.mutations_dialogue import (
    blind_retry,
    contradicting_answer,
    false_success,
    orphan_id,
    swapped_order,
    truncated_json,
)
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.picking import Picks

MUTATIONS: Mapping[str, Callable[[Trajectory, Picks], Trajectory | None]] = {
    "wrong-type": wrong_type,
    "missing-required": missing_required,
    "unknown-tool": unknown_tool,
    "hallucinated-value": hallucinated_value,
    "swapped-order": swapped_order,
    "orphan-id": orphan_id,
    "blind-retry": blind_retry,
    "false-success": false_success,
    "contradicting-answer": contradicting_answer,
    "truncated-json": truncated_json,
    "wrong-enum": wrong_enum,
    "extra-argument": extra_argument,
    "stale-id": stale_id,
}
"""What is planted, by kind."""


def mutate(trajectory: Trajectory, kind: str, seed: int = 0) -> Trajectory | None:
    """The trajectory with one thing corrupted; None where nothing in it can be corrupted so.

    Raises:
        ValueError: ``kind`` is none of `MUTATIONS`.
    """
    if kind not in MUTATIONS:
        raise ValueError(f"kind is one of {', '.join(MUTATIONS)}; this is {kind!r}")
    if trajectory.blueprint is None or "operations" not in trajectory.blueprint:
        return None
    made = MUTATIONS[kind](trajectory, Picks(f"{trajectory.id}/{kind}/{seed}"))
    if made is None:
        return None
    return replace(made, id=stable_id("mutation", trajectory.id, kind, str(seed)), checks=())


@dataclass(slots=True, kw_only=True)
class Caught:
    """What became of the mutations of one kind.

    Attributes:
        planted, caught: how many. codes: reason codes of those caught, counted. missed: ids of the others' originals.
    """

    planted: int = 0
    caught: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Caught of planted; 1 where nothing was planted."""
        return self.caught / self.planted if self.planted else 1.0


@dataclass(slots=True, kw_only=True)
class MutationReport:
    """The mutation test: rows by kind, and the untouched trajectories."""

    rows: dict[str, Caught] = field(default_factory=dict)
    untouched: int = 0
    accepted: int = 0
    refused: list[tuple[str, Check]] = field(default_factory=list)

    @property
    def planted(self) -> int:
        """Mutations of every kind."""
        return sum(row.planted for row in self.rows.values())

    @property
    def share(self) -> float:
        """Caught of planted, over all kinds."""
        return sum(row.caught for row in self.rows.values()) / self.planted if self.planted else 1.0


def mutation_report(
    trajectories: Iterable[Trajectory], *, kinds: Sequence[str] = tuple(MUTATIONS), seed: int = 0
) -> MutationReport:
    """Verify each trajectory untouched, and once with each kind of corruption that it has a place for."""
    report = MutationReport(rows={kind: Caught() for kind in kinds})
    for trajectory in trajectories:
        report.untouched += 1
        failed = first_failure(verify(trajectory))
        if failed is not None:
            report.refused.append((trajectory.id, failed))
            continue
        report.accepted += 1
        for kind in kinds:
            broken = mutate(trajectory, kind, seed)
            if broken is not None:
                _count(report.rows[kind], trajectory, first_failure(verify(broken)))
    return report


def _count(row: Caught, trajectory: Trajectory, failed: Check | None) -> None:
    row.planted += 1
    if failed is None:
        row.missed.append(trajectory.id)
    else:
        row.caught += 1
        row.codes[failed.code] = row.codes.get(failed.code, 0) + 1


def table(report: MutationReport) -> list[dict[str, object]]:
    """The report by kind, as rows of plain values: kind, planted, caught, share and the most frequent reason."""
    rows: list[dict[str, object]] = []
    for kind, row in report.rows.items():
        reason = max(row.codes, key=lambda code: (row.codes[code], code), default="")
        share = round(row.share, 4)
        rows.append({"kind": kind, "planted": row.planted, "caught": row.caught, "share": share, "reason": reason})
    return rows
