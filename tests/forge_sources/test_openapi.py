"""The OpenAPI parser on small documents written by hand: what it reads, and what it survives."""

from typing import Any

import orjson
import pytest

from forge.records import ApiRecord, Reject
from forge_sources.openapi.parser import Origin, parse, parse_document

ORIGIN = Origin(source="test", locator="spec.json")


def document(
    operation: dict[str, Any], *, method: str = "get", path: str = "/pets/{id}", **rest: Any
) -> dict[str, Any]:
    return {
        "openapi": "3.0.3",
        "info": {"title": "t", "version": "1"},
        "paths": {path: {method: operation}},
        **rest,
    }


def read(root: Any) -> tuple[list[ApiRecord], list[Reject]]:
    found = list(parse_document(root, ORIGIN))
    return [r for r in found if isinstance(r, ApiRecord)], [r for r in found if isinstance(r, Reject)]


def one(root: Any) -> ApiRecord:
    records, rejects = read(root)
    assert len(records) == 1
    assert not rejects
    return records[0]


def body(schema: Any, **media: Any) -> dict[str, Any]:
    return {"requestBody": {"content": {"application/json": {"schema": schema, **media}}}}


def test_body_properties_stand_beside_parameters() -> None:
    record = one(
        document(
            {
                "operationId": "renamePet",
                "summary": "Rename a pet",
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                **body(
                    {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string", "description": "<b>New</b> name &amp; title"},
                            "id": {"type": "string"},
                            "made": {"type": "string", "readOnly": True},
                        },
                    }
                ),
            },
            method="put",
        )
    )
    assert record.parameters == {
        "type": "object",
        "properties": {
            "id": {"type": "integer", "x-in": "path"},
            "name": {"type": "string", "description": "New name & title", "x-in": "body"},
            "id_body": {"type": "string", "x-in": "body", "x-name": "id"},
        },
        "required": ["id", "name"],
    }
    assert (record.name, record.method, record.description) == ("renamePet", "PUT", "Rename a pet")


def test_operation_parameters_override_those_of_the_path() -> None:
    root = document({"parameters": [{"name": "q", "in": "query", "schema": {"type": "integer"}}]})
    root["paths"]["/pets/{id}"]["parameters"] = [
        {"name": "q", "in": "query", "schema": {"type": "string"}},
        {"name": "X-Trace", "in": "header", "schema": {"type": "string"}},
        {"name": "Authorization", "in": "header", "schema": {"type": "string"}},
    ]
    properties = one(root).parameters["properties"]
    assert properties == {
        "q": {"type": "integer", "x-in": "query"},
        "X-Trace": {"type": "string", "x-in": "header"},
    }


def test_swagger_2_body_and_form() -> None:
    root = {
        "swagger": "2.0",
        "host": "api.example.org:8080",
        "info": {"title": "t", "version": "2", "license": {"name": "MIT"}},
        "securityDefinitions": {"b": {"type": "basic"}, "k": {"type": "apiKey"}},
        "security": [{"b": []}, {"k": []}],
        "definitions": {"Pet": {"type": "object", "properties": {"name": {"type": "string"}}}},
        "paths": {
            "/pets": {
                "post": {
                    "parameters": [{"in": "body", "name": "pet", "schema": {"$ref": "#/definitions/Pet"}}],
                    "responses": {
                        "201": {
                            "schema": {"$ref": "#/definitions/Pet"},
                            "examples": {"application/json": {"name": "Rex"}},
                        },
                        "404": {"description": "none"},
                    },
                },
                "put": {
                    "security": [],
                    "parameters": [
                        {"in": "formData", "name": "photo", "type": "file", "required": True},
                        {"in": "formData", "name": "n", "type": "integer", "minimum": 1, "exclusiveMinimum": True},
                    ],
                },
            }
        },
    }
    (post, put), rejects = read(root)[0][::-1], read(root)[1]
    assert not rejects
    assert post.parameters["properties"] == {"name": {"type": "string", "x-in": "body"}}
    assert post.returns == {"type": "object", "properties": {"name": {"type": "string"}}}
    assert post.examples == [{"result": {"name": "Rex"}}]
    assert post.errors == [{"code": "404", "description": "none"}]
    assert (post.provider, post.license, post.auth) == ("example.org", "MIT", ["http:basic", "apiKey"])
    assert put.auth == []
    assert put.parameters["properties"] == {
        "photo": {"type": "string", "format": "binary", "x-in": "body"},
        "n": {"type": "integer", "exclusiveMinimum": 1, "x-in": "body"},
    }
    assert put.parameters["required"] == ["photo"]


