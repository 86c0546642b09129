"""`forge label` asks as the recipe's ``[llm]`` says, and its estimate counts what a reasoning model thinks."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forge.cli import main
from forge.clients.llm_journal import Journal
from forge.testing.llm import Misbehave, ScriptedLlm

COUNT = 30
THINKING = 4_000
PRICES = '[llm.prices."m"]\nprompt = 0.25\ncompletion = 2.0\n'
Label = Callable[..., Any]


@pytest.fixture
def label(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Label:
    """Runs the command under a recipe with these lines in ``[llm]``; what it says, as facts unless it fails."""
    rows = [json.dumps({"text": f"A text of number {number} about things."}) for number in range(COUNT)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))

    def call(endpoint: ScriptedLlm, llm: str, *words: str, status: int = 0, as_json: bool = True) -> Any:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        source = '[[source]]\nname = "files"\npaths = ["rows.jsonl"]\n'
        (tmp_path / "forge.toml").write_text(f"seed = 1\n[llm]\n{llm}\n{source}")
        given = ["--twice", "0", "--workers", "1", "--quiet", *(["--json"] if as_json else []), *words]
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(tmp_path), "label", *given])
        captured = capsys.readouterr()
        assert (ended.value.code or 0) == status, captured.err
        return captured.err if status else json.loads(captured.out) if as_json else captured.out

    return call


def test_the_estimate_holds_for_a_model_that_thinks(label: Label) -> None:
    llm = f'model = "m"\nthinking = {THINKING}\n{PRICES}'
    with ScriptedLlm(lambda _: {"level": 1}, tokens=(100, 3_000)) as endpoint:
        plain = label(endpoint, f'model = "m"\n{PRICES}', "--estimate")
        before = label(endpoint, llm, "--estimate")
        said = label(endpoint, llm, "--estimate", as_json=False)
        assert not endpoint.requests
        found = label(endpoint, llm)
        after = label(endpoint, llm, "--estimate")
        assert {request["max_tokens"] for request in endpoint.requests} == {THINKING + 32}
    assert before["tokens_at_most"] == plain["tokens_at_most"] + COUNT * THINKING
    assert plain["usd_at_most"] < found["usd"] <= before["usd_at_most"]
    assert f"{COUNT * THINKING:,} of the tokens are for thinking" in said
    assert (after["calls"], after["answered_before"], after["tokens_at_most"]) == (COUNT, COUNT, 0)


def test_answers_of_another_thinking_are_no_answers_to_this_one(label: Label) -> None:
    with ScriptedLlm(lambda _: {"level": 1}) as endpoint:
        label(endpoint, 'model = "m"', "--sample", "10")
        assert label(endpoint, 'model = "m"', "--estimate")["answered_before"] == 10
        assert label(endpoint, 'model = "m"\nthinking = 10', "--estimate")["answered_before"] == 0


def test_the_recipe_says_how_many_calls_are_under_way(label: Label) -> None:
    with ScriptedLlm(lambda _: {"level": 1}, delay=0.05) as endpoint:
        label(endpoint, 'model = "m"\nconcurrency = 1', "--sample", "8")
        assert endpoint.most_at_once == 1
        label(endpoint, 'model = "m"\nconcurrency = 1', "--concurrency", "4")
        assert 1 < endpoint.most_at_once <= 4


def test_the_recipe_says_how_long_an_answer_is_waited_for(label: Label) -> None:
    slow = Misbehave(hang=4.0, drop=True)
    with ScriptedLlm([slow, {"level": 1}]) as endpoint:
        assert label(endpoint, 'model = "m"\ntimeout = 1.0', "--sample", "1")["documents"] == 1
        assert len(endpoint.requests) == 2
    with ScriptedLlm(lambda _: {"level": 1}, delay=1.6) as endpoint:
        label(endpoint, 'model = "other"\ntimeout = 1.0', "--sample", "1", "--timeout", "20")
        assert len(endpoint.requests) == 1


def test_the_budget_has_the_name_that_it_always_had(label: Label, tmp_path: Path) -> None:
    """What earlier versions spent counts against the caps of this one."""
    with ScriptedLlm(lambda _: {"level": 1}) as endpoint:
        label(endpoint, 'model = "m"', "--sample", "5")
    journal = Journal(tmp_path / ".forge/llm.sqlite")
    assert journal.spent("label agent-relevant m").calls == 5
    journal.close()


def test_what_is_missing_is_said_with_the_options_that_give_it(label: Label) -> None:
    with ScriptedLlm(lambda _: {"level": 1}) as endpoint:
        said = label(endpoint, "", status=1)
        assert "no model is named: give --model, or add [llm] with model" in said
        said = label(endpoint, 'model = "m"', "--max-usd", "1", "--prompt-usd", "2", status=1)
        assert "--max-usd" in said
        assert "give --prompt-usd and --completion-usd" in said
        assert 'or add [llm.prices."m"]' in said
        assert label(endpoint, f'model = "m"\n{PRICES}', "--max-usd", "1", "--sample", "2")["usd"] > 0


def test_answers_of_no_use_are_paid_once_and_what_to_do_is_said(label: Label) -> None:
    with ScriptedLlm([{"nothing": 1}], tokens=(100, 10)) as endpoint:
        for _ in range(2):
            said = label(endpoint, 'model = "m"', "--sample", "4", status=1)
            assert "no document was labelled: unfit: " in said
            assert "answers are kept and not asked for again: try another model or rubric" in said
        assert len(endpoint.requests) == 4 * 2


def test_an_empty_address_is_named(
    label: Label, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ScriptedLlm([{"level": 1}]) as endpoint:
        label(endpoint, 'model = "m"', "--sample", "2")
    monkeypatch.setenv("OPENAI_BASE_URL", "")
    with pytest.raises(SystemExit) as ended:
        main(["-C", str(tmp_path), "label", "--sample", "4", "--quiet", "--workers", "1"])
    assert ended.value.code == 1
    assert "OPENAI_BASE_URL is empty; give it the endpoint's address, or unset it" in capsys.readouterr().err
