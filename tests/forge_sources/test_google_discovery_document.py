"""One discovery document: what becomes of each of its parts, and what bad parts cost."""

import json
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.records import ApiRecord, Reject, to_row
from forge_sources.google_discovery.document import Origin, parse

ORIGIN = Origin(source="google-discovery", locator="toys.v1.json")


def document() -> dict[str, Any]:
    return {
        "name": "toys",
        "version": "v1",
        "title": "Toy API",
        "revision": "20260101",
        "documentationLink": "https://example.org/toys",
        "servicePath": "",
        "parameters": {"alt": {"type": "string", "location": "query"}},
        "schemas": {
            "Toy": {
                "id": "Toy",
                "type": "object",
                "properties": {
                    "name": {"type": "string", "description": "Required. Its name."},
                    "id": {"type": "string", "readOnly": True},
                    "size": {"type": "string", "enum": ["S", "L"], "enumDescriptions": ["Small.", "Large."]},
                    "made": {"type": "string", "annotations": {"required": ["toys.create"]}},
                    "parts": {"type": "array", "items": {"$ref": "Toy"}},
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            }
        },
        "resources": {
            "shops": {
                "resources": {
                    "toys": {
                        "methods": {
                            "create": {
                                "id": "toys.create",
                                "path": "v1/{+parent}/toys",
                                "flatPath": "v1/shops/{shopsId}/toys",
                                "httpMethod": "POST",
                                "description": "Makes a <b>toy</b>.",
                                "parameterOrder": ["parent"],
                                "parameters": {
                                    "dryRun": {"type": "boolean", "location": "query", "default": "true"},
                                    "tags": {"type": "string", "location": "query", "repeated": True},
                                    "count": {"type": "integer", "location": "query", "minimum": "1", "maximum": "x"},
                                    "parent": {"type": "string", "location": "path", "required": True},
                                },
                                "request": {"$ref": "Toy"},
                                "response": {"$ref": "Toy"},
                                "scopes": ["https://example.org/auth/toys"],
                                "deprecated": True,
                            }
                        }
                    }
                }
            }
        },
    }


def read(root: Any) -> tuple[list[ApiRecord], list[Reject]]:
    found = list(parse(orjson.dumps(root), ORIGIN))
    return [r for r in found if isinstance(r, ApiRecord)], [r for r in found if isinstance(r, Reject)]


def test_a_method_in_full() -> None:
    ((record,), rejects) = read(document())
    assert not rejects
    assert (record.name, record.method, record.path) == ("toys.create", "POST", "/v1/{parent}/toys")
    assert record.meta["flat_path"] == "v1/shops/{shopsId}/toys"
    assert (record.description, record.deprecated, record.category) == ("Makes a toy.", True, "shops")
    properties = record.parameters["properties"]
    assert list(properties) == ["parent", "dryRun", "tags", "count", "name", "size", "made", "parts", "labels"]
    assert record.parameters["required"] == ["parent", "name", "made"]
    assert properties["dryRun"] == {"type": "boolean", "default": True, "x-in": "query"}
    assert properties["tags"] == {"type": "array", "items": {"type": "string"}, "x-in": "query"}
    assert properties["count"] == {"type": "integer", "minimum": 1, "x-in": "query"}
    assert properties["size"]["x-enum-descriptions"] == ["Small.", "Large."]
    assert record.returns is not None
    assert record.returns["properties"]["labels"] == {"type": "object", "additionalProperties": {"type": "string"}}
    assert record.meta["scopes"] == ["https://example.org/auth/toys"]


def test_references_that_lead_nowhere_or_round_in_circles_cost_their_place() -> None:
    root = document()
    root["schemas"]["Toy"]["properties"]["lost"] = {"$ref": "No/such"}
    root["schemas"]["Ring"] = {"$ref": "Ring"}
    root["schemas"]["Toy"]["properties"]["ring"] = {"$ref": "Ring"}
    ((record,), rejects) = read(root)
    assert {"lost", "ring"} <= set(record.parameters["properties"])
    assert sorted(reject.locator for reject in rejects) == [
        "toys.v1.json#/schemas/No~1such",
        "toys.v1.json#/schemas/Ring",
    ]


def test_a_schema_that_grows_without_end_stays_small() -> None:
    root = document()
    for index in range(30):
        branch = {"type": "object", "properties": {f"p{n}": {"$ref": f"S{index + 1}"} for n in range(20)}}
        root["schemas"][f"S{index}"] = branch
    root["schemas"]["Toy"]["properties"]["all"] = {"$ref": "S0"}
    ((record,), _) = read(root)
    assert len(orjson.dumps(to_row(record))) < 100_000


def test_deep_nesting_is_no_recursion() -> None:
    node: dict[str, Any] = {"methods": {"m": {"id": "deep", "path": "x", "httpMethod": "GET"}}}
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(200):
        node = {"resources": {"r": node}}
        schema = {"type": "array", "items": schema}
    root = document()
    root["schemas"]["Toy"]["properties"]["deep"] = schema
    root["resources"]["deep"] = node
    found = list(parse(json.dumps(root).encode(), ORIGIN))  # orjson writes 254 levels, and reads 1,024
    assert [record.name for record in found if isinstance(record, ApiRecord)] == ["toys.create", "deep"]


def test_what_is_no_document_is_a_reject() -> None:
    assert "not JSON" in next(iter(parse(b"{", ORIGIN))).reason  # type: ignore[union-attr]
    for root in ([], {}, {"resources": []}, "text"):
        assert [type(found) for found in parse(orjson.dumps(root), ORIGIN)] == [Reject]


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=4)
    | st.sampled_from(["Toy", "Required.", "true"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.text(max_size=4) | st.sampled_from(["$ref", "items", "properties", "enum"]), inner, max_size=2
        )
    ),
    max_leaves=4,
)


def _places(node: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = [path] if path else []
    for key, child in node.items() if isinstance(node, dict) else ():
        found += _places(child, (*path, key))
    return found


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(_places(document())), JUNK)
def test_a_mutated_document_never_raises(place: tuple[str, ...], junk: Any) -> None:
    root = document()
    node: Any = root
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = junk
    for found in parse(orjson.dumps(root), ORIGIN):
        if isinstance(found, ApiRecord):
            to_row(found)
