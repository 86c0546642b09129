"""SQL functions and commands in pages that DocBook made, as PostgreSQL's documentation has them.

A function: ``p.func_signature`` of the form ``name ( type, parameter type [, ...] ) → type`` in a cell of a table, with
the description in the paragraphs after it; operators give nothing. A command: ``div.refentry`` with a synopsis and a
list of parameters (SQL) or options (a program). C interfaces give nothing. Cost: some 50 microseconds a function.
"""

import re
from collections.abc import Iterator

from forge_sources.html.found import FoundApi, Schema, arguments, described, schema_of
from forge_sources.html.tables import definitions
from forge_sources.html.text import inline, text_of
from forge_sources.html.tree import Element, classes

_SIGNATURE = re.compile(r"(?P<name>[a-z_][a-z0-9_.]*) \( ?(?P<arguments>.*?) ?\)(?: → (?P<returns>.+))?")
_TYPED = re.compile(
    r"(?:VARIADIC |IN )?(?:(?P<name>[a-z_][a-z0-9_]*) )?(?P<type>[a-z\"][a-z0-9_\" ]*(?:\[\])?)(?P<more> DEFAULT .+)?"
)
_TYPES = frozenset((
    "double precision", "character varying", "bit varying", "timestamp with time zone",
    "timestamp without time zone", "time with time zone", "time without time zone", "timestamp",
    "interval", "setof record",
))  # fmt: skip
_KEYWORDS = re.compile(r"\b(from|for|in|placing|using|order|by|to|as|over|on|with|see text|passing)\b")
"""Words that make a signature one of SQL's own syntax, whose arguments are no parameters."""
_OPTION = re.compile(r"--?[A-Za-z0-9?][\w-]*")
_LONG = re.compile(r"--[A-Za-z][\w-]*")
_COMMAND = re.compile(r"[A-Z]+( [A-Z]+)*")
_PROGRAM = re.compile(r"[a-z][a-z0-9_.+-]*")
_SECTIONS = ("parameters", "options", "command-line options", "arguments")


def find_docbook(main: Element) -> Iterator[FoundApi]:
    """Functions and commands of a page, in its order."""
    for cell in main.iter("td"):
        if "func_table_entry" in classes(cell):
            yield from _functions(cell)
    for entry in main.iter("div"):
        if "refentry" in classes(entry):
            found = _command(entry)
            if found is not None:
                yield found


def _functions(cell: Element) -> Iterator[FoundApi]:
    """One record a signature; what follows the signatures up to the first example is the description."""
    signatures: list[Element] = []
    rest: list[Element] = []
    for child in cell.iterchildren("p"):
        (signatures if "func_signature" in classes(child) else rest).append(child)
    description = "\n".join(inline(paragraph) for paragraph in rest if not _is_example(paragraph))
    examples = [inline(paragraph) for paragraph in rest if _is_example(paragraph)]
    for signature in signatures:
        if next((child for child in signature.iter("code") if "function" in classes(child)), None) is None:
            continue
        found = _function(signature, description=description, examples=examples)
        if found is not None:
            yield found


def _is_example(paragraph: Element) -> bool:
    """``call → result``: code, then the result's mark."""
    return next((child for child in paragraph.iter("code") if "returnvalue" in classes(child)), None) is not None


def _function(signature: Element, *, description: str, examples: list[str]) -> FoundApi | None:
    text = re.sub(r" ?\( ?", " ( ", inline(signature), count=1)
    match = _SIGNATURE.fullmatch(text)
    if match is None or "(" in match["arguments"] or not description:
        return None
    read = _arguments(match["arguments"])
    if read is None:
        return None
    ids = [anchor.get("id") for anchor in signature.iter("a") if anchor.get("id")]
    return FoundApi(
        name=match["name"],
        kind="sql",
        anchor=ids[0] if ids else "",
        path=f"{match['name']}({', '.join(match['arguments'].replace(' ,', ',').split(', '))})",
        description=described(description),
        parameters=arguments(*read),
        returns=schema_of(match["returns"] or "") or None,
        meta={"signatures": [text], **({"examples": examples[:5]} if examples else {})},
    )


