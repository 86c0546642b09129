"""The OpenAPI parser on a full document broken at random: it never raises, hangs, or changes what it reads."""

import gc
import json
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.records import ApiRecord
from forge_sources.openapi.parser import Origin, parse, parse_document

ORIGIN = Origin(source="test", locator="spec.json")


def document(operation: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"openapi": "3.0.3", "info": {"title": "t"}, "paths": {"/pets/{id}": {"get": operation}}, **rest}


FULL = document(
    {
        "operationId": "x",
        "summary": "s",
        "description": "<p>d</p>",
        "security": [{"k": []}],
        "externalDocs": {"url": "https://e"},
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"$ref": "#/components/schemas/A"}, "example": 1},
            {"$ref": "#/components/parameters/P"},
        ],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"allOf": [{"$ref": "#/components/schemas/B"}], "required": ["b"]},
                    "examples": {"e": {"value": {"b": 1}}},
                }
            },
        },
        "responses": {
            "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/B"}}}},
            "400": {"$ref": "#/components/responses/R"},
        },
    },
    servers=[{"url": "https://host.example.org/v1"}],
    components={
        "parameters": {"P": {"name": "q", "in": "query", "schema": {"type": "string", "enum": ["a"]}}},
        "responses": {"R": {"description": "bad"}},
        "securitySchemes": {"k": {"type": "apiKey"}},
        "schemas": {
            "A": {"type": "integer", "minimum": 1, "default": 2},
            "B": {
                "type": "object",
                "properties": {
                    "b": {
                        "oneOf": [{"$ref": "#/components/schemas/A"}, {"type": "array", "items": {"type": "string"}}]
                    },
                    "c": {"additionalProperties": {"$ref": "#/components/schemas/B"}, "example": {"k": 1}},
                },
            },
        },
    },
)

REFERENCES = st.sampled_from(
    ["#/components/schemas/B", "#", "#/paths", "#/nowhere", "x.yaml", "#/components/schemas/A"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
) | REFERENCES.map(lambda target: {"$ref": target})


def places(node: Any, parent: Any = None, key: Any = None) -> list[tuple[Any, Any]]:
    found = [] if parent is None else [(parent, key)]
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        found += places(child, node, name)
    return found


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_mutated_specification_never_raises(data: st.DataObject) -> None:
    root = json.loads(json.dumps(FULL))
    for _ in range(data.draw(st.integers(1, 4))):
        spots = places(root)
        parent, key = spots[data.draw(st.integers(0, len(spots) - 1))]
        if isinstance(parent, dict) and data.draw(st.booleans()):
            parent[data.draw(st.text(max_size=6)) or "new"] = parent.pop(key)
        else:
            parent[key] = data.draw(VALUES)
    before = orjson.dumps(root)
    first = list(parse(before, ORIGIN))
    assert first == list(parse_document(root, ORIGIN))
    assert orjson.dumps(root) == before
    for record in first:
        if isinstance(record, ApiRecord):
            assert record.parameters["type"] == "object"
            assert set(record.parameters.get("required", [])) <= set(record.parameters["properties"])


def test_parsing_holds_no_document_back() -> None:
    list(parse_document(FULL, ORIGIN))
    gc.collect()
    assert not [item for item in gc.get_objects() if type(item).__name__ in ("OpenApi", "SchemaBook")]
