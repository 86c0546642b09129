"""Content keys: what decides whether a piece of work has been done.

A key hashes the content of the input, the options of the step, and the step's code: the source text of its module and
of those modules of the same top-level package that it imports, however indirectly. An edit to a step redoes that step's
work and what follows from it, and nobody has to remember to bump a version. Reading a package's modules costs a few
milliseconds a step, once a process.
"""

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from forge.options import key_options
from forge.records import stable_id, to_json


def key_of(*parts: object) -> str:
    """A content key of the parts: 32 hex digits. Parts are strings or JSON values."""
    return stable_id(*(part if isinstance(part, str) else to_json(part) for part in parts))


def step_key(step: Any, *, thresholds: bool = True) -> str:
    """Key of a step: its class, options and code; without ``thresholds``, what its scores depend on."""
    kind = type(step)
    options = {name: plain(value) for name, value in key_options(step, thresholds=thresholds).items()}
    return key_of(f"{kind.__module__}.{kind.__qualname__}", options, code_version(kind.__module__))


def plain(value: Any) -> Any:
    """An option's value as JSON takes it."""
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    return value


@cache
def code_version(module: str) -> str:
    """Hash of the source of a module and of the modules of its own top-level package that it imports."""
    sources: dict[str, bytes] = {}
    pending = [module]
    while pending:
        name = pending.pop()
        if name in sources:
            continue
        sources[name] = _source(name)
        pending.extend(_imports(name, sources[name]))
    return stable_id(*(f"{name}:{stable_id(source.hex())}" for name, source in sorted(sources.items())))


def _source(module: str) -> bytes:
    """Source text of a module, or the bytes of a compiled one; nothing for what is no module."""
    spec = _spec(module)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return b""
    return Path(spec.origin).read_bytes()


def _spec(module: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        return None


def _is_package(module: str) -> bool:
    spec = _spec(module)
    return spec is not None and spec.submodule_search_locations is not None


def _imports(module: str, source: bytes) -> Iterator[str]:
    """Modules of the same top-level package that ``source`` imports, and the packages around them."""
    package = module.partition(".")[0]
    if package == "forge":  # the engine's own modules name what they depend on in the keys that they build
        return
    for name in _named(module, source):
        if name.partition(".")[0] == package:
            parents = name.split(".")
            yield from (".".join(parents[: length + 1]) for length in range(len(parents)))


def _named(module: str, source: bytes) -> Iterator[str]:
    """Every module that the imports in ``source`` may mean; only a package is looked into for modules."""
    spec = _spec(module)
    if spec is None or not str(spec.origin).endswith(".py"):
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module)
            yield base
            if _is_package(base):
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _base(node: ast.ImportFrom, module: str) -> str:
    """The module after ``from``; within a package's own ``__init__`` one dot means the package itself."""
    if not node.level:
        return node.module or ""
    parents = module.split(".")
    parents = parents[: len(parents) - node.level + int(_is_package(module))]
    return ".".join([*parents, *([node.module] if node.module else [])])
