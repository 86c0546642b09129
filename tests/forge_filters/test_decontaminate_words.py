import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_filters.decontaminate_measure import escaped
from forge_filters.decontaminate_words import PIECE_BYTES, read_words, words_of

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)


def words_in(text):
    return [
        bytes(words.data[start:end]).decode()
        for words in words_of([text])
        for start, end in zip(words.starts, words.ends, strict=True)
    ]


def keys_of(text, length=1):
    return [key for words in words_of([text]) for key in words.keys(length).tolist()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("get_weather(city='Bern')", ["get", "weather", "city", "Bern"]),
        ('{"a": "x\\ny\\tz"}', ["a", "x", "y", "z"]),
        ("A\\NB", ["A", "B"]),
        ("“Straße” — naïve…\u00a0ok", ["Straße", "naïve", "ok"]),
        ("日本語、です。", ["日本語", "です"]),
        ("你好\uff0c世界\uff01再见", ["你好", "世界", "再见"]),
        ("go 🚀 now", ["go", "now"]),
        ("", []),
        ("?!", []),
    ],
)
def test_what_a_word_is(text, expected):
    assert words_in(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Größe ÉCOLE",
        "ПРИВЕТ мир",
        "ΑΒΓ δ",
        "ὁδὸς σοφός",
        "10 μF and 5 \u00b5m",
        "Zażółć GĘŚLĄ",
        "Xin chào thế giới, cảm ơn bạn",
        "\uff46\uff55\uff4c\uff4c width",
        "გამარჯობა",
    ],
)
def test_case_does_not_matter(text):
    for other in (text.upper(), text.lower(), text.title(), text.swapcase()):
        assert keys_of(other.replace("SS", "ß"), 2) == keys_of(text, 2)


def test_order_and_bounds_of_words_matter():
    assert keys_of("ab c", 2) != keys_of("a bc", 2)
    assert keys_of("a b", 2) != keys_of("b a", 2)
    assert keys_of("a a", 1) != keys_of("a a", 2)


def test_texts_that_touch_are_apart():
    batch = pa.array(["one", "two", "", "back\\", "nine", None, "x"], pa.string())
    (words,) = read_words(batch)
    assert [bytes(words.data[s:e]).decode() for s, e in zip(words.starts, words.ends, strict=True)] == [
        "one", "two", "back", "nine", "x"
    ]  # fmt: skip
    assert words.texts_at(np.arange(5)).tolist() == [0, 1, 3, 4, 6]
    assert words.bounds(2) == (2, 2)


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=6), place=st.integers(0, 5))
def test_a_text_has_the_same_words_in_any_batch(texts, place):
    place %= len(texts)
    batch = pa.array(["skipped", *texts], pa.string()).slice(1)
    (words,) = read_words(batch)
    begin, end = words.bounds(place)
    for length in (1, 2, 3):
        assert words.keys(length, begin, end).tolist() == keys_of(texts[place], length)


@settings(max_examples=200, deadline=None)
@given(text=TEXT)
def test_characters_are_those_of_the_text(text):
    for words in words_of([text]):
        for number, found in enumerate(words_in(text)):
            start, end = words.characters(0, number, number + 1)
            assert text[start:end] == found


def test_pieces_end_where_texts_end():
    texts = ["word " * (PIECE_BYTES // 10), "a b c", "word " * (PIECE_BYTES // 2), "d"]
    pieces = list(words_of(texts))
    assert [piece.first for piece in pieces] == sorted({piece.first for piece in pieces})
    assert sum(len(piece) for piece in pieces) == sum(len(text.split()) for text in texts)
    assert len(pieces) > 1


@given(text=st.text(st.characters(codec="utf-8", exclude_characters='\\"/\b\f\n\r\t\x7f', min_codepoint=32)))
def test_escaped_is_what_json_writes(text):
    import json

    assert escaped(text) == json.dumps(text)[1:-1]
