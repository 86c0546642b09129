"""What a docstring says, whichever of the three styles it is written in: Google's, NumPy's, Sphinx's.

griffe parses; here its sections become plain values. The style is found by griffe's heuristics unless one is forced.
Docstrings are text: nothing in them is run, doctests included. Cost: some 100 microseconds a docstring.
"""

import ast
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from forge_sources.markup import clip

if TYPE_CHECKING:
    import griffe

Style = Literal["auto", "google", "numpy", "sphinx"]
STYLES: tuple[Style, ...] = ("auto", "google", "numpy", "sphinx")

DOCSTRING_CHARACTERS = 40_000
DESCRIPTION_CHARACTERS = 2_000
PARAMETER_CHARACTERS = 400
MOST_ERRORS = 10
MOST_CALLS = 2
MOST_LINES = 40

_DEPRECATED = re.compile(r"^\s*(\.\. deprecated::|\**Deprecated\b[\s:.(*])", re.MULTILINE)
_ROLE = re.compile(r":[a-zA-Z][\w:+-]{0,30}:`~?([^`<]{1,200})(?:\s<[^`>]{0,200}>)?`")
_CITATION = re.compile(r"(\[[\w.*#-]{1,40}\])_(?!\w)")
_QUIET: Mapping[str, Any] = {
    "google": {"warnings": False},
    "numpy": {"warnings": False},
    "sphinx": {"warnings": False},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Documented:
    """A docstring's contents.

    Attributes:
        description: the text before and between the sections.
        parameters: what is said of each parameter, by name.
        types: the type that the docstring states for a parameter, where it does, by name.
        returns, returns_type: what is said of the returned value, and its type.
        errors: each ``{"code": exception, "description"}``.
        deprecated: whether a directive or the first word of a paragraph says so.
        doctest: the interactive lines, prompts and answers, as they stand.
    """

    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    returns: str = ""
    returns_type: str = ""
    errors: Sequence[Mapping[str, str]] = ()
    deprecated: bool = False
    doctest: str = ""


def read(docstring: "griffe.Docstring | None", style: Style) -> Documented:
    """What ``docstring`` says; nothing where there is none."""
    if docstring is None or not docstring.value.strip():
        return Documented()
    raw = docstring.value
    if len(raw) > DOCSTRING_CHARACTERS:
        docstring.value = raw = raw[:DOCSTRING_CHARACTERS]
    gathered = _Gathered()
    for section in _sections(docstring, style):
        gathered.add(section)
    return Documented(
        description=clip("\n\n".join(gathered.texts), DESCRIPTION_CHARACTERS),
        parameters=gathered.parameters,
        types=gathered.types,
        returns=gathered.returns,
        returns_type=gathered.returns_type,
        errors=gathered.errors[:MOST_ERRORS],
        deprecated=gathered.deprecated or _DEPRECATED.search(raw) is not None,
        doctest=doctest_lines(raw),
    )


def _sections(docstring: "griffe.Docstring", style: Style) -> "Sequence[griffe.DocstringSection]":
    import griffe

    if style == "auto":
        return griffe.parse_auto(docstring, default=griffe.Parser.google, per_style_options=dict(_QUIET))  # type: ignore[arg-type]
    return docstring.parse(style, warnings=False)


class _Gathered:
    """The sections of one docstring, while they are put together."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.parameters: dict[str, str] = {}
        self.types: dict[str, str] = {}
        self.errors: list[dict[str, str]] = []
        self.returns = ""
        self.returns_type = ""
        self.deprecated = False

    def add(self, section: "griffe.DocstringSection") -> None:
        kind = section.kind.value
        if kind == "text":
            self.texts.append(plain_text(section.value))
        elif kind in ("parameters", "other parameters", "keyword arguments"):
            for item in section.value:
                self._add_parameter(item)
        elif kind in ("returns", "yields") and not self.returns:
            items = section.value
            self.returns = clip("\n".join(plain_text(item.description) for item in items), PARAMETER_CHARACTERS)
            self.returns_type = str(items[0].annotation or "") if len(items) == 1 else ""
        elif kind == "raises":
            for item in section.value:
                text = clip(plain_text(item.description), PARAMETER_CHARACTERS)
                self.errors.append({"code": str(item.annotation or "").rpartition(".")[2][:80], "description": text})
        elif kind == "deprecated" or (kind == "admonition" and "deprecated" in str(section.value.kind).lower()):
            self.deprecated = True

    def _add_parameter(self, item: Any) -> None:
        # NumPy's style documents several parameters in one entry: "x, y : float".
        for name in str(item.name).split(","):
            bare = name.strip().lstrip("*")
            self.parameters[bare] = clip(plain_text(item.description), PARAMETER_CHARACTERS)
            if item.annotation:
                self.types[bare] = str(item.annotation)


def plain_text(text: str) -> str:
    """Text without reStructuredText's roles, citation marks and doubled backquotes; the rest stays as it is read."""
    if "`" in text:
        text = _ROLE.sub(r"\1", text).replace("``", "`")
    if "]_" in text:
        text = _CITATION.sub(r"\1", text)
    return text.strip()


def doctest_lines(docstring: str) -> str:
    """The first `MOST_LINES` lines of the interactive examples, without the indentation of their prompt."""
    if ">>>" not in docstring:
        return ""
    lines: list[str] = []
    answering, indent = False, 0
    for line in docstring.expandtabs().splitlines():
        bare = line.strip()
        if bare.startswith(">>>"):
            answering, indent = True, line.index(">>>")
        elif not bare:
            answering = False
        if answering and len(lines) < MOST_LINES:
            lines.append(bare if line[:indent].strip() else line[indent:].rstrip())
    return "\n".join(lines)


def calls(doctest: str, *, name: str, positional: Sequence[str], known: frozenset[str]) -> list[dict[str, Any]]:
    """Calls of ``name`` with literal arguments in a doctest, each ``{"arguments", "result"}``; the result if literal.

    Args:
        positional: names of the parameters that may be given by position, in order.
        known: names of all parameters.
    """
    found: list[dict[str, Any]] = []
    lines = doctest.splitlines()
    for index, line in enumerate(lines):
        if not line.startswith(">>>") or f"{name}(" not in line or len(found) >= MOST_CALLS:
            continue
        arguments = _arguments(line[3:].strip(), name=name, positional=positional, known=known)
        if arguments is None:
            continue
        call: dict[str, Any] = {"arguments": arguments}
        answer = lines[index + 1] if index + 1 < len(lines) else ">>>"
        alone = index + 2 >= len(lines) or lines[index + 2].startswith(">>>")
        if alone and not answer.startswith((">>>", "...")):
            known_answer, value = literal_of(answer)
            if known_answer:
                call["result"] = value
        if call not in found:
            found.append(call)
    return found


def _arguments(source: str, *, name: str, positional: Sequence[str], known: frozenset[str]) -> dict[str, Any] | None:
    try:
        node = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(node, ast.Call) or len(node.args) > len(positional):
        return None
    called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if called != name:
        return None
    given: list[tuple[str, ast.expr]] = list(zip(positional, node.args, strict=False))
    given += [(keyword.arg or "", keyword.value) for keyword in node.keywords]
    arguments: dict[str, Any] = {}
    for key, value in given:
        plain, literal = literal_of(ast.unparse(value))
        if not plain or key not in known:
            return None
        arguments[key] = literal
    return arguments


def literal_of(text: str) -> tuple[bool, Any]:
    """Whether ``text`` is a literal that JSON can hold, and its value; tuples become lists."""
    if len(text) > 2_000:
        return False, None
    try:
        return _as_json(ast.literal_eval(text.strip()))
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False, None


def _as_json(value: Any) -> tuple[bool, Any]:
    if isinstance(value, float):
        return math.isfinite(value), value
    if isinstance(value, int) and not isinstance(value, bool):
        return -(2**63) <= value < 2**63, value
    if value is None or isinstance(value, (bool, str)):
        return True, value
    if isinstance(value, (list, tuple)):
        parts = [_as_json(item) for item in value]
        return all(fit for fit, _ in parts), [item for _, item in parts]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        pairs = {key: _as_json(item) for key, item in value.items()}
        return all(fit for fit, _ in pairs.values()), {key: item for key, (_, item) in pairs.items()}
    return False, None
