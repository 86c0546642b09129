"""Many compositions under way at once, settled one after the other in the blueprints' order.

What is accepted follows from the blueprints and the model's answers alone: results wait for their turn, so that neither
speed nor concurrency nor a restart decides about duplicates, the target or the caps. Where the budget ends, the run
ends before the first blueprint that it no longer paid for: what was accepted is a beginning of what would have been.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import reduce
from typing import Any, Literal

from forge.llm import Call, Caps, Failure, LlmClient, Prices, Result
from forge.records import Trajectory, to_json
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue, read
from forge_trajectories.ladder.duplicates import Seen
from forge_trajectories.ladder.judge import Agreement, judge_calls, verdict
from forge_trajectories.plain_text import clip
from forge_trajectories.synthesis.attempts import Attempt, Settled
from forge_trajectories.synthesis.author import Composed, compose
from forge_trajectories.synthesis.author_draft import Bill, Usage, blamed, checked, draft_of
from forge_trajectories.synthesis.origins import origins_of
from forge_trajectories.synthesis.prompts import Asking

TYPICAL_TOKENS = 4_000
"""Of the attempts at one blueprint, before any were seen."""
MOST_SAID = 2_000
"""Characters that are kept of a refused answer."""
MARGIN = 3
"""Blueprints' worth of budget that has to be left for each one under way: near its end fewer are taken up, since what
is under way when it ends is paid for and not used."""

Ended = Literal["target", "budget", "attempts", "blueprints"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aims:
    """What a run is to come to.

    Attributes:
        target: accepted trajectories. most: blueprints taken up.
        writes: parts that the model writes. assist: whether a blueprint is attempted again without the failed part.
        max_llm_share: of all accepted observations those that a model may have made up.
        window: compositions under way at once. caps: of the budget, as the client holds them.
    """

    target: int
    most: int
    writes: frozenset[str] = frozenset()
    assist: bool = True
    max_llm_share: float = 1.0
    window: int = 8
    caps: Caps = field(default_factory=Caps)
    asking: Asking = field(default_factory=Asking)
    prices: Prices = field(default_factory=Prices)
    judge_prices: Prices = field(default_factory=Prices)
    source: str = "synthesizer"


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a run came to.

    Attributes:
        settled: every attempt in order, the accepted ones with their trajectory.
        agreement: of the judge with a labelled set; None where it was not asked.
        beside: what was paid for and is in no attempt: what was under way when the budget ended, and the labelled set.
        paid: keys of all calls that were answered.
    """

    settled: list[Settled] = field(default_factory=list)
    accepted: int = 0
    blueprints: int = 0
    ended: Ended = "blueprints"
    agreement: Agreement | None = None
    beside: Bill = field(default_factory=Bill)
    paid: set[str] = field(default_factory=set)


