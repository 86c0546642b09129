"""The signature and docstring of an entry point as JSON Schema and plain text, from its syntax tree.

Types come from annotations, else from the default, else from the docstring; descriptions from the docstring's sections
(Google, NumPy or Sphinx style, found by griffe). Cost: a millisecond an entry point.
"""

import ast
import inspect
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_PLAIN = {"str": "string", "int": "integer", "float": "number", "bool": "boolean", "dict": "object", "None": "null"}
_LISTS = frozenset({"list", "List", "tuple", "Tuple", "Sequence", "Iterable", "set"})
_TABLES = frozenset({"dict", "Dict", "Mapping"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Doc:
    """A docstring: its ``text`` before the sections, ``parameters`` and their stated types by name, and ``returns``."""

    text: str
    parameters: Mapping[str, str]
    types: Mapping[str, str]
    returns: str


def doc_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Doc:
    """The docstring of a function, or of a class with its ``__init__``'s where that one describes the parameters."""
    texts = [ast.get_docstring(node) or ""]
    init = initializer(node) if isinstance(node, ast.ClassDef) else None
    if init is not None:
        texts.append(ast.get_docstring(init) or "")
    docs = [_parsed(text) for text in texts]
    with_parameters = next((doc for doc in docs if doc.parameters), docs[0])
    return Doc(
        text=next((doc.text for doc in docs if doc.text), ""),
        parameters=with_parameters.parameters,
        types=with_parameters.types,
        returns=docs[0].returns,
    )


def initializer(node: ast.ClassDef) -> ast.FunctionDef | None:
    """A class's own ``__init__``."""
    own = (each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")
    return next(own, None)


def schema_of(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, doc: Doc) -> dict[str, Any]:
    """JSON Schema of the parameters; ``**kwargs`` allows further ones."""
    function = initializer(node) if isinstance(node, ast.ClassDef) else node
    properties: dict[str, Any] = {}
    required: list[str] = []
    if function is not None:
        for argument, default in _arguments(function, skip_first=isinstance(node, ast.ClassDef)):
            properties[argument.arg] = _property(argument, default, doc)
            if default is None:
                required.append(argument.arg)
    open_ended = function is not None and function.args.kwarg is not None
    if open_ended:
        described = {name: text for name, text in doc.parameters.items() if name.strip("*") not in properties}
        for name, text in described.items():
            if name.isidentifier() and name not in (
                function.args.kwarg.arg if function and function.args.kwarg else "",
            ):
                properties[name] = {**_by_name(doc.types.get(name, "")), "description": text}
    return {
        "type": "object",
        "properties": properties,
        **({"required": required} if required else {}),
        **({} if open_ended else {"additionalProperties": False}),
    }


def literal(node: ast.expr | None) -> Any:
    """The value of a literal as JSON can hold it; raises ValueError for anything else."""
    if node is None:
        raise ValueError
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError from error
    return _jsonable(value)


def type_of(value: Any) -> dict[str, Any]:
    """The JSON type of a value; nothing for None, which says little."""
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object"))
    return next(({"type": name} for kind, name in kinds if isinstance(value, kind)), {})


def _arguments(
    function: ast.FunctionDef | ast.AsyncFunctionDef, *, skip_first: bool
) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    """Arguments with their defaults, in order; those without one have None."""
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
    defaults.extend(given.defaults)
    pairs = list(zip(positional, defaults, strict=True))
    yield from pairs[1:] if skip_first else pairs
    yield from zip(given.kwonlyargs, given.kw_defaults, strict=True)


def _property(argument: ast.arg, default: ast.expr | None, doc: Doc) -> dict[str, Any]:
    schema = _annotation(argument.annotation) if argument.annotation is not None else {}
    try:
        value = literal(default)
        schema = {**(schema or type_of(value)), "default": value}
    except ValueError:
        pass
    schema = (
        schema
        if "type" in schema or "anyOf" in schema or "enum" in schema
        else {**_by_name(doc.types.get(argument.arg, "")), **schema}
    )
    text = doc.parameters.get(argument.arg, "")
    return {**schema, "description": text} if text else schema


def _by_name(stated: str) -> dict[str, Any]:
    """The schema of a type as a docstring names it: ``int, optional``, ``Optional[str]``; nothing if it is no type."""
    first = stated.partition(",")[0].strip()
    try:
        return _annotation(ast.parse(first, mode="eval").body) if first else {}
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {"type": _PLAIN[first.split()[0]]} if first.split() and first.split()[0] in _PLAIN else {}


def _annotation(node: ast.expr) -> dict[str, Any]:
    """The schema of an annotation; nothing where it is no plain type (a module, a tensor)."""
    if isinstance(node, ast.Constant):
        return _by_name(node.value) if isinstance(node.value, str) else {"type": "null"} if node.value is None else {}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _either(node.left, node.right)
    if isinstance(node, ast.Subscript):
        return _subscript(ast.unparse(node.value).rpartition(".")[2], node.slice)
    name = ast.unparse(node).rpartition(".")[2]
    if name in _LISTS:
        return {"type": "array"}
    return {"type": "object"} if name in _TABLES else {"type": _PLAIN[name]} if name in _PLAIN else {}


def _subscript(name: str, inner: ast.expr) -> dict[str, Any]:
    parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
    if name == "Optional":
        return _either(inner)
    if name == "Union":
        return _either(*parts)
    if name == "Literal":
        values = [part.value for part in parts if isinstance(part, ast.Constant)]
        return {**type_of(values[0]), "enum": values} if values else {}
    if name in _LISTS:
        items = _annotation(parts[0])
        return {"type": "array", **({"items": items} if items else {})}
    return {"type": "object"} if name in _TABLES else {}


def _either(*nodes: ast.expr) -> dict[str, Any]:
    """One of several: a plain type where all but null agree, else ``anyOf``; nothing if one is unknown."""
    found = [schema for schema in map(_annotation, nodes) if schema != {"type": "null"}]
    if not found or not all(found):
        return {}
    return found[0] if all(schema == found[0] for schema in found) else {"anyOf": found}


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _jsonable(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        parts = [_jsonable(each) for each in value]
        return sorted(parts, key=repr) if isinstance(value, set | frozenset) else parts
    if isinstance(value, bool | str) or value is None or (isinstance(value, int) and abs(value) < 2**63):
        return value
    if isinstance(value, float) and abs(value) != float("inf") and value == value:  # noqa: PLR0124 - not a NaN
        return value
    raise ValueError(f"{type(value).__name__} has no JSON form")


def _parsed(text: str) -> Doc:
    import griffe

    text = inspect.cleandoc(text)[:20_000]
    if not text:
        return Doc(text="", parameters={}, types={}, returns="")
    logger = logging.getLogger("griffe")  # it reports every docstring that is not to its taste
    before, logger.disabled = logger.disabled, True
    try:
        sections = griffe.parse_auto(griffe.Docstring(text))
    finally:
        logger.disabled = before
    plain: list[str] = []
    returns: list[str] = []
    parameters: dict[str, str] = {}
    types: dict[str, str] = {}
    for section in sections:
        if section.kind.value == "text":
            plain.append(str(section.value).strip())
        elif section.kind.value in ("parameters", "other parameters", "attributes"):
            for each in section.value:
                parameters[each.name.strip("*")] = " ".join(each.description.split())
                types[each.name.strip("*")] = str(each.annotation or "")
        elif section.kind.value == "returns":
            returns.extend(" ".join(each.description.split()) for each in section.value)
    return Doc(text="\n\n".join(plain), parameters=parameters, types=types, returns=" ".join(returns))
