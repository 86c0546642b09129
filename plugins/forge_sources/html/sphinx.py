"""Functions, methods and classes in pages that Sphinx made: ``dl.py``, a signature in ``dt``, the rest in ``dd``.

One record a signature with an id; further signatures without one belong to the id before them: a parameter is required
only if all of them require it. Field lists (Parameters, Returns, Raises) give types and descriptions. What cannot be
called (data, attributes, exceptions, properties) gives no record. Cost: 50 microseconds a function.

Source: the markup of Sphinx 3 to 8, Python domain.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from forge_sources.html.found import FoundApi, Schema, arguments, described, literal, schema_of
from forge_sources.html.text import inline, text_of
from forge_sources.html.tree import Element, classes, words

_CALLABLE = frozenset(("function", "method", "class", "classmethod", "staticmethod", "decorator", "decoratormethod"))
_ID = re.compile(r"[A-Za-z_][\w]*(\.[A-Za-z_][\w]*)*")
_NAME = re.compile(r"\*{0,2}([A-Za-z_]\w*)")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z(])")
_PARAMETERS = ("parameters", "keyword arguments", "arguments", "args", "other parameters", "params")
# What follows tells a deprecation of the whole from one of a single use of it.
_WHOLLY = re.compile(
    r"^Deprecated since version [\w.+-]+(, (will be )?removed in version [\w.+-]+)?( ?[.:] ?$|\.?$|\s*: "
    r"(Use |Please |Replaced |Replace |Superseded|Prefer |Will be |No longer|Deprecated in fav|See |It is recommended"
    r"|This (function|method|class|decorator|module) "
    r"|The \S+ (function|method|class|module) (is|has been) deprecated))",
    re.IGNORECASE,
)
_FIELD = re.compile(r"\s*\*{0,2}(?P<name>[A-Za-z_]\w*)\s*(?:\((?P<type>[^()]*(?:\([^()]*\)[^()]*)*)\))?\s*[–—:-]?\s*")  # noqa: RUF001


@dataclass(slots=True, kw_only=True)
class _Signature:
    """What one ``dt`` says."""

    properties: Schema = field(default_factory=dict)
    required: list[str] = field(default_factory=list)
    returns: str = ""
    text: str = ""


def find_sphinx(root: Element) -> Iterator[FoundApi]:
    """The callables documented on a page, in its order."""
    modules = [name.removeprefix("module-") for name in root.xpath("//@id[starts-with(., 'module-')]")]
    for block in root.iter("dl"):
        kinds = classes(block)
        if len(kinds) < 2 or "py" not in kinds or not _CALLABLE.intersection(kinds):
            continue
        body = block.find("dd")
        for group in _groups(block):
            kind = next(word for word in kinds if word in _CALLABLE)
            found = _record(group, body, kind=kind, modules=modules)
            if found is not None:
                yield found


def _groups(block: Element) -> list[list[Element]]:
    """Signatures of one name each: one with an id, and those without that follow it."""
    groups: list[list[Element]] = []
    for term in block.iterchildren("dt"):
        if term.get("id"):
            groups.append([term])
        elif groups:
            groups[-1].append(term)
    return groups


def _record(terms: Sequence[Element], body: Element | None, *, kind: str, modules: Sequence[str]) -> FoundApi | None:
    anchor, own = terms[0].get("id"), words_of(terms[0], "descname", "sig-name")
    name = _with_underscores(anchor, words_of(terms[0], "sig-prename", "descclassname") + own, modules)
    if not _ID.fullmatch(name) or not own or name.rpartition(".")[2] != own.rpartition(".")[2]:
        return None
    signatures = [_signature(term) for term in terms if _has_parentheses(term)]
    if not signatures:
        if kind != "decorator" and "decorator" not in words(terms[0]) and "@" not in words(terms[0]):
            return None
        signatures = [_Signature(text=_shown(terms[0]))]
    stated = [module for module in modules if name.startswith(f"{module}.")]
    module = max(stated, key=len) if stated else _module(terms[0], name, kind=kind)
    merged = _merged(signatures)
    returns = schema_of(merged.returns) or None
    meta: Schema = {"signatures": [signature.text for signature in signatures][:8]}
    description, deprecated = "", False
    errors: list[Schema] = []
    if body is not None:
        description, deprecated = _description(body)
        errors, answer = _fields(body, merged)
        _describe_from_prose(body, merged)
        returns = returns or answer
    return FoundApi(
        name=name.removeprefix(f"{module}.") if module else name,
        kind="python",
        anchor=anchor,
        service=module or "builtins",
        path=name,
        description=described(description),
        parameters=arguments(merged.properties, merged.required),
        returns=returns,
        errors=errors,
        deprecated=deprecated,
        meta=meta,
    )


def _with_underscores(anchor: str, shown: str, modules: Sequence[str]) -> str:
    """An id has lost the underscores that a name begins with; the signature or the page's module still shows them."""
    if shown.startswith("_") and shown.lstrip("_") == anchor:
        return shown
    hidden = [m for m in modules if m.startswith("_") and anchor.startswith(m.lstrip("_") + ".")]
    return (
        hidden[0] + anchor[len(hidden[0].lstrip("_")) :]
        if hidden and anchor.partition(".")[0] not in modules
        else anchor
    )


def words_of(element: Element, *names: str) -> str:
    """Text of the first element below that has one of the classes; empty if there is none."""
    for child in element.iter("span", "code", "tt"):
        if any(name in names for name in classes(child)):
            return words(child)
    return ""


