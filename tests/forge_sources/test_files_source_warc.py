"""WARC and WET records as pages."""

import gzip

import pytest

from forge.records import Reject
from forge.testing import check_source, context
from forge_sources.rows.source import Files

BODY = "<p>The first paragraph says, at some length, what this page in café style is about.</p><pre>x = 1\n  y</pre>"
HTML = f"<html><head><title>A page</title></head><body><nav>menu</nav><main><h1>Head</h1>{BODY}%s</main></body></html>"


def record(kind, uri, body, *, media=None):
    media = media or ("application/http; msgtype=response" if kind == "response" else "text/plain")
    head = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Record-ID: <urn:uuid:{len(uri):012d}>\r\n"
        "WARC-Date: 2024-01-02T03:04:05Z\r\n"
        f"WARC-Target-URI: {uri}\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"


def answer(html, *, status="200 OK", media="text/html; charset=iso-8859-1", packed=False):
    body = html if isinstance(html, bytes) else html.encode("latin-1")
    body = gzip.compress(body) if packed else body
    coding = "Content-Encoding: gzip\r\n" if packed else ""
    return f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\n{coding}Content-Length: {len(body)}\r\n\r\n".encode() + body


LINK = '<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">terms</a>'
RECORDS = [
    record("warcinfo", "http://info/", b"software: test"),
    record("response", "http://host/page", answer(HTML % LINK)),
    record("response", "http://host/packed", answer(HTML % "", packed=True)),
    record("response", "http://host/gone", answer("gone", status="404 Not Found")),
    record("response", "http://host/image", answer(b"\x89PNG", media="image/png")),
    record("response", "http://host/empty", answer("<html><body></body></html>")),
    record("conversion", "http://host/wet", "Plain text, ünïcode.".encode()),
]


@pytest.mark.parametrize("name", ["a.warc", "a.warc.gz", "a.warc.wet.gz"])
def test_pages_become_documents(tmp_path, name):
    (tmp_path / name).write_bytes(b"".join(gzip.compress(each) if name.endswith("gz") else each for each in RECORDS))
    found = check_source(Files(paths=(name,)), context(tmp_path))
    page, packed, wet = found.records
    assert page.text.startswith("Head\n")
    assert "café style" in page.text
    assert "x = 1\n  y" in page.text
    assert "menu" not in page.text
    assert (page.url, page.kind, page.license) == ("http://host/page", "web", "CC-BY-4.0")
    assert page.meta["license_evidence"] == "rel=license: https://creativecommons.org/licenses/by/4.0/"
    assert (page.meta["date"], page.meta["title"]) == ("2024-01-02T03:04:05Z", "A page")
    assert "café" in packed.text
    assert packed.license == "unknown"
    assert wet.text == "Plain text, ünïcode."
    assert found.rejects == [Reject(locator=f"{name}:5", reason="the page has no main text")]


def test_a_page_over_the_limit_is_a_reject_even_when_packed(tmp_path):
    bomb = answer(b"<p>" + b"x" * 30_000_000, packed=True)
    (tmp_path / "a.warc").write_bytes(record("response", "http://bomb/", bomb) + RECORDS[-1])
    found = check_source(Files(paths=("a.warc",), max_document_mb=1), context(tmp_path))
    assert [document.url for document in found.records] == ["http://host/wet"]
    assert found.rejects == [Reject(locator="a.warc:1", reason="the page is larger than 1 MB")]


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_file_that_ends_early_says_so(tmp_path, is_packed):
    whole = b"".join(RECORDS)
    data = gzip.compress(whole)[:-20] if is_packed else whole[:-10]
    (tmp_path / "a.warc").write_bytes(data)
    found = check_source(Files(paths=("a.warc",)), context(tmp_path))
    assert len(found.records) == (0 if is_packed else 2)
    assert all("ünïcode" not in record.text for record in found.records)
    assert any("the file ends within" in reject.reason or "from here on" in reject.reason for reject in found.rejects)


def test_what_is_no_warc_is_a_reject(tmp_path):
    (tmp_path / "a.warc").write_bytes(b"garbage\r\n" * 100 + b"\r\n\r\n")
    found = check_source(Files(paths=("a.warc",)), context(tmp_path))
    assert not found.records
    assert "cannot be read" in found.rejects[0].reason
