"""Filter ``min-words``: drops documents with too few words.

One Arrow kernel counts for a whole batch, some 40 MB of text a second. The number of words is the score and the minimum
is a threshold, so that another minimum counts nothing again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from forge.steps import Context, Corpus, Verdicts, option

if TYPE_CHECKING:
    import pyarrow as pa

TOO_FEW_WORDS = "too few words"


@dataclass(frozen=True, kw_only=True)
class MinWords:
    """Keeps documents with enough words; a word is a run of characters that are not ASCII white space."""

    name: ClassVar[str] = "min-words"
    columns: ClassVar[tuple[str, ...]] = ("text",)

    minimum: int = option(20, help="drop what has fewer", unit="words", threshold=True)

    def __post_init__(self) -> None:
        if self.minimum < 0:
            raise ValueError(f"minimum = {self.minimum} is less than none; give 0 or more")

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:  # noqa: ARG002
        """Needs no look at the whole corpus."""
        return None

    def score(self, batch: "pa.RecordBatch", state: Path | None) -> "pa.DoubleArray":  # noqa: ARG002
        """Words of each text; a missing text has none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        return pc.count_substring_regex(batch.column("text"), r"\S+").fill_null(0).cast(pa.float64())

    def decide(self, scores: "pa.DoubleArray") -> Verdicts:
        """Apply the minimum."""
        import pyarrow as pa
        import pyarrow.compute as pc

        keep = pc.greater_equal(scores, float(self.minimum))
        reason = pc.if_else(keep, pa.scalar(None, pa.string()), TOO_FEW_WORDS)
        return Verdicts(keep=keep, score=scores, reason=reason)

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """`decide` on `score`."""
        return self.decide(self.score(batch, state))
