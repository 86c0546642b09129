"""What a plan trains on: the manifests of its stages, read and checked against each other.

Costs the manifests and the shards' indexes; neither torch nor DeepSpeed is imported.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forge.errors import CorpusError, RecipeError
from forge.files import sha256
from forge.manifest import FILE_NAME, Manifest, TokenizerEntry, read_manifest
from forge_trainer.data import Packer, open_shards
from forge_trainer.plan import Plan, StagePlan


@dataclass(frozen=True, kw_only=True)
class StageCorpus:
    """One stage's material: its plan, the manifest, where that lies, and its sha256."""

    stage: StagePlan
    manifest: Manifest
    path: Path
    sha256: str

    @property
    def masked(self) -> bool:
        """The loss is taken on the assistant's tokens only."""
        return self.stage.loss_mask == "assistant"

    @property
    def tokenizer_path(self) -> Path:
        """The vocabulary that the shards were made with."""
        return self.path.parent / self.manifest.tokenizer.file.path

    def packer(self, seed: int) -> Packer:
        """Open the shards; see `Packer` for the errors."""
        shards = open_shards(self.path.parent, self.manifest, masked=self.masked)
        return Packer(shards, sequence_length=self.stage.sequence_length, seed=seed, masked=self.masked)


def read_corpora(plan: Plan, folder: Path) -> list[StageCorpus]:
    """Read the manifest of every stage; paths are relative to ``folder``.

    Raises:
        CorpusError: a manifest or its tokenizer is missing or damaged, or two stages have different vocabularies.
    """
    corpora = []
    for stage in plan.stages:
        path = folder / stage.manifest
        path = path / FILE_NAME if path.is_dir() else path
        manifest = read_manifest(path)
        corpus = StageCorpus(stage=stage, manifest=manifest, path=path, sha256=sha256(path))
        _check_tokenizer(corpus)
        corpora.append(corpus)
    tokenizer_of(corpora)
    return corpora


def _check_tokenizer(corpus: StageCorpus) -> None:
    """Training does without the file and the export at its end does not: better said before than after."""
    path, expected = corpus.tokenizer_path, corpus.manifest.tokenizer.file.sha256
    if not path.is_file():
        raise CorpusError(f"{path}: missing; run `forge export` again")
    found = sha256(path)
    if found != expected:
        raise CorpusError(f"{path}: expected sha256 {expected}, found {found}; run `forge export` again")


def tokenizer_of(corpora: Sequence[StageCorpus]) -> TokenizerEntry:
    """The vocabulary that all stages share. Raises `CorpusError` if they do not."""
    first = corpora[0]
    for other in corpora[1:]:
        if other.manifest.tokenizer.fingerprint != first.manifest.tokenizer.fingerprint:
            raise CorpusError(
                f"{other.path}: its tokenizer is not that of {first.path}; "
                "export all stages with one tokenizer, then run again"
            )
    return first.manifest.tokenizer


def micro_batch(stage: StagePlan, *, world_size: int) -> int:
    """Rows a forward pass in one process.

    Raises:
        RecipeError: the batch cannot be divided evenly.
    """
    rows = stage.micro_batch or max(1, stage.batch // world_size)
    if stage.batch % (rows * world_size):
        raise RecipeError(
            f"a batch of {stage.batch} does not divide into passes of {rows} rows over {world_size} processes; "
            f"choose a batch that is a multiple of {rows * world_size}",
            key=f"stage {stage.name}.batch",
        )
    return rows
