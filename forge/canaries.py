"""Canaries: documents that a filter is known to have to catch, planted beside the corpus in every run.

A filter says which by a method ``canaries(self, seed)``; the engine plants them in a shadow partition that the filter's
``prepare`` sees together with the corpus and that it judges like any other. No later stage reads that partition. What a
filter fails to catch, or drops though it is innocent, ends the run: see `look`.

Costs the standard library and the records; a filter's canaries are a few kilobytes of text.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from forge.records import Document

PREFIX = "~canary/"
"""Ids that begin with it are the canaries'; a source that gives one fails. It sorts after letters and digits, so that
of a canary and a real document with the same text the real one has the smaller id."""

DEFAULT_FLOOR = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """Some documents, and what a filter that works makes of them.

    Ids are the author's own, distinct within a filter; in the corpus they are `PREFIX` and the id, so that their order
    stays. Documents that no list names are scenery: the original that a copy is a copy of.

    Attributes:
        name: what is planted, in a few words for messages: ``an e-mail address``.
        documents: what to plant.
        dropped: ids of those that must be dropped.
        gone: by id, strings that must no longer be in the text; a document that is dropped has lost them all.
        kept: ids of the innocent, which must stay with their text as it is.
    """

    name: str
    documents: Sequence[Document]
    dropped: Sequence[str] = ()
    gone: Mapping[str, Sequence[str]] = field(default_factory=dict)
    kept: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What a filter made of one document: whether it stays, and the text it leaves."""

    keep: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """How a filter did; ``missed`` and ``lost``: what it should have caught and what it should have left, a line each.

    Attributes:
        due: things to catch: documents to drop and strings to remove. caught: those that it did.
        innocent: documents to leave as they are.
    """

    due: int
    caught: int
    innocent: int
    missed: Sequence[str]
    lost: Sequence[str]

    @property
    def recall(self) -> float:
        """Share of what was to be caught that was, 0 to 1; 1 where nothing was to be."""
        return self.caught / self.due if self.due else 1.0


def canary_text(seed: int, name: str, *, words: int = 120) -> str:
    """So many made-up words in sentences: the same for the same seed and name, and unlike any real text."""
    drawn = random.Random(f"canary {seed} {name}")
    made = [
        "".join(drawn.choice(_HEADS) + drawn.choice(_TAILS) for _ in range(drawn.randint(2, 4))) for _ in range(words)
    ]
    sentences = [" ".join(made[start : start + 12]).capitalize() for start in range(0, words, 12)]
    return ". ".join(sentences) + "."


_HEADS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "kl", "st", "tr")
_TAILS = ("a", "e", "i", "o", "u", "an", "el", "ir", "os", "um")


def check_canaries(canaries: Sequence[Canary]) -> None:
    """Hold canaries to their own rules.

    Raises:
        ValueError: an id is given twice, a list names an id that no document has, a string to be removed is not in its
            document, or there are canaries and nothing at all is to be caught.
    """
    ids = [document.id for canary in canaries for document in canary.documents]
    twice = next((found for found in ids if ids.count(found) > 1), None)
    if twice is not None:
        raise ValueError(f"two canaries have the id {twice!r}; give each its own")
    for canary in canaries:
        texts = {document.id: document.text for document in canary.documents}
        for found in (*canary.dropped, *canary.gone, *canary.kept):
            if found not in texts:
                raise ValueError(f"the canary {canary.name!r} speaks of {found!r}, which is none of its documents")
        absent = [
            (found, text) for found, strings in canary.gone.items() for text in strings if text not in texts[found]
        ]
        if absent:
            raise ValueError(f"the canary {canary.name!r} wants a string gone from {absent[0][0]!r} that is not in it")
    if canaries and not any(canary.dropped or canary.gone for canary in canaries):
        raise ValueError("the canaries leave nothing to catch; name some documents in dropped or gone")


def planted(canaries: Sequence[Canary]) -> Iterator[Document]:
    """The documents under the ids that they have in the shadow partition."""
    for canary in canaries:
        for document in canary.documents:
            yield replace(document, id=PREFIX + document.id)


def look(canaries: Sequence[Canary], fates: Mapping[str, Fate]) -> Findings:
    """Compare what a filter did with what it should have done.

    Args:
        fates: by id in the shadow partition.
    """
    missed: list[str] = []
    lost: list[str] = []
    due = 0
    for canary in canaries:
        texts = {document.id: document.text for document in canary.documents}
        due += len(canary.dropped) + sum(len(strings) for strings in canary.gone.values())
        missed += [f"{canary.name} ({found} stayed)" for found in canary.dropped if fates[PREFIX + found].keep]
        for found, strings in canary.gone.items():
            fate = fates[PREFIX + found]
            missed += [f"{canary.name} ({found} still holds it)" for text in strings if fate.keep and text in fate.text]
        for found in canary.kept:
            fate = fates[PREFIX + found]
            if not fate.keep or fate.text != texts[found]:
                lost.append(f"{canary.name} ({found} was {'changed' if fate.keep else 'dropped'})")
    innocent = sum(len(canary.kept) for canary in canaries)
    return Findings(due=due, caught=due - len(missed), innocent=innocent, missed=missed, lost=lost)
