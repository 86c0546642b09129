"""ToolBench's layout on disk: its own samples where they are, and tools as its files hold them."""

import json
from pathlib import Path

import pytest

from forge.errors import StepError
from forge.records import Reject
from forge.testing import check_source, context
from forge_sources.rapidapi.schema import object_schema, shape_schema, typed
from forge_sources.rapidapi.source import RapidApi

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures" / "toolbench"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="no ../shared/fixtures/toolbench here")


def api(name="Now", **more):
    return {
        "name": name,
        "url": "https://weather.p.rapidapi.com/v1/{city}/now",
        "description": "Says how it is.",
        "method": "GET",
        "required_parameters": [{"name": "city", "type": "STRING", "description": "Where", "default": "Rome"}],
        "optional_parameters": [
            {"name": "days", "type": "NUMBER", "description": "", "default": "3"},
            {"name": "short", "type": "BOOLEAN", "description": "", "default": "true"},
            {"name": "on", "type": "DATE (YYYY-MM-DD)", "description": "", "default": ""},
        ],
        "code": "import requests",
        "statuscode": 200,
        "body": {"degrees": 21},
        "schema": {"type": "object", "properties": {"degrees": {"type": "number"}}},
        **more,
    }


def tool(*entries, **more):
    score = {"avgServiceLevel": 100, "avgLatency": 300, "avgSuccessRate": 98, "popularityScore": 9.1}
    return {
        "tool_name": "Weather",
        "tool_description": "All about it",
        "title": "The Weather",
        "pricing": "FREEMIUM",
        "score": score,
        "home_url": "https://rapidapi.com/someone/api/weather/",
        "host": "weather.p.rapidapi.com",
        "api_list": list(entries),
        **more,
    }


def write(folder, tools, examples=()):
    for place, content in [*tools, *[(f"../response_examples/{place}", shape) for place, shape in examples]]:
        path = folder / "toolenv" / "tools" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))


def read(folder, path="toolenv/tools"):
    return check_source(RapidApi(path=path), context(folder))


def test_an_entry_becomes_a_record(tmp_path):
    write(tmp_path, [("Weather/weather.json", tool(api()))])
    (record,) = read(tmp_path).records
    assert (record.provider, record.service, record.name) == ("weather.p.rapidapi.com", "Weather", "Now")
    assert (record.method, record.path, record.category) == ("GET", "/v1/{city}/now", "Weather")
    assert record.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Where", "default": "Rome", "x-in": "path"},
            "days": {"type": "number", "default": 3, "x-in": "query"},
            "short": {"type": "boolean", "default": True, "x-in": "query"},
            "on": {"type": "string", "format": "date", "x-in": "query"},
        },
        "required": ["city"],
    }
    assert record.returns == {"type": "object", "properties": {"degrees": {"type": "number"}}}
    assert record.examples == ({"result": {"degrees": 21}},)
    assert record.meta == {
        "title": "The Weather",
        "pricing": "freemium",
        "popularity": 9.1,
        "latency_ms": 300,
        "service_level": 100,
        "success_rate": 98,
        "api_description": "All about it",
    }
    assert record.url == "https://rapidapi.com/someone/api/weather/"


def test_every_entry_is_counted(tmp_path):
    bad = [{"name": "", "method": "GET"}, "no object", api(method="")]
    write(tmp_path, [("A/one.json", tool(api("a"), api("b"), *bad)), ("B/two.json", tool(api("c")))])
    write(tmp_path, [("B/broken.json", "{"), ("B/other.json", [1, {"x": 1}])])
    found = read(tmp_path)
    assert [record.name for record in found.records] == ["a", "b", "c"]
    reasons = {reject.locator: reject.reason for reject in found.rejects}
    assert reasons["A/one.json/api_list/2"] == "the entry lacks name"
    assert reasons["A/one.json/api_list/3"] == "the entry is no object"
    assert reasons["A/one.json/api_list/4"] == "the entry lacks method"
    assert set(reasons) >= {"B/broken.json", "B/other.json#0", "B/other.json#1"}
    assert len(reasons) == 6


