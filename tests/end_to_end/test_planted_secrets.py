"""Keys planted where users have them, in variables, headers and addresses, are nowhere in what is written or said.

A live source is driven by the command line against a server on loopback that checks the keys and says them back
wherever a server can: in bodies, headers, cookies and redirects. Then every byte below the workspace is searched,
compressed columns and databases included. One file is excepted: ``forge.toml``, since the user wrote it.
"""

import base64
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

IN_HEADER = "planted-header-Zq7/x+0123"
IN_QUERY = "planted-query-Kp9-4567"
IN_USER = "planted-user-Wd3-8901"
IN_VARIABLE = "planted-variable-Lm5-2345"
BYSTANDER = "planted-bystander-Tt1-6789"
PLANTED = (IN_HEADER, IN_QUERY, IN_USER, IN_VARIABLE, BYSTANDER)
ENVIRONMENT = {"PLANTED_API_KEY": IN_HEADER, "PLANTED_TOKEN": IN_VARIABLE, "BYSTANDER_SECRET": BYSTANDER}

RECIPE = """\
seed = 1
[tokenizer]
name = "bpe"
vocab_size = 300
[[source]]
name = "openapi"
specs = ["{base}/spec.json?api_key={query}", "{base}/moved.json?token=${{PLANTED_TOKEN}}", "{user}/user.json"]
headers = {{ X-Planted-Key = "PLANTED_API_KEY" }}
[[render]]
name = "api-text"
[export.main]
mix = "1:0:0"
"""


@dataclass
class KeyServer:
    """Asks for the right keys and echoes what it gets."""

    base: str = ""
    accepted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> tuple[int, dict[str, str], bytes]:
        parts = urlsplit(handler.path)
        echo = {"Set-Cookie": f"session={IN_HEADER}", "X-Echo": f"{handler.headers.get('X-Planted-Key')}"}
        if parts.path == "/moved.json":
            return 302, {**echo, "Location": f"/signed.json?signature={IN_VARIABLE}"}, b""
        if parts.path == "/busy.json":
            return 503, echo, handler.path.encode()
        if not self._has_keys(handler, parts.path, parse_qs(parts.query)):
            self.refused.append(parts.path)
            return 401, echo, f"wrong key: {handler.path} {handler.headers}".encode()
        self.accepted.append(parts.path)
        return 200, {**echo, "ETag": '"1"', "Content-Type": "application/json"}, spec(parts.path, handler)

    @staticmethod
    def _has_keys(handler: BaseHTTPRequestHandler, path: str, query: dict[str, list[str]]) -> bool:
        basic = "Basic " + base64.b64encode(f"me:{IN_USER}".encode()).decode()
        wanted = {
            "/spec.json": query.get("api_key") == [IN_QUERY],
            "/signed.json": query.get("signature") == [IN_VARIABLE],
            "/user.json": handler.headers.get("Authorization") == basic,
        }
        return handler.headers.get("X-Planted-Key") == IN_HEADER and wanted.get(path, False)


def spec(path: str, handler: BaseHTTPRequestHandler) -> bytes:
    """A document that says the keys back, in its descriptions and examples."""
    sent = f"{handler.path} {handler.headers.get('X-Planted-Key')} {handler.headers.get('Authorization')}"
    operation = {
        "description": f"Answers with things from the whole collection, newest first. You sent {sent}.",
        "parameters": [
            {"name": "q", "in": "query", "description": "What to find.", "schema": {"type": "string"}, "example": sent}
        ],
        "responses": {"200": {"description": "OK"}},
    }
    name = path.strip("/").removesuffix(".json")
    paths = {f"/{name}/{number}": {"get": {**operation, "operationId": f"{name}{number}"}} for number in range(20)}
    info = {"title": name, "version": "1", "description": sent}
    return json.dumps({"openapi": "3.0.0", "info": info, "paths": paths}).encode()


