"""What ``near-dedup`` must catch in every run: a text with one word changed, an API in other words, a copied API page.

Beside them stand those that must stay: a text that shares half its words, and pages with the same boilerplate that
document another path, another verb, another schema or another provider's call.
"""

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
PROVIDER = "canary.example"


def canaries(judge: "NearDedup", *, seed: int) -> Sequence[Canary]:
    """The canaries for these options."""
    return [_near_copy(judge, seed), _same_structure(judge, seed), _copied_page(judge, seed)]


def _text(judge: "NearDedup", seed: int, name: str) -> str:
    return canary_text(seed, f"{NAME} {name}".strip(), words=WORDS * judge.ngram)


def _near_copy(judge: "NearDedup", seed: int) -> Canary:
    """A text, the same with one word changed, and two that are too far from it."""
    words, other = _text(judge, seed, "").split(" "), _text(judge, seed, "other").split(" ")
    half = len(words) // 2
    edited = [*words[:half], *(other[:1] if judge.threshold <= SURE else words[half : half + 1]), *words[half + 1 :]]
    texts = {"a": words, "b": edited, "c": [*words[:half], *other[half:]], "d": other}
    kept = [name for name in "acd" if judge.threshold >= APART]
    documents = [
        Document(id=name, domain="text", kind="prose", text=" ".join(text), source=NAME) for name, text in texts.items()
    ]
    return Canary(name="a near copy", documents=documents, dropped=["b"], kept=kept)


def _same_structure(judge: "NearDedup", seed: int) -> Canary:
    """Pages that say what they document: one structure of one provider is one API, whatever the words."""
    page = f"POST /canaries/{{id}}\n{_text(judge, seed, 'page')}"
    pages = {
        "api a": (page, PROVIDER, "structure 1"),
        "api b": (_text(judge, seed, "other words"), PROVIDER, "structure 1"),
        "api c": (page, PROVIDER, "structure 2"),
        "api d": (_text(judge, seed, "other provider"), f"other.{PROVIDER}", "structure 1"),
    }
    documents = [
        _page(name, text, provider=provider, structure=structure) for name, (text, provider, structure) in pages.items()
    ]
    return Canary(
        name="an API in other words", documents=documents, dropped=["api b"], kept=["api a", "api c", "api d"]
    )


def _copied_page(judge: "NearDedup", seed: int) -> Canary:
    """Pages known by the verb and path template in their text alone: with the same boilerplate for the same call."""
    boilerplate = _text(judge, seed, "boilerplate")
    renamed = "name" if judge.threshold <= SURE else "id"
    heads = {
        "page a": "GET /canaries/{id}/eggs",
        "page b": f"GET /canaries/{{{renamed}}}/eggs",
        "page c": "PUT /canaries/{id}/eggs",
        "page d": "GET /canaries/{id}/nests",
    }
    documents = [_page(name, f"# {head}\n{boilerplate}") for name, head in heads.items()]
    return Canary(
        name="a copied API page", documents=documents, dropped=["page b"], kept=["page a", "page c", "page d"]
    )


def _page(name: str, text: str, **meta: str) -> Document:
    return Document(id=name, domain="agent", kind="api_doc", text=text, source=NAME, meta=meta)
