"""Mix: which documents make an export of a given ratio, and in which order.

Every document has a place in a seeded order (a hash of its id and the seed). Each domain gives its documents in that
order until its share of the tokens is full; small ones further on fill the last gap. The scarcest domain sets the size,
unless a limit does. The export's order is the same seeded order over all domains, so that any stretch of it holds the
mix. A pure function of ids, lengths and seed: no order, partitioning or worker count bears on it.

Cost: one hash and two sorts over documents; a million documents take about two seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import xxhash

from forge.errors import CorpusError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FILL_CANDIDATES = 20_000


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool:
    """Documents to choose from, n of them.

    Attributes:
        ids: n document ids, distinct. domains: n domain names. tokens: n lengths, int64.
    """

    ids: Sequence[str]
    domains: Sequence[str]
    tokens: "Array"


def choose(pool: Pool, *, shares: Mapping[str, float], max_tokens: int | None, seed: int) -> "Array":
    """Indices into the pool, in the export's order.

    Args:
        shares: parts by domain, summing to 1.
        max_tokens: size at most, in tokens.

    Raises:
        CorpusError: a domain with a share has no documents, or two documents have one id.
    """
    import numpy as np

    if len(set(pool.ids)) != len(pool.ids):
        raise CorpusError(f"two documents have the id {_repeated(pool.ids)!r}; a source gives one id twice")
    places = np.array([position_of(document, seed) for document in pool.ids])
    order = np.lexsort((np.array(pool.ids), places)) if len(places) else np.zeros(0, np.int64)
    domains = np.array(pool.domains)
    wanted = {domain: share for domain, share in shares.items() if share > 0}
    by_domain = {domain: order[domains[order] == domain] for domain in wanted}
    totals = {domain: int(pool.tokens[members].sum()) for domain, members in by_domain.items()}
    empty = [domain for domain, total in totals.items() if not total]
    if empty:
        raise CorpusError(f"the mix asks for {empty[0]} documents and there are none; add a source or change the mix")
    size = min(total / wanted[domain] for domain, total in totals.items())
    size = min(size, max_tokens) if max_tokens is not None else size
    chosen = [_fill(pool.tokens, members, int(size * wanted[domain])) for domain, members in by_domain.items()]
    picked = np.zeros(len(places), bool)
    picked[np.concatenate(chosen)] = True
    return order[picked[order]]


def _fill(tokens: "Array", members: "Array", budget: int) -> "Array":
    """The longest prefix of ``members`` that fits the budget, then later ones that fit what is left."""
    import numpy as np

    sums = np.cumsum(tokens[members])
    count = int(np.searchsorted(sums, budget, side="right"))
    left = budget - (int(sums[count - 1]) if count else 0)
    extra = []
    for member in members[count : count + FILL_CANDIDATES]:
        if tokens[member] <= left:
            extra.append(member)
            left -= int(tokens[member])
        if left <= 0:
            break
    return np.concatenate([members[:count], np.array(extra, members.dtype)])


def split(tokens: "Array", shard_tokens: int) -> list[slice]:
    """Cut a sequence of document lengths into shards; each ends at the first document that fills it."""
    import numpy as np

    slices = []
    start = 0
    sums = np.cumsum(tokens)
    while start < len(tokens):
        before = int(sums[start - 1]) if start else 0
        end = min(int(np.searchsorted(sums, before + shard_tokens, side="left")) + 1, len(tokens))
        slices.append(slice(start, end))
        start = end
    return slices


def _repeated(ids: Sequence[str]) -> str:
    seen: set[str] = set()
    for document in ids:
        if document in seen:
            return document
        seen.add(document)
    raise AssertionError("no id is repeated")


def position_of(document: str, seed: int) -> float:
    """A number from 0 to 1 that is a document's place in every seeded order."""
    return xxhash.xxh3_64_intdigest(document.encode(), seed=seed & (1 << 64) - 1) / 2**64
