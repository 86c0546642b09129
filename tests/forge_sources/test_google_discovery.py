"""The source ``google-discovery`` on the real documents of google-api-python-client, and on small ones."""

import gzip
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from forge.errors import StepError
from forge.records import ApiRecord, Reject
from forge.steps import Context
from forge.testing import check_source, context
from forge_sources.google_discovery.source import GoogleDiscovery
from forge_sources.openapi.directory import OpenApiDirectory


def collect(source: Any, where: Context) -> tuple[list[ApiRecord], list[Reject]]:
    found = [record for partition in source.partitions(where) for record in source.records(partition, where)]
    return [r for r in found if isinstance(r, ApiRecord)], [r for r in found if isinstance(r, Reject)]


@pytest.fixture(scope="module")
def collected(material_context: Context) -> tuple[list[ApiRecord], list[Reject]]:
    return collect(GoogleDiscovery(), material_context)


def document(name: str = "toys", version: str = "v1", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "version": version,
        "title": "Toy API",
        "servicePath": "",
        "resources": {
            "toys": {"methods": {"get": {"id": f"{name}.toys.get", "path": "v1/{+name}", "httpMethod": "GET"}}}
        },
        **more,
    }


def put(folder: Path, name: str, content: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else orjson.dumps(content))


def test_every_method_of_the_real_documents_is_a_record(
    collected: tuple[list[ApiRecord], list[Reject]], material_context: Context
) -> None:
    """Against a plain walk of the wheel's documents."""
    records, rejects = collected
    (wheel,) = (material_context.cache / "packages").glob("pip-google-api-python-client-*/*.whl")
    walked: Counter[str] = Counter()
    with zipfile.ZipFile(wheel) as packed:
        for name in packed.namelist():
            if "/documents/" in name and name.endswith(".json"):
                stack = [orjson.loads(packed.read(name))]
                while stack:
                    node = stack.pop()
                    walked.update(method["id"] for method in node.get("methods", {}).values())
                    stack.extend(node.get("resources", {}).values())
    assert sum(walked.values()) > 28_000
    assert Counter(record.name for record in records) == walked
    assert not rejects


def test_methods_known_to_apis_guru_have_one_identity(
    collected: tuple[list[ApiRecord], list[Reject]], material_context: Context
) -> None:
    """Where service, method and path are the same: the rest are services and versions that Google has retired."""
    ours = {record.id for record in collected[0]}
    places = {(record.service, record.method, record.path) for record in collected[0]}
    directory = collect(OpenApiDirectory(providers=("googleapis.com",)), material_context)[0]
    theirs = [record for record in directory if record.provider == "googleapis.com"]
    same_place = [record for record in theirs if (record.service, record.method, record.path) in places]
    same = [record for record in same_place if record.id in ours]
    assert len(same) > 6_000
    assert len(same) >= 0.995 * len(same_place)
    assert len(same) >= 0.92 * len(theirs)


def test_a_known_method_in_full(collected: tuple[list[ApiRecord], list[Reject]]) -> None:
    (record,) = [r for r in collected[0] if r.name == "drive.files.list" and r.version == "v3"]
    assert (record.provider, record.service, record.method, record.path) == ("googleapis.com", "drive", "GET", "/files")
    size = record.parameters["properties"]["pageSize"]
    assert (size["type"], size["default"], size["minimum"], size["maximum"]) == ("integer", 100, 1, 1000)
    assert size["x-in"] == "query"
    assert record.returns is not None
    assert record.returns["properties"]["files"]["type"] == "array"
    assert record.license == "Apache-2.0"
    assert record.license_evidence.startswith("google-api-python-client: METADATA: ")
    assert record.auth == ["oauth2"]
    assert "https://www.googleapis.com/auth/drive.readonly" in record.meta["scopes"]
    assert record.category == "files"
    assert (record.url or "").startswith("https://developers.google.com/")


