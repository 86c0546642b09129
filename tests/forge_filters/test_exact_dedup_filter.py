import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_filters.exact_dedup import DUPLICATE, IDS_FILE, ExactDedup

FEW_TEXTS = st.lists(st.sampled_from(["", "a", "b", "a ", "é", "e\u0301", "\u200b", "日本"]), max_size=14)


@settings(max_examples=15, deadline=None)
@given(texts=FEW_TEXTS)
def test_laws(filter_laws, documents, texts):
    filter_laws(ExactDedup(), documents(texts))


@settings(max_examples=15, deadline=None)
@given(texts=FEW_TEXTS)
def test_the_smallest_id_of_each_text_stays(judged, documents, texts):
    rows = documents(texts)
    first = {text: min(row["id"] for row in rows if row["text"] == text) for text in texts}
    found = judged(ExactDedup(), rows)
    assert [keep for _, keep, _, _ in found] == [row["id"] == first[row["text"]] for row in rows]
    assert all((score, reason) == ((0.0, None) if keep else (1.0, DUPLICATE)) for _, keep, score, reason in found)


def test_any_order_and_partitioning_drops_the_same(judged, documents):
    rows = documents(["x", "y", "x", "x"])
    answers = {
        tuple(sorted(judged(ExactDedup(), order, size=size)))
        for order in itertools.permutations(rows)
        for size in ((1,) if order[0] is not rows[0] else (1, 4))
    }
    assert len(answers) == 1


def test_whitespace_counts_only_when_asked(judged, documents):
    rows = documents(["a  b\n", "a b", "a\u00a0b", "ab"])
    assert [entry[1] for entry in judged(ExactDedup(), rows)] == [True] * 4
    assert sum(entry[1] for entry in judged(ExactDedup(normalize="whitespace"), rows)) == 2


def test_ids_of_any_letters_are_told_apart(judged):
    rows = [{"id": name, "text": "same"} for name in ("é", "e", "z" * 80, "", "日本", "e ")]
    found = judged(ExactDedup(), rows)
    assert [entry[0] for entry in found if entry[1]] == [""]


def test_a_missing_text_counts_as_empty(judged):
    rows = [{"id": "1", "text": None}, {"id": "2", "text": ""}, {"id": "3", "text": "x"}]
    assert [entry[1] for entry in judged(ExactDedup(), rows)] == [True, False, True]


def test_state_is_the_sorted_ids_and_nothing_else(judged, documents, new_folder):
    from forge.steps import Context

    class Corpus:
        fingerprint = ""

        def batches(self, columns):
            yield pa.RecordBatch.from_pylist([{"id": name, "text": "t"} for name in "cab"]).select(columns)

    folder = new_folder()
    state = ExactDedup().prepare(Corpus(), Context(workspace=folder, cache=folder, scratch=folder, seed=0, http=None))
    assert state is not None
    assert np.load(state / IDS_FILE).tolist() == [b"b", b"c"]
    assert [path.name for path in folder.iterdir()] == [IDS_FILE]


def test_judging_without_state_is_refused():
    with pytest.raises(ValueError, match="state"):
        ExactDedup().judge(pa.RecordBatch.from_pydict({"id": ["a"]}), None)


def test_a_state_that_is_gone_is_no_empty_state(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        ExactDedup().judge(pa.RecordBatch.from_pydict({"id": ["a"]}), tmp_path)
