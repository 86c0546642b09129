"""The source ``openapi``: files, folders, globs, addresses, packages, and references from one file to another."""

import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from forge.clients.http import HttpClient
from forge.errors import FetchError, StepError
from forge.records import ApiRecord, Reject
from forge.steps import Context, HttpResponse
from forge.testing import OfflineHttp, check_source, context
from forge_sources.openapi import fetch as openapi_fetch
from forge_sources.openapi.entries import package_files
from forge_sources.openapi.source import OpenApiDocuments
from forge_sources.packages.fetch import fetch_one

SECRET = "sk-planted-0123456789abcdef"


def test_a_plan_counts_files_and_says_what_is_not_there(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        write(tmp_path / "specs" / name, spec())
    assert OpenApiDocuments(specs=["specs"]).plan(context(tmp_path)) == "reads 2 files on disk; fetches nothing"
    with pytest.raises(StepError, match="there is no such file"):
        OpenApiDocuments(specs=["nowhere.yaml"]).plan(context(tmp_path))


def spec(name: str = "listPets", **rest: Any) -> dict[str, Any]:
    operation = {"operationId": name, "description": "Lists the pets.", "tags": ["pets"], "responses": {}}
    return {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": {"/p": {"get": operation}}, **rest}


def write(path: Path, document: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(document) if path.suffix == ".json" else yaml.safe_dump(document).encode())
    return path


def collect(source: OpenApiDocuments, given: Context) -> tuple[list[ApiRecord], list[Reject]]:
    found = [record for partition in source.partitions(given) for record in source.records(partition, given)]
    return [r for r in found if isinstance(r, ApiRecord)], [r for r in found if isinstance(r, Reject)]


def test_paths_folders_and_globs_in_json_and_yaml(tmp_path: Path) -> None:
    write(tmp_path / "one.json", spec("one"))
    write(tmp_path / "folder/two.yaml", spec("two"))
    write(tmp_path / "folder/deep/three.yml", {**spec("three"), "swagger": "2.0", "host": "api.example.org"})
    write(tmp_path / "globbed/v1/four.yaml", spec("four"))
    write(tmp_path / "globbed/v1/shared.yaml", {"Pet": {"type": "object"}})
    source = OpenApiDocuments(specs=["one.json", "folder", "globbed/**/*.yaml"])
    found = check_source(source, context(tmp_path))
    assert sorted(record.name for record in found.records) == ["four", "one", "three", "two"]
    assert not found.rejects
    assert len(found.partitions) == 5  # shared.yaml is one, and gives nothing
    assert "fetches nothing" in source.plan(context(tmp_path))


def test_facts_of_the_document_are_in_the_records(tmp_path: Path) -> None:
    document = spec(servers=[{"url": "https://{area}.example.org/v1", "variables": {"area": {"default": "eu"}}}])
    document["info"] |= {
        "license": {"name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        "termsOfService": "https://example.org/terms",
    }
    document["paths"]["/p"]["get"]["deprecated"] = True
    write(tmp_path / "a.yaml", document)
    (record,), _ = collect(OpenApiDocuments(specs=["a.yaml"]), context(tmp_path))
    assert (record.provider, record.category, record.deprecated) == ("eu.example.org", "pets", True)
    assert record.license == "Apache-2.0"
    assert record.license_evidence == "info.license: Apache 2.0 (https://www.apache.org/licenses/LICENSE-2.0)"
    assert record.terms_url == "https://example.org/terms"
    assert record.meta == {"title": "T", "server": "https://eu.example.org/v1", "tags": ["pets"]}


def test_provider_and_service_override_the_document(tmp_path: Path) -> None:
    write(tmp_path / "a.json", spec(servers=[{"url": "https://api.example.org"}]))
    source = OpenApiDocuments(specs=["a.json"], provider="acme.com", service="pets")
    (record,), _ = collect(source, context(tmp_path))
    assert (record.provider, record.service) == ("acme.com", "pets")


def test_references_to_files_of_the_folder_are_followed(tmp_path: Path) -> None:
    root = spec()
    root["paths"] = {"/p": {"$ref": "paths/pets.yaml"}}
    write(tmp_path / "api/openapi.yaml", root)
    item = {
        "post": {
            "operationId": "make",
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "../schemas.json#/definitions/Pet"}}}},
        }
    }
    write(tmp_path / "api/paths/pets.yaml", item)
    pet = {"type": "object", "required": ["name"], "properties": {"name": {"$ref": "#/definitions/Name"}}}
    write(tmp_path / "api/schemas.json", {"definitions": {"Pet": pet, "Name": {"type": "string", "maxLength": 9}}})
    source = OpenApiDocuments(specs=["api/openapi.yaml"])
    (partition,) = source.partitions(context(tmp_path))
    (record,), rejects = collect(source, context(tmp_path))
    assert not rejects
    assert record.parameters["properties"] == {"name": {"type": "string", "maxLength": 9, "x-in": "body"}}
    assert record.parameters["required"] == ["name"]
    write(tmp_path / "api/schemas.json", {"definitions": {}})
    (changed,) = source.partitions(context(tmp_path))
    assert changed.fingerprint != partition.fingerprint


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("../secret.yaml#/x", "leads out of the folder"),
        ("%2e%2e/secret.yaml", "leads out of the folder"),
        ("sub/../../secret.yaml", "leads out of the folder"),
        ("/etc/passwd", "leads out of the folder"),
        ("..\\secret.yaml", "leads out of the folder"),
        ("file:///etc/passwd", "leads to another host"),
        ("https://elsewhere.example.org/x.yaml", "leads to another host"),
        ("//elsewhere.example.org/x.yaml", "leads to another host"),
        ("none.yaml#/x", "leads to a file that is not there"),
        ("link.yaml#/x", "not there, or not in the folder"),
        ("loop.yaml#/x", "leads back to itself"),
        ("broken.yaml#/x", "not YAML"),
        ("/dev/zero", "leads out of the folder"),
    ],
)
def test_references_that_lead_elsewhere_are_rejects_that_name_them(tmp_path: Path, reference: str, reason: str) -> None:
    write(tmp_path / "secret.yaml", {"x": {"name": "stolen", "in": "query"}})
    document = spec()
    document["paths"]["/p"]["get"]["parameters"] = [{"$ref": reference}, {"name": "kept", "in": "query"}]
    write(tmp_path / "api/openapi.json", document)
    write(tmp_path / "api/loop.yaml", {"x": {"$ref": "loop.yaml#/x"}})
    (tmp_path / "api/broken.yaml").write_text("a: b: c")
    (tmp_path / "api/link.yaml").symlink_to(tmp_path / "secret.yaml")
    (record,), rejects = collect(OpenApiDocuments(specs=["api/openapi.json"]), context(tmp_path))
    assert list(record.parameters["properties"]) == ["kept"]
    assert len(rejects) == 1
    assert rejects[0].locator.startswith("api/openapi.json ")
    assert reason in rejects[0].reason


