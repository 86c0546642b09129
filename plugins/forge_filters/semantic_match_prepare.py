"""What ``semantic-match`` does with the whole corpus, and the state that it leaves.

The corpus is read twice: once for the seeds and for a sample drawn by the hash of texts, once to guess (`prefilter`),
embed (`embedding`, through `embedding_cache` in the workspace's cache, so that only texts never seen are embedded) and
search (`semantic_match_search`), `CHUNK` documents at a time. Memory: seeds, and some 60 bytes a document that passes
the prefilter; texts of one chunk.

The state: ``evidence.parquet``, which `forge explain` reads too (by ``id`` of each embedded document: its nearest seed,
that seed's address, the similarity, and whether the document is ``retrieved``, among the nearest ``top_k`` of some
seed), and ``report.json`` (`semantic_match_report`). Canaries are retrieved among themselves
(`semantic_match_canaries`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge.canaries import PREFIX
from forge.errors import StepError
from forge.files import atomic_path
from forge.steps import EVIDENCE_FILE, Context, Corpus
from forge_filters.embedding import Encoder
from forge_filters.embedding_cache import VectorCache, text_hash
from forge_filters.prefilter import Prefilter
from forge_filters.semantic_match import PAGE_COLUMNS, SemanticMatch, as_bytes
from forge_filters.semantic_match_canaries import LEAST_CUT
from forge_filters.semantic_match_report import write_report
from forge_filters.semantic_match_search import BestOfSeeds, in_units, ranked, unit_of

if TYPE_CHECKING:
    import pyarrow as pa

CHUNK = 2_048
"""Documents embedded and searched at a time; what a cut-short run loses at most."""


@dataclass(slots=True, kw_only=True)
class Found:
    """Chunks of results, row by row: ids, place of the nearest seed, dot product with it, guess, flags.

    ``passed``: the prefilter let it through. ``sampled``: it is of the sample.
    """

    ids: Any
    seed: Any
    similarity: Any
    guess: Any
    passed: Any
    sampled: Any


@dataclass(slots=True, kw_only=True)
class _Page:
    """Documents on their way: text, id, guess, and whether each is of the sample."""

    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    guesses: list[float] = field(default_factory=list)
    sampled: list[bool] = field(default_factory=list)

    def extend(self, other: "_Page") -> None:
        """Append another's documents."""
        self.ids += other.ids
        self.texts += other.texts
        self.guesses += other.guesses
        self.sampled += other.sampled


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """What the first reading finds: seeds by id in ascending order, and the largest hash that is of the sample."""

    seed_ids: Sequence[str]
    seed_urls: Sequence[str | None]
    seed_texts: Sequence[str]
    last_sampled: bytes
    judged: int


def retrieve(step: SemanticMatch, corpus: Corpus, context: Context) -> None:
    """Write the state into ``context.scratch``."""
    real = _Real(corpus)
    draw = _draw(step, real)
    if not draw.seed_ids:
        raise StepError("no document is a seed; check seed_sources, seed_kinds and seed_urls against `forge status`")
    context.log(f"semantic-match: {len(draw.seed_ids)} seeds, {draw.judged} documents to judge")
    encoder = Encoder(step.encoder(context.workspace))
    folder = context.cache / "embeddings" / encoder.fingerprint
    cache = VectorCache(folder, encode=encoder.encode, dimension=encoder.dimension)
    search = _searched(step, real, draw=draw, cache=cache)
    write_report(step, search.found(), context=context, search=search, judged=draw.judged)
    tables = [_evidence(search)]
    planted = _Planted(real.planted)
    own = replace(step, top_k=1, prefilter=max(step.prefilter, LEAST_CUT))
    drawn = _draw(own, planted)
    if drawn.seed_ids:
        tables.append(_evidence(_searched(own, planted, draw=drawn, cache=cache)))
    _write(tables, context.scratch / EVIDENCE_FILE)


