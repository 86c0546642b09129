"""A PEP 517 build backend that builds nothing: it answers pip's question for metadata from the sdist's own PKG-INFO.

``pip download`` of a source distribution asks its build backend for metadata: that installs build requirements and runs
the package's code, though all that is wanted is the archive. This file is copied as ``sitecustomize.py`` to a folder on
the PYTHONPATH of pip, with build isolation off: in the process that pip starts for the backend, and in no other, it
takes the backend's place under the backend's name. Nothing of the package is then imported, and nothing is installed.

It must run alone, in any Python >= 3.8, and so imports the standard library only. Cost: none beyond pip's own process.

Source: PEP 517 (hooks), PEP 643 (PKG-INFO in source distributions), the environment variables of ``pyproject_hooks``.
"""

import email
import os
import sys
import types
from pathlib import Path
from typing import Any

BACKEND_VARIABLES = ("_PYPROJECT_HOOKS_BUILD_BACKEND", "PEP517_BUILD_BACKEND")
PATH_VARIABLES = ("_PYPROJECT_HOOKS_BACKEND_PATH", "PEP517_BACKEND_PATH")


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Any = None) -> str:  # noqa: ARG001
    """Write ``NAME-VERSION.dist-info`` from ``PKG-INFO`` in the current directory; returns the folder's name."""
    raw = Path("PKG-INFO").read_bytes()
    fields = email.message_from_bytes(raw)
    name, version = (str(fields[key]).strip().replace("-", "_") for key in ("Name", "Version"))
    folder = Path(metadata_directory) / f"{name}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_bytes(raw)
    return folder.name


def stand_in(backend: str) -> None:
    """Make ``import`` of the backend ``module.path:object.path`` yield the hook above."""
    module_path, _, object_path = backend.partition(":")
    holder: Any = None
    parts = module_path.split(".")
    for end in range(1, len(parts) + 1):
        module: Any = types.ModuleType(".".join(parts[:end]))
        module.__path__ = []
        sys.modules[module.__name__] = module
        if holder is not None:
            setattr(holder, parts[end - 1], module)
        holder = module
    for attribute in filter(None, object_path.split(".")):
        setattr(holder, attribute, types.SimpleNamespace())
        holder = getattr(holder, attribute)
    holder.prepare_metadata_for_build_wheel = prepare_metadata_for_build_wheel


if __name__ == "sitecustomize":
    for _variable in PATH_VARIABLES:
        os.environ.pop(_variable, None)
    for _variable in BACKEND_VARIABLES:
        if os.environ.get(_variable):
            stand_in(os.environ[_variable])
