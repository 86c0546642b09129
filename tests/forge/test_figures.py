import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge import figures


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "0"),
        (999, "999"),
        (1_000, "1.00 K"),
        (12_345, "12.3 K"),
        (999_949, "1.00 M"),
        (29_412_345, "29.4 M"),
        (103_000_000_000, "103 B"),
    ],
)
def test_compact(value: int, expected: str) -> None:
    assert figures.compact(value) == expected


@given(st.integers(1_000, 10**14))
def test_compact_never_shows_a_thousand_of_a_unit(value: int) -> None:
    assert float(figures.compact(value).split()[0]) < 1000


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0, "0.00 %"), (1e-6, "< 0.01 %"), (1 / 3, "33.33 %"), (1, "100.00 %")],
)
def test_percent(share: float, expected: str) -> None:
    assert figures.percent(share) == expected


@pytest.mark.parametrize(
    ("value", "expected"), [(0.001, "0.00 pp"), (-0.001, "0.00 pp"), (0.5, "+0.50 pp"), (-2, "\N{MINUS SIGN}2.00 pp")]
)
def test_points(value: float, expected: str) -> None:
    assert figures.points(value) == expected


@pytest.mark.parametrize(("value", "expected"), [(512, "512 B"), (96_034, "96.0 kB"), (4_000_000, "4.00 MB")])
def test_size(value: int, expected: str) -> None:
    assert figures.size(value) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (184, "3 min 04 s"), (7620, "2 h 07 min")],
)
def test_duration(seconds: float, expected: str) -> None:
    assert figures.duration(seconds) == expected


@pytest.mark.parametrize(("value", "expected"), [(1.0, "1"), (1234567, "1,234,567"), (0.5, "0.5")])
def test_number(value: float, expected: str) -> None:
    assert figures.number(value) == expected
