"""Pages taken apart: encoding, boilerplate, text, what they say of themselves, and the operations in them."""

# ruff: noqa: E501, RUF001 (pages, in few lines)

import pytest

from forge_sources.html import main as html_main
from forge_sources.html import page as html_page
from forge_sources.html import text as html_text
from forge_sources.html import tree as html_tree
from forge_sources.html.endpoints import find_endpoints
from forge_sources.html.found import FoundApi, literal, says_required, schema_of
from forge_sources.html.sphinx import find_sphinx
from forge_sources.html.tables import read_definitions, read_table
from forge_sources.html.tree import Element

URL = "https://example.org/docs/page"


def main(html: str) -> Element:
    return html_main.clean(html_tree.parse_text(html))


def text(html: str) -> str:
    return html_text.text_of(main(html))


@pytest.mark.parametrize(
    ("body", "header", "expected"),
    [
        ("é".encode(), "", "é"),
        ("é".encode("latin-1"), "", "é"),
        ("é".encode("utf-16-le"), "text/html; charset=utf-16-le", "é"),
        (b"\xef\xbb\xbf\xc3\xa9", "text/html; charset=latin-1", "é"),
        (b'<meta charset="shift_jis">\x83\x65', "", '<meta charset="shift_jis">テ'),
        ("é".encode(), "text/html; charset=nonsense", "é"),
        ("“".encode("cp1252"), "text/html; charset=iso-8859-1", "“"),
    ],
)
def test_encodings(body: bytes, header: str, expected: str) -> None:
    assert html_tree.decoded(body, header) == expected


def test_structure_is_kept() -> None:
    page = """<main><h1>Title <a class="headerlink" href="#x">¶</a></h1><p>One
      <b>two</b><br>three.</p><ul><li>a<ul><li>b</li></ul></li><li><p>c</p></li></ul><ol><li>x</li><li>y</li></ol>
      <div class="highlight-python3"><pre><span class="k">def</span> f():\n    <span class="go">pass</span>\n</pre></div>
      <table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>x|y</td></tr></table>
      <dl><dt>term</dt><dd><p>said</p><pre>code</pre></dd></dl><h2>End</h2></main>"""
    assert text(page) == (
        "# Title\n\nOne two\nthree.\n\n- a\n  - b\n- c\n\n1. x\n2. y\n\n```python\ndef f():\n    pass\n```\n\n"
        "| A | B |\n| --- | --- |\n| 1 | x\\|y |\n\nterm\n\n    said\n\n    ```\n    code\n    ```\n\n## End\n"
    )


def test_code_languages() -> None:
    assert "```javascript\nx\n```" in text('<pre><code class="hljs language-js">x</code></pre>')
    assert "```shell\nls\n```" in text('<div class="highlight-source-shell"><pre>ls</pre></div>')
    assert "```\nx\n```" in text("<pre>x</pre>")


def test_boilerplate_goes_and_content_stays() -> None:
    page = """<body class="sidebar-open"><header>Site</header><nav>Menu</nav><div class="cookie-banner">We use cookies</div>
      <div class="sidebar layout"><h1>Real</h1><p>This is the long content of the page, most of its words by far.</p>
      <table><tr><td class="linenos">1\n2</td><td class="code"><pre>x\ny</pre></td></tr></table>
      <a class="edit-this-page" href="#">Edit this page</a></div><div class="theme-doc-footer">Last updated</div>
      <div class="prev-next-area">Previous Next</div><ul class="breadcrumbs"><li>Home</li></ul>
      <div role="search">Find</div><footer>©</footer><script>var x</script></body>"""
    assert text(page) == (
        "# Real\n\nThis is the long content of the page, most of its words by far.\n\n```\nx\ny\n```\n"
    )


def facts(html: str) -> html_page.PageFacts:
    return html_page.facts_of(html_tree.parse_text(html), URL)


@pytest.mark.parametrize(
    ("html", "licence", "evidence"),
    [
        ('<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC</a>', "CC-BY-4.0", "rel=license"),
        ('<meta name="license" content="Apache 2.0">', "Apache-2.0", "meta license: Apache 2.0"),
        ("<footer>Docs are licensed under the MIT License.</footer>", "MIT", "footer: Docs are licensed"),
        ('<div class="footer">This page is licensed under the Python Software Foundation License Version 2. Y.</div>',
         "PSF-2.0", "footer: This page is licensed under the Python Software Foundation License Version 2"),
        ("<footer>All rights reserved. Not licensed under our terms of service.</footer>", "unknown", ""),
        ("<p>The widget is licensed under the MIT License.</p>", "unknown", ""),
        ("<footer>© 2026 Acme</footer>", "unknown", ""),
    ],
)  # fmt: skip
def test_licences(html: str, licence: str, evidence: str) -> None:
    found = facts(f"<body><main>x</main>{html}</body>")
    assert found.license == licence
    assert found.license_evidence.startswith(evidence)


