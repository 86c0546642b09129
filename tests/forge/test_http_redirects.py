"""Redirects: followed by hand, never into the user's own network, never with somebody else's secrets."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.clients.addresses import is_near, is_private, public_addresses
from forge.clients.failures import Final
from forge.clients.http import HttpClient
from forge.errors import FetchError
from forge.steps import HttpRequest

KEY = "planted-0123456789"


def port(site: Any) -> str:
    return str(site.base.rpartition(":")[2])


def to(location: str, status: int = 302) -> tuple[int, dict[str, str], bytes]:
    return status, {"Location": location}, b""


def test_the_final_address_is_told(site: Any, client: HttpClient) -> None:
    site.on("/c", (200, {}, b"done"))
    site.on("/dir/b", to("../c"))
    answer = client.fetch(HttpRequest(url=site.on("/a", to("/dir/b#part", 301))))
    assert (answer.url, answer.body) == (f"{site.base}/c", b"done")


def test_a_redirect_without_an_address_is_an_answer(site: Any, client: HttpClient) -> None:
    assert client.fetch(HttpRequest(url=site.on("/a", (302, {}, b"?")))).status == 302


def test_loops_and_endless_chains_are_refused(site: Any, client: HttpClient) -> None:
    site.on("/b", to("/a"))
    with pytest.raises(FetchError, match=r"/b: redirects in a loop, back to .*/a"):
        client.get(site.on("/a", to("/b")))
    for length in range(20):
        site.on("/more" + "x" * length, to("/more" + "x" * (length + 1)))
    with pytest.raises(FetchError, match="redirects more than 10 times"):
        client.get(site.base + "/more")
    assert len([seen for seen in site.seen if seen.path.startswith("/more")]) == 11


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://h/x", "javascript:alert(1)", "data:,x"])
def test_other_schemes_are_refused(site: Any, client: HttpClient, target: str) -> None:
    with pytest.raises(FetchError, match="only http and https"):
        client.get(site.on("/a", to(target)))


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.2", "2130706433", "0x7f000001", "017700000001", "127.1", "0.0.0.0", "[::ffff:127.0.0.1]",
     "[::1]", "[::]", "169.254.169.254", "10.0.0.1", "[fe80::1]", "[fc00::1]", "224.0.0.1", "100.64.0.1"],
)  # fmt: skip
def test_private_targets_are_refused_however_they_are_written(
    sites: Callable[[], Any], client: HttpClient, host: str
) -> None:
    site, victim = sites(), sites()
    victim.on("/secret", (200, {}, b"internal"))
    client.get(site.on("/warm", (200, {}, b"")))
    with pytest.raises(FetchError, match="a private address"):
        client.get(site.on("/a", to(f"http://{host}:{port(victim)}/secret")))
    assert not victim.seen


def test_a_connection_that_the_user_opened_is_not_lent_to_a_redirect(sites: Callable[[], Any], tmp_path: Path) -> None:
    client = HttpClient(tmp_path / "http", wait=0.01, attempts=1)
    site, victim = sites(), sites()
    victim.on("/secret", (200, {}, b"internal"))
    inside = f"http://localhost:{port(victim)}/secret"
    assert client.get(inside) == b"internal"
    with pytest.raises(FetchError, match="a private address"):
        client.get(site.on("/a", to(inside + "?")))
    client.close()


def test_private_targets_are_allowed_on_request_and_on_the_named_host(
    sites: Callable[[], Any], client: HttpClient
) -> None:
    site, other = sites(), sites()
    other.on("/x", (200, {}, b"there"))
    assert client.get(site.on("/same", to(f"{other.base}/x"))) == b"there"
    url = site.on("/a", to(f"http://localhost:{port(other)}/x"))
    assert client.fetch(HttpRequest(url=url, allow_private=True)).body == b"there"


def test_an_address_that_was_found_may_not_be_private_from_the_start(site: Any, client: HttpClient) -> None:
    request = HttpRequest(url=site.on("/in", (200, {}, b"inside")), is_found=True, robots=True)
    with pytest.raises(FetchError, match=r"a private address .*which is refused"):
        client.fetch(request)
    assert not site.asked("/in")
    assert client.fetch(replace(request, allow_private=True, robots=False)).body == b"inside"


def test_secrets_stay_with_the_origin(sites: Callable[[], Any], client: HttpClient) -> None:
    site, other = sites(), sites()
    other.on("/end", (200, {}, b"end"))
    site.on("/near", to(f"{other.base}/end"))
    address = site.on("/a", to("/near")).replace("http://", "http://me:pass-word-1@")
    request = HttpRequest(url=address, secret_headers={"X-Key": KEY}, headers={"Cookie": KEY, "X-Plain": "1"})
    assert client.fetch(request).body == b"end"
    for path in ("/a", "/near"):
        (seen,) = site.asked(path)
        assert (seen.headers["x-key"], seen.headers["cookie"]) == (KEY, KEY)
        assert seen.headers["authorization"].startswith("Basic ")
    (last,) = other.seen
    assert last.headers["x-plain"] == "1"
    assert not {"x-key", "cookie", "authorization"} & set(last.headers)


def test_a_body_goes_to_no_other_origin(sites: Callable[[], Any], client: HttpClient) -> None:
    site, other = sites(), sites()
    post = HttpRequest(url=site.on("/a", to(f"{other.base}/x", 307)), method="POST", body=b"private")
    with pytest.raises(FetchError, match="redirects a POST with its body"):
        client.fetch(post)
    site.on("/b", to("/end", 307), to("/end", 303))
    site.on("/end", (200, {}, b"end"))
    for _ in range(2):
        client.fetch(HttpRequest(url=site.base + "/b", method="POST", body=b"private"))
    assert [(seen.method, seen.body) for seen in site.asked("/end")] == [("POST", b"private"), ("GET", b"")]
    assert not other.seen


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("8.8.8.8", False), ("2001:4860:4860::8888", False), ("::ffff:8.8.8.8", False), ("64:ff9b::8.8.8.8", False),
        ("64:ff9b::10.0.0.1", True), ("2002:7f00:1::", True), ("2002:808:808::", False), ("fec0::1", True),
        ("255.255.255.255", True), ("240.0.0.1", True), ("192.168.0.1", True), ("172.16.0.1", True),
        ("fe80::1%eth0", True), ("ff02::1", True), ("192.0.2.1", True), ("::", True),
    ],
)  # fmt: skip
def test_what_is_private(address: str, private: bool) -> None:
    assert is_private(address) is private


@given(st.ip_addresses(v=4))
def test_ipv4_is_judged_alike_inside_ipv6(address: Any) -> None:
    assert is_private(f"::ffff:{address}") == is_private(f"64:ff9b::{address}") == is_private(str(address))


def test_names_that_are_near() -> None:
    assert all(map(is_near, ["localhost", "a.localhost", "127.0.0.1", "[::1]", "10.1.2.3"]))
    assert not any(map(is_near, ["api.example", "8.8.8.8", "localhost.example", ""]))


def test_resolution_tells_what_it_found() -> None:
    with pytest.raises(Final, match="leads to localhost, a private address"):
        public_addresses("localhost", 80)
    assert public_addresses("8.8.8.8", 80) == ["8.8.8.8"]
