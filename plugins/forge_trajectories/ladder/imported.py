"""Golden calls of published data sets against their own schemas: which are valid, and why the others are not.

`forge funnel --verify` prints it for a source of imported trajectories. Some 200 microseconds a trajectory.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from forge.records import Trajectory
from forge_trajectories.ladder.arguments import offered_names, parameters_of, schema_failure
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue, Made, read
from forge_trajectories.ladder.verify import UNREADABLE, first_failure, verify
from forge_trajectories.plain_text import clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A call that is not valid by its own schema, or a dialogue that fails for what is no call's.

    Attributes:
        locator: of the record it comes from, as the importer gives it.
        number: of the call in it, from 1; 0 for the dialogue as a whole, whose ``tool`` is empty.
        code, evidence: the reason, as a failed `Check` gives it.
    """

    trajectory: str
    format: str
    locator: str
    number: int
    tool: str
    code: str
    evidence: str


@dataclass(slots=True, kw_only=True)
class ImportReport:
    """What the ladder says of imported trajectories.

    Attributes:
        trajectories, passed: how many there are, how many the ladder takes.
        calls, valid: of those that can be read.
        faults: every call that is not valid and what else a dialogue fails for, with the reason.
    """

    trajectories: int = 0
    passed: int = 0
    calls: int = 0
    valid: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def reasons(self) -> Counter[str]:
        """Their codes, counted."""
        return Counter(fault.code for fault in self.faults)


def import_report(trajectories: Iterable[Trajectory]) -> ImportReport:
    """Verify imported trajectories, and list what of them fails."""
    report = ImportReport()
    for trajectory in trajectories:
        failed = first_failure(verify(trajectory))
        bad: list[Fault] = []
        if failed is None or failed.code != UNREADABLE:
            dialogue = read(trajectory)
            bad = list(_bad_calls(trajectory, dialogue))
            report.calls += len(dialogue.calls)
            report.valid += len(dialogue.calls) - len(bad)
        report.trajectories += 1
        report.passed += failed is None
        report.faults += bad
        if failed is not None and failed.code not in {fault.code for fault in bad}:
            report.faults.append(_fault(trajectory, failed))
    return report


def _bad_calls(trajectory: Trajectory, dialogue: Dialogue) -> Iterator[Fault]:
    for made in dialogue.calls:
        failed = _failure(dialogue, made)
        if failed is not None:
            yield _fault(trajectory, failed, number=made.number + 1, tool=made.tool)


def _fault(trajectory: Trajectory, failed: Check, *, number: int = 0, tool: str = "") -> Fault:
    facts = trajectory.blueprint or {}
    return Fault(
        trajectory=trajectory.id,
        format=str(facts.get("format", "")),
        locator=str(facts.get("locator", "")),
        number=number,
        tool=tool,
        code=failed.code,
        evidence=clip(failed.evidence, 300),
    )


def _failure(dialogue: Dialogue, made: Made) -> Check | None:
    if not isinstance(made.arguments, dict):
        shown = clip(str(made.arguments), 120)
        evidence = f"the arguments of {made.tool} are no JSON object: {shown!r}"
        return Check.failure("parses:arguments", evidence)
    if made.tool not in offered_names(dialogue):
        evidence = f"{made.tool!r} is not among the tools"
        return Check.failure("tool-offered:unknown-tool", evidence)
    return schema_failure(made.tool, made.arguments, parameters_of(dialogue, made.tool))
