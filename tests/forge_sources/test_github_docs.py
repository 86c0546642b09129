"""The source ``github-docs`` against a server that speaks the endpoints it uses, and on local clones."""

import io
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from forge.clients.http import HttpClient
from forge.errors import FetchError
from forge.records import Document, Reject
from forge.steps import Context
from forge.testing import check_source, context
from forge_sources.github_docs.api import blob_hash, parse_repository
from forge_sources.github_docs.site import site_partitions, site_starts
from forge_sources.github_docs.source import GithubDocs
from forge_sources.markdown_text import markdown

COMMIT = "c" * 40
TOKEN = "ghp_planted-token-0123456789"
FILES = {
    "README.md": (
        b"# Widget\n\n[![build](https://b/x.svg)](https://b)\n<!-- hidden -->\nMakes widgets.\n\n"
        b"```python\nx = 1  # <!-- kept -->\n```\n"
    ),
    "docs/guide.rst": b"Guide\n=====\n\n.. code-block:: python\n\n   widget()\n",
    "docs/page.html": b"<nav>menu</nav><main><h1>Page</h1><p>Words.</p></main>",
    "docs/deep/er/api.md": b"---\ntitle: The API\n---\nCall it.\n",
    "docs/logo.png": b"\x89PNG",
    "docs/latin.txt": b"caf\xe9",
    "examples/run.py": b"import widget\n\nwidget.run()\n",
    "examples/demo.ipynb": orjson.dumps(
        {
            "nbformat": 4,
            "metadata": {"language_info": {"name": "python"}},
            "cells": [
                {"cell_type": "markdown", "source": ["# Demo\n", "Text."]},
                {"cell_type": "code", "source": "1 + 1", "outputs": [{"data": {"text/plain": ["2"]}}]},
            ],
        }
    ),
    "src/widget.py": b"def run(): ...\n",
    "LICENSE": b"MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n",
}


class Hub:
    """A GitHub API with one repository, ``acme/widget``, once called ``old/widget``."""

    def __init__(self) -> None:
        self.files = dict(FILES)
        self.links = {"docs/outside.md": b"/etc/passwd"}
        self.about: dict[str, object] = {"license": {"spdx_id": "MIT"}, "homepage": None}
        self.is_truncated = False
        self.refusals: list[tuple[int, dict[str, str]]] = []
        self.remaining = ""
        self.asked: list[str] = []
        self.keys: list[str | None] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                hub.asked.append(self.path)
                hub.keys.append(self.headers.get("authorization"))
                status, headers, body = hub.refused() or hub.answer(self.path)
                lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close"]
                lines += [f"{name}: {value}" for name, value in headers.items()]
                self.wfile.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def refused(self) -> tuple[int, dict[str, str], bytes] | None:
        if not self.refusals:
            return None
        status, headers = self.refusals.pop(0)
        return status, headers, b'{"message": "API rate limit exceeded"}'

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        root = "/repos/acme/widget"
        if path == "/repos/old/widget":
            return 301, {"location": f"{self.base}/repositories/7"}, b"{}"
        if path in (root, "/repositories/7"):
            page = {"html_url": "https://github.com/acme/widget", "full_name": "acme/widget", "default_branch": "main"}
            return self.json({**page, **self.about})
        if path.startswith(f"{root}/commits/"):
            if path.rpartition("/")[2] not in ("main", "v1%2F2"):
                return 404, {}, b"{}"
            return self.json({"sha": COMMIT, "commit": {"tree": {"sha": self.folder_hash("")}}})
        if path.startswith(f"{root}/git/trees/"):
            return self.tree(path.rpartition("/")[2])
        if path.startswith(f"{root}/git/blobs/"):
            wanted = path.rpartition("/")[2]
            found = next((data for data in self.files.values() if blob_hash(data) == wanted), None)
            return (404, {}, b"{}") if found is None else (200, {}, found)
        if path == f"{root}/tarball/{COMMIT}":
            return 302, {"location": f"{self.base}/codeload"}, b""
        return (200, {}, self.tarball()) if path == "/codeload" else (404, {}, b'{"message": "Not Found"}')

    def json(self, value: object) -> tuple[int, dict[str, str], bytes]:
        headers = {"content-type": "application/json", "cache-control": "private, max-age=60"}
        if self.remaining:
            headers |= {"x-ratelimit-remaining": self.remaining, "x-ratelimit-reset": str(int(time.time()) + 1)}
        return 200, headers, orjson.dumps(value)

    def folder_hash(self, folder: str) -> str:
        inside = sorted((path, blob_hash(data)) for path, data in self.files.items() if path.startswith(folder))
        return blob_hash(repr((folder, inside)).encode())

    def tree(self, wanted: str) -> tuple[int, dict[str, str], bytes]:
        sha, _, query = wanted.partition("?")
        every = [("100644", path, data) for path, data in self.files.items()]
        every += [("120000", path, data) for path, data in self.links.items()]
        blobs = [
            {"path": path, "mode": mode, "type": "blob", "sha": blob_hash(data), "size": len(data)}
            for mode, path, data in sorted(every, key=lambda entry: entry[1])
        ]
        if query:
            return self.json({"tree": blobs[:2] if self.is_truncated else blobs, "truncated": self.is_truncated})
        folders = {path[: path.index("/", start) + 1] for _, path, _ in every for start in positions(path)}
        folder = next(name for name in ["", *folders] if self.folder_hash(name) == sha)
        inner = [
            {**blob, "path": str(blob["path"])[len(folder) :]} for blob in blobs if str(blob["path"]).startswith(folder)
        ]
        listed: list[dict[str, object]] = [blob for blob in inner if "/" not in blob["path"]]
        for name in sorted({str(blob["path"]).split("/")[0] for blob in inner if "/" in str(blob["path"])}):
            listed.append({"path": name, "type": "tree", "mode": "040000", "sha": self.folder_hash(f"{folder}{name}/")})
        return self.json({"tree": listed, "truncated": False})

    def tarball(self) -> bytes:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path, data in self.files.items():
                entry = tarfile.TarInfo(f"acme-widget-ccccccc/{path}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        return packed.getvalue()


def positions(path: str) -> list[int]:
    return [number for number in range(len(path)) if "/" in path[number:]]


@pytest.fixture
def hub() -> Iterator[Hub]:
    made = Hub()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)


