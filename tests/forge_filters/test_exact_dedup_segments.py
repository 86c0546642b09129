import random
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.records import to_json
from forge.steps import Context
from forge.testing import check_filter, documents
from forge_filters.exact_dedup import REPEATS, ExactDedup

LONG = "A sentence that stands in many documents, and is long enough to be cut from all but one of them."
PIECES = ["alpha one", "beta two", "gamma  three", "gamma three", "é日本", "x", ""]
ENDS = ["\n", "\n\n", "\n \n", "\r\n", "\n\n\n"]


def rows_of(*texts, domain="text", meta=None):
    return [
        {"id": f"{place:03}", "text": text, "domain": domain, "meta": meta or "{}"} for place, text in enumerate(texts)
    ]


class Batches:
    fingerprint = ""

    def __init__(self, rows, size):
        self.rows, self.size = rows, size

    def batches(self, columns):
        for start in range(0, len(self.rows), self.size):
            yield pa.RecordBatch.from_pylist(self.rows[start : start + self.size]).select(list(columns))


def filtered(step, rows, folder, *, size=3):
    """(text or None if dropped, reason, changes) by id."""
    folder.mkdir(exist_ok=True)
    context = Context(workspace=folder, cache=folder, scratch=folder, seed=0, http=None)
    state = step.prepare(Batches(rows, size), context)
    found = {}
    for batch in Batches(rows, size).batches(step.columns):
        verdicts = step.judge(batch, state)
        columns = (verdicts.keep, verdicts.text, verdicts.reason, verdicts.changes)
        for row, (keep, text, reason, changes) in zip(
            batch.to_pylist(), zip(*(column.to_pylist() for column in columns), strict=True), strict=True
        ):
            left = row["text"] if text is None else text
            found[row["id"]] = (left if keep else None, reason, changes)
    return found


def lines_of(text):
    return [" ".join(line.split()) for line in text.split("\n")]


def paragraphs_of(text):
    found, current = [], []
    for line in [*text.split("\n"), ""]:
        if line.strip(" \t\r\v\f"):
            current.append(line)
        elif current:
            found.append(" ".join(" ".join(current).split()))
            current = []
    return found


def segments_of(level, text, min_chars):
    return [part for part in (lines_of if level == "line" else paragraphs_of)(text) if len(part) >= min_chars]


TEXT = st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(ENDS)), max_size=5).map(
    lambda parts: "".join(piece + end for piece, end in parts)
)


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=6), level=st.sampled_from(["line", "paragraph"]))
def test_each_segment_stays_in_the_first_document_that_has_it(tmp_path_factory, texts, level):
    step = ExactDedup(level=level, min_chars=3, min_left=0)
    found = filtered(step, rows_of(*texts), tmp_path_factory.mktemp("s"))
    seen = set()
    for name, text in enumerate(texts):
        mine = segments_of(level, text, 3)
        left = segments_of(level, found[f"{name:03}"][0], 3)
        assert left == [segment for segment in mine if segment not in seen]
        seen.update(mine)


@settings(max_examples=15, deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=6), level=st.sampled_from(["line", "paragraph"]))
def test_it_keeps_the_contract(texts, level):
    check_filter(ExactDedup(level=level, min_chars=3, min_left=4), documents(*texts))


@pytest.mark.parametrize("level", ["line", "paragraph"])
def test_order_and_partitioning_change_nothing_and_twice_is_once(tmp_path: Path, level):
    rng = random.Random(1)
    texts = ["\n\n".join(f"{rng.choice('abcdefgh') * 9} {rng.choice('ab')}" for _ in range(6)) for _ in range(40)]
    rows, step = rows_of(*texts), ExactDedup(level=level, min_chars=5, min_left=5)
    first = filtered(step, rows, tmp_path / "1")
    for number, size in enumerate((1, 7, 100), 2):
        assert filtered(step, rng.sample(rows, len(rows)), tmp_path / str(number), size=size) == first
    left = [{**row, "text": first[row["id"]][0]} for row in rows if first[row["id"]][0] is not None]
    again = filtered(step, left, tmp_path / "again")
    assert {name: text for name, (text, _, _) in again.items()} == {row["id"]: row["text"] for row in left}


def test_what_is_left_keeps_its_shape(tmp_path: Path):
    rows = rows_of(f"One.\n\n{LONG}\n\n\nTwo.\n", f"  Three.\n\n{LONG}\n \nFour.\n\n{LONG}")
    found = filtered(ExactDedup(level="paragraph", min_left=1), rows, tmp_path)
    assert found["000"] == (rows[0]["text"], None, None)
    assert found["001"] == ("  Three.\n\nFour.", None, "paragraph 2")


def test_a_document_of_nothing_else_is_dropped_and_its_owner_is_not(tmp_path: Path):
    rows = rows_of(LONG, f"{LONG}\n\nToo little.", f"{LONG}\n\n{'x' * 99}", f"{LONG}\n\n{'y' * 100}")
    found = filtered(ExactDedup(level="paragraph"), rows, tmp_path)
    assert [found[f"00{number}"][1] for number in range(4)] == [None, REPEATS, REPEATS, None]


def test_a_document_that_keeps_something_for_others_is_not_dropped(tmp_path: Path):
    other = LONG.replace("many", "some")
    rows = rows_of(LONG, f"{LONG}\n\n{other}", other)
    found = filtered(ExactDedup(level="paragraph", min_left=500), rows, tmp_path)
    assert [found[f"00{number}"][0] for number in range(3)] == [LONG, other, None]


def test_short_segments_and_other_domains_are_left_alone(tmp_path: Path):
    short = rows_of("x" * 79, "x" * 79)
    assert all(left for left, _, _ in filtered(ExactDedup(level="line"), short, tmp_path / "1").values())
    code = rows_of(LONG, LONG, domain="code")
    assert all(left for left, _, _ in filtered(ExactDedup(level="line"), code, tmp_path / "2").values())
    step = ExactDedup(level="line", domains=["code"])
    assert [left for left, _, _ in filtered(step, code, tmp_path / "3").values()] == [LONG, None]


def test_a_document_keeps_its_own_repeats(tmp_path: Path):
    rows = rows_of(f"{LONG}\n{LONG}")
    assert filtered(ExactDedup(level="line"), rows, tmp_path)["000"] == (f"{LONG}\n{LONG}", None, None)


@pytest.mark.parametrize("level", ["document", "line", "paragraph"])
def test_the_best_keeps(tmp_path: Path, level):
    rows = rows_of(LONG, LONG, LONG)
    rows[1]["meta"] = to_json({"stars": 3})
    step = ExactDedup(level=level, quality="stars")
    folder = tmp_path / level
    folder.mkdir()
    context = Context(workspace=folder, cache=folder, scratch=folder, seed=0, http=None)
    state = step.prepare(Batches(rows, 2), context)
    verdicts = step.judge(pa.RecordBatch.from_pylist(rows).select(list(step.columns)), state)
    assert verdicts.keep.to_pylist() == [False, True, False]


def test_only_levels_that_cut_read_and_replace_the_text():
    assert (ExactDedup().columns, ExactDedup().rewrites) == (("id",), False)
    assert (ExactDedup(level="line").columns, ExactDedup(level="line").rewrites) == (("id", "text", "domain"), True)


def test_cutting_empty_lines_is_refused():
    with pytest.raises(ValueError, match="min_chars"):
        ExactDedup(min_chars=0)
