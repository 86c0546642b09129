"""Source plugins shipped with the forge: one module, one source."""

from collections.abc import Sequence

from forge.hookspecs import hookimpl
from forge.steps import Source


@hookimpl
def forge_sources() -> Sequence[type[Source]]:
    """The sources of this distribution; what they need to do their work is imported when they do it."""
    from forge_sources.ansible.source import Ansible
    from forge_sources.botocore.source import Botocore
    from forge_sources.github_docs.source import GithubDocs
    from forge_sources.google_discovery.source import GoogleDiscovery
    from forge_sources.hub.dataset import HfDataset
    from forge_sources.hub.models_source import HuggingFace
    from forge_sources.mcp.source import Mcp
    from forge_sources.openapi.directory import OpenApiDirectory
    from forge_sources.openapi.source import OpenApiDocuments
    from forge_sources.packages.source import Packages
    from forge_sources.python_modules.source import PythonModules
    from forge_sources.rapidapi.source import RapidApi
    from forge_sources.rows.source import Files
    from forge_sources.torchhub.source import TorchHub
    from forge_sources.trajectories.source import Trajectories
    from forge_sources.website.source import Website

    return [
        OpenApiDirectory,
        OpenApiDocuments,
        Botocore,
        Packages,
        RapidApi,
        Mcp,
        GithubDocs,
        Website,
        GoogleDiscovery,
        Ansible,
        PythonModules,
        Trajectories,
        Files,
        HfDataset,
        HuggingFace,
        TorchHub,
    ]
