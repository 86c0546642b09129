"""The way to language models that a context hands out: the recipe's settings, the journal, and one step's budget.

Opens nothing until a step asks, and travels to worker processes.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from forge.errors import RecipeError
from forge.llm import PART, LlmClient, LlmOptions, LlmSettings, Prices


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

        model = self.model(options.model)
        if not model:
            message = 'no model is named: add [llm] with model = "..." to the recipe, or name one where it is asked'
            raise RecipeError(message, file=self.recipe, key="llm.model")
        prices = self.prices(model)
        if (options.caps.usd is not None or options.total.usd is not None) and prices is None:
            message = f'a cap in dollars needs prices: add [llm.prices."{model}"] with prompt and completion'
            raise RecipeError(message, file=self.recipe, key="llm.prices")
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

    def model(self, name: str = "") -> str:
        """The model that is asked where a step names ``name``."""
        return name or self.settings.model

    def prices(self, model: str) -> Prices | None:
        """What the recipe says the model costs; None if it says nothing."""
        return self.settings.prices.get(model or self.settings.model)
