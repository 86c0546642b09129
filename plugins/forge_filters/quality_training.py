"""Training the classifier with fastText, and what it must do better than.

One thread and a fixed seed: the same labels give the same bytes on one machine. Training on 10,000 documents of 4 kB
takes some ten seconds a core. The baselines know only what a label should not hang on: how long a text is, which
source it is from, the lines that many texts share.
"""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from forge_filters.quality_calibration import auc
from forge_filters.quality_model import Model, collapse
from forge_filters.quality_words import line
from forge_filters.shingles import Array

POSITIVE, NEGATIVE = "__label__yes", "__label__no"
SHARED = 3
"""Texts that have a line before it counts as boilerplate."""
AS_WELL = 0.02
"""A baseline whose area under the curve is less than this below the model's does as well as the model."""


def train(texts: Sequence[str], labels: Array, *, scratch: Path, seed: int, shape: tuple[int, int]) -> Model:
    """A model of these texts.

    Args:
        labels: bool. shape: dimensions of fastText's vectors, epochs.
    """
    import fasttext

    dimensions, epochs = shape
    with tempfile.TemporaryDirectory(dir=scratch, prefix=".", suffix=".tmp") as folder:
        path = Path(folder) / "train.txt"
        with path.open("wb") as stream:
            for text, label in zip(texts, labels.tolist(), strict=True):
                stream.write(f"{POSITIVE if label else NEGATIVE} ".encode() + line(text) + b"\n")
        trained = fasttext.train_supervised(
            input=str(path),
            dim=dimensions,
            epoch=epochs,
            lr=0.5,
            wordNgrams=2,
            minCount=2,
            bucket=1 << 17,
            thread=1,
            seed=seed % (1 << 31),
            verbose=0,
        )
    return collapse(trained, positive=POSITIVE)


def predict(model: Model, texts: Sequence[str]) -> Array:
    """Log odds of each text, before calibration."""
    import pyarrow as pa

    return model.logits(pa.array(texts, pa.large_string()))


def by_length(train: tuple[Sequence[str], Array], tested: Sequence[str]) -> Array:
    """Scores by length alone, in the direction that helps on the training side."""
    sizes, others = (np.array([len(text) for text in texts], np.float64) for texts in (train[0], tested))
    return others if auc(sizes, train[1]) >= 0.5 else -others


def by_source(train: tuple[Sequence[str], Array], tested: Sequence[str]) -> Array:
    """Scores by source alone: the share of good ones that the training side has of it, smoothed."""
    seen, good = Counter(train[0]), Counter(source for source, label in zip(*train, strict=True) if label)
    overall = float(np.mean(train[1])) if len(train[1]) else 0.5
    return np.array([(good[source] + overall) / (seen[source] + 1) for source in tested])


def boilerplate(texts: Sequence[str]) -> list[str]:
    """Of each text the lines that at least `SHARED` texts have."""
    lines = [[part for part in (raw.strip() for raw in text.splitlines()) if part] for text in texts]
    texts_with = Counter(part for parts in lines for part in set(parts))
    return ["\n".join(part for part in parts if texts_with[part] >= SHARED) for parts in lines]
