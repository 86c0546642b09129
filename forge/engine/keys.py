"""Content keys: what decides whether a piece of work has been done.

A key hashes the content of the input, the options of the step, and the step's code: the source text of its module and
of those modules of the same top-level package that it imports, however indirectly. An edit to a step redoes that step's
work and what follows from it, and nobody has to remember to bump a version. Each module is read and parsed once a
process, about a millisecond each.
"""

import ast
import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from forge.options import key_options
from forge.records import stable_id, to_json

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


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
    """Hash of the source of a module and of the modules of its own top-level package that it imports.

    Of the packages around a module only what runs when they are imported counts, not the bodies of their functions: a
    plugin package whose ``__init__`` registers one more source has changed none of the others.
    """
    whole: set[str] = set()
    around: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        if name not in whole:
            whole.add(name)
            pending.extend(_read(name).imports)
            outer = [parent for parent in _parents(name) if parent not in around]
            around.update(outer)
            pending.extend(found for parent in outer for found in _read(parent).imports_when_loaded)
    texts = {name: _read(name).digest for name in whole}
    texts.update({f"{name} when loaded": _read(name).digest_when_loaded for name in around - whole})
    return stable_id(*(f"{name}:{digest}" for name, digest in sorted(texts.items())))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Module:
    """What of a module bears on those that import it.

    Attributes:
        digest: hash of its source. imports: modules of its top-level package that it names in any import.
        digest_when_loaded, imports_when_loaded: the same without the bodies of its functions.
    """

    digest: str
    imports: tuple[str, ...] = ()
    digest_when_loaded: str = ""
    imports_when_loaded: tuple[str, ...] = ()


@cache
def _read(module: str) -> _Module:
    """A module's source, or the bytes of a compiled one; nothing for what is no module."""
    spec = _spec(module)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return _Module(digest="")
    source = Path(spec.origin).read_bytes()
    digest = stable_id(source.hex())
    # The engine's own modules name what they depend on in the keys that they build.
    if not spec.origin.endswith(".py") or module.partition(".")[0] == "forge":
        return _Module(digest=digest, digest_when_loaded=digest)
    tree = ast.parse(source)
    loaded = ast.Module(body=[node for node in tree.body if not isinstance(node, _FUNCTIONS)], type_ignores=[])
    return _Module(
        digest=digest,
        imports=tuple(_imports(module, tree)),
        digest_when_loaded=stable_id(ast.unparse(loaded)),
        imports_when_loaded=tuple(_imports(module, loaded)),
    )


@cache
def _spec(module: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(module)
    except (ModuleNotFoundError, ValueError):
        return None


def _is_package(module: str) -> bool:
    spec = _spec(module)
    return spec is not None and spec.submodule_search_locations is not None


def _parents(module: str) -> list[str]:
    """The packages around a module."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def _imports(module: str, tree: ast.Module) -> Iterator[str]:
    """Modules of the same top-level package that a tree imports; of a package that is named only for a module in it,
    that module.
    """
    own = module.partition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == own)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, module)
            if base.partition(".")[0] == own:
                yield from _imported_from(base, [alias.name for alias in node.names])


def _imported_from(base: str, names: Sequence[str]) -> Iterator[str]:
    if not _is_package(base):
        yield base
        return
    for name in names:
        inner = f"{base}.{name}"
        yield inner if _spec(inner) is not None else base


def _base(node: ast.ImportFrom, module: str) -> str:
    """The module after ``from``; within a package's own ``__init__`` one dot means the package itself."""
    if not node.level:
        return node.module or ""
    parents = module.split(".")
    parents = parents[: len(parents) - node.level + int(_is_package(module))]
    return ".".join([*parents, *([node.module] if node.module else [])])
