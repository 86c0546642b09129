"""What ``near-dedup`` must catch in every run: a text with one word changed; one that shares half must stay."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge.steps import Canary, Document, canary_text

if TYPE_CHECKING:
    from forge_filters.near_dedup import NearDedup

NAME = "near-dedup"
WORDS = 80
"""Words of a text for each word of a shingle: one changed word then leaves a Jaccard index of 0.97."""
SURE = 0.95
"""Thresholds up to which one changed word must be caught; above, only what has the same words."""
APART = 0.5
"""Thresholds from which a text that shares half its words must stay: its Jaccard index is a third."""


def canaries(judge: "NearDedup", *, seed: int) -> Sequence[Canary]:
    """The canaries for these options."""
    words = canary_text(seed, NAME, words=WORDS * judge.ngram).split(" ")
    other = canary_text(seed, f"{NAME} other", words=WORDS * judge.ngram).split(" ")
    half = len(words) // 2
    edited = [*words[:half], *(other[:1] if judge.threshold <= SURE else words[half : half + 1]), *words[half + 1 :]]
    texts = {"a": words, "b": edited, "c": [*words[:half], *other[half:]], "d": other}
    kept = [name for name in "acd" if judge.threshold >= APART]
    documents = [
        Document(id=name, domain="text", kind="prose", text=" ".join(text), source=NAME) for name, text in texts.items()
    ]
    return [Canary(name="a near copy", documents=documents, dropped=["b"], kept=kept)]
