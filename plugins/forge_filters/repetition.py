"""Filter ``repetition``: drops prose that repeats itself, by the rules of Gopher.

Thirteen fractions of a text, each with a limit of its own (the paper's): of lines and paragraphs that were there
before, by number and by characters; of the words within the most frequent 2-, 3- and 4-gram; of the words within 5- to
10-grams that were there before. The score is the largest ratio of a fraction to its limit, so that ``max_ratio`` moves
all of them at once and computes nothing again. See `forge_filters.repetition_counts` for what exactly is counted.

Only documents of ``domains`` are judged: code and the documentation of interfaces repeat themselves by nature. Some 8
MB a second, all of it numpy over Arrow's buffers.

Source: Rae et al., "Scaling Language Models: Methods, Analysis & Insights from Training Gopher", arXiv 2112.11446,
appendix A.1.1, table A1.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from forge.records import Document
from forge.steps import Canary, Context, Corpus, Verdicts, canary_text, option
from forge_filters.repetition_counts import fractions

if TYPE_CHECKING:
    import pyarrow as pa

LIMITS: Mapping[str, float] = {
    "duplicate lines": 0.30,
    "duplicate paragraphs": 0.30,
    "characters in duplicate lines": 0.20,
    "characters in duplicate paragraphs": 0.20,
    "top 2-gram": 0.20,
    "top 3-gram": 0.18,
    "top 4-gram": 0.16,
    "duplicate 5-grams": 0.15,
    "duplicate 6-grams": 0.14,
    "duplicate 7-grams": 0.13,
    "duplicate 8-grams": 0.12,
    "duplicate 9-grams": 0.11,
    "duplicate 10-grams": 0.10,
}
"""The paper's limits, by rule."""

_STEP = 1e-4
"""Ratios are kept in steps of this size; the number of the rule stands behind them, in steps of a hundredth of it."""


@dataclass(frozen=True, kw_only=True)
class Repetition:
    """Drops what repeats itself."""

    name: ClassVar[str] = "repetition"
    columns: ClassVar[tuple[str, ...]] = ("text", "domain")

    max_ratio: float = option(
        1.0, help="drop when a fraction is more than its limit times this", unit="times the limit", threshold=True
    )
    limits: dict[str, float] = option({}, help="limits in place of the paper's, by rule: {'duplicate lines' = 0.4}")
    domains: list[str] = option(["text"], help="domains that are judged; documents of others stay")

    def __post_init__(self) -> None:
        unknown = sorted(set(self.limits) - set(LIMITS))
        if unknown:
            raise ValueError(f"there is no rule {unknown[0]!r}; the rules are {', '.join(LIMITS)}")
        wrong = [rule for rule, limit in self.limits.items() if not 0 < limit <= 1]
        if wrong:
            raise ValueError(
                f"limits[{wrong[0]!r}] = {self.limits[wrong[0]]} is no fraction; give more than 0, at most 1"
            )

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:  # noqa: ARG002
        """Needs none."""
        return None

    def score(self, batch: "pa.RecordBatch", state: Path | None) -> "pa.DoubleArray":  # noqa: ARG002
        """Largest ratio of a fraction to its limit, in steps of 0.0001, and behind it the rule: 1.2345 and 0.000007."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        judged = pc.is_in(batch.column("domain"), pa.array(self.domains, pa.string())).fill_null(False)
        found = fractions(batch.column("text").filter(judged).fill_null(""))
        limits = np.array([self.limits.get(rule, limit) for rule, limit in LIMITS.items()])
        ratios = np.floor(found / limits / _STEP + 1e-6)
        worst = ratios.argmax(axis=1)
        scores = (ratios.max(axis=1) + worst / 100) * _STEP
        zeros = pa.repeat(pa.scalar(0.0), batch.num_rows)
        return pc.replace_with_mask(zeros, judged, pa.array(np.round(scores, 6)))

    def decide(self, scores: "pa.DoubleArray") -> Verdicts:
        """Apply ``max_ratio``; the reason is the rule."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        units = np.round(scores.to_numpy(zero_copy_only=False) / _STEP * 100).astype(np.int64)
        keep = pa.array(units // 100 <= round(self.max_ratio / _STEP))
        rules = pa.array(list(LIMITS), pa.string()).take(pa.array(units % 100))
        reason = pc.if_else(keep, pa.scalar(None, pa.string()), rules)
        return Verdicts(keep=keep, score=scores, reason=reason)

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:
        """`decide` on `score`."""
        return self.decide(self.score(batch, state))

    def canaries(self, seed: int) -> Sequence[Canary]:
        """A text of one line over and over, and one that says each thing once."""
        line = canary_text(seed, "line", words=12).replace("\n", " ")
        domain = self.domains[0] if self.domains else "text"

        def document(name: str, text: str) -> Document:
            return Document(id=name, domain=domain, kind="prose", text=text, source="canary")  # type: ignore[arg-type]

        again = Canary(
            name="one line again and again", documents=[document("again", f"{line}\n" * 40)], dropped=["again"]
        )
        once = Canary(name="no repetition", documents=[document("once", canary_text(seed, "once"))], kept=["once"])
        return [again, once]
