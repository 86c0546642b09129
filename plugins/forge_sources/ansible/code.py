"""What a module's file documents: its ``DOCUMENTATION``, ``EXAMPLES`` and ``RETURN``, and a fragment's texts.

Nothing is imported and nothing is run. The assigned text is found by a regular expression and evaluated as a literal
alone; a file in which it stands in another form is parsed whole, which costs some 20 times as much. Cost: about 0.2 ms
a module.
"""

import ast
import re
from collections.abc import Iterator
from typing import Any

from forge_sources.yaml_documents import RefusedYaml, yaml_value

PARTS = ("DOCUMENTATION", "EXAMPLES", "RETURN")
LARGEST_SOURCE = 4_000_000

_ASSIGNED = re.compile(
    r"""^(DOCUMENTATION|EXAMPLES|RETURN)(?:[ ]*:[ ]*str)?[ ]*=[ ]*\\?\s*
        ([rR]?(\"\"\"|\'\'\')(.*?)(?<!\\)\3)[ ]*(?:\#.*)?$""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)


class Undocumented(Exception):  # noqa: N818
    """A module whose documentation cannot be read; the message is one line."""


def texts_of_module(source: str) -> dict[str, str]:
    """The parts that a module's Python source documents, by name.

    Raises:
        Undocumented: the file is no Python, or assigns no text to ``DOCUMENTATION``.
    """
    found: dict[str, str] = {}
    for match in _ASSIGNED.finditer(source):
        text = _literal(match[2])
        if text is not None:
            found[match[1]] = text
    if "DOCUMENTATION" not in found:
        found = _assigned(_parsed(source).body, PARTS)
    if "DOCUMENTATION" not in found:
        raise Undocumented("assigns no text to DOCUMENTATION")
    return found


def texts_of_fragment(source: str) -> dict[str, str]:
    """The texts that a file of documentation fragments holds, by the attribute's name.

    Raises:
        Undocumented: the file is no Python, or has no class ``ModuleDocFragment``.
    """
    for node in _parsed(source).body:
        if isinstance(node, ast.ClassDef) and node.name == "ModuleDocFragment":
            return _assigned(node.body, None) | _made(node.body)
    raise Undocumented("has no class ModuleDocFragment")


def values_of_sidecar(data: bytes) -> dict[str, Any]:
    """The parts of a module that is documented in a YAML file of its own.

    Raises:
        Undocumented: it is not YAML, or has no ``DOCUMENTATION``.
    """
    root = yaml_part(data)
    if not isinstance(root, dict) or not isinstance(root.get("DOCUMENTATION"), dict):
        raise Undocumented("holds no DOCUMENTATION")
    return root


def yaml_part(text: str | bytes) -> Any:
    """The value of one part.

    Raises:
        Undocumented: it is not YAML of a bearable size.
    """
    try:
        return yaml_value(text.encode("utf-8", "replace") if isinstance(text, str) else text)
    except RefusedYaml as error:
        raise Undocumented(str(error)) from error


def _parsed(source: str) -> ast.Module:
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # others' invalid escapes are theirs to mend
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise Undocumented(f"is not Python that can be parsed: {error}") from error


def _assigned(body: list[ast.stmt], names: tuple[str, ...] | None) -> dict[str, str]:
    """Texts assigned in ``body``; a ``+`` or ``%`` of texts counts as none."""
    found = {}
    for target, value in _assignments(body):
        if isinstance(target, ast.Name) and (names is None or target.id in names) and _is_text(value):
            found[target.id] = value.value
    return found


def _made(body: list[ast.stmt]) -> dict[str, str]:
    """Texts that a fragment's ``__init__`` gives its attributes: literals, formatted ones, and names for either.

    What a formatted text puts in at run time is not known; the name it goes by stands there instead.
    """
    known = _assigned(body, None)
    made: dict[str, str] = {}
    for function in body:
        if not isinstance(function, ast.FunctionDef) or function.name != "__init__":
            continue
        for target, value in _assignments(function.body):
            text = _text_of(value, known)
            name = (
                target.id if isinstance(target, ast.Name) else target.attr if isinstance(target, ast.Attribute) else ""
            )
            if text is not None and name:
                known[name] = text
                made[name] = text
    return made


def _text_of(value: Any, known: dict[str, str]) -> str | None:
    if _is_text(value):
        return str(value.value)
    if isinstance(value, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else ast.unparse(part.value).rpartition(".")[2]
            for part in _parts(value)
        )
    if isinstance(value, ast.Name):
        return known.get(value.id)
    return known.get(value.attr) if isinstance(value, ast.Attribute) else None


def _parts(text: ast.JoinedStr) -> list[Any]:
    return [part for part in text.values if isinstance(part, (ast.Constant, ast.FormattedValue))]


def _assignments(body: list[ast.stmt]) -> Iterator[tuple[ast.expr, Any]]:
    for node in body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield target, node.value
        elif isinstance(node, ast.AnnAssign):
            yield node.target, node.value


def _is_text(value: Any) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _literal(text: str) -> str | None:
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    return value if isinstance(value, str) else None
