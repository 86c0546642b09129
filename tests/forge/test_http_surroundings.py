"""The client where it runs: proxies, damaged caches, and the stand-in without a network."""

from pathlib import Path
from typing import Any

import pytest

from forge.clients.http import HttpClient
from forge.errors import FetchError
from forge.steps import HttpRequest, HttpResponse
from forge.testing import OfflineHttp

FRESH = {"Cache-Control": "max-age=600"}


@pytest.fixture
def proxy(site: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A server that stands as the proxy for http."""
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", site.base.replace("//", "//me:planted-0123456789@"))
    return site


def test_the_proxy_of_the_environment_is_used(proxy: Any, client: HttpClient, tmp_path: Path) -> None:
    proxy.routes["http://api.invalid/x"] = [(200, FRESH, b"by proxy")]
    assert client.get("http://api.invalid/x") == b"by proxy"
    assert proxy.seen[0].headers["proxy-authorization"].startswith("Basic ")
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"planted" in path.read_bytes()]


def test_a_redirect_by_proxy_reaches_public_hosts_only(proxy: Any, client: HttpClient) -> None:
    proxy.routes["http://api.invalid/x"] = [(302, {"Location": "http://192.168.0.1/admin"}, b"")]
    with pytest.raises(FetchError, match="a private address"):
        client.get("http://api.invalid/x")
    assert len(proxy.seen) == 1


def test_hosts_without_a_proxy(proxy: Any, sites: Any, client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert client.get(sites().on("/a", (200, {}, b""))) == b""
    assert not proxy.seen


def test_another_kind_of_proxy_is_refused_without_its_password(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch, proxy: Any
) -> None:
    monkeypatch.setenv("http_proxy", "socks5://me:planted-0123456789@127.0.0.1:1")
    with pytest.raises(FetchError, match="the proxy that the environment names") as caught:
        client.get("http://api.invalid/x")
    assert "planted" not in str(caught.value)


def test_a_damaged_cache_is_made_anew(site: Any, client: HttpClient, tmp_path: Path, capfd: Any) -> None:
    place = tmp_path / "http" / "responses.sqlite"
    place.parent.mkdir()
    place.write_bytes(b"no database" * 1000)
    url = site.on("/a", (200, FRESH, b"one"), (200, {}, b"two"))
    assert [client.get(url), client.get(url)] == [b"one", b"one"]
    assert capfd.readouterr().err == ""


def test_offline_answers_to_fetch_and_download(tmp_path: Path) -> None:
    gone = HttpResponse(url="https://h/gone", status=410, headers={"x": "y"}, body=b"bye")
    http = OfflineHttp({"https://h/a": "é", "https://h/gone": gone})
    assert http.fetch(HttpRequest(url="https://h/a")) == HttpResponse(
        url="https://h/a", status=200, headers={}, body="é".encode()
    )
    assert http.fetch(HttpRequest(url="https://h/gone")) is gone
    answer = http.download(HttpRequest(url="https://h/a"), tmp_path / "deep" / "a")
    assert ((tmp_path / "deep" / "a").read_text(encoding="utf-8"), answer.body) == ("é", b"")
    for ask in (http.get, lambda url: http.download(HttpRequest(url=url), tmp_path / "gone")):
        with pytest.raises(FetchError, match="answered 410"):
            ask("https://h/gone")
    with pytest.raises(FetchError, match="no answer here"):
        http.fetch(HttpRequest(url="https://h/none"))
    assert http.asked == [
        "https://h/a",
        "https://h/gone",
        "https://h/a",
        "https://h/gone",
        "https://h/gone",
        "https://h/none",
    ]
    assert [request.url for request in http.requests] == [http.asked[0], *http.asked[1:3], http.asked[4], http.asked[5]]


def test_offline_asks_a_function_that_may_give_an_answer() -> None:
    http = OfflineHttp(lambda url: HttpResponse(url=url, status=204, headers={}, body=b""))
    assert http.fetch(HttpRequest(url="https://h/a")).status == 204
    assert http.get("https://h/a") == b""
