"""Source ``website``: the pages of an API documentation site, and the operations that they document.

A crawl from the start addresses over several levels: sitemaps first, robots.txt obeyed, breadth first, within limits of
depth, pages, hosts and bytes. Each page is kept in the cache as it came; a killed crawl goes on where it stopped. Pages
become documents without navigation and banners; operations in Sphinx's definition lists, in parameter tables under
``GET /path`` and in PostgreSQL's function tables become API records.

Cost: one request a page at the pace of ``delay``; some 30 ms of CPU a page. Memory: one page, and the addresses known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from forge.errors import StepError
from forge.records import ApiRecord, Document, Reject, stable_id
from forge.steps import Context, Partition, option

if TYPE_CHECKING:
    from forge_sources.crawling.crawl import CrawlRules
    from forge_sources.harvest import Harvest

EXCLUDE = ("genindex*", "*modindex.html", "search.html", "**/_sources/", "**/_static/")
BUCKETS = 16
CLIENT_INTERVAL = 0.2
"""Seconds that the HTTP client keeps between requests to one public host in any case."""


@dataclass(frozen=True, kw_only=True)
class Website:
    """Pages of a documentation site as documents, and the operations they document as API records."""

    name: ClassVar[str] = "website"

    start: list[str] = option(
        [], help="addresses at which the crawl begins; it stays on their hosts, below their folders"
    )
    max_depth: int = option(4, help="how far from a start, 0: the starts alone", unit="links")
    max_pages: int = option(1000, help="how many pages are asked for at most", unit="pages")
    hosts: list[str] = option([], help="further hosts (with :PORT if any) that links may lead to, whole")
    max_hosts: int = option(4, help="how many hosts are asked at most", unit="hosts")
    include: list[str] = option([], help="globs over the path, such as docs/api/**; empty: all")
    exclude: list[str] = option(
        list(EXCLUDE), help="globs over the path of pages to leave out; default: indexes of names"
    )
    max_page_mb: float = option(5.0, help="a larger page is rejected", unit="MB")
    delay: float = option(1.0, help="between two requests, if robots.txt asks for no more", unit="seconds")
    sitemap: bool = option(True, help="read the site's sitemaps first")
    allow_private: bool = option(
        False, help="follow links and redirects to private addresses; starts may be private anyway"
    )
    domain: Literal["text", "agent", "code"] = option("text", help="which share of the mix the pages count towards")
    apis: bool = option(True, help="look for documented operations in the pages")
    provider: str = option(
        "", help="provider of the operations; empty: the host that a page names for them, or its own"
    )
    service: str = option("", help="service of the operations where a page names none")

    def __post_init__(self) -> None:
        from forge_sources.crawling.urls import canonical

        if not self.start:
            raise ValueError('start is empty; name an address, for example start = ["https://docs.example.org/api/"]')
        wrong = [url for url in self.start if canonical(url) is None]
        if wrong:
            raise ValueError(f"start: {wrong[0]!r} is no http or https address")
        for name in ("max_pages", "max_hosts", "max_page_mb"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0")
        if self.max_depth < 0 or self.delay < 0:
            raise ValueError("max_depth and delay must not be negative")

    def plan(self, context: Context) -> str:
        """What would be asked for, at most."""
        closing = self._harvest(context).finished
        if closing is not None and not context.refresh:
            return f"reads {len(closing['pages'])} pages of {self._where()} from the cache; fetches nothing"
        seconds = max(self.delay, CLIENT_INTERVAL)
        return (
            f"fetches at most {self.max_pages} pages of at most {self.max_page_mb:g} MB from {self._where()}, "
            f"to a depth of {self.max_depth}, about one request each {seconds:g} s "
            f"(up to {max(1, self.max_pages * seconds / 60):.0f} min); robots.txt is obeyed"
        )

    def partitions(self, context: Context) -> Sequence[Partition]:
        """Pages in up to 16 buckets by the hash of their address; crawls what is not cached.

        Raises:
            FetchError: no start could be had, or the site stopped answering; run again to go on.
        """
        harvest = self._harvest(context, refresh=context.refresh)
        closing = harvest.finished
        if closing is None:
            closing = gather(self._rules(context), harvest, context=context)
        return buckets_of(closing)

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Document | Reject]:
        """Operations and documents page by page; a page that could not be had or read is a `Reject`."""
        from forge_sources.website.pages import PageRules

        rules = PageRules(
            source=self.name, domain=self.domain, apis=self.apis, provider=self.provider, service=self.service
        )
        yield from bucket_records(partition, self._harvest(context), rules)

    def _where(self) -> str:
        from forge_sources.crawling.urls import canonical, host_of

        names = dict.fromkeys([*(host_of(canonical(url) or url) for url in self.start), *self.hosts])
        return ", ".join(list(names)[: self.max_hosts])

    def _harvest(self, context: Context, *, refresh: bool = False) -> "Harvest":
        from forge_sources.harvest import Harvest

        deciding = (*self.start, self.max_depth, self.max_pages, self.hosts, self.max_hosts, self.include, self.exclude)
        options = (*deciding, self.max_page_mb, self.sitemap, self.allow_private)
        return Harvest(context.cache, source=self.name, options=options, refresh=refresh)

    def _rules(self, context: Context) -> "CrawlRules":
        from forge_sources.crawling.crawl import CrawlRules
        from forge_sources.crawling.urls import canonical, scope_of

        starts = [url for url in map(canonical, self.start) if url]
        return CrawlRules(
            starts=starts,
            scope=scope_of(
                starts,
                hosts=self.hosts,
                include=self.include,
                exclude=self.exclude,
                allow_private=self.allow_private,
            ),
            max_depth=self.max_depth,
            max_pages=self.max_pages,
            max_hosts=self.max_hosts,
            page_bytes=int(self.max_page_mb * 1_000_000),
            delay=self.delay,
            sitemap=self.sitemap,
            allow_private=self.allow_private,
            refresh=context.refresh,
        )


def gather(rules: "CrawlRules", harvest: "Harvest", *, context: Context) -> dict[str, Any]:
    """Crawl, and close the harvest with what `buckets_of` needs."""
    from forge_sources.crawling.crawl import crawl

    crawled = crawl(rules, harvest, http=context.http, log=context.log)
    pages = []
    for key, address in crawled.pages.items():
        page = harvest.get(key)
        if page is not None:
            mark = stable_id(address, str(page.facts.get("type")), str(page.facts.get("date")), page.body.hex())
            pages.append([address, key, mark, len(page.body)])
    closing = {"pages": pages, "rejects": [list(pair) for pair in crawled.rejects], "counts": dict(crawled.counts)}
    harvest.finish(**closing)
    told = ", ".join(f"{count} {what}" for what, count in crawled.counts.items() if count)
    context.log(f"kept {len(pages)} pages; {told or 'nothing else'}; {len(crawled.rejects)} could not be had")
    return closing


@dataclass(slots=True)
class _Bucket:
    items: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    size: int = 0


def buckets_of(closing: Any) -> list[Partition]:
    """Partitions of a closed harvest: items are ``ADDRESS KEY`` of a page, or ``!ADDRESS REASON``."""
    buckets: dict[int, _Bucket] = {}
    for address, key, mark, size in closing["pages"]:
        bucket = buckets.setdefault(int(stable_id(address)[:8], 16) % BUCKETS, _Bucket())
        bucket.items.append(f"{address} {key}")
        bucket.marks.append(mark)
        bucket.size += size
    for url, reason in closing["rejects"]:
        bucket = buckets.setdefault(int(stable_id(url)[:8], 16) % BUCKETS, _Bucket())
        bucket.items.append(f"!{url} {reason}")
        bucket.marks.append(reason)
    return [
        Partition(
            key=f"pages-{number:02d}",
            fingerprint=stable_id(*bucket.items, *bucket.marks),
            items=tuple(bucket.items),
            size=bucket.size,
        )
        for number, bucket in sorted(buckets.items())
    ]


def bucket_records(partition: Partition, harvest: "Harvest", rules: Any) -> Iterator[ApiRecord | Document | Reject]:
    """Records of one of `buckets_of`'s partitions.

    Raises:
        StepError: a page is gone from the cache.
    """
    from forge_sources.website.pages import page_records

    for item in partition.items:
        address, _, key = item.partition(" ")
        if item.startswith("!"):
            yield Reject(locator=address[1:], reason=key)
            continue
        page = harvest.get(key)
        if page is None:
            raise StepError("gone from the cache; run the same command with --refresh", step="collect", record=address)
        yield from page_records(page, address, rules)
