"""Shards: round trips, Megatron's layout byte by byte, and damage."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.errors import CorpusError
from forge.shards import open_shard, shard_files, token_dtype, write_shard

DOCUMENTS = st.lists(st.lists(st.integers(0, 2**16 - 1), max_size=9), max_size=9)
U2 = np.dtype("<u2")


def write(prefix: Path, documents: list[list[int]], *, masked: bool = False) -> None:
    pairs = [(np.array(ids, np.int64), np.array([at % 2 for at in ids]) if masked else None) for ids in documents]
    write_shard(prefix, pairs, dtype=U2, masked=masked)


@given(documents=DOCUMENTS, masked=st.booleans())
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, documents: list[list[int]], masked: bool
) -> None:
    prefix = tmp_path_factory.mktemp("shard") / "part.0"
    write(prefix, documents, masked=masked)
    shard = open_shard(prefix)
    assert [list(document) for document in shard] == documents
    for number, document in enumerate(documents):
        mask = shard.mask_of(number)
        if sum(map(len, documents)):
            assert (None if mask is None else list(mask)) == ([at % 2 for at in document] if masked else None)


def test_the_layout_is_megatrons_byte_by_byte(tmp_path: Path) -> None:
    write(tmp_path / "s", [[5, 6, 7], [], [65535]])
    assert (tmp_path / "s.bin").read_bytes() == struct.pack("<4H", 5, 6, 7, 65535)
    raw = (tmp_path / "s.idx").read_bytes()
    assert raw[:9] == b"MMIDIDX\x00\x00"
    assert struct.unpack("<Q", raw[9:17]) == (1,)
    assert raw[17] == 8  # uint16
    assert struct.unpack("<QQ", raw[18:34]) == (3, 4)
    assert struct.unpack("<3i", raw[34:46]) == (3, 0, 1)
    assert struct.unpack("<3q", raw[46:70]) == (0, 6, 6)
    assert struct.unpack("<4q", raw[70:]) == (0, 1, 2, 3)


def test_wide_vocabularies_take_four_bytes(tmp_path: Path) -> None:
    assert token_dtype(1 << 16) == U2
    dtype = token_dtype((1 << 16) + 1)
    write_shard(tmp_path / "s", [(np.array([70_000, 1]), None)], dtype=dtype)
    assert (tmp_path / "s.bin").read_bytes() == struct.pack("<2i", 70_000, 1)
    assert (tmp_path / "s.idx").read_bytes()[17] == 4  # int32
    assert list(open_shard(tmp_path / "s")[0]) == [70_000, 1]


def test_a_document_without_a_mask_counts_whole(tmp_path: Path) -> None:
    write_shard(tmp_path / "s", [(np.array([1, 2]), None), (np.array([3]), np.array([0]))], dtype=U2, masked=True)
    assert (tmp_path / "s.mask.bin").read_bytes() == b"\x01\x01\x00"


@pytest.mark.parametrize("suffix", [".bin", ".idx"])
@pytest.mark.parametrize("cut", [1, 20])
def test_a_cut_file_is_named(tmp_path: Path, suffix: str, cut: int) -> None:
    write(tmp_path / "s", [[1, 2, 3]] * 9)
    path = tmp_path / f"s{suffix}"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(CorpusError, match=rf"s\{suffix}: .*expected"):
        open_shard(tmp_path / "s")


@pytest.mark.parametrize("documents", [[[1, 2, 3]] * 9, []])
def test_a_mask_of_another_length_is_named(tmp_path: Path, documents: list[list[int]]) -> None:
    write(tmp_path / "s", documents, masked=True)
    (tmp_path / "s.mask.bin").write_bytes(b"\x01" * 5)
    total = sum(map(len, documents))
    with pytest.raises(CorpusError, match=rf"s\.mask\.bin: expected {total} bytes, one a token, found 5"):
        open_shard(tmp_path / "s")


@pytest.mark.parametrize("content", [b"", b"MMIDIDX\x00\x00", b"x" * 64])
def test_what_is_no_index_is_refused(tmp_path: Path, content: bytes) -> None:
    write(tmp_path / "s", [[1]])
    (tmp_path / "s.idx").write_bytes(content)
    with pytest.raises(CorpusError, match="not an index"):
        open_shard(tmp_path / "s")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write(tmp_path / "s", [[1]])
    (tmp_path / "s.bin").unlink()
    with pytest.raises(CorpusError, match=r"s\.bin: missing"):
        open_shard(tmp_path / "s")


def test_a_dotted_name_is_not_cut_short() -> None:
    names = [path.name for path in shard_files(Path("a.b"), masked=True)]
    assert names == ["a.b.bin", "a.b.idx", "a.b.mask.bin"]
