"""An OpenAPI 2.0, 3.0 or 3.1 document as API records: pure, bounded, and undisturbed by bad documents.

`parse` takes the bytes of one document and yields a record for each operation under ``paths``, then a `Reject` for each
reference that could not be followed. An operation survives whatever its parts are like. Memory: the parsed document
(about 5 times its bytes) and the trees of its named schemas; time: some 150 microseconds an operation.

Sources: the OpenAPI Specification 2.0, 3.0.4 and 3.1.1; APIs.guru's ``x-`` extensions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson

from forge.records import ApiRecord, Reject
from forge_sources.licenses import spdx
from forge_sources.markup import clip, lead_with, plain
from forge_sources.openapi_document import OpenApi, best_media, mapping, text_of
from forge_sources.openapi_examples import answer_examples, calls
from forge_sources.openapi_parameters import arguments_of
from forge_sources.openapi_schema import Node

DESCRIPTION_CHARACTERS = 2_000
ERROR_CHARACTERS = 160
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
        retrieved_at: ISO 8601 date of the fetch, if known.
    """

    source: str
    locator: str
    provider: str = ""
    service: str = ""
    retrieved_at: str | None = None


def parse(data: bytes, origin: Origin) -> Iterator[ApiRecord | Reject]:
    """The records of the document in ``data`` (JSON, UTF-8); a `Reject` if it is none."""
    try:
        root = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        yield Reject(locator=origin.locator, reason=f"not JSON: {error}")
        return
    del data
    yield from parse_document(root, origin)


def parse_document(root: Any, origin: Origin) -> Iterator[ApiRecord | Reject]:
    """The records of a document as `orjson.loads` returns it; it is not changed."""
    if not isinstance(root, dict) or not isinstance(root.get("paths"), dict):
        if isinstance(root, dict) and isinstance(root.get("webhooks"), dict) and "openapi" in root:
            return  # a 3.1 document of webhooks alone is whole, and offers nothing to call
        yield Reject(locator=origin.locator, reason="not an OpenAPI document: no object under 'paths'")
        return
    api = OpenApi(root)
    shared = _shared(api, origin)
    for method, path, item, operation in api.operations():
        yield _record(api, shared, (method, path, item, operation))
    for pointer, reason in api.refs.lost.items():
        yield Reject(locator=f"{origin.locator}{pointer if pointer[:1] == '#' else ' ' + pointer}"[:400], reason=reason)


def _shared(api: OpenApi, origin: Origin) -> dict[str, Any]:
    """The fields that all records of a document have in common."""
    return {
        "provider": text_of(api.info.get("x-providerName")) or origin.provider or _host(api) or "unknown",
        "service": text_of(api.info.get("x-serviceName")) or origin.service,
        "kind": "rest",
        "license": spdx(api.info.get("license")),
        "source": origin.source,
        "version": text_of(api.info.get("version")) or None,
        "retrieved_at": origin.retrieved_at,
        "url": _document_url(api),
    }


def _record(api: OpenApi, shared: Mapping[str, Any], found: tuple[str, str, Node, Node]) -> ApiRecord:
    method, path, item, operation = found
    arguments = arguments_of(api, item, operation)
    responses = mapping(operation.get("responses"))
    success = api.followed(next((responses[code] for code in responses if code[:1] == "2"), None))
    url = text_of(mapping(operation.get("externalDocs")).get("url"))
    return ApiRecord(
        **{**shared, "url": url} if url else shared,
        name=_name(method, path, operation),
        method=method.upper(),
        path=path,
        description=_description(item, operation),
        parameters=arguments.schema(),
        returns=_returns(api, success),
        examples=calls(arguments, answer_examples(api, success)) if success or arguments.properties else (),
        errors=_errors(api, responses),
        auth=_auth(api, operation),
    )


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
    for code, node in responses.items():
        if code[:1] in ("4", "5") and len(found) < MOST_ERRORS:
            description = clip(plain(text_of(api.followed(node).get("description"))), ERROR_CHARACTERS)
            found.append({"code": code[:8], "description": description})
    return found


def _auth(api: OpenApi, operation: Node) -> Sequence[str]:
    """Types of the schemes that the operation accepts; its own list, even an empty one, overrides the document's."""
    wanted = operation["security"] if isinstance(operation.get("security"), list) else api.root.get("security")
    schemes = _schemes(api)
    found: dict[str, None] = {}
    for requirement in wanted if isinstance(wanted, list) else ():
        for name in mapping(requirement):
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


def _host(api: OpenApi) -> str:
    if api.version2:
        return text_of(api.root.get("host")).partition(":")[0]
    servers = api.listed(api.root.get("servers"))
    for server in servers:
        try:
            host = urlsplit(text_of(server.get("url"))).hostname
        except ValueError:  # such as an unclosed bracket
            continue
        if host:
            return host
    return ""


def _document_url(api: OpenApi) -> str | None:
    own = text_of(mapping(api.root.get("externalDocs")).get("url"))
    origins = [text_of(origin.get("url")) for origin in api.listed(api.info.get("x-origin"))]
    return own or next((url for url in reversed(origins) if url), None)
