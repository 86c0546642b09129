"""Filter ``quality``: drops documents that a classifier, trained on labels of this corpus, does not find good enough.

`forge label` asks a language model for labels of a sample. ``prepare`` trains fastText on some of them, fits
probabilities and cuts on others, and measures on the rest; ``quality.json`` in the state holds what came of it. A
document's score is the calibrated precision that can be relied on for the documents at least as good as it: the lower
bound (Wilson, 95 %) of the best cut that keeps it. So ``target_precision`` is the threshold, and another target needs
no score again. A document is judged by its beginning, as much of it as the model was shown for a label. One of whose
words fewer than a fifth are in the labels, of a language that none is in say, scores -1: nothing speaks for it.
Judging takes some 200 MB of text a second.

Sources: Joulin et al., "Bag of Tricks for Efficient Text Classification", 2016; Li et al., "DataComp-LM", 2024, section
4.4; Penedo et al., "The FineWeb Datasets", 2024, for labels by a language model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from forge.steps import Canary, Context, Corpus, Section, Verdicts, option

if TYPE_CHECKING:
    import pyarrow as pa

LOW = "low quality"
UNKNOWN = "unlike all that was labelled"
UNKNOWN_SCORE = -1.0
REPORT_FILE = "quality.json"


@dataclass(frozen=True, kw_only=True)
class Quality:
    """Keeps documents that a trained classifier finds good, at a precision to rely on."""

    name: ClassVar[str] = "quality"
    columns: ClassVar[tuple[str, ...]] = ("text", "domain")
    max_drop_rate: ClassVar[float] = 1.0

    labels: str = option("", help="the label set, as `forge label` names it")
    domains: list[str] = option(["text"], help="domains that are judged; documents of others stay")
    target_precision: float = option(
        0.8, help="precision, at the lower bound of its interval, of what stays", unit="share", threshold=True
    )
    epochs: int = option(20, help="times that training goes through the labels")
    dimensions: int = option(16, help="length of fastText's vectors; judging costs the same for any")

    def __post_init__(self) -> None:
        if not 0 < self.target_precision < 1:
            raise ValueError(f"target_precision = {self.target_precision} is no share; give a number between 0 and 1")
        if not self.domains:
            raise ValueError('domains is empty: nothing would be judged; name some, for example domains = ["text"]')
        if min(self.epochs, self.dimensions) < 1:
            raise ValueError("epochs and dimensions are at least 1")

    def canaries(self, seed: int) -> Sequence[Canary]:
        """What no training may find good, and what is not to be judged; see `quality_canaries`."""
        from forge_filters.quality_canaries import canaries

        return canaries(self.domains, seed=seed)

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:  # noqa: ARG002
        """Train, calibrate and measure; the labels hold their texts, so the corpus is not read.

        Raises:
            ValueError: the labels are missing, too few, or no cut on them reaches the target.
        """
        from forge_filters.quality_prepare import prepare

        report = prepare(self.labels, context, shape=(self.dimensions, self.epochs))
        context.log(f"quality: {self._said(report)}")
        for warning in report["warnings"]:
            context.log(f"quality: warning: {warning}")
        return context.scratch

    def score(self, batch: "pa.RecordBatch", state: Path | None) -> "pa.DoubleArray":
        """Precision to rely on, 0 to 1 in steps of 0.0001; 1 for documents of other domains, -1 for unknown words."""
        import pyarrow as pa
        import pyarrow.compute as pc

        from forge_filters.quality_prepare import load_staircase

        assert state is not None
        judged = pc.is_in(batch.column("domain"), pa.array(self.domains, pa.string())).fill_null(False)
        found = load_staircase(state).scores(batch.column("text").filter(judged))
        ones = pa.repeat(pa.scalar(1.0, pa.float64()), batch.num_rows)
        return pc.replace_with_mask(ones, judged, pa.array(found, pa.float64()))

    def decide(self, scores: "pa.DoubleArray") -> Verdicts:
        """Apply ``target_precision``."""
        import pyarrow as pa
        import pyarrow.compute as pc

        keep = pc.greater_equal(scores, self.target_precision)
        why = pc.if_else(pc.less(scores, 0.0), UNKNOWN, LOW)
        return Verdicts(keep=keep, score=scores, reason=pc.if_else(keep, pa.scalar(None, pa.string()), why))

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """`decide` on `score`."""
        return self.decide(self.score(batch, state))

    def report(self, state: Path | None) -> Section:
        """What the classifier is worth, on labels that it has not seen.

        Raises:
            ValueError: no cut reaches the target, which `prepare` could not say if it was changed since.
        """
        from forge_filters.quality_report import section

        assert state is not None
        found = read_report(state)
        self._said(found)
        return section(found, target=self.target_precision)

    def _said(self, report: Mapping[str, Any]) -> str:
        """The report in a line; refuses a target that no cut reaches, at which everything would be dropped."""
        from forge_filters.quality_report import step_for, summary

        said = summary(report, target=self.target_precision)
        if step_for(report, self.target_precision) is None:
            raise ValueError(f"{said}; label more documents with `forge label --sample N`, or lower target_precision")
        return said


def read_report(state: Path) -> dict[str, Any]:
    """What `Quality.prepare` found: the content of ``quality.json``."""
    import json

    found: dict[str, Any] = json.loads((state / REPORT_FILE).read_bytes())
    return found
