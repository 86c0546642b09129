import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from forge_filters.prefilter import Prefilter
from forge_filters.semantic_match_search import BestOfSeeds, in_units, ranked, unit_of

FEW = st.integers(1, 9)
VALUES = st.sampled_from([-1.0, 0.0, 1.0])


def matrix(rows, width=3):
    return arrays.arrays(np.float32, (rows, width), elements=VALUES)


def by_hand(base, queries, k):
    every = queries @ base.T
    places = np.argsort(-every, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(every, places, 1), places


@settings(max_examples=80, deadline=None)
@given(base=FEW.flatmap(matrix), queries=FEW.flatmap(matrix), k=st.integers(1, 6))
def test_ranked_is_the_exact_answer_with_ties_by_place(base, queries, k):
    values, places = ranked(base, queries, k=k)
    expected_values, expected_places = by_hand(base, queries, k)
    assert np.array_equal(values, expected_values)
    assert np.array_equal(places, expected_places)


def test_ties_beyond_what_faiss_shows_are_resolved_too():
    base = np.ones((500, 4), np.float32)
    _, places = ranked(base, base[:1], k=7)
    assert places[0].tolist() == list(range(7))


@settings(max_examples=60, deadline=None)
@given(documents=st.integers(1, 24).flatmap(matrix), seeds=FEW.flatmap(matrix), k=st.integers(1, 5), data=st.data())
def test_best_of_seeds_are_the_same_in_any_order_and_chunking(documents, seeds, k, data):
    names = [f"{number:02d}" for number in range(len(documents))]
    order = data.draw(st.permutations(range(len(documents))))
    size = data.draw(st.integers(1, len(documents)))
    best = BestOfSeeds(seeds, top_k=k)
    for start in range(0, len(order), size):
        rows = sorted(order[start : start + size])
        best.add(np.array([names[row] for row in rows], "S2"), np.ascontiguousarray(documents[rows]))
    _, places = by_hand(documents, seeds, k)
    assert best.ids().tolist() == sorted({names[place].encode() for place in places.ravel()})
    assert (best.floors() > -np.inf).all() == (len(documents) >= k)


def test_dot_products_of_whole_units_are_exact_in_any_order_of_summation():
    draws = np.random.default_rng(0)
    for length in (1.0, 14.3):
        raw = draws.normal(size=(200, 768)).astype(np.float32)
        raw *= length / np.linalg.norm(raw, axis=1, keepdims=True)
        unit = unit_of(raw)
        whole = in_units(raw, unit)
        exact = whole.astype(np.int64) @ whole.astype(np.int64).T
        assert np.array_equal(whole @ whole.T, exact)
        mixed = draws.permutation(768)
        assert np.array_equal(whole[:, mixed] @ whole[:, mixed].T, exact)
        assert np.abs(exact * unit * unit - raw @ raw.T).max() < 2e-3 * length * length


def test_the_unit_does_not_double_for_a_seed_rounded_up():
    assert unit_of(np.array([[1.0002, 0.0]], np.float32)) == unit_of(np.array([[1.0, 0.0]], np.float32))


WORDS = st.lists(st.sampled_from(["get", "user", "listUsers", "bread", "Größe", "日本", "§", " "]), max_size=8)
TEXTS = st.lists(WORDS.map(" ".join), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(seeds=TEXTS, texts=TEXTS)
def test_a_guess_depends_on_text_and_seeds_alone(seeds, texts):
    prefilter = Prefilter(seeds)
    together = prefilter.similarity(texts)
    assert together.tolist() == [prefilter.similarity([text])[0] for text in texts]
    assert ((together >= 0) & (together <= 1)).all()
    words = [any(character.isalnum() for character in text) for text in seeds]
    assert prefilter.similarity(seeds).tolist() == [float(has) for has in words]


def test_a_name_in_camel_case_is_its_words():
    prefilter = Prefilter(["list the users of an account", "delete a widget"])
    near, far = prefilter.similarity(["GET /accounts listUsers", "flour and water"])
    assert near > 0.3
    assert far == 0
