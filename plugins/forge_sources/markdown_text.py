"""Documentation files of a repository as text: Markdown without badges and comments, notebooks as Markdown.

Headings and code blocks stay as they are written; reStructuredText, AsciiDoc and plain text are taken as they come.
Cost: some 50 MB a second; HTML and notebooks less.
"""

import html
import re
from collections.abc import Iterator

import orjson

MARKDOWN = (".md", ".markdown", ".mdx", ".mdown", ".mkd")
PLAIN = (".rst", ".txt", ".adoc", ".asciidoc", ".org")
NOTEBOOK = ".ipynb"
HTML = (".html", ".htm")
MOST_OUTPUT = 2_000

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
_FRONT = re.compile(r"\A---[ \t]*\n(?P<fields>.{0,8000}?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(?P<title>[^\n\"']{1,200})", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_BADGE = re.compile(
    r"\[!\[[^\]\n]{0,200}\]\([^)\n]{0,500}\)\]\([^)\n]{0,500}\)|\[!\[[^\]\n]{0,200}\](?:\[[^\]\n]{0,200}\])?\](?:\[[^\]\n]{0,200}\])"
)
_IMAGE = re.compile(r"!\[[^\]\n]{0,300}\](?:\([^)\n]{0,600}\)|\[[^\]\n]{0,200}\])|<img\b[^>\n]{0,2000}>", re.IGNORECASE)
_LAYOUT = re.compile(
    r"</?(?:p|div|center|br|picture|source|a|sup|sub|details|summary|kbd|h[1-6]|b|i|em|strong|u|small|big|span|font|hr)\b[^>\n]{0,1000}>",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"\]\((https?://[^\s)]{1,1000})\)|<(https?://[^\s>]{1,1000})>|href=[\"'](https?://[^\"'\s]{1,1000})[\"']|^\[[^\]]+\]:\s*(https?://\S+)",
    re.MULTILINE,
)
_HEADING = re.compile(
    r"^#{1,2}[ \t]+(?P<atx>.{1,200}?)[ \t#]*$|^(?P<setext>[^\n]{1,200})\n(?:={3,}|-{3,}|\*{3,}|~{3,})[ \t]*$",
    re.MULTILINE,
)
_SPAN = re.compile(r"(`+[^`]*`+)")
_ENTITY = re.compile(r"&(?!lt;|gt;|#60;|#62;)(?:[A-Za-z][A-Za-z0-9]{1,30}|#\d{1,6}|#x[0-9A-Fa-f]{1,6});")
_MANY_LINES = re.compile(r"\n{3,}")


class UnreadableNotebook(ValueError):  # noqa: N818
    """A notebook that is none; the message says why in one line."""


def markdown(text: str) -> str:
    """Markdown without front matter, comments, badges, images and layout tags; what is fenced stays untouched."""
    front = _FRONT.match(text)
    if front:
        title = _FRONT_TITLE.search(front["fields"])
        text = (f"# {title['title'].strip()}\n\n" if title else "") + text[front.end() :]
    parts = [part if is_code else _cleaned(part) for is_code, part in _pieces(text)]
    return _MANY_LINES.sub("\n\n", "".join(parts)).strip("\n") + "\n"


def _cleaned(text: str) -> str:
    for pattern in (_COMMENT, _BADGE, _IMAGE, _LAYOUT):
        text = pattern.sub("", text)
    if "&" in text:  # not in code, where an entity is what it says; &lt; would become a tag
        text = "".join(part if part.startswith("`") else _ENTITY.sub(_character, part) for part in _SPAN.split(text))
    return "\n".join(line.rstrip() for line in text.split("\n"))


def _character(found: re.Match[str]) -> str:
    return html.unescape(found[0])


def _pieces(text: str) -> Iterator[tuple[bool, str]]:
    """Runs of lines, and whether they are fenced code."""
    run: list[str] = []
    fence = ""
    for line in text.splitlines(keepends=True):
        match = _FENCE.match(line)
        if fence:
            run.append(line)
            if match and match[1][0] == fence[0] and len(match[1]) >= len(fence) and not line.strip().strip(fence[0]):
                yield True, "".join(run)
                run, fence = [], ""
        elif match:
            yield False, "".join(run)
            run, fence = [line], match[1]
        else:
            run.append(line)
    yield bool(fence), "".join(run)


def title_of(text: str) -> str:
    """The first heading of Markdown or reStructuredText; empty if there is none."""
    match = _HEADING.search(text[:20_000])
    return (match["atx"] or match["setext"]).strip().strip("`*") if match else ""


def links_of(text: str) -> list[str]:
    """Addresses that a Markdown text links to, in their order, each once."""
    found = (next(filter(None, groups)) for groups in _LINK.findall(_COMMENT.sub("", text)))
    return list(dict.fromkeys(found))


def notebook(data: bytes) -> str:
    """A Jupyter notebook as Markdown: its text cells, its code fenced, what it printed where that is short text.

    Raises:
        UnreadableNotebook: it is no notebook of format 4.
    """
    try:
        read = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise UnreadableNotebook(f"no JSON ({error})") from error
    cells = read.get("cells") if isinstance(read, dict) else None
    if not isinstance(cells, list):
        raise UnreadableNotebook("no notebook of format 4")
    metadata = read.get("metadata")
    info = metadata.get("language_info") if isinstance(metadata, dict) else None
    language = str(info.get("name", "python")) if isinstance(info, dict) else "python"
    parts = [part for cell in cells if isinstance(cell, dict) for part in _cell(cell, language)]
    return "\n\n".join(part for part in parts if part.strip()) + "\n"


def _cell(cell: dict[str, object], language: str) -> Iterator[str]:
    source = _joined(cell.get("source")).strip("\n")
    if cell.get("cell_type") == "markdown":
        yield markdown(source).strip("\n")
    elif cell.get("cell_type") == "code" and source.strip():
        yield f"```{language}\n{source}\n```"
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else []:
            text = _output(output) if isinstance(output, dict) else ""
            if text.strip() and len(text) <= MOST_OUTPUT:
                yield f"```\n{text.rstrip()}\n```"


def _output(output: dict[str, object]) -> str:
    data = output.get("data")
    return _joined(data.get("text/plain") if isinstance(data, dict) else output.get("text"))


def _joined(value: object) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""
