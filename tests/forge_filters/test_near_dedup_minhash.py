import random
import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forge_filters.minhash import agreeing, found_share, least_estimate, sign
from forge_filters.near_dedup_api import call_signature
from forge_filters.shingles import buffers, jaccard, shingle_sets

WORD = re.compile("[0-9A-Za-z_\u00aa\u00b5\u00ba\u00c0-\u1fff\u2080-\u2fff]+|[\u3040-\U0010ffff]")
LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def oracle(text, ngram):
    words = WORD.findall(text.translate(LOWER))
    return {tuple(words[place : place + ngram]) for place in range(max(1, len(words) - ngram + 1))} if words else set()


def sets_of(texts, ngram, *, array=None):
    array = pa.array(texts, pa.string()) if array is None else array
    values, lengths = shingle_sets(*buffers(array), np.arange(len(array)), ngram)
    return np.split(values, np.cumsum(lengths)[:-1])


TEXT = st.text(st.sampled_from("aAb_9 \n.-é\u00a0\u00b5«…—\u2019日本。ぁ가🙂न\u2080"), max_size=30)


@settings(max_examples=200, deadline=None)
@example(left="\u00c2", right="\u3000\u303f\u3040", ngram=1)
@given(left=TEXT, right=TEXT, ngram=st.integers(1, 4))
def test_shingles_are_those_of_python(left, right, ngram):
    mine, other = sets_of([left, right], ngram)
    expected, others = oracle(left, ngram), oracle(right, ngram)
    assert (len(mine), len(other)) == (len(expected), len(others))
    union = len(expected | others)
    assert jaccard(mine, other) == (len(expected & others) / union if union else 0.0)


@settings(max_examples=50, deadline=None)
@given(text=st.text(st.characters(codec="utf-8"), max_size=40))
def test_any_text_is_read_to_its_end(text):
    assert len(sets_of([text], 1)[0]) == len(oracle(text, 1))


def test_slices_and_missing_texts_are_read_in_place():
    array = pa.array(["no", "a b", None, "c d"], pa.string())
    for kind in (pa.string(), pa.large_string()):
        found = sets_of(None, 1, array=array.cast(kind).slice(1))
        assert [len(values) for values in found] == [2, 0, 2]
        assert np.array_equal(found[0], sets_of(["a b"], 1)[0])


def estimates(size, similarity, *, tries, permutations=256):
    """Shares of permutations on which two texts of ``size`` words agree."""
    rng = random.Random(size)
    texts = []
    shared = round(size * 2 * similarity / (1 + similarity))
    for _ in range(tries):
        words = [f"{rng.random()}".replace(".", "") for _ in range(2 * size)]
        texts += [" ".join(words[:size]), " ".join(words[:shared] + words[size : 2 * size - shared])]
    _, short, _ = sign(*buffers(pa.array(texts)), np.zeros(len(texts), np.uint64), (1, permutations, 32))
    return [agreeing(short[row], short[row + 1]) / permutations for row in range(0, len(texts), 2)]


@pytest.mark.parametrize("size", [5, 30, 200, 3000])
def test_signatures_estimate_the_jaccard_index(size):
    shared = round(size * 2 * 0.8 / 1.8)
    true = shared / (2 * size - shared)
    found = estimates(size, 0.8, tries=120)
    expected = true + (1 - true) / 256
    assert abs(np.mean(found) - expected) < 0.012
    assert np.std(found) < 1.25 * (true * (1 - true) / 256) ** 0.5
    assert min(found) * 256 >= least_estimate(true, 256)


def test_bands_follow_the_s_curve():
    rng = random.Random(2)
    texts = []
    for _ in range(400):
        words = [str(rng.randrange(10**9)) for _ in range(140)]
        texts += [" ".join(words[:100]), " ".join(words[:75] + words[100:125])]
    keys, _, counts = sign(*buffers(pa.array(texts)), np.zeros(len(texts), np.uint64), (1, 64, 16))
    assert counts.tolist() == [100] * len(texts)
    share = np.mean([(keys[row] == keys[row + 1]).any() for row in range(0, len(texts), 2)])
    assert abs(share - found_share(75 / 125, rows=4, bands=16)) < 0.05


def test_guards_keep_equal_texts_apart():
    keys, _, _ = sign(*buffers(pa.array(["a b c"] * 3)), np.array([0, 0, 7], np.uint64), (2, 64, 16))
    assert (keys[0] == keys[1]).all()
    assert not (keys[0] == keys[2]).any()


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        ("# GET /users/{id}.\nmore", "GET /users/{}"),
        ("Widgets\n`POST /v1/a/{b}/c`", "POST /v1/a/{}/c"),
        ('curl -X POST "$BASE_URL/v1/chat" \\', "POST /v1/chat"),
        ("POST / (X-Amz-Target: Dynamo.PutItem)", "POST / Dynamo.PutItem"),
        ("GET /a/:id/b", "GET /a/{}/b"),
        ('{"name": "put_object"}', "put_object"),
        ("# a comment\ndef put_object(bucket):", "put_object"),
        ("\n## Put Object\nWords.", "put object"),
        ("", ""),
    ],
)
def test_the_call_is_read_from_the_text(text, signature):
    assert call_signature(text) == signature
