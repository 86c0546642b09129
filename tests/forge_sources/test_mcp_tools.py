"""Saved listings: the crawled servers of the fixtures, and every other form."""

import json
from pathlib import Path

import pytest

from forge.errors import StepError
from forge.testing import check_source, context
from forge_sources.mcp.source import Mcp

FIXTURES = Path(__file__).parents[3] / "shared" / "fixtures" / "mcp_servers"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="no ../shared/fixtures/mcp_servers here")
TOOL = {"name": "look", "description": "Look it up", "inputSchema": {"type": "object", "properties": {"q": {}}}}


def read(folder, listing=None, path="tools.json", **options):
    if listing is not None:
        (folder / "tools.json").write_text(listing if isinstance(listing, str) else json.dumps(listing))
    return check_source(Mcp(path=path, **options), context(folder))


@needs_fixtures
def test_tools_in_are_records_out():
    expected, answered = 0, 0
    for path in FIXTURES.glob("*.json"):
        metadata = json.loads(path.read_text())["metadata"]
        tools = metadata["remote_server_response"]["tools"]
        expected += len(tools or metadata["server_info_crawled"]["tools"])
        answered += len(tools)
    found = read(FIXTURES.parent, path=str(FIXTURES))
    assert len(list(FIXTURES.glob("*.json"))) == 20
    assert len(found.records) == expected
    assert not found.rejects
    assert sum(record.meta["listing"] == "answer" for record in found.records) == answered
    assert len({record.provider for record in found.records}) == 20


@needs_fixtures
def test_a_crawled_server():
    found = read(FIXTURES.parent, path=str(FIXTURES / "0001.*.json"))
    record = next(record for record in found.records if record.name == "web_search_exa")
    assert (record.provider, record.license, record.category) == ("exa", "MIT", "Web Search & Research")
    assert record.license_evidence == "server_info_crawled.license: MIT"
    assert record.url == "https://github.com/exa-labs/exa-mcp-server"
    assert record.parameters["required"] == ["query"]
    assert record.parameters["properties"]["numResults"]["type"] == "number"
    assert record.meta["uses"] == 73272


@needs_fixtures
def test_what_a_page_says_before_a_description_is_cut():
    found = read(FIXTURES.parent, path=str(FIXTURES / "cf_*.json"))
    assert {record.meta["listing"] for record in found.records} == {"page"}
    assert not [record for record in found.records if "Try in Playground" in record.description]
    record = next(record for record in found.records if record.name == "search_photos")
    assert record.parameters["required"][0] == "query"


@needs_fixtures
def test_what_a_crawl_made_up_is_left_out_of_a_page():
    found = read(FIXTURES.parent, path=str(FIXTURES / "cf_1394.*.json"))
    records = {record.name: record for record in found.records}
    flow = records["initiate_oauth_flow"]  # listed with itself as a parameter, and a port of type string
    assert flow.parameters == {"type": "object", "properties": {"port": {}}}
    assert flow.description == "Initiate the OAuth flow to get tokens"
    assert records["list_inventory"].description == ""  # its page has the name alone
    assert set(records["list_orders"].parameters["properties"]) == {"end", "limit", "start", "filter"}


def test_what_a_server_answers_is_taken_as_it_is(tmp_path):
    tool = {"name": "look", "description": "look", "parameters": [{"name": "look", "type": "string"}]}
    (record,) = read(tmp_path, {"tools": [tool]}).records
    assert record.description == "look"
    assert record.parameters["properties"] == {"look": {"type": "string"}}


@pytest.mark.parametrize(
    ("listing", "provider"),
    [
        ({"tools": [TOOL]}, "tools"),
        ([TOOL], "tools"),
        ({"jsonrpc": "2.0", "id": 1, "result": {"tools": [TOOL]}}, "tools"),
        ([{"result": {"tools": [TOOL]}}], "tools"),
        ({"serverInfo": {"name": "finder", "version": "2"}, "tools": [TOOL]}, "finder"),
        ({"mcpServers": {"finder": {"command": "x", "tools": [TOOL]}}}, "finder"),
        ([{"type": "function", "function": {"name": "look", "parameters": TOOL["inputSchema"]}}], "tools"),
    ],
)
def test_every_form_of_listing(tmp_path, listing, provider):
    (record,) = read(tmp_path, listing).records
    assert (record.name, record.provider) == ("look", provider)
    assert record.parameters == {"type": "object", "properties": {"q": {}}}


@pytest.mark.parametrize(
    ("listing", "reason"),
    [
        ("{", "unexpected end"),
        ("3", "a listing is a JSON object or array"),
        ({"tools": 3}, "it holds no list of tools"),
        ([[TOOL]], "a list of lists is no listing"),
        ({"mcpServers": {"a": {"command": "npx"}}}, "give a source its command"),
        ({"mcpServers": {"a": {"url": "https://x.org"}}}, "give a source its url"),
        ({"metadata": {"server_name": "x"}}, "neither the server's answer nor its page names a tool"),
        ({"tools": [{**TOOL, "inputSchema": {"properties": [1]}}]}, "has properties that are no schemas"),
        ({"tools": [{**TOOL, "inputSchema": {"required": "q"}}]}, "requires what is no list of names"),
        ({"tools": [{**TOOL, "outputSchema": "text"}]}, "its outputSchema is no object"),
        (
            '{"tools": [{"name": "a", "inputSchema": {"a": ' + "[" * 300 + "]" * 300 + "}}]}",
            "cannot be written as JSON",
        ),
    ],
)
def test_what_cannot_be_read_is_a_reject(tmp_path, listing, reason):
    found = read(tmp_path, listing)
    assert not found.records
    (reject,) = found.rejects
    assert reason in reject.reason
    assert reject.locator.startswith("tools.json")


def test_a_name_given_wins_and_a_glob_is_followed(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.json").write_text(json.dumps({"tools": [TOOL]}))
    found = read(tmp_path, path="*/one.json", server="mine")
    assert [record.provider for record in found.records] == ["mine", "mine"]
    assert len(read(tmp_path, path=".").records) == 2
    assert len(read(tmp_path, path=str(tmp_path / "**" / "one.json")).records) == 2


def test_where_there_is_nothing(tmp_path):
    with pytest.raises(StepError, match=r"path=\*\.json: there is no listing"):
        Mcp(path="*.json").partitions(context(tmp_path))
    with pytest.raises(ValueError, match="name where the tools are: path"):
        Mcp()


@pytest.mark.parametrize(
    "options", [{"path": "a", "url": "https://x.org"}, {"url": "file:///etc"}, {"command": ("a",), "timeout": 0.0}]
)
def test_options_that_cannot_be(options):
    with pytest.raises(ValueError, match=r"give one|address|more than"):
        Mcp(**options)


def test_a_secret_in_place_of_a_name_is_refused_and_not_repeated():
    for options in ({"headers": {"Authorization": "Bearer 123"}}, {"env": ("KEY=123",)}):
        with pytest.raises(ValueError, match="names of environment variables") as said:
            Mcp(url="https://x.org", **options)
        assert "123" not in str(said.value)


def test_plan_starts_nothing(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    said = Mcp(path="x.json").plan(context(tmp_path))
    assert said == "reads 1 saved listings of tools from x.json; starts and fetches nothing"
    with pytest.raises(StepError, match="path=x: there is no listing"):
        Mcp(path="x").plan(context(tmp_path))
    line = Mcp(command=("npx", "server"), env=("TOKEN_OF_NOBODY",)).plan(context(tmp_path))
    assert line == "starts npx server for its tools (some kB; gives up after 30 s), with TOKEN_OF_NOBODY (not set)"
