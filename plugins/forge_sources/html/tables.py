"""Tables and definition lists of parameters as JSON Schema, where their column headings say what is in them.

A column is known by its heading ("Name", "Type", "Required", "In", "Default", "Description"); a table without a column
of names and one more that is known gives nothing. Cost: some 20 microseconds a row.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from forge_sources.html.found import Schema, literal, says_required, schema_of
from forge_sources.html.text import inline
from forge_sources.html.tree import Element

_COLUMNS: Mapping[str, str] = {
    **dict.fromkeys(
        ("name", "parameter", "parameters", "parameter name", "field", "field name", "property", "argument", "param",
         "attribute", "key", "header", "variable", "query parameter", "path parameter", "body parameter", "option"),
        "name",
    ),
    **dict.fromkeys(("type", "data type", "datatype", "format", "schema", "value type"), "type"),
    **dict.fromkeys(
        ("required", "required?", "mandatory", "optional", "optional?", "presence", "req", "req."), "required"
    ),
    **dict.fromkeys(("in", "location", "located in", "parameter type", "where", "parameter in", "sent in"), "in"),
    **dict.fromkeys(("default", "default value", "defaults"), "default"),
    **dict.fromkeys(("description", "meaning", "details", "notes", "explanation", "comment", "purpose"), "description"),
    **dict.fromkeys(("code", "status", "status code", "http status", "http status code", "http code", "error",
                     "error code"), "code"),
}  # fmt: skip
_PLACES = {
    "path": "path", "url": "path", "uri": "path", "query": "query", "query string": "query", "querystring": "query",
    "header": "header", "headers": "header", "body": "body", "form": "body", "formdata": "body", "json": "body",
    "request body": "body", "cookie": "cookie",
}  # fmt: skip
_PARAMETER = re.compile(r"[\[{:<`\"']*([A-Za-z_$@][\w.$@\[\]-]*)[\]}>`\"']*")
_CODE = re.compile(r"[1-5]\d\d|[1-5]xx", re.IGNORECASE)
MOST_ROWS = 500


@dataclass(slots=True, kw_only=True)
class Parameters:
    """Attributes: properties: JSON Schema by name, ``x-in`` where the table says so. required: names. errors: of a
    table of status codes instead."""

    properties: Schema = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    errors: list[Schema] = field(default_factory=list)


def read_table(table: Element) -> Parameters | None:
    """The parameters or errors that a table holds; None if its headings do not say so."""
    rows = [row for row in table.iter("tr") if next(row.iterancestors("table"), None) is table][: MOST_ROWS + 1]
    if len(rows) < 2:
        return None
    headings = [inline(cell).lower().strip(" :*") for cell in _cells(rows[0])]
    columns = [_COLUMNS.get(heading, "") for heading in headings]
    if len(set(filter(None, columns))) < 2 or columns.count("name") > 1:
        return None
    negated = "optional" in (heading.rstrip("?") for heading in headings)
    found = Parameters()
    for row in rows[1:]:
        cells = _cells(row)
        if len(cells) == len(columns):
            values = dict(zip(columns, cells, strict=True))
            if "name" in values:
                _add_parameter(found, values, negated=negated)
            elif "code" in values:
                _add_error(found, values)
    return found if found.properties or found.errors else None


def read_definitions(block: Element) -> Parameters | None:
    """The parameters of a ``dl``: name, and perhaps type and "required", in ``dt``; None unless all terms are names."""
    found = Parameters()
    for term, body in definitions(block):
        text = inline(term)
        match = _PARAMETER.match(text)
        rest = text[match.end() :] if match else ""
        if match is None or len(rest) > 60 or len(text.split()) > 8:
            return None
        schema = schema_of(re.sub(r"[(),:;]", " ", rest))
        if "x-type" in schema:
            return None
        _put(found, match[1], schema, needed=says_required(rest), description=inline(body))
    return found if found.properties else None


def definitions(block: Element) -> Iterator[tuple[Element, Element]]:
    """Term and definition, pair by pair."""
    for term in block.iterchildren("dt"):
        body = term.getnext()
        if body is not None and body.tag == "dd":
            yield term, body


def _cells(row: Element) -> list[Element]:
    return [cell for cell in row if cell.tag in ("td", "th")]


def _add_parameter(found: Parameters, values: Mapping[str, Element], *, negated: bool) -> None:
    name = inline(values["name"])
    match = _PARAMETER.match(name)
    if match is None or len(name[match.end() :]) > 40:
        return
    stated = {column: inline(cell) for column, cell in values.items() if column}
    needed = _needed(stated, name[match.end() :], negated=negated)
    schema = schema_of(re.sub(r"[(,;]?\s*(required|optional)\)?", "", stated.get("type", ""), flags=re.IGNORECASE))
    place = _PLACES.get(stated.get("in", "").lower())
    if place:
        schema["x-in"] = place
    default = stated.get("default", "").strip()
    if default and default not in ("-", "–", "—", "none", "N/A", "n/a"):  # noqa: RUF001
        is_plain, value = literal(default)
        schema["default"] = value if is_plain else default[:200]
    _put(found, match[1], schema, needed=needed, description=stated.get("description", ""))


def _needed(stated: Mapping[str, str], after_name: str, *, negated: bool) -> bool:
    if "required" in stated:
        said = says_required(stated["required"])
        return (
            (said is False if stated["required"].lower().startswith(("n", "f")) else said is True)
            if negated
            else bool(said)
        )
    if after_name.strip() == "*":
        return True
    said = says_required(after_name)
    if said is None:
        said = says_required(stated.get("type", ""))
    if said is None:
        said = {"required": True, "optional": False}.get(
            stated.get("description", "").split(".")[0].strip(" *()").lower()
        )
    return bool(said)


def _put(found: Parameters, name: str, schema: Schema, *, needed: bool | None, description: str) -> None:
    if name in found.properties:
        return
    if description:
        schema["description"] = description[:1_000]
    found.properties[name] = schema
    if needed:
        found.required.append(name)


def _add_error(found: Parameters, values: Mapping[str, Element]) -> None:
    code, description = inline(values["code"]), inline(values["description"]) if "description" in values else ""
    match = _CODE.match(code)
    if match and description and not match[0].startswith(("1", "2", "3")):
        found.errors.append({"code": match[0], "description": description[:500]})


def merge(into: Parameters, more: Parameters, *, place: str = "") -> None:
    """Add parameters found later; ``place`` where they do not say themselves where they travel."""
    for name, schema in more.properties.items():
        if name not in into.properties:
            into.properties[name] = {"x-in": place, **schema} if place else schema
            into.required += [name] if name in more.required else []
    into.errors += more.errors


def names(parameters: Sequence[str]) -> frozenset[str]:
    """Parameter names without case, for comparison with a path's."""
    return frozenset(name.lower() for name in parameters)
