"""Bad input, as a user meets it: one clear line, a non-zero exit, nothing lost."""

import gzip
import json
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MakeWorkspace = Callable[[str], Path]

RECIPE = """\
seed = 1
[tokenizer]
name = "bpe"
vocab_size = 300
[[source]]
name = "openapi-directory"
path = "specs"
max_reject_rate = RATE
[[render]]
name = "api-text"
[export.main]
mix = "1:0:0"
"""


def forge(workspace: Path, *words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "forge", "-C", str(workspace), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def only_line(result: "subprocess.CompletedProcess[str]") -> str:
    """The one error line of a command that failed as it should."""
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("forge: error: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def operation(number: int, **more: Any) -> dict[str, Any]:
    return {
        "operationId": f"getThing{number}",
        "description": f"Answers with thing number {number} of the whole collection, newest first.",
        "parameters": [
            {"name": "limit", "in": "query", "description": "How many.", "schema": {"type": "integer"}, "example": 3}
        ],
        "responses": {"200": {"description": "OK"}},
        **more,
    }


def spec(operations: int = 30, **more: Any) -> dict[str, Any]:
    return {
        "openapi": "3.0.0",
        "info": {"title": "Things", "version": "1", "x-providerName": "things.example"},
        "paths": {f"/things/{number}": {"get": operation(number)} for number in range(operations)},
        **more,
    }


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """One good spec, and no tolerance for bad ones but what a test sets."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "good.json").write_text(json.dumps(spec()))
    (tmp_path / "forge.toml").write_text(RECIPE.replace("RATE", "0.2"))
    return tmp_path


def corpus(workspace: Path) -> dict[str, Any]:
    status = json.loads(forge(workspace, "status", "--json").stdout)
    found: dict[str, Any] = status["corpus"]["openapi-directory"]
    return found


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("not.json", b"<html>502 Bad Gateway</html>"),
        ("cut.json.gz", gzip.compress(json.dumps(spec(3)).encode())[:-40]),
        ("cut.json", json.dumps(spec(3)).encode()[:-40]),
        ("list.json", b"[1, 2, 3]"),
        ("empty.json", b""),
    ],
)
def test_a_file_that_is_no_spec_is_a_reject_and_the_rest_is_built(workspace: Path, name: str, content: bytes) -> None:
    (workspace / "specs" / name).write_bytes(content)
    result = forge(workspace, "build")
    assert result.returncode == 0, result.stderr
    assert corpus(workspace) | {"rejects": 1, "records": 30} == corpus(workspace)


def test_too_many_rejects_fail_the_run_and_name_the_first(workspace: Path) -> None:
    (workspace / "forge.toml").write_text(RECIPE.replace("RATE", "0.01"))
    (workspace / "specs" / "not.json").write_bytes(b"<html>")
    line = only_line(forge(workspace, "build"))
    assert "not.json" in line
    assert "max_reject_rate" in line


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "#/components/schemas/Nowhere"}, {"$ref": "#/components/schemas/Self"}, {"$ref": "#"}],
)
def test_bad_references_neither_stop_nor_hang_a_build(workspace: Path, schema: dict[str, str]) -> None:
    body = {"content": {"application/json": {"schema": schema}}}
    broken = spec(3, components={"schemas": {"Self": {"$ref": "#/components/schemas/Self"}}})
    broken["paths"]["/odd"] = {"post": operation(99, requestBody=body)}
    (workspace / "specs" / "broken.json").write_text(json.dumps(broken))
    result = forge(workspace, "build", timeout=60)
    assert result.returncode == 0, result.stderr
    assert corpus(workspace)["records"] >= 33


def test_a_spec_of_fifty_megabytes_is_read(workspace: Path) -> None:
    large = spec(40)
    padding = "A long sentence that says little. " * 30
    large["components"] = {"schemas": {f"S{n}": {"type": "string", "description": padding} for n in range(48_000)}}
    path = workspace / "specs" / "large.json"
    path.write_text(json.dumps(large))
    assert path.stat().st_size > 50_000_000
    result = forge(workspace, "build", "--workers", "1")
    assert result.returncode == 0, result.stderr
    assert corpus(workspace)["records"] == 70


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sed = 1\n", "forge.toml: sed: unknown key: did you mean 'seed'"),
        ("[[source]]\nname = 'openapi-directry'\n", "no source named 'openapi-directry': did you mean"),
        ("[[source]]\nname = 'openapi-directory'\npaht = 'x'\n[export.a]\n", "did you mean 'path'"),
        ("[[filter]]\nname = 'length'\nmin_chars = 'ten'\n[export.a]\n", "min_chars: Expected `int`"),
    ],
)
def test_a_wrong_recipe_is_one_line_with_the_near_one(workspace: Path, text: str, message: str) -> None:
    (workspace / "forge.toml").write_text(text)
    assert message in only_line(forge(workspace, "build"))


def test_a_folder_without_recipe_says_where_to_go(tmp_path: Path) -> None:
    assert "-C DIR" in only_line(forge(tmp_path, "build"))


def test_wrong_usage_exits_with_two(workspace: Path) -> None:
    assert forge(workspace, "build", "--wrokers", "2").returncode == 2
    assert forge(workspace, "biuld").returncode == 2


def test_a_locked_workspace_names_its_holder(workspace: Path) -> None:
    hold = "import sys,time;from pathlib import Path;from forge.workspace import Workspace\n"
    hold += "with Workspace(Path(sys.argv[1])).lock('build'):\n print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", hold, str(workspace)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert f"in use by process {holder.pid} (forge build)" in only_line(forge(workspace, "build"))
    finally:
        holder.kill()
        holder.communicate()


def shards(workspace: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (workspace / "exports" / "main").iterdir()}


def small_files() -> None:
    """Let no file grow past 4 KB, which meets a writer as a full disk does: its write fails half way."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))


def test_a_full_disk_while_a_shard_is_written_loses_nothing(workspace: Path) -> None:
    assert forge(workspace, "build").returncode == 0
    before = shards(workspace)
    line = only_line(forge(workspace, "export", "--max-tokens", "6000", "--workers", "1", preexec_fn=small_files))
    assert "shard-00000.bin: no room on the disk" in line
    assert "run the same command again" in line
    assert shards(workspace) == before
    assert forge(workspace, "verify").returncode == 0
    assert forge(workspace, "export", "--max-tokens", "6000").returncode == 0
    assert shards(workspace) != before
    assert forge(workspace, "verify").returncode == 0


def test_a_disk_that_is_really_full(workspace: Path) -> None:
    """The same on a file system of 16 KB, where this user may mount one in a namespace of its own."""
    probe = ["unshare", "--user", "--map-root-user", "--mount", "true"]
    if shutil.which("unshare") is None or subprocess.run(probe, check=False, capture_output=True).returncode:
        pytest.skip("this system lets no user make a mount namespace")
    (workspace / "exports").mkdir()
    command = f"mount -t tmpfs -o size=16k none exports && {sys.executable} -m forge build"
    result = subprocess.run(
        [*probe[:-1], "sh", "-c", command], cwd=workspace, check=False, capture_output=True, text=True
    )
    if "mount:" in result.stderr:
        pytest.skip("this system lets no user mount a file system")
    assert "no room on the disk (No space left on device)" in only_line(result)
    assert forge(workspace, "build").returncode == 0


def test_a_damaged_shard_is_found_and_made_again(workspace: Path) -> None:
    assert forge(workspace, "build").returncode == 0
    before = shards(workspace)
    path = workspace / "exports" / "main" / "shard-00000.bin"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert "shard-00000.bin: expected sha256" in only_line(forge(workspace, "verify"))
    path.write_bytes(data[:-2])
    assert forge(workspace, "build").returncode == 0
    assert shards(workspace) == before
