"""Vocabulary: train the tokenizer on a sample of the kept corpus, once for the same corpus.

A document is in the sample when the hash of its id and the recipe's seed falls below a bar; the bar of each domain is
set so that domains give about equal bytes. The sample therefore does not depend on the order or partitioning of the
corpus. Cost: one pass over the kept text, then the training.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from forge.engine.judging import Judge
from forge.engine.keys import code_version, key_of, step_key
from forge.engine.mix import position_of
from forge.engine.parts import Part
from forge.engine.refine import kept_batches
from forge.engine.session import Session, Step
from forge.errors import CorpusError, RecipeError, step_context
from forge.files import sha256, write_text
from forge.steps import Encoder

FILE_NAME = "tokenizer.json"


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """A tokenizer that is ready. ``fingerprint`` is the sha256 of its ``tokenizer.json`` in ``folder``."""

    step: Step
    folder: Path
    fingerprint: str

    @property
    def file(self) -> Path:
        """The tokenizer's file."""
        return self.folder / FILE_NAME

    def load(self) -> Encoder:
        """The encoder."""
        with step_context(self.step.table.name, step="tokenize", record=str(self.file)):
            encoder: Encoder = self.step.instance.load(self.folder)
        return encoder


def vocabulary(session: Session, step: Step, *, parts: Sequence[Part], judges: Sequence[Judge]) -> Vocabulary:
    """The recipe's tokenizer, trained now or before.

    Raises:
        CorpusError: the filters left nothing to train on.
    """
    given = getattr(step.instance, "path", None)
    trainer = step.instance
    if given is not None:
        source = session.workspace.root / given
        if not source.is_file():
            raise RecipeError("no such file", file=session.recipe.path, key=f"tokenizer.path = {given}")
        trainer = dataclasses.replace(trainer, path=str(source))
        key = key_of(code_version(type(trainer).__module__), sha256(source))
    else:
        corpus = ([part.key for part in parts], [judge.key for judge in judges])
        key = key_of(step_key(step.instance), corpus, session.recipe.seed, code_version(__name__))
    folder = session.workspace.state("tokenizer") / key
    file = folder / FILE_NAME
    if not _stands(file):
        with session.timed("computed", step="tokenizer"), step_context(step.table.name, step="tokenize"):
            trainer.train(_sample(session, trainer.sample_bytes, parts=parts, judges=judges), folder)
        write_text(_seal(file), sha256(file))
    return Vocabulary(step=step, folder=folder, fingerprint=sha256(file))


def _seal(file: Path) -> Path:
    """Where the sha256 of a finished tokenizer lies: written last, and compared before it is used again."""
    return file.with_suffix(".sha256")


def _stands(file: Path) -> bool:
    return file.is_file() and _seal(file).is_file() and _seal(file).read_text(encoding="utf-8") == sha256(file)


def _sample(session: Session, size: int, *, parts: Sequence[Part], judges: Sequence[Judge]) -> Iterator[str]:
    totals: Counter[str] = Counter()
    for part in parts:
        totals.update(part.text_bytes)
    if not totals:
        raise CorpusError("the corpus holds no document; see `forge status` for what the sources gave")
    bars = {domain: min(1.0, size / len(totals) / total) if total else 1.0 for domain, total in totals.items()}
    with session.reporter.track("sample for the tokenizer", sum(totals.values()), "bytes") as bar:
        for part in parts:
            for batch in kept_batches(part, judges=judges, columns=["id", "domain", "text"]):
                for row in batch.to_pylist():
                    if position_of(row["id"], session.recipe.seed) < bars.get(row["domain"], 1.0):
                        yield row["text"]
            bar.advance(part.bytes)
    session.reporter.log("tokenizer: counting and merging pairs")
