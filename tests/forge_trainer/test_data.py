"""The order and packing of samples, against a slow oracle that lays out the whole epoch."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.errors import CorpusError
from forge.manifest import read_manifest
from forge.shards import Shard, open_shard, write_shard
from forge_trainer.data import IGNORED, Packer, open_shards, samples_of

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=12)


def shard_of(folder: Path, lengths: list[int], *, name: str = "s", masked: bool = False) -> Shard:
    """Token ``100 * document + place``; the mask marks the odd places."""
    pairs = [
        (np.arange(length) + 100 * number, (np.arange(length) % 2).astype(np.uint8))
        for number, length in enumerate(lengths)
    ]
    write_shard(folder / name, pairs, dtype=np.dtype("<u2"), masked=masked)
    return open_shard(folder / name)


def test_every_token_but_the_first_is_predicted_once_an_epoch(tmp_path: Path) -> None:
    shard = shard_of(tmp_path, [7, 5, 9, 4, 8])
    packer = Packer([shard], sequence_length=4, seed=1, masked=False)
    generator = np.random.Generator(np.random.Philox(key=np.array([1, 0], np.uint64)))
    order, places = generator.permutation(5), generator.permutation(packer.rows_per_epoch)
    rows = packer.rows(np.argsort(places).tolist())
    stream = [rows.tokens[0, 0], *np.where(rows.labels == IGNORED, -1, rows.labels).ravel()]
    expected = np.concatenate([shard[document] for document in order]).astype(int)
    starts = set(np.cumsum([0, *shard.lengths[order]])[:-1]) - {0}
    assert stream == [-1 if at in starts else token for at, token in enumerate(expected)]
    assert packer.rows_per_epoch == (33 - 1) // 4


@given(first=LENGTHS, second=LENGTHS, length=st.integers(1, 9), seed=st.integers(0, 2**32), sample=st.integers(0, 99))
def test_positions_and_labels_follow_the_documents(
    tmp_path_factory: pytest.TempPathFactory, first: list[int], second: list[int], length: int, seed: int, sample: int
) -> None:
    folder = tmp_path_factory.mktemp("shards")
    shards = [shard_of(folder, first, name="a", masked=True), shard_of(folder, second, name="b", masked=True)]
    if sum(first) + sum(second) <= length:
        return
    packer = Packer(shards, sequence_length=length, seed=seed, masked=True)
    rows = packer.rows([sample])
    tokens, positions, labels = rows.tokens[0], rows.positions[0], rows.labels[0]
    for at in range(length):
        continues = at > 0 and tokens[at] % 100 != 0
        assert positions[at] == (positions[at - 1] + 1 if continues else 0)
        if labels[at] != IGNORED:
            assert labels[at] == tokens[at] + 1
            assert labels[at] % 2 == 1
        elif at + 1 < length:
            assert tokens[at + 1] % 100 == 0 or tokens[at + 1] % 2 == 0


def test_epochs_are_permuted_differently_and_reproducibly(tmp_path: Path) -> None:
    shard = shard_of(tmp_path, [5] * 40)
    packer = Packer([shard], sequence_length=5, seed=1, masked=False)
    epoch = packer.rows_per_epoch
    first, second = packer.rows(range(epoch)), packer.rows(range(epoch, 2 * epoch))
    assert not np.array_equal(first.tokens, second.tokens)
    again = Packer([shard], sequence_length=5, seed=1, masked=False)
    assert np.array_equal(again.rows(range(epoch, 2 * epoch)).tokens, second.tokens)
    assert np.array_equal(packer.rows([3]).tokens[0], first.tokens[3])
    other = Packer([shard], sequence_length=5, seed=2, masked=False)
    assert not np.array_equal(other.rows(range(epoch)).tokens, first.tokens)


@pytest.mark.parametrize(("world_size", "micro_batch"), [(1, 8), (1, 2), (2, 4), (2, 1), (4, 2)])
def test_the_samples_of_a_step_are_the_same_at_every_world_size(world_size: int, micro_batch: int) -> None:
    parts = [
        samples_of(step=3, batch=8, micro_batch=micro_batch, rank=rank, world_size=world_size)
        for rank in range(world_size)
    ]
    assert all(len(rows) == micro_batch for passes in parts for rows in passes)
    assert sorted(sample for passes in parts for rows in passes for sample in rows) == list(range(24, 32))


def test_too_small_an_export_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="do not fill one row of 32"):
        Packer([shard_of(tmp_path, [5])], sequence_length=32, seed=0, masked=False)


def test_an_assistant_mask_must_exist(tmp_path: Path, exporter: Callable[..., Path]) -> None:
    manifest = exporter(tmp_path / "plain", documents=4)
    with pytest.raises(CorpusError, match="needs a shard with a loss mask"):
        open_shards(manifest.parent, read_manifest(manifest), masked=True)


def test_a_shard_other_than_the_manifest_says_is_refused(tmp_path: Path, exporter: Callable[..., Path]) -> None:
    manifest = exporter(tmp_path / "plain", documents=4)
    write_shard(manifest.parent / "shard-00001", [(np.arange(3), None)], dtype=np.dtype("<u2"))
    with pytest.raises(CorpusError, match="by the manifest, found 1 of 3"):
        open_shards(manifest.parent, read_manifest(manifest), masked=False)
