"""Filter ``near-dedup``: of documents whose texts are almost the same, one stays.

Two texts are almost the same if the Jaccard index of their sets of word n-grams reaches the threshold; that is always
computed exactly, on pairs that MinHash finds. Who stays follows from quality and id alone (see
`forge_filters.clusters`), so the answer is the same for any order, partitioning and number of workers, and a document
goes only for one that stays and that it resembles. API documents are compared by structure first: see
`forge_filters.near_dedup_api`.

``prepare`` reads the corpus twice: for signatures, which go to disk, and for the shingles of the candidates, which do
too. Some 45 MB of text per CPU second, imports included. Memory: 250 MB, that of the join, and for each document that
is like another up to `CANDIDATE_BYTES` and 12 a band; what is mapped from disk besides, the system may take back.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from forge.steps import Canary, Context, Corpus, Verdicts, option
from forge_filters.exact_dedup_ids import id_bytes, load, places

if TYPE_CHECKING:
    import pyarrow as pa

    from forge_filters.clusters import Candidates, Clusters

NEAR = "near duplicate"
SAME_API = "same api"
IDS_FILE, SCORES_FILE, SAME_FILE = "ids.npy", "scores.npy", "same.npy"
LEAST_RECALL = 0.95
BASE_MB = 250
CANDIDATE_BYTES = 128


@dataclass(frozen=True, kw_only=True)
class NearDedup:
    """Drops documents that are almost the same as one that stays."""

    name: ClassVar[str] = "near-dedup"
    columns: ClassVar[tuple[str, ...]] = ("id",)

    threshold: float = option(0.8, help="texts at least this similar are the same", unit="Jaccard index of shingles")
    ngram: int = option(5, help="consecutive words that make a shingle", unit="words")
    permutations: int = option(256, help="values in a signature; more find more", unit="values")
    bands: int = option(
        32, help="pieces of a signature of which one must agree; a divisor of permutations", unit="bands"
    )
    quality: str = option("quality", help="number in a document's meta by which the best of a cluster stays")
    memory_mb: int = option(256, help="memory that the join may take before it spills to disk", unit="MB")

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold = {self.threshold} is no Jaccard index; give one above 0, up to 1")
        if self.ngram < 1:
            raise ValueError(f"ngram = {self.ngram} makes no shingle; give 1 or more")
        if not 1 <= self.bands <= self.permutations or self.permutations % self.bands:
            raise ValueError(f"bands = {self.bands} does not divide permutations = {self.permutations}")
        if (found := self.expected_recall(self.threshold)) < LEAST_RECALL:
            raise ValueError(
                f"{self.bands} bands of {self.permutations // self.bands} find {found:.0%} of the pairs at threshold "
                f"{self.threshold}; give {self._enough_bands()}"
            )

    def expected_recall(self, similarity: float) -> float:
        """Share of the pairs of a Jaccard index that are compared."""
        rows: int = self.permutations // self.bands
        return 1.0 - (1.0 - similarity**rows) ** self.bands

    def canaries(self, seed: int) -> Sequence[Canary]:
        """A text with one word changed, beside two that only share half their words."""
        from forge_filters.near_dedup_canaries import canaries

        return canaries(self, seed=seed)

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        """Find the documents to drop; returns the folder that lists them.

        Raises:
            WorkspaceError: the disk is full.
            StepError: the join does not fit the memory and the disk that there are.
        """
        import pyarrow as pa

        from forge_filters.clusters import connect, find_candidates
        from forge_filters.near_dedup_build import write_signatures, write_state

        self._say_what_to_expect(context)
        shape = (self.ngram, self.permutations, self.bands)
        with tempfile.TemporaryDirectory(dir=context.scratch, prefix=".", suffix=".tmp") as name:
            work = Path(name)
            count, planted = write_signatures(corpus, work, shape=shape, quality=self.quality)
            pa.default_memory_pool().release_unused()
            with connect(work, memory_mb=self.memory_mb) as connection:
                candidates = find_candidates(connection, work, memory_mb=self.memory_mb)
                clusters = self._cluster(corpus, candidates, work, count)
                found, gone = write_state(connection, clusters, context.scratch)
                context.log(
                    f"near-dedup: {count - planted:,} documents, {found:,} share a band or a structure with another, "
                    f"{gone:,} go"
                )
        return context.scratch

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """Score: Jaccard index with the document that stays (1.0 for the same API), 0.0 for what stays itself."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        if state is None:
            raise ValueError("near-dedup judges with the state that prepare left; it was given none")
        where, dropped = places(load(state / IDS_FILE), id_bytes(batch.column("id").to_pylist()))
        scores, same = load(state / SCORES_FILE), load(state / SAME_FILE)
        score = np.where(dropped, scores[where] if len(scores) else 0.0, 0.0)
        is_same = pa.array(np.asarray(dropped & (same[where] if len(same) else False)))
        reason = pc.if_else(is_same, SAME_API, pc.if_else(pa.array(dropped), NEAR, pa.scalar(None, pa.string())))
        return Verdicts(keep=pa.array(~dropped), score=pa.array(score.astype(np.float64)), reason=reason)

    def _enough_bands(self) -> str:
        for permutations in (self.permutations, 2 * self.permutations, 4 * self.permutations):
            for bands in range(self.bands, permutations + 1):
                enough = 1.0 - (1.0 - self.threshold ** (permutations // bands)) ** bands >= 0.98
                if permutations % bands == 0 and enough:
                    return f"permutations = {permutations} and bands = {bands}"
        return "more permutations"

    def _say_what_to_expect(self, context: Context) -> None:
        from forge_filters.minhash import s_curve

        rows = self.permutations // self.bands
        curve = s_curve(permutations=self.permutations, bands=self.bands)
        context.log(
            f"near-dedup: pairs that agree on one of {self.bands} bands of {rows} are compared; expected share of the "
            f"pairs by Jaccard index: {curve}"
        )
        each = CANDIDATE_BYTES + 12 * self.bands
        context.log(
            f"near-dedup: expected memory {BASE_MB} MB, up to {self.memory_mb} MB for the join, and up to {each} bytes "
            f"for each document that is like another; disk {self.permutations + 12 * self.bands} bytes a document and "
            "8 for each of the words of those that are like another, once more where the join spills"
        )

    def _cluster(self, corpus: Corpus, candidates: "Candidates", work: Path, count: int) -> "Clusters":
        from forge_filters.clusters import cluster
        from forge_filters.minhash import least_estimate
        from forge_filters.near_dedup_build import signatures, write_sets

        sets, bounds = write_sets(corpus, candidates, work, ngram=self.ngram)
        return cluster(
            candidates,
            signatures=signatures(work, (count, self.permutations)),
            sets=sets,
            bounds=bounds,
            threshold=self.threshold,
            least=least_estimate(self.threshold, self.permutations),
        )
