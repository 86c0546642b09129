"""Values that are made keep their schema, say something, and are the same every time."""

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_trajectories.execution import patterns
from forge_trajectories.execution.schemas import checkable, compiled, fits, problems, validator_of
from forge_trajectories.execution.values import made_value
from forge_trajectories.picking import Picks

NAMES = st.sampled_from(
    ["id", "user_id", "userName", "email", "createdAt", "price", "lat", "tags", "x", "", "page", "Key", "phoneNumbers"]
)
FORMATS = st.sampled_from(["date-time", "date", "uuid", "email", "uri", "ipv4", "int64", "byte", "unheard-of"])


def number_schemas() -> st.SearchStrategy[dict[str, object]]:
    low = st.integers(-1_000_000, 1_000_000)
    return st.builds(
        lambda kind, low, room, step: {"type": kind, "minimum": low, "maximum": low + room, **step},
        st.sampled_from(["integer", "number"]),
        low,
        st.integers(10, 5_000),
        st.sampled_from([{}, {"multipleOf": 5}]),
    )


def text_schemas() -> st.SearchStrategy[dict[str, object]]:
    bounds = st.builds(
        lambda low, room: {"type": "string", "minLength": low, "maxLength": low + room},
        st.integers(0, 60),
        st.integers(0, 60),
    )
    return st.one_of(
        bounds,
        FORMATS.map(lambda form: {"type": "string", "format": form}),
        st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True).map(lambda each: {"enum": each}),
        st.sampled_from(["^[a-z]{3,5}$", r"\d{12}", "arn:aws:[a-z0-9]+:.+", "^(red|green)-[0-9a-f]{8}$", "[^/]+"]).map(
            lambda pattern: {"type": "string", "pattern": pattern}
        ),
    )


def schemas() -> st.SearchStrategy[dict[str, object]]:
    plain = st.one_of(number_schemas(), text_schemas(), st.just({"type": "boolean"}), st.just({}))

    def larger(inner: st.SearchStrategy[dict[str, object]]) -> st.SearchStrategy[dict[str, object]]:
        fields = st.dictionaries(st.sampled_from(["id", "name", "owner", "items", "at"]), inner, max_size=4)
        return st.one_of(
            st.builds(
                lambda fields, need: {
                    "type": "object",
                    "properties": fields,
                    "required": sorted(fields)[:need],
                    "additionalProperties": False,
                },
                fields,
                st.integers(0, 4),
            ),
            st.builds(
                lambda item, low: {"type": "array", "items": item, "minItems": low, "maxItems": low + 2},
                inner,
                st.integers(0, 3),
            ),
            st.lists(inner, min_size=1, max_size=3).map(lambda each: {"anyOf": each}),
        )

    return st.recursive(plain, larger, max_leaves=8)


@settings(max_examples=200)
@given(name=NAMES, schema=schemas(), seed=st.text(max_size=6), answer=st.booleans())
def test_values_keep_their_schema_by_the_validators_word(
    name: str, schema: dict[str, object], seed: str, answer: bool
) -> None:
    value = made_value(name, schema, Picks(seed), answer=answer)

    jsonschema_rs.validate(schema, value)
    assert made_value(name, schema, Picks(seed), answer=answer) == value


@pytest.mark.parametrize(
    ("name", "schema", "looks_like"),
    [
        ("customerEmail", {"type": "string"}, r"^[a-z]+\.[a-z]+@example\.(com|org|net)$"),
        ("start_date", {"type": "string"}, r"^20\d\d-\d\d-\d\d$"),
        ("updatedAt", {"type": "string", "format": "date-time"}, r"^20\d\d-\d\d-\d\dT\d\d:\d\d:00Z$"),
        ("phone_number", {"type": "string"}, r"^\+1555\d{7}$"),
        ("callbackUrl", {"type": "string"}, r"^https://[a-z.]*example\.(com|org|net)/"),
        ("first_name", {"type": "string"}, r"^[A-Z][a-z]+$"),
        ("clientIp", {"type": "string"}, r"^10\.\d+\.\d+\.\d+$"),
    ],
)
def test_a_name_says_what_the_value_is_like(name: str, schema: dict[str, object], looks_like: str) -> None:
    for seed in "abcdef":
        assert patterns.matches(looks_like, made_value(name, schema, Picks(seed)), whole=False)


