"""Client code that calls an operation: what documentation is written from. Python, JavaScript or a shell script.

Every parameter stands in the code under its own name, in a comment with its type and meaning: what the documentation
has to say can be read from the code. Some 60 microseconds a piece.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from forge_trajectories.api_view import Field, fields
from forge_trajectories.form_python import function_name, identifier
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import one_line, wrap
from forge_trajectories.tools.operation import Operation

_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
_PLACE = re.compile(r"\{([^{}]+)\}")
_ANNOTATIONS = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
}
_WIDTH = 100
_NO_HOST = (".local", ".localhost", ".internal", ".test")


def client_code(operation: Operation, arguments: Mapping[str, Any], picks: Picks) -> str:
    """A short program; empty if the names of what it takes do not suit one."""
    places = _by_place(operation)
    held = set(_PLACE.findall(operation.path))
    if places is None or held != set(places["path"]) or not held <= arguments.keys():
        return ""
    if picks.below(2):
        return _python(operation, places, arguments, picks.one(("httpx", "requests")))
    return picks.one((_javascript, _shell))(operation, places, arguments)


def _by_place(operation: Operation) -> dict[str, list[str]] | None:
    """The parameters by where they travel; None if one has a name that code cannot show, or another on the wire."""
    found: dict[str, list[str]] = {"path": [], "query": [], "header": [], "body": []}
    held = set(_PLACE.findall(operation.path))
    for name, schema in operation.parameters.get("properties", {}).items():
        where = str(schema.get("x-in", "body"))
        where = "path" if name in held else "body" if where == "formData" else where
        if where not in found or schema.get("x-name", name) != name or identifier(name) != name:
            return None
        found[where].append(name)
    return found


def _base(operation: Operation) -> str:
    is_host = _HOST.fullmatch(operation.provider) and not operation.provider.endswith(_NO_HOST)
    return f"https://{operation.provider if is_host else 'api.example.com'}"


def _about(operation: Operation, *, end: str) -> str:
    """The description, without what would end the comment that it stands in."""
    return one_line(operation.description).replace(end, "").replace("\\", "/")


def _said(field: Field, *, end: str) -> str:
    kind = f"{field.type}, {'required' if field.required else 'optional'}"
    return f"({kind}) {field.about(160)}".rstrip().replace(end, "").replace("\\", "/")


def _comment(operation: Operation, *, end: str) -> Iterator[str]:
    """What is called, and each parameter with its type and meaning, in lines."""
    yield from wrap(_about(operation, end=end), width=_WIDTH).split("\n")
    taken = fields(operation.parameters)
    if taken:
        yield ""
    for field in taken:
        yield from wrap(f"{field.name} {_said(field, end=end)}", width=_WIDTH, indent="    ", first="").split("\n")
    kind = (operation.returns or {}).get("type")
    if isinstance(kind, str):
        yield from ("", f"Answers with JSON: {kind}.")


def _python(
    operation: Operation, places: Mapping[str, Sequence[str]], arguments: Mapping[str, Any], library: str
) -> str:
    required = set(operation.parameters.get("required", ()))
    name = function_name(operation.tool)
    used = ", ".join(f"{key}={arguments[key]!r}" for part in places.values() for key in part if key in arguments)
    call = [f'        f"{{BASE}}{operation.path}"' if places["path"] else f'        BASE + "{operation.path}"']
    for where, keyword in (("query", "params"), ("header", "headers"), ("body", "json")):
        if places[where]:
            call.append(f"        {keyword}={_passed(places[where], required, is_body=where == 'body')}")
    lines = [f"import {library}", "", f'BASE = "{_base(operation)}"', "", ""]
    if any("given(" in line for line in call):
        lines += ["def given(**values):", *_GIVEN, "", ""]
    comment = list(_comment(operation, end='"""'))
    return "\n".join(
        [
            "```python",
            *lines,
            f"def {name}({', '.join(_signature(operation, places))}):",
            f'    """{comment[0]}',
            *(f"    {line}".rstrip() for line in comment[1:]),
            '    """',
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


_GIVEN = ("    return {name: value for name, value in values.items() if value is not None}",)


def _signature(operation: Operation, places: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The parameters of the function: those that are required first."""
    required = set(operation.parameters.get("required", ())) | set(places["path"])
    names = [name for part in places.values() for name in part]
    for name in sorted(names, key=lambda name: name not in required):
        kind = operation.parameters["properties"][name].get("type")
        hint = _ANNOTATIONS.get(kind, "") if isinstance(kind, str) else ""
        if name in required:
            yield f"{name}: {hint}" if hint else name
        else:
            yield f"{name}: {hint} | None = None" if hint else f"{name}=None"


def _passed(names: Sequence[str], required: set[str], *, is_body: bool) -> str:
    """What stands for the query or the body: the one parameter that is the whole of it, or an object of those given."""
    if is_body and list(names) == ["body"]:
        return "body"
    if required.issuperset(names):
        return "{" + ", ".join(f'"{name}": {name}' for name in names) + "}"
    return "given(" + ", ".join(f"{name}={name}" for name in names) + ")"


def _javascript(operation: Operation, places: Mapping[str, Sequence[str]], arguments: Mapping[str, Any]) -> str:
    names = [name for part in places.values() for name in part]
    words = function_name(operation.tool).split("_")
    name = words[0] + "".join(word.capitalize() for word in words[1:])
    path = _PLACE.sub(lambda found: f"${{{found[1]}}}", operation.path)
    lines = ["/**", *(f" * {line}".rstrip() for line in _comment(operation, end="*/")), " */"]
    lines.append(f"async function {name}({{ {', '.join(names)} }}) {{" if names else f"async function {name}() {{")
    lines.append(f"  const url = new URL(`${{BASE}}{path}`);")
    lines += [f'  if ({key} !== undefined) url.searchParams.set("{key}", {key});' for key in places["query"]]
    headers = "{ " + ", ".join(f'...({key} !== undefined && {{ "{key}": {key} }})' for key in places["header"]) + " }"
    options = [f'method: "{operation.method.upper()}"']
    options += [f"headers: {headers}"] if places["header"] else []
    body = "body" if list(places["body"]) == ["body"] else "{ " + ", ".join(places["body"]) + " }"
    options += [f"body: JSON.stringify({body})"] if places["body"] else []
    lines.append(f"  const response = await fetch(url, {{ {', '.join(options)} }});")
    lines += ["  if (!response.ok) throw new Error(response.statusText);", "  return response.json();", "}"]
    used = json.dumps(dict(arguments), ensure_ascii=False) if names else ""
    base = f'const BASE = "{_base(operation)}";'
    return "\n".join(["```javascript", base, "", *lines, "", f"console.log(await {name}({used}));", "```"])


def _shell(operation: Operation, places: Mapping[str, Sequence[str]], arguments: Mapping[str, Any]) -> str:
    path = _PLACE.sub(lambda found: f"${{{found[1]}}}", operation.path)
    given = {where: {name: arguments[name] for name in names if name in arguments} for where, names in places.items()}
    lines = [f"# {line}".rstrip() for line in _comment(operation, end="\n")]
    lines += [f"{name}={_quoted(value)}" for name, value in given["path"].items()]
    call = [f'curl --fail --request {operation.method.upper()} "{_base(operation)}{path}"']
    if given["query"]:
        is_get = operation.method.upper() == "GET"
        flag = "--data-urlencode" if is_get else "--url-query"
        call += ["--get"] if is_get else []
        call += [f"{flag} {_quoted(f'{name}={_plain(value)}')}" for name, value in given["query"].items()]
    call += [f"--header {_quoted(f'{name}: {_plain(value)}')}" for name, value in given["header"].items()]
    if given["body"]:
        body = given["body"]["body"] if list(places["body"]) == ["body"] else given["body"]
        call.append("--header 'Content-Type: application/json'")
        call.append(f"--data {_quoted(json.dumps(body, ensure_ascii=False))}")
    return "\n".join(["```bash", *lines, " \\\n  ".join(call), "```"])


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _quoted(value: Any) -> str:
    return "'" + _plain(value).replace("'", "'\\''") + "'"
