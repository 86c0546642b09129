"""Cutting a text at its loss spans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.engine.tokens import cut
from forge.errors import StepError


@given(st.text(max_size=80), st.lists(st.integers(0, 80), max_size=8))
def test_pieces_join_to_the_text_and_marked_ones_to_the_spans(text: str, borders: list[int]) -> None:
    points = sorted(min(border, len(text)) for border in borders)
    spans = list(zip(points[::2], points[1::2], strict=False))
    pieces = cut(text, spans)
    assert "".join(piece for piece, _ in pieces) == text
    assert "".join(piece for piece, loss in pieces if loss) == "".join(text[start:end] for start, end in spans)


def test_without_spans_the_loss_is_everywhere() -> None:
    assert cut("abc", None) == [("abc", True)]


@pytest.mark.parametrize("spans", [[(2, 1)], [(0, 9)], [(1, 3), (2, 4)], [(-1, 1)]])
def test_spans_that_do_not_fit_are_refused(spans: list[tuple[int, int]]) -> None:
    with pytest.raises(StepError, match="loss span"):
        cut("abcde", spans)