def test_latitudes_lie_on_the_globe() -> None:
    values = [made_value("latitude", {"type": "number"}, Picks(str(seed))) for seed in range(50)]

    assert all(-90 <= value <= 90 for value in values)
    assert len(set(values)) > 30


def test_documented_examples_are_used_only_where_they_fit() -> None:
    fitting = {"type": "string", "examples": ["cus_123"]}
    unfit = {"type": "integer", "examples": ["many"], "default": "none"}

    assert "cus_123" in {made_value("customer", fitting, Picks(str(seed))) for seed in range(20)}
    assert all(isinstance(made_value("n", unfit, Picks(str(seed))), int) for seed in range(20))


def test_a_callers_object_leaves_out_what_only_servers_write() -> None:
    schema = {
        "type": "object",
        "properties": {"id": {"type": "string", "readOnly": True}, "name": {"type": "string"}},
        "required": ["id", "name"],
    }

    assert set(made_value("user", schema, Picks("a"))) == {"name"}
    assert set(made_value("user", schema, Picks("a"), answer=True)) == {"id", "name"}


@pytest.mark.parametrize(
    "pattern",
    [
        "^AC[0-9a-fA-F]{32}$", "[a-zA-Z0-9_-]{1,36}", r"^[\w\._\(\)-]+$", "^projects/[^/]+/locations/[^/]+$", ".*",
        r"(?s).*", r"s-([0-9a-f]{17})", r"^(\d{4})-(\d{2})(Z|\+00)?$", r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", r"[\S]+",
    ],
)  # fmt: skip
def test_a_text_is_made_for_a_plain_pattern(pattern: str) -> None:
    text = patterns.sample(pattern, "seed")

    assert text is not None
    assert patterns.matches(pattern, text, whole=False)


@pytest.mark.parametrize("pattern", [r"(?=a)b", r"(a)\1", "(", r"\bword", "[", "a{2"])
def test_other_patterns_are_left_alone(pattern: str) -> None:
    text = patterns.sample(pattern, "seed")

    assert text is None or patterns.matches(pattern, text, whole=False)
    compiled(checkable({"type": "string", "pattern": pattern}))


def test_lengths_are_met_by_patterns_too() -> None:
    text = patterns.sample("^mem-[a-z0-9-_]*$", "s", least=40, most=45)

    assert text is not None
    assert 40 <= len(text) <= 45


@given(st.text(max_size=20))
def test_no_pattern_breaks_the_reader(pattern: str) -> None:
    patterns.sample(pattern, "s")
    compiled(checkable({"pattern": pattern}))


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "properties", "items", "required", "enum", "minimum", "maxLength", "anyOf", "format"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


def test_a_number_beyond_64_bits_in_a_schema_is_no_error() -> None:
    assert fits(5, {"type": "integer", "maximum": 2**80})
    assert not fits("5", {"type": "integer", "minimum": -(2**80)})


@given(schema=st.dictionaries(st.sampled_from(["type", "properties", "items", "required", "oneOf", "pattern"]), ODD))
def test_schemas_of_any_shape_compile_and_give_a_value(schema: dict[str, object]) -> None:
    compiled(checkable(schema))
    made_value("x", schema, Picks("s"))


def test_problems_name_their_field() -> None:
    validator = validator_of(
        {
            "type": "object",
            "properties": {"to": {"type": "string"}, "address": {"type": "object", "required": ["zip"]}},
            "required": ["to"],
        }
    )
    found = problems(validator, {"address": {}, "cc": 1})

    assert {(problem.field, problem.rule) for problem in found} == {
        ("to", "required"),
        ("address.zip", "required"),
        ("cc", "unknown"),
    }
    assert problems(validator, {"to": "me"}) == []


def test_only_certain_formats_are_held_against_a_value() -> None:
    assert not fits("tomorrow", {"type": "string", "format": "date"})
    assert fits("/relative", {"type": "string", "format": "uri"})
