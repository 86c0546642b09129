"""The recipe's ``[llm]``: which language model is asked, how hard, and what it costs.

    [llm]
    model = "gpt-5-mini"           # asked where a step names none
    concurrency = 16               # most calls under way
    timeout = 120                  # seconds for one attempt
    thinking = 0                   # tokens that a reasoning model may use up before each answer, 4000 for example
    [llm.prices."gpt-5-mini"]      # US dollars for a million tokens
    prompt = 0.25
    completion = 2.0

The endpoint and its key stand in the environment (``OPENAI_BASE_URL``, ``OPENAI_API_KEY``), never in a recipe.
"""

import math
from typing import Any

import msgspec

from forge.errors import RecipeError
from forge.llm import LlmSettings, Prices
from forge.options import nearest

SECRETS = ("api_key", "key", "token", "base_url", "url")


class _Price(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    # Both: with one left out a cap in dollars would not hold.
    prompt: float
    completion: float


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    model: str = ""
    concurrency: int = 16
    timeout: float = 120.0
    thinking: int = 0
    prices: dict[str, _Price] = msgspec.field(default_factory=dict)


def read_llm(table: Any, *, file: object) -> LlmSettings:
    """Check the table.

    Raises:
        RecipeError: naming the key.
    """
    known = _Table.__struct_fields__
    for key in table if isinstance(table, dict) else ():
        if key in SECRETS:
            message = "a recipe holds no secret and no endpoint: set OPENAI_BASE_URL and OPENAI_API_KEY"
            raise RecipeError(message, file=file, key=f"llm.{key}")
        if key not in known:
            raise RecipeError(f"unknown key: {nearest(key, known)}", file=file, key=f"llm.{key}")
    try:
        found = msgspec.convert(table, _Table)
    except msgspec.ValidationError as error:
        raise RecipeError(str(error), file=file, key="llm") from error
    if found.concurrency < 1:
        raise RecipeError(f"expected 1 or more, found {found.concurrency}", file=file, key="llm.concurrency")
    if found.thinking < 0:
        raise RecipeError(f"expected 0 or more tokens, found {found.thinking}", file=file, key="llm.thinking")
    if not 0 < found.timeout < math.inf:
        raise RecipeError(f"expected seconds above 0, found {found.timeout}", file=file, key="llm.timeout")
    for model, price in found.prices.items():
        if not (0 <= price.prompt < math.inf and 0 <= price.completion < math.inf):
            message = "expected US dollars for a million tokens, 0 or more"
            raise RecipeError(message, file=file, key=f"llm.prices.{model}")
    prices = {model: Prices(prompt=price.prompt, completion=price.completion) for model, price in found.prices.items()}
    return LlmSettings(
        model=found.model,
        concurrency=found.concurrency,
        timeout=found.timeout,
        thinking=found.thinking,
        prices=prices,
    )
