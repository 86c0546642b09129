import re

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.records import to_json
from forge.testing import check_filter, documents
from forge_filters.pii import Pii
from forge_filters.pii_numbers import is_card, is_iban, passes_luhn

PLANTED = {
    "email": ["anna.berg@posteo.de", "x+tag@cs.uni-bonn.de", "P@draigbrady.com", "o_k-1@mail.co.uk"],
    "ip": ["93.184.216.34", "185.199.108.153", "2a01:4f8:c2c:123f::1"],
    "phone": ["+44 20 8366 1177", "(415) 867-5309", "617-542-5942", "+491714459032", "+33 1 42 68 53 00"],
    "card": ["4539 1488 0343 6467", "card 4539148803436467"],
    "iban": ["DE75512108001245126199", "DE75 5121 0800 1245 1261 99"],
}
SHOWN = [
    "someone@example.com",
    "bob@mail.example.org",
    "you@yourcompany.com",
    "git@github.com:org/repo.git",
    "noreply@github.com",
    "icon@2x.png",
    "getty@tty1.service",
    "weights@np.array",
    "192.0.2.17 and 198.51.100.7 and 203.0.113.9",
    "127.0.0.1, 10.1.2.3, 192.168.1.1, 172.16.0.1, 255.255.255.0",
    "8.8.8.8",
    "2001:db8::1",
    "version 45.10.0.1",
    "libfoo (>= 45.1.2.3)",
    "linux 5.10.0.14 came out",
    "section 93.2.8.1",
    'STREET_ADDRESS = ObjectIdentifier("2.5.4.9")',
    "45.55.0.0/16",
    "212-555-0143",
    "(415) 555-2671",
    "+1 555 867 5309",
    "+15551234567",
    "+44 7700 900123",
    "4242 4242 4242 4242",
    "card 4111111111111111",
    "4539148803436467",
    "4539 1488 0343 6468",
    "GB82 WEST 1234 5698 7654 32",
    "DE76512108001245126199",
    "2024-01-02T10:11:12+00:00",
    "1234567890123456",
    "std::chrono::hours",
    "someuser@gmail.com",
    "a@b.com",
    "2248 2249 2250 2251",
]


def judge(*texts: str, meta: str = "{}", **options):
    batch = pa.RecordBatch.from_pydict({"text": list(texts), "meta": [meta] * len(texts)})
    return Pii(**options).judge(batch, None)


@pytest.mark.parametrize(("kind", "value"), [(kind, value) for kind, values in PLANTED.items() for value in values])
@pytest.mark.parametrize("around", ["{}", "see {}.", "<{}>", '{{"a": "{}"}}', "one\n{}\ntwo", "a\\n{}\\nb", "({})"])
def test_planted_values_are_found(kind, value, around):
    found = judge(around.format(value))
    assert found.changes.to_pylist() == [f"{kind} 1"]
    assert value.removeprefix("card ") not in found.text[0].as_py()


@pytest.mark.parametrize(
    "before", ["nameserver ", "server ", "Server: ", "server=", "The web server (", "driver: ", "prev ", "host "]
)
def test_addresses_behind_words_that_only_end_like_version(before):
    assert judge(f"{before}81.36.118.142:8080;").changes.to_pylist() == ["ip 1"]


@pytest.mark.parametrize("before", ["ver ", "Rev ", "version: ", "driver version "])
def test_versions_are_no_addresses(before):
    assert judge(f"{before}81.36.118.142").changes.to_pylist() == [None]


@pytest.mark.parametrize("text", SHOWN)
def test_what_documentation_makes_up_stays(text):
    found = judge(text, f"say {text}, then")
    assert found.text.to_pylist() == [None, None]
    assert found.score.to_pylist() == [0.0, 0.0]


def test_one_value_has_one_placeholder_and_numbers_begin_anew_in_each_document():
    first = "bob@posteo.de, ann@posteo.de, Bob@Posteo.de"
    found = judge(first, "ann@posteo.de")
    assert found.text.to_pylist() == ["[EMAIL_1], [EMAIL_2], [EMAIL_1]", "[EMAIL_1]"]
    assert found.changes.to_pylist() == ["email 3", "email 1"]


def test_a_value_in_other_spellings_is_the_same_value():
    text = "DE75512108001245126199 = DE75 5121 0800 1245 1261 99; +44 20 8366 1177 = +442083661177"
    assert judge(text).text[0].as_py() == "[IBAN_1] = [IBAN_1]; [PHONE_1] = [PHONE_1]"


