"""From a record of the catalogue to a tool that can be offered and executed.

Parameters that a caller's runtime fills in (credentials, content types) are left out, optional ones beyond a dozen too;
a record whose required parameters find no room, or that takes a file, makes no tool. Some 100 microseconds a record.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from forge.records import ApiRecord
from forge_trajectories.api_view import as_list, as_mapping
from forge_trajectories.call_check import checked_arguments
from forge_trajectories.execution import replay
from forge_trajectories.form_schema import MAX_TOOL_NAME, tool_name
from forge_trajectories.placeholders import has_placeholder, is_its_name, is_placeholder, texts_in
from forge_trajectories.plain_text import as_text, clip, compact_json, fit_for_arrow, words
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.schema_cut import cut

SIMULATED = "simulated-tools"
"""Name of the source whose records are tools of simulators."""
MAX_PARAMETERS = 12
MAX_FIELDS = 14
MAX_DESCRIPTION = 300
MAX_EXAMPLES = 2
MAX_RESULT = 2_000
MAX_ERRORS = 6

_NAME = re.compile(r"[A-Za-z_$][\w$.@\[\]:-]{0,63}")
_RUNTIME = {
    "header": re.compile(
        r"authorization|accept(-.*)?|content-(type|length|md5|encoding)|user-agent|host|cookie|if-.*"
        r"|([\w-]+[-_])?(api|auth|access|app|application|user|client|subscription|session|security|private)[-_]?(key|token|secret).*"
        r"|x-(amz|goog|csrf|auth)-.*|apikey|token|prefer",
        re.IGNORECASE,
    ),
    "query": re.compile(
        r"(x-)?api[-_]?key|access[-_]?token|oauth_token|auth[-_]?token|\w+_auth|jwt|apikey|\$\.xgafv|alt|prettyprint|quotauser|callback"
        r"|upload_?(type|protocol)|api[-_]?version|(api|client)[-_]?secret|x-amz-.*|signature(version|method)?|awsaccesskeyid",
        re.IGNORECASE,
    ),
    "cookie": re.compile(r".*"),
}
_PAGING = re.compile(r"\$?(page|per_?page|page_?size|page_?token|offset|cursor|next_?token|skip|top|fields)", re.I)


def operation_of(record: ApiRecord, *, taken: set[str]) -> Operation | None:
    """The tool of a record; its name is none of ``taken`` and is added to them. None if the record makes no tool."""
    parameters = _parameters(as_mapping(record.parameters), record.examples)
    if parameters is None or not (record.name or record.path):
        return None
    description = _description(record)
    if not description:
        return None
    made = Operation(
        tool=unique_name(readable_name(record.name, record.method, record.path), taken),
        api=record.id,
        provider=record.provider,
        service=record.service,
        kind=record.kind,
        method=as_text(record.method),
        path=as_text(record.path),
        description=description,
        category=as_text(record.category),
        parameters=parameters,
        returns=_returns(record.returns),
        examples=tuple(_examples(record.examples, parameters)),
        errors=tuple(_errors(record.errors)),
        license=record.license,
        simulator=_simulator(record),
    )
    if not made.simulator and replay.is_recorded(made):
        return replace(made, simulator=replay.NAME)
    return made


def readable_name(name: str, method: str, path: str) -> str:
    """A tool's name from an operation's: its last parts where it is long, verb and path where it says too little."""
    found = tool_name(as_text(name))
    if len(words(found)) < 2 and path:
        static = [part for part in as_text(path).split("/") if part and "{" not in part][-2:]
        said = "_".join([method.lower() or "call", *static]) if found == "call" or len(static) > 0 else found
        found = tool_name(said if found == "call" or found.lower() in said.lower() else f"{found}_{'_'.join(static)}")
    if len(as_text(name)) <= MAX_TOOL_NAME:
        return found
    parts = re.split(r"[^A-Za-z0-9]+", as_text(name))
    kept: list[str] = []
    for part in reversed([part for part in parts if part]):
        if kept and sum(map(len, kept)) + len(kept) + len(part) > 48:
            break
        kept.insert(0, part)
    return tool_name("_".join(kept))


def unique_name(name: str, taken: set[str]) -> str:
    """``name``, or the first of ``name_2``, ``name_3``, ... that is not taken; it is taken from then on."""
    found, number = name, 1
    while found in taken:
        number += 1
        tail = f"_{number}"
        found = f"{name[: MAX_TOOL_NAME - len(tail)]}{tail}"
    taken.add(found)
    return found


def _simulator(record: ApiRecord) -> str:
    """The simulator of a record that comes from one; what another source says of simulators counts for nothing."""
    return as_text(record.meta.get("simulator")) if record.source == SIMULATED else ""


def _description(record: ApiRecord) -> str:
    said = " ".join(fit_for_arrow(as_text(record.description)).split())
    if len(said) < 8 or " " not in said:
        named = " ".join(words(record.name)) or " ".join(words(record.path))
        said = f"{named}: {said}" if said and said.lower() not in named.lower() else named
    return clip(said, MAX_DESCRIPTION)


def _parameters(schema: Mapping[str, Any], examples: object) -> dict[str, Any] | None:
    properties = as_mapping(schema.get("properties"))
    required = [name for name in as_list(schema.get("required")) if isinstance(name, str) and name in properties]
    required = [name for name in required if not _is_runtimes(name, as_mapping(properties[name]))]
    if len(required) > MAX_PARAMETERS or any(not _is_fillable(name, properties[name]) for name in required):
        return None
    shown = {name for example in as_list(examples) for name in as_mapping(as_mapping(example).get("arguments"))}
    optional = [
        name
        for name, part in properties.items()
        if isinstance(name, str) and name not in required and _is_worth(name, as_mapping(part))
    ]
    optional.sort(key=lambda name: (name not in shown, bool(_PAGING.fullmatch(name)), _is_nested(properties[name])))
    kept = set(required) | set(optional[: MAX_PARAMETERS - len(required)])
    found: dict[str, Any] = {
        "type": "object",
        "properties": {name: _parameter(properties[name]) for name in properties if name in kept},
        "additionalProperties": False,
    }
    return {**found, "required": required} if required else found


def _parameter(schema: object) -> dict[str, Any]:
    part = as_mapping(schema)
    travels = {key: part[key] for key in ("x-in", "x-name") if isinstance(part.get(key), str)}
    return {**cut(part, asked=True), **travels}


def _is_runtimes(name: str, part: Mapping[str, Any]) -> bool:
    """Whether the program that sends the call fills it in, not the one who wants something."""
    place = _RUNTIME.get(as_text(part.get("x-in")))
    return place is not None and place.fullmatch(as_text(part.get("x-name")) or name) is not None


def _is_fillable(name: str, part: object) -> bool:
    schema = as_mapping(part)
    is_file = schema.get("format") == "binary" or schema.get("type") == "file"
    return _NAME.fullmatch(name) is not None and part is not False and not is_file


def _is_worth(name: str, part: Mapping[str, Any]) -> bool:
    hidden = part.get("readOnly") is True or part.get("deprecated") is True or _is_runtimes(name, part)
    return not hidden and _is_fillable(name, part)


def _is_nested(part: object) -> bool:
    return as_mapping(part).get("type") in ("object", "array")


def _returns(schema: object) -> dict[str, Any] | None:
    if not isinstance(schema, Mapping) or not schema:
        return None
    found = cut(schema, asked=False)
    _restore_breadth(found, schema)
    return found or None


def _restore_breadth(found: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """An answer's own fields are what later calls are fed from: more of them are kept than of what is nested."""
    properties = as_mapping(schema.get("properties"))
    inside = found.get("properties")
    if not isinstance(inside, dict):
        return
    for name, part in properties.items():
        if len(inside) >= MAX_FIELDS:
            break
        if isinstance(name, str) and name not in inside and 0 < len(name) <= 64:
            inside[name] = cut(part, 2, asked=False)


