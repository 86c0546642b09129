"""The source ``website`` against a real server on loopback: what it asks for, keeps, refuses, and how it goes on."""

import gzip
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from forge.clients.http import HttpClient
from forge.errors import FetchError
from forge.records import ApiRecord, Document, Reject
from forge.steps import Context
from forge.testing import check_source, context
from forge_sources.website.source import Website

Answer = tuple[int, dict[str, str], bytes]
HTML = {"content-type": "text/html; charset=utf-8"}


class Site:
    """A site of made-up pages; ``asked`` holds the paths in the order in which they were asked for."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                answer = site.answers.get(self.path, (404, HTML, b"gone"))
                status, headers, body = answer() if callable(answer) else answer
                lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
                lines += [
                    "Date: Sat, 03 Jan 2026 10:00:00 GMT",
                    *(f"{name}: {value}" for name, value in headers.items()),
                ]
                self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self, path: str, *links: str, text: str = "", head: str = "", **headers: str) -> None:
        anchors = "".join(f'<li><a href="{link}">link</a></li>' for link in links)
        words = text or f"These are the words of the page {path}, which are its own."
        main = f"<nav><ul>{anchors}</ul></nav><main><h1>Page</h1><p>{words}</p></main>"
        html = f"<html><head><title>T</title>{head}</head><body>{main}</body></html>"
        self.answers[path] = (
            200,
            {**HTML, **{name.replace("_", "-"): value for name, value in headers.items()}},
            html.encode(),
        )

    def pages_asked(self) -> list[str]:
        return [path for path in self.asked if not path.endswith((".txt", ".xml", ".gz"))]


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


def website(site: Site, *, start: str = "/", **options: object) -> Website:
    return Website(start=[site.base + start], **{"delay": 0.0, **options})  # type: ignore[arg-type]


def run(source: Website, folder: Path, **changes: object) -> tuple[list[Document], list[Reject], Context]:
    client = HttpClient(folder / "http", attempts=2, wait=0.01)
    given = replace(context(folder, http=client), **changes)  # type: ignore[arg-type]
    try:
        found = [record for part in source.partitions(given) for record in source.records(part, given)]
    finally:
        client.close()
    return [r for r in found if isinstance(r, Document)], [r for r in found if isinstance(r, Reject)], given


def paths(site: Site, documents: list[Document]) -> list[str]:
    return sorted(str(document.url).removeprefix(site.base) for document in documents)


def test_it_keeps_the_contract_of_sources(site: Site, tmp_path: Path) -> None:
    site.page("/", "/a", "/b", "/missing")
    site.page("/a", "/b")
    site.page("/b")
    client = HttpClient(tmp_path / "http")
    found = check_source(website(site), context(tmp_path, http=client))
    client.close()
    assert len(found.records) == 3
    assert [(r.locator, r.reason) for r in found.rejects] == [(f"{site.base}/missing", "the server answered 404")]
    assert site.pages_asked() == ["/", "/a", "/b", "/missing"]  # once, though it was read several times


def test_breadth_first_within_depth_and_pages(site: Site, tmp_path: Path) -> None:
    site.page("/", "/a", "/b")
    site.page("/a", "/c")
    site.page("/b", "/d")
    site.page("/c", "/e")
    site.page("/d")
    documents, _, _ = run(website(site, max_depth=2, sitemap=False), tmp_path / "1")
    assert site.pages_asked() == ["/", "/a", "/b", "/c", "/d"]
    assert paths(site, documents) == ["/", "/a", "/b", "/c", "/d"]
    site.asked.clear()
    run(website(site, max_pages=3, sitemap=False), tmp_path / "2")
    assert site.pages_asked() == ["/", "/a", "/b"]
    site.asked.clear()
    run(website(site, max_depth=0), tmp_path / "3")
    assert site.pages_asked() == ["/"]


def test_sitemaps_come_first_and_robots_are_obeyed(site: Site, tmp_path: Path) -> None:
    robots = f"User-agent: *\nDisallow: /secret\n\nSitemap: {site.base}/s.xml.gz\n"
    listed = "".join(f"<url><loc>{site.base}{path}</loc></url>" for path in ("/z", "/secret/1"))
    site.answers["/robots.txt"] = (200, {"content-type": "text/plain"}, robots.encode())
    site.answers["/s.xml.gz"] = (200, {}, gzip.compress(f"<urlset>{listed}</urlset>".encode()))
    site.page("/", "/a", "/secret/2")
    site.page("/a")
    site.page("/z")
    documents, rejects, _ = run(website(site), tmp_path)
    assert site.pages_asked() == ["/", "/z", "/a"]
    assert paths(site, documents) == ["/", "/a", "/z"]
    assert sorted(reject.locator.removeprefix(site.base) for reject in rejects) == ["/secret/1", "/secret/2"]
    assert all("robots.txt" in reject.reason for reject in rejects)


def test_other_hosts_schemes_and_private_addresses_are_not_asked(site: Site, tmp_path: Path) -> None:
    other = Site()
    other.page("/")
    said: list[str] = []
    site.page(
        "/docs/",
        f"{other.base}/",
        "ftp://h/x",
        "mailto:a@b",
        "http://10.0.0.1/",
        "/blog/",
        "file:///etc/passwd",
        "a.zip",
    )
    documents, rejects, _ = run(website(site, start="/docs/"), tmp_path, log=said.append)
    other.server.shutdown()
    other.server.server_close()
    assert paths(site, documents) == ["/docs/"]
    assert (rejects, other.asked) == ([], [])
    assert site.pages_asked() == ["/docs/"]
    assert "3 not_http, 3 outside" in said[-1].replace("1 no_page, ", "")


def test_duplicates_by_canonical_address_and_by_content(site: Site, tmp_path: Path) -> None:
    site.page("/", "/a?utm_source=x", "/a#part", "/a?print=1", "/copy", "/index.html", "/wrong")
    site.page("/a", text="The page of which there are several addresses.")
    site.page("/a?print=1", text="The same for printers.", head='<link rel="canonical" href="/a">')
    site.page("/copy", text="The page of which there are several addresses.")
    site.page("/wrong", head='<link rel="canonical" href="/">')
    documents, rejects, _ = run(website(site), tmp_path)
    assert site.pages_asked() == ["/", "/a", "/a?print=1", "/copy", "/wrong"]
    assert paths(site, documents) == ["/", "/a", "/a?print=1", "/wrong"]  # with other words, it is another page
    assert rejects == []


def test_redirects_are_followed_within_the_site_and_recorded(site: Site, tmp_path: Path) -> None:
    site.page("/", "/old", "/away", "/private")
    site.page("/new")
    site.answers["/old"] = (301, {"location": "/new"}, b"")
    site.answers["/away"] = (302, {"location": "/blog/x"}, b"")
    site.page("/blog/x")
    site.answers["/private"] = (302, {"location": "http://10.255.255.1/"}, b"")
    documents, rejects, _ = run(website(site, exclude=["blog/"]), tmp_path)
    assert paths(site, documents) == ["/", "/new"]
    assert [reject.locator.removeprefix(site.base) for reject in rejects] == ["/private"]
    assert "private" in rejects[0].reason


def test_a_start_that_has_moved_takes_its_folder_along(site: Site, tmp_path: Path) -> None:
    site.answers["/docs/v1/"] = (301, {"location": "/manual/"}, b"")
    site.page("/manual/", "/manual/a", "/docs/v1/b")
    site.page("/manual/a")
    site.page("/docs/v1/b")
    documents, _, _ = run(website(site, start="/docs/v1/"), tmp_path)
    assert paths(site, documents) == ["/docs/v1/b", "/manual/", "/manual/a"]


def test_robots_in_pages_and_headers(site: Site, tmp_path: Path) -> None:
    site.page("/", "/noindex", "/nofollow", "/header")
    site.page("/noindex", "/behind", head='<meta name="robots" content="noindex">')
    site.page("/nofollow", "/hidden", head='<meta name="ROBOTS" content="NOFOLLOW">')
    site.page("/header", "/hidden", x_robots_tag="none")
    site.page("/behind")
    site.page("/hidden")
    documents, _, _ = run(website(site), tmp_path)
    assert paths(site, documents) == ["/", "/behind", "/nofollow"]
    assert "/hidden" not in site.asked


def test_large_pages_and_other_content_types(site: Site, tmp_path: Path) -> None:
    site.page("/", "/large", "/data")
    site.page("/large", text="x" * 200_000)
    site.answers["/data"] = (200, {"content-type": "application/json"}, b"{}")
    documents, rejects, _ = run(website(site, max_page_mb=0.1), tmp_path)
    assert paths(site, documents) == ["/"]
    assert [(r.locator, "0.1 MB" in r.reason) for r in rejects] == [(f"{site.base}/large", True)]


def test_a_killed_crawl_goes_on_without_asking_again(site: Site, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def log(line: str) -> None:
        raise Killed

    links = [f"/{number}" for number in range(150)]
    site.page("/", *links)
    for link in links:
        site.page(link)
    with pytest.raises(Killed):
        run(website(site), tmp_path, log=log)
    before = len(site.pages_asked())
    assert 90 < before < 120
    documents, _, _ = run(website(site), tmp_path)
    assert len(documents) == 151
    assert len(site.pages_asked()) == 151  # each page once
    undisturbed, _, _ = run(website(site), tmp_path / "other")
    assert undisturbed == documents


def test_a_site_that_stops_answering_ends_the_run_and_the_next_one_goes_on(site: Site, tmp_path: Path) -> None:
    site.page("/", *(f"/{number}" for number in range(12)))
    for number in range(12):
        site.page(f"/{number}")
    good = dict(site.answers)
    for number in range(3, 12):
        site.answers[f"/{number}"] = (503, HTML, b"")
    with pytest.raises(FetchError, match=r"stopped answering.*run the same command again"):
        run(website(site), tmp_path)
    site.answers = good
    documents, rejects, _ = run(website(site), tmp_path)
    assert (len(documents), rejects) == (13, [])


def test_a_start_that_cannot_be_had_is_an_error(site: Site, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="/nothing: the server answered 404"):
        run(website(site, start="/nothing"), tmp_path)


def test_a_refresh_asks_again_and_replaces(site: Site, tmp_path: Path) -> None:
    site.page("/", "/a")
    site.page("/a", text="The old words.")
    old, _, given = run(website(site), tmp_path)
    assert "fetches nothing" in website(site).plan(given)
    site.page("/a", text="The new words.")
    assert run(website(site), tmp_path)[0] == old
    new, _, _ = run(website(site), tmp_path, refresh=True)
    assert [d.text for d in new if d.url == f"{site.base}/a"] == ["# Page\n\nThe new words.\n"]
    assert run(website(site), tmp_path)[0] == new


def test_operations_and_licence_of_a_page(site: Site, tmp_path: Path) -> None:
    table = (
        "<table><tr><th>Name</th><th>Type</th><th>Required</th><th>Description</th></tr>"
        "<tr><td>q</td><td>string</td><td>yes</td><td>What.</td></tr></table>"
    )
    body = (
        f'<main><h1>Search</h1><h2 id="find">GET /v1/search</h2><p>Finds things.</p>{table}</main>'
        "<footer>© X. Licensed under the Apache License, Version 2.0. Y</footer>"
    )
    site.answers["/"] = (200, HTML, body.encode())
    source = website(site, provider="api.example.org")
    client = HttpClient(tmp_path / "http")
    found = check_source(source, context(tmp_path, http=client))
    client.close()
    api = next(record for record in found.records if isinstance(record, ApiRecord))
    assert (api.provider, api.method, api.path, api.kind) == ("api.example.org", "GET", "/v1/search", "rest")
    assert api.parameters["required"] == ["q"]
    assert (api.license, api.url, api.retrieved_at) == ("Apache-2.0", f"{site.base}/#find", "2026-01-03")
    assert "Licensed under the Apache License" in api.license_evidence
    page = next(record for record in found.records if isinstance(record, Document))
    assert (page.kind, page.license) == ("api_doc", "Apache-2.0")
    assert "Licensed under" not in page.text


def test_plan_says_the_limits(tmp_path: Path) -> None:
    source = Website(start=["https://docs.example.org/api/"], max_pages=600, max_page_mb=2, max_depth=3, delay=2)
    assert source.plan(context(tmp_path)) == (
        "fetches at most 600 pages of at most 2 MB from docs.example.org, to a depth of 3, about one request each 2 s "
        "(up to 20 min); robots.txt is obeyed"
    )


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"start": ["ftp://h/"]},
        {"start": ["https://h/"], "max_pages": 0},
        {"start": ["https://h/"], "max_depth": -1},
    ],
)
def test_wrong_options_are_said(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"start|max_"):
        Website(**options)  # type: ignore[arg-type]
