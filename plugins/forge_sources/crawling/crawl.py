"""A polite crawl of one site: breadth first, in an order that depends on the pages alone, kept page by page.

Order: the starts, what the sitemaps name, then the links of the pages in their order, level by level. Each page that
was had lies in a `Harvest`, so that a killed crawl goes over what it kept without asking again and goes on. A failure
that may pass is not kept; several in a row end the run with a word on how to go on.

Cost: one request a page at the pace that the HTTP client and ``delay`` allow; 10 to 20 ms of CPU a page to read links.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin

from forge.errors import FetchError, StepError
from forge.records import stable_id
from forge.steps import HttpClient, HttpRequest, HttpResponse
from forge_sources.crawling.sitemap import find_pages
from forge_sources.crawling.urls import Scope, canonical, folder_of, host_of
from forge_sources.harvest import Harvest, Page

FAILURES_IN_A_ROW = 5
PASSING = ("try again later", "run the same command again")
_HTML = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlRules:
    """What a crawl may do.

    Attributes:
        starts: canonical addresses. scope: which others belong to it.
        max_depth: links followed from a start; pages of a sitemap are one away. max_pages: asked for. max_hosts: asked.
        page_bytes: of a page, after which it is refused. delay: seconds between two requests.
        sitemap: whether sitemaps are read. robots: whether robots.txt is obeyed. refresh: ask again what the HTTP cache
            holds. are_found: the starts come from fetched text, not from the recipe, so that no host of theirs may be
            private.
    """

    starts: Sequence[str]
    scope: Scope
    max_depth: int
    max_pages: int
    max_hosts: int
    page_bytes: int
    delay: float = 0.0
    sitemap: bool = True
    robots: bool = True
    allow_private: bool = False
    are_found: bool = False
    refresh: bool = False


@dataclass(slots=True, kw_only=True)
class _State:
    """What is known so far. ``kept``: keys of pages, by address. ``digests``: address of a main text's first page."""

    scope: Scope
    seen: dict[str, int] = field(default_factory=dict)
    queue: deque[tuple[str, int]] = field(default_factory=deque)
    kept: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)
    counts: dict[str, int] = field(default_factory=dict)
    rejects: list[tuple[str, str]] = field(default_factory=list)
    failures: int = 0

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Crawled:
    """The end of a crawl: harvest keys of pages that make documents, with the addresses they go by; what failed."""

    pages: Mapping[str, str]
    rejects: Sequence[tuple[str, str]]
    counts: Mapping[str, int]


def crawl(rules: CrawlRules, harvest: Harvest, *, http: HttpClient, log: Callable[[str], None]) -> Crawled:
    """Gather a site's pages into ``harvest``, which is left unfinished for the caller to close.

    Raises:
        FetchError: no start could be had, or the host stopped answering; what was had is kept.
    """
    state, fetcher = _State(scope=rules.scope), _Fetcher(rules, http)
    for start in rules.starts:
        _enqueue(state, rules, start, 0, is_start=True)
    if rules.sitemap and rules.max_depth > 0:
        for named in _sitemap_pages(rules, fetcher, state):
            _enqueue(state, rules, named, 1)
    asked = 0
    while state.queue and asked < rules.max_pages:
        url, depth = state.queue.popleft()
        asked += 1
        page = harvest.get(url) or _fetch(url, harvest, fetcher, state)
        if page is None:
            continue
        _take(page, url, depth, state=state, rules=rules)
        if asked % 100 == 0:
            log(f"{asked} pages of {host_of(url)}, {len(state.queue)} known to come")
    state.counts["left"] = len(state.queue)
    if not state.kept:
        where, why = state.rejects[0] if state.rejects else (rules.starts[0], "no page of HTML that robots may use")
        raise FetchError(why if where in why else f"{where}: {why}", step="collect")
    return Crawled(
        pages={key: url for url, key in state.kept.items()},
        rejects=state.rejects,
        counts=dict(sorted(state.counts.items())),
    )


def _sitemap_pages(rules: CrawlRules, fetcher: "_Fetcher", state: _State) -> Iterator[str]:
    hosts = dict.fromkeys(urljoin(start, "/") for start in rules.starts)
    allowed = {host_of(start) for start in rules.starts} | rules.scope.hosts
    for root in hosts:
        found = find_pages(
            root,
            http=fetcher.http,
            most=10 * rules.max_pages,
            is_allowed=lambda url: (canonical(url) is not None) and host_of(canonical(url) or "") in allowed,
            request=lambda url: fetcher.request(url, limit=60_000_000),
        )
        state.rejects += found.problems
        state.counts["in_sitemaps"] = state.counts.get("in_sitemaps", 0) + len(found.pages)
        yield from found.pages


def _enqueue(state: _State, rules: CrawlRules, url: str, depth: int, *, is_start: bool = False) -> None:
    """Put an address in the queue if it is new and belongs to the crawl; what does not is counted."""
    address = canonical(url)
    if address is None:
        state.count("not_http")
        return
    if address in state.seen or depth > rules.max_depth:
        return
    refusal = "" if is_start else state.scope.refusal(address)
    if not (refusal or is_start) and host_of(address) not in state.hosts and len(state.hosts) >= rules.max_hosts:
        refusal = "hosts"
    if refusal:
        state.seen[address] = depth
        state.count(refusal)
        return
    state.hosts.add(host_of(address))
    state.seen[address] = depth
    state.queue.append((address, depth))


