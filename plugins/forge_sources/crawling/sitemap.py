"""Sitemaps: the pages that a site names itself, by robots.txt's ``Sitemap`` lines or ``/sitemap.xml``.

Index files are followed, gzip is unpacked, plain text lists are read; all in bounds. A sitemap has no document type,
so that one with a ``<!DOCTYPE`` is refused before an entity of it could grow. Cost: some 2 microseconds an address.

Source: sitemaps.org protocol 0.9 (50,000 addresses and 50 MB a file).
"""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from urllib.parse import urljoin

from forge.errors import FetchError
from forge.steps import HttpClient, HttpRequest

MOST_FILES = 50
MOST_BYTES = 50_000_000
_GZIP = b"\x1f\x8b"


class UnreadableSitemap(ValueError):  # noqa: N818
    """A sitemap that is none, or over a limit; the message says which in one line."""


@dataclass(slots=True, kw_only=True)
class Sitemaps:
    """What the sitemaps of one host say.

    Attributes:
        pages: addresses as written, in the files' order. files: how many files were asked for.
        problems: ``(address, reason)`` of files that could not be read.
    """

    pages: list[str] = field(default_factory=list)
    files: int = 0
    problems: list[tuple[str, str]] = field(default_factory=list)


def find_pages(
    root: str, *, http: HttpClient, most: int, is_allowed: Callable[[str], bool], request: Callable[[str], HttpRequest]
) -> Sitemaps:
    """Walk the sitemaps of the host at ``root`` (``https://host/``) until ``most`` pages are named.

    Args:
        is_allowed: says of a sitemap's address whether it is on a host of the crawl.
        request: makes the request for an address.
    """
    found = Sitemaps()
    stated = _stated(root, http=http, request=request)
    queue = [url for url in stated if is_allowed(url)] or [urljoin(root, "/sitemap.xml")]
    seen: set[str] = set()
    while queue and found.files < MOST_FILES and len(found.pages) < most:
        url = queue.pop(0)
        if url in seen:
            continue
        seen.add(url)
        found.files += 1
        pages, further = _read(url, http=http, request=request, problems=found.problems if stated else [])
        found.pages += pages[: most - len(found.pages)]
        queue += [entry for entry in further if is_allowed(entry)]
    return found


def _stated(root: str, *, http: HttpClient, request: Callable[[str], HttpRequest]) -> list[str]:
    """The sitemaps that robots.txt names; none where there is no robots.txt."""
    try:
        answer = http.fetch(request(urljoin(root, "/robots.txt")))
    except FetchError:
        return []
    if answer.status != 200:
        return []
    lines = answer.body[:500_000].decode("utf-8", "replace").splitlines()
    values = [value.strip() for name, _, value in (line.partition(":") for line in lines) if _is_sitemap(name)]
    return [urljoin(root, value) for value in values if value]


def _is_sitemap(name: str) -> bool:
    return name.strip().lower() == "sitemap"


def _read(
    url: str, *, http: HttpClient, request: Callable[[str], HttpRequest], problems: list[tuple[str, str]]
) -> tuple[list[str], list[str]]:
    """Pages and further sitemaps of one file; what is wrong with it goes to ``problems``."""
    try:
        answer = http.fetch(request(url))
        if answer.status != 200:
            raise UnreadableSitemap(f"the server answered {answer.status}")
        return parse(answer.body)
    except FetchError as error:
        problems.append((url, error.message))
    except UnreadableSitemap as error:
        problems.append((url, f"sitemap: {error}"))
    return [], []


def parse(body: bytes) -> tuple[list[str], list[str]]:
    """Addresses of pages and of further sitemaps in one file.

    Raises:
        UnreadableSitemap: no sitemap, one with a document type, or larger than `MOST_BYTES` unpacked.
    """
    data = _unpacked(body)
    if data.lstrip()[:4].lower() in (b"http",):
        lines = data.decode("utf-8", "replace").split()
        return [line for line in lines if line.startswith(("http://", "https://"))], []
    head = data[:4_000].replace(b"\x00", b"").lower()
    if b"<!doctype" in head or b"<!entity" in head:
        raise UnreadableSitemap("has a document type, which a sitemap has not")
    entries = list(_entries(data))
    return [url for kind, url in entries if kind == "url"], [url for kind, url in entries if kind == "sitemap"]


def _unpacked(body: bytes) -> bytes:
    if not body.startswith(_GZIP):
        data = body
    else:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            data = unpacker.decompress(body, MOST_BYTES + 1)
        except zlib.error as error:
            raise UnreadableSitemap(f"damaged gzip ({error})") from error
    if len(data) > MOST_BYTES:
        raise UnreadableSitemap(f"larger than {MOST_BYTES / 1e6:g} MB unpacked")
    return data


def _entries(data: bytes) -> Iterator[tuple[str, str]]:
    """``("url" | "sitemap", address)`` of each entry; elements are let go as soon as they are read."""
    from lxml import etree

    parser = etree.iterparse(
        BytesIO(data), events=("end",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        for _, element in parser:
            kind = etree.QName(element).localname
            if kind in ("url", "sitemap"):
                place = next((child for child in element if etree.QName(child).localname == "loc"), None)
                if place is not None and place.text and place.text.strip():
                    yield kind, place.text.strip()
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except (etree.XMLSyntaxError, ValueError) as error:
        raise UnreadableSitemap(f"no XML ({error})") from error
