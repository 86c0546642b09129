"""Tools by an endpoint's own parameter, against a scripted endpoint over real HTTP."""

from pathlib import Path
from typing import Any

import pytest

from forge.clients.llm import LlmClient, Patience
from forge.clients.llm_journal import Journal
from forge.llm import Call, Result
from forge.testing.llm import Misbehave, Script, ScriptedLlm, refusal

TOOL = {
    "name": "get_order",
    "description": "Get an order.",
    "parameters": {"type": "object", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]},
}
CALL = {"name": "get_order", "arguments": {"order_id": "ö7"}}
QUICK = Patience(timeout=5.0, busy=5.0, first=0.01, longest=0.05)


def closed(**properties: Any) -> dict[str, Any]:
    shape = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**shape, "required": list(properties)}


ONE = closed(name={"enum": ["get_order"]}, arguments=TOOL["parameters"])
CALLS, TEXT = {"type": "array", "items": ONE, "minItems": 1}, {"type": "string", "maxLength": 40}
ASK, ANSWER, FINISH = closed(ask=TEXT), closed(answer=TEXT), closed(finish={"type": "boolean"})


def actions(*branches: dict[str, Any]) -> dict[str, Any]:
    return closed(action={"anyOf": list(branches)})


FULL = actions(closed(calls=CALLS), ASK, ANSWER)
THOUGHTFUL = actions(closed(thought=TEXT, calls=CALLS), ASK)
PING = closed(name={"enum": ["ping"]}, arguments={"type": "object"})
BARE = closed(action=closed(calls={"type": "array", "items": PING}))


def question(text: str = "order ö7?", **more: Any) -> Call:
    call = {"max_tokens": 50, "schema": FULL, "tools": [TOOL], **more}
    return Call(messages=[{"role": "user", "content": text}], **call)


def ask(endpoint: ScriptedLlm, calls: list[Call], folder: Path) -> list[Any]:
    options: dict[str, Any] = {"model": "scripted", "scope": "test", "patience": QUICK, "base_url": endpoint.url}
    with LlmClient(journal=Journal(folder / "llm.sqlite"), **options) as client:
        found: list[Result] = client.ask_all(calls)
    return found


def test_a_native_call_goes_there_and_back_and_is_kept(tmp_path: Path) -> None:
    with ScriptedLlm([{"tool_calls": [CALL, CALL]}]) as endpoint:
        first = ask(endpoint, [question()], tmp_path)[0]
        again = ask(endpoint, [question()], tmp_path)[0]
        (sent,) = endpoint.requests
    assert first.value == again.value == {"action": {"calls": [CALL, CALL]}}
    assert (first.paid, again.paid) == (True, False)
    assert sent["tools"] == [{"type": "function", "function": TOOL}]
    assert sent["tool_choice"] == "auto"
    assert "response_format" not in sent


@pytest.mark.parametrize(
    ("schema", "said", "action"),
    [
        (FULL, "It is on its way.", {"answer": "It is on its way."}),
        (FULL, "Which order?\n", {"ask": "Which order?\n"}),
        (FULL, '{"ask": "Which one"}', {"ask": "Which one"}),
        (FULL, '```json\n{"action": {"answer": "Sent."}}\n```', {"answer": "Sent."}),
        (FULL, "{braces} are words", {"answer": "{braces} are words"}),
        (FULL, {"calls": [CALL]}, {"calls": [CALL]}),
        (actions(closed(calls=CALLS), ASK, FINISH), "It is on its way.", {"finish": True}),
        (actions(closed(calls=CALLS), ASK), "Tell me the order.", {"ask": "Tell me the order."}),
        (THOUGHTFUL, {"content": "To see.", "tool_calls": [CALL]}, {"thought": "To see.", "calls": [CALL]}),
        (THOUGHTFUL, {"tool_calls": [CALL]}, {"thought": "", "calls": [CALL]}),
        (BARE, {"tool_calls": [{"name": "ping", "arguments": ""}]}, {"calls": [{"name": "ping", "arguments": {}}]}),
        (FULL, {"content": "Let me see.", "tool_calls": [CALL]}, {"calls": [CALL]}),
    ],
)
def test_what_is_said_becomes_the_action_that_the_schema_asks_for(
    tmp_path: Path, schema: Any, said: Any, action: Any
) -> None:
    with ScriptedLlm([said]) as endpoint:
        (found,) = ask(endpoint, [question(schema=schema)], tmp_path)
        assert len(endpoint.requests) == 1
    assert found.value == {"action": action}


