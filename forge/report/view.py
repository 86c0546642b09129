"""What the page derives from its data before it is drawn: shares asked for, the funnel, what to list and what to fold.

Everything here is arithmetic over a few dozen rows; order never depends on a mapping's insertion order alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forge.manifest import Count, Manifest
from forge.records import DOMAINS, UNKNOWN_LICENSE
from forge.report.data import FilterRow, ReportData

PALETTE = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRow:
    """One domain of the mix.

    Attributes:
        asked, achieved: shares of the tokens, 0 to 1.
        off: achieved minus asked, in percentage points.
        available: tokens that were there to draw on; None where unknown.
        color: index into the page's palette.
    """

    name: str
    asked: float
    achieved: float
    off: float
    tokens: int
    documents: int
    available: int | None
    color: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelRow:
    """One step of the funnel: ``kept`` of ``seen`` documents, both also as shares of all that were collected."""

    label: str
    seen: int
    kept: int
    dropped: int
    seen_share: float
    kept_share: float
    reasons: Sequence[tuple[str, int]]


def domain_rows(data: ReportData) -> Sequence[DomainRow]:
    """Rows in the usual order of domains, others after them by name; a domain asked for and not achieved has zeros."""
    counts = {count.name: count for count in data.manifest.domains}
    wanted = [name for name, part in data.manifest.mix.items() if part]
    present = [name for name, tokens in data.available.items() if tokens]
    parts = sum(data.manifest.mix.values()) or 1.0
    names = sorted({*counts, *wanted, *present}, key=_domain_order)
    rows = []
    for index, name in enumerate(names):
        count = counts.get(name, Count(name=name, tokens=0, documents=0, share=0.0))
        asked = data.manifest.mix.get(name, 0.0) / parts
        rows.append(
            DomainRow(
                name=name,
                asked=asked,
                achieved=count.share,
                off=round((count.share - asked) * 100, 4) + 0.0,
                tokens=count.tokens,
                documents=count.documents,
                available=data.available.get(name),
                color=index % PALETTE,
            )
        )
    return rows


def funnel(data: ReportData) -> Sequence[FunnelRow]:
    """The filters in order, then the mix: what it left aside was kept by every filter but not drawn."""
    rows = list(data.filters) or _filters_of(data.manifest)
    if not rows:
        return []
    entered = max(rows[0].seen, 1)
    if data.filters:
        left = rows[-1].kept
        rows.append(FilterRow(label="mix", seen=left, kept=min(data.manifest.documents, left)))
    return [_funnel_row(row, entered=entered) for row in rows]


def _funnel_row(row: FilterRow, *, entered: int) -> FunnelRow:
    return FunnelRow(
        label=row.label,
        seen=row.seen,
        kept=row.kept,
        dropped=row.seen - row.kept,
        seen_share=min(row.seen / entered, 1.0),
        kept_share=min(row.kept / entered, 1.0),
        reasons=ranked(row.reasons),
    )


def _filters_of(manifest: Manifest) -> list[FilterRow]:
    """The funnel as far as a manifest alone tells it: its drops, over the documents that went into the export."""
    labels = list(dict.fromkeys(drop.filter for drop in manifest.drops))
    remaining = manifest.documents + sum(drop.documents for drop in manifest.drops)
    rows = []
    for label in labels:
        reasons: dict[str, int] = {}
        for drop in manifest.drops:
            if drop.filter == label:
                reasons[drop.reason] = reasons.get(drop.reason, 0) + drop.documents
        kept = remaining - sum(reasons.values())
        rows.append(FilterRow(label=label, seen=remaining, kept=kept, reasons=reasons))
        remaining = kept
    return rows


def by_tokens(counts: Sequence[Count]) -> Sequence[Count]:
    """Largest first."""
    return sorted(counts, key=lambda count: (-count.tokens, count.name))


def ranked(counts: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    """Names with their numbers, largest first."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def unknown_share(manifest: Manifest) -> float:
    """Share of the tokens whose licence nobody stated."""
    return sum(count.share for count in manifest.licences if count.name == UNKNOWN_LICENSE)


def _domain_order(name: str) -> tuple[int, str]:
    return (DOMAINS.index(name) if name in DOMAINS else len(DOMAINS), name)
