"""One AWS service model (``service-2.json``) as API records.

Shapes become schemas of a small document of their own, so that the bounds and the sharing of `openapi_schema` hold here
too. Paths, methods and service names follow the APIs.guru conversion of the same models (``/#X-Amz-Target=...``,
``/#Action=...``, required query parameters after ``#``): an operation that both sources know has one identity.

Source: botocore's data model documents; the aws2openapi conversion that APIs.guru uses.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from forge.records import UNKNOWN_LICENSE, ApiRecord
from forge_sources.botocore.names import SERVICE_NAMES, path_of
from forge_sources.botocore.shapes import reference_to, schema_of
from forge_sources.markup import clip, plain
from forge_sources.openapi.document import PARAMETERS, RETURNS, mapping, text_of
from forge_sources.openapi.examples import MOST_BYTES, MOST_EXAMPLES, calls
from forge_sources.openapi.parameters import MOST_PARAMETERS, Arguments
from forge_sources.openapi.refs import References
from forge_sources.openapi.schema import SchemaBook
from forge_sources.schema_keywords import Node, is_small

DESCRIPTION_CHARACTERS = 2_000
ERROR_CHARACTERS = 160
MOST_ERRORS = 10
PROVIDER = "amazonaws.com"

_PLACES = {"uri": "path", "querystring": "query", "header": "header", "headers": "header"}
_SCHEMES = {
    "aws.auth#sigv4": "aws:sigv4",
    "aws.auth#sigv4a": "aws:sigv4a",
    "smithy.api#httpBearerAuth": "http:bearer",
    "smithy.api#httpApiKeyAuth": "apiKey",
    "smithy.api#httpBasicAuth": "http:basic",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A service model opened for reading.

    Attributes:
        service: the service's name, as APIs.guru has it where it differs.
        metadata, shapes: of the model.
        sent, answered: its shapes as schemas under the two budgets.
        examples: documented calls by operation.
        license: of the models, and where it is stated.
    """

    service: str
    metadata: Node
    shapes: Node
    sent: SchemaBook
    answered: SchemaBook
    examples: Node
    license: tuple[str, str]


def records(
    model: Any, examples: Any, *, folder: str, source: str, stated: tuple[str, str] = (UNKNOWN_LICENSE, "")
) -> Iterator[ApiRecord]:
    """The operations of a service model.

    Args:
        model: the parsed ``service-2.json``.
        examples: the parsed ``examples-1.json``; an empty object where there is none.
        folder: the service's folder in botocore's data.
        source: name of the source plugin.
        stated: licence of the models and where it is stated.
    """
    shapes = mapping(mapping(model).get("shapes"))
    refs = References({"shapes": {name: schema_of(mapping(shape)) for name, shape in shapes.items()}})
    opened = Model(
        service=SERVICE_NAMES.get(folder, folder),
        metadata=mapping(mapping(model).get("metadata")),
        shapes=shapes,
        sent=SchemaBook(refs, PARAMETERS),
        answered=SchemaBook(refs, RETURNS),
        examples=mapping(mapping(examples).get("examples")),
        license=stated,
    )
    for name, operation in mapping(mapping(model).get("operations")).items():
        yield _record(opened, str(name), mapping(operation), source=source)


def _record(model: Model, name: str, operation: Node, *, source: str) -> ApiRecord:
    http = mapping(operation.get("http"))
    members = _input(model, operation)
    arguments = _arguments(model, members)
    uid = text_of(model.metadata.get("uid"))
    link = f"https://docs.aws.amazon.com/goto/WebAPI/{uid}/{name}" if uid else None
    return ApiRecord(
        provider=PROVIDER,
        service=model.service,
        name=name,
        kind="rest",
        method=text_of(http.get("method")).upper(),
        path=path_of(model.metadata, name, text_of(http.get("requestUri")), members=members),
        description=clip(plain(text_of(operation.get("documentation"))), DESCRIPTION_CHARACTERS),
        parameters=arguments.schema(),
        returns=_returns(model, operation),
        examples=_examples(model, name, arguments),
        errors=_errors(model, operation),
        auth=_auth(model, operation),
        license=model.license[0],
        license_evidence=model.license[1],
        deprecated=operation.get("deprecated") is True,
        meta=_meta(model, operation),
        source=source,
        url=text_of(operation.get("documentationUrl")) or link,
        version=text_of(model.metadata.get("apiVersion")) or None,
    )


