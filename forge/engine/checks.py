"""Checks: what the tripwires of the last run said of each filter, with the limits that they were held to.

``.forge/checks.json`` holds, filter by filter, how its canaries fared against its floor and which share of the corpus
it removed against its limits. It is written before a run goes on to tokens, and also by a run that a tripwire ended, so
that `forge status` shows the numbers of either; a finished build keeps a copy in its summary, for the reports of its
exports. No decision rests on it. Some 400 bytes a filter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from forge.canaries import Findings
from forge.files import write_bytes
from forge.workspace import Workspace

NAME = "checks.json"
CUT_ALLOWANCE = 0.01
"""Share of the text that a filter which rewrites may always take: a placeholder is shorter than what it replaces."""


@dataclass(kw_only=True)
class Removal:
    """What one filter did to the corpus.

    Attributes:
        reached: documents that the filters before it left. dropped: of those. reasons: of those, by reason.
        changed: documents whose text it replaced, of all.
        examples: ids of the first that it dropped.
        bytes: UTF-8 bytes of text of what reached a filter that rewrites, 0 for any other. bytes_gone: of those, which
            it dropped with their documents or cut out of documents that stay.
        shortened: ids of the first that it cut.
    """

    label: str
    reached: int = 0
    dropped: int = 0
    changed: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    bytes: int = 0
    bytes_gone: int = 0
    shortened: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Share dropped of what reached it, 0 to 1."""
        return self.dropped / self.reached if self.reached else 0.0


@dataclass(frozen=True, kw_only=True)
class CanaryCheck:
    """How a filter did on its canaries.

    Attributes:
        due: things to catch. caught: those that it did. floor: share of them below which the run fails.
        innocent: documents to leave as they are. touched: those that it did not.
    """

    due: int
    caught: int
    floor: float
    innocent: int
    touched: int

    @property
    def recall(self) -> float:
        """Share caught, 0 to 1; 1 where nothing was to be."""
        return self.caught / self.due if self.due else 1.0

    @property
    def holds(self) -> bool:
        """Whether the run may go on."""
        return self.recall >= self.floor and not self.touched

    @classmethod
    def of(cls, findings: Findings, *, floor: float) -> "CanaryCheck":
        """What was found, against the floor."""
        return cls(
            due=findings.due,
            caught=findings.caught,
            floor=floor,
            innocent=findings.innocent,
            touched=len(findings.lost),
        )


@dataclass(frozen=True, kw_only=True)
class RemovalCheck:
    """What a filter removed, against its limits.

    Attributes:
        reached, dropped, changed: documents, as in `Removal`.
        least, most: shares of what reached it that bound what it may drop; None where nothing does.
        bytes, bytes_gone: of text, as in `Removal`.
    """

    reached: int
    dropped: int
    changed: int
    least: float | None
    most: float | None
    bytes: int = 0
    bytes_gone: int = 0

    @property
    def rate(self) -> float:
        """Share dropped of what reached it, 0 to 1."""
        return self.dropped / self.reached if self.reached else 0.0

    @property
    def is_too_low(self) -> bool:
        """Whether it dropped less than it must; nothing is too little of nothing."""
        return self.least is not None and self.reached > 0 and self.rate < self.least

    @property
    def is_too_high(self) -> bool:
        """Whether it dropped more than it may."""
        return self.most is not None and self.rate > self.most

    @property
    def text_rate(self) -> float | None:
        """Share of the text that went, by drops and cuts, 0 to 1; None for a filter that does not rewrite."""
        return self.bytes_gone / self.bytes if self.bytes else None

    @property
    def takes_too_much(self) -> bool:
        """Whether more of the text went than may, which is never less than `CUT_ALLOWANCE`."""
        return self.most is not None and (self.text_rate or 0.0) > max(self.most, CUT_ALLOWANCE)

    @property
    def holds(self) -> bool:
        """Whether the run may go on."""
        return not (self.is_too_low or self.is_too_high or self.takes_too_much)


@dataclass(frozen=True, kw_only=True)
class FilterCheck:
    """One filter's tripwires: None for canaries that it has not, and for what the run did not come to."""

    label: str
    canaries: CanaryCheck | None = None
    removal: RemovalCheck | None = None

    @property
    def holds(self) -> bool:
        """Whether the filter can be trusted as far as the run has come."""
        return all(check is None or check.holds for check in (self.canaries, self.removal))


def read_checks(workspace: Workspace) -> list[FilterCheck]:
    """The checks of the last run, in the recipe's order; none if there was none."""
    try:
        return msgspec.json.decode((workspace.hidden / NAME).read_bytes(), type=list[FilterCheck])
    except (FileNotFoundError, msgspec.DecodeError):
        return []


def write_checks(workspace: Workspace, checks: Sequence[FilterCheck]) -> None:
    """Put the checks of this run in the place of the last's."""
    content = msgspec.json.encode(list(checks))
    path = workspace.hidden / NAME
    if not path.is_file() or path.read_bytes() != content:
        write_bytes(path, content)


def joined(
    labels: Sequence[str], *, canaries: Mapping[str, CanaryCheck], removals: Mapping[str, RemovalCheck]
) -> list[FilterCheck]:
    """One check a filter, in order."""
    return [FilterCheck(label=label, canaries=canaries.get(label), removal=removals.get(label)) for label in labels]
