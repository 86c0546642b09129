"""ToolBench's copy of the marketplace on disk: tools by category, and example answers beside them.

``toolenv/tools/CATEGORY/TOOL.json`` describes a tool and its ``api_list``, and
``toolenv/response_examples/CATEGORY/TOOL.json`` gives the shape of some answers. The instruction files hold the same
entries, a query at a time, under other names (``api_name``, ``tool_name``, ``category_name``), and are read as well.
Every entry of an ``api_list`` gives one record or one reject. Layout: the ToolBench repository and its
``data_example``. Some 3,000 entries a CPU second.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from forge.errors import StepError
from forge.records import ApiRecord, Reject
from forge.steps import Partition
from forge_sources import spec_files
from forge_sources.markup import plain
from forge_sources.rapidapi.records import facts, is_kept, parsed
from forge_sources.rapidapi.schema import is_json_schema, object_schema, objects, shape_schema

EXAMPLES = "response_examples"
OTHER_FOLDERS = frozenset({EXAMPLES, "answer"})
REFUSAL = frozenset({"message", "error", "statusCode"})
"""Members of the gateway's and common servers' refusals, which many test calls were answered with: no API's answer."""
PARAMETERS = {"required_parameters": True, "optional_parameters": False}
_UNSAFE = re.compile(r"[^A-Za-z0-9._=@+~-]+")


def partitions(root: Path, *, plugin: str) -> list[Partition]:
    """One a category (folder), by the content of its tools and example answers.

    Raises:
        StepError: there is no such folder or file, or no JSON in it.
    """
    if not root.exists():
        raise StepError(f"path={root}: there is no such folder or file", plugin=plugin, step="collect")
    items = [root.name] if root.is_file() else _tools(root)
    if not items:
        raise StepError(f"{root} holds no tool file (CATEGORY/TOOL.json)", plugin=plugin, step="collect")
    base = root.parent if root.is_file() else root
    folders: dict[str, list[str]] = {}
    for item in items:
        folders.setdefault(item.rpartition("/")[0], []).append(item)
    found = {}
    for number, (folder, members) in enumerate(sorted(folders.items())):
        paths = [base / item for item in members]
        examples = [path for item in members if (path := _examples_path(base / item)) is not None]
        hashed = spec_files.hashes([*paths, *examples])
        name = _UNSAFE.sub("_", folder.replace("/", "-")).strip(".")[:100] or "tools"
        found[f"{number:03d}-{name}"] = (members, hashed)
    return [
        Partition(
            key=key,
            fingerprint=spec_files.combined([*members, *(digest for digest, _ in hashed)]),
            items=tuple(members),
            size=sum(size for _, size in hashed),
        )
        for key, (members, hashed) in found.items()
    ]


def records(partition: Partition, root: Path, *, source: str, limit: int) -> Iterator[ApiRecord | Reject]:
    """One record or reject an entry of each file's api lists; a file that cannot be read is one reject."""
    base = root.parent if root.is_file() else root
    for item in partition.items:
        try:
            data = orjson.loads(spec_files.read(base / item, limit=limit))
        except (spec_files.UnreadableSpec, orjson.JSONDecodeError) as error:
            yield Reject(locator=item, reason=str(error))
            continue
        tools = data if isinstance(data, list) else [data]
        shapes = _shapes(base / item, limit=limit)
        for number, tool in enumerate(tools):
            where = f"{item}#{number}" if isinstance(data, list) else item
            listed = tool.get("api_list") if isinstance(tool, Mapping) else None
            if listed is None and isinstance(tool, Mapping) and "query" in tool:
                continue  # an instruction for the whole of ToolBench, which documents nothing
            if not isinstance(listed, list):
                yield Reject(locator=where, reason="it holds no api_list")
                continue
            for position, entry in enumerate(listed):
                try:
                    record = _record(entry, tool, folder=(base / item).parent.name, shapes=shapes, source=source)
                except TypeError as error:  # orjson: nested too deep
                    record = f"the entry cannot be written as JSON: {error}"
                place = f"{where}/api_list/{position}"
                yield Reject(locator=place, reason=record) if isinstance(record, str) else record