def test_versions_that_differ_in_the_service_path_alone_are_told_apart(
    collected: tuple[list[ApiRecord], list[Reject]],
) -> None:
    paths = {r.version: r.path for r in collected[0] if r.name == "compute.addresses.list"}
    assert paths["v1"] == "/projects/{project}/regions/{region}/addresses"
    assert paths["beta"] == "/compute/beta/projects/{project}/regions/{region}/addresses"
    assert len({record.id for record in collected[0]}) > 0.99 * len(collected[0])


def test_the_contract_holds_for_some_real_services(material_context: Context) -> None:
    found = check_source(GoogleDiscovery(services=("gmail", "dns", "translate")), material_context)
    assert len(found.records) > 100
    assert not found.rejects
    assert (
        max(len(orjson.dumps(record.parameters)) for record in found.records if isinstance(record, ApiRecord)) < 60_000
    )


def test_folder_single_document_and_bad_ones(tmp_path: Path) -> None:
    folder = tmp_path / "documents"
    put(folder, "toys.v1.json", document())
    put(folder, "zipped.v1.json.gz", gzip.compress(orjson.dumps(document("zipped"))))
    put(folder, "broken.v1.json", b"{")
    put(folder, "list.v1.json", [])
    put(folder, "other.json", {"swagger": "2.0"})
    where = context(tmp_path)
    found = check_source(GoogleDiscovery(path="documents"), where)
    assert sorted(r.service for r in found.records if isinstance(r, ApiRecord)) == ["toys", "zipped"]
    assert sorted(reject.locator for reject in found.rejects) == ["broken.v1.json", "list.v1.json", "other.json"]
    (single,) = check_source(GoogleDiscovery(path="documents/toys.v1.json"), where).records
    assert isinstance(single, ApiRecord)
    assert (single.path, single.license, single.license_evidence) == ("/v1/{name}", "unknown", "")
    assert check_source(GoogleDiscovery(path="documents", max_document_mb=0), where).rejects


def test_the_index_says_which_version_is_preferred(tmp_path: Path) -> None:
    for version in ("v1", "v2"):
        put(tmp_path / "d", f"toys.{version}.json", document(version=version, servicePath=f"toys/{version}/"))
    where = context(tmp_path)

    def paths() -> list[str]:
        return sorted(record.path for record in collect(GoogleDiscovery(path="d"), where)[0])

    assert paths() == ["/toys/v1/v1/{name}", "/v1/{name}"]  # the newest, without an index
    before = [partition.fingerprint for partition in GoogleDiscovery(path="d").partitions(where)]
    put(tmp_path / "d", "index.json", {"items": [{"name": "toys", "version": "v1", "preferred": True}]})
    assert paths() == ["/toys/v2/v1/{name}", "/v1/{name}"]
    assert before != [partition.fingerprint for partition in GoogleDiscovery(path="d").partitions(where)]
    put(tmp_path / "d", "index.json", b"{")
    assert paths() == ["/toys/v1/v1/{name}", "/v1/{name}"]


def test_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    where = context(tmp_path)
    put(tmp_path / "d", "toys.v1.json", document())
    first = GoogleDiscovery(path="d").partitions(where)
    put(tmp_path / "d", "toys.v1.json", document())
    assert GoogleDiscovery(path="d").partitions(where) == first
    put(tmp_path / "d", "toys.v1.json", document(title="Other"))
    assert GoogleDiscovery(path="d").partitions(where) != first


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    where = context(tmp_path)
    with pytest.raises(StepError, match="path=none"):
        GoogleDiscovery(path="none").partitions(where)
    put(tmp_path / "d", "toys.v1.json", document())
    with pytest.raises(StepError, match="no discovery document of teapots in d"):
        GoogleDiscovery(path="d", services=("teapots",)).partitions(where)
    (tmp_path / "bad.whl").write_bytes(b"PK\x03\x04 no archive")
    with pytest.raises(StepError, match="not a whole archive"):
        GoogleDiscovery(path="bad.whl").partitions(where)
    assert "pip download --no-deps google-api-python-client==2.202.0" in GoogleDiscovery().plan(where)
    assert "fetches nothing" in GoogleDiscovery(path="d").plan(where)