def test_what_a_page_says_of_itself() -> None:
    found = facts('<html lang="en"><title>Page one — Site</title><link rel="canonical" href="/docs/one"><p>x</p>')
    assert (found.title, found.language, found.canonical) == ("Page one", "en", "https://example.org/docs/one")
    assert facts('<link rel="canonical" href="https://evil.org/x"><p>x').canonical is None
    assert facts('<link rel="canonical" href="file:///usr/share/x"><p>x').canonical is None
    assert facts('<meta name="robots" content="NoIndex, follow"><p>x').noindex


def test_links_in_order_with_base_and_without_nofollow() -> None:
    html = '<base href="/b/"><a href="x">1</a><a href="#y">2</a><a href="x#z">3</a><a rel=nofollow href="n">4</a><a href="tel:1">5</a>'
    assert html_page.links_of(html_tree.parse_text(html), URL) == ["https://example.org/b/x", "tel:"]


@pytest.mark.parametrize(
    ("written", "schema"),
    [
        ("int", {"type": "integer"}),
        ("string, optional", {"type": "string"}),
        ("Optional[str]", {"type": ["string", "null"]}),
        ("str | None", {"type": ["string", "null"]}),
        ("list of strings", {"type": "array", "items": {"type": "string"}}),
        ("integer[]", {"type": "array", "items": {"type": "integer"}}),
        ("List[int]", {"type": "array", "items": {"type": "integer"}}),
        ("datetime", {"type": "string", "format": "date-time"}),
        ("Widget", {"x-type": "Widget"}),
        ("", {}),
    ],
)
def test_written_types(written: str, schema: dict[str, object]) -> None:
    assert schema_of(written) == schema


@pytest.mark.parametrize(("written", "said"), [("Yes", True), ("optional", False), ("required if x", None), ("", None)])
def test_required_in_words(written: str, said: bool | None) -> None:
    assert says_required(written) is said


def test_defaults_that_are_plain_values() -> None:
    assert literal("10") == (True, 10)
    assert literal("None") == (True, None)
    assert literal("sys.maxsize") == (False, None)
    assert literal("-1.5") == (True, -1.5)


def test_tables_without_known_headings_give_nothing() -> None:
    def read(html: str) -> object:
        return read_table(html_tree.parse_text(html).find(".//table"))

    assert read("<table><tr><th>Plan</th><th>Price</th></tr><tr><td>a</td><td>1</td></tr></table>") is None
    assert read("<table><tr><td>x</td></tr></table>") is None
    assert read("<table><tr><th>Name</th><th>Name</th></tr><tr><td>a</td><td>b</td></tr></table>") is None
    terms = html_tree.parse_text("<dl><dt>A long sentence that is no name of a parameter at all</dt><dd>x</dd></dl>")
    assert read_definitions(terms.find(".//dl")) is None


AUTODOC = """<section id="module-pkg.mod"><dl class="py class"><dt class="sig sig-object py" id="pkg.mod.Client"><em
class="property">class</em> <span class="sig-prename descclassname">pkg.mod.</span><span class="sig-name descname">Client</span><span
class="sig-paren">(</span><em class="sig-param"><span class="n">key</span><span class="p">:</span> <span>str</span></em>, <em
class="sig-param"><span>retries</span>: <span>int</span> = <span class="default_value">3</span></em>, <em class="sig-param">*</em>, <em
class="sig-param">**options</em><span class="sig-paren">)</span></dt><dd><p>Talks to the server.</p><dl class="field-list simple"><dt
>Parameters<span class="colon">:</span></dt><dd><ul><li><p><strong>key</strong> – The key.</p></li><li><p><strong>retries</strong>
(<em>int</em>) – How often.</p></li></ul></dd></dl><dl class="py method"><dt class="sig sig-object py" id="pkg.mod.Client.send"><span
class="sig-name descname">send</span><span class="sig-paren">(</span><em class="sig-param">body</em><span class="sig-paren">)</span
> <span class="sig-return"><span class="sig-return-icon">→</span> <span class="sig-return-typehint">bool</span></span></dt><dd><p>Sends.</p>
<dl class="field-list"><dt>Raises</dt><dd><p><strong>ValueError</strong> – if empty</p></dd></dl><div class="deprecated"><p>Deprecated since
version 2.0: Use post().</p></div></dd></dl><dl class="py attribute"><dt id="pkg.mod.Client.url"><span class="sig-name descname">url</span>
</dt><dd><p>Its address.</p></dd></dl></dd></dl><dl class="py data"><dt id="pkg.mod.X"><span class="sig-name descname">X</span></dt></dl></section>"""


