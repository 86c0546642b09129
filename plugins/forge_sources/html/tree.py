"""HTML bytes to a tree, whatever is in them.

lxml reads a page of 750 kB in 10 ms; Beautiful Soup, of which the search for a declared encoding is used here, takes
25 times as long for a tree of the same page. The parser looks at no network and expands no entity but HTML's own;
it stops at 256 levels, where a page is refused. One tag with thousands of attributes would cost it time that grows
with their square: such a page is refused before it is read.
"""

import re
from typing import Any

Element = Any
"""An lxml element; lxml has no types of its own."""

MOST_ATTRIBUTES = 1_000
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_LATIN = ("iso-8859-1", "latin-1", "latin1", "ascii", "us-ascii")
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
# Quotes count after an equals sign only, as in HTML; possessive, so that no text makes it go back.
_TAG = re.compile(r"<[a-zA-Z](?:=\s*+\"[^\"]*+\"|=\s*+'[^']*+'|[^>=]++|=)*+")
_VALUE = re.compile(r"=\s*+(?:\"[^\"]*+\"|'[^']*+')")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class UnreadableHtml(ValueError):  # noqa: N818
    """A page that cannot be read; the message says why in one line."""


def decoded(body: bytes, content_type: str = "") -> str:
    """The page as text: by its byte order mark, the header's charset, the page's own, UTF-8, or windows-1252."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace")
    from bs4.dammit import EncodingDetector

    stated = _CHARSET.search(content_type)
    declared = EncodingDetector.find_declared_encoding(body, is_html=True, search_entire_document=False)
    for encoding in (stated[1] if stated else None, declared, "utf-8"):
        text = _decode(body, encoding) if encoding else None
        if text is not None:
            return text
    return body.decode("windows-1252", "replace")


def _decode(body: bytes, name: str) -> str | None:
    """``body`` in the encoding ``name``; None if that is none of text, or does not fit."""
    try:
        text = body.decode("windows-1252" if name.lower() in _LATIN else name)
        text.encode()  # UTF-7 and its like can hide surrogates
    except (UnicodeError, LookupError, ValueError):
        return None
    return text


def parse(body: bytes, content_type: str = "") -> Element:
    """The page's root element.

    Raises:
        UnreadableHtml: it is empty, nested deeper than 256 levels, or has a tag of more than `MOST_ATTRIBUTES`.
    """
    return parse_text(decoded(body, content_type))


def parse_text(text: str) -> Element:
    """As `parse`, of text."""
    from lxml import etree, html

    text = _CONTROL.sub("", text)
    if not text.strip():
        raise UnreadableHtml("an empty page")
    _check_tags(text)
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True, huge_tree=False)
    try:
        root = html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError, AssertionError) as error:
        raise UnreadableHtml(f"no HTML ({error})") from error
    if any("depth" in entry.message.lower() for entry in parser.error_log):
        raise UnreadableHtml("nested deeper than 256 levels")
    return root


def _check_tags(text: str) -> None:
    for match in _TAG.finditer(text):
        tag = match[0]
        if len(tag) > 2 * MOST_ATTRIBUTES and len(_VALUE.sub(" ", tag).split()) > MOST_ATTRIBUTES:
            raise UnreadableHtml(f"a tag with more than {MOST_ATTRIBUTES} attributes")


def words(element: Element) -> str:
    """All text below an element, blanks squeezed."""
    return " ".join("".join(element.itertext()).split())


def classes(element: Element) -> list[str]:
    """The classes of an element."""
    return (element.get("class") or "").split()
