"""Real servers, started as processes or served on loopback, good and bad; and the package being absent."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from forge.errors import StepError
from forge.records import Reject
from forge.testing import check_source, context
from forge_sources.mcp.source import Mcp

SERVER = str(Path(__file__).with_name("mcp_server.py"))


def stdio(kind="good", **options):
    return Mcp(command=(sys.executable, SERVER, "stdio", kind), **options)


def read(plugin, here):
    return [record for part in plugin.partitions(here) for record in plugin.records(part, here)]


def test_a_server_over_stdio(tmp_path):
    found = check_source(stdio(), context(tmp_path))
    add, remove = found.records
    assert (add.provider, add.version, add.name, add.kind) == ("toy-tools", "1.2.3", "add", "mcp")
    assert add.description == "Add b to a."
    assert add.parameters["required"] == ["a"]
    assert add.parameters["properties"]["b"]["default"] == 1
    assert add.returns["properties"]["result"]["type"] == "integer"
    assert add.meta["title"] == "Add two numbers"
    assert add.meta["annotations"] == {"readOnlyHint": True, "destructiveHint": False}
    assert remove.name == "remove"


def test_a_second_call_needs_no_server_and_a_refresh_asks_again(tmp_path):
    script = tmp_path / "server.py"
    script.write_text(Path(SERVER).read_text())
    plugin = Mcp(command=(sys.executable, str(script), "stdio", "good"))
    first = read(plugin, context(tmp_path))
    assert plugin.plan(context(tmp_path)) == "reads 2 tools from the cache; starts and fetches nothing"
    script.write_text("raise SystemExit('gone')")
    assert read(plugin, context(tmp_path)) == first
    with pytest.raises(StepError, match="its last words: 'gone'"):
        plugin.partitions(replace(context(tmp_path), refresh=True))
    assert read(plugin, context(tmp_path)) == first
    script.write_text(Path(SERVER).read_text().replace("Add b to a", "Add them"))
    assert plugin.partitions(replace(context(tmp_path), refresh=True)) != []
    assert read(plugin, context(tmp_path))[0].description == "Add them."


def test_pages_are_followed_by_cursor(tmp_path):
    (part,) = stdio("paged").partitions(context(tmp_path))
    assert len(part.items) == 3
    records = list(stdio("paged").records(part, context(tmp_path)))
    assert [record.name for record in records] == [f"tool{number:02d}" for number in range(25)]
    assert {record.version for record in records} == {"7"}


def test_noise_on_standard_output_is_borne(tmp_path, capfd):
    (record,) = read(stdio("noisy"), context(tmp_path))
    assert record.name == "fine"
    assert capfd.readouterr() == ("", "")


def test_tools_that_are_wrong_are_rejects_by_name(tmp_path):
    records = read(stdio("broken"), context(tmp_path))
    assert [record.name for record in records if not isinstance(record, Reject)] == ["fine"]
    assert {record.locator: record.reason for record in records if isinstance(record, Reject)} == {
        "hand#no-schema": "it has no inputSchema",
        "hand#odd": "its inputSchema is of type 'array', not 'object'",
        "hand#3": "the tool has no name",
        "hand#4": "the tool is no object",
    }


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("crash", "failed .*its last words: 'Traceback: no database'"),
        ("endless", "its list of tools does not end"),
    ],
)
def test_a_bad_server_is_one_clear_line(tmp_path, kind, why, capfd):
    with pytest.raises(StepError, match=why) as said:
        stdio(kind).partitions(context(tmp_path))
    assert "\n" not in str(said.value)
    assert capfd.readouterr() == ("", "")


def test_no_such_program(tmp_path):
    with pytest.raises(StepError, match="no-such-program-here cannot be started: there is no such program"):
        Mcp(command=("no-such-program-here",)).partitions(context(tmp_path))


def test_a_silent_server_is_left_and_no_process_stays(tmp_path, monkeypatch):
    pids = tmp_path / "pids"
    monkeypatch.setenv("TOY_PIDS", str(pids))
    start = time.monotonic()
    with pytest.raises(StepError, match="did not answer within 3 s"):
        stdio("orphan", timeout=3.0, env=("TOY_PIDS",)).partitions(context(tmp_path))
    assert time.monotonic() - start < 40
    for pid in map(int, pids.read_text().split()):
        assert _is_gone(pid)


def _is_gone(pid):
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        state = Path(f"/proc/{pid}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


def test_the_environment_is_by_name_and_secrets_are_kept_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("TOY_API_KEY", "planted-0123456789")
    monkeypatch.setenv("TOY_LEVEL", "production")
    plugin = stdio("secret", env=("TOY_API_KEY", "TOY_LEVEL"))
    assert plugin.plan(context(tmp_path)).endswith("with TOY_API_KEY (set), TOY_LEVEL (set)")
    (record,) = read(plugin, context(tmp_path))
    assert record.description == "Uses [hidden] in production"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"planted-0123456789" in path.read_bytes()]
    monkeypatch.delenv("TOY_LEVEL")
    with pytest.raises(StepError, match="set the environment variable TOY_LEVEL"):
        plugin.partitions(replace(context(tmp_path), refresh=True))


@pytest.fixture
def address(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path / "server.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, SERVER, "http", str(port)], stdout=log, stderr=log)
    try:
        _wait_for(port, process)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _wait_for(port, process):
    for _ in range(200):
        assert process.poll() is None, "the server ended"
        with socket.socket() as attempt:
            if attempt.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the server does not listen")


def test_a_server_over_http(tmp_path, address, monkeypatch):
    monkeypatch.setenv("TOY_TOKEN", "Bearer planted-0123456789")
    plugin = Mcp(url=f"{address}?api_key={{TOY_TOKEN}}", headers={"Authorization": "TOY_TOKEN"})
    assert "TOY_TOKEN (set)" in plugin.plan(context(tmp_path))
    found = check_source(plugin, context(tmp_path))
    assert [record.name for record in found.records] == ["add", "remove"]
    assert "planted" not in str(found)
    again = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "server.log"]
    assert not [path for path in again if b"planted-0123456789" in path.read_bytes()]


def test_an_address_where_nobody_listens_or_nobody_speaks_mcp(tmp_path, address):
    with pytest.raises(StepError, match=r"the server http://127\.0\.0\.1:9/mcp failed"):
        Mcp(url="http://127.0.0.1:9/mcp", timeout=5.0).partitions(context(tmp_path))
    with pytest.raises(StepError, match="failed"):
        Mcp(url=address.replace("/mcp", "/elsewhere"), timeout=5.0).partitions(context(tmp_path))


def test_without_the_package_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp", None)
    with pytest.raises(StepError, match=r"pip install 'hephaestus-forge\[mcp\]'"):
        stdio().partitions(context(tmp_path))
