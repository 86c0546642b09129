"""A page's elements as plain text with its structure: headings, lists, tables and code as Markdown writes them.

Inline markup goes, words stay; code blocks are fenced, with their language where the page names it; a table is a row of
cells a line; a definition is its term with what is said of it indented below. Cost: some 20 MB of HTML a second.

The walk recurses; `html_tree` refuses pages deeper than 256 levels.
"""

import re
from collections.abc import Callable, Iterable

from forge_sources.html.tree import Element, classes

DEEPEST = 40
"""Characters of indentation after which nesting is no longer shown."""

_BLOCKS = frozenset((
    "p", "div", "section", "article", "main", "header", "footer", "ul", "ol", "li", "dl", "dt", "dd", "table",
    "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote",
    "figure", "figcaption", "details", "summary", "fieldset", "address", "center", "hr", "body", "html", "colgroup",
    "col", "nav", "aside", "form", "legend",
))  # fmt: skip
_HEADING = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_LANGUAGE = re.compile(r"(?:highlight|highlight-source|language|lang|source|brush:?|sourceCode|code)-([A-Za-z0-9+#]+)")
_LANGUAGES = {
    "python3": "python", "py": "python", "py3": "python", "pycon": "python", "pycon3": "python", "ipython3": "python",
    "default": "", "none": "", "text": "", "plaintext": "", "plain": "", "txt": "", "guess": "", "block": "",
    "js": "javascript", "ts": "typescript", "sh": "shell", "bash": "shell", "shell": "shell", "zsh": "shell",
    "console": "shell", "c++": "cpp", "golang": "go", "rb": "ruby", "yml": "yaml", "html": "html", "wrapper": "",
}  # fmt: skip
_SPACES = re.compile(r"[ \t\r\n\f\xa0]+")
_MANY_LINES = re.compile(r"\n{3,}")
_MARKS = str.maketrans({"\u00b6": None, "\uf0c1": None, "\u200b": None, "\u00ad": None})


def text_of(element: Element) -> str:
    """The text of an element and all below it, ending in one line break; empty if there is none."""
    lines: list[str] = []
    _WRITERS.get(element.tag, _blocks)(element, lines, "")
    text = _MANY_LINES.sub("\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")
    return text + "\n" if text else ""


def inline(element: Element, skip: Callable[[Element], bool] | None = None) -> str:
    """All text below an element on one line; without elements that ``skip`` says, and their text."""
    parts: list[str] = []
    _inline(element, parts, skip)
    return squeezed("".join(parts))


def squeezed(text: str) -> str:
    """One line: blanks squeezed, paragraph marks of links and soft hyphens gone."""
    return _SPACES.sub(" ", text.translate(_MARKS)).strip()


def _inline(element: Element, parts: list[str], skip: Callable[[Element], bool] | None) -> None:
    if element.text:
        parts.append(element.text)
    for child in element:
        if skip is None or not skip(child):
            if child.tag in _BLOCKS or child.tag == "br":
                parts.append(" ")
            _inline(child, parts, skip)
            if child.tag in _BLOCKS:
                parts.append(" ")
        if child.tail:
            parts.append(child.tail)


def _blocks(element: Element, lines: list[str], indent: str) -> None:
    """Write a container's children: runs of inline text as paragraphs, blocks each in its way."""
    run: list[str] = [_SPACES.sub(" ", element.text or "")]
    for child in element:
        if child.tag in _BLOCKS or _has_block(child):
            _flush(run, lines, indent)
            _WRITERS.get(child.tag, _blocks)(child, lines, indent)
        elif child.tag == "br":
            run.append("\n")
        else:
            parts: list[str] = []
            _inline(child, parts, None)
            run.append(_SPACES.sub(" ", "".join(parts)))
        if child.tail:
            run.append(_SPACES.sub(" ", child.tail))
    _flush(run, lines, indent)


def _has_block(element: Element) -> bool:
    """Whether an inline element holds a block, as a link around a heading does."""
    return len(element) > 0 and next(element.iter(*_MARKERS), None) is not None


