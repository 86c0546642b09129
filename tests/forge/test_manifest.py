"""The manifest: round trips, and what is wrong with one is named."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.errors import CorpusError
from forge.files import sha256
from forge.manifest import (
    Count,
    Drop,
    Manifest,
    PluginEntry,
    ShardEntry,
    TokenizerEntry,
    file_entry,
    read_manifest,
    verify_files,
    write_manifest,
)

NAMES = st.text(max_size=12)
COUNTS = st.builds(
    Count, name=NAMES, tokens=st.integers(0, 2**60), documents=st.integers(0, 2**40), share=st.floats(0, 1)
)


def make(folder: Path, *, counts: list[Count], drops: list[Drop] | None = None) -> Manifest:
    for name in ("tokenizer.json", "s.bin", "card.md"):
        (folder / name).write_text(name)
    tokenizer = TokenizerEntry(
        name="bpe",
        file=file_entry(folder / "tokenizer.json", folder),
        fingerprint=sha256(folder / "tokenizer.json"),
        vocab_size=300,
        eos_id=0,
        dtype="uint16",
    )
    shard = ShardEntry(name="s", tokens=5, documents=2, masked=False, files=[file_entry(folder / "s.bin", folder)])
    return Manifest(
        name="pretrain",
        recipe_hash="0" * 32,
        seed=1,
        mix={"agent": 1.0, "code": 0.5},
        tokens=5,
        documents=2,
        tokenizer=tokenizer,
        domains=counts,
        sources=counts,
        licences=counts,
        drops=drops or [],
        plugins=[PluginEntry(name="p", distribution="d", version="1")],
        shards=[shard],
        extra_files=[file_entry(folder / "card.md", folder)],
    )


@given(
    counts=st.lists(COUNTS, max_size=3),
    drops=st.lists(st.builds(Drop, filter=NAMES, reason=NAMES, documents=st.integers(0, 9)), max_size=3),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, counts: list[Count], drops: list[Drop]
) -> None:
    folder = tmp_path_factory.mktemp("export")
    manifest = make(folder, counts=counts, drops=drops)
    path = write_manifest(folder, manifest)
    assert read_manifest(path) == read_manifest(folder)
    assert write_manifest(folder, read_manifest(path)).read_bytes() == path.read_bytes()
    read = read_manifest(path)
    assert (list(read.domains), list(read.drops), read.mix) == (counts, drops, manifest.mix)


def test_a_missing_manifest_means_an_incomplete_export(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"manifest\.json: missing.*forge export"):
        read_manifest(tmp_path)


def test_a_cut_manifest_is_named(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, make(tmp_path, counts=[]))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorpusError, match="not a manifest"):
        read_manifest(path)


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = write_manifest(tmp_path, make(tmp_path, counts=[]))
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 9'))
    with pytest.raises(CorpusError, match="format 9, this release reads 1"):
        read_manifest(path)


def test_whole_files_verify(tmp_path: Path) -> None:
    verify_files(tmp_path, make(tmp_path, counts=[]))


@pytest.mark.parametrize("name", ["tokenizer.json", "s.bin", "card.md"])
@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "missing"), ("", "expected .* bytes, found 0"), ("same", "expected sha256")],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    manifest = make(tmp_path, counts=[])
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text("x" * len(name) if content == "same" else content)
    with pytest.raises(CorpusError, match=f"{name}: {message}"):
        verify_files(tmp_path, manifest)