def _searched(step: SemanticMatch, corpus: Corpus, *, draw: Draw, cache: VectorCache) -> "_Search":
    search = _Search(step, draw, cache=cache)
    for page in _pages(step, corpus, draw=draw):
        search.add(page)
    return search


class _Real:
    """A corpus without its canaries, which are set aside as they come by."""

    def __init__(self, corpus: Corpus) -> None:
        self.fingerprint = corpus.fingerprint
        self.planted: list[pa.RecordBatch] = []
        self._corpus = corpus

    def batches(self, columns: Sequence[str]) -> "Iterator[pa.RecordBatch]":
        """Batches of the named columns, the id among them."""
        import pyarrow.compute as pc

        self.planted = []
        for batch in self._corpus.batches(columns):
            is_planted = pc.starts_with(batch.column("id"), PREFIX)
            if pc.any(is_planted).as_py():
                self.planted.append(batch.filter(is_planted))
                yield batch.filter(pc.invert(is_planted))
            else:
                yield batch


@dataclass(slots=True)
class _Planted:
    """The canaries as a corpus of their own."""

    planted: "Sequence[pa.RecordBatch]"
    fingerprint: str = ""

    def batches(self, columns: Sequence[str]) -> "Iterator[pa.RecordBatch]":
        """Batches of the named columns."""
        for batch in self.planted:
            yield batch.select(list(columns))


class _Search:
    """Embeds pages and keeps what is nearest."""

    def __init__(self, step: SemanticMatch, draw: Draw, *, cache: VectorCache) -> None:
        self.cache = cache
        raw = self.cache.vectors(draw.seed_texts)
        self._unit = unit_of(raw)
        # Of seeds with the same vector the smallest id is the one that is named.
        seeds, first = _distinct(in_units(raw, self._unit))
        self.seeds = seeds
        self.seed_ids = [draw.seed_ids[place] for place in first]
        self.seed_urls = [draw.seed_urls[place] for place in first]
        self.best = BestOfSeeds(seeds, top_k=step.top_k)
        self.sample_vectors: list[Any] = []
        self._cut = step.prefilter
        self._chunks: list[Found] = []

    @property
    def scale(self) -> float:
        """What a dot product in units is multiplied by."""
        return self._unit * self._unit

    def add(self, page: _Page) -> None:
        """Embed a page; what passed the prefilter competes, the rest of the sample is only measured."""
        import numpy as np

        order = sorted(range(len(page.ids)), key=page.ids.__getitem__)
        ids = as_bytes([page.ids[row] for row in order])
        vectors = in_units(self.cache.vectors([page.texts[row] for row in order]), self._unit)
        values, places = ranked(self.seeds, vectors, k=1)
        guess, sampled = np.array(page.guesses)[order], np.array(page.sampled)[order]
        passed = guess >= self._cut
        if passed.any():
            self.best.add(ids[passed], np.ascontiguousarray(vectors[passed]))
        self.sample_vectors.append(vectors[sampled])
        similarity = values[:, 0].astype(np.float64) * self.scale
        self._chunks.append(
            Found(ids=ids, seed=places[:, 0], similarity=similarity, guess=guess, passed=passed, sampled=sampled)
        )

    def found(self) -> Found:
        """All pages as one."""
        import numpy as np

        names = Found.__dataclass_fields__
        if not self._chunks:
            return Found(**{name: np.zeros(0, "S1" if name == "ids" else np.float64) for name in names})
        return Found(**{name: np.concatenate([getattr(chunk, name) for chunk in self._chunks]) for name in names})


def _distinct(seeds: Any) -> tuple[Any, list[int]]:
    """Rows that differ, in the order in which they come, and the place of each."""
    import numpy as np

    _, first = np.unique(seeds, axis=0, return_index=True)
    places = sorted(int(place) for place in first)
    return np.ascontiguousarray(seeds[places]), places


