"""The recipe's ``[llm]`` table, and the way to a model that a context hands out."""

import pickle
from pathlib import Path

import pytest

from forge.clients.llm_open import Endpoint
from forge.errors import RecipeError
from forge.llm import Answer, Call, Caps, LlmOptions, LlmSettings, Prices
from forge.recipe import parse_recipe
from forge.testing.llm import ScriptedLlm

TABLE = """
[llm]
model = "small"
concurrency = 3
[llm.prices."small"]
prompt = 0.5
completion = 2
"""


def settings(text: str) -> LlmSettings:
    return parse_recipe(text, path=Path("forge.toml")).llm


def endpoint(tmp_path: Path, found: LlmSettings) -> Endpoint:
    return Endpoint(journal=tmp_path / "llm.sqlite", scope="step", settings=found, recipe=tmp_path / "forge.toml")


def test_the_table_is_read() -> None:
    found = settings(TABLE)
    assert (found.model, found.concurrency, found.timeout) == ("small", 3, 120.0)
    assert found.prices == {"small": Prices(prompt=0.5, completion=2.0)}
    assert settings("seed = 1").model == ""


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ('[llm]\nmodle = "x"', "llm.modle", "model"),
        ('[llm]\napi_key = "x"', "llm.api_key", "OPENAI_API_KEY"),
        ("[llm]\nconcurrency = 0", "llm.concurrency", "1 or more"),
        ("[llm]\ntimeout = inf", "llm.timeout", "above 0"),
        ("[llm]\nthinking = -1", "llm.thinking", "0 or more"),
        ("[llm.prices.x]\nprompt = -1\ncompletion = 1", "llm.prices.x", "0 or more"),
        ("[llm.prices.x]\nprompt = 1", "llm", "completion"),
        ("[llm.prices.x]\ninput = 1", "llm", "input"),
        ("llm = 3", "llm", "object"),
    ],
)
def test_what_is_wrong_names_its_key(text: str, key: str, says: str) -> None:
    with pytest.raises(RecipeError) as caught:
        settings(text)
    assert key in str(caught.value)
    assert says in str(caught.value)


def test_a_client_has_the_recipes_model_prices_and_the_steps_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = pickle.loads(pickle.dumps(endpoint(tmp_path, settings(TABLE))))
    with ScriptedLlm(["hello"], tokens=(1_000_000, 500_000)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        with way.open(LlmOptions(part="one")) as client:
            (answer,) = client.ask_all([Call(messages=[{"role": "user", "content": "hi"}], max_tokens=5)])
            assert isinstance(answer, Answer)
            assert client.spent().usd == pytest.approx(1.5)
        with way.open(LlmOptions(part="another")) as client:
            assert client.spent().usd == 0
        assert server.requests[0]["model"] == "small"


def test_without_a_model_or_a_price_nothing_is_asked(tmp_path: Path) -> None:
    way = endpoint(tmp_path, LlmSettings())
    with pytest.raises(RecipeError, match="no model is named"), way.open(LlmOptions()):
        pass
    with pytest.raises(RecipeError, match="needs prices"), way.open(LlmOptions(model="m", caps=Caps(usd=1.0))):
        pass
    assert way.model("m") == "m"
    assert endpoint(tmp_path, settings(TABLE)).model() == "small"
