"""An OpenAPI 2.0, 3.0 or 3.1 document as API records: pure, bounded, and undisturbed by bad documents.

`parse` takes the bytes of one document and yields a record for each operation under ``paths``, then a `Reject` for each
reference that could not be followed. An operation survives whatever its parts are like. Memory: the parsed document
(about 5 times its bytes) and the trees of its named schemas; time: some 150 microseconds an operation.

Sources: the OpenAPI Specification 2.0, 3.0.4 and 3.1.1; APIs.guru's ``x-`` extensions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from forge.records import UNKNOWN_LICENSE, ApiRecord, Reject
from forge_sources.markup import clip, lead_with, plain
from forge_sources.openapi.document import MOST_LISTED, OpenApi, best_media, mapping, text_of
from forge_sources.openapi.examples import answer_examples, calls
from forge_sources.openapi.external import Neighbours, shown
from forge_sources.openapi.facts import (
    LABEL_CHARACTERS,
    TITLE_CHARACTERS,
    categories_of,
    host_of,
    licence_of,
    line,
    server_of,
    tags_of,
    terms_of,
)
from forge_sources.openapi.opening import opened
from forge_sources.openapi.parameters import arguments_of
from forge_sources.openapi.schema import Node
from forge_sources.spec_files import UnreadableSpec

DESCRIPTION_CHARACTERS = 2_000
ERROR_CHARACTERS = 160
MOST_SCHEMES = 20
MOST_ERRORS = 10
NAME_CHARACTERS = 160

_NOT_WORD = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a document comes from.

    Attributes:
        source: name of the source plugin.
        locator: the document within the source: a relative path or an address.
        provider, service: used where the document names none.
        overrides: True where they count whatever the document names.
        license, license_evidence: used where the document states none: those of the package that it came in.
        url: used where the document names no address for people.
        retrieved_at: ISO 8601 date of the fetch, if known.
    """

    source: str
    locator: str
    provider: str = ""
    service: str = ""
    overrides: bool = False
    license: str = UNKNOWN_LICENSE
    license_evidence: str = ""
    url: str | None = None
    retrieved_at: str | None = None


def parse(data: bytes, origin: Origin, *, neighbours: Neighbours | None = None) -> Iterator[ApiRecord | Reject]:
    """The records of the document in ``data`` (JSON or YAML); a `Reject` if it is none.

    Args:
        neighbours: the files that the document may refer to; None: it stands alone.
    """
    try:
        root = opened(data, origin.locator)
    except UnreadableSpec as error:
        yield Reject(locator=origin.locator, reason=str(error))
        return
    del data
    yield from parse_document(root, origin, neighbours=neighbours)


def parse_document(root: Any, origin: Origin, *, neighbours: Neighbours | None = None) -> Iterator[ApiRecord | Reject]:
    """The records of a document as `opened` returns it; it is not changed."""
    if not isinstance(root, dict) or not isinstance(root.get("paths"), dict):
        if isinstance(root, dict) and isinstance(root.get("webhooks"), dict) and "openapi" in root:
            return  # a 3.1 document of webhooks alone is whole, and offers nothing to call
        yield Reject(locator=origin.locator, reason="not an OpenAPI document: no object under 'paths'")
        return
    api = OpenApi(root, neighbours=neighbours)
    shared = _shared(api, origin)
    for method, path, item, operation in api.operations():
        yield _record(api, shared, (method, path, item, operation))
    for pointer, reason in api.refs.lost.items():
        place = pointer if pointer[:1] == "#" else f" {shown(pointer)}"
        yield Reject(locator=f"{origin.locator}{place}"[:400], reason=reason)


def _shared(api: OpenApi, origin: Origin) -> dict[str, Any]:
    """The fields that all records of a document have in common; categories and facts go into ``meta``."""
    named = {"provider": text_of(api.info.get("x-providerName")), "service": text_of(api.info.get("x-serviceName"))}
    given = {"provider": origin.provider, "service": origin.service}
    first, second = (given, named) if origin.overrides else (named, given)
    expression, evidence = licence_of(api.info, otherwise=(origin.license, origin.license_evidence))
    categories = categories_of(api.info)
    facts = {"title": line(plain(text_of(api.info.get("title"))), TITLE_CHARACTERS), "server": server_of(api)}
    return {
        "provider": first["provider"] or second["provider"] or host_of(api) or "unknown",
        "service": first["service"] or second["service"],
        "kind": "rest",
        "license": expression,
        "license_evidence": evidence,
        "terms_url": terms_of(api.info),
        "category": categories[0] if categories else "",
        "meta": {key: value for key, value in facts.items() if value} | {"categories": categories[1:]},
        "source": origin.source,
        "version": text_of(api.info.get("version")) or None,
        "retrieved_at": origin.retrieved_at,
        "url": _document_url(api) or origin.url,
    }


