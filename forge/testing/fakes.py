"""Stand-ins for what the engine hands to a step: HTTP without a network, a catalogue and a corpus in memory.

They fulfil the contracts in `forge.steps` and keep their promises (order, fingerprints), so that a step which passes
with them runs the same under the engine. The HTTP stand-in is after httpx's ``MockTransport``: answers are data or a
function.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from forge.errors import FetchError
from forge.files import write_bytes
from forge.records import ApiRecord, Document, arrow_schema, stable_id, to_json, to_row
from forge.steps import CatalogView, Context, HttpClient, HttpRequest, HttpResponse, Partition

if TYPE_CHECKING:
    import pyarrow as pa

Body = bytes | str | HttpResponse
Answers = Mapping[str, Body] | Callable[[str], bytes | HttpResponse]


@dataclass(slots=True)
class OfflineHttp:
    """Answers from a mapping of address to body, or from a function; it never opens a connection.

    Attributes:
        answers: text is sent as UTF-8, with status 200 and no headers; an `HttpResponse` is sent as it is. A function
            raises what a server's refusal should raise: a `FetchError`.
        asked: the addresses asked for, in order.
        requests: what `fetch` and `download` were asked, in order.
    """

    answers: Answers = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    requests: list[HttpRequest] = field(default_factory=list)

    def get(self, url: str, *, headers: dict[str, str] | None = None) -> bytes:  # noqa: ARG002
        """Body of ``url``. Raises `FetchError` for an address that has no answer, and for a status of 400 or more."""
        return _accepted(self._answer(url)).body

    def fetch(self, request: HttpRequest) -> HttpResponse:
        """The answer for the request's address, whatever its status. Raises `FetchError` if there is none."""
        self.requests.append(request)
        return self._answer(request.url)

    def download(self, request: HttpRequest, path: Path) -> HttpResponse:
        """Write the body to ``path``. Raises as `get`."""
        self.requests.append(request)
        answer = _accepted(self._answer(request.url))
        write_bytes(path, answer.body)
        return replace(answer, body=b"")

    def _answer(self, url: str) -> HttpResponse:
        self.asked.append(url)
        if not callable(self.answers) and url not in self.answers:
            raise FetchError(f"{url}: no answer here; give OfflineHttp one for it")
        found = self.answers(url) if callable(self.answers) else self.answers[url]
        if isinstance(found, HttpResponse):
            return found
        body = found.encode() if isinstance(found, str) else found
        return HttpResponse(url=url, status=200, headers={}, body=body)


def _accepted(answer: HttpResponse) -> HttpResponse:
    if answer.status >= 400:
        raise FetchError(f"{answer.url}: the server answered {answer.status}; check the address")
    return answer


class MemoryCatalog:
    """A `CatalogView` of some records, in one bucket."""

    def __init__(self, records: Iterable[ApiRecord]) -> None:
        self.records = sorted(records, key=lambda record: record.id)
        self.fingerprint = stable_id(*(record.content_hash for record in self.records))

    def buckets(self) -> Sequence[Partition]:
        """The one bucket, if it holds anything."""
        size = len(self.records)
        return [Partition(key="apis-00", fingerprint=self.fingerprint, size=size)] if size else []

    def read(self, bucket: Partition) -> Iterator[ApiRecord]:  # noqa: ARG002
        """The records, ordered by id."""
        return iter(self.records)


class MemoryCorpus:
    """A `Corpus` of one batch, served ``rows`` at a time."""

    def __init__(self, batch: "pa.RecordBatch", *, rows: int = 1000) -> None:
        self.batch = batch
        self.rows = rows
        self.fingerprint = stable_id(to_json(batch.to_pylist()))

    def batches(self, columns: Sequence[str]) -> "Iterator[pa.RecordBatch]":
        """Batches of the named columns, in order."""
        projected = self.batch.select(list(columns))
        for start in range(0, len(projected), self.rows):
            yield projected.slice(start, self.rows)


def context(
    folder: Path,
    *,
    answers: Answers | None = None,
    http: HttpClient | None = None,
    catalog: CatalogView | None = None,
    seed: int = 0,
) -> Context:
    """A context in ``folder`` (pytest's ``tmp_path``), which is the workspace; cache and scratch lie inside it.

    Args:
        answers: what the network would say; see `OfflineHttp`. Without it every request fails.
        http: a client of your own instead, for a test against a real server.
        catalog: for sources with ``reads_catalog``; see `MemoryCatalog`.
        seed: the recipe's seed.
    """
    cache, scratch = folder / ".forge" / "cache", folder / ".forge" / "scratch"
    for path in (cache, scratch):
        path.mkdir(parents=True, exist_ok=True)
    client = OfflineHttp({} if answers is None else answers) if http is None else http
    return Context(workspace=folder, cache=cache, scratch=scratch, seed=seed, http=client, catalog=catalog)


def documents(*texts: str, domain: str = "text") -> "pa.RecordBatch":
    """A batch of documents with these texts, to judge; all columns of the schema are there."""
    import pyarrow as pa

    rows = [
        to_row(
            Document(
                id=stable_id("forge.testing", str(number), text),
                domain=domain,  # type: ignore[arg-type]
                kind="prose",
                text=text,
                source="forge.testing",
            )
        )
        for number, text in enumerate(texts)
    ]
    return pa.RecordBatch.from_pylist(rows, schema=arrow_schema(Document))