@pytest.fixture
def server() -> Iterator[KeyServer]:
    known = KeyServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = known.answer(self)
            lines = [f"HTTP/1.1 {status} Said", "Connection: close", f"Content-Length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            self.wfile.write("\r\n".join([*lines, "", ""]).encode() + body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        known.base = f"http://127.0.0.1:{listening.server_port}"
        yield known
        listening.shutdown()
        thread.join()


@dataclass
class Shell:
    """Runs ``forge`` in a workspace and keeps all that it said."""

    workspace: Path
    said: list[str] = field(default_factory=list)

    def forge(self, *words: str, expect: int = 0) -> str:
        command = [sys.executable, "-m", "forge", "-C", str(self.workspace), *words]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, **ENVIRONMENT}, timeout=120
        )
        self.said += [done.stdout, done.stderr]
        assert done.returncode == expect, done.stderr
        return done.stdout + done.stderr


def forms(value: str) -> set[bytes]:
    """A planted value as it is, quoted, and within the base64 of a Basic authorization."""
    packed = base64.b64encode(value.encode()).decode().rstrip("=")[:-1]
    basic = base64.b64encode(f"me:{value}".encode()).decode()
    return {form.encode() for form in (value, quote(value, safe=""), packed, basic)}


def leaks(data: bytes) -> list[str]:
    """The planted values in some bytes."""
    return [value for value in PLANTED if any(form in data for form in forms(value))]


def contents(path: Path) -> Iterator[bytes]:
    """A file's bytes, and what its format hides: columns of Parquet, rows of a database, a decompressed stream."""
    data = path.read_bytes()
    yield data
    unfold: dict[bytes, Callable[[Path], Iterator[bytes]]] = {
        b"PAR1": _parquet, b"SQLi": _sqlite, b"\x28\xb5\x2f\xfd": _zstd, b"\x1f\x8b": _gzip,
    }  # fmt: skip
    if data[8:12] == b"DUCK":
        yield from _duck(path)
    for magic, reader in unfold.items():
        if data.startswith(magic):
            yield from reader(path)


def _parquet(path: Path) -> Iterator[bytes]:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    yield repr(table.schema.metadata).encode()
    for column in table.columns:
        yield repr(column.to_pylist()).encode()


def _sqlite(path: Path) -> Iterator[bytes]:
    with contextlib.closing(sqlite3.connect(path)) as base:
        for (table,) in base.execute("select name from sqlite_master where type = 'table'").fetchall():
            for row in base.execute(f'select * from "{table}"'):
                yield b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in row)


def _duck(path: Path) -> Iterator[bytes]:
    import duckdb

    with duckdb.connect(str(path), read_only=True) as base:
        tables = base.execute(
            "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
        ).fetchall()
        for schema, table in tables:
            yield repr(base.execute(f'select * from "{schema}"."{table}"').fetchall()).encode()


def _zstd(path: Path) -> Iterator[bytes]:
    import zstandard

    with path.open("rb") as stream:
        yield zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True).read()


def _gzip(path: Path) -> Iterator[bytes]:
    import gzip

    yield gzip.decompress(path.read_bytes())


def found_below(workspace: Path) -> dict[str, list[str]]:
    """By file, the planted values in it; the recipe is the user's own."""
    files = [path for path in workspace.rglob("*") if path.is_file() and path != workspace / "forge.toml"]
    assert len(files) > 10
    found = {}
    for path in files:
        named = leaks(str(path.relative_to(workspace)).encode())
        inside = sorted({value for data in contents(path) for value in leaks(data)})
        if named or inside:
            found[str(path.relative_to(workspace))] = named + inside
    return found


