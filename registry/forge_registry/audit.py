"""What is asked of a catalogue about its balance: APIs by provider, category, kind, source and licence.

Counts are made when they are asked for, over short columns only: some 50 milliseconds for 170,000 rows.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from forge_registry.connection import opened

RULES: Mapping[str, str] = {
    "raw": "apis",
    "distinct": "distinct_apis",
    "documented": "documented_apis",
    "strict": "strict_apis",
}
"""The counting rules of `forge status` with the view that holds what each of them counts."""

FACETS: Mapping[str, str] = {
    "provider": "provider",
    "category": "coalesce(nullif(category, ''), '(none)')",
    "kind": "kind",
    "source": "source",
    "licence": "license",
}


def shares(path: Path, *, rule: str) -> dict[str, dict[str, int]]:
    """APIs by facet and label, the largest first; ``rule`` is a key of `RULES`.

    Raises:
        CatalogError: there is no catalogue, or it cannot be read.
    """
    found: dict[str, dict[str, int]] = {}
    with opened(path) as connection:
        for facet, expression in FACETS.items():
            rows = connection.execute(
                f"SELECT {expression} AS label, count(*) AS apis FROM {RULES[rule]} "
                "GROUP BY label ORDER BY apis DESC, label"
            ).fetchall()
            found[facet] = {str(label): int(apis) for label, apis in rows}
    return found


def descriptions(path: Path, *, rule: str, most: int) -> Sequence[str]:
    """Descriptions of the APIs with the smallest ids: ids are hashes, so that this is an even sample of them all."""
    with opened(path) as connection:
        rows = connection.execute(
            f"SELECT description FROM {RULES[rule]} WHERE description <> '' ORDER BY id LIMIT ?", [most]
        ).fetchall()
    return [str(text) for (text,) in rows]
