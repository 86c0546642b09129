"""HTTP operations in a page: ``GET /v1/things/{id}`` in a heading or code, with the tables that follow it.

An operation begins at an element whose whole text is a verb and a path, and ends at the next one or at a heading of the
same level or above that of its section. Parameter tables and lists within are read (`html_tables`); a heading before
them says where they travel, or that they are of the answer. One without description and parameters gives no record.
Cost: a walk over the page, a few milliseconds.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from forge_sources.html.found import FoundApi, Schema, arguments, described
from forge_sources.html.tables import Parameters, merge, read_definitions, read_table
from forge_sources.html.text import inline, text_of
from forge_sources.html.tree import Element

VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_ENDPOINT = re.compile(
    rf"(?P<verb>{'|'.join(VERBS)})\s+(?P<path>(?:https?://[^\s/{{}}]+)?/[^\s?#]*)(?P<query>\?\S*)?(?:\s+HTTP/[\d.]+)?"
)
_ITEM = re.compile(r"\{([A-Za-z_][\w.-]*)[^}]*\}|(?<=/):([A-Za-z_]\w*)|<(?:\w+:)?([A-Za-z_]\w*)>|\((?:\w+):(\w+)\)")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_SECTIONS: tuple[tuple[str, str], ...] = (
    (r"\b(response|returns?|result|output)\b", "returns"),
    (r"\b(errors?|status codes?|failures?)\b", "errors"),
    (r"\b(path|url|uri)\b.*\bparam", "path"),
    (r"\bquery\b", "query"),
    (r"\bheaders?\b", "header"),
    (r"\b(body|form|payload|json|request fields)\b", "body"),
    (r"\b(param|argument|attribute|request|option)", ""),
)
_NAMED = re.compile(r"[^A-Za-z0-9]+")


@dataclass(slots=True, kw_only=True)
class _Operation:
    """One in the making. ``level``: that of the heading that opened its section. ``part``: which part is being read."""

    verb: str
    path: str
    host: str = ""
    heading: str = ""
    anchor: str = ""
    level: int = 7
    part: str = ""
    prose: list[str] = field(default_factory=list)
    taken: Parameters = field(default_factory=Parameters)
    returned: Parameters = field(default_factory=Parameters)


def find_endpoints(main: Element) -> Iterator[FoundApi]:
    """The operations of a page in its order, each verb and path once."""
    seen: set[tuple[str, str]] = set()
    for operation in _operations(main):
        found = _record(operation)
        if found is not None and (found.method, found.path) not in seen:
            seen.add((found.method, found.path))
            yield found


def _operations(main: Element) -> Iterator[_Operation]:
    """Operations with what belongs to them, in one walk."""
    current: _Operation | None = None
    heading: tuple[int, str, str, list[str]] = (7, "", "", [])
    for element in _outermost(main):
        if element.tag in _HEADINGS:
            text, level = inline(element), int(element.tag[1])
            match = _ENDPOINT.fullmatch(text)
            part = _part(text)
            if match or current is None or level <= current.level or part is None:
                if current is not None and (match or level <= current.level):
                    yield current
                    current = None
                heading = (level, "" if match else text, element.get("id") or _outer_id(element), [])
                if match:
                    current = _begun(match, heading)
            else:
                current.part = part
            continue
        match = _ENDPOINT.fullmatch(_first_line(element)) if element.tag in ("pre", "code", "p", "div") else None
        if match and not (_is_same(current, match) or _is_example(match)):
            if current is not None:
                yield current
            current = _begun(match, heading)
        elif current is None:
            heading[3].extend([text_of(element)] if element.tag == "p" else [])
        else:
            _take(current, element)
    if current is not None:
        yield current


def _outermost(main: Element) -> Iterator[Element]:
    """Headings, paragraphs, code, tables and definition lists in order; not those inside another of them."""
    wanted = (*_HEADINGS, "p", "pre", "table", "dl", "code", "div")
    inside: Element | None = None
    for element in main.iter(*wanted):
        if inside is not None and any(parent is inside for parent in element.iterancestors()):
            continue
        if element.tag == "div" and (
            len(element) > 6 or next(element.iter("p", "table", "dl", "pre", *_HEADINGS), None) is not None
        ):
            continue
        inside = element
        yield element


def _begun(match: re.Match[str], heading: tuple[int, str, str, list[str]]) -> _Operation:
    parts = urlsplit(match["path"]) if "://" in match["path"] else None
    level, text, anchor, prose = heading
    return _Operation(
        verb=match["verb"],
        path=parts.path if parts else match["path"],
        host=parts.netloc if parts else "",
        heading=text,
        anchor=anchor,
        level=level,
        prose=list(prose),
    )


def _is_example(match: re.Match[str]) -> bool:
    """Whether a path holds a number where a template has a name: a call, not what is called."""
    return any(part.isdigit() for part in match["path"].split("/"))


def _is_same(current: _Operation | None, match: re.Match[str]) -> bool:
    return current is not None and current.verb == match["verb"] and match["path"].endswith(current.path)


def _first_line(element: Element) -> str:
    """The text of an element that may be an endpoint; of code, the line if it has but one."""
    text = "".join(element.itertext()).strip() if element.tag == "pre" else inline(element)
    return "" if len(text) > 300 or "\n" in text else " ".join(text.split())


def _part(text: str) -> str | None:
    """Which part of an operation a heading opens; None if it opens none."""
    lower = text.lower()
    if len(lower) > 60:
        return None
    return next((part for pattern, part in _SECTIONS if re.search(pattern, lower)), None)


def _take(operation: _Operation, element: Element) -> None:
    if element.tag == "p":
        text = inline(element)
        part = _part(text) if (len(text) < 40 and text.endswith(":")) or _is_strong(element) else None
        if part is not None:
            operation.part = part
        elif not operation.part and not operation.taken.properties:
            operation.prose.append(text_of(element))
        return
    found = (
        read_table(element) if element.tag == "table" else read_definitions(element) if element.tag == "dl" else None
    )
    if found is None:
        return
    into = operation.returned if operation.part == "returns" and not found.errors else operation.taken
    merge(into, found, place=operation.part if operation.part in ("path", "query", "header", "body") else "")


def _is_strong(element: Element) -> bool:
    return len(element) == 1 and element[0].tag in ("strong", "b") and not (element.text or "").strip()


def _record(operation: _Operation) -> FoundApi | None:
    description = "\n".join(part.strip() for part in operation.prose if part.strip())
    taken = operation.taken
    in_path = [next(filter(None, names)) for names in _ITEM.findall(operation.path)]
    if not description and not taken.properties:
        return None
    properties: Schema = {}
    for name in in_path:
        properties[name] = {**taken.properties.pop(name, {"type": "string"}), "x-in": "path"}
    for name, schema in taken.properties.items():
        properties[name] = {"x-in": "query" if operation.verb in ("GET", "HEAD", "DELETE") else "body", **schema}
    returned = operation.returned
    return FoundApi(
        name=_name(operation),
        kind="rest",
        anchor=operation.anchor,
        provider=operation.host,
        method=operation.verb,
        path=_ITEM.sub(lambda match: "{" + next(filter(None, match.groups())) + "}", operation.path),
        description=described(description or operation.heading),
        parameters=arguments(properties, [*in_path, *(n for n in taken.required if n not in in_path)]),
        returns=arguments(returned.properties, returned.required) or None,
        errors=taken.errors,
        meta={"title": operation.heading} if operation.heading else {},
    )


def _name(operation: _Operation) -> str:
    """The heading's words, or the verb and the path's, as one name."""
    words = _NAMED.sub(" ", operation.heading).split()
    if 0 < len(words) <= 6:
        return words[0].lower() + "".join(word[:1].upper() + word[1:] for word in words[1:])
    return "_".join([operation.verb.lower(), *filter(None, _NAMED.split(operation.path))])


def _outer_id(element: Element) -> str:
    parent = element.getparent()
    return (parent.get("id") or "") if parent is not None and parent.tag in ("section", "div") else ""
