"""Markup reduced to plain text."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_sources.markup import clip, lead_with, plain


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("nothing to do", "nothing to do"),
        ("<p>One.</p> <p>Two &amp; <b>three</b>.</p>", "One.\nTwo & three."),
        ("<ul> <li> <p>a</p> </li> <li>b</li> </ul>", "- a\n- b"),
        ("the <bucket-name> of a < b > c", "the <bucket-name> of a < b > c"),
        ("tag:&lt;key&gt;", "tag:<key>"),
        ("see [the docs](https://example.org/a_b) now", "see the docs now"),
        ('[t](https://e "title") and ![i](x.png)', "t and i"),
        ("**bold** and __init__.py and 2**3**4", "bold and __init__.py and 2**3**4"),
        ("a\u00a0 b\r\n\r\n\r\n c\t", "a b\nc"),
        ("<script>alert(1)</script>x<!-- hidden -->y", "x y"),
        ("<table><tr><td>a</td><td>b</td></tr></table>", "a b"),
        ("<p", "<p"),
        ("&#xD800;&bogus;", "\ufffd&bogus;"),
    ],
)
def test_plain(raw: str, text: str) -> None:
    assert plain(raw) == text


@given(st.text(alphabet="<>p/b &;[](*_ \nlia!-", max_size=300))
def test_plain_settles_blanks(raw: str) -> None:
    text = plain(raw)
    assert text == text.strip()
    assert "  " not in text
    assert "\n\n" not in text


@pytest.mark.parametrize("piece", ["<p ", "<!--", "[a](", "**a", "<script>", "&amp", "[[", "__a ", "<li> <p "])
def test_plain_is_quick_on_hostile_text(piece: str) -> None:
    begin = time.process_time()
    plain(piece * 100_000)
    assert time.process_time() - begin < 30  # quadratic growth would take hours


def test_clip_ends_after_a_sentence_or_a_word() -> None:
    assert clip("short", 10) == "short"
    assert clip("One two three. Four five six seven.", 20) == "One two three."
    assert clip("a word and another word that goes on", 20) == "a word and another…"
    assert clip("x" * 50, 10) == "x" * 9 + "…"


@given(st.text(max_size=200), st.integers(2, 100))
def test_clip_keeps_to_its_limit(text: str, limit: int) -> None:
    assert len(clip(text, limit)) <= limit


@pytest.mark.parametrize(
    ("summary", "description", "text"),
    [
        ("List pets", "", "List pets"),
        ("", "Lists all pets.", "Lists all pets."),
        ("List pets", "List pets. Needs a key.", "List pets. Needs a key."),
        ("List pets", "Needs a key.", "List pets.\nNeeds a key."),
        ("List pets by owner", "List pets", "List pets by owner"),
    ],
)
def test_summary_leads_where_it_says_more(summary: str, description: str, text: str) -> None:
    assert lead_with(summary, description) == text
