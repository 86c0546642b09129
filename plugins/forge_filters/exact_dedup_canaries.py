"""What ``exact-dedup`` must catch in every run: a copied document, or a copied paragraph or line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from forge.steps import Canary, Document, canary_text

if TYPE_CHECKING:
    from forge_filters.exact_dedup import ExactDedup

NAME = "exact-dedup"
SHORTEST_WORD = 4
"""Characters of the shortest made-up word."""


def canaries(judge: "ExactDedup", *, seed: int) -> Sequence[Canary]:
    """The canaries for these options; none where no domain is judged."""
    return _documents(judge, seed) if judge.level == "document" else _segments(judge, seed)


def _documents(judge: "ExactDedup", seed: int) -> Sequence[Canary]:
    """A text, its copy, the same but for blanks, and one that differs in its end."""
    text = canary_text(seed, NAME)
    texts = {"a": text, "b": text, "c": f"{text} End.", "d": text.replace(" ", "  ")}
    dropped = ["b", "d"] if judge.normalize == "whitespace" else ["b"]
    documents = [_document(name, text, domain="text") for name, text in texts.items()]
    kept = [name for name in texts if name not in dropped]
    return [Canary(name="a copied document", documents=documents, dropped=dropped, kept=kept)]


def _segments(judge: "ExactDedup", seed: int) -> Sequence[Canary]:
    """Two documents with a paragraph in common, long enough to be cut, and one of its own."""
    if not judge.domains:
        return []
    shared = canary_text(seed, f"{NAME} shared", words=judge.min_chars // SHORTEST_WORD + 20)
    own = {name: canary_text(seed, f"{NAME} {name}", words=judge.min_left // SHORTEST_WORD + 40) for name in "abc"}
    texts = {"a": f"{own['a']}\n\n{shared}", "b": f"{own['b']}\n\n{shared}", "c": own["c"]}
    documents = [_document(name, text, domain=judge.domains[0]) for name, text in texts.items()]
    return [Canary(name=f"a copied {judge.level}", documents=documents, gone={"b": [shared]}, kept=["a", "c"])]


def _document(name: str, text: str, *, domain: Any) -> Document:
    return Document(id=name, domain=domain, kind="prose", text=text, source=NAME)