def source(hub: Hub, name: str = "acme/widget", **options: object) -> GithubDocs:
    return GithubDocs(repositories=[name], api=hub.base, **options)  # type: ignore[arg-type]


def run(step: GithubDocs, folder: Path, **changes: object) -> tuple[dict[str, Document], dict[str, str], Context]:
    client = HttpClient(folder / "http", attempts=2, wait=0.01)
    given = replace(context(folder, http=client), **changes)  # type: ignore[arg-type]
    try:
        found = [record for part in step.partitions(given) for record in step.records(part, given)]
    finally:
        client.close()
    documents = {str(r.meta.get("path", r.url)): r for r in found if isinstance(r, Document)}
    return documents, {r.locator: r.reason for r in found if isinstance(r, Reject)}, given


TEXTS = [
    "README.md",
    "docs/deep/er/api.md",
    "docs/guide.rst",
    "docs/page.html",
    "examples/demo.ipynb",
    "examples/run.py",
]


def test_documentation_with_headings_code_links_and_licence(hub: Hub, tmp_path: Path) -> None:
    client = HttpClient(tmp_path / "http")
    found = check_source(source(hub), context(tmp_path, http=client))
    client.close()
    documents = {str(r.meta["path"]): r for r in found.records if isinstance(r, Document)}
    assert sorted(documents) == TEXTS
    readme = documents["README.md"]
    assert readme.text == "# Widget\n\nMakes widgets.\n\n```python\nx = 1  # <!-- kept -->\n```\n"
    assert (readme.license, readme.meta["title"], readme.domain) == ("MIT", "Widget", "text")
    assert "license.spdx_id" in str(readme.meta["license_evidence"])
    assert readme.url == f"https://github.com/acme/widget/blob/{COMMIT}/README.md"
    assert documents["docs/deep/er/api.md"].text == "# The API\n\nCall it.\n"
    assert documents["docs/page.html"].text == "# Page\n\nWords.\n"
    assert documents["examples/demo.ipynb"].text == "# Demo\nText.\n\n```python\n1 + 1\n```\n\n```\n2\n```\n"
    assert (documents["examples/run.py"].domain, documents["examples/run.py"].meta["language"]) == ("code", "python")
    assert {r.locator: r.reason for r in found.rejects} == {
        "acme/widget:docs/latin.txt": "is not UTF-8 text",
        "acme/widget:docs/outside.md": "a symbolic link, which is not followed",
    }


