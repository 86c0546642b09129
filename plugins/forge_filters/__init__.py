"""Filter plugins shipped with the forge: one module, one filter."""

from collections.abc import Sequence

from forge.hookspecs import hookimpl
from forge.steps import Filter


@hookimpl
def forge_filters() -> Sequence[type[Filter]]:
    """The filters of this distribution; what they need to do their work is imported when they do it."""
    from forge_filters.api_schema import ApiSchema
    from forge_filters.decontaminate import Decontaminate, DecontaminateMask
    from forge_filters.exact_dedup import ExactDedup
    from forge_filters.language import Language
    from forge_filters.length import Length
    from forge_filters.license import License
    from forge_filters.near_dedup import NearDedup
    from forge_filters.pii import Pii
    from forge_filters.quality import Quality
    from forge_filters.repetition import Repetition
    from forge_filters.secrets import Secrets
    from forge_filters.semantic_match import SemanticMatch

    return [
        Length,
        ExactDedup,
        NearDedup,
        Language,
        Quality,
        SemanticMatch,
        License,
        Repetition,
        ApiSchema,
        Pii,
        Secrets,
        Decontaminate,
        DecontaminateMask,
    ]