def test_sphinx_classes_methods_and_fields() -> None:
    client, send = find_sphinx(main(AUTODOC))
    assert (client.service, client.name, client.path) == ("pkg.mod", "Client", "pkg.mod.Client")
    assert client.parameters == {
        "type": "object",
        "properties": {
            "key": {"type": "string", "description": "The key."},
            "retries": {"type": "integer", "default": 3, "description": "How often."},
            "options": {"type": "object", "x-variadic": "keyword"},
        },
        "required": ["key"],
    }
    assert client.description == "Talks to the server."
    assert (send.service, send.name, send.deprecated) == ("pkg.mod", "Client.send", True)
    assert send.returns == {"type": "boolean"}
    assert list(send.errors) == [{"code": "ValueError", "description": "if empty"}]


HEAD = "<tr><th>Parameter</th><th>Type</th><th>Required</th><th>Default</th><th>Description</th></tr>"
REST = f"""<main><h1>Things API</h1><p>All about things.</p><h2 id="list">List things</h2><p>Lists all things.</p>
<pre><code>GET https://api.example.org/v1/things</code></pre><h3>Query parameters</h3><table>{HEAD}<tr><td><code>limit</code></td>
<td>integer</td><td>no</td><td>10</td><td>How many.</td></tr><tr><td>tags</td><td>array of strings</td><td>Yes</td><td></td><td>W.</td>
</tr></table><h3>Example request</h3><pre>GET /v1/things/42?x=1 HTTP/1.1</pre><h3>Response</h3><table><tr><th>Field</th><th>Type</th></tr>
<tr><td>id</td><td>string</td></tr></table><h3>Errors</h3><table><tr><th>Status code</th><th>Description</th></tr><tr><td>200</td>
<td>OK</td></tr><tr><td>404</td><td>None such.</td></tr></table><h2>POST /v1/things/:id</h2><p>Changes one.</p><dl><dt>
<code>name</code> string, required</dt><dd>Its name.</dd></dl><h2>Limits</h2><table>{HEAD}<tr><td>burst</td><td>integer</td><td>yes</td>
<td></td><td>Not a parameter of anything.</td></tr></table><h2>GET /v1/bare</h2></main>"""


def endpoints(html: str) -> dict[str, FoundApi]:
    return {f"{api.method} {api.path}": api for api in find_endpoints(main(html))}


def test_endpoints_with_tables_and_lists() -> None:
    found = endpoints(REST)
    assert list(found) == ["GET /v1/things", "POST /v1/things/{id}"]
    listing, change = found.values()
    assert (listing.name, listing.provider, listing.anchor) == ("listThings", "api.example.org", "list")
    assert listing.description == "Lists all things."
    assert listing.parameters["properties"] == {
        "limit": {"x-in": "query", "type": "integer", "default": 10, "description": "How many."},
        "tags": {"x-in": "query", "type": "array", "items": {"type": "string"}, "description": "W."},
    }
    assert listing.parameters["required"] == ["tags"]
    assert listing.returns == {"type": "object", "properties": {"id": {"type": "string"}}}
    assert list(listing.errors) == [{"code": "404", "description": "None such."}]
    assert change.parameters["properties"]["id"] == {"type": "string", "x-in": "path"}
    assert change.parameters["properties"]["name"]["x-in"] == "body"
    assert change.parameters["required"] == ["id", "name"]


@pytest.mark.parametrize(
    "html",
    [
        "<p>Send GET /v1/things to the server.</p><p>And wait.</p>",
        "<pre>GET /v1/things\nHost: example.org</pre><p>Words.</p>",
        "<h2>GET started</h2><p>Words.</p>",
        "<pre>GET /users/42</pre><p>Words.</p>",
        "<h2>Delete / remove</h2><p>Words.</p>",
    ],
)
def test_what_only_looks_like_an_endpoint_gives_nothing(html: str) -> None:
    assert endpoints(f"<main>{html}</main>") == {}
