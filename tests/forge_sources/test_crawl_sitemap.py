"""Sitemaps: what is read, and what is refused."""

import gzip
import zlib

import pytest

from forge.errors import FetchError
from forge.steps import HttpRequest, HttpResponse
from forge_sources.crawling import sitemap as crawl_sitemap
from forge_sources.crawling.sitemap import Sitemaps, UnreadableSitemap, find_pages, parse

NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def urls(*addresses: str) -> bytes:
    entries = "".join(f"<url><loc> {address} </loc><lastmod>2026-01-01</lastmod></url>" for address in addresses)
    return f'<?xml version="1.0"?><urlset {NAMESPACE}>{entries}</urlset>'.encode()


def index(*addresses: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{address}</loc></sitemap>" for address in addresses)
    return f"<sitemapindex {NAMESPACE}>{entries}</sitemapindex>".encode()


def test_pages_index_gzip_and_text_are_read() -> None:
    assert parse(urls("https://h/a", "https://h/b?x=1&amp;y=2")) == (["https://h/a", "https://h/b?x=1&y=2"], [])
    assert parse(index("https://h/s1.xml")) == ([], ["https://h/s1.xml"])
    assert parse(gzip.compress(urls("https://h/a"))) == (["https://h/a"], [])
    assert parse(b"https://h/a\nhttps://h/b\n") == (["https://h/a", "https://h/b"], [])


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><urlset><url><loc>&j;</loc></url></urlset>"
)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (BOMB, "document type"),
        (BOMB.decode().encode("utf-16"), "document type"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><urlset/>', "document type"),
        (b"<html><body>not found<br></body></html>", "no XML"),
        (b"<urlset><url><loc>https://h/</loc>", "no XML"),
        (b"", "no XML"),
        (gzip.compress(b"x" * 1000)[:20] + b"\xff" * 40, "damaged gzip"),
        (gzip.compress(b"\n" * 60_000_000), "larger than 50 MB"),
        (b"<a>" * 100_000, "no XML"),
    ],
)
def test_what_is_no_sitemap_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(UnreadableSitemap, match=message):
        parse(body)


class Pages:
    """Answers by address; what is missing is a 404."""

    def __init__(self, answers: dict[str, bytes]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    def get(self, url: str, *, headers: dict[str, str] | None = None) -> bytes:
        raise NotImplementedError

    def download(self, request: HttpRequest, path: object) -> HttpResponse:
        raise NotImplementedError

    def fetch(self, request: HttpRequest) -> HttpResponse:
        self.asked.append(request.url)
        if request.url.endswith("/down.xml"):
            raise FetchError("https://h/down.xml: cannot be reached after 4 attempts; try again later")
        body = self.answers.get(request.url)
        return HttpResponse(url=request.url, status=404 if body is None else 200, headers={}, body=body or b"")


def find(http: Pages, most: int = 1000) -> Sitemaps:
    return find_pages(
        "https://h/", http=http, most=most, is_allowed=lambda url: url.startswith("https://h/"),
        request=lambda url: HttpRequest(url=url),
    )  # fmt: skip


def test_robots_names_them_indexes_are_followed_once_and_other_hosts_are_not() -> None:
    http = Pages(
        {
            "https://h/robots.txt": b"User-agent: *\nDisallow:\nsitemap: https://h/i.xml\nSitemap: https://other/s.xml\n",
            "https://h/i.xml": index(
                "https://h/i.xml", "https://h/s.xml.gz", "https://h/gone.xml", "https://h/down.xml"
            ),
            "https://h/s.xml.gz": zlib_gzip(urls("https://h/a", "https://h/b")),
        }
    )
    found = find(http)
    assert found.pages == ["https://h/a", "https://h/b"]
    assert [url for url, _ in found.problems] == ["https://h/gone.xml", "https://h/down.xml"]
    assert http.asked == [
        "https://h/robots.txt", "https://h/i.xml", "https://h/s.xml.gz", "https://h/gone.xml", "https://h/down.xml",
    ]  # fmt: skip


def zlib_gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    return packer.compress(data) + packer.flush()


def test_the_usual_place_is_tried_and_its_absence_is_no_problem() -> None:
    http = Pages({})
    assert find(http).problems == []
    assert http.asked == ["https://h/robots.txt", "https://h/sitemap.xml"]


def test_files_and_pages_are_bounded() -> None:
    many = {f"https://h/{number}.xml": index(f"https://h/{number + 1}.xml") for number in range(200)}
    http = Pages({"https://h/sitemap.xml": index("https://h/0.xml"), **many})
    assert find(http).files == crawl_sitemap.MOST_FILES
    http = Pages({"https://h/sitemap.xml": urls(*(f"https://h/{number}" for number in range(50)))})
    assert len(find(http, most=20).pages) == 20
