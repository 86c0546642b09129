"""The trained model as one number a word and pair of words.

fastText averages the vectors of a text's words and multiplies by the output layer: for two classes that is the average
of one number a feature, so the vectors are multiplied out once, after training. The numbers are kept as integers (20
binary places): sums are exact, and the same in any order, batch or process. State: 8 bytes a place in the table of
words and 4 a bucket, mapped from the files, so that workers share the pages.
"""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forge.files import atomic_path, write_bytes
from forge_filters.quality_words import FREE, features, hash_of, table_of_bytes
from forge_filters.shingles import Array, buffers

if TYPE_CHECKING:
    import pyarrow as pa

SCALE = 1 << 20
LEAST_KNOWN = 0.2
"""Share of a text's words that the model must know to have an opinion: of made-up words, or of a language that no
label is in, the pairs that fall into others' buckets are all it would go by."""
_MOST = (1 << 31) - 2
_FILES = ("hashes", "weights", "pairs")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Model:
    """A linear model over words and pairs.

    Attributes:
        hashes, weights: uint32 and int32, the table of known words; see `features`. pairs: int32, one a bucket.
    """

    hashes: Array
    weights: Array
    pairs: Array

    def logits(self, texts: "pa.StringArray") -> Array:
        """Log odds (float64) that each text is of quality, before calibration."""
        return self._read(texts)[0]

    def opinions(self, texts: "pa.StringArray") -> Array:
        """Log odds as `logits` gives them; minus infinity where fewer than `LEAST_KNOWN` of the words are known."""
        logits, is_known = self._read(texts)
        return np.where(is_known, logits, -np.inf)

    def _read(self, texts: "pa.StringArray") -> tuple[Array, Array]:
        """Log odds, and whether enough words are known; a text without words has none that is."""
        data, offsets = buffers(texts)
        found = features(data, offsets, table_of_bytes(), (self.hashes, self.weights, self.pairs))
        sums, summed, words, known = found
        logits = np.asarray(sums / (SCALE * np.maximum(summed, 1).astype(np.float64)))
        return logits, (known >= LEAST_KNOWN * words) & (words > 0)


def collapse(trained: Any, *, positive: str) -> Model:
    """What a fastText model of two labels comes down to.

    Args:
        trained: fastText's model object. positive: its label for quality.
    """
    rows = np.asarray(trained.get_input_matrix(), np.float64)
    outer = np.asarray(trained.get_output_matrix(), np.float64)
    labels = list(trained.get_labels())
    towards = outer[labels.index(positive)] - outer[1 - labels.index(positive)]
    weights = np.clip(np.rint(np.sum(rows * towards, axis=1) * SCALE), -_MOST, _MOST).astype(np.int32)
    known = [hash_of(word) for word in _known_words(trained)]
    hashes, values = _table(known, weights)
    return Model(hashes=hashes, weights=values, pairs=weights[len(known) :])


def save(model: Model, folder: Path) -> None:
    """Write the model's files into ``folder``."""
    for name in _FILES:
        save_array(getattr(model, name), folder / f"{name}.npy")


def save_array(array: Array, path: Path) -> None:
    """Write as ``.npy``, whole or not at all."""
    whole: Array = np.ascontiguousarray(array)
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(whole))
        stream.write(whole.data)


@lru_cache(maxsize=4)
def load(folder: Path) -> Model:
    """The model that `save` left. A state's folder is named by its content: a path never changes."""
    return Model(**{name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _FILES})


def write_json(path: Path, value: Any) -> None:
    """Facts as JSON, the same bytes for the same facts."""
    write_bytes(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode())


def _known_words(trained: Any) -> list[bytes]:
    """The words in the order of their ids; one cut within a character, at 64 bytes, has only its hash to lose."""
    return [word.encode("utf-8", "surrogateescape") for word in trained.get_words(on_unicode_error="surrogateescape")]


def _table(known: list[int], weights: Array) -> tuple[Array, Array]:
    """Hashes and weights in an open-addressed table at most half full."""
    size = 1 << max(4, (2 * len(known) - 1).bit_length())
    hashes, values = np.zeros(size, np.uint32), np.full(size, FREE, np.int32)
    for value, weight in zip(known, weights.tolist(), strict=False):
        slot = value & (size - 1)
        while values[slot] != FREE:
            slot = (slot + 1) & (size - 1)
        hashes[slot], values[slot] = value, weight
    return hashes, values
