"""Trajectories from APIs to shards: made and verified without a model, rendered, filtered, exported, explained, shown.

The APIs are those of the simulators and of one OpenAPI document under another licence; imported dialogues, of which one
breaks its own schema, stand beside what is synthesised.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from forge.cli import main
from forge.engine.judging import read_table
from forge.engine.story import read_story
from forge.workspace import Workspace
from forge_trajectories.blueprint import KINDS

RECIPE = """\
seed = 5
[tokenizer]
name = "bpe"
vocab_size = 600
[[source]]
name = "simulated-tools"
[[source]]
name = "openapi"
specs = ["library.json"]
[[source]]
name = "synthesizer"
target_accepted = 80
writes = []
[[source]]
name = "trajectories"
paths = ["theirs.json"]
license = "CC-BY-4.0"
license_evidence = "said by this test"
[[render]]
name = "trajectory-text"
verify = true
[[render]]
name = "trajectory-chat"
verify = true
[[filter]]
name = "verified"
[[filter]]
name = "exact-dedup"
[export.pretrain]
mix = "1:0:0"
sources = ["trajectory-text"]
[export.dialogue]
mix = "1:0:0"
sources = ["trajectory-chat"]
"""
BOOK = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "title": {"type": "string"}, "pages": {"type": "integer"}},
    "required": ["id", "title"],
}


def library() -> dict[str, Any]:
    """An OpenAPI document under the MIT licence: three operations on books."""
    answer = {"content": {"application/json": {"schema": BOOK}}}
    found = {"200": {"description": "The book.", **answer}}
    key = {
        "name": "bookId",
        "in": "path",
        "required": True,
        "description": "Of the book.",
        "schema": {"type": "string"},
    }
    body = {
        "content": {"application/json": {"schema": {"type": "object", "properties": {"title": {"type": "string"}}}}}
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "Library", "version": "1", "license": {"name": "MIT"}, "x-providerName": "library.example"},
        "servers": [{"url": "https://api.library.example"}],
        "paths": {
            "/books": {"post": operation("createBook", "Add a book to the library.", found, requestBody=body)},
            "/books/{bookId}": {
                "get": operation("getBook", "Get a book of the library.", found, parameters=[key]),
                "delete": operation(
                    "deleteBook", "Take a book out.", {"204": {"description": "Gone."}}, parameters=[key]
                ),
            },
        },
    }


def operation(name: str, about: str, responses: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"operationId": name, "summary": about, "responses": responses, **more}


def dialogue(pages: object) -> dict[str, Any]:
    """A dialogue in the form of chat completions, whose call is valid if ``pages`` is a whole number."""
    schema = {"type": "object", "properties": {"pages": {"type": "integer"}}, "required": ["pages"]}
    call = {"id": "a", "type": "function", "function": {"name": "shelve", "arguments": json.dumps({"pages": pages})}}
    messages = [
        {"role": "user", "content": f"Shelve the book with {pages} pages."},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "done"},
        {"role": "assistant", "content": f"The book with {pages} pages is on the shelf."},
    ]
    tool = {"type": "function", "function": {"name": "shelve", "description": "Shelve a book.", "parameters": schema}}
    return {"messages": messages, "tools": [tool]}


def fill(root: Path) -> Path:
    (root / "forge.toml").write_text(RECIPE, encoding="utf-8")
    (root / "library.json").write_text(json.dumps(library()), encoding="utf-8")
    (root / "theirs.json").write_text(json.dumps([dialogue(120), dialogue("many")]), encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = fill(tmp_path_factory.mktemp("trajectories"))
    with pytest.raises(SystemExit) as ended:
        main(["-C", str(root), "build", "--quiet"])
    assert not ended.value.code
    return root


@pytest.fixture
def said(built: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command in the workspace and returns what it says."""

    def call(*words: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(built), *words])
        assert not ended.value.code
        return capsys.readouterr().out

    return call


def documents(root: Path) -> list[dict[str, Any]]:
    """Every document of the corpus, with its meta read."""
    paths = sorted((root / ".forge" / "corpus").glob("trajectory-*/*.parquet"))
    rows = [row for path in paths if "rejects" not in path.name for row in pq.read_table(path).to_pylist()]
    return [{**row, "meta": json.loads(row["meta"])} for row in rows]


def trajectories(root: Path, label: str) -> dict[str, dict[str, Any]]:
    paths = (root / ".forge" / "corpus" / label).glob("*.trajectories.parquet")
    return {row["id"]: row for path in paths for row in pq.read_table(path).to_pylist()}


def test_every_trajectory_becomes_two_documents(built: Path) -> None:
    made, found = trajectories(built, "synthesizer"), documents(built)
    assert len(made) == 80
    own = [row for row in found if row["meta"]["trajectory"] in made]
    assert len(own) == 160
    assert {row["meta"]["kind"] for row in own} == set(KINDS)
    assert all(row["meta"]["verified"] for row in own)


def test_every_document_leads_to_its_apis_and_bears_their_licences(built: Path, said: Callable[..., str]) -> None:
    made = trajectories(built, "synthesizer")
    own = [row for row in documents(built) if row["meta"]["trajectory"] in made]
    named = {api for row in own for api in (*row["meta"]["apis"], *row["meta"]["offered"])}
    licence = {api: json.loads(said("show", api, "--json"))["record"]["license"] for api in named}
    assert set(licence.values()) == {"MIT", "Apache-2.0"}
    for row in own:
        licences = {licence[api] for api in (*row["meta"]["apis"], *row["meta"]["offered"])}
        assert row["license"] == " AND ".join(sorted(licences))
    assert len({row["license"] for row in own}) == 3


def test_what_breaks_its_own_schema_goes_and_nothing_else(built: Path) -> None:
    story = read_story(Workspace(built))
    assert story is not None
    entry = next(entry for entry in story.filters if entry.label == "verified")
    rows = [row for part in story.parts for row in read_table(entry.verdicts(part)).to_pylist()]
    assert len(rows) == 164
    assert [row["reason"] for row in rows if not row["keep"]] == ["arguments-valid"] * 2
    for name in ("pretrain", "dialogue"):
        manifest = json.loads((built / "exports" / name / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["documents"] == 81


def test_explain_leads_to_the_trajectory_and_show_prints_it(built: Path, said: Callable[..., str]) -> None:
    made = trajectories(built, "synthesizer")
    row = next(row for row in documents(built) if row["meta"].get("kind") == "error-recovery")
    told = said("explain", row["id"])
    assert f"shows     error-recovery, over {len(row['meta']['apis'])} API" in told
    assert f"`forge show {row['meta']['trajectory']}`" in told
    shown = said("show", row["meta"]["trajectory"][:12])
    blueprint = json.loads(made[row["meta"]["trajectory"]]["blueprint"])
    assert "What goes wrong on purpose" in shown
    assert all(f"{each['license']}, API {each['api'][:8]}" in shown for each in blueprint["operations"])


def test_a_second_build_computes_nothing(built: Path, said: Callable[..., str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in (built / "exports").rglob("*") if path.is_file()}
    said("build", "--quiet")
    assert {path: path.stat().st_mtime_ns for path in before} == before