def test_example_answers_give_the_shape(tmp_path):
    shape = {"api_list": [{"name": "Now", "schema": {"ok": "bool", "days": [{"t": "float"}], "no": "empty list"}}]}
    write(tmp_path, [("W/w.json", tool(api(schema="")))], [("W/w.json", shape)])
    (record,) = read(tmp_path).records
    assert record.returns["properties"] == {
        "ok": {"type": "boolean"},
        "days": {"type": "array", "items": {"type": "object", "properties": {"t": {"type": "number"}}}},
        "no": {"type": "array"},
    }


def test_a_failed_test_call_is_no_example(tmp_path):
    write(tmp_path, [("W/w.json", tool(api(statuscode=403, body={"message": "no"})))])
    (record,) = read(tmp_path).records
    assert not record.examples
    assert record.errors[0]["code"] == "403"


def test_a_changed_example_answer_changes_its_category_alone(tmp_path):
    write(tmp_path, [("A/w.json", tool(api())), ("B/w.json", tool(api()))], [("A/w.json", {"api_list": []})])
    plugin, here = RapidApi(path="toolenv/tools"), context(tmp_path)
    before = plugin.partitions(here)
    write(tmp_path, [], [("A/w.json", {"api_list": [{"name": "Now", "schema": {"a": "int"}}]})])
    changed = [a.fingerprint != b.fingerprint for a, b in zip(before, plugin.partitions(here), strict=True)]
    assert changed == [True, False]


@needs_fixtures
def test_toolbenchs_own_samples_counts_in_are_counts_out():
    files = sorted((FIXTURES / "instruction").glob("*.json"))
    queries = [query for path in files for query in json.loads(path.read_text())]
    listed = [entry for query in queries for entry in query.get("api_list", ())]
    found = read(FIXTURES.parent, path=str(FIXTURES))
    assert len(listed) == 64
    assert len(found.records) == sum("method" in entry for entry in listed) == 61
    assert len(found.records) + len(found.rejects) == len(listed)
    parameters = [p for e in listed for key in ("required_parameters", "optional_parameters") for p in e.get(key, ())]
    assert sum(len(r.parameters["properties"]) for r in found.records) == len(parameters)
    assert {reject.reason for reject in found.rejects} == {"the entry lacks method"}


@needs_fixtures
def test_toolbenchs_own_example_answers_are_read(tmp_path):
    files = sorted((FIXTURES / "toolenv" / "response_examples").glob("*/*.json"))
    shapes = [(f"{path.parent.name}/{path.name}", path.read_text()) for path in files]
    names = {place: [e["name"] for e in json.loads(text or '{"api_list": []}')["api_list"]] for place, text in shapes}
    tools = [(place, tool(*[api(name, schema="") for name in listed])) for place, listed in names.items()]
    write(tmp_path, tools, shapes)
    records = read(tmp_path).records
    assert len(records) == sum(map(len, names.values())) > 10
    told = [record.returns for record in records if record.returns is not None]
    assert all(schema["type"] == "object" for schema in told)
    assert 10 < len(told) < len(records)  # some test calls were refused, and say nothing of the answer


def test_a_file_and_a_missing_folder(tmp_path):
    write(tmp_path, [("W/w.json", tool(api()))])
    assert len(read(tmp_path, path="toolenv/tools/W/w.json").records) == 1
    with pytest.raises(StepError, match="no such folder"):
        RapidApi(path="nowhere").partitions(context(tmp_path))
    (tmp_path / "empty").mkdir()
    with pytest.raises(StepError, match="no tool file"):
        RapidApi(path="empty").partitions(context(tmp_path))
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "a.json").write_bytes(b" " * 200_000)
    said = RapidApi(path="x").plan(context(tmp_path))
    assert said == "reads ToolBench's tools from x (1 file, 0.2 MB); fetches nothing"
    with pytest.raises(StepError, match="path=y: there is no such folder or file"):
        RapidApi(path="y").plan(context(tmp_path))


