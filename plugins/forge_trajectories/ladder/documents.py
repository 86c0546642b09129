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
    for operation in wanted:
        yield from _lacking(operation, text)
    yield from _invented(wanted, blueprint.material, text)


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
    low = plain(source)
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
    there = figures(source)
    longest = max((_longest(each.parameters) for each in operations), default=0)
    bare = re.sub(r"^\s*\d+[.)]\s", "", text, flags=re.M)
    for match in _FIGURE.finditer(bare):
        number = match[0]
        if bare.startswith(" more", match.end()) and figure(number.rstrip(",")) < longest:
            continue  # so many values of an enumeration are not listed
        if figure(number.rstrip(",")) not in there and number not in source:
            yield "invented", f"neither code nor documentation has the number {number}"


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
