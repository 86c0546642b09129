"""One public callable of a Python package as an API record.

Parameters become properties in their order, without ``self`` and ``cls``; how one is passed is its ``x-kind`` where
that is not the usual way (``positional-only``, ``keyword-only``, ``var-positional``, ``var-keyword``). A default
that is a literal is kept as ``default``, any other as its text under ``x-default``. The docstring adds descriptions,
and types where there is no annotation. Cost: some 200 microseconds, mostly for the docstring.
"""

from collections.abc import Mapping
from typing import Any

from forge.records import ApiRecord
from forge_sources.markup import clip
from forge_sources.python_modules import docstrings
from forge_sources.python_modules.annotations import Node, schema_of
from forge_sources.python_modules.docstrings import Documented, Style, literal_of
from forge_sources.python_modules.walk import PublicCallable
from forge_sources.schema_keywords import is_small

MOST_PARAMETERS = 160
SHOWN_DEFAULT = 120
SIGNATURE_CHARACTERS = 1_000
DOCTEST_CHARACTERS = 1_500
MOST_PATHS = 5
USUAL_KIND = "positional or keyword"
_SELF = frozenset({"self", "cls"})
_DEPRECATING = ("deprecated", "deprecate")


def record(found: PublicCallable, shared: Mapping[str, Any], *, style: Style) -> ApiRecord:
    """The record of ``found``; ``shared`` holds the fields that all records of the distribution have in common."""
    item = found.definition
    documented = _documented(item, style)
    parameters, required = _parameters(found, documented)
    schema: Node = {"type": "object", "properties": parameters}
    if required:
        schema["required"] = required
    name = found.path.rpartition(".")[2]
    order = [key for key, entry in parameters.items() if entry.get("x-kind", "positional-only") == "positional-only"]
    return ApiRecord(
        **shared,
        name=found.path,
        kind="python",
        path=found.path,
        description=documented.description,
        parameters=schema,
        returns=_returns(found, documented),
        examples=docstrings.calls(documented.doctest, name=name, positional=order, known=frozenset(parameters)),
        errors=[dict(error) for error in documented.errors],
        deprecated=documented.deprecated or _is_deprecated(item),
        meta=_meta(found, documented),
    )


def _documented(item: Any, style: Style) -> Documented:
    """What the docstring says; for a class, with what its constructor's adds."""
    own = docstrings.read(item.docstring, style)
    constructor = _constructor(item) if item.is_class else None
    if constructor is None or constructor.docstring is None:
        return own
    inner = docstrings.read(constructor.docstring, style)
    return Documented(
        description=own.description or inner.description,
        parameters={**own.parameters, **inner.parameters},
        types={**own.types, **inner.types},
        errors=[*own.errors, *inner.errors],
        deprecated=own.deprecated,
        doctest=own.doctest or inner.doctest,
    )


def _constructor(item: Any) -> Any:
    """The function that a class is made by, its own or one that it inherits within the package."""
    import griffe

    for name in ("__init__", "__new__"):
        own = item.members.get(name) or next(iter(item.overloads.get(name, ())), None)
        if own is not None:
            return own if own.is_function else None
    try:
        inherited = item.all_members
        found = inherited.get("__init__") or inherited.get("__new__")
        return found if found is not None and found.is_function else None
    except (griffe.GriffeError, KeyError, ValueError, RecursionError):
        return None


def _parameters(found: PublicCallable, documented: Documented) -> tuple[Node, list[str]]:
    item = found.definition
    if item.is_class and _has_base(item, "Enum", "Flag"):
        return {"value": {"description": "Value of the member to look up."}}, ["value"]
    if item.is_class and _has_base(item, "NamedTuple"):
        return _fields(item, documented)
    function = _constructor(item) if item.is_class else item
    listed = list(function.parameters) if function is not None else []
    if found.kind != "function" and "staticmethod" not in (item.labels or ()) and listed:
        first = listed[0]
        if first.kind is not None and first.kind.value.startswith("positional") and not _is_given(first, function):
            listed = listed[1:]
    properties: Node = {}
    required = []
    for parameter in listed[:MOST_PARAMETERS]:
        name = parameter.name.lstrip("*")
        properties[name] = _property(parameter, documented)
        if parameter.required and not parameter.kind.value.startswith("variadic"):
            required.append(name)
    return properties, required


