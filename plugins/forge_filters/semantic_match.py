"""Filter ``semantic-match``: of judged documents, those stay that resemble a seed.

The web retrieval of the paper: seeds (API documentation, say) are embedded, and of the web documents the nearest
``top_k`` to each seed stay, unless they are less similar than ``min_similarity``. A cheap guess (`prefilter`) spares
the model most of what is nowhere near; what it loses is measured in every run. The score is the similarity to the
nearest seed. It is minus infinity for what no seed has among its nearest, and infinity for seeds and for documents
that are not judged: both are settled whatever the threshold. `forge explain` says which seed a document is nearest to.

``prepare`` does all the work; see `semantic_match_prepare` for what it leaves. ``judge`` looks ids up. The model
decides the cost: on two cores some 20-200 documents a second. ``device = "cuda"`` runs it on an accelerator.

Sources: Zhuang et al., "Hephaestus", 2025, arXiv 2502.06589, section 3; Yu et al., "COCO-DR", EMNLP 2022.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from forge.canaries import PREFIX
from forge.steps import EVIDENCE_FILE, Canary, Context, Corpus, Section, Verdicts, option
from forge_filters.embedding import DEFAULT, Model, Pooling, Precision, Similarity
from forge_filters.semantic_match_canaries import SEED_ID, canaries

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NOT_NEAREST = "not among the nearest to a seed"
TOO_FAR = "too far from every seed"
PAGE_COLUMNS = ("id", "domain", "source", "kind", "url")


@dataclass(frozen=True, kw_only=True)
class SemanticMatch:
    """Keeps documents that are similar to their nearest seed, and the seeds."""

    name: ClassVar[str] = "semantic-match"
    columns: ClassVar[tuple[str, ...]] = PAGE_COLUMNS
    max_drop_rate: ClassVar[float] = 1.0

    seed_sources: list[str] = option([], help="labels of sources and renderers whose documents are seeds")
    seed_kinds: list[str] = option([], help="kinds of documents that are seeds, such as api_doc")
    seed_urls: list[str] = option([], help="addresses or paths of documents that are seeds; * stands for anything")
    max_seeds: int = option(5_000, help="seeds compared with, drawn by the hash of their text", unit="documents")
    domains: list[str] = option(["text"], help="domains that are judged; documents of others stay")
    sources: list[str] = option([], help="judge only these labels; empty: all")
    top_k: int = option(100, help="how many documents a seed retrieves", unit="documents")
    min_similarity: float = option(
        0.4, help="drop what is less similar to its nearest seed", unit="cosine or dot product", threshold=True
    )
    prefilter: float = option(0.05, help="TF-IDF cosine to a seed below which nothing is embedded; 0: off")
    sample: int = option(
        300, help="documents embedded whatever the prefilter says, to measure what it loses", unit="documents"
    )
    model: str = option(DEFAULT, help="a name such as OpenMatch/cocodr-base-msmarco, or a folder")
    pooling: Pooling = option(
        "auto", help="one vector out of many: cls, mean; auto: cls for COCO-DR, else as the model says"
    )
    similarity: Similarity = option("auto", help="cosine or dot; auto: dot for COCO-DR, else cosine")
    max_tokens: int = option(256, help="of a document that the model reads", unit="tokens")
    precision: Precision = option("bfloat16", help="arithmetic of the model: bfloat16 or float32")
    device: str = option("cpu", help="torch device that runs the model")

    def __post_init__(self) -> None:
        if not (self.seed_sources or self.seed_kinds or self.seed_urls):
            raise ValueError('no seeds are named; set seed_kinds = ["api_doc"], or seed_sources, or seed_urls')
        for name, least in (("max_seeds", 1), ("top_k", 1), ("sample", 1), ("max_tokens", 8)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} = {getattr(self, name)} is too few; give {least} or more")

    def canaries(self, seed: int) -> Sequence[Canary]:
        """A seed, its copy, and what is neither; see `semantic_match_canaries`."""
        return canaries(self, seed=seed)

    def inputs(self, workspace: Path) -> Sequence[Path]:
        """The files of a model of the user's own: other weights under the same name are another model."""
        from forge_filters.embedding import model_files

        return [] if self.model == DEFAULT else model_files(self.encoder(workspace))

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        """Embed seeds and documents, and find who is nearest to whom; returns the folder that says so.

        Raises:
            StepError: no document is a seed, the model is not here, or an extra is not installed.
        """
        from forge_filters.semantic_match_prepare import retrieve

        retrieve(self, corpus, context)
        return context.scratch

    def score(self, batch: "pa.RecordBatch", state: Path | None) -> "pa.DoubleArray":
        """Similarity to the nearest seed, or an infinity; see the module."""
        import numpy as np
        import pyarrow as pa

        if state is None:
            raise ValueError("semantic-match judges with the state that prepare left; it was given none")
        judged = self.judged(batch).to_numpy(zero_copy_only=False)
        scores = np.full(batch.num_rows, np.inf)
        known, similarities = _load(state / EVIDENCE_FILE)
        ids = as_bytes(batch.column("id").filter(pa.array(judged)).to_pylist())
        scores[judged] = _looked_up(ids, known=known, values=similarities)
        return pa.array(scores, pa.float64())

    def decide(self, scores: "pa.DoubleArray") -> Verdicts:
        """Apply ``min_similarity``."""
        import pyarrow as pa
        import pyarrow.compute as pc

        keep = pc.greater_equal(scores, float(self.min_similarity))
        why = pc.if_else(pc.is_finite(scores), TOO_FAR, NOT_NEAREST)
        return Verdicts(keep=keep, score=scores, reason=pc.if_else(keep, pa.scalar(None, pa.string()), why))

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """`decide` on `score`."""
        return self.decide(self.score(batch, state))

    def report(self, state: Path | None) -> Section:
        """What the retrieval is worth: retrieved text against random text, and what the prefilter loses."""
        from forge_filters.semantic_match_report import read_report, section

        assert state is not None
        return section(read_report(state))

    def seeds(self, batch: "pa.RecordBatch") -> "pa.BooleanArray":
        """Which documents of a batch with `PAGE_COLUMNS` are seeds."""
        import pyarrow as pa
        import pyarrow.compute as pc

        by_source = _one_of(batch.column("source"), self.seed_sources)
        mask = pc.or_(by_source, _one_of(batch.column("kind"), self.seed_kinds))
        for pattern in self.seed_urls:
            like = "(?s)^" + re.escape(pattern).replace(r"\*", ".*") + "$"
            mask = pc.or_(mask, pc.match_substring_regex(batch.column("url").cast(pa.string()), like).fill_null(False))
        return pc.or_(mask, pc.equal(batch.column("id"), SEED_ID))

    def judged(self, batch: "pa.RecordBatch") -> "pa.BooleanArray":
        """Which documents of a batch with `PAGE_COLUMNS` must resemble a seed to stay."""
        import pyarrow.compute as pc

        mask = pc.and_not(_one_of(batch.column("domain"), self.domains), self.seeds(batch))
        if not self.sources:
            return mask
        mine = pc.or_(_one_of(batch.column("source"), self.sources), pc.starts_with(batch.column("id"), PREFIX))
        return pc.and_(mask, mine)

    def encoder(self, root: Path = Path()) -> Model:
        """The model as `embedding` takes it; ``root``: the workspace, which a folder's name is relative to."""
        return Model(
            name=self.model,
            root=root,
            pooling=self.pooling,
            similarity=self.similarity,
            max_tokens=self.max_tokens,
            precision=self.precision,
            device=self.device,
        )


def as_bytes(ids: Sequence[str]) -> "np.ndarray[Any, np.dtype[np.bytes_]]":
    """Ids as fixed-width UTF-8, which numpy compares byte by byte."""
    import numpy as np

    raw = [item.encode("utf-8", "surrogatepass") for item in ids]
    return np.array(raw, dtype=np.bytes_) if raw else np.zeros(0, "S1")


def _one_of(column: "pa.Array", names: Sequence[str]) -> "pa.BooleanArray":
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.is_in(column.cast(pa.string()), pa.array(names, pa.string())).fill_null(False)


def _looked_up(ids: Any, *, known: Any, values: Any) -> Any:
    """The value of each id in the ascending ``known``; minus infinity for one that is not there."""
    import numpy as np

    if not len(known):
        return np.full(len(ids), -np.inf)
    places = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    return np.where(known[places] == ids, values[places], -np.inf)


@lru_cache(maxsize=4)
def _load(path: Path) -> tuple[Any, Any]:
    """Ids and similarities of what was retrieved. A state's folder is named by its content: a path never changes."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["id", "similarity"], filters=[("retrieved", "=", True)], partitioning=None)
    return as_bytes(table.column("id").to_pylist()), table.column("similarity").to_numpy()
