"""What documentation written from code has to name, and what it must not invent."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.reading import figure, figures, occurs, plain
from forge_trajectories.plain_text import compact_json
from forge_trajectories.tools.operation import Operation

_LISTED = re.compile(
    r"^\s*[-*+]\s+(?:\*\*|__)?[`\"']?([A-Za-z_][\w.$\[\]-]*)[`\"']?(?:\*\*|__)?\s*(?:\(|:|-|\u2013|\u2014)", re.M
)
_ROW = re.compile(r"^\s*\|\s*(?:\*\*)?[`\"']?([A-Za-z_$@][^|`\"']*?)[`\"']?(?:\*\*)?\s*\|", re.M)
_TICKED = re.compile(r"`([^`\n]{1,200})`")
_FIGURE = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?![\w.]*[a-zA-Z_])")
_BRACKETED = re.compile(
    r"^\s*[-*+]\s+(?:\*\*|__)?[`\"']?([A-Za-z_][\w.$-]*)[`\"']?(?:\*\*|__)?\s*\(([^()\n]{1,80})\)", re.M
)
_ITEMS = re.compile(r"\b(?:of|\|) \w+")
_METHOD = re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS)\b")
_IDENTIFIER = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b|\b[a-z]+[A-Z][A-Za-z0-9]*\b")
_TYPES = frozenset({"string", "integer", "number", "boolean", "array", "object"})
_YES, _NO = frozenset({"yes", "true", "required", "\u2713"}), frozenset({"no", "false", "optional"})
LEAST_WORDS = 6
_COLUMNS = frozenset({"name", "parameter", "field", "argument", "status", "code", "type", "property", "error"})
_HEADINGS = frozenset(
    """
    required optional type default description method path endpoint url note notes returns response request example
    parameters parameter body query header headers summary authentication errors status string integer number boolean
    array object null success failure get post put patch delete
    """.split()  # noqa: SIM905  (a list of quoted words reads worse)
)


def document_problems(blueprint: Blueprint, text: str) -> Iterator[tuple[str, str]]:
    """Code and evidence of what a documentation lacks or invents."""
    wanted = [each for each in blueprint.operations if each.tool in blueprint.needed] or list(blueprint.operations)[:1]
    if sum(len(word) > 1 for word in _prose(wanted, text)) < LEAST_WORDS:
        yield "hollow", "it names things and does not say what they do"
    for operation in wanted:
        yield from _lacking(operation, text)
    yield from _stated_wrong(wanted, text)
    yield from _invented(wanted, blueprint.material, text)


def _prose(operations: list[Operation], text: str) -> list[str]:
    """The words of a text that are no names of operations or parameters."""
    names: set[str] = set()
    for each in operations:
        names |= {plain(each.tool), plain(each.path), plain(each.method), *map(plain, _names(each.parameters))}
    return [
        word for word in re.findall(r"[^\s|`#*]+", plain(text)) if word.strip(".,:;()") not in names and word.isascii()
    ]


def _lacking(operation: Operation, text: str) -> Iterator[tuple[str, str]]:
    low = plain(text)
    if operation.method and not occurs(operation.method.casefold(), low):
        yield "unnamed", f"the method {operation.method} is not named"
    function = operation.path or operation.tool
    if plain(function) not in low and plain(operation.tool) not in low:
        yield "unnamed", f"{function} is not named"
    if operation.method and operation.path and plain(operation.path) not in low:
        yield "unnamed", f"the path {operation.path} is not named"
    required = operation.parameters.get("required", ())
    for name in required if isinstance(required, (list, tuple)) else ():
        if not occurs(str(name), text):
            yield "unnamed", f"the required parameter {name!r} is not named"


def _invented(operations: list[Operation], material: str, text: str) -> Iterator[tuple[str, str]]:
    names: set[str] = set()
    for operation in operations:
        names |= _names(operation.parameters) | _names(operation.returns or {}) | {operation.tool}
    source = f"{material}\n" + "\n".join(
        f"{each.tool} {each.method} {each.path} {each.description} {compact_json(each.parameters)} "
        f"{compact_json(each.returns or {})} {compact_json(list(each.errors))} {compact_json(list(each.examples))}"
        for each in operations
    )
    low = plain(f"{source}\n{source.replace('|', '/')}")  # a table has no other way to write it
    stated = [*_LISTED.findall(text), *(each.strip() for each in _ROW.findall(text))]
    for name in stated:
        known = name in names or name.casefold() in _HEADINGS | _COLUMNS or occurs(plain(name), low)
        if not known:
            yield "invented", f"there is no parameter {name!r}"
    for part in _TICKED.findall(text):
        tokens = [token for token in re.split(r"[\s,;:()=]+", part) if token]
        unknown = [token for token in tokens if plain(token) not in low and token.casefold() not in _HEADINGS]
        if unknown:
            yield "invented", f"neither code nor documentation has {unknown[0]!r}"
    yield from _not_there(text, source, low)
    there = figures(source)
    longest = max((_longest(each.parameters) for each in operations), default=0)
    yield from _figures(text, source, there, longest)


def _not_there(text: str, source: str, low: str) -> Iterator[tuple[str, str]]:
    """Methods and identifiers that stand nowhere else."""
    for match in _METHOD.finditer(text):
        if match[0] not in source:
            yield "invented", f"neither code nor documentation has the method {match[0]}"
    for name in _IDENTIFIER.findall(text):
        if plain(name) not in low:
            yield "invented", f"neither code nor documentation has {name!r}"


def _figures(text: str, source: str, there: frozenset[float], longest: int) -> Iterator[tuple[str, str]]:
    """Numbers that stand nowhere else."""
    bare = re.sub(r"^\s*\d+[.)]\s", "", text, flags=re.M)
    for match in _FIGURE.finditer(bare):
        number = match[0]
        if bare.startswith(" more", match.end()) and figure(number.rstrip(",")) < longest:
            continue  # so many values of an enumeration are not listed
        if figure(number.rstrip(",")) not in there and number not in source:
            yield "invented", f"neither code nor documentation has the number {number}"


def _stated_wrong(operations: list[Operation], text: str) -> Iterator[tuple[str, str]]:
    """A parameter that is listed with another type, or as required where it is not, or the other way round."""
    for name, said in _said_of_parameters(text):
        found = [(each, property_of(each, name)) for each in operations]
        schemas = [(each, schema) for each, schema in found if schema is not None]
        if not schemas:
            continue
        for word, is_required in (("required", True), ("optional", False)):
            if word in said and all(
                (name in (each.parameters.get("required") or ())) != is_required for each, _ in schemas
            ):
                yield "misstated", f"the parameter {name!r} is not {word}"
        types = {kind for _, schema in schemas for kind in _types(schema)}
        for kind in said & _TYPES if types else ():
            if kind not in types and not {kind, *types} <= {"integer", "number"}:
                yield "misstated", f"the parameter {name!r} is of type {', '.join(sorted(types))}, not {kind}"


def _said_of_parameters(text: str) -> Iterator[tuple[str, set[str]]]:
    """Each parameter of a list or a table, with the words that are said of it in brackets or in its row's cells."""
    for match in _BRACKETED.finditer(text):
        yield match[1], set(re.findall(r"[a-z]+", _ITEMS.sub(" ", match[2].casefold())))
    place = -1
    for line in text.splitlines():
        cells = [cell.strip().strip("`*\"'") for cell in line.strip().strip("|").split("|")] if "|" in line else []
        heads = [cell.casefold() for cell in cells]
        if not cells:
            place = -1
        elif "required" in heads[1:]:
            place = heads.index("required", 1)
        elif 0 <= place < len(cells):
            said = {"required"} if heads[place] in _YES else {"optional"} if heads[place] in _NO else set()
            yield cells[0], said | {cell for cell in heads[1:place] if cell in _TYPES}


def property_of(operation: Operation, name: str) -> Mapping[str, Any] | None:
    """The schema of a parameter; None if there is none of that name."""
    properties = operation.parameters.get("properties")
    found = properties.get(name) if isinstance(properties, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _types(schema: Mapping[str, Any]) -> set[str]:
    stated = schema.get("type")
    return (
        {stated} if isinstance(stated, str) else {str(each) for each in stated} if isinstance(stated, list) else set()
    )


def _longest(schema: Any) -> int:
    """The length of the longest list in a schema."""
    if isinstance(schema, Mapping):
        return max((_longest(item) for item in schema.values()), default=0)
    return max([len(schema), *map(_longest, schema)]) if isinstance(schema, (list, tuple)) else 0


def _names(schema: Any) -> set[str]:
    """Names of properties, at any depth."""
    found: set[str] = set()
    if isinstance(schema, Mapping):
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            found |= {str(name) for name in properties}
        for item in schema.values():
            found |= _names(item)
    elif isinstance(schema, (list, tuple)):
        for item in schema:
            found |= _names(item)
    return found
