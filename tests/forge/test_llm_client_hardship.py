"""The client for language models under hardship: caps that hold whatever happens, refusals that last, nobody there."""

import json
import random
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge.clients.llm import LlmClient, Patience
from forge.clients.llm_journal import Entry, Journal, Kept
from forge.clients.llm_schema import is_strict
from forge.errors import BudgetError, StepError
from forge.llm import Answer, Call, Caps, Prices
from forge.testing.llm import Misbehave, ScriptedLlm, refusal

QUICK = Patience(timeout=2.0, busy=10.0, first=0.005, longest=0.05, lost=3, strikes=500)
PRICES = Prices(prompt=3.0, completion=7.0)


def question(text: str, **more: Any) -> Call:
    return Call(messages=[{"role": "user", "content": text}], max_tokens=20, **more)


WORST = question("number 00").worst_tokens()


def completion(prompt: int, answer: int) -> Misbehave:
    usage = {"prompt_tokens": prompt, "completion_tokens": answer}
    body = {"choices": [{"message": {"role": "assistant", "content": "yes"}}], "usage": usage}
    return Misbehave(headers={"Content-Type": "application/json"}, body=json.dumps(body).encode())


class Meter:
    """An endpoint's script that counts what it bills, which is the worst case for what it answers badly or never."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self.tokens, self.usd = 0, 0.0

    def __call__(self, request: Any) -> Misbehave:
        with self._lock:
            fate = self._chance.random()
            if fate < 0.15:
                return refusal(self._chance.choice((429, 503)))
            if fate < 0.3:
                self._bill(*WORST)
                return Misbehave(drop=True) if fate < 0.25 else Misbehave(body=b"<html>")
            billed = (self._chance.randint(1, WORST[0]), self._chance.randint(1, WORST[1]))
            self._bill(*billed)
            return completion(*billed)

    def _bill(self, prompt: int, answer: int) -> None:
        self.tokens += prompt + answer
        self.usd += PRICES.cost(prompt, answer)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 999), room=st.floats(0.5, 25.0), clients=st.integers(1, 4), in_usd=st.booleans())
def test_no_cap_is_broken_however_many_ask_at_once(
    tmp_path_factory: pytest.TempPathFactory, seed: int, room: float, clients: int, in_usd: bool
) -> None:
    journal = tmp_path_factory.mktemp("capped") / "llm.sqlite"
    meter = Meter(seed)
    caps = Caps(usd=room * PRICES.cost(*WORST)) if in_usd else Caps(tokens=int(room * sum(WORST)))
    spent = []

    def ask(number: int, url: str) -> None:
        # Parts of one step: each may spend all of it, and together no more than that.
        with LlmClient(
            model="scripted", journal=Journal(journal), scope=f"step part-{number % 2}", caps=caps, total=caps,
            prices=PRICES, patience=QUICK, base_url=url,
        ) as client:  # fmt: skip
            client.ask_all([question(f"number {number}{each}") for each in range(10)])
            spent.append(client.journal.spent_by_step("step"))

    with ScriptedLlm(meter) as endpoint:
        threads = [threading.Thread(target=ask, args=(number, endpoint.url)) for number in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(spent) == clients
    final = max(spent, key=lambda each: (each.tokens, each.calls))
    assert meter.tokens <= final.tokens
    if in_usd:
        assert meter.usd <= (caps.usd or 0.0) + 1e-12
        assert meter.usd <= final.usd + 1e-12
    else:
        assert meter.tokens <= (caps.tokens or 0)


def test_all_parts_of_a_step_share_its_total(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "llm.sqlite")
    for number in range(3):
        entry = Entry(
            key=f"k{number}", scope=f"step part-{number}", model="m", request="{}", worst_tokens=100, worst_usd=0.0
        )
        if number < 2:
            journal.reserve(entry, Caps(tokens=150), total=Caps(tokens=250))
            continue
        with pytest.raises(BudgetError, match="max-tokens"):
            journal.reserve(entry, Caps(tokens=150), total=Caps(tokens=250))
    assert journal.spent_by_step("step").tokens == 200
    assert journal.spent_by_step("ste").tokens == 0
    journal.close()


def test_an_answer_is_not_undone_by_another_process_that_fails_at_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "llm.sqlite")
    entry = Entry(key="k", scope="s", model="m", request="{}", worst_tokens=100, worst_usd=0.0)
    journal.reserve(entry, Caps())
    journal.answered(entry, Kept(text="yes", prompt_tokens=3, completion_tokens=4, usd=0.0))
    journal.reserve(entry, Caps())
    journal.sent(entry)
    journal.failed(entry, "lost", may_be_paid=True)
    kept = journal.answer("k")
    assert kept is not None
    assert (kept.text, journal.spent("s").tokens) == ("yes", 107)
    journal.close()


def client_at(url: str, tmp_path: Path, **more: Any) -> LlmClient:
    options = {"model": "scripted", "scope": "test", "patience": QUICK, "base_url": url, **more}
    return LlmClient(journal=Journal(tmp_path / "llm.sqlite"), **options)


def test_an_endpoint_that_is_busy_for_long_is_waited_out_and_not_hammered(tmp_path: Path) -> None:
    # A minute of 429s at a fortieth of the time, and of the patience of real runs.
    begun = time.monotonic()
    busy = 1.5

    def script(request: Any) -> Any:
        return refusal(429, "slow down") if time.monotonic() - begun < busy else "yes"

    patience = Patience(timeout=3.0, busy=7.5, first=0.0125, longest=0.75)
    with ScriptedLlm(script) as endpoint, client_at(endpoint.url, tmp_path, patience=patience) as client:
        found = client.ask_all([question(f"number {number:02}") for number in range(40)])
        assert all(isinstance(each, Answer) for each in found)
        assert len(endpoint.requests) <= 40 + 60
        assert client.spent().calls == 40
        assert client.spent().tokens == 40 * 15
    assert time.monotonic() - begun < 6 * busy


def test_nobody_there_is_said_soon_and_not_after_the_patience_for_busy_servers(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        patience = Patience(busy=60.0, unreached=0.3, first=0.02, longest=0.1)
        begun = time.monotonic()
        with client_at(url, tmp_path, patience=patience) as client:
            with pytest.raises(StepError, match=r"no connection.*OPENAI_BASE_URL"):
                client.ask_all([question(f"number {number}") for number in range(20)])
            # What was broken off on its way may have arrived, for all that is known.
            assert client.spent().calls <= 4
    assert time.monotonic() - begun < 10


def test_a_reasoning_model_has_room_to_think_and_the_budget_knows_it(tmp_path: Path) -> None:
    with ScriptedLlm(["yes"], tokens=None) as endpoint, client_at(endpoint.url, tmp_path, thinking=500) as client:
        client.ask_all([question("one")])
        assert endpoint.requests[0]["max_tokens"] == 520
        assert client.spent().tokens == sum(question("one").worst_tokens()) + 500


TEXT = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        (TEXT, True),
        ({**TEXT, "properties": {"a": {"type": "string", "maxLength": 9}}}, False),
        ({**TEXT, "properties": {"a": {"type": ["string", "null"], "enum": ["x", None]}}}, True),
        ({**TEXT, "properties": {"a": {"anyOf": [TEXT, {"type": "integer"}]}}}, True),
        ({**TEXT, "properties": {"a": {"type": "array", "items": TEXT}}}, True),
        ({**TEXT, "properties": {"a": {"type": "array"}}}, False),
        ({**TEXT, "properties": {"a": {}}}, False),
        ({**TEXT, "required": []}, False),
        ({**TEXT, "additionalProperties": True}, False),
        ({"type": "object"}, False),
        ({"anyOf": [TEXT]}, False),
        ({**TEXT, "properties": {"a": {**TEXT, "required": []}}}, False),
        ({**TEXT, "properties": {"a": {"type": "integer", "minimum": 1}}}, False),
        ({**TEXT, "properties": {"a": {"oneOf": [TEXT]}}}, False),
    ],
)
def test_strict_is_sent_where_the_schema_keeps_to_its_subset(
    tmp_path: Path, schema: dict[str, Any], strict: bool
) -> None:
    assert is_strict(schema) is strict
    with ScriptedLlm(['{"a": "x"}']) as endpoint, client_at(endpoint.url, tmp_path) as client:
        client.ask_all([question("one", schema=schema)])
        sent = endpoint.requests[0]["response_format"]["json_schema"]
    assert (sent["strict"], sent["schema"]) == (strict, schema)


def test_what_is_nested_too_deeply_is_not_strict() -> None:
    schema: dict[str, Any] = TEXT
    for _ in range(12):
        schema = {**TEXT, "properties": {"a": schema}}
    assert not is_strict(schema)
