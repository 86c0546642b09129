"""Real documentation served on loopback: Python's (Sphinx) and PostgreSQL's (DocBook), as Debian packages them.

Sphinx's own inventory, ``objects.inv``, is the independent reading that the names are held against. The packages are
fetched once by apt, and their absence is a failure: a skipped test would say nothing.
"""

import re
import threading
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from forge.clients.http import HttpClient
from forge.records import ApiRecord, Document, Reject
from forge.testing import context
from forge_sources.packages.archive import members
from forge_sources.packages.fetch import fetch_all
from forge_sources.packages.spec import parse_spec
from forge_sources.website.source import Website

BOILERPLATE = (
    "Previous topic",
    "Next topic",
    "Show Source",
    "Report a Bug",
    "Quick search",
    "Permalink",
    "¶",
    "Theme\n",
)
INVENTORY = re.compile(r"(.+?)\s+(\S+)\s+(-?\d+)\s+?(\S*)\s+(.*)")


def unpacked(package: str, prefix: str, cache: Path) -> Path:
    """The pages of a Debian package, unpacked once."""
    spec = parse_spec(f"apt:{package}")
    (fetched,) = fetch_all([spec], cache=cache, log=lambda _: None)
    folder = cache / "docs" / f"{spec.key}-{fetched.sha256[:12]}"
    if not (folder / "whole").is_file():
        wanted = (".html", "objects.inv")
        for member in members(cache / fetched.file, wanted=lambda path: path.endswith(wanted), limit=10_000_000):
            if not member.problem and member.path.startswith(prefix):
                path = folder / member.path.removeprefix(prefix)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(member.data)
        (folder / "whole").touch()
    return folder


@pytest.fixture(scope="module")
def python_docs(material_cache: Path) -> Path:
    return unpacked("python3.11-doc", "usr/share/doc/python3.11/html/", material_cache)


@pytest.fixture(scope="module")
def postgresql_docs(material_cache: Path) -> Path:
    return unpacked("postgresql-doc-15", "usr/share/doc/postgresql-doc-15/html/", material_cache)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@dataclass(frozen=True, kw_only=True)
class Crawl:
    """``seconds``: CPU time of crawl and records together."""

    documents: list[Document]
    apis: list[ApiRecord]
    rejects: list[Reject]
    seconds: float


def crawled(folder: Path, scratch: Path, *, start: str, pages: int) -> Crawl:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = HttpClient(scratch / "http")
    begin = time.process_time()
    try:
        source = Website(
            start=[f"http://127.0.0.1:{server.server_port}/{start}"], max_pages=pages, max_depth=6, delay=0.0
        )
        given = context(scratch, http=client)
        found = [record for part in source.partitions(given) for record in source.records(part, given)]
    finally:
        client.close()
        server.shutdown()
        server.server_close()
    return Crawl(
        documents=[record for record in found if isinstance(record, Document)],
        apis=[record for record in found if isinstance(record, ApiRecord)],
        rejects=[record for record in found if isinstance(record, Reject)],
        seconds=time.process_time() - begin,
    )