_MARKERS = ("p", "div", "pre", "ul", "ol", "dl", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote")


def _flush(run: list[str], lines: list[str], indent: str) -> None:
    text = "".join(run)
    run.clear()
    if not text or text.isspace():
        return
    for line in text.split("\n") if "\n" in text else (text,):
        flat = squeezed(line)
        if flat:
            lines.append(indent + flat)


def _paragraph(element: Element, lines: list[str], indent: str) -> None:
    _blank(lines)
    _blocks(element, lines, indent)
    _blank(lines)


def _heading(element: Element, lines: list[str], indent: str) -> None:
    text = inline(element)
    if text:
        lines += ["", indent + _HEADING[element.tag] + text, ""]


def _pre(element: Element, lines: list[str], indent: str) -> None:
    code = "".join(_code(element)).translate(_MARKS).strip("\n").rstrip()
    if not code:
        return
    fence = "```" if "```" not in code else "~~~~"
    lines += ["", f"{indent}{fence}{_language(element)}"]
    lines += [indent + line.rstrip() for line in code.split("\n")]
    lines += [indent + fence, ""]


def _code(element: Element) -> Iterable[str]:
    yield element.text or ""
    for child in element:
        if child.tag == "br":
            yield "\n"
        yield from _code(child)
        yield child.tail or ""


def _language(element: Element) -> str:
    """The language that the block, its ``code``, or one of the two elements around it names."""
    near = [element, *element.iter("code"), *list(element.iterancestors())[:2]]
    for place in near[:6]:
        if place.get("data-lang") or place.get("data-language"):
            return _named(place.get("data-lang") or place.get("data-language"))
        for word in classes(place):
            match = _LANGUAGE.fullmatch(word)
            if match:
                return _named(match[1])
    return ""


def _named(language: str) -> str:
    lower = language.lower()
    return _LANGUAGES.get(lower, lower if lower.isascii() and len(lower) < 20 and lower.isprintable() else "")


def _list(element: Element, lines: list[str], indent: str) -> None:
    if not indent:
        _blank(lines)
    number = 0
    for child in element:
        if child.tag == "li":
            number += 1
            _item(child, lines, indent, f"{number}. " if element.tag == "ol" else "- ")
        elif isinstance(child.tag, str):
            _blocks(child, lines, indent)
    if not indent:
        _blank(lines)


def _item(element: Element, lines: list[str], indent: str, mark: str) -> None:
    start = len(lines)
    _blocks(element, lines, _deeper(indent, len(mark)))
    first = next((number for number in range(start, len(lines)) if lines[number]), None)
    if first is None:
        del lines[start:]
        return
    lines[first] = f"{indent}{mark}{lines[first].lstrip()}"
    del lines[start:first]
    while not lines[-1]:
        lines.pop()


def _deeper(indent: str, by: int) -> str:
    return indent + " " * by if len(indent) < DEEPEST else indent


def _term(element: Element, lines: list[str], indent: str) -> None:
    text = inline(element)
    if text:
        _blank(lines)
        lines.append(indent + text)


def _definition(element: Element, lines: list[str], indent: str) -> None:
    _blocks(element, lines, _deeper(indent, 4))


def _table(element: Element, lines: list[str], indent: str) -> None:
    """A row of cells a line; a table of one cell a row, or that holds blocks of code, is laid out as blocks."""
    rows = [row for row in element.iter("tr") if next(row.iterancestors("table"), None) is element]
    if next(element.iter("pre", "table"), element) is not element or max(map(len, rows), default=0) < 2:
        for child in element:
            _blocks(child, lines, indent)
        return
    _blank(lines)
    for number, row in enumerate(rows):
        cells = [inline(cell).replace("|", "\\|") for cell in row if cell.tag in ("td", "th")]
        if any(cells):
            lines.append(f"{indent}| {' | '.join(cells)} |")
            if number == 0 and all(cell.tag == "th" for cell in row):
                lines.append(f"{indent}|{' --- |' * len(cells)}")
    _blank(lines)


def _rule(_element: Element, lines: list[str], _indent: str) -> None:
    _blank(lines)


def _blank(lines: list[str]) -> None:
    if lines and lines[-1]:
        lines.append("")


_WRITERS: dict[str, Callable[[Element, list[str], str], None]] = {
    **dict.fromkeys(_HEADING, _heading),
    "p": _paragraph,
    "pre": _pre,
    "ul": _list,
    "ol": _list,
    "dt": _term,
    "dd": _definition,
    "table": _table,
    "hr": _rule,
}
