"""Filter ``pii``: replaces what belongs to persons by placeholders, or drops the documents that hold it.

E-mail addresses, IP addresses, telephone numbers, card numbers (with Luhn's check digit) and IBANs (with theirs); not
those that documentation makes up: example.com, 192.0.2.0/24, 555 numbers, test cards. See `forge_filters.pii_redaction`
for the placeholders and `forge_filters.pii_patterns` for what counts. Names and postal addresses are not looked for.

Documents with loss spans keep their length and so their spans. Some 200 MB a second of text in which little is found;
Debian's documentation, with 150 addresses a MB, some 30.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from forge.records import Document
from forge.steps import Canary, Context, Corpus, Verdicts, canary_text, option
from forge_filters.pii_patterns import FINDERS, PREFILTERS
from forge_filters.pii_redaction import Rules, redact, verdicts

if TYPE_CHECKING:
    import pyarrow as pa

Kind = Literal["email", "ip", "phone", "card", "iban"]

_PLANTED = {
    "email": "r.okonkwo{n}@harbour-mail.net",
    "ip": "93.184.{n}.34",
    "phone": "+44 117 4{n} 8862",
    "card": "4539 1488 0343 6467",
    "iban": "DE75 5121 0800 1245 1261 99",
}
_INNOCENT = (
    "Write to someone@example.com or call 212-555-0143; the server is 192.0.2.17, the card 4242 4242 4242 4242,"
    " version 1.2.3.4, account GB82 WEST 1234 5698 7654 32."
)


@dataclass(frozen=True, kw_only=True)
class Pii:
    """Redacts, or drops, documents that hold personal data."""

    name: ClassVar[str] = "pii"
    columns: ClassVar[tuple[str, ...]] = ("text", "meta")
    rewrites: ClassVar[bool] = True

    kinds: list[Kind] = option(list(PREFILTERS), help="what is looked for")
    action: Literal["redact", "drop"] = option("redact", help="redact: put placeholders; drop: drop the document")
    drop_above: int | None = option(None, help="drop, and do not redact, a document with more finds", unit="finds")

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError('kinds is empty; name at least one, for example kinds = ["email"]')
        if self.drop_above is not None and self.drop_above < 0:
            raise ValueError(f"drop_above = {self.drop_above} is no number of finds; give 0 or more")

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:  # noqa: ARG002
        """Needs none."""
        return None

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:  # noqa: ARG002
        """Score: how many finds. A dropped document's reason is the first of its kinds, in the options' order."""
        found = redact(batch.column("text"), batch.column("meta"), self._rules())
        return verdicts(found, most=0 if self.action == "drop" else self.drop_above)

    def canaries(self, seed: int) -> Sequence[Canary]:
        """One document for each kind, and one that holds documentation's own."""
        planted = {kind: _PLANTED[kind].format(n=seed % 50 + 10) for kind in self.kinds}
        made = [
            Canary(name=kind, documents=[_document(seed, kind, value)], gone={kind: [value]})
            for kind, value in planted.items()
        ]
        return [*made, Canary(name="innocent", documents=[_document(seed, "innocent", _INNOCENT)], kept=["innocent"])]

    def _rules(self) -> Rules:
        kinds = [kind for kind in PREFILTERS if kind in self.kinds]
        finders = [(PREFILTERS[kind], find) for kind, find in FINDERS.items() if kind in kinds]
        return Rules(kinds=kinds, finders=finders)


def _document(seed: int, name: str, value: str) -> Document:
    text = f"{canary_text(seed, name, words=60)} {value} {canary_text(seed, name + ' after', words=60)}"
    return Document(id=name, domain="text", kind="prose", text=text, source="canary")
