"""Hostile HTML: whatever a server sends, a page gives records or a reject, in bounded time and memory."""

# ruff: noqa: E501, RUF001, PT017 (hostile pages, each in one line)
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge.records import ApiRecord, Document, Reject, to_row
from forge.steps import HttpResponse
from forge_sources.crawling.crawl import page_facts
from forge_sources.harvest import Page
from forge_sources.html import tree as html_tree
from forge_sources.markdown_text import UnreadableNotebook, markdown, notebook
from forge_sources.website.pages import PageRules, page_records

RULES = PageRules(source="fuzz", domain="text")
URL = "https://example.org/docs/"
SPHINX = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"/><title>x — m</title><link rel="canonical" href="/d">
<meta name="robots" content="index"></head><body><nav><a href="a.html#x">a</a></nav><div role="main"><h1>m<a class="headerlink"
href="#m">¶</a></h1><section id="module-m"><dl class="py function"><dt class="sig sig-object py" id="m.f"><span class="sig-prename
descclassname">m.</span><span class="sig-name descname">f</span><span class="sig-paren">(</span><em class="sig-param"><span>a: int
= 1</span></em><span class="optional">[</span>, <em class="sig-param">b</em><span class="optional">]</span><span class="sig-paren">)
</span></dt><dd><p>Does &amp; says.</p><dl class="field-list"><dt>Parameters</dt><dd><ul><li><strong>a</strong> (<em>int</em>) – x
</li></ul></dd><dt>Raises</dt><dd>ValueError – y</dd></dl></dd></dl></section><pre class="highlight-python3">x &lt; 1</pre>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table></div><footer>Licensed under the MIT License.</footer></body>"""
REST = """<html><main><h2>Get a thing</h2><p>Gets it.</p><pre><code class="language-http">GET /v1/things/{id}</code></pre><h3>Query
parameters</h3><table><tr><th>Name</th><th>Type</th><th>Required</th><th>Default</th><th>In</th><th>Description</th></tr><tr><td>q
</td><td>list of str or null</td><td>yes</td><td>'x'</td><td>query</td><td>d</td></tr></table><dl><dt>id string, required</dt><dd>i
</dd></dl></main></html>"""
DOCBOOK = """<html><body><table><tr><td class="func_table_entry"><p class="func_signature"><code class="function">lpad</code> (
<em class="parameter"><code>s</code></em> <code class="type">text</code>, <code class="type">integer</code> [, <code>f</code> text] )
→ <code class="returnvalue">text</code></p><p>Pads.</p></td></tr></table><div class="refentry" id="R"><div class="refnamediv"><h2>
<span class="refentrytitle">vacuumdb</span></h2><p>vacuumdb — vacuums</p></div><div class="refsynopsisdiv"><div class="cmdsynopsis">
<p>vacuumdb [-a]</p></div></div><div class="refsect1"><h2>Options</h2><dl><dt>-a --all</dt><dd>All.</dd></dl></div></div></body>"""
SEEDS = [text.encode() for text in (SPHINX, REST, DOCBOOK)]
PIECES = [
    b"<", b">", b"</", b'"', b"'", b"&", b"&#x110000;", b"&#xD800;", b"&#0;", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"<!--",
    b"-->", b"<![CDATA[", b"<?php ", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"<table><tr><td>", b"<dl><dt>", b"<dd>",
    b"<pre>", b"</pre>", b"<svg><style>", b"<template>", b"<base href='javascript:x'>", b"<a href='http://[::1'>", b"<p " * 9,
    b"<h1>", b"<li>", b"<script>", b"<plaintext>", b"<frameset>", b"<meta charset=utf-7>", b"<meta charset=utf-16>",
    b"<meta charset=idna>", b"<meta charset=hex>", b"\xe2\x80\xae", b"<ul>" * 40, b"<span class='optional'>[</span>" * 5,
    b"<html lang='\xff'>", b'<link rel="canonical license" href="//">', b"\r\n", b"\x1b[2J", "𝕏é".encode(), b"``````",
]  # fmt: skip


def records(body: bytes, content_type: str = "text/html") -> list[ApiRecord | Document | Reject]:
    return list(page_records(Page(key=URL, facts={"type": content_type}, body=body), URL, RULES))


def check(found: list[ApiRecord | Document | Reject]) -> None:
    for record in found:
        row = to_row(record)
        "".join(str(value) for value in row.values()).encode()  # no surrogates
        if isinstance(record, Document):
            assert record.text.strip()
            assert "\x00" not in record.text
        if isinstance(record, ApiRecord):
            assert record.name
            assert set(record.parameters.get("required", ())) <= set(record.parameters.get("properties", ()))


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    body = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 6))):
        start, stop = sorted((draw(st.integers(0, len(body))), draw(st.integers(0, len(body)))))
        kind = draw(st.sampled_from(["cut", "insert", "repeat", "drop", "swap"]))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=6))
        if kind == "cut":
            body = body[:stop]
        elif kind == "insert":
            body = body[:start] + piece + body[start:]
        elif kind == "repeat":
            body = body[:start] + body[start:stop] * draw(st.integers(2, 4)) + body[stop:]
        elif kind == "drop":
            body = body[:start] + body[stop:]
        else:
            body = body[stop:] + body[start:stop] + body[:start]
        body = body[:60_000]
    return body


BOUNDED = settings(max_examples=400, deadline=5_000, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


@BOUNDED
@given(
    mutated(),
    st.sampled_from(["text/html", "text/html; charset=utf-16", "text/html; charset=\x00", "x; charset=rot13"]),
)
def test_mutated_pages_give_records_or_a_reject(body: bytes, content_type: str) -> None:
    found = records(body, content_type)
    check(found)
    facts, _ = page_facts(HttpResponse(url=URL, status=200, headers={"content-type": content_type}, body=body), URL)
    assert "links" in facts or "problem" in facts or not content_type.startswith("text/html")


def test_the_seeds_are_read() -> None:
    names = [record.name for body in SEEDS for record in records(body) if isinstance(record, ApiRecord)]
    assert names == ["f", "getAThing", "lpad", "vacuumdb"]


@BOUNDED
@given(st.text(alphabet="`~#-=*<>![]()\n \tabc:/'\"", max_size=300) | st.text(max_size=100))
def test_markdown_never_fails(text: str) -> None:
    assert markdown(text).endswith("\n")


@settings(BOUNDED, max_examples=150)
@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
    st.sampled_from(["cells", "source", "cell_type", "outputs", "data", "text/plain", "metadata", "language_info"]), inner, max_size=5
), max_leaves=12))  # fmt: skip
def test_notebooks_never_fail(value: object) -> None:
    import orjson

    try:
        assert notebook(orjson.dumps(value)).endswith("\n")
    except UnreadableNotebook as error:
        assert "\n" not in str(error)


BOMBS = {
    "deep div": "b'<div>' * 12_500 + b'x'",
    "deep inline": "b'<b><i>' * 25_000 + b'x'",
    "deep list": "b'<main>' + b'<ul><li>x' * 120 + b'y<br>' * 25_000",
    "deep definitions": "b'<dl class=\"py class\"><dt id=a>x</dt><dd>' * 80 + b'z<p>' * 12_500",
    "deep table": "b'<table><tr><td>' * 20_000",
    "wide table": "b'<table>' + b'<tr>' + b'<td>' * 50_000",
    "unclosed cells": "b'<table>' + b'<tr><td>1<td>2' * 25_000",
    "attributes": "b'<a ' + b' '.join(b'a%d=1' % n for n in range(500_000)) + b'>x</a>'",
    "hidden attributes": "b'<a x=\"<\" ' + b' '.join(b'a%d' % n for n in range(500_000)) + b'>x</a>'",
    "long attribute": "b'<p class=\"' + b'nav ' * 1_000_000 + b'\">x</p>'",
    "entities": "b'<!DOCTYPE html [' + b''.join(b'<!ENTITY e%d \"%s\">' % (n, b'&e%d;' % (n - 1) * 10) for n in range(1, 12)) + b']><p>&e11;'",
    "references": "b'<p>' + b'&lt;' * 1_200_000",
    "angles": "b'<' * 5_000_000",
    "tags": "b'<a' * 2_500_000",
    "quotes": "b'<a =\"' * 1_000_000",
    "comments": "b'<!--' * 1_250_000",
    "links": "b''.join(b'<a href=\"/%d\">x</a>' % n for n in range(200_000))",
    "chrome": "b'<div class=\"sidebar\"><h1>x</h1>' * 120 + b'<p>x</p>' * 25_000",
    "code": "b'<pre>' + b'<span class=\"n\">x</span>\\n' * 37_500",
    "endpoints": "b'<h2>GET /a</h2><p>x</p>' * 20_000",
    "signatures": "b'<dl class=\"py function\"><dt id=\"f\"><span class=descname>f</span><span class=sig-paren>(</span>' + b'<em class=sig-param>a</em>' * 25_000",
    "footer": "b'<footer>' + b'licensed under the ' * 62_500",
    "robots": "b'<meta name=robots content=\"' + b', ' * 2_000_000 + b'\">x'",
    "charset": "b'<meta charset=' + b'a' * 4_000_000 + b'>x'",
    "spaces": "b'<p>' + b' ' * 4_900_000 + b'x'",
    "nul": "b'\\x00' * 4_900_000 + b'<p>x'",
}  # fmt: skip
PROGRAM = """
import re, sys
sys.path[:0] = {path!r}
from fuzzed import URL, check, page_facts, records, HttpResponse
for name, body in {{{bombs}}}.items():
    import time
    begin = time.process_time()
    found = records(body)
    check(found)
    page_facts(HttpResponse(url=URL, status=200, headers={{"content-type": "text/html"}}, body=body), URL)
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024
    print(name, round(time.process_time() - begin, 2), peak, sum(len(getattr(record, "text", "")) for record in found), sep="\\t")
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="VmHWM is read from /proc")
def test_bombs_stay_within_a_gigabyte_and_seconds(tmp_path: Path) -> None:
    (tmp_path / "fuzzed.py").write_bytes(Path(__file__).read_bytes())
    bombs = ", ".join(f"{name!r}: {code}" for name, code in BOMBS.items())
    program = PROGRAM.format(path=[str(tmp_path)], bombs=bombs)

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (150, 160))

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=500, preexec_fn=limits, check=False
    )
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[0] for row in rows] == list(BOMBS), done.stderr[-2000:]
    assert {row[0]: row[1] for row in rows if float(row[1]) > 15} == {}
    assert max(int(row[2]) for row in rows) < 1000


@pytest.mark.parametrize(
    ("body", "reason"), [(b"<div>" * 300, "deeper"), (b"", "empty"), (b"<a " + b"b " * 2000 + b">", "attr")]
)
def test_what_is_refused_says_why(body: bytes, reason: str) -> None:
    (reject,) = records(body)
    assert isinstance(reject, Reject)
    assert reason in reject.reason
    assert reject.locator == URL


def test_the_check_of_tags_is_linear() -> None:
    begin = time.process_time()
    for piece in ("<a =\"'", "<a x='", '<a b="', "<a<a=", "= '\"<a"):
        with suppress(html_tree.UnreadableHtml):
            html_tree._check_tags(piece * 300_000)
    assert time.process_time() - begin < 20
