"""What is taken for a secret, and what is not."""

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.engine.session import EventLog
from forge.progress import LineReporter
from forge.secrets import HIDDEN, is_secret_name, redact, redact_facts, redact_url, secrets_of

KEY = "planted-0123456789"
ENVIRONMENT = {"PLANTED_API_KEY": KEY, "PLANTED_FILE": "another-value", "SHORT_KEY": "1", "PWD": "/home/me/workspace"}


@pytest.mark.parametrize(
    "name",
    ["RAPIDAPI_KEY", "HF_TOKEN", "GITHUB_PAT",
     "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY_2", "SECRET_FOO", "access_token",
     "apiKey", "accessToken", "clientSecret", "key", "apikey", "sig", "X-Amz-Signature", "X-Amz-Security-Token",
     "x-rapidapi-key", "subscription-key", "Authorization", "Cookie", "X-Auth-Token", "password", "api%5Fkey", "appid"],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name",
    ["page_token", "nextPageToken", "max_tokens", "sort_key", "public_key", "PATH", "SSH_AUTH_SOCK", "author", "monkey",
     "keyboard", "token_type", "password_file", "AWS_ACCESS_KEY_ID", "design", "tokenizer", "q", "", "hotkey"],
)  # fmt: skip
def test_names_of_other_things(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:pw@h.example/x", "https://h.example/x"),
        ("https://h/x?api_key=abc&q=a+b%20c&q=", f"https://h/x?api_key={HIDDEN}&q=a+b%20c&q="),
        ("https://h/x?a=1;token=abc#access_token=xyz", f"https://h/x?a=1;token={HIDDEN}#access_token={HIDDEN}"),
        ("http://me:pw@[broken?key=abc", f"http://[broken?key={HIDDEN}"),
        ("https://h/@scope/name?key=", "https://h/@scope/name?key="),
        ("a@b.example", "a@b.example"),
        ("no address", "no address"),
    ],
)
def test_addresses_without_secrets(url: str, shown: str) -> None:
    assert redact_url(url) == shown
    assert redact_url(shown) == shown


@given(st.from_regex(r"https://[a-z]{1,9}\.example/[a-z/]{0,20}(\?[a-z]=[a-z0-9%+]{0,9})?", fullmatch=True))
def test_ordinary_addresses_are_unchanged(url: str) -> None:
    assert redact_url(url) == redact(url, environment=ENVIRONMENT) == url


@pytest.mark.parametrize(
    "text",
    [
        f"failed with {KEY}",
        f"https://h/x?q={KEY}",
        "see https://me:some-password@h/x?y=1 for more",
        "x https://h/?api_key=abcdef1234567890, then",
        "Authorization: Bearer abcdef1234567890",
        "{'authorization': 'Basic bWU6cGxhbnRlZA1234=='}",
        '"x-rapidapi-key": "abcdef1234567890"',
        "Bearer abcdef1234567890",
        "api-key=abcdef1234567890",
        "Set-Cookie: session=abcdef1234567890; path=/",
    ],
)
def test_lines_without_secrets(text: str) -> None:
    shown = redact(text, environment=ENVIRONMENT)
    assert HIDDEN in shown or "some-password" not in shown
    for secret in (KEY, "some-password", "abcdef1234567890", "bWU6cGxhbnRlZA1234"):
        assert secret not in shown


@pytest.mark.parametrize(
    "line",
    [
        "forge.toml: source[0].api_key: expected a string; write api_key = \"RAPIDAPI_KEY\"",
        "set the environment variable RAPIDAPI_KEY, or token = false",
        "basic authentication failed; the token endpoint answered",
        "Authorization: a header of the request",
        "/home/me/workspace/forge.toml: no such file",
        "collect openapi: 3 of 14 partitions, 3.0/s, 12 s left",
        "token 123 of 456 in shard-00001; another-value",
    ],
)  # fmt: skip
def test_ordinary_lines_are_unchanged(line: str) -> None:
    assert redact(line, environment=ENVIRONMENT) == line


@pytest.mark.parametrize(
    "value", ['with "quotes" and \\ in it', "slash/plus+equal=", "ünïcödé-password", "two\twords and"]
)
def test_values_of_the_environment_in_every_form(value: str) -> None:
    from urllib.parse import quote, quote_plus

    for form in (value, quote(value, safe=""), quote_plus(value), json.dumps(value)):
        assert redact(f"<{form}>", environment={"A_SECRET": value}).strip('<>"') == HIDDEN


def test_secrets_that_a_request_sends() -> None:
    found = secrets_of("https://me:pass%2Fword-1@h/?key=query-key-1&n=1", ["Bearer header-key-1", "x"])
    assert {"pass/word-1", "pass%2Fword-1", "query-key-1", "header-key-1", "Bearer header-key-1"} <= set(found)
    assert "x" not in found
    assert [len(form) for form in found] == sorted((len(form) for form in found), reverse=True)


def test_facts_keep_their_shape() -> None:
    facts = {"a": ["https://me:pw@h/", 1, None, {"b": (True, 2.5)}]}
    assert redact_facts(facts) == {"a": ["https://h/", 1, None, {"b": [True, 2.5]}]}


def test_the_log_of_a_run_and_its_lines_are_redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANTED_API_KEY", 'planted "quoted" 0123')
    EventLog(folder=tmp_path).write("tried", url="https://me:pw@h/", why='said planted "quoted" 0123', count=3)
    (path,) = tmp_path.iterdir()
    event = json.loads(path.read_text())
    assert event | {"url": "https://h/", "why": f"said {HIDDEN}", "count": 3} == event
    stream = io.StringIO()
    LineReporter(stream).log('planted "quoted" 0123')
    assert stream.getvalue() == f"{HIDDEN}\n"


def test_redaction_is_cheap() -> None:
    """A log of 10,000 lines costs less than two seconds, whatever the machine."""
    import time

    environment = {f"VARIABLE_{number}": "some value" for number in range(60)} | ENVIRONMENT
    begin = time.process_time()
    for _ in range(10_000):
        redact("collect openapi: 3 of 14 partitions, 3.0/s, 12 s left", environment=environment)
    assert time.process_time() - begin < 2.0
