"""The marketplace, served on loopback with all its bad days, through the engine's own HTTP client."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from forge.clients.http import HttpClient
from forge.errors import StepError
from forge.records import ApiRecord, Reject
from forge.steps import Context
from forge.testing import check_source
from forge_sources.rapidapi.source import RapidApi

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures" / "toolbench"
_spec = importlib.util.spec_from_file_location("rapidapi_server", Path(__file__).with_name("rapidapi_server.py"))
server = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(server)
DROP, KEY, Marketplace, make_apis = server.DROP, server.KEY, server.Marketplace, server.make_apis
RATE = 5000.0


@pytest.fixture(scope="module")
def entries():
    """ToolBench's own entries, or a few like them where the fixtures are absent."""
    found = []
    for path in sorted((FIXTURES / "instruction").glob("G*_query.json")) if FIXTURES.is_dir() else []:
        found += [entry for query in json.loads(path.read_text()) for entry in query["api_list"]]
    parameter = {"name": "city", "type": "STRING", "description": "Where", "default": "Rome"}
    plain = {"tool_name": "T", "api_name": "A", "api_description": "Says it", "method": "GET"}
    return found or [{**plain, "required_parameters": [parameter], "optional_parameters": []}] * 5


@pytest.fixture
def serve():
    markets = []

    def start(apis, **options):
        markets.append(Marketplace(apis, **options))
        return markets[-1]

    yield start
    for market in markets:
        market.stop()


@pytest.fixture
def make_context(tmp_path, monkeypatch):
    monkeypatch.setenv("RAPIDAPI_KEY", KEY)
    client = HttpClient(tmp_path / "http", wait=0.01)

    def make(**options):
        folders = {name: tmp_path / name for name in ("cache", "scratch")}
        return Context(workspace=tmp_path, seed=0, http=client, **folders, **options)

    yield make
    client.close()


def source(market, **options):
    chosen = {"page_size": 10, "max_apis": 0, "requests_per_second": RATE, **options}
    return RapidApi(url=market.url, **chosen)


def read(source, context):
    return [record for part in source.partitions(context) for record in source.records(part, context)]


def ids(records):
    return {record.meta["updated_at"] for record in records if isinstance(record, ApiRecord)}


def endpoints(apis):
    return sum(len(api["version"]["endpoints"]) for api in apis)


def test_every_endpoint_becomes_a_record(serve, make_context, entries):
    apis = make_apis(entries, 75)
    market = serve(apis)
    found = check_source(source(market), make_context())
    assert len(found.records) == endpoints(apis)
    assert not found.rejects
    assert market.requests == 1 + 3 * 3


def test_a_record_holds_what_the_marketplace_says(serve, make_context, entries):
    (api,) = make_apis(entries[:1], 1)
    endpoint = api["version"]["endpoints"][0]
    endpoint["route"] = "/v1/{city}/now"
    endpoint["params"]["parameters"] = [
        {"name": "city", "paramType": "STRING", "condition": "REQUIRED", "value": "Rome"},
        {"name": "days", "paramType": "NUMBER", "condition": "OPTIONAL", "querystring": True, "value": "3"},
        {"name": "unit", "paramType": "ENUM", "condition": "OPTIONAL", "querystring": True, "options": ["C", "F"]},
    ]
    endpoint["responsePayloads"].append({"statusCode": 404, "description": "No such city"})
    (record,) = read(source(serve([api])), make_context())
    assert (record.provider, record.service) == ("slug-0.p.rapidapi.com", api["name"])
    assert (record.method, record.path) == (endpoint["method"], "/v1/{city}/now")
    properties = record.parameters["properties"]
    assert record.parameters["required"] == ["city"]
    assert properties["city"] == {"type": "string", "default": "Rome", "x-in": "path"}
    assert properties["days"] == {"type": "number", "default": 3, "x-in": "query"}
    assert properties["unit"]["enum"] == ["C", "F"]
    assert record.examples == ({"result": {"number": 0}},)
    assert record.errors == ({"code": "404", "description": "No such city"},)
    assert record.meta["pricing"] == "free"
    assert record.meta["latency_ms"] == 100
    assert record.meta["api_description"] == "Shows things"
    assert record.category == "Weather"
    assert record.url == "https://rapidapi.com/user0/api/slug-0"


def test_a_second_call_asks_nothing(serve, make_context, entries):
    market = serve(make_apis(entries, 30))
    first = read(source(market), make_context())
    asked = market.requests
    assert read(source(market), make_context()) == first
    assert market.requests == asked


def test_429_500_and_dropped_connections_are_waited_out(serve, make_context, entries):
    apis = make_apis(entries, 30)
    market = serve(apis, faults={2: 429, 3: 500, 5: DROP, 6: 503})
    assert len(read(source(market), make_context())) == endpoints(apis)
    assert len(market.asked) == 3


def test_retry_after_is_honoured(serve, make_context, entries):
    market = serve(make_apis(entries, 3), faults={2: 429}, retry_after="1")
    start = time.monotonic()
    read(source(market), make_context())
    assert time.monotonic() - start >= 1


