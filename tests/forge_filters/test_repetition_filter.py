import random
import re
import string
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.testing import check_filter, documents
from forge_filters.repetition import LIMITS, Repetition
from forge_filters.repetition_counts import RULES, fractions

PROSE = " ".join("".join(random.Random(number).choices(string.ascii_lowercase, k=6)) for number in range(400))
RULE = {rule: number for number, rule in enumerate(LIMITS)}


def plain(text: str) -> list[float]:
    """The fractions as their definition reads, one text and one n at a time."""
    found = []
    for parts in (text.split("\n"), re.split(r"\n[ \t\r]*\n\s*", text)):
        pieces = [part.strip() for part in parts if part.strip()]
        again = [piece for number, piece in enumerate(pieces) if piece in pieces[:number]]
        found.append(len(again) / len(pieces) if pieces else 0.0)
        found.append(sum(map(len, again)) / sum(map(len, pieces)) if pieces else 0.0)
    found = [found[0], found[2], found[1], found[3]]
    words = text.split()
    total = sum(map(len, words)) or 1
    for n in range(2, 11):
        grams = [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
        if n < 5:
            counts = Counter(grams)
            most = max(counts.values(), default=0)
            longest = max((len("".join(gram)) for gram in counts if counts[gram] == most), default=0)
            found.append(min(1.0, most * longest / total) if most > 1 else 0.0)
        else:
            inside = {start + step for start, gram in enumerate(grams) if gram in grams[:start] for step in range(n)}
            found.append(sum(len(words[place]) for place in inside) / total)
    return found


TEXT = st.lists(st.sampled_from(["a", "bb", "ccc", " ", "\n", "\n\n", "é", "日本 "]), max_size=60).map(
    lambda parts: " ".join(parts).replace(" \n ", "\n")
)


@settings(max_examples=80, deadline=None)
@given(texts=st.lists(TEXT, max_size=5))
def test_fractions_are_those_of_the_definition(texts):
    found = fractions(pa.array(texts, pa.string()))
    assert found.shape == (len(texts), RULES)
    np.testing.assert_allclose(found, np.array([plain(text) for text in texts]).reshape(-1, RULES), atol=1e-12)


def judge(*texts: str | None, domain: str = "text", **options):
    batch = pa.RecordBatch.from_pydict({"text": pa.array(texts, pa.string()), "domain": [domain] * len(texts)})
    return Repetition(**options).judge(batch, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\n".join(["the same line of some words"] * 20), "duplicate lines"),
        (PROSE, None),
        ("", None),
        ("four words, no more", None),
        (PROSE + " buy now" * 200, "top 2-gram"),
        (PROSE[:1400] + " " + PROSE[:1400], "duplicate 10-grams"),
    ],
)
def test_what_goes_and_why(text, reason):
    found = judge(text)
    if reason in ("duplicate lines", "duplicate 10-grams"):
        assert found.reason[0].as_py() in LIMITS
    elif reason == "top 2-gram":
        assert found.reason[0].as_py() is not None
    else:
        assert found.reason[0].as_py() is None


def test_the_reason_is_the_rule_that_is_broken_worst():
    lines = "\n".join(f"{line}\n{'xy ' + str(number)}" for number, line in enumerate(["same"] * 30))
    found = judge(lines)
    ratios = np.array(plain(lines)) / np.array(list(LIMITS.values()))
    assert found.reason.to_pylist() == [list(LIMITS)[int(np.argmax(np.floor(ratios * 1e4 + 1e-6)))]]
    assert found.score[0].as_py() == pytest.approx(ratios.max(), abs=2e-4)


def test_a_fraction_at_its_limit_stays():
    text = "\n".join([f"{PROSE[number * 14 : number * 14 + 13]}" for number in range(7)] + ["q"] * 4)
    limit = {"duplicate lines": 3 / 11}
    assert judge(text, limits=limit).keep.to_pylist() == [True]
    assert judge(text, limits={"duplicate lines": 3 / 11 - 1e-3}).reason.to_pylist() == ["duplicate lines"]


def test_a_moved_threshold_changes_no_score():
    batch = pa.RecordBatch.from_pydict({"text": [PROSE, "a b " * 50], "domain": ["text"] * 2})
    assert Repetition().score(batch, None).equals(Repetition(max_ratio=9.0).score(batch, None))
    assert judge("a b " * 50, max_ratio=100.0).keep.to_pylist() == [True]


def test_other_domains_and_missing_texts_stay():
    assert judge("a b " * 50, None, domain="code").keep.to_pylist() == [True, True]
    assert judge(None).keep.to_pylist() == [True]
    assert judge("a b " * 50, domain="code", domains=["code"]).keep.to_pylist() == [False]


def test_contract():
    texts = [PROSE, "a b " * 50, "", "same\n" * 30, "x y z\n\n" * 9, PROSE + "\n" + PROSE]
    for step in (Repetition(), Repetition(max_ratio=3.0), Repetition(limits={"duplicate lines": 0.9})):
        check_filter(step, documents(*texts))


@pytest.mark.parametrize("limits", [{"lines": 0.2}, {"duplicate lines": 0.0}, {"duplicate lines": 1.5}])
def test_limits_are_checked(limits):
    with pytest.raises(ValueError, match=r"rule|fraction"):
        Repetition(limits=limits)
