"""The funnel: how many attempts came to each check, how many it stopped and why, and what an accepted trajectory cost.

Counts rows of `attempts`; a hundred thousand attempts a second once they are read.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from forge_trajectories.ladder.check import CHECKS
from forge_trajectories.synthesis.attempts import Attempt
from forge_trajectories.synthesis.author_draft import Bill
from forge_trajectories.synthesis.coverage import Spread, spread_of

MOST_REASONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One check of the ladder.

    Attributes:
        reached: attempts that came to it. stopped: attempts that it rejected.
        reasons: reason codes of those with their number, the most frequent first.
        example: the evidence of one of them.
    """

    check: str
    reached: int
    stopped: int
    reasons: Sequence[tuple[str, int]] = ()
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindRow:
    """One kind: attempts, accepted trajectories, and its share of all accepted ones beside the share aimed at."""

    kind: str
    attempts: int
    accepted: int
    target: float
    achieved: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PartRow:
    """What a model wrote of one part: attempts with it, those that failed by it, and those that were accepted."""

    part: str
    written: int
    failed: int
    accepted: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """The whole of it.

    Attributes:
        blueprints: taken up. attempts: at them, of which ``assisted`` took a failed part from the blueprint.
        apis: distinct ones in accepted trajectories, offered or called; ``called``: those that are called.
        spread: how evenly those are called. ended: how partitions ended, with their number.
        by_model: accepted trajectories of which the model wrote at least a part.
        calls, tokens, cost: of every prompt, repairs, useless answers and the judge's included; US dollars.
    """

    blueprints: int = 0
    attempts: int = 0
    assisted: int = 0
    accepted: int = 0
    by_model: int = 0
    apis: int = 0
    called: int = 0
    spread: Spread = field(default_factory=Spread)
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    gates: Sequence[Gate] = ()
    kinds: Sequence[KindRow] = ()
    parts: Sequence[PartRow] = ()
    origins: Mapping[str, int] = field(default_factory=dict)
    ended: Mapping[str, int] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Tokens of prompts and answers."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def cost_per_accepted(self) -> float:
        """US dollars for one accepted trajectory, everything that was rejected on the way included."""
        return self.cost / self.accepted if self.accepted else 0.0

    @property
    def tokens_per_accepted(self) -> float:
        """Tokens for one accepted trajectory, everything that was rejected on the way included."""
        return self.tokens / self.accepted if self.accepted else 0.0


def funnel_of(
    attempts: Iterable[Attempt],
    *,
    shares: Mapping[str, float],
    ended: Mapping[str, int] | None = None,
    available: int = 0,
    beside: Bill | None = None,
) -> Funnel:
    """Count attempts.

    Args:
        shares: target shares by kind. ended: how partitions ended. available: tools that were there to be called.
            beside: what was paid for and is in no attempt.
    """
    rows = list(attempts)
    more = beside or Bill()
    accepted = [row for row in rows if row.accepted]
    return Funnel(
        blueprints=len({row.blueprint for row in rows}),
        attempts=len(rows),
        assisted=sum(row.number > 0 for row in rows),
        accepted=len(accepted),
        by_model=sum("llm" in row.written.values() for row in accepted),
        apis=len({api for row in accepted for api in row.apis}),
        called=len({api for row in accepted for api in row.called}),
        spread=spread_of((row.called for row in accepted), (row.providers for row in accepted), available=available),
        calls=more.calls + sum(row.calls for row in rows),
        prompt_tokens=more.prompt_tokens + sum(row.prompt_tokens for row in rows),
        completion_tokens=more.completion_tokens + sum(row.completion_tokens for row in rows),
        cost=more.cost + sum(row.cost for row in rows),
        gates=_gates(rows),
        kinds=_kinds(rows, shares),
        parts=_parts(rows),
        origins=_origins(accepted),
        ended=dict(ended or {}),
    )


def _gates(rows: Sequence[Attempt]) -> list[Gate]:
    """A gate a check, in the ladder's order; checks that are not the ladder's come first: they stop before it."""
    stopped: defaultdict[str, list[Attempt]] = defaultdict(list)
    for row in rows:
        if not row.accepted:
            stopped[row.check or "unknown"].append(row)
    early = sorted(set(stopped) - set(CHECKS))
    reached = len(rows)
    gates = []
    # A judge is asked only where one is named: what nobody was asked is no gate.
    has_judge = any("judge" in row.passed or row.check == "judge" for row in rows)
    for check in (*early, *(name for name in CHECKS if name != "judge" or has_judge)):
        failed = stopped.get(check, [])
        reasons = Counter(row.code or check for row in failed).most_common(MOST_REASONS)
        example = failed[0].evidence if failed else ""
        gates.append(Gate(check=check, reached=reached, stopped=len(failed), reasons=reasons, example=example))
        reached -= len(failed)
    return gates


def _kinds(rows: Sequence[Attempt], shares: Mapping[str, float]) -> list[KindRow]:
    tried = Counter(row.kind for row in rows)
    kept = Counter(row.kind for row in rows if row.accepted)
    total = max(1, kept.total())
    kinds = dict.fromkeys([*shares, *sorted(tried)])
    return [
        KindRow(
            kind=kind,
            attempts=tried[kind],
            accepted=kept[kind],
            target=shares.get(kind, 0.0),
            achieved=kept[kind] / total,
        )
        for kind in kinds
    ]


def _parts(rows: Sequence[Attempt]) -> list[PartRow]:
    written: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    kept: Counter[str] = Counter()
    for row in rows:
        for part, author in row.written.items():
            if author == "llm":
                written[part] += 1
                kept[part] += row.accepted
                failed[part] += not row.accepted and row.part == part
    return [
        PartRow(part=part, written=written[part], failed=failed[part], accepted=kept[part]) for part in sorted(written)
    ]


def _origins(rows: Sequence[Attempt]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows:
        counts.update(row.origins)
    return dict(sorted(counts.items()))
