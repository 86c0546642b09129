"""Search by meaning: the vectors nearest to a query's, and the full-text ranking, as one.

The two rankings are fused by rank, not by score: BM25 and cosines have no common scale. What only one of them finds is
found; what both find comes first. Costs what both cost, and loading the model: seconds.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from forge.errors import CatalogError
from forge_registry import vectors
from forge_registry.search import PLACES_A_HIT, Found, Query, conditions, hits, providers_named, rank

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DEPTH = 100
"""Places of each ranking that are fused at least."""


def index_of(folder: Path) -> vectors.Index:
    """The vectors under ``folder``. Raises `CatalogError` if there are none."""
    index = vectors.find(folder)
    if index is None:
        raise CatalogError("no vectors yet; run `forge embed`, then search with --semantic again")
    return index


def search(connection: "DuckDBPyConnection", query: Query, *, index: vectors.Index, encoder: vectors.Encoder) -> Found:
    """The operations that answer a query best by words and meaning, the best first.

    Raises:
        CatalogError: the vectors are another model's.
    """
    if encoder.fingerprint != index.fingerprint:
        raise CatalogError(f"the vectors were made by another {index.spec!r}; run `forge embed --model {index.spec}`")
    depth = max(DEPTH, query.limit * PLACES_A_HIT)
    providers = None if query.provider is None else providers_named(connection, query.provider)
    by_words, matches = rank(connection, replace(query, limit=depth), providers=providers)
    where, values = conditions(query, providers)
    documents = dict(connection.execute(f"SELECT id, doc FROM search_docs {where}", values).fetchall())
    asked = encoder.encode([query.text])[0]
    near = vectors.nearest(index.folder, asked, among=set(documents) if where else None, limit=depth)
    # Vectors may be older than the catalogue: what has gone since is left out.
    by_meaning = [documents[own] for own, _ in near if own in documents]
    ranked = vectors.fused([doc for doc, _ in by_words], by_meaning)
    shown = hits(connection, ranked, most=query.limit)
    return Found(hits=shown, matches=max(matches, len(by_meaning)), providers=providers)
