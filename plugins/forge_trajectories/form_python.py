"""Surface form: a typed Python function with a docstring. The text is Python that parses."""

import keyword
import re
from collections.abc import Callable, Mapping
from typing import Any

from forge_trajectories import phrases
from forge_trajectories.api_view import ApiView, Field, as_list, as_mapping
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import bounded, clip, listed, words, wrap

WIDTH = 100
_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
_UNSAFE = re.compile(r"\W+")


def write(api: ApiView, picks: Picks, room: int) -> str:
    """The function, in about ``room`` characters."""
    style = picks.one(("google", "numpy", "sphinx"))
    shown, left = _shown(api.parameters, room * 2 // 10)
    docstring = _docstring(api, picks, room, arguments=_STYLES[style](shown, left, room * 3 // 10), style=style)
    lines = [f"# {line}" for line in _comments(api, picks)]
    lines.append(_signature(api, shown, left, split=picks.below(2) == 0))
    return "\n".join([*lines, _quoted(docstring)])


def function_name(name: str) -> str:
    """``PutObject`` and ``put-object`` as ``put_object``; ``call`` where nothing is left."""
    found = "_".join(words(name)).lower()[:64].strip("_")
    return identifier(found) if found else "call"


def identifier(name: str) -> str:
    """``name`` as a Python identifier, unchanged if it is one."""
    if name.isidentifier() and name.isascii() and not keyword.iskeyword(name) and not name.startswith("__"):
        return name
    found = _UNSAFE.sub("_", name).strip("_").encode("ascii", "ignore").decode() or "value"
    found = f"_{found}" if found[0].isdigit() else found
    return f"{found}_" if keyword.iskeyword(found) else found


def annotation(schema: Mapping[str, Any], depth: int = 0) -> str:
    """The schema as a Python type: ``list[str] | None``, ``Literal["a", "b"]``, ``Any``."""
    kind = schema.get("type")
    if isinstance(kind, (list, tuple)):
        parts = dict.fromkeys(annotation({**schema, "type": item}, depth) for item in kind[:4] if isinstance(item, str))
        return " | ".join(parts) or "Any"
    allowed = as_list(schema.get("enum"))
    if kind == "string" and 0 < len(allowed) <= 6 and all(_is_short(value) for value in allowed):
        return f"Literal[{', '.join(_literal(value) for value in allowed)}]"
    if kind == "array":
        items = as_mapping(schema.get("items"))
        return f"list[{annotation(items, depth + 1)}]" if items and depth < 3 else "list[Any]"
    if kind == "object" or "properties" in schema:
        return "dict[str, Any]"
    return _TYPES.get(kind, "Any") if isinstance(kind, str) else "Any"


def _is_short(value: object) -> bool:
    return isinstance(value, str) and len(value) < 30


def _literal(value: object) -> str:
    """A Python literal in double quotes where it is a string."""
    if not isinstance(value, str):
        return repr(value)
    text = repr(value)
    return f'"{text[1:-1]}"' if text[0] == "'" and '"' not in text and "\\'" not in text else text


def _shown(parameters: list[Field], room: int) -> tuple[list[tuple[str, Field]], int]:
    """Parameters with unique Python names, as many as the signature has room for; how many are left out."""
    shown: list[tuple[str, Field]] = []
    taken = {"others"}
    for field in parameters:
        name = identifier(field.name)
        while name in taken:
            name += "_"
        room -= len(name) + 24
        if room < 0:
            break
        taken.add(name)
        shown.append((name, field))
    return shown, len(parameters) - len(shown)


def _signature(api: ApiView, shown: list[tuple[str, Field]], left: int, *, split: bool) -> str:
    parts = [_parameter(name, field) for name, field in shown]
    optional = next((place for place, (_, field) in enumerate(shown) if not field.required), None)
    if optional is not None:
        parts.insert(optional, "*")
    if left:
        parts.append("**others: Any")
    answer = f" -> {annotation(api.returns_schema)}" if api.returns_type else ""
    head = f"def {function_name(phrases.title(api))}("
    line = f"{head}{', '.join(parts)}){answer}:"
    if len(line) <= WIDTH - 20 or (len(line) <= WIDTH and not split) or not parts:
        return line
    return "\n".join([head, *(f"    {part}," for part in parts), f"){answer}:"])


def _parameter(name: str, field: Field) -> str:
    kind = annotation(field.schema)
    if field.required:
        return f"{name}: {kind}"
    default = field.schema.get("default")
    if isinstance(default, (bool, int, str)) and len(str(default)) < 30:
        return f"{name}: {kind} = {_literal(default)}"
    return f"{name}: {kind} = None" if kind == "Any" or kind.endswith("None") else f"{name}: {kind} | None = None"


def _comments(api: ApiView, picks: Picks) -> list[str]:
    found = [phrases.request_line(api), phrases.origin_line(api, picks)]
    return [line for line in found if line][: picks.below(3)]


def _docstring(api: ApiView, picks: Picks, room: int, *, arguments: list[str], style: str) -> str:
    parts = [wrap(clip(api.description or phrases.title(api), room * 25 // 100), width=WIDTH, indent="    ", first="")]
    if request := phrases.request_line(api):
        said = picks.one(("Sends ``{}``.", "Request: {}", "HTTP: {}", "Calls {}.", "")).format(request)
        named = picks.one((f"Operation: {api.name}.", f"Known as {api.name} in the API.", ""))
        parts.append(wrap(f"{said}\n{named}".strip(), width=WIDTH, indent="    ") if said or named else "")
    parts.append("\n".join(arguments))
    parts.append(_returned(api, room // 10, style))
    parts.append(_raised(api, picks, room // 10, style))
    if api.auth:
        head = picks.one(("Auth", "Authentication", "Note", "Credentials"))
        parts.append(f"    {head}: {listed(api.auth[:6], last='or')}.")
    parts.append(_example(api, room // 10))
    return "\n\n".join(part for part in parts if part)


def _google(shown: list[tuple[str, Field]], left: int, room: int) -> list[str]:
    lines = [
        wrap(f"{name}: {_about(name, field)}", width=WIDTH, indent=" " * 12, first=" " * 8) for name, field in shown
    ]
    return _listing(["    Args:"], lines, left, room=room, indent=" " * 8)


def _numpy(shown: list[tuple[str, Field]], left: int, room: int) -> list[str]:
    lines = []
    for name, field in shown:
        optional = "" if field.required else ", optional"
        lines.append(f"    {name} : {field.type}{optional}\n{wrap(_about(name, field), width=WIDTH, indent=' ' * 8)}")
    return _listing(["    Parameters", "    ----------"], lines, left, room=room, indent="    ")


def _sphinx(shown: list[tuple[str, Field]], left: int, room: int) -> list[str]:
    lines = [
        wrap(f":param {name}: {_about(name, field)}", width=WIDTH, indent=" " * 8, first=" " * 4)
        for name, field in shown
    ]
    return _listing([], lines, left, room=room, indent="    ")


_STYLES: Mapping[str, Callable[[list[tuple[str, Field]], int, int], list[str]]] = {
    "google": _google,
    "numpy": _numpy,
    "sphinx": _sphinx,
}


def _listing(head: list[str], lines: list[str], left: int, *, room: int, indent: str) -> list[str]:
    if not lines:
        return []
    kept = bounded(lines, room=room, more=indent + "... and {} more")
    if left and len(kept) == len(lines):
        kept.append(f"{indent}... and {left} more")
    elif left:
        kept[-1] = f"{indent}... and {left + len(lines) - len(kept) + 1} more"
    return head + kept


def _about(name: str, field: Field) -> str:
    about = field.about(240) or f"{field.type}."
    wire = field.wire or field.name
    if wire == name:
        return about
    return f"{about}{'' if about[-1] in '.!?…:' else '.'} Sent as {wire}."


def _returned(api: ApiView, room: int, style: str) -> str:
    if not api.returns_type:
        return ""
    names = [field.name for field in api.returns[:40]]
    about = api.returns_about or api.returns_type
    keys = f" Fields: {', '.join(bounded(names, room=room, more='{} more'))}." if names else ""
    first = {
        "google": "    Returns:\n        ",
        "numpy": "    Returns\n    -------\n        ",
        "sphinx": "    :returns: ",
    }[style]
    return wrap(f"{about}{'' if about.endswith('.') else '.'}{keys}", width=WIDTH, indent=" " * 8, first=first)


def _raised(api: ApiView, picks: Picks, room: int, style: str) -> str:
    if not api.errors:
        return ""
    lines = [f"        {code}: {clip(about, 160)}".rstrip(": ") for code, about in api.errors]
    head = picks.one(("Raises", "Errors", "Fails with") if style != "sphinx" else ("Errors", "Failures", "Fails with"))
    head = f"    {head}\n    {'-' * len(head)}" if style == "numpy" else f"    {head}:"
    return "\n".join([head, *bounded(lines, room=room, more="        ... and {} more")])


def _example(api: ApiView, room: int) -> str:
    arguments = api.example.get("arguments")
    if not isinstance(arguments, Mapping) or not arguments:
        return ""
    passed = [f"{identifier(str(name))}={value!r}" for name, value in arguments.items()]
    call = f"    >>> {function_name(phrases.title(api))}({', '.join(passed)})"
    if len(call) > room or len(set(arguments)) != len({identifier(str(name)) for name in arguments}):
        return ""
    lines = [call]
    if "result" in api.example and len(result := repr(api.example["result"])) + len(call) <= room:
        lines.append(f"    {result}")
    return "\n".join(lines)


def _quoted(docstring: str) -> str:
    """The docstring as source: raw where it holds backslashes, and never ended before its end."""
    text = docstring.replace('"""', "'''").rstrip()
    prefix = "r" if "\\" in text else ""
    closing = "\n    " if "\n" in text or text.endswith(('"', "\\")) else ""
    return f'    {prefix}"""{text}{closing}"""'
