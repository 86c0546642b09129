"""Filter plugins shipped with the forge: one module, one filter."""

from collections.abc import Sequence

from forge.hookspecs import hookimpl
from forge.steps import Filter


@hookimpl
def forge_filters() -> Sequence[type[Filter]]:
    """The filters of this distribution; what they need to do their work is imported when they do it."""
    from forge_filters.exact_dedup import ExactDedup
    from forge_filters.language import Language
    from forge_filters.length import Length

    return [Length, ExactDedup, Language]
