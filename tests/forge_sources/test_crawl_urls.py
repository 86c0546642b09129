"""Addresses in one spelling, and which of them a crawl may ask for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_sources.crawling.urls import Scope, canonical, folder_of, is_private, scope_of


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://Example.ORG:80/a/../b/./c#top", "http://example.org/b/c"),
        ("https://example.org", "https://example.org/"),
        ("https://example.org:443/x/index.html", "https://example.org/x/"),
        ("https://example.org:8443/x/", "https://example.org:8443/x/"),
        ("https://example.org/x/index.html.txt", "https://example.org/x/index.html.txt"),
        ("https://example.org/a?utm_source=x&b=2&a=1&fbclid=9", "https://example.org/a?a=1&b=2"),
        ("https://example.org/%7Euser/%e4%bd%a0", "https://example.org/~user/%E4%BD%A0"),
        ("https://example.org/你", "https://example.org/%E4%BD%A0"),
        ("https://example.org/a%2fb", "https://example.org/a%2Fb"),
        ("https://user:secret@example.org/", "https://example.org/"),
        ("https://example.org/..", "https://example.org/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("http://[::1]:80/", "http://[::1]/"),
        ("mailto:a@example.org", None),
        ("javascript:alert(1)", None),
        ("file:///etc/passwd", None),
        ("https://", None),
        ("https://exa mple.org/", None),
        ("http://example.org:99999/", None),
    ],
)
def test_canonical(url: str, expected: str | None) -> None:
    assert canonical(url) == expected


def test_links_are_resolved_and_the_trailing_slash_is_kept_as_served() -> None:
    assert canonical("../b?x=1#y", "https://example.org/docs/a/") == "https://example.org/docs/b?x=1"
    assert canonical("b/", "https://example.org/docs/a") == "https://example.org/docs/b/"
    assert canonical("//other.org/x", "https://example.org/") == "https://other.org/x"


@given(st.text(max_size=60), st.sampled_from(["", "https://example.org/a/b?c", "http://h:80/"]))
def test_canonical_settles(tail: str, base: str) -> None:
    once = canonical(tail, base) if base else canonical("https://example.org/" + tail)
    if once is not None:
        assert canonical(once) == once
        assert " " not in once
        assert "#" not in once


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost:80/", "http://10.1.2.3/", "http://169.254.169.254/latest", "http://[::1]/",
     "http://printer.local/", "http://2130706433/", "http://0x7f000001/", "http://[fd00::1]/", "http://192.168.0.1/"],
)  # fmt: skip
def test_private_addresses_are_known(url: str) -> None:
    assert is_private(url)


@pytest.mark.parametrize("url", ["http://example.org/", "https://8.8.8.8/", "https://docs.example.com:8443/"])
def test_public_addresses_are_not_private(url: str) -> None:
    assert not is_private(url)


def scope(**given: object) -> Scope:
    values: dict[str, object] = {"hosts": (), "include": (), "exclude": (), "allow_private": False, **given}
    return scope_of(["https://example.org/docs/start"], **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://example.org/docs/api/x.html", ""),
        ("https://example.org/blog/", "outside"),
        ("https://example.org.evil.net/docs/", "outside"),
        ("http://example.org/docs/", "outside"),
        ("https://example.org/docs/a.pdf", "no_page"),
        ("https://example.org/docs/" + "a/b/" * 5, "trap"),
        ("https://example.org/docs/" + "x" * 2_100, "trap"),
        ("https://sub.example.org/any", ""),
        ("http://10.0.0.1/", "private"),
    ],
)
def test_scope_is_the_starts_folder_and_named_hosts(url: str, refusal: str) -> None:
    assert scope(hosts=("sub.example.org", "10.0.0.1")).refusal(url) == refusal


def test_a_private_host_is_taken_if_it_is_allowed_or_the_start() -> None:
    assert scope(hosts=("10.0.0.1",), allow_private=True).refusal("http://10.0.0.1/x") == ""
    own = scope_of(["http://127.0.0.1:8000/"], hosts=(), include=(), exclude=(), allow_private=False)
    assert own.refusal("http://127.0.0.1:8000/x") == ""
    assert own.refusal("http://127.0.0.1:8001/x") == "outside"


def test_patterns_include_and_exclude() -> None:
    found = scope(include=("docs/api/**",), exclude=("**/old/",))
    assert found.refusal("https://example.org/docs/api/x") == ""
    assert found.refusal("https://example.org/docs/guide") == "pattern"
    assert found.refusal("https://example.org/docs/api/old/x") == "pattern"


def test_folder_of_an_address() -> None:
    assert folder_of("https://example.org/docs/start") == "https://example.org/docs/"
    assert folder_of("https://example.org/") == "https://example.org/"
