"""The main job as `make demo` runs it: real APIs in, a trained model out. Some four minutes and 90 MB of downloads."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*words: str) -> str:
    return subprocess.run([sys.executable, "-m", *words], check=True, stdout=subprocess.PIPE, text=True).stdout


@pytest.mark.slow
def test_the_quickstart_gives_shards_a_model_and_a_report(tmp_path: Path, material_cache: Path) -> None:
    for name in ("forge.toml", "plan.toml"):
        shutil.copyfile(ROOT / "examples" / "quickstart" / name, tmp_path / name)
    (tmp_path / ".forge").mkdir()
    (tmp_path / ".forge" / "http").symlink_to(material_cache)
    workspace = str(tmp_path)
    exports = json.loads(run("forge", "-C", workspace, "build", "--quiet", "--json"))
    shares = {item["name"]: item["shares"] for item in exports}
    assert all(abs(share - 1 / 3) <= 0.005 for share in shares["pretrain"].values())
    assert json.loads(run("forge", "-C", workspace, "status", "--json"))["catalog"]["distinct_documented"] >= 76_537

    again = json.loads(run("forge", "-C", workspace, "export", "--mix", "1:1:1", "--quiet", "--json"))
    shutil.rmtree(tmp_path / "exports" / "pretrain")
    anew = json.loads(run("forge", "-C", workspace, "export", "--mix", "1:1:1", "--quiet", "--json"))
    assert again[0]["sha256"] == anew[0]["sha256"] == exports[0]["sha256"]
    assert anew[0]["written"]

    run("forge_trainer", "run", str(tmp_path / "plan.toml"))
    summary = json.loads((tmp_path / "training" / "summary.json").read_text())
    assert [stage["name"] for stage in summary["stages"]] == ["general", "seed", "instruct"]
    assert all(stage["last_loss"] < stage["first_loss"] for stage in summary["stages"])
    text = run("forge_trainer", "generate", str(tmp_path / "training" / "model"), "Lists the", "--json")
    assert json.loads(text)["continuation"]
    page = Path(run("forge", "-C", workspace, "report", "pretrain").strip())
    assert "Training loss of stage instruct" in page.read_text()
