"""Filter ``secrets``: replaces keys, tokens and passwords by placeholders, or drops the documents that hold them.

Keys in the formats of known providers, private keys in PEM, passwords in addresses, and values of high entropy that are
assigned to a secret's name; not what documentation makes up (``AKIAIOSFODNN7EXAMPLE``, ``sk-xxxx``). See
`forge_filters.secrets_formats` for what counts and `forge_filters.pii_redaction` for the placeholders.

Documents with loss spans keep their length and so their spans. Some 150 MB a second: one pass of RE2 over the text,
and Python for the few lines that it leaves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from forge.records import Document
from forge_filters.pii_redaction import Redacting, Rules, framed
from forge_filters.secrets_formats import BLOCK, KINDS, PREFILTER, find_blocks, find_in_line

_RULES = Rules(kinds=KINDS, finders=[(PREFILTER, find_in_line)], block=BLOCK, block_finder=find_blocks)
# In pieces, so that no scanner of repositories takes them for keys that somebody lost.
_PLANTED = {
    "aws key": ("id = AKIA", "QYLPMN5HHHFPZAM2"),
    "github token": ("token: ghp_", "R7mKq2VtXw9LzB4nYc6DfGhJ8sPa3EuT5oNi"),
    "assigned secret": ("client_secret = '", "q7Zt2LmX9vRb4KwP8sNd'"),
    "password": ("postgres://ops:", "g7Rt2kLw9@db.harbour-mail.net/main"),
}
_INNOCENT = (
    "Set AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE, api_key = 'YOUR_API_KEY_GOES_HERE' and token sk-xxxxxxxxxxxxxxxx."
)


@dataclass(frozen=True, kw_only=True)
class Secrets(Redacting):
    """Redacts, or drops, documents that hold keys."""

    name: ClassVar[str] = "secrets"

    def _rules(self) -> Rules:
        return _RULES

    def _planted(self, seed: int) -> tuple[Mapping[str, str], str]:  # noqa: ARG002
        return {kind: lead + rest for kind, (lead, rest) in _PLANTED.items()}, _INNOCENT

    def _document(self, seed: int, name: str, value: str) -> Document:
        text = framed(seed, name, value, apart="\n")
        return Document(id=name, domain="code", kind="code", text=text, source="canary")
