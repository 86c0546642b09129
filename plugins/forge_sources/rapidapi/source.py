"""Source ``rapidapi``: the largest API marketplace, by its GraphQL interface or from ToolBench's copy on disk.

Live: categories, APIs, endpoints, parameters, answers, popularity and pricing class, page by page by cursor, slowly,
and resumable at any moment. The key comes from the environment variable ``RAPIDAPI_KEY`` (with a team's key, that of a
person from ``RAPIDAPI_IDENTITY_KEY``) and is written nowhere. The marketplace gives this interface to customers of an
Enterprise Hub; what is known of it, and from which public documentation, stands in `forge_sources.rapidapi.query`. On
disk: the ``toolenv/tools`` layout of ToolBench (arXiv 2307.16789), with the example answers beside it.

Cost: at the marketplace's limit of 10 requests a minute, 50 APIs a page, 5,000 APIs take some 10 minutes and 100 MB;
from the pages kept, some 20,000 endpoints a CPU second are made into records. Memory: one page, and 100 bytes an API.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from forge.errors import StepError
from forge.records import ApiRecord, Reject
from forge.secrets import redact_url
from forge.steps import Context, Partition, option

DEFAULT_URL = "https://graphql-platform.p.rapidapi.com/"
PAGES_A_PARTITION = 8
BYTES_AN_API = 20_000
ALL_APIS = 80_000
"""APIs that the marketplace said it had, as public crawls of 2026 report; for the plan of a walk through all."""


@dataclass(frozen=True, kw_only=True)
class RapidApi:
    """APIs of the RapidAPI marketplace, live or from ToolBench's copy."""

    name: ClassVar[str] = "rapidapi"

    path: str = option("", help="read ToolBench's toolenv/tools folder, or its instruction files, instead")
    url: str = option(DEFAULT_URL, help="address of the marketplace's GraphQL interface")
    host: str = option("", help="value of x-rapidapi-host, as an Enterprise Hub names it; empty: the address's own")
    categories: tuple[str, ...] = option(
        (), help="take only these categories, as the marketplace names them; empty: all"
    )
    pricing: tuple[Literal["free", "freemium", "paid"], ...] = option((), help="take only these classes; empty: all")
    min_popularity: float = option(0.0, help="take only APIs at least as popular", unit="score from 0 to 10")
    max_apis: int = option(
        5000, help="ask for so many at most, before the cuts by class and popularity; 0: all", unit="APIs"
    )
    page_size: int = option(50, help="how many to ask for at a time", unit="APIs")
    requests_per_second: float = option(
        0.16, help="most requests; the marketplace allows 10 a minute", unit="requests per second"
    )
    robots: bool = option(True, help="obey the robots.txt of the address")
    max_file_mb: int = option(20, help="with path: a larger file is rejected", unit="MB")

    def __post_init__(self) -> None:
        if urlsplit(self.url).scheme not in ("http", "https"):
            raise ValueError(f"url is an http or https address, not {redact_url(self.url)!r}")
        if self.requests_per_second <= 0:
            raise ValueError("requests_per_second is more than 0; the marketplace allows 0.16")
        if self.page_size < 1 or self.max_apis < 0:
            raise ValueError("page_size is 1 or more and max_apis 0 or more")

    def plan(self, context: Context) -> str:
        """What would be fetched: requests, rate, time, size, and whether the key is there."""
        if self.path:
            from forge_sources.spec_files import told

            where = told(context.workspace / self.path, self.path, plugin=self.name)
            return f"reads ToolBench's tools from {where}; fetches nothing"
        from forge_sources.rapidapi.client import KEY
        from forge_sources.rapidapi.walk import is_enough, load

        harvest = self._harvest(context)
        index = load(harvest)
        if index is not None and is_enough(index, self._extent()) and not context.refresh:
            return f"reads {sum(len(page.ids) for page in index.pages)} APIs from the cache; fetches nothing"
        apis = self.max_apis or ALL_APIS
        kept = sum(1 for _ in harvest.folder.glob("*/*.page"))
        requests = max(1, math.ceil(apis / self.page_size) + 1 + (len(self.categories) or 50) - kept)
        size, minutes = apis * BYTES_AN_API / 1e6, requests / self.requests_per_second / 60
        key = "set" if context.secret(KEY) else "not set"
        return (
            f"asks {redact_url(self.url)} at most {requests} times at {self.requests_per_second:g} requests per second "
            f"({_duration(minutes)}) for {apis if self.max_apis else 'all, some 80000,'} APIs, "
            f"some {size:.0f} MB{f'; {kept} pages are there already' if kept else ''}, with the key in {KEY} ({key})"
        )

    def partitions(self, context: Context) -> Sequence[Partition]:
        """Live: one a few pages; on disk: one a category. Asks the marketplace for what is not kept yet.

        Raises:
            StepError: the key is missing or refused, the marketplace fails or answers strangely (what was fetched is
                kept in each case), or there is no tool file.
        """
        if self.path:
            from forge_sources.rapidapi.toolbench import partitions

            return partitions(context.workspace / self.path, plugin=self.name)
        from forge_sources.rapidapi.walk import gather, is_enough, load

        index = load(self._harvest(context))
        if index is None or context.refresh or not is_enough(index, self._extent()):
            anew = context.refresh and not (index is not None and index.complete)
            index = gather(self._marketplace(context, anew=anew), self._extent(), refresh=context.refresh)
        return self._groups(index.pages)

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Reject]:
        """The endpoints of the partition's APIs."""
        if self.path:
            from forge_sources.rapidapi.toolbench import records

            limit = self.max_file_mb * 1_000_000
            yield from records(partition, context.workspace / self.path, source=self.name, limit=limit)
            return
        from forge_sources.rapidapi.query import read_page
        from forge_sources.rapidapi.records import Found
        from forge_sources.rapidapi.records import records as endpoints

        harvest = self._harvest(context)
        for key, positions in zip(partition.items[::2], partition.items[1::2], strict=True):
            page = harvest.get(key)
            if page is None:
                raise StepError(
                    "a page has gone from the cache; run again with --refresh", plugin=self.name, record=key
                )
            nodes = read_page(page.body).nodes
            found = Found(source=self.name, locator=str(page.facts["category"]), retrieved_at=page.facts["date"])
            for position in positions.split(","):
                node = nodes[int(position)]
                if self._is_wanted(node):
                    yield from endpoints(node, found)

    def _groups(self, pages: Sequence[Any]) -> list[Partition]:
        """Pages in groups by their place in the index; what was added later leaves earlier groups as they were."""
        from forge_sources.rapidapi.walk import taken
        from forge_sources.spec_files import combined

        places = {page.key: number // PAGES_A_PARTITION for number, page in enumerate(pages)}
        groups: dict[int, list[tuple[Any, str]]] = {}
        for page, took in taken(pages, limit=self.max_apis):
            groups.setdefault(places[page.key], []).append((page, ",".join(map(str, took))))
        if not groups:
            where = f" in {', '.join(self.categories)}" if self.categories else ""
            raise StepError(f"the marketplace has no API{where}", plugin=self.name, step="collect")
        return [
            Partition(
                key=f"pages-{number:04d}",
                fingerprint=combined(part for page, took in group for part in (page.key, page.digest, took)),
                items=tuple(item for page, took in group for item in (page.key, took)),
                size=sum(page.size for page, _ in group),
            )
            for number, group in groups.items()
        ]

    def _is_wanted(self, api: object) -> bool:
        """Whether the API passes the cuts; what is no API at all is let through, to be rejected by name."""
        from forge_sources.rapidapi.records import facts

        if not isinstance(api, Mapping) or not (self.pricing or self.min_popularity):
            return True
        known = facts(api)
        if self.pricing and known.get("pricing") not in self.pricing:
            return False
        return not self.min_popularity or known.get("popularity", 0) >= self.min_popularity

    def _extent(self) -> Any:
        from forge_sources.rapidapi.walk import Extent

        return Extent(categories=tuple(sorted(set(self.categories))), max_apis=self.max_apis)

    def _harvest(self, context: Context, *, anew: bool = False) -> Any:
        from forge_sources.harvest import Harvest

        order = "relevance" if self.max_apis else "updated"
        options = (redact_url(self.url), self.host, *sorted(set(self.categories)), self.page_size, order)
        return Harvest(context.cache, source=self.name, options=options, refresh=anew)

    def _marketplace(self, context: Context, *, anew: bool) -> Any:
        from forge_sources.rapidapi.client import Marketplace

        return Marketplace(
            url=self.url,
            host=self.host,
            page_size=self.page_size,
            requests_per_second=self.requests_per_second,
            robots=self.robots,
            harvest=self._harvest(context, anew=anew),
            context=context,
        )


def _duration(minutes: float) -> str:
    if minutes < 1:
        return "under a minute"
    return f"about {minutes:.0f} minutes" if minutes < 120 else f"about {minutes / 60:.1f} hours"
