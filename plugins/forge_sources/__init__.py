"""Source plugins shipped with the forge: one module, one source."""

from collections.abc import Sequence

from forge.hookspecs import hookimpl
from forge.steps import Source


@hookimpl
def forge_sources() -> Sequence[type[Source]]:
    """The sources of this distribution; what they need to do their work is imported when they do it."""
    from forge_sources.ansible import Ansible
    from forge_sources.botocore import Botocore
    from forge_sources.files_source import Files
    from forge_sources.github_docs import GithubDocs
    from forge_sources.google_discovery import GoogleDiscovery
    from forge_sources.hf_dataset import HfDataset
    from forge_sources.huggingface import HuggingFace
    from forge_sources.mcp_servers import Mcp
    from forge_sources.openapi_directory import OpenApiDirectory
    from forge_sources.openapi_source import OpenApiDocuments
    from forge_sources.packages import Packages
    from forge_sources.python_modules import PythonModules
    from forge_sources.rapidapi import RapidApi
    from forge_sources.torchhub import TorchHub
    from forge_sources.trajectories import Trajectories
    from forge_sources.website import Website

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
