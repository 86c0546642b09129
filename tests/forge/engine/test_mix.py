"""The mix: shares, order, and independence of everything but content and seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.engine.mix import Pool, choose, split
from forge.errors import CorpusError
from forge.recipe import parse_mix


def pool(lengths: dict[str, list[int]]) -> Pool:
    ids, domains, tokens = [], [], []
    for domain, sizes in lengths.items():
        for index, size in enumerate(sizes):
            ids.append(f"{domain}-{index}")
            domains.append(domain)
            tokens.append(size)
    return Pool(ids=ids, domains=domains, tokens=np.array(tokens, np.int64))


def totals(made: Pool, order: np.ndarray) -> dict[str, int]:
    sums: dict[str, int] = {}
    for index in order.tolist():
        sums[made.domains[index]] = sums.get(made.domains[index], 0) + int(made.tokens[index])
    return sums


LENGTHS = st.lists(st.integers(1, 400), min_size=300, max_size=500)


@settings(max_examples=25, deadline=None)
@given(LENGTHS, LENGTHS, LENGTHS, st.sampled_from(["1:1:1", "2:1:1", "36:34:30", "0:1:3"]), st.integers(0, 2**32))
def test_each_domain_fills_its_part_as_far_as_whole_documents_can(
    a: list[int], c: list[int], t: list[int], mix: str, seed: int
) -> None:
    lengths = {"agent": a, "code": c, "text": t}
    made = pool(lengths)
    shares = parse_mix(mix)
    chosen = set(choose(made, shares=shares, max_tokens=None, seed=seed).tolist())
    sums = totals(made, np.array(sorted(chosen), np.int64))
    size = min(sum(lengths[domain]) / share for domain, share in shares.items() if share)
    for domain, share in shares.items():
        gap = int(size * share) - sums.get(domain, 0)
        left = [made.tokens[i] for i in range(len(made.ids)) if made.domains[i] == domain and i not in chosen]
        assert gap >= 0
        assert not share or not left or gap < min(left)


def test_shares_are_within_half_a_percent() -> None:
    made = pool({domain: [n * 37 % 400 + 1 for n in range(4_000)] for domain in ("agent", "code", "text")})
    sums = totals(made, choose(made, shares=parse_mix("36:34:30"), max_tokens=None, seed=3))
    for domain, share in parse_mix("36:34:30").items():
        assert abs(sums[domain] / sum(sums.values()) - share) <= 0.005


def test_the_scarcest_domain_sets_the_size() -> None:
    made = pool({"agent": [10] * 1000, "code": [10] * 100, "text": [10] * 1000})
    assert totals(made, choose(made, shares=parse_mix("1:1:1"), max_tokens=None, seed=1)) == {
        "agent": 1000,
        "code": 1000,
        "text": 1000,
    }


def test_a_limit_is_kept() -> None:
    made = pool({"agent": [7] * 1000, "code": [7] * 1000, "text": [7] * 1000})
    sums = totals(made, choose(made, shares=parse_mix("1:1:1"), max_tokens=3000, seed=1))
    assert 2900 <= sum(sums.values()) <= 3000


def test_the_order_of_the_pool_does_not_matter() -> None:
    made = pool({"agent": list(range(1, 200)), "code": list(range(1, 200)), "text": list(range(1, 200))})
    turned = Pool(ids=made.ids[::-1], domains=made.domains[::-1], tokens=made.tokens[::-1])
    one = [made.ids[i] for i in choose(made, shares=parse_mix("1:1:1"), max_tokens=9000, seed=5)]
    two = [turned.ids[i] for i in choose(turned, shares=parse_mix("1:1:1"), max_tokens=9000, seed=5)]
    assert one == two


def test_the_seed_matters_and_domains_are_interleaved() -> None:
    made = pool({"agent": [10] * 300, "code": [10] * 300, "text": [10] * 300})
    one = choose(made, shares=parse_mix("1:1:1"), max_tokens=None, seed=1)
    two = choose(made, shares=parse_mix("1:1:1"), max_tokens=None, seed=2)
    assert one.tolist() != two.tolist()
    first = [made.domains[index] for index in one[:90]]
    assert all(15 <= first.count(domain) <= 45 for domain in ("agent", "code", "text"))


def test_a_domain_without_documents_is_named() -> None:
    with pytest.raises(CorpusError, match="asks for text documents and there are none"):
        choose(pool({"agent": [1], "code": [1]}), shares=parse_mix("1:1:1"), max_tokens=None, seed=0)


def test_one_id_twice_is_named() -> None:
    twice = Pool(ids=["x", "x"], domains=["agent", "agent"], tokens=np.array([1, 1]))
    with pytest.raises(CorpusError, match="id 'x'"):
        choose(twice, shares=parse_mix("1:0:0"), max_tokens=None, seed=0)


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(1, 100))
def test_shards_cover_all_documents_once(lengths: list[int], size: int) -> None:
    cuts = split(np.array(lengths, np.int64), size)
    assert [index for cut in cuts for index in range(cut.start, cut.stop)] == list(range(len(lengths)))
    for cut in cuts[:-1]:
        assert sum(lengths[cut]) >= size
        assert sum(lengths[cut][:-1]) < size
