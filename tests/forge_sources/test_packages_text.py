import pytest

from forge_sources.packages.text import EXCLUDE, INCLUDE, decoded, language_of, matcher, prose_of_html


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.py", "a.py", True),
        ("*.py", "x/y/a.py", True),
        ("*.py", "a.pyc", False),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/x/a.py", False),
        ("src/**/*.py", "src/a.py", True),
        ("src/**/*.py", "src/x/y/a.py", True),
        ("src/**", "src/x/y/a.py", True),
        ("docs/", "docs/x/a.txt", True),
        ("docs/", "x/docs/a.txt", False),
        ("**/docs/", "x/docs/a.txt", True),
        ("**/test/", "latest/a.py", False),
        ("?.py", "ab.py", False),
        ("[ab].py", "b.py", True),
        ("a+b.py", "a+b.py", True),
        ("a+b.py", "aab.py", False),
    ],
)
def test_globs(pattern, path, expected):
    assert matcher([pattern])(path) is expected


def test_no_pattern_matches_nothing():
    assert not matcher([])("a.py")


@pytest.mark.parametrize(
    "path",
    ["tests/a.py", "x/test/a.py", "x/locale/de/a.txt", "x.egg-info/SOURCES.txt", "LICENSE.txt", "a/jq.min.js"],
)
def test_left_out_by_default(path):
    assert matcher(EXCLUDE)(path)


def test_endings_of_code_and_text_do_not_overlap():
    assert not set(INCLUDE["code"]) & set(INCLUDE["text"])
    assert "*.py" in INCLUDE["code"]
    assert "*.rst" in INCLUDE["text"]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        (b"\xef\xbb\xbfa", "a"),
        ("é日".encode(), "é日"),
        (b"", ""),
        (b"\xff\xfe", None),
        (b"a\x00b", None),
        ("é".encode("latin-1"), None),
        (b"\xed\xa0\x80", None),
    ],
)
def test_bytes_as_text(data, text):
    assert decoded(data) == text


def test_languages():
    assert [language_of(name) for name in ("a/b.PY", "c.tsx", "d", "e.xyz")] == [
        "python",
        "typescript",
        "unknown",
        "unknown",
    ]


def test_html_keeps_the_main_part_in_order():
    page = (
        '<?xml version="1.0"?><html><head><title>t</title><style>p{}</style></head><body><nav><p>menu</p></nav><main>'
        "<h1>Title</h1><p>One <b>two</b>\n three.</p><ul><li><p>item</p></li><li>other</li></ul>"
        "<pre>x = 1\n  y = 2</pre><script>no()</script></main><footer><p>foot</p></footer></body></html>"
    )
    assert prose_of_html(page) == "Title\nOne two three.\nitem\nother\nx = 1\n  y = 2\n"
