"""Renderer api-text: every form reads, parses and stays in bounds, whatever the record."""

import ast
import json
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge.records import ApiRecord, Document, to_row
from forge_trajectories.api_text import FORMS, ApiText, structure_of

PARAMETERS = {
    "type": "object",
    "required": ["city"],
    "properties": {
        "city": {"type": "string", "x-in": "path", "description": "Name of the city"},
        "units": {"type": "string", "enum": ["metric", "imperial"], "default": "metric", "x-in": "query"},
        "class": {
            "type": ["integer", "null"],
            "x-in": "query",
            "x-name": "cls",
            "description": 'A "quoted" | piped \\ text',
        },
    },
}


def weather(**changes: Any) -> ApiRecord:
    values: dict[str, Any] = {
        "provider": "weather.example",
        "service": "forecasts",
        "name": "getForecast",
        "kind": "rest",
        "method": "GET",
        "path": "/forecast/{city}",
        "description": "Returns the forecast of a city. It covers five days.",
        "parameters": PARAMETERS,
        "returns": {"type": "object", "properties": {"celsius": {"type": "number", "description": "Temperature"}}},
        "examples": [{"arguments": {"city": "Oslo"}, "result": {"celsius": -3.5}}],
        "errors": [{"code": "404", "description": "No such city."}],
        "auth": ["apiKey"],
        "license": "MIT",
        "source": "test",
        "url": "https://weather.example/docs",
    }
    return ApiRecord(**(values | changes))


def rendered(record: ApiRecord, **options: Any) -> Document:
    (document,) = ApiText(**options).render(record)
    return document


def in_form(form: str, **changes: Any) -> str:
    """The text of a record whose id leads to ``form``."""
    for number in range(1_000):
        document = rendered(weather(id=f"{number:032x}", **changes))
        if document.meta["form"] == form:
            return document.text
    raise AssertionError(f"no id leads to {form}")


def test_document_carries_provenance() -> None:
    record = weather()
    document = rendered(record)
    assert (document.domain, document.kind, document.source) == ("agent", "api_doc", "api-text")
    assert (document.license, document.url, document.meta["api"]) == ("MIT", "https://weather.example/docs", record.id)


@pytest.mark.parametrize("form", FORMS)
def test_each_form_says_what_is_documented(form: str) -> None:
    text = in_form(form)
    for fact in ("city", "units", "forecast of a city", "No such city", "API key", "celsius"):
        assert fact in text


def test_same_record_same_text() -> None:
    assert to_row(rendered(weather())) == to_row(rendered(weather()))


def test_no_form_dominates() -> None:
    found = Counter(rendered(weather(name=f"operation{number}")).meta["form"] for number in range(1_000))
    assert set(found) == set(FORMS)
    assert all(120 <= count <= 280 for count in found.values()), found


def test_wordings_vary_within_a_form() -> None:
    texts = [rendered(weather(id=str(number))) for number in range(300)]
    for form in FORMS:
        same_form = [document.text for document in texts if document.meta["form"] == form]
        assert len(set(same_form)) > len(same_form) * 0.8


def test_python_form_is_python() -> None:
    function = ast.parse(in_form("python")).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert function.name == "get_forecast"
    assert [argument.arg for argument in function.args.args] == ["city"]
    assert [argument.arg for argument in function.args.kwonlyargs] == ["units", "class_"]
    assert 'A "quoted" | piped \\ text' in " ".join(str(ast.get_docstring(function)).split())


def schema_in(text: str) -> dict[str, Any]:
    """The tool described in a page; a brace at the beginning of a line may also be a name's own."""
    for start in re.finditer(r"^\{", text, re.MULTILINE):
        try:
            found, _ = json.JSONDecoder().raw_decode(text, start.start())
        except json.JSONDecodeError:
            continue
        tool = found.get("function", found)
        for key in ("parameters", "input_schema", "inputSchema"):
            if key in tool:
                return {**tool, "parameters": tool[key]}
    raise AssertionError(f"no tool in {text!r}")


def test_schema_form_holds_the_parameters_without_provenance() -> None:
    tool = schema_in(in_form("schema"))
    assert tool["name"] == "getForecast"
    assert tool["parameters"]["required"] == ["city"]
    assert tool["parameters"]["properties"]["units"] == {
        "type": "string",
        "enum": ["metric", "imperial"],
        "default": "metric",
    }


