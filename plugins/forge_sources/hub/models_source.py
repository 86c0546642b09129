"""Source ``huggingface``: models of the Hugging Face hub as APIs, and their cards as documents.

    [[source]]
    name = "huggingface"
    task = "text-classification"
    limit = 500

Each model gives an `ApiRecord` of kind ``model`` (what its pipeline tag takes and gives, the card's own snippet as
example) and a document, the card without its front matter. The licence is the card's, with evidence. Gathered once and
kept; a killed run goes on where it stopped; ``--refresh`` gathers anew. Cost: one request a card.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from forge.errors import StepError
from forge.records import ApiRecord, Document, Reject, stable_id
from forge.steps import Context, Partition, option

if TYPE_CHECKING:
    from forge_sources.harvest import Harvest
    from forge_sources.hub.client import Hub
    from forge_sources.hub.models import Model, Search

BUCKETS = 32
ODD = "!"
"""Marks a partition's item that stands for an entry of the list which is no model."""
SORTS = ("downloads", "likes", "lastModified", "createdAt", "trendingScore")


@dataclass(frozen=True, kw_only=True)
class HuggingFace:
    """Models of the Hugging Face hub: cards as documents, usage and schemas as APIs of kind model."""

    name: ClassVar[str] = "huggingface"

    task: str = option("", help="pipeline tag: text-classification, automatic-speech-recognition; empty: any")
    library: str = option("", help="library tag: transformers, diffusers, sentence-transformers; empty: any")
    author: str = option("", help="user or organisation; empty: any")
    search: str = option("", help="words in the model's name; empty: any")
    tags: tuple[str, ...] = option((), help="further tags that a model must have, such as a language")
    sort: str = option("downloads", help=f"which models come first: {', '.join(SORTS)}")
    limit: int = option(1_000, help="models taken at most", unit="models")
    ids: tuple[str, ...] = option((), help="these models, as owner/name, instead of a search")
    path: str = option("", help="folder of saved cards (owner/name/README.md or owner/name.md) instead of the hub")
    min_card_characters: int = option(200, help="a shorter card gives no document", unit="characters")
    endpoint: str = option("https://huggingface.co", help="address of the hub or a mirror of it")

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ValueError: with what to write instead.
        """
        if self.sort not in SORTS:
            raise ValueError(f"sort is one of {', '.join(SORTS)}; this is {self.sort!r}")
        if self.limit < 1:
            raise ValueError("limit is 1 or more")

    def plan(self, context: Context) -> str:
        """What would be fetched."""
        if self.path:
            from forge_sources.spec_files import told

            where = told(context.workspace / self.path, self.path, plugin=self.name)
            return f"reads the model cards in {where}; fetches nothing"
        done = self._harvest(context).finished
        if done is not None and not context.refresh:
            return f"reads {done['count']:,} models gathered on {done['retrieved_at']} from the cache; fetches nothing"
        from forge_sources.hub.models import PAGE

        count = len(self.ids) or self.limit
        lists = len(self.ids) or -(-count // PAGE)
        return (
            f"fetches at most {count:,} model cards from {self.endpoint}: {lists:,} + {count:,} requests at 5 a second "
            f"at most (some {max(count // 300, 1):,} minutes), some {count * 8 / 1000:,.0f} MB"
        )

    def partitions(self, context: Context) -> Sequence[Partition]:
        """Buckets of models by their names; gathers what is not in the cache.

        Raises:
            FetchError: the list of models cannot be had. StepError: there is no model, or no such folder.
        """
        if self.path:
            return self._buckets([(item, digest) for item, digest in self._saved(context)])
        from forge_sources.hub.models import card_of, gather, gathered

        harvest = self._harvest(context, refresh=context.refresh)
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        gather(self._hub(context), harvest, search=self._search(), ids=self.ids, on=today)
        entries = [(model.id, stable_id(repr(model), card_of(harvest, model)[1])) for model in gathered(harvest)]
        odd = (harvest.finished or {}).get("odd", ())
        return self._buckets([*entries, *((f"{ODD}{name}", "") for name in odd)])

    def records(self, partition: Partition, context: Context) -> Iterator[ApiRecord | Document | Reject]:
        """For each model its API and its card, where there is one."""
        if self.path:
            for item in partition.items:
                yield from self._saved_records(item, context)
            return
        from forge_sources.hub.models import card_of, gathered

        harvest = self._harvest(context)
        wanted = frozenset(partition.items)
        on = (harvest.finished or {}).get("retrieved_at")
        for item in partition.items:
            if item.startswith(ODD):
                yield Reject(locator=item.removeprefix(ODD), reason="the hub's list says of it what is no model")
        for model in gathered(harvest):
            if model.id in wanted:
                data, problem = card_of(harvest, model)
                yield from self._model_records(model, data, problem=problem, on=on)

    def _hub(self, context: Context) -> "Hub":
        from forge_sources.hub.client import Hub

        return Hub(endpoint=self.endpoint.rstrip("/"), plugin=self.name, context=context)

    def _search(self) -> "Search":
        from forge_sources.hub.models import Search

        return Search(
            task=self.task,
            library=self.library,
            author=self.author,
            search=self.search,
            tags=self.tags,
            sort=self.sort,
            limit=self.limit,
        )

    def _harvest(self, context: Context, *, refresh: bool = False) -> "Harvest":
        from forge_sources.harvest import Harvest

        options = (self.endpoint, self._search(), self.ids)
        return Harvest(context.cache, source=self.name, options=options, refresh=refresh)

    def _buckets(self, entries: Sequence[tuple[str, str]]) -> list[Partition]:
        from forge_sources.spec_files import bucket_of, combined

        if not entries:
            message = f"no model in {self.path or self.endpoint} fits; loosen task, library, author, search or tags"
            raise StepError(message, plugin=self.name, step="collect")
        members: dict[int, list[tuple[str, str]]] = {}
        for entry in entries:
            members.setdefault(bucket_of(entry[0], BUCKETS), []).append(entry)
        return [
            Partition(
                key=f"models-{bucket:02d}",
                fingerprint=combined(part for entry in group for part in entry),
                items=tuple(item for item, _ in group),
            )
            for bucket, group in sorted(members.items())
        ]

    def _saved(self, context: Context) -> Iterator[tuple[str, str]]:
        """Saved cards with hashes of their bytes."""
        from forge_sources.spec_files import hashes

        root = context.workspace / self.path
        if not root.is_dir():
            raise StepError(f"path={self.path}: there is no such folder", plugin=self.name, step="collect")
        found = sorted(path for path in root.rglob("*.md") if path.is_file())
        for path, (digest, _size) in zip(found, hashes(found), strict=True):
            yield path.relative_to(root).as_posix(), digest

    def _saved_records(self, item: str, context: Context) -> Iterator[ApiRecord | Document | Reject]:
        from forge_sources.hub.models import CARD_BYTES, Model

        try:
            with (context.workspace / self.path / item).open("rb") as stream:
                data = stream.read(CARD_BYTES + 1)
        except OSError as error:
            yield Reject(locator=item, reason=f"cannot be read: {error.strerror}")
            return
        if len(data) > CARD_BYTES:
            yield Reject(locator=item, reason=f"the card is larger than {CARD_BYTES / 1e6:g} MB")
            return
        yield from self._model_records(Model(id=_saved_name(item), sha=""), data, problem="", on=None)

    def _model_records(
        self, model: "Model", data: bytes, *, problem: str, on: str | None
    ) -> Iterator[ApiRecord | Document | Reject]:
        from forge_sources.hub.card import read_card
        from forge_sources.hub.records import api_of, document_of, facts_of

        locator = f"{model.id}@{model.sha}" if model.sha else model.id
        try:
            card = read_card(data.decode("utf-8-sig"))
        except UnicodeDecodeError:
            card, problem = read_card(""), "the card is not UTF-8 text"
        for reason in (problem, card.problem):
            if reason:
                yield Reject(locator=locator, reason=reason)
        facts = facts_of(model, card)
        yield api_of(model, card, facts, source=self.name, on=on)
        if len(card.text) >= self.min_card_characters:
            yield document_of(model, card, facts, source=self.name)


def _saved_name(item: str) -> str:
    """The model that a saved card is of: ``owner/name/README.md``, ``owner/name.md``, or ``owner--name.md``."""
    path = Path(item)
    is_in_folder = path.name.lower() == "readme.md" and path.parent.name
    name = path.parent.as_posix() if is_in_folder else path.with_suffix("").as_posix()
    return name.removeprefix("models--").replace("--", "/")
