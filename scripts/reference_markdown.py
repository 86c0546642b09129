"""Markdown from Python: tables, types, signatures and docstrings. Pure functions of their arguments."""

import ast
import inspect
import re
import textwrap
import typing
from collections.abc import Iterator, Sequence
from typing import Any

SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):$")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; bars within cells are escaped."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def plain_type(hint: Any) -> str:
    """A type as one writes it, without the modules that it comes from."""
    name = hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
    return re.sub(r"\b(?:\w+\.)+(\w+)", r"\1", name)


def declaration(item: Any) -> str:
    """The source of a function up to its docstring, ending in ``...``."""
    source = textwrap.dedent(inspect.getsource(item))
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef)
    lines = source.splitlines()[node.lineno - 1 : node.body[0].lineno - 1]
    decorators = [f"@{ast.unparse(decorator)}" for decorator in node.decorator_list if _is_builtin(decorator)]
    return "\n".join([*decorators, *lines]) + " ..."


def class_declaration(item: type[Any]) -> str:
    """A class as its line, its annotated attributes and the declarations of its own public methods."""
    source = textwrap.dedent(inspect.getsource(item))
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.ClassDef)
    lines = source.splitlines()
    attributes = [
        "\n".join(lines[child.lineno - 1 : child.end_lineno]) for child in node.body if isinstance(child, ast.AnnAssign)
    ]
    methods = [textwrap.indent(declaration(method), "    ") for _, method in own_methods(item)]
    decorators = [f"@{ast.unparse(decorator)}" for decorator in node.decorator_list]
    return "\n".join(
        [*decorators, lines[node.lineno - 1], *attributes, *([""] if attributes and methods else []), *methods]
    )


def own_methods(item: type[Any]) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that the class itself defines, in the order of the source."""
    for name, member in vars(item).items():
        if name.startswith("_"):
            continue
        function = member.fget if isinstance(member, property) else member
        if inspect.isfunction(function) and function.__qualname__ == f"{item.__qualname__}.{name}":
            yield name, function


def docstring(item: Any) -> str:
    """The docstring as Markdown: sections such as ``Raises:`` become lists, backticks are single."""
    lines = (inspect.getdoc(item) or "").splitlines()
    return "\n".join(_converted(lines)).replace("``", "`").strip()


def _converted(lines: Sequence[str]) -> Iterator[str]:
    """Sections of Google style as bullet lists; everything else as it stands."""
    inside = False
    for line in lines:
        match = SECTION.match(line)
        if match:
            inside = True
            yield f"{match[1]}:"
            yield ""
        elif inside and line.startswith("    "):
            text = line[4:]
            yield f"  {text.strip()}" if text.startswith(" ") else f"- {_entry(text)}"
        else:
            inside = inside and not line.strip()
            yield line


def _entry(text: str) -> str:
    name, colon, rest = text.partition(": ")
    return f"`{name}`: {rest}" if colon and re.fullmatch(r"[\w, ]+", name) else text


def _is_builtin(decorator: ast.expr) -> bool:
    return isinstance(decorator, ast.Name) and decorator.id in ("property", "classmethod", "staticmethod")
