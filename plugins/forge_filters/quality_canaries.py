"""What ``quality`` must do in every run, whatever its labels taught it.

What is good is in the labels, which options do not tell; so no canary can say that the classifier is right: that is
measured on the test side of the labels, and said in the report. What holds for any training is that a text of which
the labels say nothing (made-up words; no words at all) is not found good, and that a document of a domain that is not
judged stays, however bad. A filter that lost its state, keeps all or drops all fails on these.
"""

from collections.abc import Sequence

from forge.records import DOMAINS, Domain
from forge.steps import Canary, Document, canary_text

NAME = "quality"
SYMBOLS = "| | | » » » --- *** … ||| >>> | | |\n" * 12


def canaries(domains: Sequence[str], *, seed: int) -> Sequence[Canary]:
    """The canaries of a filter that judges these domains; none where it judges nothing."""
    judged = [domain for domain in DOMAINS if domain in domains]
    others = [domain for domain in DOMAINS if domain not in domains]
    if not judged:
        return []
    unknown = canary_text(seed, NAME)
    found = [
        Canary(
            name="a text of words that no label holds",
            documents=[_document("made-up", unknown, judged[0]), _document("symbols", SYMBOLS, judged[0])],
            dropped=["made-up", "symbols"],
        )
    ]
    if others:
        innocent = _document("elsewhere", unknown, others[0])
        found.append(Canary(name="a document of a domain that is not judged", documents=[innocent], kept=["elsewhere"]))
    return found


def _document(name: str, text: str, domain: Domain) -> Document:
    return Document(id=name, domain=domain, kind="prose", text=text, source=NAME)
