"""How a recipe names a package: ``pip:flask``, ``pip-sdist:django==6.1.3``, ``npm:three@0.182.0``, ``apt:python3-doc``.

Pure text work. Names and versions are held to the letters that registries allow, so that none of them can reach a
client's command line as an option or a path.
"""

import re
from dataclasses import dataclass

from forge.records import stable_id

REGISTRIES = ("pip", "pip-sdist", "npm", "apt")

_SHAPE = re.compile(r"(?P<registry>[a-z-]+):(?P<name>@?[A-Za-z0-9][A-Za-z0-9._+/-]*?)(?:(?:==|=|@)(?P<version>.+))?")
_NAMES = {
    "pip": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"),
    "pip-sdist": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"),
    "npm": re.compile(r"(@[a-z0-9][a-z0-9._~-]*/)?[A-Za-z0-9][A-Za-z0-9._~-]*"),
    "apt": re.compile(r"[a-z0-9][a-z0-9.+-]+"),
}
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!~:_-]*")
_WHOLE_NPM_VERSION = re.compile(r"\d+\.\d+\.\d+([-+].*)?")
_NOT_SAFE = re.compile(r"[^A-Za-z0-9.+_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSpec:
    """One package that is asked for.

    Attributes:
        registry: one of `REGISTRIES`; ``pip`` takes the wheel, ``pip-sdist`` the source distribution.
        version: empty for whatever is newest; npm also takes a range or tag.
    """

    registry: str
    name: str
    version: str = ""

    @property
    def is_pinned(self) -> bool:
        """Whether the version names one release for good."""
        if self.registry == "npm":
            return _WHOLE_NPM_VERSION.fullmatch(self.version) is not None
        return bool(self.version)

    @property
    def key(self) -> str:
        """A file name for it, unique among specifications."""
        text = str(self)
        readable = _NOT_SAFE.sub("-", text.replace("==", "-")).strip("-.")
        return f"{readable}-{stable_id(text)[:8]}"

    def at(self, version: str) -> "PackageSpec":
        """The same package at a version."""
        return PackageSpec(registry=self.registry, name=self.name, version=version)

    def __str__(self) -> str:
        mark = {"npm": "@", "apt": "="}.get(self.registry, "==")
        return f"{self.registry}:{self.name}{mark}{self.version}" if self.version else f"{self.registry}:{self.name}"


def parse_spec(text: str) -> PackageSpec:
    """Read one package's name.

    Raises:
        ValueError: it is none, with the form that was expected.
    """
    match = _SHAPE.fullmatch(text.strip())
    if match is None:
        raise ValueError(
            f"{text!r} names no package; write REGISTRY:NAME or REGISTRY:NAME==VERSION, for example pip:flask==3.1.3, "
            "pip-sdist:django, npm:three@0.182.0, apt:python3-doc"
        )
    registry, name, version = match["registry"], match["name"], match["version"] or ""
    if registry not in REGISTRIES:
        raise ValueError(f"{text!r}: unknown registry {registry!r}; known: {', '.join(REGISTRIES)}")
    if _NAMES[registry].fullmatch(name) is None:
        raise ValueError(f"{text!r}: {name!r} is no name that {registry} knows")
    if version and _VERSION.fullmatch(version) is None:
        raise ValueError(f"{text!r}: {version!r} is no version; give one release, such as 1.2.3")
    return PackageSpec(registry=registry, name=name, version=version)
