"""One Google API Discovery document as API records: pure, bounded, and undisturbed by bad documents.

Names and paths follow APIs.guru's conversion of the same documents, so that a method known to both has one identity:
the path is the method's ``path`` without the operators of its template (``/v1/{name}`` for ``v1/{+name}``), relative to
the document's ``servicePath``. That conversion holds one version of a service; where the service path alone tells
versions apart (``compute/beta/``), the others keep it in front, or they would count as one. The path with all its parts
(``v1/projects/{projectsId}``) is kept as ``flat_path`` in the record's meta. The parameters that every Google method
takes (``alt``, ``fields``, ``key``, ...) are left out.

Cost: about 200 microseconds a method.

Source: Google API Discovery Service, type reference of the document; RFC 6570 (URI templates); AIP-203 (field
behaviour is stated by the first word of a description: ``Required.``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from forge.records import UNKNOWN_LICENSE, ApiRecord, Reject
from forge_sources.google_discovery.schemas import settle
from forge_sources.markup import clip, plain
from forge_sources.openapi.document import PARAMETERS, RETURNS, mapping, text_of
from forge_sources.openapi.parameters import MOST_PARAMETERS, Arguments
from forge_sources.openapi.refs import References
from forge_sources.openapi.schema import Node, SchemaBook

PROVIDER = "googleapis.com"
DESCRIPTION_CHARACTERS = 2_000
NAME_CHARACTERS = 160
MOST_METHODS = 20_000
MOST_SCOPES = 40
CHOICE_CHARACTERS = 100

_EXPRESSION = re.compile(r"\{[+#./;?&]?([^{}*]*)\*?\}")
_REQUIRED = re.compile(r"\s*Required\b\s*[.:]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a document comes from.

    Attributes:
        source: name of the source plugin.
        locator: the document's name within the source.
        preferred: whether it holds the preferred version of its service.
        license, license_evidence: of the package that it was in.
    """

    source: str
    locator: str
    preferred: bool = True
    license: str = UNKNOWN_LICENSE
    license_evidence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document opened for reading: its schemas under the two budgets, and what its records have in common."""

    refs: References
    sent: SchemaBook
    answered: SchemaBook
    service_path: str
    meta: Node
    shared: dict[str, Any]


def parse(data: bytes, origin: Origin) -> Iterator[ApiRecord | Reject]:
    """The records of the document in ``data``, then a `Reject` for each reference that leads nowhere."""
    try:
        root = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        yield Reject(locator=origin.locator, reason=f"not JSON: {error}")
        return
    if not isinstance(root, dict) or not (isinstance(root.get("resources"), dict) or "methods" in root):
        yield Reject(locator=origin.locator, reason="not a discovery document: neither 'resources' nor 'methods'")
        return
    opened = _opened(root, origin)
    for trail, method in _methods(root):
        yield _record(opened, trail, method)
    for pointer, reason in opened.refs.lost.items():
        yield Reject(locator=f"{origin.locator}{pointer}"[:400], reason=reason)


def _opened(root: Node, origin: Origin) -> Document:
    schemas = mapping(root.get("schemas"))
    settle(list(schemas.values()))
    refs = References({"schemas": schemas})
    meta: Node = {"title": text_of(root.get("title")), "revision": text_of(root.get("revision"))}
    labels = root.get("labels")
    if isinstance(labels, list):
        meta["labels"] = [label for label in labels if isinstance(label, str)]
    return Document(
        refs=refs,
        sent=SchemaBook(refs, PARAMETERS),
        answered=SchemaBook(refs, RETURNS),
        service_path="" if origin.preferred else text_of(root.get("servicePath")).strip("/"),
        meta={key: value for key, value in meta.items() if value},
        shared={
            "provider": PROVIDER,
            "service": text_of(root.get("name")),
            "kind": "rest",
            "license": origin.license,
            "license_evidence": origin.license_evidence,
            "source": origin.source,
            "url": text_of(root.get("documentationLink")) or None,
            "version": text_of(root.get("version")) or None,
        },
    )


def _methods(root: Node) -> Iterator[tuple[str, Node]]:
    """``(resource path, method)`` in the document's order; resources lie within resources to any depth."""
    left = MOST_METHODS
    stack: list[tuple[str, Node]] = [("", root)]
    while stack and left > 0:
        trail, node = stack.pop()
        for name, method in mapping(node.get("methods")).items():
            if isinstance(method, dict):
                left -= 1
                yield f"{trail}.{name}", method
        inner = [(f"{trail}.{name}", mapping(child)) for name, child in mapping(node.get("resources")).items()]
        stack.extend(reversed(inner))


