"""`forge explain`: what a person and a program read of one document."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.cli import main

Run = Callable[..., str]

SPEC = {
    "openapi": "3.0.0",
    "info": {"title": "Toys", "version": "1", "license": {"name": "MIT"}},
    "servers": [{"url": "https://api.toys.example"}],
    "paths": {
        f"/toys/{number}": {
            "get": {
                "operationId": f"getToy{number}",
                "description": f"Gets toy number {number} and all that is known of it, " + "with its parts. " * number,
                "responses": {"200": {"description": "The toy."}},
            }
        }
        for number in range(12)
    },
}
RECIPE = """
[tokenizer]
name = "bpe"
vocab_size = 300
[[source]]
name = "openapi"
specs = ["toys.json"]
[[render]]
name = "api-text"
[[filter]]
name = "length"
min_chars = 190
[export.main]
mix = "1:0:0"
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs a command in ``tmp_path``; returns standard output, or standard error where the status is not 0."""

    def call(*words: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(tmp_path), *words])
        assert (ended.value.code or 0) == status
        captured = capsys.readouterr()
        return captured.out if status == 0 else captured.err

    return call


@pytest.fixture
def built(run: Run, tmp_path: Path) -> dict[str, str]:
    """A built workspace; ids of a document that is exported and of one that is dropped."""
    import pyarrow.parquet as pq

    (tmp_path / "toys.json").write_text(json.dumps(SPEC))
    (tmp_path / "forge.toml").write_text(RECIPE)
    run("build", "--quiet")
    paths = [*(tmp_path / ".forge" / "verdicts" / "length").glob("api-text-*.parquet")]
    rows = [row for path in paths if "scores" not in path.name for row in pq.read_table(path).to_pylist()]
    return {
        "kept": next(row["id"] for row in rows if row["keep"]),
        "dropped": next(row["id"] for row in rows if not row["keep"]),
    }


def test_a_person_reads_the_whole_story(run: Run, built: dict[str, str]) -> None:
    text = run("explain", built["kept"][:10])
    assert f"document {built['kept']}" in text
    assert "licence   MIT" in text
    assert "API" in text
    assert "GET /toys/" in text
    assert "from openapi: " in text
    assert "export main: shard-00000, row " in text
    verdict = next(line for line in text.splitlines() if line.startswith("length"))
    assert verdict.split()[1] == "keeps"
    assert "min_chars = 190" in verdict


def test_a_person_reads_why_a_document_is_dropped(run: Run, built: dict[str, str]) -> None:
    text = run("explain", built["dropped"])
    verdict = next(line for line in text.splitlines() if line.startswith("length"))
    assert verdict.split()[1] == "drops"
    assert verdict.endswith("too short")
    assert "export main: no: dropped by length" in text


def test_a_program_reads_the_same_with_the_provenance_of_the_api(run: Run, built: dict[str, str]) -> None:
    facts = json.loads(run("explain", built["kept"], "--json"))
    assert facts["id"] == built["kept"]
    assert facts["api"] == facts["api_record"]["id"]
    assert [given["source"] for given in facts["api_record"]["provenance"]] == ["openapi"]
    assert facts["exports"][0]["shard"] == "shard-00000"
    assert facts["filters"][0]["thresholds"]["min_chars"] == 190


def test_a_catalogue_that_is_not_there_takes_nothing_from_the_rest(
    run: Run, built: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / ".forge" / "catalog.duckdb").unlink()
    assert json.loads(run("explain", built["kept"], "--json"))["api_record"] is None
    assert "export main: shard-00000" in run("explain", built["kept"])


def test_an_unknown_document_is_one_line(run: Run, built: dict[str, str]) -> None:
    said = run("explain", "nothing-of-the-kind", status=1)
    assert said.startswith("forge: error: no document has the id or address 'nothing-of-the-kind'")
    assert said.count("\n") == 1


def test_canaries_cannot_be_switched_off(run: Run, built: dict[str, str]) -> None:
    assert "--no-canaries" in run("build", "--no-canaries", status=2)