def test_what_is_nested_too_deep_is_a_reject(tmp_path):
    deep = '{"a": ' * 400 + "{}" + "}" * 400
    schema = json.dumps(tool(api(schema="DEEP"))).replace('"DEEP"', f'{{"type": "object", "properties": {deep}}}')
    body = json.dumps(tool(api(body="DEEP"))).replace('"DEEP"', deep)
    write(tmp_path, [("W/a.json", schema), ("W/b.json", body)])
    found = read(tmp_path)
    assert [record.examples for record in found.records] == [()]
    assert "cannot be written as JSON" in found.rejects[0].reason


def test_a_file_over_the_limit_is_a_reject(tmp_path):
    write(tmp_path, [("W/w.json", tool(api(body="x" * 2_000_000)))])
    plugin, here = RapidApi(path="toolenv/tools", max_file_mb=1), context(tmp_path)
    (found,) = [record for part in plugin.partitions(here) for record in plugin.records(part, here)]
    assert isinstance(found, Reject)
    assert found.reason == "larger than 1 MB"


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("3", "number", 3),
        ("3.5", "number", 3.5),
        ("1e400", "number", None),
        ("9" * 30, "integer", None),
        ("three", "number", None),
        ("nan", "number", None),
        ("True", "boolean", True),
        ("maybe", "boolean", None),
        ("", "string", None),
        (5, "string", "5"),
        ("[1]", "array", None),
        ([1], "array", [1]),
    ],
)
def test_defaults_take_their_parameters_type(text, kind, value):
    assert typed(text, kind) == value


def test_shapes_and_odd_parameters():
    deep = {}
    for _ in range(200):
        deep = {"a": deep}
    assert shape_schema(deep)["type"] == "object"
    assert shape_schema(["list of str with length 5"]) == {
        "type": "array",
        "items": {"type": "array", "items": {"type": "string"}},
    }
    pairs = [({"name": "a"}, True), ({"name": "a"}, False), ({"name": ""}, True), ({"type": "STRING"}, True)]
    found = object_schema(
        [*pairs, ({"name": "g", "type": "GEOPOINT (latitude, longitude)"}, False)], method="POST", path="/"
    )
    assert found["required"] == ["a"]
    assert found["properties"]["g"] == {"type": "string", "x-in": "body"}
    odd = object_schema([({"name": "o", "type": "COLOUR", "in": "header"}, False)], method="GET", path="/")
    assert odd["properties"]["o"] == {"type": "string", "x-type": "COLOUR", "x-in": "header"}


def test_the_length_of_a_list_is_no_member_of_an_answer():
    shape = {"offices": [{"name": "str", "_list_length": 10}, {"_list_length": 3}]}
    offices = shape_schema(shape)["properties"]["offices"]
    assert offices["items"]["properties"] == {"name": {"type": "string"}}


def test_a_name_that_is_a_route_gives_the_path(tmp_path):
    entry = api("/offices/:service", url="", required_parameters=[{"name": "service", "type": "STRING"}])
    (tmp_path / "tools" / "Logistics").mkdir(parents=True)
    (tmp_path / "tools" / "Logistics" / "posts.json").write_text(json.dumps(tool(entry)))
    (record,) = check_source(RapidApi(path="tools"), context(tmp_path)).records
    assert record.path == "/offices/:service"
    assert record.parameters["properties"]["service"]["x-in"] == "path"


def test_the_shape_of_a_refusal_is_not_what_an_api_returns(tmp_path):
    refused = api("A", schema={"message": "str", "statusCode": "int"})
    answered = api("B", schema={"message": "str", "id": "int"})
    (tmp_path / "tools" / "Weather").mkdir(parents=True)
    (tmp_path / "tools" / "Weather" / "now.json").write_text(json.dumps(tool(refused, answered)))
    first, second = check_source(RapidApi(path="tools"), context(tmp_path)).records
    assert first.returns is None
    assert set(second.returns["properties"]) == {"message", "id"}
