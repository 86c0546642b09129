"""How much of the catalogue a run has called, and how evenly: counts and Gini coefficients. Linear in the calls."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How evenly some dialogues use what there is.

    Attributes:
        available: tools that could have been called; 0 where that is not known. used: different APIs called.
        providers: different providers of the tools.
        gini_apis, gini_providers: of the number of dialogues that use each, over those used at all.
    """

    available: int = 0
    used: int = 0
    providers: int = 0
    gini_apis: float = 0.0
    gini_providers: float = 0.0

    def __str__(self) -> str:
        """In a sentence."""
        share = f" of {self.available:,} ({self.used / self.available:.2%})" if self.available else ""
        return (
            f"Coverage: {self.used:,}{share} tools are called, of {self.providers:,} providers; Gini coefficient "
            f"{self.gini_apis:.2f} over these tools and {self.gini_providers:.2f} over the providers."
        )


def spread_of(called: Iterable[Iterable[str]], providers: Iterable[Iterable[str]], *, available: int = 0) -> Spread:
    """How evenly dialogues use the catalogue.

    Args:
        called: by dialogue the APIs that it calls. providers: by dialogue the providers of its tools.
        available: tools that could have been called; 0 where that is not known.
    """
    apis = Counter(api for each in called for api in set(each))
    owners = Counter(provider for each in providers for provider in set(each))
    return Spread(
        available=available,
        used=len(apis),
        providers=len(owners),
        gini_apis=gini(apis.values()),
        gini_providers=gini(owners.values()),
    )


def gini(counts: Iterable[int]) -> float:
    """The Gini coefficient of some counts (Gini, 1912): the mean difference of two of them over twice their mean."""
    ordered = sorted(counts)
    total = sum(ordered)
    if not total:
        return 0.0
    weighted = sum(rank * count for rank, count in enumerate(ordered, 1))
    return 2 * weighted / (len(ordered) * total) - (len(ordered) + 1) / len(ordered)