def _examples(examples: object, parameters: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Documented calls that keep the cut schema, and documented results of a size that can be shown."""
    properties = parameters["properties"]
    made = 0
    for example in as_list(examples):
        if made >= MAX_EXAMPLES or not isinstance(example, Mapping):
            continue
        found: dict[str, Any] = {}
        given = as_mapping(example.get("arguments"))
        known = {name: value for name, value in given.items() if name in properties}
        known = {name: value for name, value in known.items() if _is_real(name, value, properties[name])}
        arguments = checked_arguments(known, parameters)
        if arguments is not None and (arguments or "arguments" in example) and len(compact_json(arguments)) <= 600:
            found["arguments"] = arguments
        result = _trimmed(example.get("result"))
        if _is_sketch(result):
            result = None
        if result not in (None, {}, []) and len(compact_json(result)) <= MAX_RESULT:
            found["result"] = result
        if found:
            made += 1
            yield found


def _is_real(name: str, value: object, schema: Mapping[str, Any]) -> bool:
    """Whether a documented argument is a value, not a place for one."""
    return "enum" in schema or not (has_placeholder(value) or is_its_name(value, name))


def _is_sketch(result: object) -> bool:
    """Whether a documented result names types and places for values where there should be values, or points away."""
    if isinstance(result, Mapping) and "$ref" in result:
        return True
    texts = list(texts_in(result))
    return bool(texts) and 4 * sum(map(is_placeholder, texts)) >= len(texts)


def _trimmed(value: object, levels: int = 5) -> object:
    """Lists with their first two items; what lies deeper than ``levels`` is left out."""
    if isinstance(value, Mapping):
        return {name: _trimmed(item, levels - 1) for name, item in value.items()} if levels else {}
    if isinstance(value, (list, tuple)):
        return [_trimmed(item, levels - 1) for item in value[:2]] if levels else []
    return fit_for_arrow(value) if isinstance(value, str) else value


def _errors(errors: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, str]]:
    for error in list(as_list(errors))[:MAX_ERRORS]:
        if isinstance(error, Mapping) and error.get("code") is not None:
            said = " ".join(as_text(error.get("description")).split())
            yield {"code": clip(str(error["code"]), 60), "description": clip(fit_for_arrow(said), 120)}