def _record(
    entry: Any, tool: Mapping[str, Any], *, folder: str, shapes: Mapping[str, Any], source: str
) -> ApiRecord | str:
    """The record of an entry, or what is wrong with it."""
    if not isinstance(entry, Mapping):
        return "the entry is no object"
    name = str(entry.get("name") or entry.get("api_name") or "").strip()
    service = str(
        tool.get("tool_name") or tool.get("name") or tool.get("title") or entry.get("tool_name") or ""
    ).strip()
    method = str(entry.get("method") or "").strip().upper()
    missing = [what for what, value in (("name", name), ("tool_name", service), ("method", method)) if not value]
    if missing:
        return f"the entry lacks {', '.join(missing)}"
    odd = [key for key in PARAMETERS if not isinstance(entry.get(key) or [], list)]
    if odd:
        return f"the entry's {odd[0]} are no list"
    try:
        address = urlsplit(str(entry.get("url") or ""))
    except ValueError as error:
        return f"the entry's url is none: {error}"
    host = str(tool.get("host") or address.hostname or "")
    path = address.path or (name if name.startswith("/") else "")  # many entries are named by their route
    code = str(entry.get("statuscode") or "")
    failed = code.isdecimal() and int(code) >= 400
    answer = _answer(entry)
    return ApiRecord(
        provider=host or "rapidapi.com",
        service=service,
        name=name,
        kind="rest",
        method=method,
        path=path,
        description=plain(str(entry.get("description") or entry.get("api_description") or "")).strip(),
        parameters=_parameters(entry, method=method, path=path),
        returns=_returns(entry, shapes.get(name)),
        examples=({"result": answer},) if is_kept(answer) and not failed else (),
        errors=({"code": code, "description": "what the test call was answered with"},) if failed else (),
        auth=("apiKey",),
        category=str(entry.get("category_name") or (folder if entry.get("name") else "")),
        meta=facts({**tool, "description": tool.get("tool_description")}),
        source=source,
        url=str(tool["home_url"]) if tool.get("home_url") else None,
    )


def _parameters(entry: Mapping[str, Any], *, method: str, path: str) -> dict[str, Any]:
    pairs = [(parameter, required) for key, required in PARAMETERS.items() for parameter in objects(entry.get(key))]
    return object_schema(pairs, method=method, path=path)


def _answer(entry: Mapping[str, Any]) -> Any:
    """What the test call was answered with: a body, in one of the two places where files keep it."""
    answers = (parsed(entry.get(key)) for key in ("test_endpoint", "body"))
    return next((answer for answer in answers if is_kept(answer)), None)


def _returns(entry: Mapping[str, Any], shape: Any) -> dict[str, Any] | None:
    stated = parsed(entry.get("schema"))
    if is_json_schema(stated):
        return dict(stated)
    for found in (stated, shape, entry.get("template_response")):
        if isinstance(found, Mapping) and found and not ("message" in found and found.keys() <= REFUSAL):
            return shape_schema(found)
    return None


def _tools(root: Path) -> list[str]:
    """Relative paths of the JSON files that describe tools: not answers to instructions, not example answers."""
    return [item for item in spec_files.find(root) if not OTHER_FOLDERS & set(item.split("/")[:-1])]


def _examples_path(tool: Path) -> Path | None:
    """``toolenv/response_examples/C/T.json`` of ``toolenv/tools/C/T.json``, if it is there."""
    path = tool.parent.parent.parent / EXAMPLES / tool.parent.name / tool.name
    return path if path.is_file() else None


def _shapes(tool: Path, *, limit: int) -> Mapping[str, Any]:
    """Shapes of a tool's answers by the name of the API; a file of them that cannot be read counts as none."""
    path = _examples_path(tool)
    if path is None:
        return {}
    try:
        data = orjson.loads(spec_files.read(path, limit=limit))
    except (spec_files.UnreadableSpec, orjson.JSONDecodeError):
        return {}
    listed = objects(data.get("api_list")) if isinstance(data, Mapping) else []
    return {str(entry.get("name")): entry.get("schema") for entry in listed}