def _record(document: Document, trail: str, method: Node) -> ApiRecord:
    name = text_of(method.get("id")) or f"{document.shared['service']}{trail}"
    template = text_of(method.get("path")) or text_of(method.get("flatPath"))
    request = document.sent.flatten(_reference(method, "request"))[0] or {}
    scopes = _scopes(method)
    return ApiRecord(
        **document.shared,
        name=name[:NAME_CHARACTERS],
        method=text_of(method.get("httpMethod")).upper(),
        path=_path(document.service_path, template),
        description=clip(plain(text_of(method.get("description"))), DESCRIPTION_CHARACTERS),
        parameters=_arguments(document, method, request, name=name).schema(),
        returns=_returns(document, method),
        auth=["oauth2"] if scopes else ["apiKey"],
        category=trail.split(".")[1] if trail.count(".") > 1 else "",
        deprecated=method.get("deprecated") is True,
        meta=_meta(document, method, scopes=scopes, template=template),
    )


def _path(service_path: str, template: str) -> str:
    path = _EXPRESSION.sub(r"{\1}", template.lstrip("/"))
    return f"/{service_path}/{path}" if service_path else f"/{path}"


def _reference(method: Node, side: str) -> Any:
    """The reference that a ``request`` or ``response`` holds, as `settle` writes references."""
    node = dict(mapping(method.get(side)))
    settle([node])
    return node or None


def _arguments(document: Document, method: Node, request: Node, *, name: str) -> Arguments:
    """What a method takes: the parts of its path in their order, then the query, then the request's properties."""
    arguments = Arguments()
    given = mapping(method.get("parameters"))
    order = method.get("parameterOrder")
    first = [key for key in order if isinstance(key, str) and key in given] if isinstance(order, list) else []
    for key in dict.fromkeys([*first, *given]):
        parameter = mapping(given[key])
        where = text_of(parameter.get("location"))
        required = parameter.get("required") is True or where == "path"
        settle([parameter])
        _add(document, arguments, (key, parameter), where=where if where == "path" else "query", required=required)
    for key, schema in mapping(request.get("properties")).items():
        node = mapping(document.refs.follow(schema)[0]) | mapping(schema)
        if node.get("readOnly") is not True:
            _add(document, arguments, (key, schema), where="body", required=_is_required(node, name))
    return arguments


def _add(document: Document, arguments: Arguments, named: tuple[str, Node], *, where: str, required: bool) -> None:
    if len(arguments.properties) >= MOST_PARAMETERS:
        arguments.omitted += 1
        return
    key, schema = named
    tree, size = document.sent.fitting(schema, room=arguments.room)
    meanings = mapping(schema).get("enumDescriptions")
    choices = tree.get("enum")
    if isinstance(meanings, list) and choices and len(meanings) == len(choices) and any(meanings):
        tree = {**tree, "x-enum-descriptions": [clip(plain(text_of(text)), CHOICE_CHARACTERS) for text in meanings]}
    arguments.add(key, tree, where=where, size=size, required=required)


def _is_required(node: Node, method: str) -> bool:
    """Whether a property of the request must be sent, by its annotation or by the first word of its description."""
    stated = mapping(node.get("annotations")).get("required")
    if isinstance(stated, list) and method in stated:
        return True
    return _REQUIRED.match(text_of(node.get("description"))) is not None


def _returns(document: Document, method: Node) -> Node | None:
    reference = _reference(method, "response")
    return document.answered.tree(reference)[0] or None if reference else None


def _scopes(method: Node) -> list[str]:
    scopes = method.get("scopes")
    return [scope for scope in scopes if isinstance(scope, str)][:MOST_SCOPES] if isinstance(scopes, list) else []


def _meta(document: Document, method: Node, *, scopes: list[str], template: str) -> Node:
    meta = dict(document.meta)
    if scopes:
        meta["scopes"] = scopes
    flat = text_of(method.get("flatPath"))
    if flat and flat != template:
        meta["flat_path"] = flat
    upload = mapping(method.get("mediaUpload"))
    if upload:
        accept = upload.get("accept")
        kinds = [kind for kind in accept if isinstance(kind, str)] if isinstance(accept, list) else []
        meta["media_upload"] = {"accept": kinds[:20], "max_size": text_of(upload.get("maxSize"))}
    if method.get("supportsMediaDownload") is True:
        meta["media_download"] = True
    return meta
