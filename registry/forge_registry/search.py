"""Full-text search of a catalogue: BM25 over the postings that `forge_registry.search_index` made.

A query is at most `MOST_TERMS` look-ups in one table, one aggregation and the rows of its hits: about 30 ms over
130,000 operations with the catalogue open and the processors idle. Scores are sums of integers, so that the same query
on the same catalogue gives the same answer whatever the threads do; equal scores are ordered by id.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from forge_registry import search_text
from forge_registry.search_index import UNIT

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_TERMS = 32
"""Terms of a query that are looked up: the rarest, and of equally rare ones the first by alphabet."""
MOST_CHARACTERS = 4_000
"""Characters of a query that are read."""
RARITY_UNIT = 10_000
PLACES_A_HIT = 8
"""Places of the ranking that are read for each hit: operations of one name and description are one hit."""
SHORTEST_ID = 8
"""Hexadecimal digits of an id that are shown at least."""

FACTS = ("provider", "service", "name", "kind", "method", "path", "description", "version", "deprecated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for.

    Attributes:
        text: words, names, a sentence; any text will do.
        provider: a provider's host name, or one label of it: ``twilio``.
        kind, method, source: only operations of this kind, HTTP verb or source plugin.
        limit: hits at most.
    """

    text: str
    provider: str | None = None
    kind: str | None = None
    method: str | None = None
    source: str | None = None
    limit: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One operation that was found.

    Attributes:
        short: the shortest prefix of its id that no other operation has.
        alike: how many operations of the same name and description ranked close behind it, and are not shown: as the
            count of documented APIs does, a search takes them for one.
    """

    rank: int
    score: float
    id: str
    short: str
    alike: int
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The answer: the best hits, how many operations matched in all, and which providers were searched."""

    hits: Sequence[Hit]
    matches: int
    providers: Sequence[str] | None = None


def search(connection: "DuckDBPyConnection", query: Query) -> Found:
    """The operations that answer a query best, the best first."""
    providers = None if query.provider is None else providers_named(connection, query.provider)
    ranked, matches = rank(connection, replace(query, limit=query.limit * PLACES_A_HIT), providers=providers)
    return Found(hits=hits(connection, ranked, most=query.limit), matches=matches, providers=providers)


def rank(
    connection: "DuckDBPyConnection", query: Query, *, providers: Sequence[str] | None
) -> tuple[list[tuple[int, float]], int]:
    """Numbers and scores of the best ``query.limit`` operations, and how many matched."""
    terms = _terms(connection, query.text)
    if not terms or providers == []:
        return [], 0
    row = connection.execute("SELECT count(*) FROM search_docs").fetchone()
    operations = row[0] if row else 0
    postings = " UNION ALL ".join(
        f"SELECT doc, impact::BIGINT * {_rarity(docs, operations)} AS score FROM search_postings WHERE term = {number}"
        for number, docs in terms
    )
    where, values = conditions(query, providers)
    chosen = f"WHERE doc IN (SELECT doc FROM search_docs {where})" if where else ""
    rows = connection.execute(
        f"SELECT doc, sum(score)::BIGINT AS score, count(*) OVER () FROM ({postings}) {chosen} "
        "GROUP BY doc ORDER BY score DESC, doc LIMIT ?",
        [*values, query.limit],
    ).fetchall()
    return [(doc, score / UNIT / RARITY_UNIT) for doc, score, _ in rows], rows[0][2] if rows else 0


def conditions(query: Query, providers: Sequence[str] | None) -> tuple[str, list[object]]:
    """A WHERE clause on ``search_docs`` for a query's filters, and its values."""
    wanted: list[tuple[str, object]] = []
    if providers is not None:
        wanted.append(("provider IN (SELECT unnest(?::VARCHAR[]))", list(providers)))
    if query.kind is not None:
        wanted.append(("kind = ?", query.kind.lower()))
    if query.method is not None:
        wanted.append(("method = ?", query.method.upper()))
    if query.source is not None:
        wanted.append(
            (
                "id IN (SELECT id FROM distinct_apis WHERE operation IN (SELECT operation FROM apis WHERE source = ?))",
                query.source,
            )
        )
    clause = " AND ".join(condition for condition, _ in wanted)
    return (f"WHERE {clause}" if clause else ""), [value for _, value in wanted]


