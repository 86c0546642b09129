"""The modules, documentation fragments and collections that wheels or folders of Ansible hold together.

A module's documentation draws on fragments of its own collection, of others, and of ansible-core, so that all places
are looked at as one library. Collections say in ``MANIFEST.json`` which version and licence they have, and in
``meta/runtime.yml`` which modules are deprecated. Cost: 0.3 s to open the ansible wheel (21,000 names); a fragment is
read once a library.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from forge.records import UNKNOWN_LICENSE
from forge_sources.ansible.code import Undocumented, texts_of_fragment, yaml_part
from forge_sources.file_trees import Leaf, Tree
from forge_sources.openapi.document import mapping, text_of
from forge_sources.schema_keywords import Node
from forge_sources.spec_files import UnreadableSpec, combined

BUILTIN = "ansible.builtin"
SMALL_FILE = 4_000_000

_WORD = r"[A-Za-z0-9_]+"
_ROOT = rf"(?:.*/)?(?:ansible_collections/(?P<collection>{_WORD}/{_WORD})/plugins|ansible(?:/plugins(?=/doc_f))?)"
_MODULE = re.compile(rf"{_ROOT}/modules/(?P<name>(?:{_WORD}/)*{_WORD})\.(?P<suffix>py|yml|yaml)")
_FRAGMENT = re.compile(rf"{_ROOT}/doc_fragments/(?P<name>(?:{_WORD}/)*{_WORD})\.py")
_ABOUT = re.compile(rf"(?:.*/)?ansible_collections/({_WORD}/{_WORD})/(MANIFEST\.json|meta/runtime\.yml)")
_RELEASE = re.compile(r"(?:.*/)?ansible/release\.py")
_VERSION = re.compile(r"^__version__\s*=\s*['\"]([^'\"]{1,60})['\"]", re.MULTILINE)

# Galaxy wants one of these among a collection's tags; the others are free words.
_CATEGORIES = (
    "application",
    "cloud",
    "database",
    "eda",
    "infrastructure",
    "linux",
    "monitoring",
    "networking",
    "security",
    "storage",
    "tools",
    "windows",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module's file: where it is, and the name by which a task calls it."""

    place: int
    leaf: Leaf
    collection: str
    name: str

    @property
    def item(self) -> str:
        """As `Library.module` takes it."""
        return f"{self.place}:{self.leaf.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """What a collection says of itself. ``deprecations``: by module, from its ``meta/runtime.yml``."""

    version: str = ""
    category: str = ""
    license: str = UNKNOWN_LICENSE
    license_evidence: str = ""
    deprecations: Node = field(default_factory=dict)


class Library:
    """Several trees as one library.

    Attributes:
        lost: fragments that no tree holds or that cannot be read, with the reason; in order of discovery.
    """

    def __init__(self, trees: Sequence[Tree], licenses: Sequence[tuple[str, str]]) -> None:
        self.trees = trees
        self.lost: dict[str, str] = {}
        self._licenses = licenses
        self._fragments: dict[tuple[str, str], dict[str, str]] = {}
        self._parsed: dict[str, Node | None] = {}
        self._collections: dict[tuple[str, int], Collection] = {}
        self._files: dict[tuple[str, str], tuple[int, str]] = {}
        self._abouts: dict[tuple[str, str], tuple[int, str]] = {}
        digests = []
        for place, tree in enumerate(trees):
            for leaf in tree.leaves(_is_shared):
                digests += [str(place), leaf.name, leaf.digest]
                self._keep(place, leaf.name)
        self.shared = combined(digests)

    def modules(self) -> list[Module]:
        """All modules, by name; a module documented in a YAML file of its own counts as that file."""
        found: dict[str, Module] = {}
        for place, tree in enumerate(self.trees):
            for leaf in tree.leaves(lambda name: _named(_MODULE, name) is not None):
                module = _module(place, leaf)
                known = found.get(module.name)
                if known is None or (known.place == place and known.leaf.name.endswith(".py")):
                    found[module.name] = module
        return [module for _, module in sorted(found.items())]

    def module(self, item: str) -> tuple[Module, bytes]:
        """A module and its file by the module's ``item``.

        Raises:
            UnreadableSpec: it is too large, damaged or gone.
        """
        place, _, name = item.partition(":")
        module = _module(int(place), Leaf(name=name, digest="", size=0))
        return module, self.trees[int(place)].read(name, limit=SMALL_FILE)

    def collection(self, module: Module) -> Collection:
        """The collection that a module belongs to."""
        key = (module.collection, module.place)
        if key not in self._collections:
            self._collections[key] = self._collection(*key)
        return self._collections[key]

    def fragment(self, name: str, collection: str) -> Node | None:
        """A fragment by the name that documentation gives: ``amazon.aws.common.modules``; None notes it in `lost`.

        A name without a collection means ansible-core's, else that of the collection itself.
        """
        if "." not in name and (BUILTIN, name) not in self._files:
            name = f"{collection}.{name}"
        if name not in self._parsed:
            try:
                self._parsed[name] = mapping(yaml_part(self._fragment_text(name)))
            except (Undocumented, UnreadableSpec) as error:
                self.lost[name] = str(error)
                self._parsed[name] = None
        return self._parsed[name]

    def _keep(self, place: int, name: str) -> None:
        about = _ABOUT.fullmatch(name)
        if about is not None:
            self._abouts.setdefault((about[1].replace("/", "."), about[2].rpartition("/")[2]), (place, name))
        elif _RELEASE.fullmatch(name):
            self._abouts.setdefault((BUILTIN, "release.py"), (place, name))
        else:
            match = _named(_FRAGMENT, name)
            if match is not None:
                key = (_collection_of(match), match["name"].replace("/", "."))
                self._files.setdefault(key, (place, name))

    def _fragment_text(self, name: str) -> str:
        parts = name.split(".")
        inner = (".".join(parts[:2]), parts[2:]) if len(parts) > 2 else (BUILTIN, parts)
        if (inner[0], ".".join(inner[1])) in self._files:
            key, attribute = (inner[0], ".".join(inner[1])), "DOCUMENTATION"
        else:
            key, attribute = (inner[0], ".".join(inner[1][:-1])), inner[1][-1].upper()
        if key not in self._files:
            raise Undocumented("this documentation fragment is in none of the packages")
        if key not in self._fragments:
            place, file = self._files[key]
            source = self.trees[place].read(file, limit=SMALL_FILE).decode("utf-8", "replace")
            self._fragments[key] = texts_of_fragment(source)
        if attribute not in self._fragments[key]:
            raise Undocumented(f"this documentation fragment has no {attribute}")
        return self._fragments[key][attribute]

    def _collection(self, name: str, place: int) -> Collection:
        stated, evidence = self._licenses[place]
        if name == BUILTIN:
            found = _VERSION.search(self._about(name, "release.py").decode("utf-8", "replace"))
            return Collection(version=found[1] if found else "", license=stated, license_evidence=evidence)
        info = mapping(_json(self._about(name, "MANIFEST.json")).get("collection_info"))
        own = info.get("license")
        names = [text_of(item) for item in own if text_of(item)] if isinstance(own, list) else []
        if names:
            stated, evidence = " AND ".join(names), f"MANIFEST.json of {name}: license {', '.join(names)}"
        return Collection(
            version=text_of(info.get("version")),
            category=_category(info.get("tags")),
            license=stated,
            license_evidence=evidence,
            deprecations=self._deprecations(name),
        )

    def _deprecations(self, name: str) -> Node:
        try:
            runtime = mapping(yaml_part(self._about(name, "runtime.yml")))
        except Undocumented as error:
            self.lost[f"{name}/meta/runtime.yml"] = str(error)
            return {}
        routing = mapping(mapping(runtime.get("plugin_routing")).get("modules"))
        return {key: entry["deprecation"] for key, entry in routing.items() if mapping(entry).get("deprecation")}

    def _about(self, name: str, file: str) -> bytes:
        place, path = self._abouts.get((name, file), (0, ""))
        try:
            return self.trees[place].read(path, limit=SMALL_FILE) if path else b""
        except UnreadableSpec as error:
            self.lost[path] = str(error)
            return b""


def _is_shared(name: str) -> bool:
    """Whether a file may bear on the records of several modules."""
    if name.endswith(".py"):
        if "/doc_fragments/" in name:
            return _named(_FRAGMENT, name) is not None
        return name.endswith("release.py") and _RELEASE.fullmatch(name) is not None
    return name.endswith((".json", ".yml")) and _ABOUT.fullmatch(name) is not None


def _named(pattern: "re.Pattern[str]", path: str) -> "re.Match[str] | None":
    """The match of a plugin's path; none for a package's ``__init__.py``."""
    if "/modules/" not in path and "/doc_fragments/" not in path:
        return None
    match = pattern.fullmatch(path)
    return None if match is None or match["name"].rpartition("/")[2] == "__init__" else match


def _collection_of(match: "re.Match[str]") -> str:
    return match["collection"].replace("/", ".") if match["collection"] else BUILTIN


def _module(place: int, leaf: Leaf) -> Module:
    match = _named(_MODULE, leaf.name)
    if match is None:
        raise UnreadableSpec("is no module's file")
    collection = _collection_of(match)
    folder, _, own = match["name"].rpartition("/")
    # A leading underscore once marked deprecated modules; tasks call them without it.
    name = ".".join([collection, *folder.split("/"), own.lstrip("_")] if folder else [collection, own.lstrip("_")])
    return Module(place=place, leaf=leaf, collection=collection, name=name)


def _json(data: bytes) -> dict[str, Any]:
    try:
        return mapping(orjson.loads(data)) if data else {}
    except orjson.JSONDecodeError:
        return {}


def _category(tags: Any) -> str:
    words = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    return next((tag for tag in words if tag in _CATEGORIES), words[0] if words else "")
