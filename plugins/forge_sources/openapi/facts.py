"""What a specification says around its operations: who runs it, under which licence and terms, in which category.

The licence is that of the document, where ``info.license`` states one; the terms are those of the service. A licence
that is no SPDX expression (a company's own) stays ``unknown``, with the document's words as evidence. Costs
microseconds a document.

Sources: OpenAPI 3.1, Info, License, Server and Tag Objects; APIs.guru's ``x-`` extensions.
"""

import ipaddress
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from forge.records import UNKNOWN_LICENSE
from forge.secrets import redact_url
from forge_sources.licenses import spdx
from forge_sources.openapi.document import OpenApi, mapping, text_of
from forge_sources.openapi.schema import Node

EVIDENCE_CHARACTERS = 200
LABEL_CHARACTERS = 80
TITLE_CHARACTERS = 120
URL_CHARACTERS = 400
MOST_TAGS = 5

_BLANKS = re.compile(r"\s+")
_VARIABLE = re.compile(r"\{([^{}]{1,80})\}")


def licence_of(info: Mapping[str, Any], *, otherwise: tuple[str, str] = (UNKNOWN_LICENSE, "")) -> tuple[str, str]:
    """SPDX expression and evidence of a document; ``otherwise`` where it states nothing at all."""
    stated = info.get("license")
    node = mapping(stated) if isinstance(stated, dict) else {"name": stated}
    words = [text_of(node.get(key)) for key in ("identifier", "name")]
    url = text_of(node.get("url"))
    said = ", ".join(dict.fromkeys(word for word in words if word)) or url
    if not said:
        return otherwise
    if url and url != said:
        said = f"{said} ({url})"
    return spdx(node), f"info.license: {line(said, EVIDENCE_CHARACTERS)}"


def terms_of(info: Mapping[str, Any]) -> str | None:
    """Address of the terms of service; words that are no address are left out."""
    text = text_of(info.get("termsOfService"))
    return _address(text)


def categories_of(info: Mapping[str, Any]) -> list[str]:
    """APIs.guru's categories of the document, the first one first."""
    stated = info.get("x-apisguru-categories")
    listed = [stated] if isinstance(stated, str) else stated if isinstance(stated, list) else []
    return _labels(listed)


def tags_of(operation: Node) -> list[str]:
    """Tags of an operation, at most `MOST_TAGS`."""
    listed = operation.get("tags")
    return _labels(listed) if isinstance(listed, list) else []


def host_of(api: OpenApi) -> str:
    """The first public host that the document names, as a provider's name: without ``api.`` and ``www.``; or ""."""
    if api.version2:
        return _provider(f"//{text_of(api.root.get('host'))}")
    for server in api.listed(api.root.get("servers")):
        name = _provider(_filled(server))
        if name:
            return name
    return ""


def server_of(api: OpenApi) -> str:
    """The address below which the paths lie, defaults filled in; "" where none is stated."""
    if api.version2:
        host = text_of(api.root.get("host"))
        schemes = [text_of(scheme) for scheme in _list(api.root.get("schemes"))]
        scheme = "https" if "https" in schemes or not schemes else schemes[0]
        base = text_of(api.root.get("basePath"))
        return _address(f"{scheme}://{host}{base}") or "" if host else ""
    for server in api.listed(api.root.get("servers")):
        address = _address(_filled(server))
        if address:
            return address
    return ""


def line(text: str, limit: int) -> str:
    """``text`` on one line of at most ``limit`` characters."""
    return _BLANKS.sub(" ", text[: limit * 4]).strip()[:limit]


def _list(node: Any) -> list[Any]:
    return node[:MOST_TAGS] if isinstance(node, list) else []


def _labels(listed: list[Any]) -> list[str]:
    words = [line(text_of(item), LABEL_CHARACTERS) for item in listed[:MOST_TAGS]]
    return list(dict.fromkeys(word for word in words if word))


def _filled(server: Node) -> str:
    """A server's address with the defaults of its variables."""
    variables = mapping(server.get("variables"))
    address = text_of(server.get("url"))[:URL_CHARACTERS]
    return _VARIABLE.sub(lambda found: text_of(mapping(variables.get(found[1])).get("default")) or found[0], address)


def _provider(address: str) -> str:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:  # such as an unclosed bracket
        return ""
    bare = host.removeprefix("www.").removeprefix("api.")
    if "." not in bare or "{" in bare or _is_number(host):
        return "" if host == "localhost" or "{" in host or _is_number(host) else host
    return bare


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _address(text: str) -> str | None:
    """``text`` if it is an http(s) address, without the secrets that it may hold."""
    if len(text) > URL_CHARACTERS or not text.startswith(("https://", "http://")) or any(map(str.isspace, text)):
        return None
    return redact_url(text)
