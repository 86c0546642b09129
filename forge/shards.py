"""Token shards in the layout of Megatron-LM's indexed datasets: ``NAME.bin`` and ``NAME.idx``.

``.bin`` is the token ids of all documents end to end, uint16 where the vocabulary allows and int32 otherwise.
``.idx`` is, little-endian: the magic ``MMIDIDX`` and two NULs, version 1 (uint64), a dtype code (uint8), the number of
sequences (uint64), the number of document boundaries (uint64), each sequence's length (int32), its byte offset in
``.bin`` (int64), and the sequence index at which each document begins (int64, one more than there are documents). Here
a document is one sequence and ends with the end-of-text token. Where a loss mask exists, ``NAME.mask.bin`` holds one
uint8 a token: 1 where the loss is taken.

Reading maps the files into memory: opening costs the index, a document costs the pages it lies on.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from forge.errors import CorpusError
from forge.files import atomic_path

MAGIC = b"MMIDIDX\x00\x00"
VERSION = 1
HEADER = struct.Struct("<9sQBQQ")
DTYPES: dict[int, "np.dtype[Any]"] = {
    1: np.dtype("u1"),
    2: np.dtype("i1"),
    3: np.dtype("<i2"),
    4: np.dtype("<i4"),
    5: np.dtype("<i8"),
    6: np.dtype("<f8"),
    7: np.dtype("<f4"),
    8: np.dtype("<u2"),
}
CODES = {dtype: code for code, dtype in DTYPES.items()}

Tokens = np.ndarray[Any, Any]


def token_dtype(vocab_size: int) -> "np.dtype[Any]":
    """The narrowest dtype that Megatron readers know and that holds ids below ``vocab_size``."""
    return np.dtype("<u2") if vocab_size <= 1 << 16 else np.dtype("<i4")


def shard_files(prefix: Path, *, masked: bool) -> list[Path]:
    """The files of the shard at ``prefix``; ``with_suffix`` would cut a dotted name short."""
    suffixes = [".bin", ".idx", *([".mask.bin"] if masked else [])]
    return [prefix.with_name(prefix.name + suffix) for suffix in suffixes]


def write_shard(
    prefix: Path, documents: Iterable[tuple[Tokens, Tokens | None]], *, dtype: "np.dtype[Any]", masked: bool = False
) -> list[Path]:
    """Write one shard; the index is put in place last, so that a shard with an index is whole.

    Args:
        prefix: path without suffix.
        documents: pairs of token ids (1-D) and loss mask (1-D of 0 and 1, same length; None counts as all ones).
        dtype: see `token_dtype`.
        masked: write ``.mask.bin``.

    Returns:
        The files written.

    Raises:
        WorkspaceError: the disk is full; nothing of the shard is left.
    """
    files = shard_files(prefix, masked=masked)
    lengths: list[int] = []
    with atomic_path(files[0]) as tokens_path, tokens_path.open("wb") as tokens_file:
        if masked:
            with atomic_path(files[2]) as mask_path, mask_path.open("wb") as mask_file:
                for tokens, mask in documents:
                    lengths.append(len(tokens))
                    tokens_file.write(tokens.astype(dtype, copy=False).tobytes())
                    ones = np.ones(len(tokens), np.uint8)
                    mask_file.write((ones if mask is None else mask.astype(np.uint8, copy=False)).tobytes())
        else:
            for tokens, _ in documents:
                lengths.append(len(tokens))
                tokens_file.write(tokens.astype(dtype, copy=False).tobytes())
    with atomic_path(files[1]) as index_path:
        index_path.write_bytes(_index(lengths, dtype))
    return files


def _index(lengths: Sequence[int], dtype: "np.dtype[Any]") -> bytes:
    sizes = np.asarray(lengths, np.int32)
    offsets = np.zeros(len(sizes), np.int64)
    np.cumsum(sizes[:-1] * np.int64(dtype.itemsize), out=offsets[1:]) if len(sizes) else None
    starts = np.arange(len(sizes) + 1, dtype=np.int64)
    header = HEADER.pack(MAGIC, VERSION, CODES[dtype], len(sizes), len(starts))
    return header + sizes.tobytes() + offsets.tobytes() + starts.tobytes()


@dataclass(frozen=True, eq=False)
class Shard:
    """An open shard.

    Attributes:
        prefix: path without suffix.
        lengths: tokens of each document, int32 of shape (documents,).
        starts: position of each document's first token, int64 of shape (documents,).
        tokens: all token ids, shape (tokens,), mapped from the file.
        mask: loss mask of shape (tokens,), or None.
    """

    prefix: Path
    lengths: Tokens
    starts: Tokens
    tokens: Tokens
    mask: Tokens | None

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, document: int) -> Tokens:
        start = int(self.starts[document])
        return self.tokens[start : start + int(self.lengths[document])]

    def mask_of(self, document: int) -> Tokens | None:
        """Loss mask of one document, or None where the shard has none."""
        if self.mask is None:
            return None
        start = int(self.starts[document])
        return self.mask[start : start + int(self.lengths[document])]

    def __iter__(self) -> Iterator[Tokens]:
        return (self[document] for document in range(len(self)))


def open_shard(prefix: Path) -> Shard:
    """Open the shard at ``prefix``.

    Raises:
        CorpusError: a file is missing, is no index, or the index and the tokens or the mask disagree.
    """
    bin_path, idx_path, mask_path = shard_files(prefix, masked=True)
    for path in (bin_path, idx_path):
        if not path.is_file():
            raise CorpusError(f"{path}: missing; run `forge export` again")
    raw = idx_path.read_bytes()
    dtype, lengths, offsets = _parse_index(raw, idx_path)
    total = int(lengths.sum(dtype=np.int64))
    found = bin_path.stat().st_size
    if found != total * dtype.itemsize:
        raise CorpusError(f"{bin_path}: expected {total * dtype.itemsize} bytes by its index, found {found}")
    if mask_path.is_file() and (found := mask_path.stat().st_size) != total:
        raise CorpusError(f"{mask_path}: expected {total} bytes, one a token, found {found}; run `forge export` again")
    tokens = np.memmap(bin_path, dtype, "r", shape=(total,)) if total else np.zeros(0, dtype)
    mask = np.memmap(mask_path, np.uint8, "r", shape=(total,)) if total and mask_path.is_file() else None
    return Shard(prefix, lengths, offsets // dtype.itemsize, tokens, mask)


def _parse_index(raw: bytes, path: Path) -> "tuple[np.dtype[Any], Tokens, Tokens]":
    if len(raw) < HEADER.size:
        raise CorpusError(f"{path}: not an index: {len(raw)} bytes, expected at least {HEADER.size}")
    magic, version, code, count, boundaries = HEADER.unpack_from(raw)
    if magic != MAGIC or version != VERSION or code not in DTYPES:
        raise CorpusError(f"{path}: not an index of version {VERSION}: it begins with {raw[:9]!r}")
    expected = HEADER.size + count * 12 + boundaries * 8
    if len(raw) != expected:
        raise CorpusError(f"{path}: expected {expected} bytes for {count} documents, found {len(raw)}")
    lengths = np.frombuffer(raw, np.int32, count, HEADER.size)
    offsets = np.frombuffer(raw, np.int64, count, HEADER.size + count * 4)
    return DTYPES[code], lengths, offsets
