"""The verdict of one check, and the names of all of them in the order in which they are made.

A judge never overrules a failed check before it: what failed is final. A check that does not apply to a trajectory
(no blueprint, no fault, another kind) says so with ``passed`` None.
"""

from dataclasses import dataclass
from typing import Self

CHECKS = (
    "parses",
    "tool-offered",
    "arguments-valid",
    "grounded",
    "executes",
    "order",
    "reference",
    "final-state",
    "answer-supported",
    "recovery",
    "honest",
    "kind",
    "duplicate",
    "judge",
)
"""The rungs, cheap ones first; docs/trajectories.md says what each asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One verdict.

    Attributes:
        check: one of `CHECKS`.
        passed: None where it does not apply.
        code: reason code of a failure, ``CHECK:WHAT``, from a small vocabulary: ``arguments-valid:missing-required``.
        evidence: what was found, in one line, written so that a model that is shown it can mend its answer.
    """

    check: str
    passed: bool | None
    code: str = ""
    evidence: str = ""

    @classmethod
    def failure(cls, code: str, evidence: str) -> Self:
        """The failed check that a reason code names before its colon."""
        return cls(check=code.partition(":")[0], passed=False, code=code, evidence=evidence)

    def as_object(self) -> dict[str, object]:
        """The form in which `Trajectory.checks` keeps it."""
        found: dict[str, object] = {"check": self.check, "passed": self.passed, "evidence": self.evidence}
        return {**found, "code": self.code} if self.code else found