def test_openapi_3_1_type_lists_and_3_0_nullable() -> None:
    properties = {
        "new": {"type": ["string", "null"]},
        "old": {"type": "string", "nullable": True},
        "any": True,
        "odd": {"type": "any"},
    }
    tree = one(document(body({"type": "object", "properties": properties}))).parameters["properties"]
    assert [tree[name].get("type") for name in properties] == [["string", "null"], ["string", "null"], None, None]


def test_all_of_is_merged_and_its_cycle_survived() -> None:
    schemas = {
        "Base": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}},
        "Pet": {
            "allOf": [{"$ref": "#/components/schemas/Base"}, {"$ref": "#/components/schemas/Pet"}],
            "properties": {"name": {"type": "string"}},
        },
    }
    record = one(document(body({"$ref": "#/components/schemas/Pet"}), components={"schemas": schemas}))
    assert list(record.parameters["properties"]) == ["id", "name"]
    assert record.parameters["required"] == ["id"]


def test_cycle_through_properties_ends_in_a_stub() -> None:
    schemas = {
        "Node": {
            "type": "object",
            "description": "A node.",
            "properties": {
                "next": {"$ref": "#/components/schemas/Node"},
                "all": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
            },
        }
    }
    record = one(document(body({"$ref": "#/components/schemas/Node"}), components={"schemas": schemas}))
    node = record.parameters["properties"]["next"]
    levels = 0
    while "properties" in node:
        node = node["properties"]["next"]
        levels += 1
    assert levels == 3
    assert node == {"type": "object", "title": "Node", "description": "A node."}


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("#/components/schemas/Nowhere", "leads nowhere"),
        ("#/components/schemas/Itself", "back to itself"),
        ("other.yaml#/Pet", "leaves the document"),
    ],
)
def test_reference_that_cannot_be_followed_costs_its_place_only(target: str, reason: str) -> None:
    root = document(
        {
            "description": "Adds a pet to the shop.",
            **body({"type": "object", "properties": {"pet": {"$ref": target}, "name": {"type": "string"}}}),
        },
        components={"schemas": {"Itself": {"$ref": "#/components/schemas/Itself"}}},
    )
    (record,), (reject,) = read(root)
    assert record.parameters["properties"]["name"] == {"type": "string", "x-in": "body"}
    assert record.parameters["properties"]["pet"]["title"] == target.rsplit("/", 1)[-1]
    assert reason in reject.reason
    assert "spec.json" in reject.locator
    assert target in reject.locator


def test_pointers_with_escapes_are_followed() -> None:
    parameter = {"name": "id", "in": "path", "schema": {"type": "string"}}
    root = document({"parameters": [parameter]})
    root["paths"]["/other"] = {"get": {"parameters": [{"$ref": "#/paths/~1pets~1%7Bid%7D/get/parameters/0"}]}}
    records, rejects = read(root)
    assert not rejects
    assert records[0].parameters == records[1].parameters


def test_wide_schema_is_bounded_and_says_so() -> None:
    wide = {f"p{n}": {"type": "string"} for n in range(1000)}
    nested = {"type": "object", "title": "Wide", "properties": wide}
    record = one(document(body({"type": "object", "properties": {"inner": nested, **wide}})))
    assert record.parameters["x-omitted"] == 1001 - len(record.parameters["properties"])
    assert record.parameters["properties"]["inner"] == {"type": "object", "title": "Wide", "x-in": "body"}


def test_long_enumeration_is_not_cut_but_quoted() -> None:
    choices = [f"choice-{n}" for n in range(500)]
    record = one(document({"parameters": [{"name": "c", "in": "query", "schema": {"enum": choices}}]}))
    assert record.parameters["properties"]["c"] == {"examples": choices[:3], "x-in": "query"}