def test_a_truncated_tree_is_listed_folder_by_folder(hub: Hub, tmp_path: Path) -> None:
    hub.is_truncated = True
    documents, _, _ = run(source(hub), tmp_path)
    assert sorted(documents) == TEXTS
    asked = [path for path in hub.asked if "/git/trees/" in path]
    assert len(asked) == 6  # whole, root, docs, deep, er, examples; src cannot hold any


def test_many_files_come_with_one_tarball(hub: Hub, tmp_path: Path) -> None:
    for number in range(60):
        hub.files[f"docs/{number:02d}.md"] = f"# Page {number}\n".encode()
    documents, _, _ = run(source(hub), tmp_path)
    assert len(documents) == 66
    assert len(hub.asked) == 5
    assert documents["docs/07.md"].text == "# Page 7\n"
    assert not list((tmp_path / ".forge" / "cache" / "github").iterdir())  # the tarball is gone


def test_bytes_that_are_not_those_of_the_tree_are_refused(hub: Hub, tmp_path: Path) -> None:
    tampered = {**hub.files, "README.md": b"# Other\n"}
    genuine = hub.tarball
    hub.files = {**hub.files, **{f"docs/{number}.md": b"# x\n" for number in range(60)}}
    hub.tarball = lambda: _with(hub, tampered, genuine)  # type: ignore[method-assign]
    with pytest.raises(FetchError, match=r"README.md: not the bytes"):
        run(source(hub), tmp_path)


def _with(hub: Hub, files: dict[str, bytes], pack: object) -> bytes:
    held, hub.files = hub.files, files
    packed: bytes = pack()  # type: ignore[operator]
    hub.files = held
    return packed


def test_the_rate_limit_is_waited_for(hub: Hub, tmp_path: Path) -> None:
    said: list[str] = []
    reset = str(int(time.time()) + 1)
    hub.refusals = [(403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}), (403, {"retry-after": "1"})]
    documents, _, _ = run(source(hub), tmp_path, log=said.append)
    assert sorted(documents) == TEXTS
    assert sum("rate limit" in line for line in said) == 2


