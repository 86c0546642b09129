"""What the client writes and says holds no secret: searched byte by byte."""

import base64
import gzip
import sqlite3
import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.clients.http import HttpClient
from forge.errors import FetchError
from forge.steps import HttpRequest

KEY = "planted/Key+0123456789="
FRESH = {"Cache-Control": "max-age=600"}


def forms() -> list[bytes]:
    quoted = "planted%2FKey%2B0123456789%3D"
    return [form.encode() for form in (KEY, quoted, base64.b64encode(f"me:{KEY}".encode()).decode())]


def assert_clean(folder: Path, *texts: str) -> None:
    """No file below the folder and no text has the key, in any form."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for data in (*(path.read_bytes() for path in files), *(text.encode() for text in texts)):
        assert not [form for form in forms() if form in data]


def stored(folder: Path) -> bytes:
    """All bodies in the cache."""
    with sqlite3.connect(folder / "http" / "responses.sqlite") as base:
        return b"".join(row[0] for row in base.execute("select chunk_data from streams"))


def requests(site: Any) -> dict[str, HttpRequest]:
    quoted = "planted%2FKey%2B0123456789%3D"
    return {
        "secret header": HttpRequest(url=f"{site.base}/a", secret_headers={"X-Thing": KEY}),
        "bearer": HttpRequest(url=f"{site.base}/a", secret_headers={"Authorization": f"Bearer {KEY}"}),
        "plain header with a telling name": HttpRequest(url=f"{site.base}/a", headers={"X-RapidAPI-Key": KEY}),
        "query": HttpRequest(url=f"{site.base}/a?q=1&api_key={quoted}"),
        "user part": HttpRequest(url=f"{site.base}/a".replace("//", f"//me:{quoted}@")),
    }


WAYS = ["secret header", "bearer", "plain header with a telling name", "query", "user part"]


@pytest.mark.parametrize("way", WAYS)
def test_a_secret_is_sent_and_the_answer_cached_without_it(
    site: Any, client: HttpClient, tmp_path: Path, way: str
) -> None:
    site.on("/a", (200, {**FRESH, "ETag": '"1"'}, b"kept"), (304, FRESH, b""))
    request = requests(site)[way]
    answers = [client.fetch(request), client.fetch(request)]
    assert [answer.body for answer in answers] == [b"kept", b"kept"]
    assert len(site.seen) == 1
    sent = f"{site.seen[0].path} {site.seen[0].headers}".encode()
    assert any(form in sent for form in forms())
    assert_clean(tmp_path, *map(repr, answers))
    assert stored(tmp_path) == b"kept"


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_that_echoes_the_secret_is_scrubbed(site: Any, client: HttpClient, tmp_path: Path, way: str) -> None:
    def echo(seen: Any) -> tuple[int, dict[str, str], bytes]:
        body = f'{{"you sent": "{KEY}", "headers": "{seen.headers.get("authorization")}", "path": "{seen.path}"}}'
        given = {"Set-Cookie": f"session={KEY}", "X-Echo": f"<{KEY}>", "ETag": '"1"', "Content-Encoding": "gzip"}
        return 200, {**FRESH, **given}, gzip.compress(body.encode())

    site.on("/a", echo)
    answer = client.fetch(requests(site)[way])
    assert b"[hidden]" in answer.body
    assert answer.headers["x-echo"] == "<[hidden]>"
    assert "set-cookie" not in answer.headers
    assert client.fetch(requests(site)[way]).body == answer.body
    assert len(site.seen) == 1
    assert_clean(tmp_path, repr(answer), stored(tmp_path).decode())


def test_cookies_of_others_are_neither_kept_nor_sent(site: Any, client: HttpClient, tmp_path: Path) -> None:
    url = site.on("/a", (200, {**FRESH, "Set-Cookie": f"session={KEY}"}, b"one"))
    client.get(url)
    client.fetch(HttpRequest(url=url, refresh=True))
    assert "cookie" not in site.seen[1].headers
    assert_clean(tmp_path)


def test_two_secrets_share_no_answer(site: Any, client: HttpClient) -> None:
    site.on("/a", *((200, FRESH, str(number).encode()) for number in range(6)))
    one, two = (HttpRequest(url=f"{site.base}/a?api_key={key}-12345678") for key in "ab")
    three, four = (HttpRequest(url=f"{site.base}/a", secret_headers={"X-Key": key}) for key in "ab")
    plain = HttpRequest(url=f"{site.base}/a")
    asked = [one, two, three, four, plain]
    assert [client.fetch(request).body for request in asked + asked] == [b"0", b"1", b"2", b"3", b"4"] * 2


def test_the_salt_is_private_and_other_elsewhere(site: Any, tmp_path: Path) -> None:
    site.on("/a", (200, FRESH, b""))
    for name in "ab":
        client = HttpClient(tmp_path / name)
        client.fetch(requests(site)["bearer"])
        client.close()
    one, two = (tmp_path / name / "responses.salt" for name in "ab")
    assert one.stat().st_mode & 0o077 == 0
    assert one.read_bytes() != two.read_bytes()


def test_a_redirect_to_an_address_with_a_token_is_followed_and_not_kept(
    site: Any, client: HttpClient, tmp_path: Path
) -> None:
    site.on("/signed", (200, FRESH, b"file"))
    target = f"/signed?X-Amz-Signature={KEY}&part=1"
    url = site.on("/a", (301, {**FRESH, "Location": target}, b""))
    answers = [client.fetch(HttpRequest(url=url)) for _ in range(2)]
    assert [answer.body for answer in answers] == [b"file", b"file"]
    assert answers[0].url == f"{site.base}/signed?X-Amz-Signature=[hidden]&part=1"
    assert site.asked("/signed")[0].path == target
    assert_clean(tmp_path, *map(repr, answers))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("trouble", [(404, {}, b""), (500, {}, b""), None, (200, {}, b"x" * 2_000_000)])
def test_errors_name_no_secret(site: Any, client: HttpClient, tmp_path: Path, way: str, trouble: Any) -> None:
    site.on("/a", trouble)
    request = requests(site)[way]
    with pytest.raises(FetchError) as caught:
        client.download(request, tmp_path / "file")
    assert_clean(tmp_path, "".join(traceback.format_exception(caught.value)))
    if trouble and trouble[0] == 404:
        assert_clean(tmp_path, repr(client.fetch(request)))
        return
    with pytest.raises(FetchError) as again:
        client.fetch(request)
    assert_clean(tmp_path, "".join(traceback.format_exception(again.value)))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("value", [KEY + "\n", KEY + "\r\nX: y", KEY + "é", " " + KEY, KEY + "\0"])
def test_a_header_that_cannot_be_sent_is_named_without_its_value(
    site: Any, client: HttpClient, tmp_path: Path, value: str
) -> None:
    with pytest.raises(FetchError, match="the header x-key cannot be sent") as caught:
        client.fetch(HttpRequest(url=site.base, secret_headers={"X-Key": value}))
    assert KEY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "url", ["ftp://me:{}@h/x", "http://me:{}@[bad/", "http://h:{}/", "http://h ost/?token={}", "{}"]
)
def test_an_address_that_is_refused_shows_no_secret(client: HttpClient, url: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", KEY)
    with pytest.raises(FetchError) as caught:
        client.get(url.format(KEY))
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_key_of_the_environment_in_the_path_is_hidden(
    site: Any, client: HttpClient, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("PLANTED_TOKEN", "planted-in-the-path")
    site.on("/bot/planted-in-the-path/x", (200, FRESH, b"yes"))
    answer = client.fetch(HttpRequest(url=f"{site.base}/bot/planted-in-the-path/x"))
    assert (answer.url, answer.body) == (f"{site.base}/bot/[hidden]/x", b"yes")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"planted-in-the-path" in path.read_bytes()]


def test_short_values_spoil_no_body(site: Any, client: HttpClient) -> None:
    site.on("/a", (200, {}, b"token 1 of 1"))
    assert client.fetch(HttpRequest(url=f"{site.base}/a?token=1")).body == b"token 1 of 1"


@given(st.text(min_size=8, max_size=40), st.binary(max_size=5), st.binary(max_size=5))
def test_basic_authorization_hides_any_password(secret: str, before: bytes, after: bytes) -> None:
    from forge.secrets import _forms

    blob = base64.b64encode(before + secret.encode() + after).decode()
    assert any(form in blob for form in _forms(secret))