def _record(api: OpenApi, shared: Mapping[str, Any], found: tuple[str, str, Node, Node]) -> ApiRecord:
    method, path, item, operation = found
    arguments = arguments_of(api, item, operation)
    responses = mapping(operation.get("responses"))
    codes = islice(responses, MOST_LISTED)
    success = api.followed(next((responses[code] for code in codes if code[:1] == "2"), None))
    return ApiRecord(
        **{**shared, **_own(shared, operation)},
        name=_name(method, path, operation),
        method=method.upper(),
        path=path,
        description=_description(item, operation),
        parameters=arguments.schema(),
        returns=_returns(api, success),
        examples=calls(arguments, answer_examples(api, success)) if success or arguments.properties else (),
        errors=_errors(api, responses),
        auth=_auth(api, operation),
        deprecated=operation.get("deprecated") is True,
    )


def _own(shared: Mapping[str, Any], operation: Node) -> dict[str, Any]:
    """What an operation says otherwise than its document: where to read about it, its category, its tags."""
    own: dict[str, Any] = {}
    url = text_of(mapping(operation.get("externalDocs")).get("url"))
    if url:
        own["url"] = url
    tags = tags_of(operation)
    if tags and not shared["category"]:
        own["category"] = tags[0][:LABEL_CHARACTERS]
    own["meta"] = {key: value for key, value in (*shared["meta"].items(), ("tags", tags)) if value}
    return own


def _name(method: str, path: str, operation: Node) -> str:
    """The operation's own name, or one made of method and path: ``get_accounts_by_account``."""
    for key in ("x-aws-operation-name", "operationId"):
        own = text_of(operation.get(key))
        if own:
            return own[:NAME_CHARACTERS]
    words = [method]
    for part in path.split("/"):
        word = _NOT_WORD.sub("_", part).strip("_")
        if word:
            words.append(f"by_{word}" if part.startswith("{") else word)
    return "_".join(words)[:NAME_CHARACTERS]


def _description(item: Node, operation: Node) -> str:
    for node in (operation, item):
        summary, description = text_of(node.get("summary")), text_of(node.get("description"))
        if summary or description:
            return clip(lead_with(plain(summary), plain(description)), DESCRIPTION_CHARACTERS)
    return ""


def _returns(api: OpenApi, response: Node) -> Node | None:
    """The schema of a response, bounded; None where none is documented."""
    schema = best_media(response["content"])[1].get("schema") if "content" in response else response.get("schema")
    if not isinstance(schema, dict) or not schema:
        return None
    tree = api.returns.tree(schema)[0]
    return tree or None


def _errors(api: OpenApi, responses: Node) -> Sequence[Node]:
    found: list[Node] = []
    for code, node in islice(responses.items(), MOST_LISTED):
        if len(found) >= MOST_ERRORS:
            break
        if code[:1] in ("4", "5"):
            description = clip(plain(text_of(api.followed(node).get("description"))), ERROR_CHARACTERS)
            found.append({"code": code[:8], "description": description})
    return found


def _auth(api: OpenApi, operation: Node) -> Sequence[str]:
    """Types of the schemes that the operation accepts; its own list, even an empty one, overrides the document's."""
    wanted = operation["security"] if isinstance(operation.get("security"), list) else api.root.get("security")
    schemes = _schemes(api)
    found: dict[str, None] = {}
    for requirement in wanted[:MOST_SCHEMES] if isinstance(wanted, list) else ():
        for name in islice(mapping(requirement), MOST_SCHEMES):
            scheme = api.followed(schemes.get(name))
            kind = text_of(scheme.get("type"))
            if kind == "basic":
                kind = "http:basic"
            elif kind == "http":
                kind = f"http:{text_of(scheme.get('scheme')).lower() or 'unknown'}"
            found[kind or str(name)] = None
    return list(found)


def _schemes(api: OpenApi) -> Node:
    if api.version2:
        return mapping(api.root.get("securityDefinitions"))
    return mapping(mapping(api.root.get("components")).get("securitySchemes"))


def _document_url(api: OpenApi) -> str | None:
    own = text_of(mapping(api.root.get("externalDocs")).get("url"))
    origins = [text_of(origin.get("url")) for origin in api.listed(api.info.get("x-origin"))]
    return own or next((url for url in reversed(origins) if url), None)