@pytest.mark.parametrize(
    "bad",
    [
        {"tool_calls": [{**CALL, "arguments": '{"order_id": '}]},
        {"tool_calls": [{**CALL, "arguments": "[" * 9_000}]},
        {"tool_calls": [{**CALL, "arguments": {}}]},
        {"tool_calls": [{**CALL, "name": "drop_order"}]},
        "very " * 20 + "long",
    ],
)
def test_what_does_not_fit_is_mended_once_with_the_validators_words(tmp_path: Path, bad: Any) -> None:
    script: Script = [bad, {"tool_calls": [CALL]}]
    with ScriptedLlm(script) as endpoint:
        (found,) = ask(endpoint, [question()], tmp_path)
        first, second = endpoint.requests
    assert found.repaired
    assert found.value == {"action": {"calls": [CALL]}}
    assert second["tools"] == first["tools"]
    assert "That does not fit the schema: action" in second["messages"][-1]["content"]


def test_calls_that_are_no_calls_are_no_answer(tmp_path: Path) -> None:
    body = b'{"choices": [{"message": {"role": "assistant", "content": null, "tool_calls": ["get_order"]}}]}'
    with ScriptedLlm([Misbehave(headers={"Content-Type": "application/json"}, body=body)]) as endpoint:
        (found,) = ask(endpoint, [question()], tmp_path)
    assert found.kind == "unanswered"
    assert "no chat completion" in found.reason


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "scripted does not support tools"),
        (422, "tool_choice: extra fields not permitted"),
        (400, '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'),
        (400, "Function calling is not enabled for this model"),
    ],
)
def test_an_endpoint_without_tools_is_asked_by_schema_and_remembered(tmp_path: Path, status: int, words: str) -> None:
    def script(request: Any) -> Any:
        return refusal(status, words) if "tools" in request else {"action": {"calls": [CALL]}}

    calls = [question(f"number {number}") for number in range(5)]
    with ScriptedLlm(script) as endpoint:
        options: dict[str, Any] = {"concurrency": 1, "scope": "test", "patience": QUICK, "base_url": endpoint.url}
        with LlmClient(model="scripted", journal=Journal(tmp_path / "llm.sqlite"), **options) as client:
            found: list[Any] = client.ask_all(calls)
            assert client.abilities.dropped == ["tools"]
            assert client.abilities.json_schema
        assert ["tools" in request for request in endpoint.requests] == [True] + [False] * 5
        assert endpoint.requests[1]["response_format"]["json_schema"]["schema"] == FULL
        assert "tool_choice" not in endpoint.requests[1]
    assert all(each.value == {"action": {"calls": [CALL]}} for each in found)


def test_an_endpoint_with_neither_gets_the_schema_in_the_prompt(tmp_path: Path) -> None:
    def script(request: Any) -> Any:
        for name in ("tools", "response_format"):
            if name in request:
                return refusal(400, f"{name} is not supported")
        return {"action": {"answer": "yes" if "schema" in request["messages"][0]["content"] else "no"}}

    with ScriptedLlm(script) as endpoint:
        (found,) = ask(endpoint, [question()], tmp_path)
        assert len(endpoint.requests) == 3
    assert found.value == {"action": {"answer": "yes"}}


def test_tools_are_part_of_the_key_only_where_there_are_any() -> None:
    plain = Call(messages=[{"role": "user", "content": "hello"}], max_tokens=20, schema={"type": "object"}, seed=3)
    # Written down, as journals of earlier releases have it.
    assert plain.key("scripted") == "0e1174da7cf8d7d6efdaf6f9c493b744"
    assert "tools" not in plain.request()
    assert question().key("scripted") != question(tools=()).key("scripted")
    assert question().worst_tokens()[0] > question(tools=()).worst_tokens()[0]