def inventory(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Kind, name and page of each object that Sphinx listed."""
    packed = (folder / "objects.inv").read_bytes().split(b"\n", 4)[4]
    for line in zlib.decompress(packed).decode().splitlines():
        match = INVENTORY.match(line)
        assert match is not None
        yield match[2], match[1], match[4].partition("#")[0]


def check_names(crawl: Crawl, folder: Path) -> None:
    pages = {re.sub(r"^http://[^/]+/", "", str(document.url)) for document in crawl.documents}
    listed = list(inventory(folder))
    callables = {name for kind, name, page in listed if kind in ("py:function", "py:method") and page in pages}
    known = {name for kind, name, _ in listed if kind in ("py:function", "py:method", "py:class")}
    found = {api.path for api in crawl.apis}
    assert len(callables) > 500
    assert len(callables & found) >= 0.99 * len(callables), sorted(callables - found)[:20]
    assert found <= known, sorted(found - known)[:20]
    assert len(crawl.apis) == len(found)


def check_texts(crawl: Crawl) -> None:
    wrong = {(word, document.url) for document in crawl.documents for word in BOILERPLATE if word in document.text}
    assert wrong == set()
    assert {document.license for document in crawl.documents} == {"PSF-2.0"}


def test_a_slice_of_pythons_documentation(python_docs: Path, tmp_path: Path) -> None:
    crawl = crawled(python_docs, tmp_path, start="library/", pages=60)
    assert len(crawl.documents) == 60
    check_names(crawl, python_docs)
    check_texts(crawl)
    assert crawl.rejects == []
    assert crawl.seconds < 20


def test_signatures_of_pythons_functions(python_docs: Path, tmp_path: Path) -> None:
    found = {}
    for page in ("shutil", "itertools", "functions", "subprocess"):
        crawl = crawled(python_docs, tmp_path / page, start=f"library/{page}.html", pages=1)
        found |= {api.path: api for api in crawl.apis}
    copytree = found["shutil.copytree"]
    assert (copytree.name, copytree.service, copytree.kind) == ("copytree", "shutil", "python")
    assert copytree.parameters["required"] == ["src", "dst"]
    symlinks = copytree.parameters["properties"]["symlinks"]
    assert symlinks["default"] is False
    assert symlinks["description"].startswith("If symlinks is true, symbolic links in the source tree are represented")
    assert copytree.parameters["properties"]["copy_function"]["x-default"] == "copy2"
    assert copytree.description.startswith(
        "Recursively copy an entire directory tree rooted at src to a directory named"
    )
    assert str(copytree.url).endswith("/library/shutil.html#shutil.copytree")
    assert found["itertools.chain.from_iterable"].name == "chain.from_iterable"
    assert (found["__import__"].service, found["__import__"].parameters["required"]) == ("builtins", ["name"])
    assert found["subprocess.run"].parameters["required"] == ["args"]
    assert found["shutil.copyfileobj"].parameters["required"] == ["fsrc", "fdst"]  # its third is in brackets
    assert "shutil.SameFileError" not in found


def test_sql_functions_and_commands_of_postgresql(postgresql_docs: Path, tmp_path: Path) -> None:
    crawl = crawled(postgresql_docs, tmp_path / "1", start="functions-string.html", pages=1)
    lpad = next(api for api in crawl.apis if api.name == "lpad")
    assert (lpad.kind, lpad.path) == ("sql", "lpad(string text, length integer [, fill text ])")
    assert lpad.parameters["required"] == ["string", "length"]
    assert lpad.parameters["properties"]["length"] == {"type": "integer", "x-sql-type": "integer"}
    assert lpad.returns == {"type": "string"}
    assert lpad.meta["examples"] == ["lpad('hi', 5, 'xy') → xyxhi"]
    assert not any("||" in api.name or "from" in api.parameters.get("properties", {}) for api in crawl.apis)
    vacuum = crawled(postgresql_docs, tmp_path / "2", start="sql-vacuum.html", pages=1).apis
    assert [(api.name, api.kind) for api in vacuum] == [("VACUUM", "sql")]
    assert "SKIP_LOCKED" in vacuum[0].parameters["properties"]
    vacuumdb = crawled(postgresql_docs, tmp_path / "3", start="app-vacuumdb.html", pages=1).apis
    assert [(api.name, api.kind) for api in vacuumdb] == [("vacuumdb", "cli")]
    assert vacuumdb[0].parameters["properties"]["dbname"]["type"] == "string"
    assert vacuumdb[0].parameters["properties"]["analyze-only"]["type"] == "boolean"
    assert crawled(postgresql_docs, tmp_path / "4", start="spi-spi-connect.html", pages=1).apis == []  # C


@pytest.mark.slow
def test_all_of_pythons_documentation(python_docs: Path, tmp_path: Path) -> None:
    crawl = crawled(python_docs, tmp_path, start="", pages=700)
    assert len(crawl.documents) > 480
    assert len(crawl.apis) > 5_900
    check_names(crawl, python_docs)
    assert len(crawl.documents) / crawl.seconds > 8


@pytest.mark.slow
def test_all_of_postgresqls_documentation(postgresql_docs: Path, tmp_path: Path) -> None:
    crawl = crawled(postgresql_docs, tmp_path, start="", pages=1300)
    assert len(crawl.documents) > 1_100
    assert sum(api.kind == "sql" for api in crawl.apis) > 950
    assert sum(api.kind == "cli" for api in crawl.apis) > 30
    assert not any(re.search(r"^(Prev|Next|Up|Home)\s*$", document.text, re.MULTILINE) for document in crawl.documents)
