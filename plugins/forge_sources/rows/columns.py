"""From a row of somebody's table to a Document: which column is the text, the licence, the address.

Column names may lead into nested fields by dots (``metadata.license``). A row without text is a `Reject`. Cost: a few
microseconds a row.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from forge.records import DOMAINS, UNKNOWN_LICENSE, Document, Domain, Reject, stable_id
from forge_sources.hub.license import hub_license
from forge_sources.rows.reader import Row

KINDS: Mapping[Domain, str] = {"agent": "api_doc", "code": "code", "text": "prose"}
_MISSING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """How rows become documents.

    Attributes:
        source: label of the source that makes them; domain, kind: of the documents.
        text: the column with the text. id, url: columns with the row's own name and address; empty: none.
        license_column: a column with an SPDX expression, a hub identifier, or a list of them.
        license: the licence where the column is empty or says nothing that is known. evidence: where that is stated.
        meta: columns kept in the document's meta, under their own names.
    """

    source: str
    domain: Domain
    kind: str = ""
    text: str = "text"
    id: str = ""
    url: str = ""
    license_column: str = ""
    license: str = UNKNOWN_LICENSE
    evidence: str = ""
    meta: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.domain not in get_args(Domain):
            raise ValueError(f"domain is {', '.join(DOMAINS)}; this is {self.domain!r}")

    @property
    def names(self) -> list[str]:
        """The columns that are read, without repetition."""
        used = (self.text, self.id, self.url, self.license_column, *self.meta)
        return list(dict.fromkeys(name for name in used if name))

    def document(self, row: Row, *, identity: Sequence[str] = ()) -> Document | Reject:
        """The row as a document; its id is made of the source, the domain and ``identity``, or of the locator."""
        value = row.value
        if not isinstance(value, Mapping):
            return Reject(locator=row.locator, reason=f"the row is {_kind_of(value)}, not an object with columns")
        text = field(value, self.text)
        if text is _MISSING:
            known = ", ".join(list(value)[:12])
            return Reject(locator=row.locator, reason=f"has no column {self.text}; it has {known}")
        if not isinstance(text, str) or not text.strip():
            what = "is empty" if text is None or isinstance(text, str) else f"is {_kind_of(text)}, not text"
            return Reject(locator=row.locator, reason=f"{self.text} {what}")
        expression, evidence = self._license(value)
        own = {name: _plain(found) for name in (self.id, *self.meta) if name and _has(found := field(value, name))}
        return Document(
            id=stable_id(self.source, self.domain, self.text, *(identity or (row.locator,))),
            domain=self.domain,
            kind=self.kind or KINDS[self.domain],
            text=text,
            source=self.source,
            url=_text_of(field(value, self.url)) if self.url else None,
            license=expression,
            meta={**own, "locator": row.locator, **({"license_evidence": evidence} if evidence else {})},
        )

    def _license(self, value: Mapping[str, Any]) -> tuple[str, str]:
        if self.license_column:
            expression, words = hub_license(field(value, self.license_column))
            if expression != UNKNOWN_LICENSE or (words and self.license == UNKNOWN_LICENSE):
                return expression, f"column {self.license_column}: {words}"
        return self.license, self.evidence


def field(value: Mapping[str, Any], name: str) -> Any:
    """The value of a column, or of a nested field by its dotted name; a marker if there is none."""
    if name in value:
        return value[name]
    found: Any = value
    for part in name.split("."):
        if not isinstance(found, Mapping) or part not in found:
            return _MISSING
        found = found[part]
    return found


def _has(found: Any) -> bool:
    return found is not _MISSING and found is not None


def _text_of(found: Any) -> str | None:
    return found if isinstance(found, str) and found else None


def _plain(found: Any) -> Any:
    """A value that JSON can hold: dates and decimals as text, bytes by their length."""
    if isinstance(found, Mapping):
        return {str(key): _plain(each) for key, each in found.items()}
    if isinstance(found, list | tuple):
        return [_plain(each) for each in found]
    if isinstance(found, float) and math.isnan(found):
        return None
    if isinstance(found, int) and not -(2**63) <= found < 2**63:
        return str(found)
    if found is None or isinstance(found, str | int | float | bool):
        return found
    return f"{len(found)} bytes" if isinstance(found, bytes) else str(found)


def _kind_of(value: Any) -> str:
    kinds = {dict: "an object", list: "a list", str: "a text", bytes: "bytes", bool: "a flag", type(None): "null"}
    return kinds.get(type(value), "a number")