async def synthesize(
    blueprints: Iterator[Blueprint],
    *,
    aims: Aims,
    client: LlmClient | None = None,
    judge: LlmClient | None = None,
    heard: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Compose, verify and settle until the target, the budget or the blueprints end; ``heard``: told of each blueprint.

    Raises:
        StepError: the endpoint answers no more.
    """
    run = _Run(blueprints=blueprints, aims=aims, client=client, judge=judge, heard=heard)
    async with AsyncExitStack() as stack:
        for each in (client, judge):
            if each is not None:
                await stack.enter_async_context(each)
        return await run.all()


class _OutOfBudget(Exception):  # noqa: N818
    """A call that the budget does not pay for, though nothing before it is still under way."""


@dataclass(slots=True)
class _Place:
    """A composition in the window.

    Attributes:
        is_first: set when everything before it has been settled.
        reading: of the trajectory that it came to, for what depends on others.
    """

    position: int
    is_first: asyncio.Event
    reading: Dialogue | None = None
    task: "asyncio.Task[list[Settled]] | None" = None


@dataclass(slots=True, kw_only=True)
class _Run:
    blueprints: Iterator[Blueprint]
    aims: Aims
    client: LlmClient | None
    judge: LlmClient | None
    heard: Callable[[Outcome], None] | None = None
    outcome: Outcome = field(default_factory=Outcome)
    window: deque[_Place] = field(default_factory=deque)
    seen: Seen = field(default_factory=Seen)
    asked: Usage = field(default_factory=lambda: Usage(paid=set()))
    observed: int = 0
    made_up: int = 0
    is_short: bool = False
    is_over: bool = False

    async def all(self) -> Outcome:
        try:
            while self._fill():
                first = self.window[0]
                first.is_first.set()
                assert first.task is not None
                self._settle(await first.task, first.reading)
                self.window.popleft()
                if self.heard is not None:
                    self.heard(self.outcome)
                if self.outcome.accepted >= self.aims.target:
                    self.outcome.ended = "target"
                    break
        except _OutOfBudget:
            self.outcome.ended = "budget"
            await self._wind_up()
        finally:
            await self._abandon()
        self.outcome.paid = self.asked.paid
        self.outcome.beside = self.asked.new().less(reduce(Bill.plus, map(_bill, self.outcome.settled), Bill()))
        return self.outcome

    def _fill(self) -> bool:
        """Take up blueprints until the window is full or enough is under way; whether anything is."""
        aims, outcome = self.aims, self.outcome
        wanted = min(self._room(), aims.target - outcome.accepted)
        while len(self.window) < wanted and not (self.is_short and self.window):
            if outcome.blueprints >= aims.most:
                outcome.ended = "attempts"
                break
            blueprint = next(self.blueprints, None)
            if blueprint is None:
                break
            place = _Place(position=outcome.blueprints, is_first=asyncio.Event())
            place.task = asyncio.create_task(self._attempts(blueprint, place))
            self.window.append(place)
            outcome.blueprints += 1
        return bool(self.window)

    def _room(self) -> int:
        """How many compositions may be under way: the window, or fewer where the budget comes to its end."""
        if self.client is None:
            return 1
        caps, spent, done = self.aims.caps, self.client.spent(), max(self.outcome.blueprints - len(self.window), 0)
        attempts = [settled.attempt for settled in self.outcome.settled]
        room = self.aims.window
        if caps.tokens is not None:
            tokens = sum(attempt.prompt_tokens + attempt.completion_tokens for attempt in attempts)
            typical = max(tokens / done if done else 0.0, TYPICAL_TOKENS)
            room = min(room, int((caps.tokens - spent.tokens) / (MARGIN * typical)))
        if caps.usd is not None and done:
            typical = sum(attempt.cost for attempt in attempts) / done
            room = min(room, int((caps.usd - spent.usd) / (MARGIN * typical))) if typical else room
        return max(room, 1)

    async def _wind_up(self) -> None:
        """Ask nothing more, but hear what is under way: it is paid for, and the journal keeps it for the next run."""
        self.is_over = True
        for place in self.window:
            place.is_first.set()
        await asyncio.gather(*(place.task for place in self.window if place.task), return_exceptions=True)

    async def _abandon(self) -> None:
        tasks = [place.task for place in self.window if place.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _attempts(self, blueprint: Blueprint, place: _Place) -> list[Settled]:
        """Attempts at one blueprint until one passes every check that does not depend on others."""
        writes = self.aims.writes
        paid: set[str] = set()
        found: list[Settled] = []
        while True:
            usage = Usage(paid=paid)
            road = compose(blueprint, writes=writes, asking=self.aims.asking)
            composed = await self._walk(road, place, usage)
            settled, failed = await self._verified(composed, usage, place, number=len(found))
            found.append(settled)
            wrote = {part for part, who in composed.blueprint.written.items() if who == "llm"}
            if failed is None or not self.aims.assist or not wrote:
                return found
            writes = writes - {settled.attempt.part or blamed(failed, wrote)}

    async def _verified(
        self, composed: Composed, usage: Usage, place: _Place, *, number: int
    ) -> tuple[Settled, Check | None]:
        model = self.client.model if self.client is not None and usage.calls else ""
        draft = draft_of(composed, usage, model=model, source=self.aims.source, number=number)
        checks, failed = checked(composed, draft)
        if failed is None and self.judge is not None:
            said = await self._judged(draft, self.judge, place, usage)
            checks = [*checks, said]
            failed = said if said.passed is False else None
            draft = replace(draft, usage=usage.as_object(), cost=usage.cost)
        wrote = {part for part, who in composed.blueprint.written.items() if who == "llm"}
        part = composed.refusal.part if composed.refusal is not None else blamed(failed, wrote) if failed else ""
        attempt = _attempt(composed, usage, checks, failed, part=part if part in wrote else "")
        attempt = replace(attempt, position=place.position, number=number, model=model)
        kept = None if failed is not None else replace(draft, checks=[check.as_object() for check in checks])
        if kept is not None:
            place.reading = read(kept, composed.blueprint)
        return Settled(attempt=attempt, trajectory=kept), failed

    async def _walk(self, road: Generator[Call, Result, Composed], place: _Place, usage: Usage) -> Composed:
        """Follow a composition to its end."""
        try:
            call = next(road)
            while True:
                assert self.client is not None, "parts are to be written by a model, and there is none"
                result = await self._ask(call, self.client, place)
                usage.add(call, result, model=self.client.model, prices=self.aims.prices)
                call = road.send(result)
        except StopIteration as end:
            composed: Composed = end.value
            return composed

    async def _judged(self, draft: Trajectory, judge: LlmClient, place: _Place, usage: Usage) -> Check:
        """The judge's check of a trajectory that passed the others."""
        calls = judge_calls(draft)
        # What was sent is heard to its end even where the budget refuses another: it is paid for.
        said = await asyncio.gather(*(self._ask(call, judge, place) for call in calls), return_exceptions=True)
        if error := next((each for each in said if isinstance(each, BaseException)), None):
            raise error
        results = [each for each in said if not isinstance(each, BaseException)]
        for call, result in zip(calls, results, strict=True):
            usage.add(call, result, model=judge.model, prices=self.aims.judge_prices)
        return verdict(draft, results)

    async def _ask(self, call: Call, client: LlmClient, place: _Place) -> Result:
        """One answer; a call that the budget refuses is put off until nothing before it is under way any more."""
        if self.is_short:
            await place.is_first.wait()
        result = await self._sent(call, client)
        if _is_unpaid(result) and not place.is_first.is_set():
            self.is_short = True
            await place.is_first.wait()
            result = await self._sent(call, client)
        if _is_unpaid(result):
            raise _OutOfBudget
        return result

    async def _sent(self, call: Call, client: LlmClient) -> Result:
        if self.is_over:
            raise _OutOfBudget
        result = (await client.ask_many([call]))[0]
        if result.answers:
            prices = self.aims.prices if client is self.client else self.aims.judge_prices
            self.asked.add(call, result, model=client.model, prices=prices)
        return result

    def _settle(self, found: list[Settled], reading: Dialogue | None) -> None:
        """Take the attempts at one blueprint into the outcome; the last may still fail against earlier ones."""
        self.outcome.settled += found[:-1]
        last = found[-1]
        if last.trajectory is not None:
            last = self._against_others(last, last.trajectory, reading)
        self.outcome.settled.append(last)
        if last.trajectory is not None:
            self.outcome.accepted += 1

    def _against_others(self, settled: Settled, trajectory: Trajectory, reading: Dialogue | None) -> Settled:
        said = self.seen.check(trajectory, reading)
        if said.passed is not False:
            said = self._llm_share(settled.attempt) or said
        attempt = settled.attempt
        if said.passed is False:
            failed = replace(attempt, check=said.check, code=said.code, evidence=said.evidence)
            return Settled(attempt=failed)
        self.seen.add(trajectory, reading)
        self.observed += sum(attempt.origins.values())
        self.made_up += attempt.origins.get("llm", 0)
        passed = [*attempt.passed, said.check] if said.passed else attempt.passed
        earlier = [check for check in trajectory.checks if check["check"] != said.check]
        kept = replace(trajectory, checks=[*earlier, said.as_object()])
        accepted = replace(attempt, accepted=True, trajectory=trajectory.id, passed=passed)
        return Settled(attempt=accepted, trajectory=kept)

    def _llm_share(self, attempt: Attempt) -> Check | None:
        made_up = self.made_up + attempt.origins.get("llm", 0)
        observed = self.observed + sum(attempt.origins.values())
        if made_up <= self.aims.max_llm_share * observed:
            return None
        evidence = f"{made_up} of {observed} observations would be a model's, over {self.aims.max_llm_share:.0%}"
        return Check.failure("executes:llm-share", evidence)


def _is_unpaid(result: Result) -> bool:
    return isinstance(result, Failure) and result.kind == "budget"


def _bill(settled: Settled) -> Bill:
    attempt = settled.attempt
    return Bill(
        calls=attempt.calls,
        prompt_tokens=attempt.prompt_tokens,
        completion_tokens=attempt.completion_tokens,
        cost=attempt.cost,
    )


def _attempt(composed: Composed, usage: Usage, checks: list[Check], failed: Check | None, *, part: str) -> Attempt:
    blueprint = composed.blueprint
    why: dict[str, Any] = {}
    if composed.refusal is not None:
        why["said"] = clip(composed.refusal.said, MOST_SAID)
    if failed is not None:
        why |= {"check": failed.check, "code": failed.code, "evidence": failed.evidence, "part": part}
    return Attempt(
        position=0,
        number=0,
        blueprint=blueprint.id,
        kind=blueprint.kind,
        apis=list(dict.fromkeys(operation.api for operation in blueprint.operations)),
        providers=sorted({operation.provider for operation in blueprint.operations}),
        written=blueprint.written,
        passed=[check.check for check in checks if check.passed],
        **asdict(usage.new()),
        origins=origins_of(blueprint, composed.messages),
        messages=to_json([_plain(message) for message in composed.messages]),
        called=_called(composed),
        **why,
    )


def _called(composed: Composed) -> list[str]:
    """APIs that the dialogue calls, in the order of their first call."""
    behind = {operation.tool: operation.api for operation in composed.blueprint.operations}
    names = [str(call["name"]) for message in composed.messages for call in message.tool_calls]
    return list(dict.fromkeys(behind[name] for name in names if name in behind))


def _plain(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        found["tool_calls"] = message.tool_calls
    if message.tool_call_id is not None:
        found |= {"tool_call_id": message.tool_call_id, "origin": message.origin}
    return found
