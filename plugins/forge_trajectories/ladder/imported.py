"""Golden calls of published data sets against their own schemas: which are valid, and why the others are not."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from forge.records import Trajectory
from forge_trajectories.ladder.arguments import offered_names, parameters_of, schema_failure
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue, Made, read
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.plain_text import clip


@dataclass(frozen=True, slots=True, kw_only=True)
class BadCall:
    """A call that is not valid by its own schema.

    Attributes:
        locator: of the record it comes from, as the importer gives it. number: of the call in it, from 1.
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
        calls, valid: of the same.
        bad: every call that is not valid, with the reason.
        failed: codes of failed trajectories, counted; a code that is no call's speaks of the dialogue.
    """

    trajectories: int = 0
    passed: int = 0
    calls: int = 0
    valid: int = 0
    bad: list[BadCall] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def reasons(self) -> Counter[str]:
        """Reason codes of bad calls, counted."""
        return Counter(call.code for call in self.bad)


def import_report(trajectories: Iterable[Trajectory]) -> ImportReport:
    """Verify imported trajectories, and list their calls that are not valid."""
    report = ImportReport()
    for trajectory in trajectories:
        dialogue = read(trajectory)
        bad = list(bad_calls(trajectory, dialogue))
        failed = first_failure(verify(trajectory))
        report.trajectories += 1
        report.passed += failed is None
        report.calls += len(dialogue.calls)
        report.valid += len(dialogue.calls) - len(bad)
        report.bad += bad
        if failed is not None:
            report.failed[failed.code] += 1
    return report


def bad_calls(trajectory: Trajectory, dialogue: Dialogue | None = None) -> Iterator[BadCall]:
    """Every call of a trajectory that is not valid by its own schema, with the reason."""
    known = dialogue if dialogue is not None else read(trajectory)
    facts = trajectory.blueprint or {}
    for made in known.calls:
        failed = _failure(known, made)
        if failed is not None:
            yield BadCall(
                trajectory=trajectory.id,
                format=str(facts.get("format", "")),
                locator=str(facts.get("locator", "")),
                number=made.number + 1,
                tool=made.tool,
                code=failed.code,
                evidence=clip(failed.evidence, 300),
            )


def _failure(dialogue: Dialogue, made: Made) -> Check | None:
    if not isinstance(made.arguments, dict):
        shown = clip(str(made.arguments), 120)
        evidence = f"the arguments of {made.tool} are no JSON object: {shown!r}"
        return Check(check="parses", passed=False, code="parses:arguments", evidence=evidence)
    if made.tool not in offered_names(dialogue):
        evidence = f"{made.tool!r} is not among the tools"
        return Check(check="tool-offered", passed=False, code="tool-offered:unknown-tool", evidence=evidence)
    return schema_failure(made.tool, made.arguments, parameters_of(dialogue, made.tool))
