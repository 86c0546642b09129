import itertools
import resource
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.canaries import PREFIX
from forge.errors import StepError, WorkspaceError
from forge.files import atomic_path
from forge.steps import EVIDENCE_FILE, Context
from forge_filters.exact_dedup import DUPLICATE, IDS_FILE, ExactDedup, save

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


class Corpus:
    """Documents in one batch."""

    fingerprint = ""

    def __init__(self, rows):
        self.rows = rows

    def batches(self, columns):
        yield pa.RecordBatch.from_pylist([{"meta": "{}", **row} for row in self.rows]).select(columns)


def prepare(step, rows, folder):
    context = Context(workspace=folder, cache=folder, scratch=folder, seed=0, http=None)
    return step.prepare(Corpus(rows), context)


@contextmanager
def largest_file(size):
    """What a process meets on a full disk: no file may grow beyond ``size`` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_state_is_the_sorted_ids_and_who_stays_for_them(tmp_path: Path):
    state = prepare(ExactDedup(), [{"id": name, "text": "t"} for name in ("c", "a", "b", f"{PREFIX}a")], tmp_path)
    assert np.load(state / IDS_FILE).tolist() == [b"b", b"c", PREFIX.encode() + b"a"]
    assert {path.name for path in tmp_path.iterdir()} == {IDS_FILE, EVIDENCE_FILE}
    assert pq.read_table(state / EVIDENCE_FILE).to_pylist() == [
        {"id": "b", "survivor": "a"},
        {"id": "c", "survivor": "a"},
    ]


@pytest.mark.parametrize("room", [0, 100, 20_000])
def test_a_full_disk_is_one_line_and_leaves_nothing(documents, tmp_path: Path, room):
    rows = documents([str(number // 2) for number in range(2000)])
    with largest_file(room), pytest.raises(WorkspaceError, match="no room on the disk"):
        prepare(ExactDedup(), rows, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_when_the_state_itself_is_written(tmp_path: Path):
    ids = np.array([b"x" * 64] * 1000)
    with largest_file(1000), pytest.raises(WorkspaceError, match="no room"), atomic_path(tmp_path / IDS_FILE) as fresh:
        save(ids, fresh)
    assert list(tmp_path.iterdir()) == []


def test_too_little_memory_is_one_line(tmp_path: Path):
    with pytest.raises(StepError, match="raise memory_mb") as caught:
        prepare(
            ExactDedup(memory_mb=1),
            [{"id": str(number), "text": str(number // 2)} for number in range(20_000)],
            tmp_path,
        )
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_judging_without_state_is_refused():
    with pytest.raises(ValueError, match="state"):
        ExactDedup().judge(pa.RecordBatch.from_pydict({"id": ["a"]}), None)


def test_a_state_that_is_gone_is_no_empty_state(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        ExactDedup().judge(pa.RecordBatch.from_pydict({"id": ["a"]}), tmp_path)