def test_markdown_table_keeps_its_columns() -> None:
    rows = [line for line in in_form("markdown").splitlines() if line.startswith("|")]
    assert len(rows) == 5
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_aws_target_is_a_header_not_a_path() -> None:
    text = in_form("manual", method="POST", path="/#X-Amz-Target=Logs.Put")
    assert "POST / (X-Amz-Target: Logs.Put)" in text


@pytest.mark.parametrize("form", FORMS)
def test_many_parameters_are_cut_and_the_cut_is_said(form: str) -> None:
    many = {f"option_{number:03}": {"type": "string", "description": "Words. " * 30} for number in range(200)}
    text = in_form(form, parameters={"type": "object", "properties": many}, description="Long text. " * 2_000)
    assert len(text) <= 6_000
    assert "option_000" in text
    left = re.search(r"(?:\.\.\. and|and) (\d+) more|not shown:|Left out|leaves out", text)
    assert left is not None
    if form in ("manual", "markdown"):
        assert int(left[1]) == 200 - len(set(re.findall(r"option_\d+", text)))
    if form == "schema":
        schema_in(text)
    if form == "python":
        ast.parse(text)


def test_too_small_a_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="max_chars = 10"):
        ApiText(max_chars=10)


TEXTS = st.text(max_size=80) | st.sampled_from(
    ['"""', "\\", "'''\n", "<|endoftext|>", "```", "{}", "{0}", "%s", "|", "\x00\x07", "\u2028", "ß" * 500, "a" * 9_000]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
KEYS = (
    "type",
    "properties",
    "items",
    "required",
    "enum",
    "default",
    "description",
    "anyOf",
    "x-in",
    "x-name",
    "minimum",
)
SCHEMAS = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=6)
OBJECTS = st.fixed_dictionaries(
    {"properties": st.dictionaries(TEXTS, SCHEMAS | JSON, max_size=5)}, optional={"required": JSON}
)
EXAMPLES = st.lists(st.dictionaries(st.sampled_from(("arguments", "result")), JSON, max_size=2) | JSON, max_size=3)
ODD_RECORDS = st.builds(
    ApiRecord,
    provider=TEXTS,
    service=TEXTS,
    name=TEXTS,
    kind=st.sampled_from(("rest", "python", "cli")),
    method=TEXTS | st.just("GET"),
    path=TEXTS | st.just("/a/{b}"),
    description=TEXTS,
    parameters=OBJECTS | SCHEMAS,
    returns=st.none() | SCHEMAS | OBJECTS,
    examples=EXAMPLES,
    errors=st.lists(st.dictionaries(st.sampled_from(("code", "description")), JSON, max_size=2), max_size=3),
    auth=st.lists(TEXTS, max_size=3),
    source=st.just("test"),
    id=st.uuids().map(str),
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(record=ODD_RECORDS, max_chars=st.sampled_from([1_000, 6_000]))
def test_odd_records_never_raise(record: ApiRecord, max_chars: int) -> None:
    document = rendered(record, max_chars=max_chars)
    assert len(document.text) <= max_chars
    document.text.encode()
    if document.meta["form"] == "python" and len(document.text) < max_chars - 2:
        ast.parse(document.text)
    if document.meta["form"] == "schema" and len(document.text) < max_chars - 2:
        schema_in(document.text)


def test_empty_record_renders() -> None:
    record = ApiRecord(provider="", service="", name="", kind="rest", source="test")
    assert rendered(record).text


def test_the_structure_tells_calls_apart_and_not_their_words() -> None:
    def structure(**changes: Any) -> str:
        facts: dict[str, Any] = {
            "provider": "a.example",
            "service": "s",
            "name": "getThing",
            "kind": "rest",
            "method": "GET",
            "path": "/things/{id}",
            "parameters": {"type": "object", "properties": {"id": {"type": "string", "x-in": "path"}}},
            "source": "t",
        }
        return structure_of(ApiRecord(**{**facts, **changes}))

    same = structure()
    assert structure(description="Other words.", path="/things/{thing_id}", provider="b.example") == same
    assert structure(method="PUT") != same
    assert structure(path="/things") != same
    assert structure(parameters={"type": "object", "properties": {"id": {"type": "integer", "x-in": "path"}}}) != same
