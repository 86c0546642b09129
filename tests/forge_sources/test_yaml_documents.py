"""YAML read as JSON values, and the documents that are refused."""

import time
from contextlib import suppress

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_sources import yaml_documents
from forge_sources.yaml_documents import RefusedYaml, yaml_value


def test_plain_scalars_are_those_of_json() -> None:
    text = b"a: [1, -2, 0x1F, 1e3, .5, true, False, null, ~]\nb: [yes, on, 2024-01-31, 0123, 1_000, .nan]\n"
    assert yaml_value(text) == {
        "a": [1, -2, 31, 1000.0, 0.5, True, False, None, None],
        "b": ["yes", "on", "2024-01-31", "0123", "1_000", ".nan"],
    }


def test_keys_are_text_and_the_last_of_equal_ones_counts() -> None:
    assert yaml_value(b"200: x\nnull: y\na: 1\na: 2\n") == {"200": "x", "null": "y", "a": 2}


def test_merge_key_gives_way_to_what_is_written_out() -> None:
    text = b"base: &b {p: 1, q: 2}\nother: &o {r: 5, p: 9}\nd: {<<: [*b, *o], q: 3}\nplain: {'<<': 4}\n"
    found = yaml_value(text)
    assert found["d"] == {"q": 3, "p": 1, "r": 5}
    assert found["plain"] == {"<<": 4}


def test_numbers_beyond_64_bits_are_floats_or_text() -> None:
    assert yaml_value(b"[123456789012345678901234567890, 1e999, -9223372036854775808]") == [
        123456789012345678901234567890.0,
        "1e999",
        -(2**63),
    ]


def test_json_tags_are_honoured() -> None:
    assert yaml_value(b"[!!str 1, !!int '2', !!float 3, !!map {}]") == ["1", 2, 3.0, {}]


BOMB = b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n".encode() for n in range(1, 30)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"a: !!python/object/apply:os.system ['true']", "python/object/apply:os.system' at line 1"),
        (b"!!timestamp 2001-01-01", "none of JSON's"),
        (b"a: &a [*a]", r"\*a at line 1 stands for nothing, or for itself"),
        (b"a: *nobody", "stands for nothing"),
        (BOMB, "aliases stand for more than 1000000 nodes at line"),
        (b"[" * 100_000, "nested deeper than 200 levels at line 1"),
        (b"{a: " * 100_000, "nested deeper than 200 levels"),
        (b"- " * 100_000, "nested deeper than 200 levels"),
        (b"? " * 100_000, "a key that is no text|nested deeper"),
        (b"a: b: c", "not YAML: mapping values are not allowed"),
        (b"a: 1\n---\nb: 2\n", "second document at line 2"),
        (b"? [a, b]\n: 1", "a key that is no text"),
        (b"a: !!int x", "'x' is no int at line 1"),
        (b"<<: 3", "'<<' merges something else"),
        (b"\xff\xfe\x00", "not YAML"),
        (b'"\\ud800"', "not YAML"),
        (b"a: \x00", "not YAML"),
    ],
)
def test_what_is_no_json_value_is_refused_at_once(text: bytes, reason: str) -> None:
    begun = time.process_time()
    with pytest.raises(RefusedYaml, match=reason):
        yaml_value(text)
    assert time.process_time() - begun < 2


def test_depth_counts_through_aliases() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}]" for n in range(1, 300))]
    with pytest.raises(RefusedYaml, match="nested deeper than 200 levels at line 200"):
        yaml_value("\n".join(lines).encode())


def test_number_of_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_documents, "MOST_NODES", 1000)
    with pytest.raises(RefusedYaml, match="more than 1000 values"):
        yaml_value(b"- 1\n" * 2000)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc 1:#&*!<-", max_size=6), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(JSON_VALUES, st.booleans())
def test_what_is_written_is_read(value: object, flow: bool) -> None:
    text = yaml.dump(value, Dumper=yaml.CSafeDumper, default_flow_style=flow, allow_unicode=True)
    assert yaml_value(text.encode()) == value


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300) | st.text("ab:-*&![]{}<>?|'\"#%@ \n\t01.", max_size=200).map(str.encode))
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    with suppress(RefusedYaml):
        yaml_value(data)
