"""`SemanticMatch` with models other than the packaged one: COCO-DR by its name, a folder of the workspace, a dud.

COCO-DR's weights are not here; a small BERT with weights at random stands under its name where its weights would.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forge.errors import PluginError
from forge.records import Document, arrow_schema, stable_id
from forge.testing import check_filter, context
from forge_filters.embedding import COCODR
from forge_filters.semantic_match import SemanticMatch

SEEDS = ["List the widgets of an account: GET /widgets", "Delete a widget: DELETE /widgets/{id}", "Copy a file."]
TEXTS = [f"{verb} the {thing} of {owner}." for verb in ("Read", "Bake", "Send") for thing in ("file", "bread", "mail")
         for owner in ("an account", "a baker", "nobody")]  # fmt: skip
RETRIEVE = """
import json, sys
from pathlib import Path
import pyarrow as pa
from forge.steps import Context
from forge_filters.embedding import COCODR
from forge_filters.semantic_match import SemanticMatch

class Corpus:
    fingerprint = ""
    def batches(self, columns):
        yield pa.RecordBatch.from_pylist(json.loads(Path("rows.json").read_text())).select(columns)

step = SemanticMatch(seed_kinds=["api_doc"], model=COCODR, top_k=2, prefilter=0.0, precision=sys.argv[1])
here = Path.cwd()
step.prepare(Corpus(), Context(workspace=here, cache=here / "cache", scratch=here, seed=0, http=None))
"""


def row(text: str, kind: str) -> dict[str, str]:
    return {"id": stable_id(text), "text": text, "kind": kind, "domain": "text", "source": "lib", "url": f"of:{text}"}


ROWS = [*(row(text, "api_doc") for text in SEEDS), *(row(text, "web") for text in TEXTS)]
BATCH = pa.RecordBatch.from_pylist(
    [{**item, "license": "unknown", "meta": "{}"} for item in ROWS], arrow_schema(Document)
)


def in_the_cache(home: Path) -> Path:
    """The folder where the Hugging Face cache keeps a downloaded COCO-DR."""
    place = home / "hub" / f"models--{COCODR.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("0" * 40)
    snapshot = place / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    return snapshot


def by_hand(folder: Path, texts: list[str]) -> "np.ndarray":
    """The vectors of the CLS token, float32."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)(texts, padding=True, return_tensors="pt")
    with torch.inference_mode():
        return AutoModel.from_pretrained(folder).eval()(**tokens).last_hidden_state[:, 0].numpy()


@pytest.mark.parametrize(("precision", "apart"), [("float32", 0.004), ("bfloat16", 0.04)])
def test_cocodr_by_name_retrieves_by_the_dot_product_of_cls(bare_bert, tmp_path, precision, apart):
    folder = bare_bert(in_the_cache(tmp_path))
    (tmp_path / "rows.json").write_text(json.dumps(ROWS))
    env = {**os.environ, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
    subprocess.run([sys.executable, "-c", RETRIEVE, precision], check=True, cwd=tmp_path, env=env)
    found = {item["id"]: item for item in pq.read_table(tmp_path / "evidence.parquet").to_pylist()}
    rows = [found[stable_id(text)] for text in TEXTS]
    every = by_hand(folder, TEXTS) @ by_hand(folder, SEEDS).T
    bound = apart * np.abs(every).max()  # vectors are kept as float16, and rounded
    assert np.abs(every).max() > 5  # no cosine
    assert np.ptp(every) > 5 * bound
    assert np.abs([row["similarity"] for row in rows] - every.max(axis=1)).max() < bound
    named = [SEEDS.index(row["seed_url"].removeprefix("of:")) for row in rows]
    assert (every[np.arange(len(TEXTS)), named] > every.max(axis=1) - bound).all()
    floors = np.sort(every, axis=0)[-2]
    is_retrieved = np.array([row["retrieved"] for row in rows])
    assert (every[is_retrieved] > floors - bound).any(axis=1).all()
    assert not (every[~is_retrieved] > floors + bound).any()


def test_a_folder_is_found_from_the_workspace_and_its_files_are_inputs(bare_bert, tmp_path):
    folder = bare_bert(tmp_path / "models" / "cocodr-mine")
    step = SemanticMatch(seed_kinds=["api_doc"], model="models/cocodr-mine", top_k=3)
    assert folder / "model.safetensors" in step.inputs(tmp_path)
    assert not SemanticMatch(seed_kinds=["api_doc"]).inputs(tmp_path)
    check_filter(step, BATCH, context(tmp_path))


def test_a_model_that_tells_nothing_apart_fails_on_the_canaries(bare_bert, tmp_path):
    folder = bare_bert(tmp_path / "dud", is_dud=True)
    step = SemanticMatch(seed_kinds=["api_doc"], model=str(folder), pooling="cls", top_k=3)
    with pytest.raises(PluginError, match=r"a-half stayed"):
        check_filter(step, BATCH, context(tmp_path))
