"""`forge mock serve`: a part of the catalogue over HTTP, until Ctrl-C."""

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forge.cli import main
from forge.records import ApiRecord, arrow_schema, to_row
from forge.workspace import Workspace
from forge_registry import DuckCatalog


def api(provider: str, service: str, method: str, path: str, name: str) -> ApiRecord:
    slots = re.findall(r"\{(\w+)\}", path)
    properties = {slot: {"type": "integer", "x-in": "path", "description": "Which one."} for slot in slots}
    return ApiRecord(
        provider=provider,
        service=service,
        name=name,
        kind="rest",
        method=method,
        path=path,
        description=f"{name} as it is documented at {provider}.",
        parameters={"type": "object", "properties": properties, "required": slots},
        returns={"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}},
        source="s",
    )


APIS = [
    api("pets.example.com", "", "GET", "/pets/{petId}", "get a pet"),
    api("pets.example.com", "", "GET", "/pets", "list the pets"),
    api("pets.example.com", "admin", "DELETE", "/pets/{petId}", "delete a pet"),
    api("cars.example.org", "", "GET", "/cars", "list the cars"),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    place = Workspace(tmp_path)
    place.catalog.parent.mkdir(parents=True)
    table = tmp_path / "apis.parquet"
    pq.write_table(pa.Table.from_pylist([to_row(each) for each in APIS], schema=arrow_schema(ApiRecord)), table)
    DuckCatalog(place.catalog).load([table], fingerprint="f")
    return place


@contextmanager
def serving(workspace: Workspace, *more: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The command in a process of its own, and the lines that it says at first."""
    start = "import sys; from forge.cli import main; main(['mock', 'serve', '--port', '0', *sys.argv[1:]])"
    command = [sys.executable, "-u", "-c", start, "-C", str(workspace.root), *more]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, [process.stdout.readline() for _ in range(5)]
        finally:
            process.kill()


def url_in(said: list[str]) -> str:
    found = re.search(r"curl -s (\S+)", said[2])
    assert found, said
    return found[1]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_it_serves_the_catalogue_and_ends_cleanly(workspace: Workspace, number: signal.Signals, status: int) -> None:
    with serving(workspace) as (process, said), httpx.Client(timeout=10) as client:
        answered = client.get(url_in(said))  # the connection stays open
        started = time.monotonic()
        process.send_signal(number)
        rest, _ = process.communicate(timeout=10)
        took = time.monotonic() - started

    assert said[0].startswith("4 routes of 3 services at http://127.0.0.1:")
    assert said[4] == "Ctrl-C ends it\n"
    assert answered.status_code == 200
    assert (rest, process.returncode) == ("ended\n", status)
    assert took < 3


def test_sigint_ends_it_where_the_shell_had_it_ignored(workspace: Workspace) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with serving(workspace) as (process, _):
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=10)[0] == "ended\n"
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_catalogue_that_goes_away_is_told_to_the_client(workspace: Workspace) -> None:
    with serving(workspace, "--provider", "pets") as (_, said):
        assert "/pets.example.com/admin" in said[2], "the service that the example is of has been read"
        workspace.catalog.unlink()
        answered = httpx.get(url_in(said).replace("/admin", "/-/pets"), timeout=10)

    assert answered.status_code == 503
    assert "run `forge build`" in answered.json()["error"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--provider", "boats.com", "--service", "x"],
            "the catalogue has nothing for --provider boats.com and --service x; `forge status` names its providers",
        ),
        (["--port", "PORT"], "mock serve: 127.0.0.1:PORT: Address already in use; choose another with --port, or"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(SystemExit) as ended:
            main(["mock", "serve", "-C", str(workspace.root), *(port if word == "PORT" else word for word in words)])
    told = capsys.readouterr().err

    assert ended.value.code == 1
    assert told.startswith(f"forge: error: {said.replace('PORT', port)}")
    assert told.count("\n") == 1
