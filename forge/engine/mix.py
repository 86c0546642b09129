"""Mix: which documents make an export of a given ratio, and in which order.

Every document has a place in a seeded order (a hash of its id and the seed). Each domain gives its documents in that
order until its share of the tokens is full; small ones further on fill the last gap. The scarcest domain sets the size,
unless a limit does. The export's order is the same seeded order over all domains, so that any stretch of it holds the
mix. A pure function of ids, lengths, providers and seed: no order, partitioning or worker count bears on it.

A provider may be held to a share of its domain: the domain then has only as many tokens as can be had without passing
it, and each provider gives documents in the seeded order until its part is full.

Cost: one hash and two sorts over documents; a million documents take about two seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import xxhash

from forge.diversity import most_under_cap
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
        providers: n names of who runs what a document is about, empty where nobody does; no names: nobody is capped.
    """

    ids: Sequence[str]
    domains: Sequence[str]
    tokens: "Array"
    providers: Sequence[str] = ()


def choose(
    pool: Pool, *, shares: Mapping[str, float], max_tokens: int | None, seed: int, provider_cap: float | None = None
) -> "Array":
    """Indices into the pool, in the export's order.

    Args:
        shares: parts by domain, summing to 1.
        max_tokens: size at most, in tokens.
        provider_cap: share of a domain's tokens that one provider may have at most, 0 to 1; None caps nobody.

    Raises:
        CorpusError: a domain with a share has no documents, two documents have one id, or a domain has too few
            providers for the cap.
    """
    import numpy as np

    if len(set(pool.ids)) != len(pool.ids):
        raise CorpusError(f"two documents have the id {_repeated(pool.ids)!r}; a source gives one id twice")
    places = np.array([position_of(document, seed) for document in pool.ids])
    order = np.lexsort((np.array(pool.ids), places)) if len(places) else np.zeros(0, np.int64)
    domains = np.array(pool.domains)
    wanted = {domain: share for domain, share in shares.items() if share > 0}
    cap = provider_cap if len(pool.providers) else None
    names, codes = np.unique(np.array(pool.providers, str), return_inverse=True)
    groups = {
        domain: _Members(
            order=order[domains[order] == domain], tokens=pool.tokens, providers=names, provider_of=codes, cap=cap
        )
        for domain in wanted
    }
    totals = {domain: members.available() for domain, members in groups.items()}
    empty = [domain for domain, total in totals.items() if not total]
    if empty:
        _refuse(empty[0], groups[empty[0]])
    size = min(total / wanted[domain] for domain, total in totals.items())
    size = min(size, max_tokens) if max_tokens is not None else size
    chosen = [members.pick(int(size * wanted[domain])) for domain, members in groups.items()]
    picked = np.zeros(len(places), bool)
    picked[np.concatenate(chosen)] = True
    return order[picked[order]]


@dataclass(frozen=True, eq=False, kw_only=True)
class _Members:
    """The documents of one domain in their seeded order, and who may give how much of them.

    Attributes:
        order: indices into the pool. tokens: lengths of the whole pool.
        providers: distinct names, the empty one among them where some document has none.
        provider_of: for each document of the pool the position of its provider among them.
        cap: share that one provider may have, or None.
    """

    order: "Array"
    tokens: "Array"
    providers: "Array"
    provider_of: "Array"
    cap: float | None

    def available(self) -> int:
        """Tokens that can be had: all, or as many as let nobody pass the cap."""
        total = int(self.tokens[self.order].sum())
        if self.cap is None:
            return total
        sizes = self.by_provider().values()
        return most_under_cap(sizes, cap=self.cap, free=total - sum(sizes))

    def pick(self, budget: int) -> "Array":
        """Indices into the pool that fill ``budget`` tokens as well as whole documents can."""
        chosen = _fill(self.tokens, self._within(budget), budget)
        while self.cap is not None and len(chosen):
            filled = int(self.tokens[chosen].sum())
            if self._largest_share(chosen) <= self.cap:
                break
            chosen = _fill(self.tokens, self._within(min(filled, budget) - 1), filled)
            budget = filled
        return chosen

    def _within(self, budget: int) -> "Array":
        """Members that keep their provider within its part of ``budget``, in order."""
        import numpy as np

        if self.cap is None:
            return self.order
        codes = self.provider_of[self.order]
        grouped = np.argsort(codes, kind="stable")
        ends = np.flatnonzero(np.diff(codes[grouped])) + 1
        part = int(self.cap * budget)
        lengths = self.tokens[self.order]
        stays = np.zeros(len(codes), bool)
        for members in np.split(grouped, ends):
            free = self.providers[codes[members[0]]] == ""
            stays[members if free else _fill(lengths, members, part)] = True
        return self.order[stays]

    def _largest_share(self, chosen: "Array") -> float:
        sizes = self.by_provider(chosen)
        return max(sizes.values(), default=0) / int(self.tokens[chosen].sum())

    def by_provider(self, chosen: "Array | None" = None) -> dict[str, int]:
        """Tokens of each provider; documents of nobody's are left out."""
        import numpy as np

        members = self.order if chosen is None else chosen
        sums = np.bincount(self.provider_of[members], weights=self.tokens[members], minlength=len(self.providers))
        return {str(name): int(sums[code]) for code, name in enumerate(self.providers) if name and sums[code]}


def _refuse(domain: str, members: _Members) -> None:
    """Say why a domain gives nothing."""
    if members.cap is not None and len(members.order):
        raise CorpusError(
            f"no {domain} document can be had with max_share_per_provider = {members.cap:g}: "
            f"there are too few providers; raise it to {1 / max(1, len(members.by_provider())):.2g} or more"
        )
    raise CorpusError(f"the mix asks for {domain} documents and there are none; add a source or change the mix")


def _fill(tokens: "Array", members: "Array", budget: int) -> "Array":
    """The longest prefix of ``members`` that fits the budget, then later ones that fit what is left."""
    import numpy as np

    sums = np.cumsum(tokens[members])
    count = int(np.searchsorted(sums, budget, side="right"))
    left = budget - (int(sums[count - 1]) if count else 0)
    later = members[count : count + FILL_CANDIDATES]
    later = later[tokens[later] <= left]
    extra = []
    for member, length in zip(later.tolist(), tokens[later].tolist(), strict=True):
        if length <= left:
            extra.append(member)
            left -= length
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