def hits(connection: "DuckDBPyConnection", ranked: Sequence[tuple[int, float]], *, most: int) -> list[Hit]:
    """What is shown of the first ``most`` operations that are not alike, in the order given."""
    others = _others_alike(connection, [doc for doc, _ in ranked])
    ranked = [(doc, score) for doc, score in ranked if doc in others][:most]
    ids = _short_ids(connection, [doc for doc, _ in ranked])
    # Two queries, the rows' places first: as one, DuckDB reads the long columns of many more rows, at twice the time.
    places = connection.execute(
        "SELECT rowid FROM apis WHERE chosen AND id IN (SELECT unnest(?::VARCHAR[]))",
        [[own for own, _ in ids.values()]],
    ).fetchall()
    rows = connection.execute(
        f"SELECT id, {', '.join(FACTS)} FROM apis WHERE rowid IN (SELECT unnest(?::BIGINT[]))",
        [[place for (place,) in places]],
    ).fetchall()
    facts = {row[0]: dict(zip(FACTS, row[1:], strict=True)) for row in rows}
    return [
        Hit(rank=place, score=score, id=ids[doc][0], short=ids[doc][1], alike=others[doc], facts=facts[ids[doc][0]])
        for place, (doc, score) in enumerate(ranked, start=1)
    ]


def _others_alike(connection: "DuckDBPyConnection", docs: Sequence[int]) -> dict[int, int]:
    """The first of each name and description, in the order given, and how many come after it."""
    numbers = ", ".join(map(str, docs)) or "NULL"  # as a parameter, six times slower
    groups = dict(connection.execute(f"SELECT doc, alike FROM search_docs WHERE doc IN ({numbers})").fetchall())
    firsts: dict[int, int] = {}
    found: dict[int, int] = {}
    for doc in docs:
        first = firsts.setdefault(groups[doc], doc)
        found[first] = found.get(first, -1) + 1
    return found


def _short_ids(connection: "DuckDBPyConnection", docs: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Id of each operation, and its shortest prefix of `SHORTEST_ID` digits or more that no other id begins with.

    Documents are numbered by id: the ids most alike are those of the neighbours.
    """
    wanted = sorted({doc + step for doc in docs for step in (-1, 0, 1)})
    numbers = ", ".join(map(str, wanted)) or "NULL"
    ids = dict(connection.execute(f"SELECT doc, id FROM search_docs WHERE doc IN ({numbers})").fetchall())
    digits = {doc: max(_shared(ids[doc], ids.get(doc + step, "")) for step in (-1, 1)) + 1 for doc in docs}
    return {doc: (ids[doc], ids[doc][: max(SHORTEST_ID, digits[doc])]) for doc in docs}


def providers_named(connection: "DuckDBPyConnection", name: str) -> list[str]:
    """The providers of that name; if there is none, those with a label of that name: ``twilio`` for ``twilio.com``."""
    wanted = name.lower().strip()
    known = all_providers(connection)
    exact = [provider for provider in known if provider.lower() == wanted]
    return exact or [provider for provider in known if wanted in provider.lower().split(".")]


def all_providers(connection: "DuckDBPyConnection") -> list[str]:
    """Every provider, by alphabet."""
    rows = connection.execute("SELECT DISTINCT provider FROM search_docs ORDER BY provider").fetchall()
    return [row[0] for row in rows]


def near_providers(connection: "DuckDBPyConnection", name: str) -> list[str]:
    """At most three providers whose name is written much like ``name``, the likest first."""
    import difflib

    labels: dict[str, str] = {}
    for provider in all_providers(connection):
        for label in (provider.lower(), *provider.lower().split(".")):
            labels.setdefault(label, provider)
    close = difflib.get_close_matches(name.lower()[:100], sorted(labels), n=6, cutoff=0.6)
    return list(dict.fromkeys(labels[label] for label in close))[:3]


def _terms(connection: "DuckDBPyConnection", text: str) -> list[tuple[int, int]]:
    """Number and count of documents of each term of a query that the index knows, the rarest first."""
    words = set(search_text.words_of(text[:MOST_CHARACTERS])) - search_text.STOP_WORDS
    rows = connection.execute(
        "SELECT number, docs FROM search_terms WHERE term IN (SELECT unnest(?::VARCHAR[])) ORDER BY docs, term LIMIT ?",
        [sorted(map(search_text.stem, words)), MOST_TERMS],
    ).fetchall()
    return [(number, docs) for number, docs in rows]


def _rarity(docs: int, operations: int) -> int:
    """Inverse document frequency, never negative, in units of 1 / `RARITY_UNIT`."""
    return round(math.log(1 + (operations - docs + 0.5) / (docs + 0.5)) * RARITY_UNIT)


def _shared(own: str, other: str) -> int:
    """Characters that two ids begin with alike."""
    return next(
        (place for place, (a, b) in enumerate(zip(own, other, strict=False)) if a != b), min(len(own), len(other))
    )
