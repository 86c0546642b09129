from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.records import ApiRecord, Document, arrow_schema, to_json, to_row
from forge.testing import MemoryCatalog, MemoryCorpus, check_filter, context
from forge_filters.api_schema import ApiSchema
from forge_filters.api_schema_calls import BREAKS, NO_JSON, UNNAMED, broken

SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "maximum": 9}},
    "required": ["city"],
}
API = ApiRecord(
    provider="weather.org",
    service="",
    name="forecast",
    kind="rest",
    source="test",
    parameters=SCHEMA,
    examples=[{"arguments": {"city": "Oulu", "days": 40}}, {"arguments": {"city": "Turku"}}],
)
GOOD, BAD, EXTRA = {"city": "Oulu", "days": 3}, {"city": "Oulu", "days": 40}, {"city": "Oulu", "mood": "good"}


def dialogue(name: str, call: object, *, offer: object = None, api: str | None = API.id) -> Document:
    turn = call if isinstance(call, str) else to_json({"name": "forecast", "arguments": call})
    lead = f"Tools:\n{to_json(offer) if offer else 'forecast(city: string)'}\nUser: weather?\nAssistant:\n"
    meta = {"loss_spans": [[len(lead), len(lead) + len(turn)]], **({"api": api} if api else {})}
    return Document(id=name, domain="agent", kind="dialogue", text=lead + turn, source="test", meta=meta)


def page(name: str, text: str, *, kind: str = "api_doc") -> Document:
    return Document(id=name, domain="agent", kind=kind, text=text, source="test", meta={"api": API.id})


def batch_of(*found: Document) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([to_row(document) for document in found], schema=arrow_schema(Document))


@pytest.fixture
def judge(tmp_path):
    def judged(*found: Document, catalog: bool = True, **options):
        batch, step = batch_of(*found), ApiSchema(**options)
        given = context(tmp_path, catalog=MemoryCatalog([API]) if catalog else None)
        (tmp_path / "state").mkdir(exist_ok=True)
        state = step.prepare(MemoryCorpus(batch), replace(given, scratch=tmp_path / "state"))
        return step.judge(batch, state)

    return judged


def test_calls_are_held_to_the_catalogue(judge):
    found = judge(dialogue("1", GOOD), dialogue("2", BAD), dialogue("3", EXTRA), dialogue("4", {"days": 3}))
    assert found.reason.to_pylist() == [None, BREAKS, UNNAMED, BREAKS]
    assert found.score.to_pylist() == [1.0, 0.0, 0.0, 0.0]


def test_calls_are_held_to_the_tool_that_the_document_offers(judge):
    offers = [
        {"name": "forecast", "description": "", "parameters": SCHEMA},
        {"name": "forecast", "input_schema": SCHEMA},
        [{"type": "function", "function": {"name": "forecast", "parameters": SCHEMA}}],
    ]
    for offer in offers:
        made = [dialogue(str(call), call, offer=offer, api=None) for call in (GOOD, BAD)]
        assert judge(*made, catalog=False).reason.to_pylist() == [None, BREAKS]


def test_without_any_schema_there_is_nothing_to_check(judge):
    found = judge(dialogue("1", BAD, api=None), dialogue("2", BAD), catalog=False)
    assert found.keep.to_pylist() == [True, True]
    assert found.score.to_pylist() == [0.5, 0.5]


def test_a_call_that_is_no_json(judge):
    torn = dialogue("1", '{"name": "forecast", "arguments": {"city": "Oulu"')
    assert judge(torn, dialogue("2", "It will rain {a little}.")).reason.to_pylist() == [NO_JSON, None]


def test_arguments_as_text_and_null_for_not_given(judge):
    text = to_json({"function": {"name": "forecast", "arguments": to_json(BAD)}})
    found = judge(dialogue("1", text), dialogue("2", {"city": "Oulu", "days": None}))
    assert found.reason.to_pylist() == [BREAKS, None]


def test_a_page_that_shows_a_wrong_example_goes(judge):
    shown = page("1", "forecast asks for a city and days:\n\n  forecast --city Oulu --days 40")
    hidden = page("2", "forecast asks for a city.\n\n  forecast --city Turku")
    other = page("3", "days: 40, city: Oulu", kind="prose")
    assert judge(shown, hidden, other).reason.to_pylist() == [BREAKS, None, None]


def test_lenient_about_names(judge):
    assert judge(dialogue("1", EXTRA), strict=False).reason.to_pylist() == [None]


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "nonsense"},
        {"$ref": "http://127.0.0.1:9/other.json"},
        {"properties": {"city": {"$ref": "#/nowhere"}}},
        {"properties": {"city": {"pattern": "(("}}},
        {"properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        {"properties": 3, "required": "x"},
    ],
)
def test_schemas_that_say_nothing_allow_everything(schema):
    assert broken({"city": "Oulu"}, to_json(schema), strict=True) is None


def test_contract(tmp_path):
    made = [dialogue("1", GOOD), dialogue("2", BAD), dialogue("3", "{"), page("4", "Oulu 40 city days"), page("5", "")]
    check_filter(ApiSchema(), batch_of(*made), context(tmp_path, catalog=MemoryCatalog([API])))
    check_filter(ApiSchema(strict=False), batch_of(*made))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.text(max_size=3)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "arguments", "x"]), inner),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(values=st.lists(JSON, max_size=4))
def test_any_text_gets_a_verdict(values):
    text = "\n".join(map(to_json, values))
    found = ApiSchema().judge(batch_of(replace(page("1", text), kind="dialogue", meta={"loss_spans": []})), None)
    assert found.keep.to_pylist() == [True]
