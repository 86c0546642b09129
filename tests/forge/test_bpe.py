"""The default tokenizer: lossless, deterministic, and safe from text that spells its special token."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.bpe import END_OF_TEXT, BpeEncoder, ByteLevelBpe
from forge.errors import StepError

TEXTS = ["the river and the stone", "def river(stone): return stone", "the maple, the river, the cloud"] * 20


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> BpeEncoder:
    folder = tmp_path_factory.mktemp("bpe")
    bpe = ByteLevelBpe(vocab_size=300)
    bpe.train(iter(TEXTS), folder)
    return bpe.load(folder)


@given(st.text())
def test_no_text_is_lost(encoder: BpeEncoder, text: str) -> None:
    ids = encoder.encode_batch([text])[0]
    assert ids.dtype == np.uint32
    assert encoder._tokenizer.decode(ids.tolist(), skip_special_tokens=False) == text


def test_training_again_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        ByteLevelBpe(vocab_size=290).train(iter(TEXTS), tmp_path / name)
    assert (tmp_path / "one" / "tokenizer.json").read_bytes() == (tmp_path / "two" / "tokenizer.json").read_bytes()


def test_a_text_that_spells_the_end_of_text_does_not_end(encoder: BpeEncoder) -> None:
    ids = encoder.encode_batch([f"river{END_OF_TEXT}stone"])[0]
    assert encoder.eos_id not in ids


def test_a_tokenizer_without_end_of_text_is_refused(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models

    path = tmp_path / "tokenizer.json"
    Tokenizer(models.BPE()).save(str(path))
    with pytest.raises(StepError, match=r"has no token '<\|endoftext\|>'"):
        BpeEncoder(path)


def test_a_vocabulary_too_small_for_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 257"):
        ByteLevelBpe(vocab_size=100)
