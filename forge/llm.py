"""What is asked of a language model and what comes back, as data, and the client as steps see it.

    with context.llm.open(LlmOptions(model="...", caps=Caps(tokens=100_000))) as client:
        results = asyncio.run(client.ask_many(calls))

A call's key covers model, parameters and prompt, and nothing that depends on the endpoint's address or abilities: the
same question has the same key wherever it is sent. Costs the standard library and orjson.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, Self

from forge.records import JsonObject, stable_id, to_json

PER_MESSAGE = 16
PER_CALL = 64
PART = " "
"""Stands between a step's label and the part of it whose budget is meant, in the name of a scope."""

Kind = Literal["budget", "refused", "unanswered", "unfit"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One question.

    Attributes:
        messages: each ``{"role", "content"}``.
        max_tokens: the longest answer.
        schema: JSON Schema that the answer has to fit; None for plain text.
        temperature, seed: as the endpoint takes them; no seed is sent where it is None.
        repeat: tells apart calls that are alike on purpose.
        group: calls of one group are sent one after the other, so that a provider's cache of prefixes hits.
        tools: each ``{"name", "description", "parameters"}``: offered by the endpoint's own parameter instead of the
            schema, where it takes that; the answer's text is the schema's JSON all the same. The schema has to be of
            the form that `forge.clients.llm_tools` describes.
    """

    messages: Sequence[Mapping[str, str]]
    max_tokens: int
    schema: JsonObject | None = None
    temperature: float = 0.0
    seed: int | None = None
    repeat: int = 0
    group: str = ""
    tools: Sequence[JsonObject] = ()

    def key(self, model: str) -> str:
        """32 hex digits for (model, parameters, prompt)."""
        return stable_id(model, to_json(self.request()))

    def request(self) -> dict[str, Any]:
        """What is asked, as JSON takes it; without the group, which changes no answer."""
        asked: dict[str, Any] = {"messages": list(self.messages), "max_tokens": self.max_tokens}
        asked |= {"schema": self.schema, "temperature": self.temperature, "seed": self.seed}
        # Only where there are any: calls without keep the keys under which journals have their answers.
        asked |= {"tools": list(self.tools)} if self.tools else {}
        return {**asked, "repeat": self.repeat}

    def worst_tokens(self) -> tuple[int, int]:
        """Most tokens that the prompt and the answer can have.

        A token of a byte-level vocabulary is at least one byte; the schema may travel in the prompt.
        """
        size = sum(len(str(message["content"]).encode("utf-8", "surrogatepass")) for message in self.messages)
        size += len(to_json(self.schema)) if self.schema is not None else 0
        size += sum(len(to_json(tool)) + PER_MESSAGE for tool in self.tools)
        return size + PER_MESSAGE * len(self.messages) + PER_CALL, self.max_tokens


def as_sent(call: Call, thinking: int) -> Call:
    """The call as it is sent, paid and keyed where a model may use up ``thinking`` tokens before its answer."""
    return replace(call, max_tokens=call.max_tokens + thinking) if thinking else call


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """US dollars for a million tokens."""

    prompt: float = 0.0
    completion: float = 0.0

    def cost(self, prompt: int, completion: int) -> float:
        """US dollars."""
        return (prompt * self.prompt + completion * self.completion) / 1e6


@dataclass(frozen=True, kw_only=True)
class LlmSettings:
    """What the recipe's ``[llm]`` says.

    Attributes:
        model: asked where a step names none. concurrency: most calls under way.
        timeout: seconds for one attempt. prices: by model.
        thinking: tokens that a reasoning model may use up before each answer; the budget reserves them too.
        base_url: of the endpoint; None for the environment's ``OPENAI_BASE_URL``. No recipe sets it.
    """

    model: str = ""
    base_url: str | None = None
    concurrency: int = 16
    timeout: float = 120.0
    thinking: int = 0
    prices: Mapping[str, Prices] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """What may be spent; None for no limit. Attempts that the endpoint refused unpaid are no calls."""

    calls: int | None = None
    tokens: int | None = None
    usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Calls, tokens and US dollars: what was paid, and the worst case of what is under way or was lost on the way."""

    calls: int = 0
    tokens: int = 0
    usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model said.

    Attributes:
        value: the JSON value of ``text`` if the call has a schema, which it fits.
        prompt_tokens, completion_tokens: as the endpoint counts them, the repair included.
        answers: of the model that it took: two with a repair.
        paid: False if all of it came out of the journal.
        repaired: whether the first answer did not fit the schema.
    """

    text: str
    value: Any = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    answers: int = 1
    paid: bool = True
    repaired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no answer.

    Attributes:
        kind: ``budget`` (a cap would be passed), ``refused`` (the endpoint does not take this request), ``unanswered``
            (every attempt failed) or ``unfit`` (answers that do not fit the schema).
        reason: in one line.
        answers, prompt_tokens, completion_tokens: of answers that were of no use: none, one without its repair, or two.
        paid: whether one of them was paid for now, and did not come out of the journal.
    """

    kind: Kind
    reason: str
    answers: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    paid: bool = False


@dataclass(slots=True, kw_only=True)
class Abilities:
    """What an endpoint takes; a refusal that names a parameter clears its flag, and the call is sent without it."""

    json_schema: bool = True
    tools: bool = True
    seed: bool = True
    max_tokens: bool = True
    temperature: bool = True
    dropped: list[str] = field(default_factory=list)


Result = Answer | Failure
Heard = Callable[[int, Result], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class LlmOptions:
    """Which model a step asks, and what it may spend.

    Attributes:
        model: its name at the endpoint; empty for the recipe's ``[llm] model``.
        caps: hold over all runs with the same scope.
        part: tells apart the budgets of one step, one a partition.
        total: holds over all runs and all parts of the step, whatever parts there were before.
    """

    model: str = ""
    caps: Caps = field(default_factory=Caps)
    part: str = ""
    total: Caps = field(default_factory=Caps)


class LlmClient(Protocol):
    """A model that can be asked, under one budget, through the journal.

    ``async with client:`` keeps connections and pace between questions of one event loop.
    """

    model: str

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...

    async def ask_many(self, calls: Sequence[Call], heard: Heard | None = None) -> list[Result]:
        """Answers in the calls' order; what the journal knows is not sent. May be called many times at once.

        Raises:
            StepError: no call will ever be answered.
        """
        ...

    def spent(self) -> Spent:
        """What this budget has spent over all runs."""
        ...


class Llm(Protocol):
    """What a context hands out: the way to the recipe's endpoint. Opens nothing until asked; travels to workers."""

    @property
    def thinking(self) -> int:
        """Tokens that a model may use up before each answer; see `as_sent`."""
        return 0

    def open(self, options: LlmOptions) -> AbstractContextManager[LlmClient]:
        """A client, closed at the end of the block.

        Raises:
            RecipeError: no model is named, or a cap in dollars stands without a price.
        """
        ...

    def model(self, name: str = "") -> str:
        """The model that is asked where a step names ``name``: itself, or the recipe's; empty if neither names one."""
        ...

    def prices(self, model: str) -> Prices | None:
        """What the recipe says the model costs; None if it says nothing."""
        ...
