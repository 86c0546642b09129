"""Which discovery documents a wheel, folder or file holds, and which of them hold a service's preferred version.

Documents are named ``SERVICE.VERSION.json``. ``index.json``, the list of APIs that Google serves and the wheel carries,
says which version of a service is preferred; without it the newest stable one is. Cost: milliseconds for a wheel.
"""

import re
from collections.abc import Sequence
from typing import Any

import orjson

from forge_sources.file_trees import Leaf, Tree
from forge_sources.openapi.document import mapping, text_of
from forge_sources.spec_files import NOT_SPECS, SUFFIXES, UnreadableSpec

INDEX = "index.json"
INDEX_BYTES = 20_000_000
MOST_DOCUMENTS = 20_000
_STABLE = re.compile(r"v(\d{1,9})(?:[._](\d{1,9}))?")


def service_of(name: str) -> str:
    """The service by the file's name: ``drive`` of ``drive.v3.json``."""
    return name.rpartition("/")[2].partition(".")[0]


def version_of(name: str) -> str:
    """The version by the file's name: ``v3`` of ``drive.v3.json``."""
    return name.rpartition("/")[2].partition(".")[2].removesuffix(".gz").removesuffix(".json")


def documents(tree: Tree) -> Sequence[Leaf]:
    """The documents of a tree, without indexes."""
    return tree.leaves(_is_document)[:MOST_DOCUMENTS]


def preferred(tree: Tree, leaves: Sequence[Leaf]) -> frozenset[str]:
    """Names of the documents among ``leaves`` that hold the preferred version of their service."""
    names = [leaf.name for leaf in leaves]
    chosen: set[tuple[str, str]] = set()
    for leaf in tree.leaves(lambda name: name.rpartition("/")[2] == INDEX):
        chosen |= _chosen(tree, leaf.name)
    services = {service for service, _ in chosen}
    stated = {name for name in names if (service_of(name), version_of(name)) in chosen}
    return frozenset(stated | _newest([name for name in names if service_of(name) not in services]))


def _is_document(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    if not file.endswith(SUFFIXES) or file in NOT_SPECS or file == INDEX or file.startswith("."):
        return False
    return ".dist-info" not in folder


def _chosen(tree: Tree, name: str) -> set[tuple[str, str]]:
    """``(service, version)`` of what an index calls preferred; nothing if it cannot be read."""
    try:
        items: Any = mapping(orjson.loads(tree.read(name, limit=INDEX_BYTES))).get("items")
    except (UnreadableSpec, orjson.JSONDecodeError):  # then as if there were none: the documents say the rest
        return set()
    known = [mapping(item) for item in items] if isinstance(items, list) else []
    return {
        (text_of(item.get("name")), text_of(item.get("version"))) for item in known if item.get("preferred") is True
    }


def _newest(names: Sequence[str]) -> set[str]:
    """The newest stable version of each service, or the newest where none is stable."""
    best: dict[str, str] = {}
    for name in names:
        service = service_of(name)
        if service not in best or _age(version_of(name)) > _age(version_of(best[service])):
            best[service] = name
    return set(best.values())


def _age(version: str) -> tuple[bool, int, int, str]:
    stable = _STABLE.fullmatch(version)
    return (True, int(stable[1]), int(stable[2] or 0), version) if stable else (False, 0, 0, version)
