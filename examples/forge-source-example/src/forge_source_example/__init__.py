"""A plugin package: one source and one filter, offered to the forge by the entry point in ``pyproject.toml``.

Hooks are called whenever the forge starts, so they return classes and do nothing else.
"""

from collections.abc import Sequence

from forge.hookspecs import hookimpl
from forge.steps import Filter, Source


@hookimpl
def forge_sources() -> Sequence[type[Source]]:
    """The sources of this package."""
    from forge_source_example.jsonl_apis import JsonlApis

    return [JsonlApis]


@hookimpl
def forge_filters() -> Sequence[type[Filter]]:
    """The filters of this package."""
    from forge_source_example.min_words import MinWords

    return [MinWords]
