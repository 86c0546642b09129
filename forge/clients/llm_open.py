"""The way to language models that a context hands out: the recipe's settings, the journal, and one step's budget.

Opens nothing until a step asks, and travels to worker processes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forge.errors import RecipeError
from forge.llm import PART, LlmClient, LlmOptions, LlmSettings, Prices


def need_model(model: str, *, recipe: Path, instead: str = "name one where it is asked", key: str = "llm.model") -> str:
    """The model, unless none is named.

    Args:
        model: its name at the endpoint, or nothing.
        recipe: for the message.
        instead: what to do other than add it to the recipe. key: what the message is about.

    Raises:
        RecipeError: it is empty.
    """
    if not model:
        message = f'no model is named: {instead}, or add [llm] with model = "..." to the recipe'
        raise RecipeError(message, file=recipe, key=key)
    return model


def need_prices(
    prices: Prices | None, *, model: str, recipe: Path, instead: str = "", key: str = "llm.prices"
) -> Prices:
    """What a model costs, which a cap in dollars is counted against.

    Args:
        prices: of the model, or None. model: its name at the endpoint.
        recipe: for the message.
        instead: what to do other than add them to the recipe. key: what the message is about.

    Raises:
        RecipeError: they are not known: the cap would hold nothing back.
    """
    if prices is None:
        other = f"{instead}, or " if instead else ""
        message = f'a cap in dollars needs prices: {other}add [llm.prices."{model}"] with prompt and completion'
        raise RecipeError(message, file=recipe, key=key)
    return prices


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An `forge.llm.Llm`.

    Attributes:
        journal: the file that answers are kept in. scope: the step's label, whose budget it is.
        settings: the recipe's. recipe: for messages.
    """

    journal: Path
    scope: str
    settings: LlmSettings
    recipe: Path

    @contextmanager
    def open(self, options: LlmOptions) -> Iterator[LlmClient]:
        """A client, closed at the end of the block.

        Raises:
            RecipeError: no model is named, or a cap in dollars stands without a price.
        """
        from forge.clients.llm import LlmClient as Client
        from forge.clients.llm import Patience
        from forge.clients.llm_journal import Journal

        model = need_model(self.model(options.model), recipe=self.recipe)
        prices = self.prices(model)
        if options.caps.usd is not None or options.total.usd is not None:
            need_prices(prices, model=model, recipe=self.recipe)
        with Client(
            model=model,
            journal=Journal(self.journal),
            scope=PART.join(part for part in (self.scope, options.part) if part),
            caps=options.caps,
            total=options.total,
            prices=prices or Prices(),
            concurrency=self.settings.concurrency,
            thinking=self.settings.thinking,
            patience=Patience(timeout=self.settings.timeout),
            base_url=self.settings.base_url,
        ) as client:
            yield client

    @property
    def thinking(self) -> int:
        """Tokens that a model may use up before each answer."""
        return self.settings.thinking

    def model(self, name: str = "") -> str:
        """The model that is asked where a step names ``name``."""
        return name or self.settings.model

    def prices(self, model: str) -> Prices | None:
        """What the recipe says the model costs; None if it says nothing."""
        return self.settings.prices.get(model or self.settings.model)