def test_a_file_that_is_no_specification_is_a_reject_where_it_is_named(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", {"x": 1})
    (tmp_path / "b.yaml").write_text("a: !!python/name:os.system")
    (tmp_path / "c.json").write_bytes(b" " * 1_000_001)
    source = OpenApiDocuments(specs=["a.yaml", "b.yaml", "c.json"], max_spec_mb=1)
    records, rejects = collect(source, context(tmp_path))
    assert not records
    assert [reject.locator for reject in rejects] == ["a.yaml", "b.yaml", "c.json"]
    assert "not an OpenAPI document" in rejects[0].reason
    assert "python/name:os.system" in rejects[1].reason
    assert rejects[2].reason == "larger than 1 MB"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"specs": []}, "specs is empty"),
        ({"specs": ["npm:left-pad"]}, "names no file of a package"),
        ({"specs": ["npm:left-pad@1.3.0/../../x.json"]}, "may not lead out"),
        ({"specs": ["a.json"], "headers": {"X-Key": "sk-live secret"}}, "headers.X-Key: write the name"),
    ],
)
def test_wrong_options_are_said(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        OpenApiDocuments(**options)
    assert "sk-live" not in str(caught.value)


def test_missing_files_and_variables_are_said(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"nowhere/\*.yaml.*no such file"):
        OpenApiDocuments(specs=["nowhere/*.yaml"]).partitions(context(tmp_path))
    source = OpenApiDocuments(specs=["https://h.example.org/a.json"], headers={"X-Key": "NO_SUCH_VARIABLE_HERE"})
    with pytest.raises(StepError, match="NO_SUCH_VARIABLE_HERE is not set"):
        source.partitions(context(tmp_path))


def test_an_address_is_fetched_once_with_the_files_beside_it(tmp_path: Path) -> None:
    document = spec()
    document["paths"]["/p"]["get"]["parameters"] = [{"$ref": "common/p.yaml#/Limit"}]
    pages = {
        "https://h.example.org/v1/openapi.json": orjson.dumps(document),
        "https://h.example.org/v1/common/p.yaml": "Limit: {name: limit, in: query, schema: {type: integer}}",
    }
    http = OfflineHttp(pages)
    given = replace(context(tmp_path), http=http)
    source = OpenApiDocuments(specs=["https://h.example.org/v1/openapi.json"])
    assert "https://h.example.org/v1/openapi.json" in source.plan(given)
    check_source(source, given)
    (record,), rejects = collect(source, given)
    assert not rejects
    assert list(record.parameters["properties"]) == ["limit"]
    assert record.url == "https://h.example.org/v1/openapi.json"
    assert sorted(http.asked) == sorted(pages)
    assert "fetches nothing" in source.plan(given)


def test_an_address_that_is_refused_ends_the_run(tmp_path: Path) -> None:
    answer = HttpResponse(url="u", status=401, headers={}, body=b"")
    given = replace(context(tmp_path), http=OfflineHttp({"https://h.example.org/a.json": answer}))
    with pytest.raises(FetchError, match=r"answered 401.*headers"):
        OpenApiDocuments(specs=["https://h.example.org/a.json"]).partitions(given)


class Guarded(BaseHTTPRequestHandler):
    """Answers with a specification if both the header and the query hold the secret."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == f"Bearer {SECRET}" and SECRET in self.path
        body = orjson.dumps(spec()) if known else b"who are you?"
        status = "200 OK" if known else "403 Forbidden"
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode() + body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def guarded() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_secrets_are_sent_and_written_nowhere(tmp_path: Path, guarded: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_API_KEY", SECRET)
    said: list[str] = []
    http = HttpClient(tmp_path / "http")
    given = replace(context(tmp_path), http=http, log=said.append)
    source = OpenApiDocuments(
        specs=[f"{guarded}/openapi.json?api_key=${{SPEC_API_KEY}}"],
        headers={"Authorization": "Bearer ${SPEC_API_KEY}"},
    )
    said.append(source.plan(given))
    partitions = source.partitions(given)
    (record,) = source.records(partitions[0], given)
    http.close()
    assert SECRET not in repr((partitions, record, said))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 2
    assert not [path for path in files if SECRET.encode() in path.read_bytes() or SECRET in path.name]


def test_a_variable_where_it_would_be_written_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEC_API_KEY", SECRET)
    source = OpenApiDocuments(specs=["https://h.example.org/${SPEC_API_KEY}/a.json"])
    with pytest.raises(StepError, match="or use headers") as caught:
        source.partitions(context(tmp_path))
    assert SECRET not in str(caught.value)


def packed(members: dict[str, bytes]) -> bytes:
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, BytesIO(data))
    return buffer.getvalue()


def cached_package(cache: Path, entry: str, members: dict[str, bytes]) -> None:
    """Put a package into the cache as the registry's client would have."""
    wanted = package_files(entry)
    assert wanted is not None

    def client(spec: Any, folder: Path) -> str:
        (folder / "package.tgz").write_bytes(packed(members))
        return str(spec.version)

    fetch_one(wanted.spec, cache, client=client)


def test_files_of_a_package_with_their_references(tmp_path: Path) -> None:
    entry = "npm:@acme/specs@1.2.3/api/*.yaml"
    document = spec()
    document["paths"]["/p"]["get"]["parameters"] = [{"$ref": "../common/p.json#/Limit"}]
    members = {
        "package/package.json": b'{"license": "MIT"}',
        "package/api/openapi.yaml": yaml.safe_dump(document).encode(),
        "package/common/p.json": orjson.dumps({"Limit": {"name": "limit", "in": "query"}}),
        "package/other.yaml": b"left: alone",
    }
    given = context(tmp_path)
    cached_package(given.cache, entry, members)
    found = check_source(OpenApiDocuments(specs=[entry], package_license=True), given)
    assert not found.rejects
    (record,) = found.records
    assert list(record.parameters["properties"]) == ["limit"]
    assert (record.license, record.license_evidence) == ("MIT", "npm:@acme/specs@1.2.3: MIT")
    assert record.url == "npm:@acme/specs@1.2.3/api/openapi.yaml"
    assert not list(given.cache.rglob("other.yaml"))
    (plain,), _ = collect(OpenApiDocuments(specs=[entry]), given)
    assert (plain.license, plain.license_evidence) == ("unknown", "")


def test_a_package_without_the_file_is_said(tmp_path: Path) -> None:
    given = context(tmp_path)
    cached_package(given.cache, "npm:acme@1.0.0/a.json", {"package/b.json": b"{}"})
    with pytest.raises(StepError, match=r"npm:acme.*no file of at most 100 MB .* matches 'a.json'"):
        OpenApiDocuments(specs=["npm:acme@1.0.0/a.json"]).partitions(given)


@pytest.mark.parametrize("name", ["package/../../evil.json", "/tmp/evil.json", "package/a\\evil.json"])
def test_a_member_that_leads_out_of_a_package_is_refused_by_name(tmp_path: Path, name: str) -> None:
    given = context(tmp_path)
    entry = "npm:acme@1.0.0/*evil.json"
    cached_package(given.cache, entry, {name: orjson.dumps(spec())})
    with pytest.raises(StepError, match=r"evil\.json its path leads out of the archive"):
        OpenApiDocuments(specs=[entry]).partitions(given)
    assert not [path for path in tmp_path.rglob("*evil*") if path.is_file()]


def test_a_real_package(material_context: Context) -> None:
    entry = "npm:@okta/openapi@2.15.0/dist/spec.json"
    records, rejects = collect(OpenApiDocuments(specs=[entry]), material_context)
    assert not rejects
    assert len(records) == 340
    assert {record.license for record in records} == {"Apache-2.0"}
    assert openapi_fetch.matches("dist/spec.json", "dist/*.json")
