import dataclasses

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.options import key_options
from forge_filters.length import TOO_LONG, TOO_SHORT, Length

TEXTS = st.lists(st.text(st.characters(codec="utf-8"), max_size=12), max_size=20)


@settings(max_examples=40, deadline=None)
@given(texts=TEXTS, bounds=st.tuples(st.integers(0, 12), st.integers(0, 12)).map(sorted))
def test_laws(filter_laws, documents, texts, bounds):
    filter_laws(Length(min_chars=bounds[0], max_chars=bounds[1]), documents(texts))


@settings(max_examples=40, deadline=None)
@given(texts=TEXTS)
def test_it_counts_code_points_as_python_does(judged, documents, texts):
    found = judged(Length(min_chars=3, max_chars=8), documents(texts))
    assert [(score, keep) for _, keep, score, _ in found] == [(len(text), 3 <= len(text) <= 8) for text in texts]


def test_characters_are_not_bytes(judged, documents):
    found = judged(Length(min_chars=3, max_chars=3), documents(["日本語", "e\u0301a", "🙂🙂🙂", "ab", "abcd"]))
    assert [entry[1:] for entry in found] == [
        (True, 3.0, None),
        (True, 3.0, None),
        (True, 3.0, None),
        (False, 2.0, TOO_SHORT),
        (False, 4.0, TOO_LONG),
    ]


def test_a_missing_text_is_too_short():
    batch = pa.RecordBatch.from_pydict({"text": pa.array([None, "x" * 200], pa.string())})
    verdicts = Length().judge(batch, None)
    assert verdicts.keep.to_pylist() == [False, True]
    assert verdicts.score.to_pylist() == [0.0, 200.0]


def test_bounds_that_leave_nothing_are_refused():
    with pytest.raises(ValueError, match="nothing would stay"):
        Length(min_chars=10, max_chars=9)


def test_both_bounds_are_thresholds():
    assert key_options(Length(min_chars=5), thresholds=False) == {}
    assert len(dataclasses.fields(Length)) == 2
