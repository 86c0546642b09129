"""`forge show`: an API as a person reads it."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.cli import main
from forge.records import ApiRecord, arrow_schema, to_row
from forge.show import RENDERERS, Shown, Source, print_record
from forge.show.schema import default_of, outline, type_of
from forge_registry import DuckCatalog

Run = Callable[..., str]

MESSAGE = ApiRecord(
    provider="twilio.com",
    service="api",
    name="CreateMessage",
    kind="rest",
    method="POST",
    path="/Accounts/{Sid}/Messages.json",
    description="Send an SMS. " + "It is queued, then sent by the carrier of the number it goes to. " * 4,
    parameters={
        "type": "object",
        "required": ["To", "Sid"],
        "properties": {
            "Body": {"type": "string", "description": "The text.", "x-in": "body"},
            "Urgency": {"enum": ["low", "high"], "default": "low", "x-in": "body"},
            "Sid": {"type": "string", "x-in": "path", "description": "Of the account."},
            "To": {"type": "string", "format": "phone", "x-in": "body", "description": "Where to [b]send[/b] it."},
        },
    },
    returns={"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}},
    examples=[{"arguments": {"To": "+1"}, "result": [{"id": 1}]}],
    errors=[{"code": "404", "description": "No such account."}],
    auth=["http:basic"],
    license="MIT",
    license_evidence="info.license: MIT",
    terms_url="https://twilio.example/terms",
    category="messaging",
    deprecated=True,
    meta={"popularity": 9.8, "pricing": "FREEMIUM"},
    source="toy",
    url="https://twilio.example/" + "documentation/" * 12 + "create-message",
    version="2010",
    retrieved_at="2026-01-02",
)
OTHERS = [
    ApiRecord(
        provider="python.example", service="math", name="sqrt", kind="python", path="math.sqrt", source="modules"
    ),
    ApiRecord(provider="one.example", service="", name="sqrt", kind="mcp", description="A root.", source="mcp"),
    ApiRecord(
        provider="two.example",
        service="api",
        name="Clear",
        kind="cli",
        path="clear --all",
        description="\x1b[2J\x07Clears [red]all[/red].",
        source="toy",
    ),
    ApiRecord(
        provider="news.example",
        service="news.example",
        name="newsSearch",
        kind="rest",
        method="GET",
        description="Finds news.",
        meta={"tags": ["press", "search"], "score": {"of": 1}},
        source="market",
    ),
]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("show")
    table = tmp_path / "one.apis.parquet"
    twin = ApiRecord(**{**{f: getattr(MESSAGE, f) for f in MESSAGE.__dataclass_fields__}, "source": "zoo", "url": None})
    rows = [to_row(api) for api in (MESSAGE, twin, *OTHERS)]
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(ApiRecord)), table)
    DuckCatalog(tmp_path / "ws" / ".forge" / "catalog.duckdb").load([table], fingerprint="one")
    return tmp_path / "ws"


@pytest.fixture
def run(workspace: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(workspace), *words])
        assert (ended.value.code or 0) == status
        captured = capsys.readouterr()
        return captured.out if status == 0 else captured.err

    return call


def test_an_api_is_found_by_id_prefix_and_name(run: Run) -> None:
    whole = run("show", MESSAGE.id)
    assert run("show", MESSAGE.id[:8]) == run("show", "CreateMessage") == run("show", "createmessage") == whole


PAGE = [
    *(
        "POST /Accounts/{Sid}/Messages.json",
        "twilio.com / api",
        "version 2010",
        "deprecated",
        "404",
        "No such account.",
    ),
    *("http:basic", "MIT (info.license: MIT)", "https://twilio.example/terms", "messaging", "FREEMIUM", "9.8"),
    *(
        "2026-01-02",
        "list of object",
        "Default: low.",
        "one of low, high",
        "string (phone)",
        "Where to [b]send[/b] it.",
    ),
    *("2 give this API", "zoo", MESSAGE.id),
]


@pytest.mark.parametrize("said", PAGE)
def test_the_page_has_all_there_is_to_know(run: Run, said: str) -> None:
    assert said in run("show", "CreateMessage")


def test_required_parameters_come_first_then_the_alphabet(run: Run) -> None:
    lines = run("show", "CreateMessage").split("Parameters  * required\n")[1].splitlines()
    assert [line.split()[0] for line in lines[:4]] == ["Sid", "To", "Body", "Urgency"]
    assert lines[0].split()[1] == lines[1].split()[1] == "*"
    assert lines[2].split()[1] == "body"


def test_piped_lines_are_plain_and_a_hundred_wide_but_for_addresses(run: Run) -> None:
    for line in run("show", "CreateMessage").splitlines():
        assert len(line) <= 100 or line.strip() == MESSAGE.url
        assert "\x1b" not in line
        assert line == line.rstrip()


def test_nothing_is_said_twice_and_nothing_is_missing_where_a_record_says_little(run: Run) -> None:
    lines = run("show", "newsSearch").splitlines()
    assert lines[:2] == ["GET newsSearch", "news.example \N{MIDDLE DOT} rest"]
    assert any(line.split(maxsplit=1) == ["tags", "press, search"] for line in lines)
    assert any(line.split(maxsplit=1) == ["score", '{"of":1}'] for line in lines)
    assert next(line.strip() for line in lines if line.startswith("  market")) == "market"


def test_rows_of_one_source_that_say_the_same_are_one_line() -> None:
    page = io.StringIO()
    twice = Source(source="market", url=None, version=None, retrieved_at=None)
    print_record(Shown(record=OTHERS[0], sources=[twice, twice]), stream=page)
    assert page.getvalue().count("market") == 1
    assert "give this API" not in page.getvalue()


def test_json_gives_record_provenance_and_history(run: Run) -> None:
    facts = json.loads(run("show", "CreateMessage", "--json"))
    assert facts["record"]["parameters"] == MESSAGE.parameters
    assert [given["source"] for given in facts["provenance"]] == ["toy", "zoo"]
    assert {seen["source"] for seen in facts["history"]} == {"toy", "zoo"}


def test_a_name_of_several_lists_them(run: Run) -> None:
    error = run("show", "sqrt", status=1)
    assert "names 2 APIs" in error
    assert all(api.id[:12] in error for api in OTHERS[:2])


@pytest.mark.parametrize("word", ["nothing here", "ffffffffffffffff", "", "'", "%", "x" * 10_000])
def test_what_is_not_there_names_the_next_step(run: Run, word: str) -> None:
    error = run("show", "--", word, status=1)
    assert "forge search" in error
    assert len(error) < 400


def test_a_description_cannot_steer_the_terminal(run: Run) -> None:
    text = run("show", "Clear")
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "[red]all[/red]" in text


def test_a_terminal_gets_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    print_record(
        Shown(record=MESSAGE, sources=[Source(source="toy", url=None, version=None, retrieved_at=None)]), stream=stream
    )
    assert "\x1b[1m" in stream.getvalue()


def test_each_kind_of_record_has_one_renderer() -> None:
    assert ApiRecord in RENDERERS


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string", "format": "date-time"}, "string (date-time)"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": "array", "items": {"type": "integer"}}, "list of integer"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "map of string"),
        ({"enum": list(range(12))}, "one of 0, 1, 2, 3, 4, 5, 6, 7, 4 more"),
        ({"anyOf": [{"type": "string"}, {"type": "string"}, {"type": "object"}]}, "string or object"),
        ({"anyOf": [{}, {"type": "string"}]}, "string or any"),
        ({"const": 3}, "3"),
        ({}, "any"),
        (True, "any"),
    ],
)
def test_a_type_in_few_words(schema: object, text: str) -> None:
    assert type_of(schema) == text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "items", "properties", "enum", "oneOf", "default", "description", "format", "x", "required"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["type", "properties", "required", "items", "description"]), JSON, max_size=4), JSON
)
def test_no_schema_breaks_the_page(parameters: dict[str, object], value: object) -> None:
    record = ApiRecord(
        provider="p", service="s", name="n", kind="rest", source="toy", parameters=parameters, returns=parameters,
        examples=[{"arguments": value}], meta={"value": value},
    )  # fmt: skip
    stream = io.StringIO()
    print_record(Shown(record=record), stream=stream)
    assert stream.getvalue().startswith("n\n")
    assert isinstance(default_of(value), str)
    assert len(list(outline(value))) < 500
