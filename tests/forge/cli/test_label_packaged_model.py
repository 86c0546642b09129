"""`forge label` against a real model on loopback: SmolLM2-135M as the packages serve it. Weak; proves the plumbing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_real_model_labels_by_schema(packaged_model: str, tmp_path: Path) -> None:
    rows = [{"text": f"GET /things/{number} returns the thing of that number, or 404."} for number in range(6)]
    (tmp_path / "rows.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "forge.toml").write_text(
        'seed = 1\n[tokenizer]\nname = "bpe"\n[[source]]\nname = "files"\npaths = ["rows.jsonl"]\n'
    )
    command = [sys.executable, "-m", "forge", "-C", str(tmp_path), "label", "--model", "smollm2", "--sample", "6"]
    command += ["--twice", "0.5", "--concurrency", "1", "--quiet", "--json", "--workers", "1"]
    environment = {**os.environ, "OPENAI_BASE_URL": packaged_model, "OPENAI_API_KEY": "none"}
    first, again = (
        json.loads(subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE).stdout)
        for _ in range(2)
    )
    assert first["documents"] == 6
    assert set(first["levels"]) <= {str(level) for level in range(6)}
    assert first["failures"] == {}
    assert first["tokens"] > 6 * 100
    assert (again["paid_calls"], again["labels"]) == (0, first["labels"])
