"""Descriptions with something else where something should be: a record or a reject of each, never an exception."""

import copy
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.records import ApiRecord, Reject, to_row
from forge_sources.mcp import tools as mcp_tools
from forge_sources.rapidapi import query as rapidapi_query
from forge_sources.rapidapi.records import Found, records
from forge_sources.rapidapi.toolbench import _record

PARAMETER = {
    "name": "city",
    "paramType": "STRING",
    "condition": "REQUIRED",
    "value": "Rome",
    "schema": {"type": "string"},
}
API = {
    "id": "api_1",
    "name": "Weather",
    "slugifiedName": "weather",
    "pricing": "FREE",
    "updatedAt": "2025",
    "category": "Weather",
    "score": {"popularityScore": 9.9, "avgLatency": 1},
    "user": {"username": "u"},
    "version": {
        "name": "1",
        "publicdns": [{"address": "weather.p.rapidapi.com", "current": True}],
        "endpoints": [
            {
                "name": "Now",
                "method": "GET",
                "route": "/now/{city}",
                "params": {"parameters": [PARAMETER]},
                "requestPayloads": [{"schema": {"type": "object"}}],
                "responsePayloads": [
                    {"statusCode": 200, "body": "{}", "examples": {"a": {"value": 1}}, "schema": {"a": 1}}
                ],
            }
        ],
    },
}
TOOL = {
    "tool_name": "Weather",
    "score": {"popularityScore": 1},
    "host": "weather.p.rapidapi.com",
    "api_list": [
        {
            "name": "Now",
            "url": "https://weather.p.rapidapi.com/now",
            "method": "GET",
            "required_parameters": [{"name": "city", "type": "STRING", "default": "Rome"}],
            "optional_parameters": [{"name": "days", "type": "NUMBER", "default": "3"}],
            "statuscode": 200,
            "body": {"a": 1},
            "schema": {"type": "object"},
        }
    ],
}
CRAWLED = {
    "labels": {"primary_label": "Search"},
    "metadata": {
        "server_name": "Exa",
        "usage_count": "7",
        "server_info_crawled": {"author": "exa", "license": "MIT", "tools": [], "tags": ["a"], "repository_url": "x"},
        "remote_server_response": {
            "tools": [
                {
                    "name": "look",
                    "title": "Look",
                    "description": "Look it up",
                    "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]},
                    "outputSchema": {"type": "object"},
                    "annotations": {"readOnlyHint": True},
                }
            ]
        },
    },
}
JUNK = st.sampled_from(
    [None, True, 0, -1, 2**60, 1.5, "", "x", "[bad](http://[", "https://[", [], ["x"], [[]], [None], {}, {"x": 1}]
)


def places(value, here=()):
    """Every path within a JSON value."""
    yield here
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], (*here, key))


def changed(value, place, junk):
    if not place:
        return junk
    found = copy.deepcopy(value)
    inner = found
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = junk
    return found


def check(found):
    assert found
    for record in found:
        assert isinstance(record, ApiRecord | Reject)
        assert "cannot be written" not in getattr(record, "reason", "")  # said of a TypeError, which these are not
        for key, value in to_row(record).items():
            assert value is None or isinstance(value, str | bool), key


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(places(API))), JUNK)
def test_an_api(place, junk):
    check(list(records(changed(API, place, junk), Found(source="rapidapi", locator="x", retrieved_at=None))))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(places(TOOL))), JUNK)
def test_a_tool(place, junk):
    tool = changed(TOOL, place, junk)
    listed = tool.get("api_list") if isinstance(tool, dict) else None
    for entry in listed if isinstance(listed, list) else ():
        found = _record(entry, tool, folder="Weather", shapes={}, source="rapidapi")
        check([Reject(locator="x", reason=found) if isinstance(found, str) else found])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(places(CRAWLED))), JUNK)
def test_a_server(place, junk):
    found = []
    for server in mcp_tools.servers(changed(CRAWLED, place, junk), name="x"):
        if isinstance(server, Reject):
            found.append(server)
        else:
            found += mcp_tools.records(server, source="mcp", locator="x", retrieved_at=None)
    if junk != []:
        check(found)


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(JUNK, lambda inner: st.dictionaries(st.sampled_from(["data", "products", "nodes", "errors"]), inner))
)
def test_an_answer(answer):
    for read in (rapidapi_query.read_page, rapidapi_query.read_categories):
        with pytest.raises((rapidapi_query.StrangeAnswer, rapidapi_query.RefusedKey)):
            read(json.dumps(answer).encode())