def test_a_long_limit_ends_the_run_and_the_next_one_goes_on(hub: Hub, tmp_path: Path) -> None:
    later = str(int(time.time()) + 3000)
    hub.refusals = [(403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": later})]
    with pytest.raises(FetchError, match=r"no request left for 50 min.*GITHUB_TOKEN"):
        run(source(hub), tmp_path)
    documents, _, _ = run(source(hub), tmp_path)
    assert sorted(documents) == TEXTS


def test_what_was_had_is_not_asked_for_again_after_a_failure(hub: Hub, tmp_path: Path) -> None:
    hub.remaining = "9"
    api = hub.files.pop("docs/guide.rst")
    hub.files["docs/guide.rst"] = api
    genuine = hub.answer
    hub.answer = lambda path: (500, {}, b"") if path.endswith(blob_hash(api)) else genuine(path)  # type: ignore[method-assign]
    with pytest.raises(FetchError):
        run(source(hub), tmp_path)
    hub.answer = genuine  # type: ignore[method-assign]
    readme = f"/repos/acme/widget/git/blobs/{blob_hash(hub.files['README.md'])}"
    assert hub.asked.count(readme) == 1
    documents, _, _ = run(source(hub), tmp_path)
    assert sorted(documents) == TEXTS
    assert hub.asked.count(readme) == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("acme/nothing", r"repository acme/nothing: not found; check the spelling.*GITHUB_TOKEN"),
        ("acme/widget@v9", r"acme/widget@v9: not found"),
    ],
)
def test_what_is_not_there_is_said(hub: Hub, tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(FetchError, match=message):
        run(source(hub, name), tmp_path)


def test_a_moved_repository_goes_by_its_new_name(hub: Hub, tmp_path: Path) -> None:
    documents, _, _ = run(source(hub, "old/widget@v1/2"), tmp_path)
    assert documents["README.md"].meta["repository"] == "acme/widget"


def test_the_key_is_sent_and_never_written(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    said: list[str] = []
    run(source(hub), tmp_path, log=said.append)
    assert set(hub.keys) == {f"Bearer {TOKEN}"}
    written = [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]
    assert written == []
    assert TOKEN not in "".join(said)


def test_the_fingerprint_is_that_of_the_tree(hub: Hub, tmp_path: Path) -> None:
    _, _, given = run(source(hub), tmp_path)
    before = source(hub).partitions(given)
    hub.files["src/widget.py"] = b"changed"
    assert source(hub).partitions(given) == before
    _, _, fresh = run(source(hub), tmp_path, refresh=True)
    assert source(hub).partitions(replace(fresh, refresh=False)) != before
    assert "fetches nothing" in source(hub).plan(given)
    assert "fetches documentation of acme/other" in source(hub, "acme/other").plan(given)


def test_a_licence_that_github_does_not_know_is_read_from_its_file(hub: Hub, tmp_path: Path) -> None:
    hub.about["license"] = {"spdx_id": "NOASSERTION"}
    documents, _, _ = run(source(hub), tmp_path)
    assert documents["README.md"].license == "MIT"
    assert documents["README.md"].meta["license_evidence"] == "text of LICENSE"


def test_the_site_is_crawled_to_a_depth(hub: Hub, tmp_path: Path) -> None:
    pages = {
        "/site/": b'<p>Home of widgets.</p><a href="a">a</a>',
        "/site/a": b'<p>About a.</p><a href="b">b</a>',
        "/site/b": b"<p>b</p>",
    }
    genuine = hub.answer
    html = {"content-type": "text/html"}
    hub.answer = lambda p: (200, html, pages[p]) if p in pages else genuine(p)  # type: ignore[method-assign]
    hub.about["homepage"] = f"{hub.base}/site/"
    documents, _, given = run(source(hub, crawl_depth=1, delay=0.0), tmp_path)
    assert sorted(path.removeprefix(hub.base) for path in documents if path not in TEXTS) == ["/site/", "/site/a"]
    hub.asked.clear()
    assert len(source(hub, crawl_depth=1, delay=0.0).partitions(given)) > 1
    assert hub.asked == []


def test_a_homepage_may_not_lead_into_the_users_own_network(hub: Hub, tmp_path: Path) -> None:
    closing = {"links": [f"{hub.base}/site/"]}
    given = context(tmp_path, http=HttpClient(tmp_path / "http", attempts=1))
    public = GithubDocs(repositories=["acme/widget"], crawl_depth=1, delay=0.0)  # whose server is GitHub's own
    (only,) = site_partitions(public, "acme/widget", closing, context=given)
    assert "a private address" in only.items[0]
    assert hub.asked == []


def test_entities_are_read_but_in_code() -> None:
    text = "# A &amp; B&nbsp;C\n\nuse `&amp;` and &lt;x&gt;\n\n```\na &amp; b\n```\n"
    assert markdown(text) == "# A & B\u00a0C\n\nuse `&amp;` and &lt;x&gt;\n\n```\na &amp; b\n```\n"


def test_a_site_begins_at_documentation_only() -> None:
    links = ["", "https://github.com/a/b", "https://docs.example.org/en/latest/x", "https://img.shields.io/x.svg",
             "https://docs.example.org/en/latest/y", "https://example.org/blog",
             "https://a.readthedocs.io/"]  # fmt: skip
    assert site_starts(links) == ["https://docs.example.org/en/latest/x", "https://a.readthedocs.io/"]
    assert site_starts(["https://example.org", "https://example.org/docs/"]) == ["https://example.org/"]


@pytest.mark.parametrize("text", ["a", "a/b/c", "../b", "a/..", "a b/c", "", "a/b c"])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="names no repository"):
        parse_repository(text)


def test_names_and_addresses() -> None:
    assert parse_repository("psf/requests@v2.0") == ("psf/requests", "v2.0")
    assert parse_repository("https://github.com/psf/requests.git") == ("psf/requests", "")