def test_numbers_that_the_text_has_are_not_given_again():
    assert judge("[EMAIL_3] wrote to ann@posteo.de").text[0].as_py() == "[EMAIL_3] wrote to [EMAIL_4]"


def test_loss_spans_keep_their_places():
    text = (
        'User: I am ann@posteo.de\nAssistant:\n{"name":"mail","arguments":{"to":"ann@posteo.de","ip":"93.184.216.34"}}'
    )
    start = text.index("{")
    found = judge(text, meta=to_json({"loss_spans": [[start, len(text)]]})).text[0].as_py()
    assert len(found) == len(text)
    assert found[start:] == '{"name":"mail","arguments":{"to":"[EMAIL_1____]","ip":"[IP_1_______]"}}'


def test_short_values_of_dialogues_keep_their_length_and_differ():
    found = judge("a@b.de c@d.de +4930901820", meta='{"loss_spans":[[0,3]]}').text[0].as_py()
    assert found == "[E1__] [E2__] [PHONE_1__]"


def test_only_the_kinds_asked_for():
    text = "ann@posteo.de 93.184.216.34"
    assert judge(text, kinds=["ip"]).text[0].as_py() == "ann@posteo.de [IP_1]"


def test_dropping():
    texts = ["93.184.216.34", "nothing", "ann@posteo.de bob@posteo.de"]
    found = judge(*texts, action="drop")
    assert found.reason.to_pylist() == ["ip", None, "email"]
    assert found.text.null_count == 3
    above = judge(*texts, drop_above=1)
    assert above.reason.to_pylist() == [None, None, "email"]
    assert above.text.to_pylist() == ["[IP_1]", None, None]


def test_missing_texts_and_meta():
    batch = pa.RecordBatch.from_pydict(
        {"text": pa.array([None, "ann@posteo.de"], pa.string()), "meta": pa.array([None, None], pa.string())}
    )
    assert Pii().judge(batch, None).text.to_pylist() == [None, "[EMAIL_1]"]


def test_a_slice_of_a_batch_is_judged_as_the_batch():
    texts = ["x", "ann@posteo.de\nbob@posteo.de", "", "93.184.216.34", "y"]
    batch = pa.RecordBatch.from_pydict({"text": texts, "meta": ["{}"] * 5})
    assert Pii().judge(batch.slice(1, 3), None).text.to_pylist() == Pii().judge(batch, None).text.to_pylist()[1:4]


def test_a_line_of_a_million_letters_takes_no_day():
    found = judge("a" * 1_000_000 + " ann@posteo.de " + "1." * 100_000 + "+1" * 50_000)
    assert found.changes.to_pylist() == ["email 1"]


def test_contract():
    texts = [value for values in PLANTED.values() for value in values]
    for step in (Pii(), Pii(action="drop"), Pii(drop_above=1)):
        check_filter(step, documents(*texts, *SHOWN, " ".join(texts), "[EMAIL_9] ann@posteo.de"))


WORDS = st.lists(
    st.one_of(
        st.sampled_from([value for values in PLANTED.values() for value in values] + SHOWN + ["[EMAIL_2]", "[IP_1]"]),
        st.sampled_from(["\n", ' "', '"', ',"', "@", "+", "-", ".", "x", "1", "\\n", "://", "ü"]),
    ),
    max_size=9,
)


@settings(max_examples=60, deadline=None)
@given(words=WORDS, glue=st.sampled_from(["", " "]), fixed=st.booleans())
def test_judged_again_nothing_changes(words, glue, fixed):
    meta = '{"loss_spans":[]}' if fixed else "{}"
    text = glue.join(words)
    new = judge(text, meta=meta).text[0].as_py()
    if new is not None:
        assert judge(new, meta=meta).text[0].as_py() is None
        assert not fixed or len(new) == len(text)


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_without_a_digit_or_an_at_sign_stays(text):
    assert judge(re.sub(r"[\d@]", "", text)).text.to_pylist() == [None]


@given(st.integers(10**15, 10**16 - 1))
def test_luhn_finds_any_one_wrong_digit(number):
    digits = str(number)
    right = next(digits + str(last) for last in range(10) if passes_luhn(digits + str(last)))
    wrong = right[:4] + str((int(right[4]) + 3) % 10) + right[5:]
    assert not passes_luhn(wrong)


def test_check_digits():
    assert is_card("4539148803436467")
    assert not is_card("4539148803436468")
    assert is_iban("DE75512108001245126199")
    assert not is_iban("DE75512108001245126198")
    assert not is_iban("XX75512108001245126199")


@pytest.mark.parametrize("options", [{"kinds": []}, {"drop_above": -1}])
def test_options_are_checked(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        Pii(**options)
