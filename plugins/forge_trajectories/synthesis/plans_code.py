"""Client code that calls an operation: what documentation is written from. Python, JavaScript or a shell script.

Every parameter that is passed stands in the code under its own name. Some 20 microseconds a piece.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from forge_trajectories.form_python import function_name, identifier
from forge_trajectories.picking import Picks
from forge_trajectories.tools.operation import Operation

_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
_PLACE = re.compile(r"\{([^{}]+)\}")
_NO_HOST = (".local", ".localhost", ".internal", ".test")


def client_code(operation: Operation, arguments: Mapping[str, Any], picks: Picks) -> str:
    """A short program; empty if the names of what is passed do not suit one."""
    places = _by_place(operation, arguments)
    if places is None:
        return ""
    if picks.below(2):
        return _python(operation, places, picks.one(("httpx", "requests")))
    return picks.one((_javascript, _shell))(operation, places)


def _by_place(operation: Operation, arguments: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    """The arguments by where they travel; None if one has a name that code cannot show, or another on the wire."""
    properties = operation.parameters.get("properties", {})
    found: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}, "body": {}}
    held = set(_PLACE.findall(operation.path))
    for name, value in arguments.items():
        where = str(properties.get(name, {}).get("x-in", "body"))
        where = "path" if name in held else "body" if where == "formData" else where
        wire = properties.get(name, {}).get("x-name", name)
        if where not in found or wire != name or identifier(name) != name:
            return None
        found[where][name] = value
    return found if held == set(found["path"]) else None


def _base(operation: Operation) -> str:
    is_host = _HOST.fullmatch(operation.provider) and not operation.provider.endswith(_NO_HOST)
    return f"https://{operation.provider if is_host else 'api.example.com'}"


def _body(values: Mapping[str, Any]) -> str:
    """What stands for the body: the one parameter that is the whole of it, or an object."""
    return "body" if list(values) == ["body"] else "{" + ", ".join(f'"{name}": {name}' for name in values) + "}"


def _python(operation: Operation, places: dict[str, dict[str, Any]], library: str) -> str:
    passed = {name: value for part in places.values() for name, value in part.items()}
    call = [f'        f"{{BASE}}{operation.path}"' if places["path"] else f'        BASE + "{operation.path}"']
    for where, keyword in (("query", "params"), ("header", "headers")):
        if places[where]:
            call.append(
                f"        {keyword}={{{', '.join(f'{chr(34)}{name}{chr(34)}: {name}' for name in places[where])}}}"
            )
    if places["body"]:
        call.append(f"        json={_body(places['body'])}")
    name = function_name(operation.tool)
    used = ", ".join(f"{key}={value!r}" for key, value in passed.items())
    return "\n".join(
        [
            "```python",
            f"import {library}",
            "",
            f'BASE = "{_base(operation)}"',
            "",
            "",
            f"def {name}({', '.join(passed)}):",
            f"    response = {library}.request(",
            f'        "{operation.method.upper()}",',
            *(f"{line}," for line in call),
            "    )",
            "    response.raise_for_status()",
            "    return response.json()",
            "",
            "",
            f"print({name}({used}))",
            "```",
        ]
    )


def _javascript(operation: Operation, places: dict[str, dict[str, Any]]) -> str:
    passed = {name: value for part in places.values() for name, value in part.items()}
    words = function_name(operation.tool).split("_")
    name = words[0] + "".join(word.capitalize() for word in words[1:])
    path = _PLACE.sub(lambda found: f"${{{found[1]}}}", operation.path)
    lines = [f"async function {name}({{ {', '.join(passed)} }}) {{" if passed else f"async function {name}() {{"]
    lines.append(f"  const url = new URL(`${{BASE}}{path}`);")
    lines += [f'  url.searchParams.set("{key}", {key});' for key in places["query"]]
    headers = "{ " + ", ".join(f'"{key}": {key}' for key in places["header"]) + " }"
    options = [f'method: "{operation.method.upper()}"']
    options += [f"headers: {headers}"] if places["header"] else []
    options += [f"body: JSON.stringify({_body(places['body'])})"] if places["body"] else []
    lines.append(f"  const response = await fetch(url, {{ {', '.join(options)} }});")
    lines += ["  if (!response.ok) throw new Error(response.statusText);", "  return response.json();", "}"]
    used = json.dumps(passed, ensure_ascii=False) if passed else ""
    return "\n".join(
        [
            "```javascript",
            f'const BASE = "{_base(operation)}";',
            "",
            *lines,
            "",
            f"console.log(await {name}({used}));",
            "```",
        ]
    )


def _shell(operation: Operation, places: dict[str, dict[str, Any]]) -> str:
    path = _PLACE.sub(lambda found: f"${{{found[1]}}}", operation.path)
    lines = [f"{name}={_quoted(value)}" for name, value in places["path"].items()]
    call = [f'curl --fail --request {operation.method.upper()} "{_base(operation)}{path}"']
    if places["query"]:
        is_get = operation.method.upper() == "GET"
        flag = "--data-urlencode" if is_get else "--url-query"
        call += ["--get"] if is_get else []
        call += [f"{flag} {_quoted(f'{name}={_plain(value)}')}" for name, value in places["query"].items()]
    call += [f"--header {_quoted(f'{name}: {_plain(value)}')}" for name, value in places["header"].items()]
    if places["body"]:
        body = places["body"]["body"] if list(places["body"]) == ["body"] else places["body"]
        call.append("--header 'Content-Type: application/json'")
        call.append(f"--data {_quoted(json.dumps(body, ensure_ascii=False))}")
    return "\n".join(["```bash", *lines, " \\\n  ".join(call), "```"])


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _quoted(value: Any) -> str:
    return "'" + _plain(value).replace("'", "'\\''") + "'"