def _has_base(item: Any, *endings: str) -> bool:
    return any(str(base).rpartition(".")[2].endswith(endings) for base in item.bases)


def _fields(item: Any, documented: Documented) -> tuple[Node, list[str]]:
    """The fields of a named tuple, which are what it is made of."""
    properties: Node = {}
    required = []
    for name, member in list(item.members.items())[:MOST_PARAMETERS]:
        if member.is_alias or not member.is_attribute or "property" in member.labels or not member.annotation:
            continue
        properties[name] = entry = schema_of(str(member.annotation))
        text = documented.parameters.get(name)
        if text:
            entry["description"] = text
        if member.value is None:
            required.append(name)
        else:
            _add_default(entry, str(member.value))
    return properties, required


def _is_given(first: Any, function: Any) -> bool:
    """Whether the first parameter of a method is the caller's to give, as in constructors that were worked out."""
    return first.name not in _SELF and function.name == "__init__" and "dataclass" in (function.parent.labels or ())


def _property(parameter: Any, documented: Documented) -> Node:
    name = parameter.name.lstrip("*")
    annotation = str(parameter.annotation or "") or documented.types.get(name, "")
    entry = schema_of(annotation) if annotation else {}
    kind = parameter.kind.value if parameter.kind is not None else USUAL_KIND
    if kind.startswith("variadic"):
        held = {"items": entry} if kind == "variadic positional" else {"additionalProperties": entry}
        entry = {"type": "array" if kind == "variadic positional" else "object", **(held if entry else {})}
    if kind != USUAL_KIND:
        entry["x-kind"] = kind.replace("variadic", "var").replace(" ", "-")
    if not parameter.required and not kind.startswith("variadic"):
        _add_default(entry, str(parameter.default))
    text = documented.parameters.get(name)
    if text:
        entry["description"] = text
    return entry


def _add_default(entry: Node, source: str) -> None:
    literal, value = literal_of(source)
    if literal and is_small(value):
        entry["default"] = value
    else:
        entry["x-default"] = source[:SHOWN_DEFAULT]


def _returns(found: PublicCallable, documented: Documented) -> Node | None:
    item = found.definition
    if item.is_class:
        return {"x-annotation": found.path}
    annotation = str(item.returns or "") or documented.returns_type
    schema = schema_of(annotation) if annotation else {}
    if documented.returns:
        schema["description"] = documented.returns
    return schema or None


def _is_deprecated(item: Any) -> bool:
    if getattr(item, "deprecated", None):
        return True
    names = [str(decorator.value).partition("(")[0].rpartition(".")[2] for decorator in item.decorators]
    return any(name.startswith(_DEPRECATING) for name in names)


def _meta(found: PublicCallable, documented: Documented) -> Node:
    item = found.definition
    meta: Node = {"object": found.kind}
    if not item.is_class:
        name = found.path.rpartition(".")[2]
        shown = ", ".join(_shown(parameter) for parameter in item.parameters)
        returns = f" -> {item.returns}" if item.returns else ""
        meta["signature"] = clip(f"{name}({shown}){returns}", SIGNATURE_CHARACTERS)
    labels = sorted({"async", "staticmethod", "classmethod", "abstractmethod", "dataclass"} & set(item.labels or ()))
    if labels:
        meta["labels"] = labels
    if found.others:
        meta["also"] = list(found.others[:MOST_PATHS])
    if documented.doctest:
        meta["doctest"] = documented.doctest[:DOCTEST_CHARACTERS]
    return meta


def _shown(parameter: Any) -> str:
    stars = {"variadic positional": "*", "variadic keyword": "**"}
    text: str = stars.get(parameter.kind.value if parameter.kind else "", "") + parameter.name.lstrip("*")
    if parameter.annotation:
        text += f": {parameter.annotation}"
    if not parameter.required and parameter.default is not None and not text.startswith("*"):
        text += f" = {parameter.default}" if parameter.annotation else f"={parameter.default}"
    return text