@pytest.fixture
def shell(tmp_path: Path, server: KeyServer) -> Shell:
    user = server.base.replace("//", f"//me:{IN_USER}@")
    (tmp_path / "forge.toml").write_text(RECIPE.format(base=server.base, query=IN_QUERY, user=user))
    return Shell(tmp_path)


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """A search that finds nothing proves something only if it would have found it."""
    import gzip

    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq
    import zstandard

    pq.write_table(pa.table({"text": [f"says {IN_QUERY}"] * 1000}), tmp_path / "a.parquet", compression="zstd")
    with contextlib.closing(sqlite3.connect(tmp_path / "b.sqlite")) as base:
        base.execute("create table t as select ? as x", (IN_USER,))
        base.commit()
    with duckdb.connect(str(tmp_path / "c.duckdb")) as duck:
        duck.execute("create table t as select ? as x from range(5000)", [IN_VARIABLE])
    (tmp_path / "d.jsonl.zst").write_bytes(zstandard.compress(quote(IN_HEADER, safe="").encode() * 9))
    (tmp_path / "e.gz").write_bytes(gzip.compress(base64.b64encode(f"me:{BYSTANDER}".encode()) * 9))
    (tmp_path / IN_QUERY).touch()
    for number in range(9):
        (tmp_path / f"clean-{number}").write_text("nothing")
    assert found_below(tmp_path) == {
        "a.parquet": [IN_QUERY],
        "b.sqlite": [IN_USER],
        "c.duckdb": [IN_VARIABLE],
        "d.jsonl.zst": [IN_HEADER],
        "e.gz": [BYSTANDER],
        IN_QUERY: [IN_QUERY],
    }


def test_a_build_writes_and_says_no_key(shell: Shell, server: KeyServer) -> None:
    shell.forge("build", "--workers", "2")
    shell.forge("build", "--refresh")
    shell.forge("status")
    shell.forge("status", "--json")
    shell.forge("report")
    shell.forge("verify")
    assert {"/spec.json", "/signed.json", "/user.json"} == set(server.accepted)
    assert not server.refused
    assert not leaks("".join(shell.said).encode())
    assert found_below(shell.workspace) == {}
    parquet = (data for path in shell.workspace.rglob("*.parquet") for data in contents(path))
    assert any(b"You sent" in data and b"[hidden]" in data for data in parquet)  # the echo came, without the key


def test_adding_a_source_says_no_key(shell: Shell, server: KeyServer) -> None:
    address = f'specs=["{server.base}/other.json?api_key={IN_QUERY}"]'
    for words in (["--dry-run"], ["--dry-run", "--json"], ["--label", "other"]):
        said = shell.forge("add-source", "openapi", "--set", address, *words)
        assert "other.json" in said
    shell.forge("plugins", "openapi")
    shell.forge("doctor")
    assert not leaks("".join(shell.said).encode())


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (f"/nowhere.json?api_key={IN_QUERY}", "401"),
        ("/spec.json?token=${PLANTED_TOKEN}", "401"),
        (f"/spec.json?token=${{PLANTED_TOKEN}}&q={BYSTANDER}", "401"),
        (f":1/spec.json?api_key={IN_QUERY}", "no address"),
    ],
)
def test_errors_say_no_key(shell: Shell, server: KeyServer, address: str, reason: str) -> None:
    recipe = shell.workspace / "forge.toml"
    recipe.write_text(recipe.read_text().replace(f"/spec.json?api_key={IN_QUERY}", address))
    said = shell.forge("build", expect=1)
    assert reason in said
    assert "Traceback" not in said
    assert not leaks(said.encode())
    logs = [path for path in shell.workspace.rglob("*") if path.is_file() and path != recipe]
    assert not [path for path in logs if any(leaks(data) for data in contents(path))]


def test_a_bug_shows_its_traceback_without_the_key(tmp_path: Path) -> None:
    code = (
        "import forge.cli.app, forge.cli\n"
        "def broken(words): raise KeyError(f'no place for {words[0]}')\n"
        "forge.cli.app.make_app = broken\n"
        f"forge.cli.main(['https://me:{IN_USER}@h/ {BYSTANDER}'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, **ENVIRONMENT}
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "no place for" in done.stderr
    assert not leaks(done.stderr.encode())
