import pytest

from forge.testing import check_filter, documents
from forge_source_example.min_words import TOO_FEW_WORDS, MinWords


def test_keeps_the_rules_of_a_filter_and_the_bound_is_included() -> None:
    batch = documents("one two three", "one two", "  one\n\ttwo  three four ", "")
    verdicts = check_filter(MinWords(minimum=3), batch)
    assert verdicts.keep.to_pylist() == [True, False, True, False]
    assert verdicts.score.to_pylist() == [3, 2, 4, 0]
    assert verdicts.reason.to_pylist() == [None, TOO_FEW_WORDS, None, TOO_FEW_WORDS]


def test_minimum_of_none_keeps_everything() -> None:
    assert check_filter(MinWords(minimum=0), documents("", "a")).keep.to_pylist() == [True, True]


def test_minimum_below_none_is_refused() -> None:
    with pytest.raises(ValueError, match="give 0 or more"):
        MinWords(minimum=-1)
