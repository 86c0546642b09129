"""``manifest.json``: what an export is made of, written last, so that its existence means that the export is complete.

The manifest holds no time and no path of the machine it was made on: the same recipe, seed and material give the same
bytes. The trainer knows a corpus by this file and the shards it names.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from forge.errors import CorpusError
from forge.files import sha256, write_bytes

FILE_NAME = "manifest.json"
FORMAT_VERSION = 1
LARGEST_PROVIDERS = 20


@dataclass(frozen=True, kw_only=True)
class FileEntry:
    """A file of the export. ``path`` is relative to the manifest; ``bytes`` its size; ``sha256`` 64 hex digits."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ShardEntry:
    """One shard: ``name`` is its prefix relative to the manifest; ``masked`` says that a loss mask lies beside it."""

    name: str
    tokens: int
    documents: int
    masked: bool
    files: Sequence[FileEntry]


@dataclass(frozen=True, kw_only=True)
class TokenizerEntry:
    """The vocabulary. ``fingerprint`` is the sha256 of ``tokenizer.json``; ``dtype`` that of the shards."""

    name: str
    file: FileEntry
    fingerprint: str
    vocab_size: int
    eos_id: int
    dtype: str


@dataclass(frozen=True, kw_only=True)
class Count:
    """Tokens and documents under one name. ``share`` is of the export's tokens, 0 to 1."""

    name: str
    tokens: int
    documents: int
    share: float


@dataclass(frozen=True, kw_only=True)
class Drop:
    """Documents that a filter dropped for one reason, of all that it saw."""

    filter: str
    reason: str
    documents: int


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the export was held to.

    Attributes:
        allow_licences: SPDX identifiers that its documents may carry; None: any.
        max_share_per_provider: share of a domain's tokens that one provider may have; None: any.
        withheld: tokens and documents left out for their licence, by licence; shares are of all that could be drawn on.
    """

    allow_licences: Sequence[str] | None = None
    max_share_per_provider: float | None = None
    withheld: Sequence[Count] = ()


@dataclass(frozen=True, kw_only=True)
class PluginEntry:
    """A plugin that took part: entry-point name, distribution and its version."""

    name: str
    distribution: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """An export.

    Attributes:
        name: the export's name in the recipe.
        recipe_hash: blake2b-128 of what in the recipe bears on this export.
        seed: the recipe's seed.
        mix: parts by domain, as asked for.
        domains, sources, licences: counts of what is in the shards.
        providers: of the documents that have one, the `LARGEST_PROVIDERS` largest.
        effective_providers: exp of the Shannon entropy of the providers' tokens: so many of equal size would be as
            diverse; 0 without any.
        limits: what the export was held to.
        drops: what filters took out before the mix, over the documents this export could draw on.
        shards: in order.
    """

    name: str
    recipe_hash: str
    seed: int
    mix: dict[str, float]
    tokens: int
    documents: int
    tokenizer: TokenizerEntry
    domains: Sequence[Count]
    sources: Sequence[Count]
    licences: Sequence[Count]
    drops: Sequence[Drop]
    plugins: Sequence[PluginEntry]
    shards: Sequence[ShardEntry]
    extra_files: Sequence[FileEntry] = field(default_factory=tuple)
    providers: Sequence[Count] = ()
    effective_providers: float = 0.0
    limits: Limits = field(default_factory=Limits)
    format_version: int = FORMAT_VERSION


def file_entry(path: Path, root: Path) -> FileEntry:
    """Describe ``path`` as it lies on the disk; costs one read of the file."""
    return FileEntry(path=path.relative_to(root).as_posix(), bytes=path.stat().st_size, sha256=sha256(path))


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Write ``manifest.json`` into ``folder``, whole or not at all."""
    path = folder / FILE_NAME
    encoded = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    write_bytes(path, encoded + b"\n")
    return path


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; ``path`` is the file or its folder.

    Raises:
        CorpusError: it is missing, damaged, or of another format version.
    """
    path = path / FILE_NAME if path.is_dir() else path
    if not path.is_file():
        raise CorpusError(f"{path}: missing, so the export is not complete; run `forge export`")
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except msgspec.MsgspecError as error:
        raise CorpusError(f"{path}: not a manifest: {error}") from error
    if manifest.format_version != FORMAT_VERSION:
        raise CorpusError(f"{path}: format {manifest.format_version}, this release reads {FORMAT_VERSION}")
    return manifest


def files_of(manifest: Manifest) -> list[FileEntry]:
    """Every file that the manifest names."""
    return [
        manifest.tokenizer.file,
        *manifest.extra_files,
        *(file for shard in manifest.shards for file in shard.files),
    ]


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Check size and sha256 of every file that the manifest names; costs one read of the export.

    Raises:
        CorpusError: naming the first file that is missing or differs.
    """
    for entry in files_of(manifest):
        path = folder / entry.path
        if not path.is_file():
            raise CorpusError(f"{path}: missing; run `forge export` again")
        size = path.stat().st_size
        if size != entry.bytes:
            raise CorpusError(f"{path}: expected {entry.bytes} bytes, found {size}; run `forge export` again")
        found = sha256(path)
        if found != entry.sha256:
            raise CorpusError(f"{path}: expected sha256 {entry.sha256}, found {found}; run `forge export` again")
