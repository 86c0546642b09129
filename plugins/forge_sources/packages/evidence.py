"""The licence of a Python distribution together with the words that state it.

`packages_license` says which licence it is; here is added where that stands, so that a reader can check it:
``METADATA: License-Expression: MIT``. Cost: one parse of the metadata a distribution.
"""

import email
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forge.records import UNKNOWN_LICENSE
from forge_sources.packages.license import is_license_text, is_metadata, stated_license
from forge_sources.spec_files import UnreadableSpec

if TYPE_CHECKING:
    from forge_sources.file_trees import Tree

METADATA_BYTES = 4_000_000
EVIDENCE_CHARACTERS = 160


def wheel_license(archive: Path) -> tuple[str, str]:
    """SPDX expression and evidence from a wheel or source distribution; ``unknown`` and no words where in doubt.

    Raises:
        StepError: the archive is damaged.
    """
    from forge_sources.packages.archive import members

    registry = "pip" if archive.suffix == ".whl" else "pip-sdist"
    found = members(archive, wanted=lambda path: is_metadata(path, registry), limit=METADATA_BYTES)
    return stated_with_evidence([(member.path, member.data) for member in found if not member.problem])


def tree_license(tree: "Tree") -> tuple[str, str]:
    """As `wheel_license`, from a tree that is open already; nothing is stated where there is no metadata."""
    found = []
    for leaf in tree.leaves(lambda path: ".dist-info/" in path and is_metadata(path, "pip")):
        try:
            found.append((leaf.name, tree.read(leaf.name, limit=METADATA_BYTES)))
        except UnreadableSpec:  # then the other files decide
            continue
    return stated_with_evidence(found)


def stated_with_evidence(files: Sequence[tuple[str, bytes]]) -> tuple[str, str]:
    """The licence that a distribution's metadata states, else the one that its licence files agree on, with evidence.

    Args:
        files: path and bytes of ``METADATA`` or ``PKG-INFO`` and of the licence files.
    """
    texts: dict[str, str] = {}
    for path, data in files:
        found = stated_license(path, data)
        if found == UNKNOWN_LICENSE:
            continue
        name = path.rpartition("/")[2]
        if not is_license_text(path):
            return found, f"{name}: {_line(data)}"[:EVIDENCE_CHARACTERS]
        texts.setdefault(found, f"text of {name}")
    return next(iter(texts.items())) if len(texts) == 1 else (UNKNOWN_LICENSE, "")


def _line(metadata: bytes) -> str:
    """The header of the metadata that the licence was read from, in the order in which `packages_license` looks."""
    fields = email.message_from_string(metadata.decode("utf-8", "replace"))
    for name in ("License-Expression", "Classifier", "License"):
        lines = [" ".join(str(value).split()) for value in fields.get_all(name, [])]
        lines = [line for line in lines if line and (name != "Classifier" or line.startswith("License ::"))]
        if lines:
            return f"{name}: {', '.join(lines)}"
    return "License"
