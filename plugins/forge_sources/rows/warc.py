"""Pages of WARC and WET files as text, one record at a time.

Of a ``response`` that was a success (status 200) and is HTML or plain text, the main content is extracted by
resiliparse, headings, lists and preformatted text kept; a ``conversion`` (WET) is text already. Other records
(requests, images, redirects) are no text and pass by. A licence is taken only from a link that says ``rel=license``.

Cost: some 20 MB of HTML a second and core, memory of one page.

Source: ISO 28500 (WARC 1.1); the WET files of Common Crawl.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from forge.records import UNKNOWN_LICENSE, Reject
from forge_sources.packages.text import decoded
from forge_sources.rows.reader import Piece, packing_of, unpacked, why

if TYPE_CHECKING:
    from fastwarc.warc import WarcRecord

_HTML = ("text/html", "application/xhtml+xml")
_REL_LICENSE = re.compile(rb"\brel\s*=\s*[\"']?[^\"'>]{0,60}\blicense\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPage:
    """A page: its ``text``, address ``url``, capture ``date``, and the ``license`` that it links to, with evidence."""

    locator: str
    text: str
    url: str
    date: str
    record_id: str
    title: str = ""
    license: str = UNKNOWN_LICENSE
    license_evidence: str = ""


def warc_pages(piece: Piece, *, limit: int) -> Iterator[WebPage | Reject]:
    """The pages of a WARC or WET file, packed or not.

    Args:
        limit: bytes of a page, unpacked, after which it is a `Reject`.
    """
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    wanted = WarcRecordType.response | WarcRecordType.conversion | WarcRecordType.resource
    number = piece.first - 1
    try:
        with closing(unpacked(piece.path)) as stream:
            told = _Told(stream)
            archive = ArchiveIterator(told, record_types=wanted, parse_http=True, auto_decode="all")
            held = None  # the last page so far, which a file that ends early has only a part of
            for number, record in enumerate(archive, start=piece.first):
                if held is not None:
                    yield held
                held = _page(record, f"{piece.label}:{number}", limit=limit)
        if told.error is not None:
            raise told.error
        if not _is_whole(piece.path):
            yield Reject(locator=f"{piece.label}:{number}", reason="the file ends within this record")
        elif held is not None:
            yield held
    except OSError as error:
        yield Reject(locator=f"{piece.label}:{number + 1}", reason=f"cannot be read from here on: {why(error)}")


class _Told:
    """A stream that knows where it is, and ends where it is damaged: FastWARC panics at anything else."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.position = 0
        self.error: OSError | None = None

    def read(self, size: int = -1) -> bytes:
        """Bytes; none at the end, or once reading has failed."""
        try:
            data = self.stream.read(size) if self.error is None else b""
        except OSError as error:
            self.error, data = error, b""
        self.position += len(data)
        return data

    def tell(self) -> int:
        """Bytes read so far."""
        return self.position

    def seek(self, _offset: int, _whence: int = 0) -> int:
        """Refused: packed streams are read in one go."""
        raise OSError("the stream is read from start to end")

    def close(self) -> None:
        """Nothing: the stream is its owner's to close."""


def main_text(html: str) -> tuple[str, str]:
    """The main content of a page as plain text with its blocks on lines of their own, and the page's title."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    tree = HTMLTree.parse(html)
    text = extract_plain_text(tree, main_content=True, preserve_formatting=True, alt_texts=False)
    return text.strip(), (tree.title or "").strip()


def _is_whole(path: Path) -> bool:
    """Whether the last record of an unpacked file has its closing blank lines; packed streams notice by themselves."""
    if packing_of(path) is not None:
        return True
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - 4, 0))
        return stream.read() == b"\r\n\r\n"


def _page(record: "WarcRecord", locator: str, *, limit: int) -> WebPage | Reject | None:
    media = _media_type(record)
    if media is None:
        return None
    data = record.reader.read(limit + 1)
    if len(data) > limit:
        return Reject(locator=locator, reason=f"the page is larger than {limit / 1e6:g} MB")
    facts: dict[str, Any] = {
        "locator": locator,
        "url": record.headers.get("WARC-Target-URI") or "",
        "date": record.headers.get("WARC-Date") or "",
        "record_id": (record.record_id or "").strip("<>"),
    }
    if media not in _HTML:
        text = decoded(data)
        return WebPage(text=text, **facts) if text and text.strip() else Reject(locator=locator, reason="no UTF-8 text")
    return _html_page(record, data, facts)


def _html_page(record: "WarcRecord", data: bytes, facts: dict[str, Any]) -> WebPage | Reject:
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    html = bytes_to_str(data, record.http_charset or detect_encoding(data) or "utf-8")
    text, title = main_text(html)
    if not text:
        return Reject(locator=facts["locator"], reason="the page has no main text")
    expression, evidence = _license(html) if _REL_LICENSE.search(data) else (UNKNOWN_LICENSE, "")
    return WebPage(text=text, title=title, license=expression, license_evidence=evidence, **facts)


def _media_type(record: "WarcRecord") -> str | None:
    """The media type of a record that is text, else None."""
    from fastwarc.warc import WarcRecordType

    if record.record_type == WarcRecordType.conversion:
        return "text/plain"
    if record.is_http:
        answer = record.http_headers
        if answer is None or answer.status_code != 200:
            return None
        media = record.http_content_type
    else:
        media = record.headers.get("Content-Type")
    media = (media or "").partition(";")[0].strip().lower()
    return media if media in (*_HTML, "text/plain") else None


def _license(html: str) -> tuple[str, str]:
    """The licence that the page's ``rel=license`` links name, if they all name one, and the first link."""
    from resiliparse.parse.html import HTMLTree

    from forge_sources.licenses import spdx

    page = HTMLTree.parse(html).document
    nodes = page.query_selector_all('[rel~="license"]') if page is not None else ()
    links = [link for node in nodes if (link := node.getattr("href"))]
    found = {spdx({"url": link}) for link in links}
    evidence = f"rel=license: {links[0][:300]}" if links else ""
    return (found.pop() if len(found) == 1 else UNKNOWN_LICENSE), evidence
