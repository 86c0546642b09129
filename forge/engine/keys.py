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
    try:
        spec = importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        return b""
    if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
        return b""
    return Path(spec.origin).read_bytes()


def _imports(module: str, source: bytes) -> Iterator[str]:
    """Modules of the same top-level package that ``source`` imports; names that are no modules do no harm."""
    package = module.partition(".")[0]
    if package == "forge":  # the engine's own modules name what they depend on in the keys that they build
        return
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == package)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module)
            if base.partition(".")[0] == package and base != package:
                yield base
            if base == package:
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _base(node: ast.ImportFrom, module: str) -> str:
    if not node.level:
        return node.module or ""
    parents = module.split(".")[: -node.level]
    return ".".join([*parents, *([node.module] if node.module else [])])
