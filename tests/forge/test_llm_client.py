"""The client for language models against a scripted endpoint over real HTTP."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forge.clients.llm import LlmClient, Patience
from forge.clients.llm_journal import Journal
from forge.errors import StepError
from forge.llm import Answer, Call, Caps, Failure, Prices
from forge.testing.llm import Misbehave, Script, ScriptedLlm, refusal

SCHEMA = {
    "type": "object",
    "properties": {"score": {"type": "integer", "maximum": 5}},
    "required": ["score"],
    "additionalProperties": False,
}
QUICK = Patience(timeout=5.0, busy=20.0, first=0.01, longest=0.05)

Ask = Callable[..., list[Any]]


def question(text: str, **more: Any) -> Call:
    return Call(messages=[{"role": "user", "content": text}], max_tokens=20, **more)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-key-0001")

    def asked(endpoint: ScriptedLlm, calls: list[Call], **more: Any) -> list[Any]:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        options = {"model": "scripted", "scope": "test", "patience": QUICK, **more}
        with LlmClient(journal=Journal(tmp_path / "llm.sqlite"), **options) as client:
            return client.ask_all(calls)

    return asked


def spent(tmp_path: Path) -> Any:
    journal = Journal(tmp_path / "llm.sqlite")
    try:
        return journal.spent("test")
    finally:
        journal.close()


def states(tmp_path: Path) -> dict[str, int]:
    journal = Journal(tmp_path / "llm.sqlite")
    try:
        return journal.states()
    finally:
        journal.close()


def test_answers_come_in_order_and_are_never_paid_twice(ask: Ask, tmp_path: Path) -> None:
    calls = [question(f"number {number}") for number in range(30)]
    with ScriptedLlm(lambda request: request["messages"][0]["content"].upper()) as endpoint:
        first = ask(endpoint, [*calls, calls[0]])
        again = ask(endpoint, calls)
        assert len(endpoint.requests) == 30
    assert [answer.text for answer in first] == [*(f"NUMBER {number}" for number in range(30)), "NUMBER 0"]
    assert [answer.text for answer in again] == [answer.text for answer in first[:30]]
    assert not any(answer.paid for answer in again)
    assert spent(tmp_path).tokens == 30 * 15


def test_many_are_under_way_at_once_and_no_more_than_allowed(ask: Ask) -> None:
    calls = [question(f"number {number}") for number in range(40)]
    with ScriptedLlm(lambda request: "yes", delay=0.02) as endpoint:
        ask(endpoint, calls, concurrency=6)
        assert 3 <= endpoint.most_at_once <= 6


def test_a_changed_parameter_is_another_call(ask: Ask) -> None:
    calls = [question("same"), question("same", temperature=0.5), question("same", repeat=1)]
    with ScriptedLlm(lambda request: "yes") as endpoint:
        ask(endpoint, calls)
        assert len(endpoint.requests) == 3


def test_429_waits_as_long_as_the_server_asks(ask: Ask, tmp_path: Path) -> None:
    busy = refusal(429, "slow down", headers={"Retry-After": "1"})
    with ScriptedLlm([busy, "yes"]) as endpoint:
        begun = time.monotonic()
        found = ask(endpoint, [question("one")])
        assert time.monotonic() - begun >= 1.0
    assert isinstance(found[0], Answer)
    assert (spent(tmp_path).calls, spent(tmp_path).tokens) == (1, 15)


def test_429s_without_end_fail_the_call_and_are_not_kept_as_an_answer(ask: Ask, tmp_path: Path) -> None:
    with ScriptedLlm([refusal(429)]) as endpoint:
        found = ask(endpoint, [question("one")], patience=Patience(busy=0.2, first=0.01, longest=0.05))
    assert isinstance(found[0], Failure)
    assert found[0].kind == "unanswered"
    assert states(tmp_path) == {"failed": 1}
    assert spent(tmp_path).tokens == 0
    with ScriptedLlm(["yes"]) as endpoint:
        assert ask(endpoint, [question("one")])[0].text == "yes"


@pytest.mark.parametrize(
    "bad",
    [
        Misbehave(drop=True),
        Misbehave(body=b"<html>welcome</html>", headers={"Content-Type": "text/html"}),
        Misbehave(body=b'{"choices": [{"message": {"content": "' + b"x" * 10_000_000),
        Misbehave(body=b'{"choices": []}', headers={"Content-Type": "application/json"}),
        Misbehave(body=b'{"choices": [{"message": {"content": null}}]}'),
        Misbehave(hang=3.0),
    ],
    ids=["drops", "html", "ten-megabytes", "no-choices", "no-text", "hangs"],
)
def test_an_endpoint_that_misbehaves_is_asked_again_and_its_cost_stays_counted(
    ask: Ask, tmp_path: Path, bad: Misbehave
) -> None:
    patience = Patience(timeout=1.5, first=0.01, longest=0.05)
    with ScriptedLlm([bad, "yes"]) as endpoint:
        found = ask(endpoint, [question("one")], patience=patience)
    assert found[0].text == "yes"
    worst = sum(question("one").worst_tokens())
    assert (spent(tmp_path).calls, spent(tmp_path).tokens) == (2, worst + 15)


def test_the_budget_is_reserved_before_sending(ask: Ask, tmp_path: Path) -> None:
    calls = [question(f"number {number:02}") for number in range(50)]
    worst = sum(calls[0].worst_tokens())
    with ScriptedLlm(lambda request: "yes", delay=0.01, tokens=(60, 20)) as endpoint:
        found = ask(endpoint, calls, caps=Caps(tokens=worst * 3))
        assert len(endpoint.requests) < 50
    assert {item.kind for item in found if isinstance(item, Failure)} == {"budget"}
    assert spent(tmp_path).tokens <= worst * 3


def test_caps_on_calls_and_dollars_hold_over_several_runs(ask: Ask, tmp_path: Path) -> None:
    calls = [question(f"number {number}") for number in range(9)]
    prices = Prices(prompt=1.0, completion=2.0)
    with ScriptedLlm(lambda request: "yes") as endpoint:
        ask(endpoint, calls[:4], caps=Caps(calls=5), prices=prices)
        ask(endpoint, calls, caps=Caps(calls=5), prices=prices)
        assert len(endpoint.requests) == 5
        assert spent(tmp_path).usd == pytest.approx(5 * 20e-6)
        ask(endpoint, calls, caps=Caps(usd=spent(tmp_path).usd), prices=prices)
        assert len(endpoint.requests) == 5


def test_an_answer_without_a_count_is_counted_at_its_worst(ask: Ask, tmp_path: Path) -> None:
    with ScriptedLlm(["yes"], tokens=None) as endpoint:
        ask(endpoint, [question("one")])
    assert spent(tmp_path).tokens == sum(question("one").worst_tokens())


def test_an_unfit_answer_is_repaired_once_with_the_validators_words(ask: Ask) -> None:
    script: Script = ['{"score": 9}', '```json\n{"score": 4}\n```']
    with ScriptedLlm(script) as endpoint:
        found = ask(endpoint, [question("one", schema=SCHEMA)])
        told = endpoint.requests[1]["messages"]
        assert endpoint.requests[0]["response_format"]["json_schema"]["schema"] == SCHEMA
    assert found[0].value == {"score": 4}
    assert found[0].repaired
    assert told[1]["content"] == '{"score": 9}'
    assert "9 is greater than the maximum of 5" in told[2]["content"]


def test_what_stays_unfit_fails_and_is_not_paid_again(ask: Ask) -> None:
    with ScriptedLlm(["no idea"]) as endpoint:
        first = ask(endpoint, [question("one", schema=SCHEMA)])
        again = ask(endpoint, [question("one", schema=SCHEMA)])
        assert len(endpoint.requests) == 2
    assert [(found.kind, found.answers, found.paid) for found in (*first, *again)] == [
        ("unfit", 2, True),
        ("unfit", 2, False),
    ]
    assert first[0].prompt_tokens == again[0].prompt_tokens > 0


def test_an_endpoint_without_json_schema_gets_it_in_the_prompt(ask: Ask) -> None:
    def script(request: Any) -> Any:
        if "response_format" in request:
            return refusal(400, "response_format is not supported")
        return {"score": 1} if "schema" in request["messages"][0]["content"] else "what?"

    with ScriptedLlm(script) as endpoint:
        found = ask(endpoint, [question(f"number {number}", schema=SCHEMA) for number in range(9)])
        assert 10 <= len(endpoint.requests) <= 13
    assert all(item.value == {"score": 1} for item in found)


def test_parameters_that_an_endpoint_refuses_are_left_out_or_renamed(ask: Ask) -> None:
    def script(request: Any) -> Any:
        for name in ("max_tokens", "temperature", "seed"):
            if name in request:
                return refusal(400, f"Unsupported parameter: '{name}' is not supported with this model.")
        return str(request["max_completion_tokens"])

    with ScriptedLlm(script) as endpoint:
        found = ask(endpoint, [question(f"number {number}", seed=1) for number in range(4)])
    assert [item.text for item in found] == ["20"] * 4


def test_an_endpoint_that_falls_silent_ends_the_run(ask: Ask) -> None:
    def script(request: Any) -> Any:
        return "yes" if "number 0" in request["messages"][0]["content"] else Misbehave(drop=True)

    with ScriptedLlm(script) as endpoint:
        with pytest.raises(StepError, match="does not answer"):
            ask(endpoint, [question(f"number {number}") for number in range(300)])
        assert len(endpoint.requests) < 300


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_model_ends_it_at_once_with_what_to_check(ask: Ask, status: int) -> None:
    with ScriptedLlm([refusal(status, "bad key sk-not-a-real-key-0001")]) as endpoint:
        with pytest.raises(StepError, match="check OPENAI_BASE_URL") as caught:
            ask(endpoint, [question(f"number {number}") for number in range(100)])
        assert len(endpoint.requests) <= 8
    assert "sk-not" not in str(caught.value)


def test_nobody_there_ends_it_before_every_call_has_waited(ask: Ask) -> None:
    with ScriptedLlm([Misbehave(drop=True)]) as endpoint:
        with pytest.raises(StepError, match="does not answer"):
            ask(endpoint, [question(f"number {number}") for number in range(200)])
        assert len(endpoint.requests) < 100


def test_a_refused_request_fails_alone(ask: Ask) -> None:
    def script(request: Any) -> Any:
        return refusal(400, "too long") if "3" in request["messages"][0]["content"] else "yes"

    with ScriptedLlm(script) as endpoint:
        found = ask(endpoint, [question(f"number {number}") for number in range(5)])
    assert [getattr(item, "kind", "answer") for item in found] == ["answer"] * 3 + ["refused", "answer"]


def test_no_key_is_in_the_journal(ask: Ask, tmp_path: Path) -> None:
    with ScriptedLlm([refusal(429, "key sk-not-a-real-key-0001 is busy"), "yes"]) as endpoint:
        ask(endpoint, [question("one")])
    assert not [path for path in tmp_path.iterdir() if b"sk-not" in path.read_bytes()]