def _meta(model: Model, operation: Node) -> Node:
    """The service's full name, its protocol, and why an operation is deprecated."""
    facts = {
        "title": text_of(model.metadata.get("serviceFullName")),
        "protocol": text_of(model.metadata.get("protocol")),
        "deprecated_message": clip(plain(text_of(operation.get("deprecatedMessage"))), ERROR_CHARACTERS),
    }
    return {key: value for key, value in facts.items() if value}


def _shape(model: Model, holder: Any) -> Node:
    return mapping(model.shapes.get(text_of(mapping(holder).get("shape"))))


def _input(model: Model, operation: Node) -> list[tuple[str, Node, bool]]:
    """``(member, its entry, whether it is required)`` of the operation's input."""
    shape = _shape(model, operation.get("input"))
    required = shape.get("required")
    needed = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
    return [(name, mapping(member), name in needed) for name, member in mapping(shape.get("members")).items()]


def _arguments(model: Model, members: Sequence[tuple[str, Node, bool]]) -> Arguments:
    arguments = Arguments()
    for name, member, required in members[:MOST_PARAMETERS]:
        where = _PLACES.get(text_of(member.get("location")), "body")
        tree, size = model.sent.fitting(reference_to(member), room=arguments.room)
        wire = text_of(member.get("locationName"))
        if where != "body" and wire and wire != name:
            tree = {**tree, "x-name": wire}
        arguments.add(name, tree, where=where, size=size, required=required)
    arguments.omitted = max(0, len(members) - MOST_PARAMETERS)
    return arguments


def _returns(model: Model, operation: Node) -> Node | None:
    if not _shape(model, operation.get("output")).get("members"):
        return None
    return model.answered.tree(reference_to(operation["output"]))[0]


def _examples(model: Model, name: str, arguments: Arguments) -> Sequence[Node]:
    found: list[Node] = []
    listed = model.examples.get(name)
    for example in islice(listed if isinstance(listed, list) else (), MOST_EXAMPLES * 2):
        given, answer = mapping(example).get("input"), mapping(example).get("output")
        if isinstance(given, dict):
            known = {key: value for key, value in given.items() if key in arguments.properties}
            arguments.bodies = {"": known} if len(known) == len(given) else {}
            has_answer = isinstance(answer, dict) and bool(answer) and is_small(answer, limit=MOST_BYTES)
            found.extend(call for call in calls(arguments, {"": answer} if has_answer else {}) if "arguments" in call)
    return found[:MOST_EXAMPLES]


def _errors(model: Model, operation: Node) -> Sequence[Node]:
    found = []
    listed = operation.get("errors")
    for error in islice(listed if isinstance(listed, list) else (), MOST_ERRORS):
        name, shape = text_of(mapping(error).get("shape")), _shape(model, error)
        status = text_of(mapping(shape.get("error")).get("httpStatusCode"))
        text = clip(plain(text_of(shape.get("documentation"))), ERROR_CHARACTERS)
        if status:
            text = f"{name}: {text}" if text else name
        found.append({"code": status or name, "description": text})
    return found


def _auth(model: Model, operation: Node) -> Sequence[str]:
    if operation.get("authtype") == "none":
        return []
    listed = operation.get("auth") or model.metadata.get("auth")
    schemes = [_SCHEMES.get(str(name), "") for name in listed] if isinstance(listed, list) else []
    return [scheme for scheme in schemes if scheme]
