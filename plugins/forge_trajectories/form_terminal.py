"""Surface form: what a reader of terminals knows: a manual page, or a curl command with its explanation."""

import re
from collections.abc import Mapping
from typing import Any

from forge_trajectories import phrases
from forge_trajectories.api_view import ApiView, Field, short
from forge_trajectories.form_python import function_name
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import bounded, clip, compact_json, listed, wrap

WIDTH = 92
_HOLE = re.compile(r"\{([^{}]+)\}")
_TARGET = "/#X-Amz-Target="


def write(api: ApiView, picks: Picks, room: int) -> str:
    """The page, in about ``room`` characters; curl is for calls over HTTP only."""
    over_http = bool(api.kind == "rest" and api.method and api.path.startswith("/"))
    return _curl_page(api, picks, room) if over_http and picks.below(2) else _man_page(api, picks, room)


def _man_page(api: ApiView, picks: Picks, room: int) -> str:
    name = function_name(phrases.title(api)).replace("_", "-")
    service = function_name(api.service or api.provider).replace("_", "-")
    called = f"{service} {name}" if api.service or api.provider else name
    sections = [
        ("NAME", f"{name} - {api.summary or phrases.title(api)}"),
        ("SYNOPSIS", _synopsis(called, api)),
        ("DESCRIPTION", clip(api.description, room * 28 // 100) if api.description != api.summary else ""),
        (picks.one(("REQUEST", "HTTP", "ENDPOINT")), phrases.request_line(api)),
        (picks.one(("OPTIONS", "PARAMETERS", "ARGUMENTS")), _options(api, room * 38 // 100)),
        (picks.one(("OUTPUT", "RESULT", "RETURN VALUE")), _output(api, picks, room // 10)),
        (picks.one(("ERRORS", "DIAGNOSTICS", "FAILURES")), _errors(api, room // 10)),
        (picks.one(("AUTHENTICATION", "CREDENTIALS", "ACCESS")), phrases.auth_line(api, picks) if api.auth else ""),
        (picks.one(("EXAMPLE", "EXAMPLES")), _man_example(called, api, room // 10)),
    ]
    indent = picks.one(("    ", "       ", "  "))
    head = f"{name.upper()}\n\n" if picks.below(2) else ""
    return head + "\n\n".join(
        f"{title}\n{wrap(body, width=WIDTH, indent=indent)}" for title, body in sections if body
    )


def _flag(name: str) -> str:
    return f"--{name.strip('-')}"


def _synopsis(called: str, api: ApiView) -> str:
    required = [f"{_flag(field.name)} {field.type.split(' ')[0].upper()}" for field in api.parameters if field.required]
    parts = [called, *bounded(required, room=200, more="(and {} more)")]
    if any(not field.required for field in api.parameters):
        parts.append("[options]")
    return " ".join(parts)


def _options(api: ApiView, room: int) -> str:
    lines = []
    for field in api.parameters:
        note = " (required)" if field.required else ""
        lines.append(f"{_flag(field.name)} <{field.type}>{note}\n{phrases.parameter_about(field, 260)}".rstrip())
    return "\n".join(bounded(lines, room=room))


def _output(api: ApiView, picks: Picks, room: int) -> str:
    if not api.returns_type:
        return ""
    names = bounded([field.name for field in api.returns[:40]], room=room, more="{} more")
    return f"{phrases.returns_lead(api, picks)}{f' Fields: {listed(names)}.' if names else ''}"


def _errors(api: ApiView, room: int) -> str:
    return "\n".join(bounded([f"{code}  {clip(about, 140)}".rstrip() for code, about in api.errors], room=room))


def _man_example(called: str, api: ApiView, room: int) -> str:
    arguments = api.example.get("arguments")
    if not isinstance(arguments, Mapping) or not arguments:
        return ""
    line = " ".join([called, *(f"{_flag(str(name))} {quoted(short(value))}" for name, value in arguments.items())])
    return f"$ {line}" if len(line) <= room else ""


def quoted(value: str) -> str:
    """``value`` as one word of a POSIX shell."""
    if re.fullmatch(r"[A-Za-z0-9_@%+=:,./-]+", value):
        return value
    return "'" + value.replace("'", "'\\''") + "'"


def _curl_page(api: ApiView, picks: Picks, room: int) -> str:
    said = picks.one(
        (
            "With curl, where BASE_URL is the address of the service:",
            "From a shell (set BASE_URL to the server's address):",
            "$BASE_URL stands for the address of the API.",
            "Replace $BASE_URL by the host that serves the API.",
        )
    )
    summary = api.summary or phrases.title(api)
    head = picks.one((f"{summary}.", f"# {summary}", f"{phrases.title(api)}: {summary}", f"How to call {phrases.title(api)}"))
    parts = [head, phrases.origin_line(api, picks), f"{said}\n\n{curl(api, room * 2 // 10)}"]
    if api.description != api.summary:
        parts.insert(picks.one((1, 3)), wrap(clip(api.description, room * 2 // 10), width=WIDTH))
    lines = [_curl_parameter(field) for field in api.parameters]
    if lines:
        parts.append(f"{picks.one(phrases.PARAMETERS)}:\n" + "\n".join(bounded(lines, room=room * 3 // 10)))
    if "result" in api.example and len(result := compact_json(api.example["result"])) < room // 10:
        parts.append(f"{picks.one(('It answers', 'Response', 'Sample answer', 'Output'))}:\n\n{result}")
    elif api.returns_type:
        parts.append(_output(api, picks, room // 12))
    if api.errors:
        parts.append(f"{picks.one(phrases.ERRORS)}:\n{_errors(api, room // 10)}")
    if api.auth:
        parts.append(phrases.auth_line(api, picks))
    return "\n\n".join(part for part in parts if part)


def _curl_parameter(field: Field) -> str:
    about = phrases.parameter_about(field, 240)
    traits = ", ".join(part for part in (field.where, field.type, "required" if field.required else "") if part)
    return wrap(f"  {field.name} ({traits}){'  ' if about else ''}{about}", width=WIDTH, indent="      ", first="")


def curl(api: ApiView, room: int) -> str:
    """The call as a curl command: example values where they are documented, shell variables where they are required.

    ``room`` bounds the body, header and query parts; what finds no room is left out if it is optional.
    """
    sent = api.example.get("arguments")
    values: Mapping[str, Any] = sent if isinstance(sent, Mapping) else {}
    by_wire = {field.wire or field.name: field for field in api.parameters}

    def filled(match: "re.Match[str]") -> str:
        field = by_wire.get(match[1].rstrip("+*"))
        value = values.get(field.name) if field else None
        return str(value) if isinstance(value, (str, int)) and re.fullmatch(r"[\w.@-]+", str(value)) else _variable(match[1])

    path, _, target = api.path.partition(_TARGET)
    address = _HOLE.sub(filled, path or "/") if target else _HOLE.sub(filled, api.path)
    query, headers, body = _sent(api, values)
    if target:
        headers.insert(0, f"X-Amz-Target: {target}")
    joined = ("&" if "?" in address else "?") + "&".join(query) if query and len("&".join(query)) < room // 2 else ""
    parts = [f'curl -X {api.method} "$BASE_URL{address}{joined}"' if api.method != "GET" else f'curl "$BASE_URL{address}{joined}"']
    parts += [f"-H {quoted(header)}" for header in bounded(headers, room=room // 4, more="X-More: {}") if "X-More" not in header]
    if body and len(text := compact_json(body)) < room // 2:
        parts += ["-H 'Content-Type: application/json'", f"-d {quoted(text)}"]
    return " \\\n  ".join(parts)


def _variable(name: str) -> str:
    return f"${function_name(name).upper()}"


def _sent(api: ApiView, values: Mapping[str, Any]) -> tuple[list[str], list[str], dict[str, Any]]:
    """Query parts, header lines and body of the call, by where each parameter travels."""
    query: list[str] = []
    headers: list[str] = []
    body: dict[str, Any] = {}
    for field in api.parameters:
        if field.name not in values and not field.required:
            continue
        value = values.get(field.name)
        wire = field.wire or field.name
        word = _variable(wire) if value is None else short(value)
        if field.where == "query" and re.fullmatch(r"[\w.$,:@-]+", word) and f"{{{wire}}}" not in api.path:
            query.append(f"{wire}={word}")
        elif field.where == "header":
            headers.append(f"{wire}: {word}")
        elif field.where == "body" and value is not None:
            body[wire] = value
    return query, headers, body
