"""Tools as Model Context Protocol servers describe them, as records; and the listings that people save of them.

A tool is ``{name, title, description, inputSchema, outputSchema, annotations}`` (specification 2025-11-25, "Tools"). A
saved listing is the answer to ``tools/list``, bare or as the JSON-RPC message it came in, one or a list; a crawled
server with its answer or what its page said (``metadata.remote_server_response``, ``metadata.server_info_crawled``); or
an ``mcp.json`` (``mcpServers``), which names servers but not their tools. Some 20 microseconds a tool.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge.records import UNKNOWN_LICENSE, ApiRecord, Reject
from forge_sources.licenses import spdx

SCHEMA_KEYS = ("inputSchema", "input_schema", "parameters")
_BREADCRUMB = re.compile(r"^Deploy Server .{0,400}?Try in Playground\s*", re.DOTALL)
"""What a registry's page puts before a tool's description."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server and its tools, as they came. ``facts`` go to the meta of each of its records."""

    name: str
    tools: Sequence[Any]
    version: str | None = None
    url: str | None = None
    license: str = UNKNOWN_LICENSE
    license_evidence: str = ""
    category: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def servers(data: Any, *, name: str) -> Iterator[Server | Reject]:
    """The servers of a saved listing; ``name`` is for one that does not say its own."""
    if isinstance(data, list):
        yield from _many(data, name=name)
    elif not isinstance(data, Mapping):
        yield Reject(locator=name, reason="a listing is a JSON object or array")
    elif isinstance(data.get("mcpServers"), Mapping):
        for server, entry in sorted(data["mcpServers"].items()):
            yield _configured(server, entry, where=f"{name}#{server}")
    elif isinstance(data.get("metadata"), Mapping):
        yield _crawled(data["metadata"], data.get("labels"), name=name)
    else:
        yield _answered(data, name=name)


def records(server: Server, *, source: str, locator: str, retrieved_at: str | None) -> Iterator[ApiRecord | Reject]:
    """One record or reject a tool."""
    for number, tool in enumerate(server.tools):
        record = _record(tool, server, source=source, retrieved_at=retrieved_at)
        if isinstance(record, str):
            named = tool.get("name") if isinstance(tool, Mapping) else None
            yield Reject(locator=f"{locator}#{named or number}", reason=record)
        else:
            yield record


def _record(tool: Any, server: Server, *, source: str, retrieved_at: str | None) -> ApiRecord | str:
    """The record of a tool, or what is wrong with it."""
    if isinstance(tool, Mapping) and isinstance(tool.get("function"), Mapping):
        tool = tool["function"]
    if not isinstance(tool, Mapping):
        return "the tool is no object"
    name = tool.get("name")
    if not isinstance(name, str) or not name.strip():
        return "the tool has no name"
    schema = input_schema(tool)
    if isinstance(schema, str):
        return schema
    output = next((tool[key] for key in ("outputSchema", "output_schema") if tool.get(key) is not None), None)
    if output is not None and not isinstance(output, Mapping):
        return "its outputSchema is no object"
    notes = tool.get("annotations") if isinstance(tool.get("annotations"), Mapping) else None
    title = tool.get("title") or (notes or {}).get("title")
    meta = {**server.facts, "title": title, "annotations": notes or None}
    try:
        return ApiRecord(
            provider=server.name,
            service="",
            name=name,
            kind="mcp",
            description=_description(tool.get("description")),
            parameters=schema,
            returns=output,
            license=server.license,
            license_evidence=server.license_evidence,
            category=server.category,
            meta={key: value for key, value in meta.items() if value is not None},
            source=source,
            url=server.url,
            version=server.version,
            retrieved_at=retrieved_at,
        )
    except TypeError as error:  # orjson: nested too deep, a number too large
        return f"it cannot be written as JSON: {error}"


def _description(text: object) -> str:
    """A tool's own words, without what a registry's page put around or in place of them."""
    found = _BREADCRUMB.sub("", text).strip() if isinstance(text, str) else ""
    return "" if found == "Description not available" else found


def input_schema(tool: Mapping[str, Any]) -> dict[str, Any] | str:
    """The schema of a tool's arguments, or what is wrong with it."""
    key = next((key for key in SCHEMA_KEYS if tool.get(key) is not None), None)
    if key is None:
        return "it has no inputSchema"
    schema = tool[key]
    if isinstance(schema, list) and key == "parameters":
        return _listed(schema)
    fault = _fault(schema)
    return f"its {key} {fault}" if fault else {"type": "object", "properties": {}, **schema}


def _fault(schema: Any) -> str:
    """What is wrong with a schema of arguments; empty if nothing is."""
    if not isinstance(schema, Mapping):
        return "is no object"
    if schema.get("type", "object") != "object":
        return f"is of type {str(schema['type'])[:40]!r}, not 'object'"
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping) or not all(
        isinstance(value, Mapping | bool) for value in properties.values()
    ):
        return "has properties that are no schemas"
    required = schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(entry, str) for entry in required):
        return "requires what is no list of names"
    return ""