def _fetch(url: str, harvest: Harvest, fetcher: "_Fetcher", state: _State) -> Page | None:
    """Ask for a page and keep it; None where it cannot be had.

    Raises:
        FetchError: as many failures in a row that may pass.
    """
    try:
        answer = fetcher.fetch(url)
    except FetchError as error:
        state.rejects.append((url, error.message))
        state.failures += any(word in error.message for word in PASSING)
        if state.failures >= FAILURES_IN_A_ROW:
            raise FetchError(
                f"{host_of(url)} stopped answering ({error.message}); what was had is kept: run the same command again",
                step="collect",
            ) from error
        return None
    state.failures = 0
    facts, body = page_facts(answer, url)
    return harvest.keep(url, body, **facts)


def page_facts(answer: HttpResponse, url: str) -> tuple[dict[str, Any], bytes]:
    """What is kept of an answer besides its body: all that the crawl decides on, so that nothing is read twice."""
    kind = answer.headers.get("content-type", "")
    facts: dict[str, Any] = {"status": answer.status, "type": kind, "date": _date(answer.headers.get("date", ""))}
    final = canonical(answer.url) or url
    if final != url:
        facts["redirected_to"] = final
    if answer.status != 200 or (kind and not kind.lower().startswith(_HTML)):
        return facts, b""
    from forge_sources.html import main as html_main
    from forge_sources.html import page as html_page
    from forge_sources.html import tree as html_tree

    try:
        root = html_tree.parse(answer.body, kind)
    except html_tree.UnreadableHtml as error:
        return {**facts, "problem": str(error)}, b""
    about = html_page.facts_of(root, final, robots_header=answer.headers.get("x-robots-tag", ""))
    facts |= {"canonical": about.canonical, "noindex": about.noindex, "base": final}
    facts["links"] = [] if about.nofollow else html_page.links_of(root, final)
    facts["digest"] = stable_id(html_tree.words(html_main.clean(root)))
    return facts, b"" if about.noindex else answer.body


def _take(page: Page, url: str, depth: int, *, state: _State, rules: CrawlRules) -> None:
    """Decide what a page is: a document, a duplicate, something else; and queue its links."""
    facts = page.facts
    final = facts.get("redirected_to", url)
    if facts["status"] != 200:
        state.rejects.append((url, f"the server answered {facts['status']}"))
        return
    if final != url:
        state.count("redirected")
        if url in rules.starts:  # whoever asks for a start asks for where it has moved
            state.scope = replace(state.scope, prefixes=(*state.scope.prefixes, folder_of(final)))
        elif state.scope.refusal(final):
            state.count("outside")
            return
        if state.seen.setdefault(final, depth) != depth or final in state.kept:
            state.count("duplicate")
            return
    if "problem" in facts:
        state.rejects.append((url, facts["problem"]))
    elif "links" not in facts:
        state.count("not_html")
    else:
        _keep(page, _address(facts, final, state), state=state)
        for link in facts["links"]:
            _enqueue(state, rules, link, depth + 1)


def _address(facts: Mapping[str, Any], final: str, state: _State) -> str:
    """The address a page goes by: the one that it claims, unless another page with other words has it."""
    claimed = facts.get("canonical")
    if not claimed or claimed == final:
        return final
    taken = claimed in state.kept and state.digests.get(facts["digest"]) != claimed
    return final if taken else str(claimed)


def _keep(page: Page, address: str, *, state: _State) -> None:
    facts = page.facts
    if facts["noindex"]:
        state.count("noindex")
    elif address in state.kept or facts["digest"] in state.digests:
        state.count("duplicate")
    else:
        state.digests[facts["digest"]] = address
        state.kept[address] = page.key
        state.seen.setdefault(address, 0)


def _date(header: str) -> str | None:
    """The day of a Date header."""
    try:
        return parsedate_to_datetime(header).date().isoformat()
    except (ValueError, TypeError):
        return None


class _Fetcher:
    """Asks for pages by the rules, at a distance of ``delay`` seconds."""

    def __init__(self, rules: CrawlRules, http: HttpClient) -> None:
        self.rules = rules
        self.http = http
        self._last = 0.0

    def request(self, url: str, *, limit: int) -> HttpRequest:
        rules = self.rules
        headers = {"accept": "text/html,application/xhtml+xml,*/*;q=0.1"}
        return HttpRequest(
            url=url,
            headers=headers,
            robots=rules.robots and not url.endswith("/robots.txt"),
            allow_private=rules.allow_private,
            is_found=rules.are_found,
            limit=limit,
            refresh=rules.refresh,
        )

    def fetch(self, url: str) -> HttpResponse:
        wait = self._last + self.rules.delay - time.monotonic()
        if wait > 0 and self._last:
            time.sleep(wait)
        try:
            return self.http.fetch(self.request(url, limit=self.rules.page_bytes))
        except FetchError:
            raise
        except StepError as error:
            raise FetchError(error.message) from error
        finally:
            self._last = time.monotonic()
