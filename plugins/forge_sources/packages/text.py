"""Which files of a package are taken, and their bytes as text.

Patterns are globs over the path within the package: ``*`` and ``?`` stay within a folder, ``**`` crosses folders, a
pattern without a slash is matched against the file's name wherever it lies, and one that ends with a slash takes all
that is below. Cost: one regular expression a file.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

LANGUAGES = {
    ".py": "python",
    ".pyi": "python",
    ".pyx": "cython",
    ".js": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".jsx": "javascript",
    ".ts": "typescript",
    ".tsx": "typescript",
    ".c": "c",
    ".h": "c",
    ".cc": "c++",
    ".cpp": "c++",
    ".hpp": "c++",
    ".rs": "rust",
    ".go": "go",
    ".java": "java",
    ".f": "fortran",
    ".f90": "fortran",
    ".sql": "sql",
    ".sh": "shell",
    ".rst": "restructuredtext",
    ".md": "markdown",
    ".txt": "text",
    ".html": "html",
}
"""Languages by the ending of a file's name; what is missing here is ``unknown``."""

TEXT_ENDINGS = (".rst", ".md", ".txt")
INCLUDE = {
    "code": tuple(f"*{ending}" for ending in LANGUAGES if ending not in (*TEXT_ENDINGS, ".html")),
    "text": tuple(f"*{ending}" for ending in TEXT_ENDINGS),
}

EXCLUDE = (
    "**/test/",
    "**/tests/",
    "**/testdata/",
    "**/locale/",
    "**/locales/",
    "**/node_modules/",
    "**/vendor/",
    "**/vendored*/",
    "**/_vendor/",
    "**/*.egg-info/",
    "**/*.dist-info/",
    "*.min.js",
    "*.min.css",
    "requirements*.txt",
    "constraints*.txt",
    "CMakeLists.txt",
    "*[cC]hangelog*",
    "*CHANGELOG*",
    "CHANGES*",
    "NEWS*",
    "LICEN[CS]E*",
    "COPYING*",
    "NOTICE*",
    "AUTHORS*",
    "CONTRIBUTORS*",
    "THANKS*",
)
"""Left out by default: tests, translations, other people's code, generated files, change logs, legal text."""


_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")  # XHTML opens with it, and is read as HTML all the same


def matcher(patterns: Sequence[str]) -> Callable[[str], bool]:
    """A function that says whether a path matches any of the patterns; none match no path."""
    if not patterns:
        return lambda _path: False
    found = re.compile("|".join(_regex(pattern) for pattern in patterns)).fullmatch
    return lambda path: found(path) is not None


def _regex(pattern: str) -> str:
    """One glob as a regular expression over the whole path."""
    body = pattern.rstrip("/")
    prefix = "" if "/" in pattern else "(?:.*/)?"
    suffix = "/.*" if pattern.endswith("/") else ""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^]/]+\])", body)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    written = "".join(
        part if part.startswith("[") and part.endswith("]") else known.get(part, re.escape(part)) for part in parts
    )
    return f"(?:{prefix}{written}{suffix})"


def language_of(path: str) -> str:
    """The language that a file is written in, by its name."""
    return LANGUAGES.get(PurePosixPath(path).suffix.lower(), "unknown")


def decoded(data: bytes) -> str | None:
    """UTF-8 text with its line ends as ``\\n`` and without a byte order mark; None if it is no text."""
    if b"\x00" in data:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def prose_of_html(html: str) -> str:
    """The text of a page's main part, one block a line, without navigation, scripts and styles."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(_XML_DECLARATION.sub("", html), "lxml")
    for name in ("script", "style", "nav", "header", "footer", "aside", "form", "noscript", "template"):
        for tag in soup.find_all(name):
            tag.decompose()
    main = soup.find("main") or soup.select_one("[role=main]") or soup.find("article") or soup.body or soup
    for line_break in main.find_all("br"):
        line_break.replace_with("\n")
    blocks = main.find_all(["h1", "h2", "h3", "h4", "h5", "h6", "p", "li", "dt", "dd", "pre", "td", "th", "blockquote"])
    lines = [_block_text(block.name, block.get_text()) for block in blocks if not block.find(_is_block)]
    return "\n".join(line for line in lines if line) + "\n"


def _is_block(tag: object) -> bool:
    return getattr(tag, "name", None) in ("p", "li", "dt", "dd", "pre", "td", "th", "blockquote")


def _block_text(name: str, text: str) -> str:
    return text.strip("\n") if name == "pre" else " ".join(text.split())