def _listed(parameters: Sequence[Any]) -> dict[str, Any]:
    """A page's list of parameters, ``{name, type, required}``, as a schema."""
    named = [entry for entry in parameters if isinstance(entry, Mapping) and isinstance(entry.get("name"), str)]
    properties = {
        entry["name"]: {key: str(entry[key]) for key in ("type", "description") if entry.get(key)} for entry in named
    }
    found: dict[str, Any] = {"type": "object", "properties": properties}
    required = [entry["name"] for entry in named if entry.get("required") is True]
    return found | {"required": required} if required else found


def _many(data: Sequence[Any], *, name: str) -> Iterator[Server | Reject]:
    """A list: of tools, or of listings."""
    if data and all(isinstance(entry, Mapping) and _is_tool(entry) for entry in data):
        yield Server(name=name, tools=data)
        return
    for number, entry in enumerate(data):
        if isinstance(entry, list):
            yield Reject(locator=f"{name}#{number}", reason="a list of lists is no listing")
        else:
            yield from servers(entry, name=name)


def _is_tool(entry: Mapping[str, Any]) -> bool:
    return ("name" in entry or "function" in entry) and "tools" not in entry and "result" not in entry


def _answered(data: Mapping[str, Any], *, name: str) -> Server | Reject:
    result = data.get("result") if isinstance(data.get("result"), Mapping) else data
    tools = result.get("tools") if isinstance(result, Mapping) else None
    if not isinstance(tools, list):
        return Reject(locator=name, reason="it holds no list of tools")
    return Server(name=_name_of(data) or name, tools=tools, version=_version_of(data))


def _configured(server: str, entry: Any, *, where: str) -> Server | Reject:
    """A server of an ``mcp.json``: none is started or asked for being named in a file."""
    tools = entry.get("tools") if isinstance(entry, Mapping) else None
    if isinstance(tools, list) and all(isinstance(tool, Mapping) for tool in tools):
        return Server(name=server, tools=tools)
    option = "url" if isinstance(entry, Mapping) and entry.get("url") else "command"
    return Reject(
        locator=where, reason=f"it says how the server is reached, not which tools it has; give a source its {option}"
    )


def _crawled(metadata: Mapping[str, Any], labels: Any, *, name: str) -> Server | Reject:
    """A server as a crawl of a registry left it: its own answer where there is one, else what its page says."""
    page, answer = (
        found if isinstance(found := metadata.get(key), Mapping) else {}
        for key in ("server_info_crawled", "remote_server_response")
    )
    tools = answer.get("tools") or page.get("tools")
    if not isinstance(tools, list) or not tools:
        return Reject(locator=name, reason="neither the server's answer nor its page names a tool")
    stated = str(page.get("license") or "")
    license = spdx({"name": stated})
    if not answer.get("tools"):
        tools = _of_page(tools)
    facts = {
        "server": metadata.get("server_name") or page.get("name"),
        "listing": "answer" if answer.get("tools") else "page",
        "uses": _count(metadata.get("usage_count")),
        "tags": page.get("tags") or None,
    }
    return Server(
        name=str(page.get("author") or metadata.get("server_name") or name),
        tools=tools,
        url=next((at for key in ("repository_url", "homepage") if isinstance(at := page.get(key), str) and at), None),
        license=license,
        license_evidence=f"server_info_crawled.license: {stated}" if license != UNKNOWN_LICENSE else "",
        category=str(labels.get("primary_label") or "") if isinstance(labels, Mapping) else "",
        facts=facts,
    )


def _of_page(tools: Sequence[Any]) -> list[Any]:
    """A page's tools without what the crawl of it made up.

    It took each word set as code for a parameter, the names of tools among them, called every one a string, and gave a
    tool without a description its name for one.
    """
    named = [tool for tool in tools if isinstance(tool, Mapping)]
    names = {str(tool.get("name")) for tool in named}
    cleaned: list[Any] = [tool for tool in tools if not isinstance(tool, Mapping)]
    for tool in named:
        description = _description(tool.get("description"))
        made = {**tool, "description": "" if description == tool.get("name") else description}
        if isinstance(stated := tool.get("parameters"), list):
            kept = [entry for entry in stated if isinstance(entry, Mapping) and entry.get("name") not in names]
            made["parameters"] = [
                {key: value for key, value in entry.items() if (key, value) != ("type", "string")} for entry in kept
            ]
        cleaned.append(made)
    return cleaned


def _name_of(data: Mapping[str, Any]) -> str:
    info = data.get("serverInfo")
    candidates = (info.get("name") if isinstance(info, Mapping) else None, data.get("server"), data.get("name"))
    return next((value for value in candidates if isinstance(value, str) and value), "")


def _version_of(data: Mapping[str, Any]) -> str | None:
    info = data.get("serverInfo")
    version = info.get("version") if isinstance(info, Mapping) else None
    return version if isinstance(version, str) and version else None


def _count(value: object) -> int | None:
    digits = str(value).replace(",", "")
    return int(digits) if digits.isdecimal() and len(digits) < 16 else None
