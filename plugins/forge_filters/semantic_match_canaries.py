"""What ``semantic-match`` must do in every run: a seed of its own, a copy of it that stays, and texts that do not.

They are retrieved among themselves, with the user's model, prefilter and threshold, and ``top_k`` of 1: planted seeds
draw no real document in, and planted documents take no real one's place. With one place the copy is the nearest, so
that the others are dropped at any threshold; where vectors have different lengths (dot product) that is certain only of
a text that the prefilter stops. A model that gives every text the same vector, or none, fails; so does a threshold that
not even a copy of a seed reaches. What is near in meaning is the model's to know, and is not tried here.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forge.canaries import PREFIX
from forge.records import DOMAINS, Domain
from forge.steps import Canary, Document, canary_text

if TYPE_CHECKING:
    from forge_filters.semantic_match import SemanticMatch

NAME = "semantic-match"
SEED = "seed"
SEED_ID = f"{PREFIX}{SEED}"
WORDS = 40
LEAST_CUT = 0.05
"""Where the prefilter is off, the planted documents meet this one."""


def canaries(step: "SemanticMatch", *, seed: int) -> Sequence[Canary]:
    """The canaries for these options; none where no domain is judged."""
    judged = [domain for domain in DOMAINS if domain in step.domains]
    others = [domain for domain in DOMAINS if domain not in step.domains]
    if not judged:
        return []
    text, foreign = (canary_text(seed, f"{NAME} {name}", words=WORDS) for name in ("seed", "other"))
    texts = {SEED: text, "b-copy": text, "a-other": foreign}
    if step.encoder().is_cosine:
        # Sorts before the copy: where all are equally near, it takes the copy's place.
        texts["a-half"] = f"{foreign[: len(foreign) // 2]} {text}"
    documents = [_document(name, each, judged[0]) for name, each in texts.items()]
    dropped = [name for name in texts if name.startswith("a-")]
    found = [Canary(name="a copy of a seed", documents=documents, dropped=dropped, kept=[SEED, "b-copy"])]
    if others:
        innocent = _document("elsewhere", foreign, others[0])
        found.append(Canary(name="a document of a domain that is not judged", documents=[innocent], kept=["elsewhere"]))
    return found


def _document(name: str, text: str, domain: Domain) -> Document:
    return Document(id=name, domain=domain, kind="canary", text=text, source=NAME)