def test_the_headers_of_a_team_are_sent(serve, make_context, entries, monkeypatch):
    monkeypatch.setenv("RAPIDAPI_IDENTITY_KEY", "personal-0123456789")
    market = serve(make_apis(entries, 1))
    read(source(market, host="graphql-platform.acme.rapidapi.com"), make_context())
    assert market.headers[0]["x-rapidapi-host"] == "graphql-platform.acme.rapidapi.com"
    assert market.headers[0]["x-rapidapi-identity-key"] == "personal-0123456789"


def test_requests_keep_their_distance(serve, make_context, entries):
    market = serve(make_apis(entries, 30))
    start = time.monotonic()
    read(source(market, requests_per_second=10), make_context())
    assert time.monotonic() - start >= 0.3


def test_a_key_that_expires_on_the_way_loses_nothing(serve, make_context, entries, monkeypatch):
    apis = make_apis(entries, 90)
    market = serve(apis, expires_after=4)
    with pytest.raises(
        StepError, match=r"refuses the key in RAPIDAPI_KEY \(401.*5 pages fetched so far are kept"
    ) as said:
        read(source(market), make_context())
    assert KEY not in str(said.value)
    market.expires_after, market.keys = None, {"the-next-key-0123456789"}
    monkeypatch.setenv("RAPIDAPI_KEY", "the-next-key-0123456789")
    assert len(read(source(market), make_context())) == endpoints(apis)
    assert len(market.asked) == len(set(market.asked)) == 9


def test_a_missing_key_is_one_line(serve, make_context, entries, monkeypatch):
    monkeypatch.delenv("RAPIDAPI_KEY")
    market = serve(make_apis(entries, 3))
    with pytest.raises(StepError, match="set the environment variable RAPIDAPI_KEY"):
        read(source(market), make_context())
    assert market.requests == 0


def test_robots_txt_is_obeyed(serve, make_context, entries):
    market = serve(make_apis(entries, 3), robots="User-agent: *\nDisallow: /\n")
    with pytest.raises(StepError, match=r"robots\.txt"):
        read(source(market), make_context())
    assert market.requests == 0
    assert read(source(market, robots=False), make_context())


def test_an_api_that_lacks_fields_is_a_reject_with_its_id(serve, make_context, entries):
    apis = make_apis(entries, 12)
    del apis[0]["version"]["endpoints"]
    apis[3]["version"] = None
    apis[6]["name"] = 7
    apis[9]["version"]["endpoints"] = [{"name": "x"}, "y"]
    apis[1]["version"]["endpoints"][0]["params"] = {"parameters": {"city": 1}}
    apis[2]["version"]["endpoints"][0]["params"] = None
    records = read(source(serve(apis)), make_context())
    rejects = [record for record in records if isinstance(record, Reject)]
    assert {reject.locator.partition("#")[2].partition("/")[0] for reject in rejects} == {
        "api_000000",
        "api_000003",
        "api_000006",
        "api_000009",
        "api_000001",
    }
    assert len(rejects) == 6
    assert any(reject.reason == "the API lacks version.endpoints" for reject in rejects)


@pytest.mark.parametrize("key", ["apis", "total", "nothing"])
def test_an_answer_that_cannot_be_paged_is_an_error_and_not_kept(serve, make_context, entries, key):
    market = serve(make_apis(entries, 3))
    market.answer = lambda body, headers: (200, {"data": {"categoriesV2": {"nodes": [{"name": "A"}]}, key: {}}})
    with pytest.raises(StepError, match="strange answer"):
        read(source(market), make_context())
    del market.answer
    assert read(source(market, categories=("Weather",)), make_context())


def test_errors_of_graphql_are_said(serve, make_context):
    market = serve([])
    market.answer = lambda body, headers: (200, {"data": None, "errors": [{"message": f"no such field {KEY}"}]})
    with pytest.raises(StepError, match=r"no such field \[hidden\]"):
        read(source(market), make_context())
    refusal = {"message": "x", "extensions": {"code": "UNAUTHENTICATED"}}
    market.answer = lambda body, headers: (200, {"data": None, "errors": [refusal]})
    with pytest.raises(StepError, match="refuses the key"):
        read(source(market), make_context())


def test_unknown_category_names_those_that_there_are(serve, make_context, entries):
    with pytest.raises(StepError, match="no category 'Wether'; it has: Data, Sports, Weather"):
        read(source(serve(make_apis(entries, 3)), categories=("Wether",)), make_context())


def test_cuts_by_popularity_class_and_number(serve, make_context, entries):
    apis = make_apis(entries, 90)
    market = serve(apis)
    popular = read(source(market, min_popularity=5.0), make_context())
    assert {record.meta["popularity"] >= 5 for record in popular} == {True}
    paid = read(source(market, pricing=("paid",)), make_context())
    assert {record.meta["pricing"] for record in paid} == {"paid"}
    asked = market.requests
    assert len(ids(read(source(market, max_apis=25), make_context()))) == 25
    assert market.requests == asked + 1 + 3
    assert len(ids(read(source(market, max_apis=45), make_context()))) == 45
    assert market.requests == asked + 1 + 5
    assert {record.category for record in read(source(market, max_apis=25), make_context())} == {
        "Weather",
        "Sports",
        "Data",
    }


