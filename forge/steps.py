"""The contracts that plugins fulfil: `Source`, `Filter`, `Renderer`, `Tokenizer`, `Executor`, and what they are handed.

A step is a frozen dataclass; its fields are its options, set from the recipe's table of the same name. The engine
decides where and how often a step runs from content alone: a partition whose fingerprint, options and code have not
changed is not run again. Steps therefore read nothing but their arguments and what `Context` hands out.

Importing this module costs the standard library and the records; pyarrow is imported for types only.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from forge.canaries import Canary, canary_text
from forge.llm import Llm
from forge.records import ApiRecord, Document, Record, Reject, Trajectory
from forge.sections import Bar, Bars, Section, Table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

THRESHOLD = "threshold"
EVIDENCE_FILE = "evidence.parquet"
"""What a filter's state may hold for `forge explain`: see `Filter`."""


def _say_nothing(line: str) -> None:
    """The log of a context that nobody listens to."""


def option(default: Any, *, help: str, unit: str = "", threshold: bool = False) -> Any:
    """A dataclass field that documents itself.

    Args:
        default: value when the recipe says nothing; a list or dict is copied for each instance.
        help: one line for `forge plugins NAME` and the generated reference.
        unit: unit of the value, for example ``characters``.
        threshold: True for a cut applied to a score. Thresholds are no part of a score's key, so that changing one
            computes no score again.
    """
    metadata = {"help": help, "unit": unit, THRESHOLD: threshold}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: type(default)(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """A unit of a source's work, small enough that losing one half done costs little.

    Attributes:
        key: name within the source, unique and stable between runs; safe as a file name.
        fingerprint: hash of the content it stands for. Equal fingerprints mean equal records.
        items: what `Source.records` needs to find the material: paths, member names, cursors.
        size: size of the material in bytes, or in the source's ``size_unit``, for progress and for starting the largest
            first; 0 if unknown.
    """

    key: str
    fingerprint: str
    items: Sequence[str] = ()
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequest:
    """What to fetch, and under which rules.

    Attributes:
        url: http or https. Secrets in it (user and password, key-like query parameters) are sent, and never written.
        method: ``GET``, or ``POST``, whose answers are not cached.
        headers: written to the cache with the answer.
        secret_headers: sent, never written anywhere: ``{"x-rapidapi-key": context.secret("RAPIDAPI_KEY")}``.
        body: of a POST.
        robots: obey the host's robots.txt, its Crawl-delay included.
        allow_private: follow redirects to private addresses. Without it, only the host named in ``url`` may be private.
        is_found: the address comes from fetched text, not from the recipe: not even its own host may be private.
        limit: bytes of a body after which it is refused; None for the client's own limit.
        refresh: ask the server whether the cached answer is still good, however fresh it is.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None
    robots: bool = False
    allow_private: bool = False
    is_found: bool = False
    limit: int | None = None
    refresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpResponse:
    """An answer. ``url`` is the final address without secrets; names of ``headers`` are lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpClient(Protocol):
    """Polite HTTP: cached on disk, retried, rate limited by host. Opened by the engine, never by a step."""

    def get(self, url: str, *, headers: dict[str, str] | None = None) -> bytes:
        """Body of ``url``. Raises `FetchError` when the server refuses or cannot be reached."""
        ...

    def fetch(self, request: HttpRequest) -> HttpResponse:
        """The final answer, whatever its status, after redirects, waits and retries.

        Raises:
            FetchError: scheme, address, size or robots.txt forbid it, or every attempt failed (429 and 5xx included).
        """
        ...

    def download(self, request: HttpRequest, path: Path) -> HttpResponse:
        """Stream the body to ``path``, taking up a download that was cut short; ``body`` of the answer is empty.

        Nothing is cached: the file is the cache. Raises as `fetch`, also for a status of 400 or more.
        """
        ...


class CatalogView(Protocol):
    """Read-only view of the distinct documented APIs, cut into buckets that are stable while the APIs are.

    Attributes:
        fingerprint: hash of the whole content.
    """

    fingerprint: str

    def buckets(self) -> Sequence[Partition]:
        """Deterministic buckets by provider and service; a bucket's fingerprint covers its records."""
        ...

    def read(self, bucket: Partition) -> Iterator[ApiRecord]:
        """The records of one bucket, ordered by id."""
        ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """All that a step may touch besides its arguments.

    Attributes:
        workspace: the directory that relative paths in the recipe are relative to.
        cache: directory for fetched material, kept between runs and shared between sources. Write through a temporary
            name, since two processes may fetch the same thing.
        scratch: private directory of this step, kept while its key stays the same.
        seed: the recipe's seed; derive randomness from it and from record ids, never from order.
        http: HTTP client.
        catalog: the catalogue's view; None for sources and filters that do not set ``reads_catalog``.
        llm: language models, through the journal and within a budget; None where a step runs outside of a recipe.
        refresh: True when the user asked to look for newer material than the cache holds.
        log: says one line to the user.
    """

    workspace: Path
    cache: Path
    scratch: Path
    seed: int
    http: HttpClient
    catalog: CatalogView | None = None
    llm: Llm | None = None
    refresh: bool = False
    log: Callable[[str], None] = field(default=_say_nothing)

    def secret(self, name: str) -> str | None:
        """The environment variable ``name``, or None if it is unset or empty.

        Hand it to `HttpRequest.secret_headers` and to nothing else: no option, record, partition or message holds it.
        """
        return os.environ.get(name) or None


@runtime_checkable
class Source(Protocol):
    """Where records come from.

    Optional class attributes: ``reads_catalog`` (True: runs after the catalogue is loaded and finds it in the context),
    ``requires`` (programs it runs, for `forge doctor`: a mapping of program to how to get it), ``uses_seed`` (True: its
    records depend on the context's seed, so that a changed seed reads it again), ``size_unit`` (what `Partition.size`
    counts, in the plural, where that is not bytes). A source may have ``report(self, scratch: Path) -> Section |
    None``: what it says of itself in a report, from what it left in its scratch directory.
    """

    name: ClassVar[str]

    def partitions(self, context: Context) -> Sequence[Partition]:
        """Deterministic units of work. Fetches what is not cached; a second call is quick and touches no network."""
        ...

    def records(self, partition: Partition, context: Context) -> Iterator[Record | Reject]:
        """The records of one partition, streamed; what cannot be read is yielded as a `Reject`."""
        ...

    def plan(self, context: Context) -> str:
        """One line for `forge add-source`: what would be fetched and how much, said without fetching it."""
        ...


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """A filter's answer for a batch of n documents, row by row.

    Attributes:
        keep: boolean array of length n.
        score: float64 array of length n, the number that the decision rests on.
        reason: string array of length n: why a row is dropped, from a small vocabulary; null where it is kept.
        text: string array of length n with the replaced text where a filter rewrites, null elsewhere; None if the
            filter never rewrites.
        changes: string array of length n: what was replaced, by kind and number (``email 2, ip 1``), null where
            nothing was; a filter that rewrites gives it, for `forge explain`. None if it does not say.
    """

    keep: "pa.BooleanArray"
    score: "pa.DoubleArray"
    reason: "pa.StringArray"
    text: "pa.StringArray | None" = None
    changes: "pa.StringArray | None" = None

    def __post_init__(self) -> None:
        columns = (self.keep, self.score, self.reason, self.text, self.changes)
        lengths = {len(column) for column in columns if column is not None}
        if len(lengths) != 1:
            raise ValueError(f"verdict columns differ in length: {sorted(lengths)}")


class Corpus(Protocol):
    """The documents as they stand before a filter: what earlier filters dropped is not in it."""

    fingerprint: str

    def batches(self, columns: Sequence[str]) -> "Iterator[pa.RecordBatch]":
        """Batches of the named columns, in a deterministic order."""
        ...


@runtime_checkable
class Filter(Protocol):
    """Says of each document whether it stays, and why not.

    A filter that needs the whole corpus has ``prepare(self, corpus: Corpus, context: Context) -> Path | None``: work
    done once, such as to train, index or cluster. It returns a directory under ``context.scratch``, the state that
    ``judge`` is given, or None; a filter without it has none.

    A filter that cuts a score writes ``score(batch, state)`` and ``decide(scores)`` and marks its cuts with
    ``option(..., threshold=True)``: see `ScoredFilter`. A filter that replaces text sets the class attribute
    ``rewrites = True``.

    A filter may have ``canaries(self, seed: int) -> Sequence[Canary]``: documents that it must catch and innocent ones
    that it must leave, made from options and seed alone (`canary_text` makes text that is like no other). In every run
    the engine shows them to ``prepare`` together with the corpus, after it, has them judged as any document, and hands
    them to nobody else; the ids that a filter sees begin with ``~canary/``. If the share caught is below the class
    attribute ``canary_floor: ClassVar[float]`` (1.0 where there is none), or an innocent one is dropped or changed, the
    run fails. Canaries that do not depend on thresholds keep a filter's state over a change of threshold.

    A filter whose ``prepare`` reads files besides the corpus names them by ``inputs(self, workspace: Path) ->
    Sequence[Path]``: their content is part of the state's key, so that an edited file under the same name prepares
    anew. A state may hold ``evidence.parquet``: `forge explain` shows the rows whose column ``id`` is the document's.

    A filter may have ``report(self, state: Path | None) -> Section | None``: what it has to say of itself beside the
    counts, which every report of an export shows; asked in every run, after judging, with the thresholds of that run.

    A filter may set the class attribute ``reads_catalog = True``: its ``prepare`` finds the catalogue's view in the
    context (None where no source gives an API), and is run again when the catalogue has changed.

    The class attribute ``max_drop_rate: ClassVar[float]`` says which share of the documents that reach it the filter
    may drop before a run fails, where the recipe does not say (0.5 where there is none): 1.0 for one that is there to
    keep few. A filter that rewrites may take no larger share of the text either, by drops and cuts together.
    """

    name: ClassVar[str]
    columns: ClassVar[tuple[str, ...]]

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """Pure and free of order: the same row gets the same verdict in any batch, process or run."""
        ...


@runtime_checkable
class ScoredFilter(Filter, Protocol):
    """A filter whose scores outlive a change of threshold; ``judge`` is ``decide(score(batch, state))``."""

    def score(self, batch: "pa.RecordBatch", state: Path | None) -> "pa.DoubleArray":
        """Scores of n documents, float64, without looking at any threshold."""
        ...

    def decide(self, scores: "pa.DoubleArray") -> Verdicts:
        """Apply the thresholds."""
        ...


@runtime_checkable
class Renderer(Protocol):
    """Turns a record into documents. ``renders`` is the record type it takes."""

    name: ClassVar[str]
    renders: ClassVar[type]

    def render(self, record: Any) -> Iterable[Document]:
        """Zero or more documents, a pure function of the record and the options."""
        ...


class Encoder(Protocol):
    """A loaded tokenizer."""

    vocab_size: int
    eos_id: int

    def encode_batch(self, texts: Sequence[str]) -> "list[np.ndarray[Any, Any]]":
        """Token ids of each text, uint32, no special tokens."""
        ...


@runtime_checkable
class Tokenizer(Protocol):
    """Makes or finds the ``tokenizer.json`` that an export is written with."""

    name: ClassVar[str]

    @property
    def sample_bytes(self) -> int:
        """UTF-8 bytes of text that `train` wants to see, drawn evenly from the domains."""
        ...

    def train(self, texts: Iterator[str], folder: Path) -> None:
        """Write ``tokenizer.json`` (Hugging Face tokenizers format) into ``folder``; same texts, same bytes."""
        ...

    def load(self, folder: Path) -> Encoder:
        """The encoder that `train` left in ``folder``."""
        ...


class Executor(Protocol):
    """Maps a function over tasks, in this process, in others, or on a cluster; made with ``workers=N``."""

    name: ClassVar[str]
    workers: int

    def close(self) -> None:
        """Let go of processes and connections; what runs is abandoned."""
        ...

    def run(self, function: "Callable[[Any], Any]", tasks: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        """Yield ``(index, result)`` in order of completion. The first error cancels what has not begun."""
        ...


def each(predicate: Callable[[str], float], batch: "pa.RecordBatch", *, column: str = "text") -> "pa.DoubleArray":
    """Lift a per-document function to a score column, for authors who prefer one to Arrow kernels.

    Costs one Python call and one copy of the text a document, some 5 million documents a minute before the predicate.
    """
    import pyarrow as pa

    return pa.array([float(predicate(value.as_py())) for value in batch.column(column)], pa.float64())


__all__ = [
    "EVIDENCE_FILE",
    "ApiRecord",
    "Bar",
    "Bars",
    "Canary",
    "CatalogView",
    "Context",
    "Corpus",
    "Document",
    "Encoder",
    "Executor",
    "Filter",
    "HttpClient",
    "HttpRequest",
    "HttpResponse",
    "Partition",
    "Record",
    "Reject",
    "Renderer",
    "ScoredFilter",
    "Section",
    "Source",
    "Table",
    "Tokenizer",
    "Trajectory",
    "Verdicts",
    "canary_text",
    "each",
    "option",
]