def _has_parentheses(term: Element) -> bool:
    return any("sig-paren" in classes(child) for child in term.iter("span", "big"))


def _module(term: Element, name: str, *, kind: str) -> str:
    """The module of a name: what precedes it in a function's signature, or the id before a method's own words."""
    prefix = words_of(term, "sig-prename", "descclassname").rstrip(".")
    shown = f"{prefix}.{name.rpartition('.')[2]}" if prefix else name.rpartition(".")[2]
    if "method" not in kind and prefix and name == shown:
        return prefix
    if name != shown and name.endswith(f".{shown}"):
        return _outside_class(term, name[: -len(shown) - 1])
    return _outside_class(term, "")


def _outside_class(term: Element, given: str) -> str:
    """A module for what stands inside a class: that of the class."""
    block = term.getparent()
    for outer in block.iterancestors("dl"):
        kinds = classes(outer)
        head = outer.find("dt")
        if "py" in kinds and ("class" in kinds or "exception" in kinds) and head is not None and head.get("id"):
            return _module(head, head.get("id"), kind="class")
    return given


def _signature(term: Element) -> _Signature:
    """Parameters in their order; brackets mark what may be left out."""
    found = _Signature(text=_shown(term), returns=words_of(term, "sig-return-typehint"))
    depth = 0
    for child in term.iter("span", "em"):
        kinds = classes(child)
        if "optional" in kinds:
            depth += words(child).count("[") - words(child).count("]")
        elif "sig-param" in kinds:
            _add(found, child, is_optional=depth > 0)
    return found


def _add(found: _Signature, element: Element, *, is_optional: bool) -> None:
    text = words(element)
    match = _NAME.match(text)
    if match is None or match[1] in found.properties:
        return
    head, _, default = text[match.end() :].partition("=")
    schema = schema_of(head.lstrip(" :"))
    if "=" in text[match.end() :]:
        is_plain, value = literal(default)
        schema |= {"default": value} if is_plain else {"x-default": default.strip()[:120]}
    if text.startswith("**"):
        schema = {"type": "object", "x-variadic": "keyword"}
    elif text.startswith("*"):
        schema = {"type": "array", "x-variadic": "positional"}
    elif "=" not in text[match.end() :] and not is_optional:
        found.required.append(match[1])
    found.properties[match[1]] = schema


def _merged(signatures: Sequence[_Signature]) -> _Signature:
    merged = signatures[0]
    for other in signatures[1:]:
        merged.properties = {**other.properties, **merged.properties}
        merged.required = [name for name in merged.required if name in other.required]
    return merged


def _shown(term: Element) -> str:
    return inline(term, lambda child: "headerlink" in classes(child) or "viewcode-link" in classes(child))[:500]


def _description(body: Element) -> tuple[str, bool]:
    """What the ``dd`` says before and between members of its own, and whether it says that this is deprecated."""
    parts, deprecated = [], False
    for child in body:
        kinds = classes(child)
        if child.tag == "dl" or "versionadded" in kinds or "versionchanged" in kinds or child.tag == "table":
            continue
        if "deprecated" in kinds or "deprecated-removed" in kinds:
            deprecated |= _WHOLLY.search(inline(child)) is not None
        parts.append(text_of(child))
    return "\n".join(part.strip() for part in parts if part.strip()), deprecated


def _fields(body: Element, merged: _Signature) -> tuple[list[Schema], Schema | None]:
    """Fill in types and descriptions from the field list; errors and what is returned come back."""
    errors: list[Schema] = []
    returns: Schema = {}
    for block in body.iterchildren("dl"):
        if "field-list" not in classes(block):
            continue
        for term in block.iterchildren("dt"):
            label, value = words(term).rstrip(":").lower(), term.getnext()
            if value is None or value.tag != "dd":
                continue
            if label in _PARAMETERS:
                _describe(_entries(value), merged)
            elif label == "raises":
                errors += [{"code": n.strip(), "description": d} for n, d in map(_error, _entries(value)) if n.strip()]
            elif label in ("returns", "return"):
                returns["description"] = inline(value)[:500]
            elif label in ("return type", "rtype"):
                returns |= schema_of(inline(value))
    return errors, returns or None


def _describe_from_prose(body: Element, merged: _Signature) -> None:
    """Describe a parameter that no field list describes by the first sentence that names it, set in italics."""
    bare = {name for name, schema in merged.properties.items() if "description" not in schema}
    for paragraph in body.iterchildren("p"):
        named = bare.intersection(words(child) for child in paragraph.iter("em"))
        sentences = _SENTENCE.split(inline(paragraph)) if named else []
        for name in sorted(named):
            mention = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
            sentence = next((sentence for sentence in sentences if mention.search(sentence)), "")
            if sentence:
                merged.properties[name]["description"] = sentence[:500]
                bare.discard(name)


def _entries(value: Element) -> list[str]:
    return [inline(entry) for entry in value.iter("li")] or [inline(value)]


def _error(entry: str) -> tuple[str, str]:
    name, _, description = entry.replace("—", "–").partition("–")  # noqa: RUF001
    return name, description.strip()


def _describe(entries: Sequence[str], merged: _Signature) -> None:
    for entry in entries:
        match = _FIELD.match(entry)
        schema = merged.properties.get(match["name"]) if match else None
        if match is None or schema is None:
            continue
        for key, value in schema_of(match["type"] or "").items():
            schema.setdefault(key, value)
        text = entry[match.end() :].strip()
        if text:
            schema["description"] = text[:1_000]