def _draw(step: SemanticMatch, corpus: Corpus) -> Draw:
    """Read the corpus for its seeds and for the sample's bound."""
    seeds: dict[tuple[bytes, str], tuple[str | None, str]] = {}
    sample: set[bytes] = set()
    judged = 0
    for batch, texts in _batches(step, corpus):
        mine = batch.append_column("text", texts)
        for row in mine.filter(step.seeds(batch)).select(["id", "url", "text"]).to_pylist():
            seeds[text_hash(row["text"]), row["id"]] = (row["url"], row["text"])
        if len(seeds) > 2 * step.max_seeds:
            seeds = dict(sorted(seeds.items(), key=_first)[: step.max_seeds])
        chosen = texts.filter(step.judged(batch)).to_pylist()
        judged += len(chosen)
        sample.update(map(text_hash, chosen))
        if len(sample) > 2 * step.sample + CHUNK:
            sample = set(sorted(sample)[: step.sample])
    chosen_seeds = [(name, *facts) for (_, name), facts in sorted(seeds.items(), key=_first)[: step.max_seeds]]
    rows = sorted(chosen_seeds, key=_first)
    last = max(sorted(sample)[: step.sample], default=b"")
    return Draw(
        seed_ids=[row[0] for row in rows],
        seed_urls=[row[1] for row in rows],
        seed_texts=[row[2] for row in rows],
        last_sampled=last,
        judged=judged,
    )


def _first(item: tuple[Any, ...]) -> Any:
    return item[0]


def _batches(step: SemanticMatch, corpus: Corpus) -> "Iterator[tuple[pa.RecordBatch, pa.StringArray]]":
    """Batches with `PAGE_COLUMNS`, and their texts as far as the model may read them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for batch in corpus.batches([*PAGE_COLUMNS, "text"]):
        texts = pc.utf8_slice_codeunits(
            batch.column("text").cast(pa.string()).fill_null(""), 0, step.encoder().max_chars
        )
        yield batch.select(list(PAGE_COLUMNS)), texts


def _pages(step: SemanticMatch, corpus: Corpus, *, draw: Draw) -> Iterator[_Page]:
    """Judged documents that pass the prefilter or are of the sample, `CHUNK` or a little more at a time."""
    prefilter = Prefilter(draw.seed_texts) if step.prefilter > 0 else None
    page = _Page()
    for batch, texts in _batches(step, corpus):
        judged = step.judged(batch)
        chosen = texts.filter(judged).to_pylist()
        guesses = [1.0] * len(chosen) if prefilter is None else prefilter.similarity(chosen).tolist()
        sampled = [text_hash(text) <= draw.last_sampled for text in chosen]
        ids = batch.column("id").filter(judged).to_pylist()
        rows = [row for row in range(len(ids)) if guesses[row] >= step.prefilter or sampled[row]]
        columns: list[list[Any]] = [[column[row] for row in rows] for column in (ids, chosen, guesses, sampled)]
        page.extend(_Page(ids=columns[0], texts=columns[1], guesses=columns[2], sampled=columns[3]))
        if len(page.ids) >= CHUNK:
            yield page
            page = _Page()
    if page.ids:
        yield page


def _evidence(search: _Search) -> "pa.Table":
    """All that was embedded, by id; a document that stands in the corpus twice, once."""
    import numpy as np
    import pyarrow as pa

    found = search.found()
    is_retrieved = np.isin(found.ids, search.best.ids()) & found.passed.astype(bool)
    _, rows = np.unique(found.ids, return_index=True)
    seeds = found.seed[rows].astype(np.int64)
    return pa.table(
        {
            "id": pa.array([name.decode("utf-8", "surrogatepass") for name in found.ids[rows]], pa.string()),
            "seed": pa.array(search.seed_ids, pa.string()).take(pa.array(seeds)),
            "seed_url": pa.array(search.seed_urls, pa.string()).take(pa.array(seeds)),
            "similarity": pa.array(found.similarity[rows], pa.float64()),
            "retrieved": pa.array(is_retrieved[rows], pa.bool_()),
        }
    )


def _write(tables: "Sequence[pa.Table]", path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with atomic_path(path) as temporary:
        pq.write_table(pa.concat_tables(tables), temporary, compression="zstd", row_group_size=1 << 16)
