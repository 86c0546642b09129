"""The documentation site of a repository: the links of its README and its homepage, crawled as `website` does.

A start is the homepage, or a linked page that looks like documentation by its host or path; none of GitHub's own.
Cost: that of a crawl of at most ``crawl_pages``.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from forge.errors import FetchError
from forge.records import ApiRecord, Document, Reject
from forge.steps import Context, Partition

if TYPE_CHECKING:
    from forge_sources.github_docs.source import GithubDocs
    from forge_sources.harvest import Harvest

MOST_STARTS = 4
PAGE_BYTES = 5_000_000
_NOT_DOCS = re.compile(
    r"(^|\.)(github\.com|githubusercontent\.com|shields\.io|travis-ci\.(org|com)|codecov\.io|pypi\.\w+|npmjs\.\w+|badge\S*"
    r"|youtube\.com|twitter\.com|x\.com|discord\.(gg|com)|slack\.com|reddit\.com|stackoverflow\.com|wikipedia\.org)$"
)
_DOCS_HOST = re.compile(
    r"^(docs?|developers?|api|reference|manual|wiki)\.|\.(readthedocs\.io|rtfd\.io|github\.io|gitbook\.io)$|\.pages\.dev$"
)
_DOCS_PATH = re.compile(r"(?i)/(docs?|documentation|api|reference|guides?|manual|tutorials?|latest|stable)(/|$)")


def site_starts(links: Sequence[str]) -> list[str]:
    """The addresses at which to begin, of a homepage (first, perhaps empty) and a README's links."""
    from forge_sources.crawling.urls import canonical, folder_of

    found: dict[str, None] = {}
    home = urlsplit(canonical(links[0]) or "").netloc if links and links[0] else ""
    for number, link in enumerate(links):
        address = canonical(link)
        host = (urlsplit(address).hostname or "") if address else ""
        if address is None or _NOT_DOCS.search(host):
            continue
        is_docs = _DOCS_HOST.search(host) or (
            _DOCS_PATH.search(urlsplit(address).path) and urlsplit(address).netloc == home
        )
        if (number == 0 or is_docs) and not any(address.startswith(folder_of(start)) for start in found):
            found[address] = None
    return list(found)[:MOST_STARTS]


def site_partitions(
    source: "GithubDocs", repository: str, closing: Mapping[str, Any], *, context: Context
) -> list[Partition]:
    """Partitions of the site's pages; crawls what is not cached. A site that refuses is a `Reject`.

    Raises:
        FetchError: the site stopped answering, which may pass.
    """
    from forge_sources.crawling.crawl import PASSING, CrawlRules
    from forge_sources.crawling.urls import scope_of
    from forge_sources.github_docs.source import API
    from forge_sources.website.source import buckets_of, gather

    starts = site_starts(closing["links"])
    if not starts:
        return []
    harvest = _harvest(source, repository, context, refresh=context.refresh)
    found: Any = harvest.finished
    if found is None:
        rules = CrawlRules(
            starts=starts,
            scope=scope_of(starts, hosts=(), include=(), exclude=(), allow_private=False),
            max_depth=source.crawl_depth,
            max_pages=source.crawl_pages,
            max_hosts=MOST_STARTS,
            page_bytes=PAGE_BYTES,
            delay=source.delay,
            # A README's links lead anywhere; only the user's own server may point into the user's own network.
            are_found=source.api == API,
            refresh=context.refresh,
        )
        try:
            found = gather(rules, harvest, context=context)
        except FetchError as error:
            if any(word in error.message for word in PASSING):
                raise
            found = {"pages": [], "rejects": [[starts[0], error.message]]}
            harvest.finish(**found)
    return buckets_of(found)


def site_records(
    source: "GithubDocs", repository: str, partition: Partition, *, context: Context
) -> Iterator[ApiRecord | Document | Reject]:
    """Records of a partition that `site_partitions` gave, its first item taken off."""
    from dataclasses import replace

    from forge_sources.website.pages import PageRules
    from forge_sources.website.source import bucket_records

    pages = replace(partition, items=partition.items[1:])
    rules = PageRules(source=source.name, domain="text")
    yield from bucket_records(pages, _harvest(source, repository, context), rules)


def _harvest(source: "GithubDocs", repository: str, context: Context, *, refresh: bool = False) -> "Harvest":
    from forge_sources.harvest import Harvest

    options = ("site", repository, source.api, source.crawl_depth, source.crawl_pages)
    return Harvest(context.cache, source=source.name, options=options, refresh=refresh)
