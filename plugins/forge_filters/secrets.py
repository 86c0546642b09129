"""Filter ``secrets``: replaces keys, tokens and passwords by placeholders, or drops the documents that hold them.

Keys in the formats of known providers, private keys in PEM, passwords in addresses, and values of high entropy that are
assigned to a secret's name; not what documentation makes up (``AKIAIOSFODNN7EXAMPLE``, ``sk-xxxx``). See
`forge_filters.secrets_formats` for what counts and `forge_filters.pii_redaction` for the placeholders.

Documents with loss spans keep their length and so their spans. Some 150 MB a second: one pass of RE2 over the text,
and Python for the few lines that it leaves.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from forge.records import Document
from forge.steps import Canary, Context, Corpus, Verdicts, canary_text, option
from forge_filters.pii_redaction import Rules, redact, verdicts
from forge_filters.secrets_formats import BLOCK, KINDS, PREFILTER, find_blocks, find_in_line

if TYPE_CHECKING:
    import pyarrow as pa

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
class Secrets:
    """Redacts, or drops, documents that hold keys."""

    name: ClassVar[str] = "secrets"
    columns: ClassVar[tuple[str, ...]] = ("text", "meta")
    rewrites: ClassVar[bool] = True

    action: Literal["redact", "drop"] = option("redact", help="redact: put placeholders; drop: drop the document")
    drop_above: int | None = option(None, help="drop, and do not redact, a document with more finds", unit="finds")

    def __post_init__(self) -> None:
        if self.drop_above is not None and self.drop_above < 0:
            raise ValueError(f"drop_above = {self.drop_above} is no number of finds; give 0 or more")

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:  # noqa: ARG002
        """Needs none."""
        return None

    def judge(self, batch: "pa.RecordBatch", state: Path | None) -> Verdicts:  # noqa: ARG002
        """Score: how many finds. A dropped document's reason is the first of its kinds."""
        found = redact(batch.column("text"), batch.column("meta"), _RULES)
        return verdicts(found, most=0 if self.action == "drop" else self.drop_above)

    def canaries(self, seed: int) -> Sequence[Canary]:
        """Documents with keys of four kinds, and one with those that documentation shows."""
        made = [
            Canary(name=kind, documents=[_document(seed, kind, lead + rest)], gone={kind: [lead + rest]})
            for kind, (lead, rest) in _PLANTED.items()
        ]
        return [*made, Canary(name="innocent", documents=[_document(seed, "innocent", _INNOCENT)], kept=["innocent"])]


def _document(seed: int, name: str, value: str) -> Document:
    text = f"{canary_text(seed, name, words=60)}\n{value}\n{canary_text(seed, name + ' after', words=60)}"
    return Document(id=name, domain="code", kind="code", text=text, source="canary")
