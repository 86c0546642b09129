"""Source plugins shipped with the forge: one module, one source."""

from collections.abc import Sequence

from forge.hookspecs import hookimpl
from forge.steps import Source


@hookimpl
def forge_sources() -> Sequence[type[Source]]:
    """The sources of this distribution; what they need to do their work is imported when they do it."""
    from forge_sources.botocore import Botocore
    from forge_sources.openapi_directory import OpenApiDirectory
    from forge_sources.packages import Packages

    return [OpenApiDirectory, Botocore, Packages]
