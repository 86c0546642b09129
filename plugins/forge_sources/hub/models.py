"""Models of the hub and their cards, gathered page by page and kept, so that a killed run goes on where it stopped.

First the list, a page a request, then the card of each model at the commit that the list names. Cost: one request a
`PAGE` of models and one a card, at the client's pace.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from forge.errors import FetchError
from forge_sources.crawling.crawl import FAILURES_IN_A_ROW, PASSING
from forge_sources.harvest import Harvest
from forge_sources.hub.client import Hub

PAGE = 500
CARD_BYTES = 4_000_000
EXPAND = (
    *("author", "cardData", "createdAt", "downloads", "gated", "lastModified", "library_name", "likes", "pipeline_tag"),
    *("sha", "tags"),
)


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What the hub's list says of a model."""

    id: str
    sha: str = "main"
    pipeline_tag: str | None = None
    library_name: str | None = None
    tags: list[str] = []
    downloads: int = 0
    likes: int = 0
    gated: bool | str = False
    last_modified: str | None = msgspec.field(default=None, name="lastModified")
    card_data: dict[str, Any] | None = msgspec.field(default=None, name="cardData")


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which models: filters of the hub's list, and how many."""

    task: str = ""
    library: str = ""
    author: str = ""
    search: str = ""
    tags: tuple[str, ...] = ()
    sort: str = "downloads"
    limit: int = 1_000

    def path(self) -> str:
        """The address of the first page, below the endpoint."""
        single = {"pipeline_tag": self.task, "author": self.author, "search": self.search, "sort": self.sort}
        pairs = [(name, value) for name, value in single.items() if value]
        pairs += [("filter", value) for value in (self.library, *self.tags) if value]
        pairs += [("limit", str(min(PAGE, self.limit))), ("direction", "-1"), *(("expand", name) for name in EXPAND)]
        return f"/api/models?{urlencode(pairs)}"


def gather(hub: Hub, harvest: Harvest, *, search: Search, ids: Sequence[str] = (), on: str) -> None:
    """Fetch what the harvest does not hold yet, and finish it.

    Args:
        ids: these models instead of a search. on: today's date, for the closing facts.

    Raises:
        FetchError: the list cannot be had, or the hub stopped answering. A card that it refuses is noted, and its
            model goes on without.
    """
    if harvest.finished is not None:
        return
    models, odd = _listed(hub, harvest, search=search, ids=ids)
    failures = 0
    for number, model in enumerate(models):
        if harvest.get(_card_key(model)) is None:
            body, problem = _card(hub, model)
            harvest.keep(_card_key(model), body, problem=problem)
            failures = failures + 1 if any(word in problem for word in PASSING) else 0
            if failures >= FAILURES_IN_A_ROW:
                for failed in models[number + 1 - failures : number + 1]:
                    harvest.forget(_card_key(failed))
                message = f"the hub stopped answering ({problem}); what was had is kept: run the same command again"
                raise FetchError(message, plugin=hub.plugin, step="collect")
        if number and number % 100 == 0:
            hub.context.log(f"{hub.plugin}: {number:,} of {len(models):,} cards")
    harvest.keep("models", msgspec.json.encode(models))
    harvest.finish(count=len(models), retrieved_at=on, odd=odd)


def gathered(harvest: Harvest) -> list[Model]:
    """The models of a finished harvest, in the order of their names."""
    page = harvest.get("models")
    models = msgspec.json.decode(page.body, type=list[Model]) if page is not None else []
    return sorted(models, key=lambda model: model.id)


def card_of(harvest: Harvest, model: Model) -> tuple[bytes, str]:
    """A model's card, and why there is none."""
    page = harvest.get(_card_key(model))
    return (page.body, str(page.facts.get("problem", ""))) if page is not None else (b"", "the card was not fetched")


def _card_key(model: Model) -> str:
    return f"card {model.id} {model.sha}"


def _card(hub: Hub, model: Model) -> tuple[bytes, str]:
    url = hub.resolved(model.id, model.sha, "README.md")
    try:
        answer = hub.fetch(url, limit=CARD_BYTES)
    except FetchError as error:
        return b"", error.message
    if answer.status == 200:
        return answer.body, ""
    return b"", "it has no card" if answer.status == 404 else hub.refusal(answer.status, url, answer.headers).message


def _listed(hub: Hub, harvest: Harvest, *, search: Search, ids: Sequence[str]) -> tuple[list[Model], list[str]]:
    """The models of all list pages, no name twice, the search's limit at most; and names of entries that are none."""
    found: dict[str, Model] = {}
    odd: list[str] = []
    for entries in _id_pages(hub, harvest, ids) if ids else _search_pages(hub, harvest, search):
        for entry in entries:
            model = _model(entry)
            if model is None:
                odd.append(str(entry.get("id") if isinstance(entry, Mapping) else entry)[:200])
            elif len(found) < (len(ids) or search.limit):
                found.setdefault(model.id, model)
    return list(found.values()), odd


def _id_pages(hub: Hub, harvest: Harvest, ids: Sequence[str]) -> Iterator[Sequence[Any]]:
    for name in ids:
        page = harvest.get(f"model {name}")
        if page is None:
            page = harvest.keep(f"model {name}", msgspec.json.encode(hub.json(f"/api/models/{name}")))
        yield [msgspec.json.decode(page.body)]


def _search_pages(hub: Hub, harvest: Harvest, search: Search) -> Iterator[Sequence[Any]]:
    """List pages, each kept with the address of the next, until there are enough models."""
    following: str | None = search.path()
    count = 0
    while following and count < search.limit:
        page = harvest.get(f"list {following}")
        if page is None:
            answer, entries = hub.page(following)
            page = harvest.keep(
                f"list {following}", msgspec.json.encode(entries), next=hub.next_page(answer, following)
            )
        entries = msgspec.json.decode(page.body)
        count += len(entries)
        yield entries
        following = page.facts.get("next")


def _model(entry: object) -> Model | None:
    if not isinstance(entry, Mapping):
        return None
    try:
        return msgspec.convert({key: value for key, value in entry.items() if value is not None}, type=Model)
    except msgspec.ValidationError:
        return None
