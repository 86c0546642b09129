"""Documented calls: what a specification states as examples of requests and answers, put together as calls.

Nothing is made up: a value appears only where the document gives it as an example (`example`, `examples`, `x-example`).
Arguments are kept when every required parameter has one; an answer is joined to a request when the document names both
alike, or when there is one of each. What is larger than `MOST_BYTES` as JSON is left out.

Sources: OpenAPI 3.1, Media Type, Parameter, Example and Schema Objects; OpenAPI 2.0, Example Object.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from forge_sources.openapi.document import MOST_MEDIA, OpenApi, best_media, mapping
from forge_sources.schema_keywords import Node, is_small

if TYPE_CHECKING:
    from forge_sources.openapi.parameters import Arguments

MOST_EXAMPLES = 2
MOST_BYTES = 3_000
MOST_PROPERTIES = 500
LEVELS = 3

Stated = tuple[bool, Any]
_NOTHING: Stated = (False, None)


def stated(api: OpenApi, holder: Node, schema: Any, *, levels: int = LEVELS) -> Stated:
    """Whether an example of a value is stated on its ``holder`` or ``schema``, and the example."""
    found = _on_node(api, holder) if holder else _NOTHING
    return found if found[0] else _on_schema(api, schema, levels)


def media_examples(api: OpenApi, media: Node, flat: Node) -> dict[str, Any]:
    """Whole example bodies of a media type by key; ``""`` is the key of one without a name."""
    named = media.get("examples")
    found: dict[str, Any] = {}
    if isinstance(named, dict):
        for key, entry in islice(named.items(), MOST_EXAMPLES):
            value = api.followed(entry)
            if "value" in value:
                found[str(key)] = _decoded(value["value"])
    if not found and "example" in media:
        found[""] = _decoded(media["example"])
    if not found and flat:
        is_stated, value = _on_schema(api, flat, LEVELS)
        if is_stated:
            found[""] = _decoded(value)
    return found


def answer_examples(api: OpenApi, response: Node) -> dict[str, Any]:
    """Example answers of a response by key."""
    if "content" in response:
        media = best_media(response["content"])[1]
        return media_examples(api, media, api.returns.flatten(media.get("schema"))[0] or {})
    given = mapping(response.get("examples"))
    if given:
        return {"": _decoded(best_value(given))}
    schema = response.get("schema")
    is_stated, value = _on_schema(api, schema, LEVELS) if schema is not None else _NOTHING
    return {"": _decoded(value)} if is_stated else {}


def best_value(by_media: Mapping[str, Any]) -> Any:
    """Swagger 2.0 states examples by media type: the JSON one, else the first."""
    for kind, value in islice(by_media.items(), MOST_MEDIA):
        if "json" in kind:
            return value
    return next(iter(by_media.values()))


def calls(arguments: "Arguments", answers: Mapping[str, Any]) -> Sequence[Node]:
    """At most `MOST_EXAMPLES` documented calls, each ``{"arguments", "result"}`` with at least one of them."""
    requests = dict(islice(_requests(arguments), MOST_EXAMPLES))
    answers = {key: value for key, value in answers.items() if is_small(value, limit=MOST_BYTES)}
    alone = len(requests) == 1 and len(answers) == 1
    found: list[Node] = []
    for key, request in requests.items():
        call: Node = {"arguments": request}
        if key in answers:
            call["result"] = answers[key]
        elif alone:
            call["result"] = next(iter(answers.values()))
        if request or "result" in call:
            found.append(call)
    if not any("result" in call for call in found):
        found.extend({"result": value} for value in islice(answers.values(), 1))
    return found[:MOST_EXAMPLES]


def _requests(arguments: "Arguments") -> Iterable[tuple[str, Node]]:
    """Complete arguments by example key; none at all count as such only where there is no body to leave out."""
    needed = set(arguments.required)
    in_body = {name for name, schema in arguments.properties.items() if schema["x-in"] == "body"}
    outside = {name: value for name, value in arguments.stated.items() if name not in in_body}
    whole = [(key, {**outside, **_body_arguments(arguments, body)}) for key, body in arguments.bodies.items()]
    for key, request in whole or [("", arguments.stated)]:
        if needed <= request.keys() and (request or not in_body) and is_small(request, limit=MOST_BYTES):
            yield key, request


def _body_arguments(arguments: "Arguments", body: Any) -> Node:
    if arguments.body_name:
        return {arguments.body_name: body}
    if not isinstance(body, dict):
        return {}
    return {arguments.renamed.get(str(name), str(name)): value for name, value in body.items()}


def _on_node(api: OpenApi, node: Node) -> Stated:
    """An example stated on a parameter or schema itself."""
    value = node.get("example")
    if value is None:
        value = node.get("x-example")
    if value is not None:
        return True, value
    several = node.get("examples")
    if several is None:
        return _NOTHING
    if isinstance(several, list) and several:
        return True, several[0]
    if isinstance(several, dict):
        for entry in islice(several.values(), MOST_EXAMPLES * 4):
            value = api.followed(entry)
            if "value" in value:
                return True, value["value"]
    return _NOTHING


def _on_schema(api: OpenApi, schema: Any, levels: int) -> Stated:
    """An example stated on a schema, or put together from those of its properties or items."""
    reference = schema.get("$ref") if isinstance(schema, dict) else None
    if not isinstance(reference, str):
        return _worked_out(api, schema, levels)
    key = (reference, levels)
    if key not in api.stated:
        api.stated[key] = _worked_out(api, schema, levels)
    return api.stated[key]


def _worked_out(api: OpenApi, schema: Any, levels: int) -> Stated:
    flat = api.parameters.flatten(schema)[0]
    api.examples_left -= 1
    if not flat or api.examples_left < 0:
        return _NOTHING
    found = _on_node(api, flat)
    if found[0] or levels <= 0:
        return found
    properties = flat.get("properties")
    if isinstance(properties, dict) and properties:
        return _from_properties(api, flat, properties, levels)
    if isinstance(flat.get("items"), dict):
        is_stated, value = _on_schema(api, flat["items"], levels - 1)
        return (True, [value]) if is_stated else _NOTHING
    return _NOTHING


def _from_properties(api: OpenApi, flat: Node, properties: Node, levels: int) -> Stated:
    """All required properties and at least half of all must have an example, or the whole would mislead."""
    if len(properties) > MOST_PROPERTIES:
        return _NOTHING
    values = {}
    for name, schema in properties.items():
        is_stated, value = _on_schema(api, schema, levels - 1)
        if is_stated:
            values[name] = value
    required = flat.get("required")
    needed = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    complete = len(values) * 2 >= len(properties) and all(name in values for name in needed)
    return (True, values) if values and complete else _NOTHING


def _decoded(value: Any) -> Any:
    """An example body written as JSON text is what the text says."""
    if isinstance(value, str) and len(value) <= MOST_BYTES * 2 and value.lstrip()[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    return value
