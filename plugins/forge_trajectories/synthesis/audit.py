"""What the ladder is worth on what it has just accepted: corruption planted in a sample of it, and the judge's labels.

At the end of a partition up to `SAMPLE` accepted trajectories are corrupted in each of the ways that they have a place
for, and verified again; a fifth of a second. Where a judge is set, it is asked about `LABELLED` corrupted ones besides:
some 40 short questions, within the judge's budget. The counts lie as JSON beside the partition's attempts.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from forge.files import atomic_path
from forge.records import Trajectory, to_json
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.judge import Agreement, agreement, judge_calls, labelled, verdict
from forge_trajectories.ladder.mutations import Caught, MutationReport, mutation_report
from forge_trajectories.synthesis.author_draft import Usage
from forge_trajectories.synthesis.scratch_files import AUDITS

if TYPE_CHECKING:
    from forge.llm import LlmClient, Prices
    from forge_trajectories.synthesis.driver import Outcome

SAMPLE = 40
"""Accepted trajectories of a partition in which corruption is planted."""
LABELLED = 10
"""Corrupted trajectories of a partition that the judge is asked about, and good ones that it has judged."""


@dataclass(slots=True, kw_only=True)
class Audit:
    """Counts of one partition or of many, by kind of corruption; ``judge`` is None where none is set."""

    planted: MutationReport = field(default_factory=MutationReport)
    judge: Agreement | None = None

    def add(self, other: "Audit") -> None:
        """Take another partition's counts in."""
        mine, theirs = self.planted, other.planted
        mine.untouched += theirs.untouched
        mine.accepted += theirs.accepted
        for kind, row in theirs.rows.items():
            known = mine.rows.setdefault(kind, Caught())
            known.planted += row.planted
            known.caught += row.caught
            for code, count in row.codes.items():
                known.codes[code] = known.codes.get(code, 0) + count
        if other.judge is not None:
            self.judge = (self.judge or Agreement()).plus(other.judge)


def audit(outcome: "Outcome", *, seed: int) -> Audit:
    """Plant corruption in a sample of what a run accepted."""
    accepted = [settled.trajectory for settled in outcome.settled if settled.trajectory is not None]
    return Audit(planted=mutation_report(spread(accepted, SAMPLE), seed=seed), judge=outcome.agreement)


def spread(trajectories: Sequence[Trajectory], count: int) -> list[Trajectory]:
    """So many of them, evenly spread over their order, in which kinds follow each other."""
    total = len(trajectories)
    return [trajectories[number * total // count] for number in range(count)] if total > count else list(trajectories)


async def judge_agreement(outcome: "Outcome", judge: "LlmClient", *, prices: "Prices") -> Agreement:
    """How the judge agrees with a labelled set; what the questions take is added to ``outcome.beside``.

    Good are trajectories that passed every deterministic check, whatever the judge then said of them, the first ones
    of the run; bad are accepted ones with a corruption planted, which it is asked about now. What is beyond the budget
    stays without a verdict.
    """
    reached = [each.attempt for each in outcome.settled if each.attempt.accepted or each.attempt.check == "judge"]
    good = [Check(check="judge", passed=attempt.accepted) for attempt in reached[:LABELLED]]
    accepted = [settled.trajectory for settled in outcome.settled if settled.trajectory is not None]
    broken = [trajectory for trajectory, is_good in labelled(spread(accepted, LABELLED)) if not is_good]
    bad = []
    usage = Usage(paid=outcome.paid)  # a corruption that the judge cannot see is the same question
    async with judge:
        for trajectory in broken:
            calls = judge_calls(trajectory)
            results = await judge.ask_many(calls)
            for call, result in zip(calls, results, strict=True):
                usage.add(call, result, model=judge.model, prices=prices)
            bad.append(verdict(trajectory, results))
    outcome.beside = outcome.beside.plus(usage.new())
    return agreement([*[True] * len(good), *[False] * len(bad)], [*good, *bad])


def audit_path(folder: Path, partition: str) -> Path:
    """Where a partition's counts lie under a step's scratch directory."""
    return AUDITS.path(folder, partition)


def write_audit(path: Path, found: Audit) -> None:
    """Write the file whole or not at all."""
    rows = {kind: {"planted": row.planted, "caught": row.caught, "codes": row.codes} for kind, row in _rows(found)}
    facts = {"untouched": found.planted.untouched, "accepted": found.planted.accepted, "kinds": rows}
    facts["judge"] = asdict(found.judge) if found.judge is not None else None
    with atomic_path(path) as temporary:
        temporary.write_text(to_json(facts), encoding="utf-8")


def _rows(found: Audit) -> list[tuple[str, Caught]]:
    return list(found.planted.rows.items())


def read_audit(folder: Path) -> Audit:
    """The counts of all partitions under a step's scratch directory."""
    found = Audit()
    for path in sorted(folder.glob(AUDITS.pattern)):
        facts = orjson.loads(path.read_bytes())
        rows = {kind: Caught(**row) for kind, row in facts["kinds"].items()}
        planted = MutationReport(rows=rows, untouched=facts["untouched"], accepted=facts["accepted"])
        judge = Agreement(**facts["judge"]) if facts["judge"] is not None else None
        found.add(Audit(planted=planted, judge=judge))
    return found
