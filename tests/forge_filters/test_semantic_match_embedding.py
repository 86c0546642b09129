import json
import shutil

import numpy as np
import pytest

from forge.errors import StepError
from forge_filters.embedding import DEFAULT, Encoder, Model, _place
from forge_filters.embedding_cache import VectorCache

TEXTS = [
    "List the widgets of an account. GET /widgets?limit=3",
    "A recipe for bread: flour, water and salt. " * 3,
    "x",
    "",
    "create a user " * 40,
    "Paging through results needs a cursor.",
]


@pytest.fixture(scope="module")
def encoder():
    """The packaged model; a missing package fails here, it does not skip."""
    return Encoder(Model(max_tokens=64))


def test_a_vector_depends_on_its_text_alone_to_the_last_bit(encoder):
    together = encoder.encode(TEXTS)
    assert np.array_equal(encoder.encode(TEXTS[::-1])[::-1], together)
    assert np.array_equal(np.concatenate([encoder.encode([text]) for text in TEXTS[:3]]), together[:3])
    crowd = [f"{text} {number}" for number, text in enumerate(TEXTS * 2)]
    assert np.array_equal(encoder.encode(crowd + TEXTS)[-len(TEXTS) :], together)


def test_vectors_are_those_of_sentence_transformers(encoder):
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(_place(DEFAULT)), device="cpu", local_files_only=True)
    reference.max_seq_length = 64
    expected = reference.encode(TEXTS, show_progress_bar=False)
    assert (expected * encoder.encode(TEXTS)).sum(axis=1) == pytest.approx(1, abs=1e-3)
    exact = Encoder(Model(max_tokens=64, precision="float32")).encode(TEXTS)
    assert np.abs(expected - exact).max() < 1e-5


def test_nothing_to_embed(encoder):
    assert encoder.encode([]).shape == (0, 384)


@pytest.fixture(scope="module")
def bare_folder(bare_bert, tmp_path_factory):
    return bare_bert(tmp_path_factory.mktemp("bare"))


def test_cls_and_dot_product_are_the_first_token_as_it_is(bare_folder):
    import torch
    from transformers import AutoModel, AutoTokenizer

    bare = Encoder(Model(name=str(bare_folder), pooling="cls", similarity="dot", precision="float32"))
    tokens = AutoTokenizer.from_pretrained(bare_folder)(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = AutoModel.from_pretrained(bare_folder).eval()(**tokens).last_hidden_state[:, 0].numpy()
    assert np.abs(bare.encode(TEXTS) - expected).max() < 1e-5
    assert np.linalg.norm(expected, axis=1).min() > 2


def test_cocodr_is_cls_and_dot_product_unless_told_otherwise():
    assert not Model(name="OpenMatch/cocodr-base-msmarco").is_cosine
    assert Model(name="OpenMatch/cocodr-base-msmarco", similarity="cosine").is_cosine
    assert not Model(name="models/cocodr-large-msmarco").is_cosine


def test_a_model_that_is_not_here_is_not_fetched():
    with pytest.raises(StepError, match="hf download OpenMatch/no-such-model"):
        Encoder(Model(name="OpenMatch/no-such-model"))


def test_a_folder_that_says_nothing_of_pooling_is_asked_about(bare_folder):
    with pytest.raises(StepError, match='set pooling = "cls" or "mean"'):
        Encoder(Model(name=str(bare_folder)))


def test_a_module_that_is_not_known_here_is_refused(bare_folder, tmp_path):
    shutil.copytree(bare_folder, tmp_path, dirs_exist_ok=True)
    modules = [{"type": "models.Transformer", "path": ""}, {"type": "models.Dense", "path": "2"}]
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(StepError, match="set pooling"):
        Encoder(Model(name=str(tmp_path)))


def test_the_fingerprint_follows_weights_and_options(bare_folder, tmp_path):
    def fingerprint(folder, **options):
        return Encoder(Model(name=str(folder), **options)).fingerprint

    first = fingerprint(bare_folder, pooling="cls")
    shutil.copytree(bare_folder, tmp_path, dirs_exist_ok=True)
    assert fingerprint(tmp_path, pooling="cls") == first
    assert fingerprint(bare_folder, pooling="mean") != first
    assert fingerprint(bare_folder, pooling="cls", max_tokens=32) != first
    weights = bytearray((tmp_path / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tmp_path / "model.safetensors").write_bytes(weights)
    assert fingerprint(tmp_path, pooling="cls") != first


class Counting:
    """Vectors by a formula; remembers what it was asked for."""

    def __init__(self):
        self.asked = []

    def __call__(self, texts):
        self.asked += texts
        return np.array([[len(text), sum(map(ord, text)), 0.1] for text in texts], np.float32)


def test_each_text_is_embedded_once_whatever_the_run(tmp_path):
    encode = Counting()
    expected = encode(["b", "a", "ccc"]).astype(np.float16).astype(np.float32)
    encode.asked.clear()
    cache = VectorCache(tmp_path, encode=encode, dimension=3)
    assert np.array_equal(cache.vectors(["b", "a", "b"]), expected[[0, 1, 0]])
    assert sorted(encode.asked) == ["a", "b"]
    again = VectorCache(tmp_path, encode=encode, dimension=3)
    assert np.array_equal(again.vectors(["a", "ccc", "b", "ccc"]), expected[[1, 2, 0, 2]])
    assert sorted(encode.asked) == ["a", "b", "ccc"]
    assert (cache.embedded, again.embedded) == (2, 1)


def test_a_chunk_cut_short_leaves_those_before_it(tmp_path):
    encode = Counting()
    cache = VectorCache(tmp_path, encode=encode, dimension=3)
    cache.vectors(["a"])

    def failing(texts):
        raise RuntimeError(str(len(texts)))

    with pytest.raises(RuntimeError, match="1"):
        VectorCache(tmp_path, encode=failing, dimension=3).vectors(["a", "b"])
    assert len(list(tmp_path.iterdir())) == 1
    assert VectorCache(tmp_path, encode=encode, dimension=3).vectors(["a"])[0, 0] == 1


def test_nothing_asked_nothing_written(tmp_path):
    assert VectorCache(tmp_path / "none", encode=Counting(), dimension=3).vectors([]).shape == (0, 3)
    assert not (tmp_path / "none").exists()