def test_body_that_is_no_object_travels_whole() -> None:
    operation = body({"type": "array", "items": {"type": "string"}})
    operation["requestBody"].update(required=True, description="Names.")
    assert one(document(operation)).parameters == {
        "type": "object",
        "properties": {"body": {"type": "array", "items": {"type": "string"}, "description": "Names.", "x-in": "body"}},
        "required": ["body"],
    }


def test_call_is_assembled_from_stated_examples_only() -> None:
    parameters = [
        {"name": "id", "in": "path", "example": 7, "schema": {"type": "integer"}},
        {"name": "sort", "in": "query", "schema": {"type": "string", "default": "up", "enum": ["up", "down"]}},
    ]
    answer = {"200": {"content": {"application/json": {"example": {"name": "Rex"}}}}}
    record = one(document({"parameters": parameters, "responses": answer}))
    assert record.examples == [{"arguments": {"id": 7}, "result": {"name": "Rex"}}]


def test_no_arguments_without_an_example_of_each_required_parameter() -> None:
    parameters = [{"name": name, "in": "path", "schema": {"type": "integer"}} for name in ("a", "b")]
    parameters[0]["example"] = 1
    assert one(document({"parameters": parameters})).examples == []


def test_named_examples_are_paired_by_name() -> None:
    def media(*pairs: tuple[str, Any]) -> dict[str, Any]:
        return {"content": {"application/json": {"examples": {key: {"value": value} for key, value in pairs}}}}

    operation = {
        "requestBody": media(("first", {"n": 1}), ("second", '{"n": 2}')),
        "responses": {"200": media(("second", {"ok": 2}), ("other", {"ok": 3}))},
    }
    operation["requestBody"]["content"]["application/json"]["schema"] = {"properties": {"n": {"type": "integer"}}}
    assert one(document(operation)).examples == [{"arguments": {"n": 1}}, {"arguments": {"n": 2}, "result": {"ok": 2}}]


def test_nameless_operation_gets_a_readable_name() -> None:
    assert one(document({}, path="/v1/pets/{petId}/toys")).name == "get_v1_pets_by_petId_toys"


def test_errors_auth_and_source_of_a_record() -> None:
    root = document(
        {"security": [{"o": ["read"], "h": []}], "responses": {"4XX": {"description": "<p>Bad</p>"}, "default": {}}},
        components={"securitySchemes": {"o": {"type": "oauth2"}, "h": {"type": "http", "scheme": "Bearer"}}},
        externalDocs={"url": "https://docs.example.org"},
    )
    root["info"].update({"x-providerName": "example.org", "x-serviceName": "pets"})
    record = one(root)
    assert record.auth == ["oauth2", "http:bearer"]
    assert record.errors == [{"code": "4XX", "description": "Bad"}]
    assert (record.provider, record.service, record.url) == ("example.org", "pets", "https://docs.example.org")
    assert (record.source, record.version, record.license) == ("test", "1", "unknown")


@pytest.mark.parametrize("data", [b"", b"{", b"openapi: 3.0.0", b"\xff\xfe", b"[1]", b"{}", b'{"paths": []}', b"null"])
def test_what_is_no_specification_is_one_reject(data: bytes) -> None:
    (reject,) = parse(data, ORIGIN)
    assert isinstance(reject, Reject)
    assert reject.locator == "spec.json"


def test_deep_nesting_is_survived() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(400):
        schema = {"type": "object", "properties": {"p": schema}, "allOf": [{"items": schema}], "example": schema}
    record, *_ = read(document(body(schema)))[0]
    assert len(orjson.dumps(record.parameters)) < 10_000


def test_exponential_references_are_bounded() -> None:
    schemas = {
        f"S{n}": {
            "type": "object",
            "properties": {f"p{k}": {"$ref": f"#/components/schemas/S{n + 1}"} for k in range(9)},
        }
        for n in range(30)
    }
    schemas["S30"] = {"type": "string"}
    record = one(document(body({"$ref": "#/components/schemas/S0"}), components={"schemas": schemas}))
    assert len(orjson.dumps(record.parameters)) < 50_000