def test_a_refresh_fetches_only_what_changed(serve, make_context, entries):
    apis = make_apis(entries, 300)
    market = serve(apis)
    plugin = source(market)
    before = plugin.partitions(make_context())
    apis[7]["updatedAt"] = "2025-06-01"
    apis[7]["description"] = "Now says more"
    apis.append({**apis[0], "id": "api_new", "name": "New", "updatedAt": "2025-06-02"})
    market.apis, market.asked = apis, []
    after = plugin.partitions(make_context(refresh=True))
    assert len(market.asked) == 3 + 2
    changed = {part.fingerprint for part in after} - {part.fingerprint for part in before}
    assert len(changed) == 2
    records = [record for part in after for record in plugin.records(part, make_context())]
    assert len(records) == endpoints(apis)
    assert {"2025-06-01", "2025-06-02"} <= ids(records)


def test_a_refresh_of_a_sample_is_a_new_walk_beside_the_old_one(serve, make_context, entries):
    market = serve(make_apis(entries, 90))
    plugin = source(market, max_apis=40)
    before = read(plugin, make_context())
    market.apis = make_apis(entries, 180)[90:]
    market.expires_after = len(market.asked) + 2
    with pytest.raises(StepError, match="refuses the key"):
        plugin.partitions(make_context(refresh=True))
    assert read(plugin, make_context()) == before
    market.expires_after, market.asked = None, []
    plugin.partitions(make_context(refresh=True))
    assert len(market.asked) == 4 - 2
    after = read(plugin, make_context())
    assert len(ids(after)) == 40
    assert not ids(after) & ids(before)


def test_what_the_marketplace_has_no_more_is_gone_after_a_refresh(serve, make_context, entries):
    apis = make_apis(entries, 60)
    market = serve(apis)
    read(source(market), make_context())
    market.apis = apis[:10] + apis[20:]
    records = read(source(market), make_context(refresh=True))
    assert len(records) == endpoints(market.apis)


def test_plan_says_requests_rate_time_size_and_key(serve, make_context, entries, monkeypatch):
    line = RapidApi().plan(make_context())
    assert "at most 151 times at 0.16 requests per second (about 16 minutes) for 5000 APIs, some 100 MB" in line
    assert line.endswith("with the key in RAPIDAPI_KEY (set)")
    monkeypatch.delenv("RAPIDAPI_KEY")
    assert RapidApi().plan(make_context()).endswith("(not set)")
    market = serve(make_apis(entries, 30))
    monkeypatch.setenv("RAPIDAPI_KEY", KEY)
    read(source(market), make_context())
    assert source(market).plan(make_context()) == "reads 30 APIs from the cache; fetches nothing"


@pytest.mark.parametrize("options", [{"url": "ftp://x/"}, {"requests_per_second": 0.0}, {"page_size": 0}])
def test_wrong_options_are_refused(options):
    with pytest.raises(ValueError, match="is"):
        RapidApi(**options)


WORKER = """
import sys
from pathlib import Path
from forge.clients.http import HttpClient
from forge.steps import Context
from forge_sources.rapidapi.source import RapidApi

folder = Path(sys.argv[1])
client = HttpClient(folder / "http", wait=0.01)
context = Context(workspace=folder, cache=folder / "cache", scratch=folder / "scratch", seed=0, http=client, log=print)
plugin = RapidApi(url=sys.argv[2], page_size=10, max_apis=0, requests_per_second=5000.0)
parts = plugin.partitions(context)
print(sum(1 for part in parts for _ in plugin.records(part, context)))
client.close()
"""


def run_worker(tmp_path, market):
    command = [sys.executable, "-c", WORKER, str(tmp_path), market.url]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=os.environ | {"RAPIDAPI_KEY": KEY}
    )


def test_killed_in_the_middle_it_goes_on_at_the_last_cursor_and_writes_no_key(serve, tmp_path, entries):
    apis = make_apis(entries, 2000)
    started = []
    market = serve(apis, before=lambda market: market.requests == 80 and started[0].send_signal(signal.SIGKILL))
    started.append(run_worker(tmp_path, market))
    first, _ = started[0].communicate(timeout=60)
    assert started[0].returncode == -signal.SIGKILL
    half = len(market.asked)
    assert 70 <= half <= 85
    market.before = None
    second = run_worker(tmp_path, market)
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 0, said.decode()
    assert int(said.split()[-1]) == endpoints(apis)
    asked_again = [page for page in set(market.asked) if market.asked.count(page) > 1]
    assert len(asked_again) <= 1  # the page that was on its way when the process was killed
    assert len(set(market.asked)) == 201
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 200
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert KEY.encode() not in first + said
