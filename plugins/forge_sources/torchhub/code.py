"""What a ``hubconf.py`` offers, read from its syntax tree: nothing of a repository is ever run.

The entry points of torch.hub are the callables of ``hubconf.py`` whose names do not begin with an underscore: functions
and classes defined there, and those imported from the repository's own modules, which are looked up, through
``__init__`` files and star imports, to a depth of `DEEPEST`. Cost: a few milliseconds a module, each parsed once.

Source: the documentation of torch.hub (publishing models); ``torch/hub.py`` for what counts as an entry point.
"""

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

HUBCONF = "hubconf.py"
DEEPEST = 6
Callable_ = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry point: its ``name``, the ``node`` that defines it and the ``module`` (a path) where that lies.

    Where the definition was not found, ``node`` is None and ``problem`` says why.
    """

    name: str
    node: Callable_ | None = None
    module: str = ""
    problem: str = ""


@dataclass(slots=True)
class Repository:
    """Python modules of a repository by path, parsed when they are first needed."""

    files: Mapping[str, str]
    trees: dict[str, ast.Module | None] = field(default_factory=dict)

    def tree(self, path: str) -> ast.Module | None:
        """The syntax tree of a module; None if there is none or it is not Python."""
        if path not in self.trees:
            self.trees[path] = parsed(self.files[path]) if path in self.files else None
        return self.trees[path]

    def module_path(self, name: str, *, level: int, base: str) -> str | None:
        """The file of a module as an import names it, seen from the file ``base``; None if it is another's."""
        folder = PurePosixPath(base).parent
        for _ in range(level - 1):
            folder = folder.parent
        root = folder if level else PurePosixPath()
        stem = root.joinpath(*name.split(".")) if name else root
        for candidate in (f"{stem}.py", f"{stem}/__init__.py", f"src/{stem}.py", f"src/{stem}/__init__.py"):
            if candidate.removeprefix("./") in self.files:
                return candidate.removeprefix("./")
        return None


def parsed(text: str) -> ast.Module | None:
    """The syntax tree of Python code, None if it is none; what Python would warn of is nobody's business here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def dependencies(tree: ast.Module) -> list[str]:
    """The packages that ``dependencies = [...]`` names."""
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        if any(isinstance(target, ast.Name) and target.id == "dependencies" for target in targets):
            value = getattr(node, "value", None)
            parts = value.elts if isinstance(value, ast.List | ast.Tuple) else []
            return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return []


def entries(repository: Repository) -> Iterator[Entry]:
    """The entry points of ``hubconf.py``, in the order of their names; the last definition of a name counts."""
    found: dict[str, Entry] = {}
    tree = repository.tree(HUBCONF)
    for node in statements(tree) if tree is not None else ():
        if isinstance(node, Callable_):
            found[node.name] = Entry(name=node.name, node=node, module=HUBCONF)
        elif isinstance(node, ast.ImportFrom):
            for entry in _imported(repository, node, base=HUBCONF):
                found[entry.name] = entry
    yield from (found[name] for name in sorted(found) if not name.startswith("_") and _is_callable(found[name]))


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Top-level statements, those under ``if`` and ``try`` included, of which one branch runs."""
    waiting = list(reversed(tree.body))
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If | ast.Try):
            waiting.extend(reversed([*node.body, *node.orelse]))


def _is_callable(entry: Entry) -> bool:
    """Whether the name is offered: what is imported from elsewhere counts where its name looks like a model's."""
    return entry.node is not None or bool(entry.problem)


def _imported(repository: Repository, node: ast.ImportFrom, *, base: str) -> Iterator[Entry]:
    path = repository.module_path(node.module or "", level=node.level, base=base)
    for alias in node.names:
        if alias.name == "*":
            if path is not None:
                yield from _everything(repository, path, depth=1)
            continue
        name = alias.asname or alias.name
        if path is None and node.level == 0 and not _is_own(repository, node.module or ""):
            continue  # a helper from another package: os.path, typing, torch
        found = _lookup(repository, path, alias.name, depth=1) if path is not None else None
        if found is not None:
            yield Entry(name=name, node=found[0], module=found[1])
        elif not _is_module(repository, node, alias.name, base=base) and not alias.name.isupper():
            where = f"{'.' * node.level}{node.module or ''}"
            yield Entry(name=name, problem=f"{name} is imported from {where}, where it is not defined")


def _is_own(repository: Repository, module: str) -> bool:
    top = module.partition(".")[0]
    return any(path.startswith((f"{top}/", f"src/{top}/")) or path == f"{top}.py" for path in repository.files)


def _is_module(repository: Repository, node: ast.ImportFrom, name: str, *, base: str) -> bool:
    full = f"{node.module}.{name}" if node.module else name
    return repository.module_path(full, level=node.level, base=base) is not None


def _lookup(repository: Repository, path: str, name: str, *, depth: int) -> tuple[Callable_, str] | None:
    """Where a name that a module offers is defined."""
    tree = repository.tree(path) if depth <= DEEPEST else None
    if tree is None:
        return None
    for node in reversed(list(statements(tree))):
        if isinstance(node, Callable_) and node.name == name:
            return node, path
        if not isinstance(node, ast.ImportFrom):
            continue
        for alias in node.names:
            if alias.name != "*" and (alias.asname or alias.name) != name:
                continue
            following = repository.module_path(node.module or "", level=node.level, base=path)
            wanted = name if alias.name == "*" else alias.name
            found = _lookup(repository, following, wanted, depth=depth + 1) if following else None
            if found is not None:
                return found
    return None


def _everything(repository: Repository, path: str, *, depth: int) -> Iterator[Entry]:
    """What a star import brings: the names in ``__all__``, else all public ones."""
    tree = repository.tree(path) if depth <= DEEPEST else None
    if tree is None:
        return
    stated = _all_names(tree)
    for node in statements(tree):
        if isinstance(node, Callable_) and (node.name in stated if stated is not None else node.name[0] != "_"):
            yield Entry(name=node.name, node=node, module=path)
        elif isinstance(node, ast.ImportFrom):
            following = repository.module_path(node.module or "", level=node.level, base=path)
            for entry in _reexported(repository, node, following, depth=depth):
                if stated is None or entry.name in stated:
                    yield entry


def _reexported(repository: Repository, node: ast.ImportFrom, path: str | None, *, depth: int) -> Iterator[Entry]:
    if path is None:
        return
    for alias in node.names:
        if alias.name == "*":
            yield from _everything(repository, path, depth=depth + 1)
        elif (found := _lookup(repository, path, alias.name, depth=depth + 1)) is not None:
            yield Entry(name=alias.asname or alias.name, node=found[0], module=found[1])


def _all_names(tree: ast.Module) -> frozenset[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            parts = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else []
            return frozenset(
                part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)
            )
    return None