def _arguments(written: str) -> tuple[Schema, list[str]] | None:
    """Parameters of ``text, start integer [, count integer ]``; None if it is not of this form."""
    properties: Schema = {}
    required: list[str] = []
    if not written.strip():
        return {}, []
    if _KEYWORDS.search(re.sub(r"\bwith(out)? time zone\b", "", written)):
        return None
    depth = 0
    for number, piece in enumerate(re.split(r",", written)):
        was, depth = depth, depth + piece.count("[") - piece.count("]")
        clean = re.sub(r"(?<!\w)\[|(?<!\[)\](?!\w)", " ", piece.replace("[]", "\0")).replace("\0", "[]")
        clean = " ".join(clean.split())
        if not clean or clean == "...":
            continue
        match = _TYPED.fullmatch(clean)
        if match is None:
            return None
        name, kind = match["name"], match["type"]
        if name and f"{name} {kind}" in _TYPES:
            name, kind = None, f"{name} {kind}"
        key = name or f"arg{number + 1}"
        properties[key] = {**schema_of(kind), "x-sql-type": kind}
        if was <= 0 and not match["more"] and not piece.lstrip().startswith("["):
            required.append(key)
    return properties, required


def _command(entry: Element) -> FoundApi | None:
    title = next((inline(span) for span in entry.iter("span") if "refentrytitle" in classes(span)), "")
    purpose = next((inline(part) for part in _parts(entry, "refnamediv") for part in part.iter("p")), "")
    synopsis = [text_of(part).strip() for part in _parts(entry, "refsynopsisdiv")]
    is_program = _PROGRAM.fullmatch(title) is not None and next(iter(_parts(entry, "cmdsynopsis")), None) is not None
    is_sql = (
        _COMMAND.fullmatch(title) is not None
        and bool(synopsis)
        and f"\n{title.split()[0]}" in "\n" + synopsis[0].replace("```", "\n")
    )
    if not (is_program or is_sql) or not purpose:
        return None
    properties: Schema = {}
    for block in _lists(entry):
        for names, schema in _described(block, is_program=is_program):
            properties.setdefault(names, schema)
    about = next((text for part in _sections(entry, ("description",)) if (text := _prose(part))), "")
    summary = purpose.partition("—")[2].strip() or purpose
    return FoundApi(
        name=title,
        kind="cli" if is_program else "sql",
        anchor=entry.get("id") or "",
        path=title if is_sql else "",
        description=described(f"{summary[:1].upper()}{summary[1:]}.\n{about}"),
        parameters=arguments(properties, []),
        meta={"synopsis": re.sub(r"(?m)^(```.*|## Synopsis)$", "", synopsis[0]).strip()[:4_000]} if synopsis else {},
    )


def _parts(entry: Element, name: str) -> Iterator[Element]:
    return (part for part in entry.iter("div") if name in classes(part))


def _sections(entry: Element, titles: tuple[str, ...]) -> Iterator[Element]:
    for section in _parts(entry, "refsect1"):
        heading = next((inline(element).lower() for element in section.iter("h2")), "")
        if heading in titles:
            yield section


def _prose(section: Element) -> str:
    return "\n".join(text_of(child).strip() for child in section if child.tag == "p")


def _lists(entry: Element) -> Iterator[Element]:
    """Outermost lists of parameters."""
    for section in _sections(entry, _SECTIONS):
        for block in section.iter("dl"):
            if not any(parent.tag == "dl" for parent in block.iterancestors()):
                yield block


def _described(block: Element, *, is_program: bool) -> Iterator[tuple[str, Schema]]:
    for term, body in definitions(block):
        text = inline(term)
        if is_program:
            found = _LONG.search(text) or _OPTION.search(text)
            if found is None:
                continue
            name = found[0].lstrip("-")
            takes = re.search(r"--?[\w?-]+(=|\]?\s+[a-z])", text) is not None
            schema: Schema = {"type": "string" if takes else "boolean", "x-option": text[:120]}
        else:
            name, schema = text[:80], {}
        yield name, {**schema, "description": inline(body)[:1_000]}
