"""The client for language models: concurrent, journalled, within a budget, with answers that fit their schema.

    with LlmClient(model="...", journal=Journal(path), scope="label general", caps=Caps(tokens=100_000)) as client:
        for answer in client.ask_all(calls): ...

The endpoint is ``OPENAI_BASE_URL`` with ``OPENAI_API_KEY``, as the ``openai`` package reads them; neither is written
anywhere. A call that the journal has an answer to is not sent. Every attempt reserves its worst case first, so that a
cap cannot be passed; an attempt that may have been paid for without an answer stays counted.
"""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from forge.clients.failures import Again, Final, growing_wait, spread
from forge.clients.llm_journal import Entry, Journal, Kept
from forge.clients.llm_pace import Pace
from forge.clients.llm_schema import repair, unfit
from forge.clients.llm_wire import Denied, Lacking, Lost, Unreached, Wire
from forge.errors import BudgetError, StepError
from forge.llm import Abilities, Answer, Call, Caps, Failure, Heard, Prices, Result, Spent, as_sent
from forge.records import to_json
from forge.secrets import redact


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to bear with an endpoint, in seconds.

    Attributes:
        timeout: for one attempt. busy: over all waits of a call for 429, 5xx and refused connections.
        unreached: for an endpoint at which nobody has answered yet; after that nothing more is sent.
        first, longest: bounds of a wait where the server names none.
        lost: attempts at a call that may be paid for without an answer.
        strikes: calls in a row without an answer after which nothing more is sent; four times as many once there
            was one.
    """

    timeout: float = 120.0
    busy: float = 300.0
    unreached: float = 20.0
    first: float = 0.5
    longest: float = 30.0
    lost: int = 3
    strikes: int = 8


@dataclass(kw_only=True)
class LlmClient:
    """Asks one model, under one budget.

    ``async with`` keeps connections and pace between questions; without it each `ask_many` has its own, and those that
    overlap share them.

    Attributes:
        scope: whose budget it is: caps hold over all runs with the same scope.
        total: holds over all runs with any part of the scope's step.
        concurrency: most calls under way; see `Pace`.
        thinking: tokens that the model may use up before each answer.
        limit: bytes of an answer after which it is refused.
        base_url: of the endpoint; None for the environment's.
    """

    model: str
    journal: Journal
    scope: str
    caps: Caps = field(default_factory=Caps)
    total: Caps = field(default_factory=Caps)
    prices: Prices = field(default_factory=Prices)
    concurrency: int = 16
    patience: Patience = field(default_factory=Patience)
    abilities: Abilities = field(default_factory=Abilities)
    thinking: int = 0
    limit: int = 4 << 20
    base_url: str | None = None
    _run: "_Run | None" = None
    _users: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.journal.close()

    def spent(self) -> Spent:
        """What the budget has spent over all runs."""
        return self.journal.spent(self.scope)

    def ask_all(self, calls: Sequence[Call], heard: Heard | None = None) -> list[Result]:
        """Answers in the calls' order; ``heard`` is told of each as it comes. Groups are sent together.

        Raises:
            StepError: no call will ever be answered: a wrong key, no such model, nobody there.
        """
        return asyncio.run(self.ask_many(calls, heard))

    async def ask_many(self, calls: Sequence[Call], heard: Heard | None = None) -> list[Result]:
        """`ask_all` for callers with an event loop."""
        async with self:
            assert self._run is not None
            return await self._run.all(calls, heard or _nobody)

    async def __aenter__(self) -> Self:
        from openai import AsyncOpenAI

        if self.base_url is None and os.environ.get("OPENAI_BASE_URL") == "":
            raise StepError("OPENAI_BASE_URL is empty; give it the endpoint's address, or unset it", step="llm")
        self._users += 1
        if self._run is None:
            # A local server wants no key, and the package wants one.
            key = os.environ.get("OPENAI_API_KEY") or "none"
            client = AsyncOpenAI(api_key=key, base_url=self.base_url, max_retries=0, timeout=self.patience.timeout)
            wire = Wire(client=client, model=self.model, timeout=self.patience.timeout, limit=self.limit)
            self._run = _Run(owner=self, wire=wire)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._users -= 1
        if self._users == 0 and self._run is not None:
            run, self._run = self._run, None
            await run.wire.client.close()


@dataclass(kw_only=True)
class _Run:
    """The calls of one `LlmClient` in one event loop.

    Attributes:
        strikes: calls in a row without an answer. hopeless: why nothing is sent any more.
        alone_since: when nobody was found at the endpoint for the first time.
    """

    owner: LlmClient
    wire: Wire
    strikes: int = 0
    any_answer: bool = False
    hopeless: StepError | None = None
    alone_since: float | None = None
    pace: Pace = field(init=False)
    locks: defaultdict[str, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    def __post_init__(self) -> None:
        self.pace = Pace(self.owner.concurrency)

    async def all(self, calls: Sequence[Call], heard: Heard) -> list[Result]:
        results: dict[int, Result] = {}
        order = iter(sorted(range(len(calls)), key=lambda index: (calls[index].group, index)))
        count = min(len(calls), self.owner.concurrency)
        workers = [asyncio.create_task(self._work(order, calls, results=results, heard=heard)) for _ in range(count)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        return [results[index] for index in range(len(calls))]

    async def _work(
        self, order: Iterator[int], calls: Sequence[Call], *, results: dict[int, Result], heard: Heard
    ) -> None:
        for index in order:
            results[index] = await self.structured(calls[index])
            heard(index, results[index])

    async def structured(self, call: Call) -> Result:
        """An answer that fits the schema, after one repair if need be."""
        first = await self.one(call)
        if isinstance(first, Failure) or call.schema is None:
            return first
        value, wrong = unfit(first.text, call.schema)
        if wrong is None:
            return replace(first, value=value)
        second = _with_first(first, await self.one(repair(call, first.text, wrong)))
        if isinstance(second, Failure):
            return second
        value, wrong = unfit(second.text, call.schema)
        if wrong is None:
            return replace(second, value=value, repaired=True)
        return Failure(
            kind="unfit",
            reason=wrong,
            answers=second.answers,
            prompt_tokens=second.prompt_tokens,
            completion_tokens=second.completion_tokens,
            paid=second.paid,
        )

    async def one(self, call: Call) -> Result:
        """The answer to one prompt, from the journal or the endpoint; of calls that are alike one is sent."""
        owner = self.owner
        call = as_sent(call, owner.thinking)
        key = call.key(owner.model)
        async with self.locks[key]:
            kept = owner.journal.answer(key)
            if kept is not None:
                return _answer(kept, paid=False)
            if self.hopeless is not None:
                raise self.hopeless
            prompt, completion = call.worst_tokens()
            entry = Entry(
                key=key,
                scope=owner.scope,
                model=owner.model,
                request=to_json(call.request()),
                worst_tokens=prompt + completion,
                worst_usd=owner.prices.cost(prompt, completion),
            )
            result = await self._attempts(call, entry)
        self._note(result)
        return result

    async def _attempts(self, call: Call, entry: Entry) -> Result:
        patience = self.owner.patience
        waited, lost, attempt = 0.0, 0, 0
        while True:
            attempt += 1
            try:
                return _answer(await self._attempt(call, entry), paid=True)
            except BudgetError as error:
                return Failure(kind="budget", reason=str(error))
            except Lacking as error:
                self._drop(str(error))
                continue
            except Final as error:
                return Failure(kind="refused", reason=redact(str(error)))
            except Denied as error:
                raise self._give_up(redact(str(error))) from error
            except Lost as error:
                lost += 1
                reason, wait = str(error), growing_wait(attempt, first=patience.first, longest=patience.longest)
                if lost >= patience.lost:
                    return Failure(kind="unanswered", reason=redact(reason))
            except Again as error:
                wait = self._busy_wait(error, attempt)
                if waited + wait > patience.busy:
                    return Failure(kind="unanswered", reason=redact(str(error)))
                self.pace.refused(wait)
            waited += wait
            await asyncio.sleep(wait)

    def _busy_wait(self, error: Again, attempt: int) -> float:
        """Seconds before the attempt after a refusal; no more is sent where nobody was ever there."""
        patience = self.owner.patience
        grown = growing_wait(attempt, first=patience.first, longest=patience.longest)
        wait = max(grown, spread(error.wait or 0.0))
        if isinstance(error, Unreached) and not self.any_answer:
            now = time.monotonic()
            self.alone_since = now if self.alone_since is None else self.alone_since
            if now + wait > self.alone_since + patience.unreached:
                raise self._give_up(redact(str(error))) from error
        return wait

    async def _attempt(self, call: Call, entry: Entry) -> Kept:
        """Reserve, send, keep: one attempt, journalled whatever comes of it."""
        journal = self.owner.journal
        async with self.pace.slot():
            journal.reserve(entry, self.owner.caps, total=self.owner.total)
            journal.sent(entry)
            begun = time.monotonic()
            try:
                reply = await self.wire.send(call, self.owner.abilities)
            except (Again, Final, Denied, Lacking) as error:
                journal.failed(entry, redact(str(error)), may_be_paid=False)
                raise
            except BaseException as error:
                journal.failed(entry, redact(str(error)) or type(error).__name__, may_be_paid=True)
                raise
            # Where the endpoint counts nothing, the worst case is what is known.
            worst_prompt, worst_completion = call.worst_tokens()
            prompt = worst_prompt if reply.prompt_tokens is None else reply.prompt_tokens
            completion = worst_completion if reply.completion_tokens is None else reply.completion_tokens
            usd = self.owner.prices.cost(prompt, completion)
            kept = Kept(text=reply.text, prompt_tokens=prompt, completion_tokens=completion, usd=usd)
            journal.answered(entry, kept)
            self.pace.answered(time.monotonic() - begun, prompt=prompt, completion=completion)
            return kept

    def _drop(self, name: str) -> None:
        """Do without a parameter from here on; calls under way may find the same."""
        abilities = self.owner.abilities
        if getattr(abilities, name):
            setattr(abilities, name, False)
            abilities.dropped.append(name)

    def _note(self, result: Result) -> None:
        """Stop where nothing is answered any more."""
        if isinstance(result, Answer):
            self.any_answer, self.strikes = True, 0
        elif result.kind == "unanswered":
            self.strikes += 1
            if self.strikes >= self.owner.patience.strikes * (4 if self.any_answer else 1):
                raise self._give_up(result.reason)

    def _give_up(self, reason: str) -> StepError:
        where = redact(str(self.wire.client.base_url))
        self.hopeless = StepError(
            f"{where} does not answer for the model {self.owner.model!r}: {reason}; check OPENAI_BASE_URL, "
            "OPENAI_API_KEY and the model's name, and run the same command again: answers are kept",
            step="llm",
        )
        return self.hopeless


def _answer(kept: Kept, *, paid: bool) -> Answer:
    return Answer(text=kept.text, prompt_tokens=kept.prompt_tokens, completion_tokens=kept.completion_tokens, paid=paid)


def _with_first(first: Answer, second: Result) -> Result:
    """What came of the repair, with what the answer before it took."""
    return replace(
        second,
        answers=first.answers + second.answers,
        prompt_tokens=first.prompt_tokens + second.prompt_tokens,
        completion_tokens=first.completion_tokens + second.completion_tokens,
        paid=first.paid or second.paid,
    )


def _nobody(index: int, result: Any) -> None:
    """Nobody listens."""
