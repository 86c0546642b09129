"""Surface form: what a reader of terminals knows: a manual page, or a curl command with its explanation.

Only an API that is a command line is shown as a command of its own; one over HTTP is called with curl.
"""

import re
from collections.abc import Mapping
from typing import Any

from forge_trajectories import phrases
from forge_trajectories.api_view import ApiView, Field, short
from forge_trajectories.form_python import function_name
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import bounded, clip, compact_json, listed, wrap

WIDTH = 92
_PLAIN = re.compile(r"[\w.@-]+")
_UNSAFE = re.compile(r"[^a-z0-9.]+")
_HOLE = re.compile(r"\{([^{}]+)\}")


def write(api: ApiView, picks: Picks, room: int) -> str:
    """The page, in about ``room`` characters; curl is for calls over HTTP only."""
    over_http = bool(api.kind == "rest" and api.method and api.path.startswith("/"))
    return _curl_page(api, picks, room) if over_http and picks.below(2) else _man_page(api, picks, room, over_http)


def _man_page(api: ApiView, picks: Picks, room: int, over_http: bool) -> str:
    name = function_name(phrases.title(api)).replace("_", "-")
    service = _UNSAFE.sub("-", (api.service or api.provider).lower()).strip("-")
    called = f"{service} {name}".strip() if api.kind == "cli" else ""
    indent = picks.one(("    ", "       ", "  "))
    synopsis = _synopsis(called, api) if called else ""
    if over_http:
        synopsis = "\n".join(indent + line for line in curl(api, room * 2 // 10).split("\n"))
    sections = [
        ("NAME", f"{name} - {api.summary or phrases.title(api)}"),
        ("SYNOPSIS", synopsis),
        ("DESCRIPTION", "" if _is_summary(api) else clip(api.description, room * 28 // 100)),
        (picks.one(("REQUEST", "HTTP", "ENDPOINT")), phrases.request_line(api)),
        (picks.one(("OPTIONS", "PARAMETERS", "ARGUMENTS")), _options(api, room * 38 // 100, indent)),
        (picks.one(("OUTPUT", "RESULT", "RETURN VALUE")), _output(api, picks, room // 10)),
        (picks.one(("ERRORS", "DIAGNOSTICS", "FAILURES")), _errors(api, room // 10)),
        (picks.one(("AUTHENTICATION", "CREDENTIALS", "ACCESS")), phrases.auth_line(api, picks) if api.auth else ""),
        (picks.one(("EXAMPLE", "EXAMPLES")), _man_example(called, api, room // 10) if called else ""),
    ]
    head = f"{name.upper()}\n\n" if picks.below(2) else ""
    return head + "\n\n".join(f"{title}\n{body}" for title, body in _indented(sections, indent) if body)


def _is_summary(api: ApiView) -> bool:
    return api.description.rstrip(". ") == api.summary


def _indented(sections: list[tuple[str, str]], indent: str) -> list[tuple[str, str]]:
    """Bodies wrapped and indented, but for those that already are."""
    return [
        (title, body if body.startswith(indent) else wrap(body, width=WIDTH, indent=indent) if body else "")
        for title, body in sections
    ]


def _flag(name: str) -> str:
    return f"--{name.strip('-')}"


def _synopsis(called: str, api: ApiView) -> str:
    required = [f"{_flag(field.name)} {field.type.split(' ')[0].upper()}" for field in api.parameters if field.required]
    parts = [called, *bounded(required, room=200, more="(and {} more)")]
    if any(not field.required for field in api.parameters):
        parts.append("[options]")
    return " ".join(parts)


def _options(api: ApiView, room: int, indent: str) -> str:
    lines = []
    for field in api.parameters:
        note = " (required)" if field.required else ""
        about = wrap(phrases.parameter_about(field, 260), width=WIDTH, indent=indent + "    ")
        shown = _flag(field.name) if api.kind == "cli" else field.name
        lines.append(f"{indent}{shown} <{field.type}>{note}\n{about}".rstrip())
    return "\n".join(bounded(lines, room=room, more=indent + "... and {} more"))


def _output(api: ApiView, picks: Picks, room: int) -> str:
    if not api.returns_type:
        return ""
    names = bounded([field.name for field in api.returns[:40]], room=room, more="{} more")
    if not names:
        return phrases.returns_lead(api, picks)
    about = f"{api.returns_about.rstrip('.')}. " if api.returns_about else ""
    kind = "A list of objects" if api.returns_type.startswith("array") else "An object"
    said = picks.one(("{kind} with {names}.", "Fields: {names}.", "The answer has {names}.", "{kind}: {names}."))
    return about + said.format(kind=kind, names=listed(names))


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
    title = phrases.title(api)
    head = picks.one((f"{summary}.", f"# {summary}", f"{title}: {summary}", f"How to call {title}", title))
    parts = [head, phrases.origin_line(api, picks), f"{said}\n\n{curl(api, room * 2 // 10)}"]
    rest = api.description
    if summary in head and rest.startswith(api.summary):
        rest = rest[len(api.summary) :].lstrip(". \n")
    if rest:
        parts.insert(picks.one((1, 3)), wrap(clip(rest, room * 2 // 10), width=WIDTH))
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

    ``room`` bounds the body, header and query parts: a part that is longer is left out.
    """
    sent = api.example.get("arguments")
    values: Mapping[str, Any] = sent if isinstance(sent, Mapping) else {}
    by_wire = {field.wire or field.name: field for field in api.parameters}

    def filled(match: "re.Match[str]") -> str:
        field = by_wire.get(match[1].rstrip("+*"))
        value = values.get(field.name) if field else None
        plain = isinstance(value, (str, int)) and _PLAIN.fullmatch(str(value))
        return str(value) if plain else _variable(match[1])

    path, _, target = api.path.partition(phrases.TARGET)
    _, _, action = api.path.partition(phrases.ACTION)
    address = _HOLE.sub(filled, path.partition("#")[0] or "/")
    query, headers, body = _sent(api, values)
    if target:
        headers.insert(0, f"X-Amz-Target: {target}")
    joined = ("&" if "?" in address else "?") + "&".join(query) if query and len("&".join(query)) < room // 2 else ""
    verb = "" if api.method == "GET" else f"-X {api.method} "
    parts = [f'curl {verb}"$BASE_URL{address}{joined}"']
    parts += [f"-H {quoted(header)}" for header in headers[:6] if len(header) < room // 8]
    if action:
        parts.append(f"-d {quoted(f'Action={action}')}")
    elif body and len(text := compact_json(body)) < room // 2:
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
        elif field.where == "body":
            body[wire] = f"<{field.type}>" if value is None else value
    return query, headers, body
