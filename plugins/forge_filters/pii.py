"""Filter ``pii``: replaces what belongs to persons by placeholders, or drops the documents that hold it.

E-mail addresses, IP addresses, telephone numbers, card numbers (with Luhn's check digit) and IBANs (with theirs); not
those that documentation makes up: example.com, 192.0.2.0/24, 555 numbers, test cards. See `forge_filters.pii_redaction`
for the placeholders and `forge_filters.pii_patterns` for what counts. Names and postal addresses are not looked for.

Documents with loss spans keep their length and so their spans. Some 200 MB a second of text in which little is found;
Debian's documentation, with 150 addresses a MB, some 30.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from forge.records import Document
from forge.steps import option
from forge_filters.pii_patterns import FINDERS, PREFILTERS
from forge_filters.pii_redaction import Redacting, Rules, framed

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
class _Kinds:
    """The option of `Pii` alone, a base class so that it stands before those of `Redacting`."""

    kinds: list[Kind] = option(list(PREFILTERS), help="what is looked for")


@dataclass(frozen=True, kw_only=True)
class Pii(Redacting, _Kinds):
    """Redacts, or drops, documents that hold personal data."""

    name: ClassVar[str] = "pii"

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError('kinds is empty; name at least one, for example kinds = ["email"]')
        super().__post_init__()

    def _rules(self) -> Rules:
        kinds = [kind for kind in PREFILTERS if kind in self.kinds]
        finders = [(PREFILTERS[kind], find) for kind, find in FINDERS.items() if kind in kinds]
        return Rules(kinds=kinds, finders=finders)

    def _planted(self, seed: int) -> tuple[Mapping[str, str], str]:
        return {kind: _PLANTED[kind].format(n=seed % 50 + 10) for kind in self.kinds}, _INNOCENT

    def _document(self, seed: int, name: str, value: str) -> Document:
        text = framed(seed, name, value, apart=" ")
        return Document(id=name, domain="text", kind="prose", text=text, source="canary")
