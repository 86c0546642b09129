"""Tiny exports with a real tokenizer, made as the engine makes them."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from forge.files import sha256
from forge.manifest import Count, Manifest, ShardEntry, TokenizerEntry, file_entry, write_manifest
from forge.shards import token_dtype, write_shard

EOS = "<|endoftext|>"
WORDS = "list get put delete user pet order page limit token the a of by id name returns creates".split()  # noqa: SIM905


def train_tokenizer(path: Path) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=320, special_tokens=[EOS], initial_alphabet=sorted(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator([" ".join(WORDS)] * 20, trainer)
    tokenizer.save(str(path))
    return tokenizer


def sentences(seed: int, count: int) -> list[str]:
    generator = np.random.Generator(np.random.Philox(seed))
    return [
        " ".join(WORDS[at] for at in (int(generator.integers(len(WORDS))) + np.arange(generator.integers(4, 30))) % 18)
        for _ in range(count)
    ]


def make_export(folder: Path, *, seed: int = 0, documents: int = 120, masked: bool = False) -> Path:
    """Two shards; a masked document's second half is the assistant's."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = train_tokenizer(folder / "tokenizer.json")
    eos = tokenizer.token_to_id(EOS)
    texts = sentences(seed, documents)
    shards, total = [], 0
    for number, part in enumerate((texts[::2], texts[1::2])):
        encoded = [np.array([*tokenizer.encode(text).ids, eos]) for text in part]
        masks = [np.arange(len(ids)) >= len(ids) // 2 for ids in encoded]
        pairs = [(ids, mask.astype(np.uint8) if masked else None) for ids, mask in zip(encoded, masks, strict=True)]
        name = f"shard-{number:05d}"
        files = write_shard(folder / name, pairs, dtype=token_dtype(320), masked=masked)
        tokens = sum(map(len, encoded))
        total += tokens
        entries = [file_entry(path, folder) for path in files]
        shards.append(ShardEntry(name=name, tokens=tokens, documents=len(part), masked=masked, files=entries))
    count = Count(name="agent", tokens=total, documents=documents, share=1.0)
    file = file_entry(folder / "tokenizer.json", folder)
    manifest = Manifest(
        name=folder.name,
        recipe_hash=hashlib.blake2b(b"tiny", digest_size=16).hexdigest(),
        seed=seed,
        mix={"agent": 1.0},
        tokens=total,
        documents=documents,
        tokenizer=TokenizerEntry(
            name="tiny",
            file=file,
            fingerprint=sha256(folder / "tokenizer.json"),
            vocab_size=tokenizer.get_vocab_size(),
            eos_id=eos,
            dtype="uint16",
        ),
        domains=[count],
        sources=[count],
        licences=[count],
        drops=[],
        plugins=[],
        shards=shards,
    )
    return write_manifest(folder, manifest)


PLAN = """
seed = 3
output = "training"
threads = 1
checkpoint_every = {every}

[model]
hidden_size = 16
intermediate_size = 32
layers = 2
heads = 2

[[stage]]
name = "general"
manifest = "exports/pretrain/manifest.json"
steps = 24
sequence_length = 32
batch = 8
micro_batch = 2
learning_rate = 1e-2

[[stage]]
name = "seed"
manifest = "exports/seed/manifest.json"
tokens = 4096
sequence_length = 32
batch = 8
learning_rate = 5e-3
schedule = "wsd"

[[stage]]
name = "instruct"
manifest = "exports/dialogue/manifest.json"
steps = 16
sequence_length = 32
batch = 8
micro_batch = 4
learning_rate = 5e-3
schedule = "constant"
loss_mask = "assistant"
"""


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three exports: pretrain, seed, dialogue (masked)."""
    root = tmp_path_factory.mktemp("corpora")
    make_export(root / "pretrain")
    make_export(root / "seed", seed=1, documents=60)
    make_export(root / "dialogue", seed=2, documents=80, masked=True)
    return root


@pytest.fixture(scope="session")
def make_workspace(corpora: Path) -> Callable[..., Path]:
    """Makes a folder with the exports and a plan of three stages; gives the plan's path."""

    def make(folder: Path, *, every: int = 5) -> Path:
        folder.mkdir()
        (folder / "exports").symlink_to(corpora)
        (folder / "plan.toml").write_text(PLAN.format(every=every))
        return folder / "plan.toml"

    return make


@pytest.fixture
def workspace(make_workspace: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """`make_workspace` in this test's own folder."""
    return lambda **options: make_workspace(tmp_path / "work", **options)


@pytest.fixture
def exporter() -> Callable[..., Path]:
    return make_export
