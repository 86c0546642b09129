"""How much of the catalogue a run has touched, and how evenly: coverage and Gini coefficients. Linear in the APIs."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from forge_trajectories.blueprint import Blueprint


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What some blueprints make use of.

    Attributes:
        blueprints: how many there are. available: APIs that could have been used; 0 where that is not known.
        offered: different APIs offered or called for. used: different APIs that are called, or that a request without
            a fitting tool is about.
        providers: different providers of the used ones.
        gini_apis, gini_providers: of the number of uses, over those that are used at all: 0 where each is used equally
            often, near 1 where one has them all.
        by_kind: blueprints by kind. by_provider: uses by provider, the most used first.
    """

    blueprints: int
    available: int
    offered: int
    used: int
    providers: int
    gini_apis: float
    gini_providers: float
    by_kind: dict[str, int]
    by_provider: dict[str, int]

    @property
    def share(self) -> float:
        """Used APIs of those available; 0 where that is not known."""
        return self.used / self.available if self.available else 0.0


def coverage(blueprints: Iterable[Blueprint], *, available: int = 0) -> Coverage:
    """Count what ``blueprints`` use, of ``available`` APIs."""
    kinds: Counter[str] = Counter()
    apis: Counter[str] = Counter()
    providers: Counter[str] = Counter()
    offered: set[str] = set()
    for blueprint in blueprints:
        kinds[blueprint.kind] += 1
        offered |= {operation.api for operation in blueprint.operations}
        wanted = set(blueprint.needed or blueprint.withheld)
        for operation in blueprint.operations:
            if operation.tool in wanted:
                apis[operation.api] += 1
                providers[operation.provider] += 1
    return Coverage(
        blueprints=kinds.total(),
        available=available,
        offered=len(offered),
        used=len(apis),
        providers=len(providers),
        gini_apis=gini(apis.values()),
        gini_providers=gini(providers.values()),
        by_kind=dict(sorted(kinds.items())),
        by_provider=dict(sorted(providers.items(), key=lambda item: (-item[1], item[0]))),
    )


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
