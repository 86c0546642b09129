"""`forge mock serve`: a part of the catalogue over HTTP, until Ctrl-C."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forge.cli.mock import example, open_site
from forge.errors import CatalogError
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


def test_it_serves_the_catalogue_and_ends_cleanly(workspace: Workspace) -> None:
    start = "from forge.cli.mock import app; app(['serve', '-C', __import__('sys').argv[1], '--port', '0'])"
    command = [sys.executable, "-u", "-c", start, str(workspace.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(5)]
        found = re.search(r"curl -s (\S+)", said[2])
        assert found, said
        answered = httpx.get(found[1], timeout=10)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()

    assert said[0].startswith("4 routes of 3 services at http://127.0.0.1:")
    assert answered.status_code == 200
    assert rest == "ended\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("provider", "service", "services"),
    [
        (None, None, 3),
        ("pets.example.com", None, 2),
        ("PETS", None, 2),
        ("pets.example.com", "admin", 1),
        (None, "", 2),
    ],
)
def test_a_part_can_be_chosen(workspace: Workspace, provider: str | None, service: str | None, services: int) -> None:
    assert len(open_site(workspace.catalog, provider=provider, service=service).services) == services


def test_a_part_that_is_not_there_is_named(workspace: Workspace) -> None:
    with pytest.raises(CatalogError, match=r"nothing for --provider boats\.com and --service x"):
        open_site(workspace.catalog, provider="boats.com", service="x")


def test_the_example_is_one_that_works(workspace: Workspace) -> None:
    site = open_site(workspace.catalog, provider="cars.example.org")

    assert example(site, "http://here") == "curl -s http://here/cars.example.org/-/cars"
