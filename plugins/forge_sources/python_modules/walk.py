"""The public functions, classes and methods of a package, each once, found without importing it.

griffe reads sources and stubs. What is public: names in ``__all__`` where a module has one, else names without a
leading underscore that the module itself defines or lifts out of a private module. An object that several modules
export is one: it goes by its own path if that is public, else by the shortest public path that leads to it. Cost: some
0.5 ms a function, of which griffe takes nearly all; memory: the package's syntax, some 10 kB a function.
"""

import ast
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import griffe

MOST_OBJECTS = 200_000
MOST_CHAIN = 32
_SCRIPT = re.compile(r"""^if __name__ == ["']__main__["']:.*(?:\n(?:[ \t#].*)?)*""", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicCallable:
    """Something to call.

    Attributes:
        path: the public dotted path.
        kind: ``function``, ``class`` or ``method``.
        definition: the function, or the class.
        others: further public paths of it, shortest first.
    """

    path: str
    kind: str
    definition: Any
    others: Sequence[str] = ()


class Unloadable(Exception):  # noqa: N818
    """A module that cannot be read; the message is one line."""


def load(module: str, *, search: Path) -> "griffe.Object":
    """The package or module below ``search``, read and never imported.

    Raises:
        Unloadable: it is not there, or its sources are no Python.
    """
    import griffe

    loader = griffe.GriffeLoader(allow_inspection=False, search_paths=[search], store_source=False)
    try:
        loaded = loader.load(module, try_relative_path=False)
    except (
        griffe.GriffeError,
        ImportError,
        SyntaxError,
        ValueError,
        RecursionError,
        KeyError,
        AttributeError,
    ) as error:
        raise Unloadable(
            f"griffe cannot read it: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
        ) from error
    if loaded.is_alias or not loaded.is_module:
        raise Unloadable("is no module")
    return loaded  # type: ignore[return-value]


def public(module: "griffe.Object", *, wanted: Callable[[str], bool]) -> list[PublicCallable]:
    """The public callables, by path.

    Args:
        wanted: says of a dotted module path whether what is defined or exported there counts.
    """
    found: dict[str, tuple[Any, list[str]]] = {}
    for path, item in _exported(module, wanted=wanted):
        found.setdefault(item.path, (item, []))[1].append(path)
    callables = []
    for own, (item, paths) in found.items():
        shortest = sorted(set(paths), key=lambda path: (path.count("."), path))
        path = own if own in paths else shortest[0]
        others = [other for other in shortest if other != path]
        kind = "class" if item.is_class else "function"
        callables.append(PublicCallable(path=path, kind=kind, definition=item, others=others))
        if item.is_class:
            callables += _methods(item, path)
    return sorted(callables, key=lambda one: one.path)


def unread(module: "griffe.Object", *, root: Path, files: Sequence[str]) -> list[tuple[str, str]]:
    """Those of ``files`` that are no Python, which griffe passes over, with the reason.

    Only files that it has not made a module of are parsed for it.
    """
    known: set[Path] = set()
    stack: list[Any] = [module]
    while stack:
        held = stack.pop()
        known.update(_files_of(held))
        stack.extend(member for member in held.members.values() if not member.is_alias and member.is_module)
    found = []
    for file in files:
        if root / file not in known:
            reason = _fault((root / file).read_bytes())
            if reason:
                found.append((file, reason))
    return found


def _files_of(module: Any) -> Sequence[Path]:
    import griffe

    try:
        return module.filepath if isinstance(module.filepath, list) else [module.filepath]
    except griffe.GriffeError:  # made up, without a file
        return []


def _fault(source: bytes) -> str:
    """Why a source is no Python; empty if it is."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # others' invalid escapes are theirs to mend
            ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"is no Python that can be parsed: {' '.join(str(error).split())[:200]}"
    return ""


def _exported(root: Any, *, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Any]]:
    """``(public path, function or class)`` of all public modules, aliases followed; each module once a path."""
    left = MOST_OBJECTS
    stack = [root]
    while stack and left > 0:
        module = stack.pop()
        if wanted(module.path):
            script = _script_lines(module)
            for name, member in [*module.members.items(), *_overloaded(module)]:
                left -= 1
                if not _is_public(module, name, member) or not _is_there(member, script):
                    continue
                item = _followed(member, root)
                if item is not None and (item.is_function or item.is_class):
                    yield f"{module.path}.{name}", item
        for name, member in module.members.items():
            if not member.is_alias and member.is_module and _is_open(module, name):
                stack.append(member)


def _is_there(member: Any, script: range) -> bool:
    """Whether an importer finds a member: it is not for type checkers alone, nor for the module run as a script."""
    line = member.alias_lineno if member.is_alias else member.lineno
    return bool(member.runtime) and (line or 0) not in script


def _script_lines(module: Any) -> range:
    """The lines of a module's ``if __name__ == "__main__":``, whose names nobody can import."""
    try:
        source = module.filepath.read_text("utf-8")
    except (OSError, AttributeError, UnicodeDecodeError):  # a namespace has several files, and none of its own
        return range(0)
    match = _SCRIPT.search(source)
    if match is None:
        return range(0)
    first = source.count("\n", 0, match.start()) + 1
    return range(first, first + match[0].count("\n") + 1)


def _overloaded(scope: Any) -> list[tuple[str, Any]]:
    """Functions of which a stub states overloads alone: the first one stands for them."""
    overloads = getattr(scope, "overloads", None) or {}
    return [(name, variants[0]) for name, variants in overloads.items() if variants and name not in scope.members]


def _is_public(module: Any, name: str, member: Any) -> bool:
    if module.exports is not None:
        return name in {str(export) if isinstance(export, str) else export.name for export in module.exports}
    if name.startswith("_"):
        return False
    # Without __all__, an import counts as an export where it lifts a name out of a private module.
    return not member.is_alias or any(part.startswith("_") for part in member.target_path.split(".")[1:-1])


def _is_open(module: Any, name: str) -> bool:
    """Whether a submodule's own names are public paths."""
    return not name.startswith("_") or (name in (module.exports or ()))


def _followed(member: Any, root: Any) -> Any:
    """What an alias stands for, within the package; None if that is elsewhere or nowhere."""
    import griffe

    for _ in range(MOST_CHAIN):
        if not member.is_alias:
            return member
        target = member.target_path
        if not target.startswith(f"{root.path.partition('.')[0]}."):
            return None
        try:
            member = member.target
        except (griffe.GriffeError, KeyError, RecursionError):
            return None
    return None


def _methods(owner: Any, path: str) -> Iterator[PublicCallable]:
    """A class's own public methods, and those of the classes in it."""
    stack = [(path, owner)]
    while stack:
        prefix, holder = stack.pop()
        for name, member in [*holder.members.items(), *_overloaded(holder)]:
            if name.startswith("_") or member.is_alias:
                continue
            if member.is_function and not (member.labels & {"property", "cached"}):
                yield PublicCallable(path=f"{prefix}.{name}", kind="method", definition=member)
            elif member.is_class and prefix.count(".") < MOST_CHAIN:
                yield PublicCallable(path=f"{prefix}.{name}", kind="class", definition=member)
                stack.append((f"{prefix}.{name}", member))
