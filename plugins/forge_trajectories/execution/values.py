"""Values that a schema accepts and that look as if someone meant them: for what users say and what servers answer.

Made by name, format, enumeration, documented example and bounds; the same picks make the same value on every machine.
About 3 microseconds a plain value, and 30 more where the schema has a pattern, a length or an example to be checked.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from forge_trajectories.execution import patterns, texts_made
from forge_trajectories.execution.numbers_made import number
from forge_trajectories.execution.schemas import fits
from forge_trajectories.picking import Picks
from forge_trajectories.placeholders import has_placeholder

MAX_DEPTH = 5
"""Levels below which only what is required is made."""
MAX_FIELDS = 24
MAX_ITEMS = 3
_SAYING = ("properties", "additionalProperties", "required", "example", "examples", "enum", "anyOf", "oneOf")
UNKNOWN = "unknownFutureValue"
"""A member of many enumerations that stands for those yet to come, and is never sent."""
_TOLD = re.compile(
    r"(?:\bset (?:\w+ )?(?:to|as)|\bone of(?: the following)?|\beither"
    r"|\b(?:possible|allowed|valid|supported|accepted|permitted) (?:values|options)(?: are| include)?)[:,]? "
    r"((?:[\"'`][\w./:+-]{1,40}[\"'`](?:,? (?:or|and) |, ?| ?\| ?|))+)",
    re.IGNORECASE,
)
_RULED = frozenset({"pattern", "format", "minLength", "maxLength", "example", "examples"})
_NO_VALUES = frozenset({"null", "undefined", "None", "string"})
_TOLD_ONE = re.compile(r"[\"'`]([\w./:+-]+)[\"'`]")
_METADATA = (("team", "platform"), ("source", "import"), ("environment", "staging"), ("owner", "support"))


def made_value(name: str, schema: Mapping[str, Any], picks: Picks, *, answer: bool = False) -> Any:
    """A JSON value for a parameter or field called ``name`` that ``schema`` accepts.

    Args:
        name: what the value is for; its words choose the kind of text or number.
        schema: JSON Schema 2020-12 without references.
        picks: where choices are drawn from.
        answer: made as a server's answer, with every field that is documented; otherwise as a caller's argument, with
            what is required, a little of what is not, and nothing that only servers write.
    """
    return _Maker(picks, answer=answer).value(name, schema, 0)


class _Maker:
    """Makes values from one stream of choices."""

    __slots__ = ("answer", "picks")

    def __init__(self, picks: Picks, *, answer: bool) -> None:
        self.picks = picks
        self.answer = answer

    def value(self, name: str, schema: Mapping[str, Any], depth: int) -> Any:
        if "const" in schema:
            return schema["const"]
        if allowed := _listed(schema, "enum"):
            return _allowed(allowed, schema, self.picks)
        if told := _told(schema, name):
            return self.picks.one(told)
        documented = _documented(schema)
        # What has a form of its own is better taken than made.
        if documented and (self.picks.below(2) == 0 or texts_made.has_form(name)):
            found = self.picks.one(documented)
            if fits(found, schema, request=not self.answer):
                return found
        for key in ("anyOf", "oneOf"):
            if any(isinstance(item, Mapping) for item in _listed(schema, key)):
                return self.chosen(name, schema, key, depth=depth)
        return self.plain(name, schema, depth)

    def plain(self, name: str, schema: Mapping[str, Any], depth: int) -> Any:
        """By type alone."""
        kind = _kind(schema)
        if kind == "object":
            return self.object(schema, depth)
        if kind == "array":
            return self.array(name, schema, depth)
        if kind in ("integer", "number"):
            return number(name, schema, self.picks, whole=kind == "integer")
        if kind == "boolean":
            return self.picks.below(2) == 0
        if kind == "null":
            return None
        # Nobody says a certificate, so that what needs one is not asked for.
        is_document = not self.answer and "pattern" not in schema and texts_made.is_document(name)
        return texts_made.armored(self.picks) if is_document else _text(name, schema, self.picks)

    def chosen(self, name: str, schema: Mapping[str, Any], key: str, *, depth: int) -> Any:
        """A value of one of several schemas, which also keeps what is said beside them."""
        choices = [item for item in _listed(schema, key) if isinstance(item, Mapping)]
        beside = {word: item for word, item in schema.items() if word != key}
        start = self.picks.below(len(choices))
        value: Any = None
        for choice in choices[start:] + choices[:start]:
            if choice.get("type") == "null" and len(choices) > 1:
                continue
            value = self.value(name, _merged(beside, choice), depth + 1)
            if fits(value, schema, request=not self.answer):
                return value
        return value

    def object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = schema.get("properties")
        known: Mapping[str, Any] = properties if isinstance(properties, Mapping) else {}
        required = set(_names(schema))
        made: dict[str, Any] = {}
        for key, item in known.items():
            inner = item if isinstance(item, Mapping) else {}
            if self.required(inner) if key in required else self.wanted(inner, len(made), depth):
                made[key] = self.value(key, inner, depth + 1)
        extra = schema.get("additionalProperties")
        rest = extra if isinstance(extra, Mapping) else {}
        for key in sorted(required - set(known)):
            made[key] = self.value(key, rest, depth + 1)
        if not known and not made and extra is not False and depth < MAX_DEPTH:
            return self.free(rest, depth)
        return made

    def free(self, rest: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """An object of which nothing is documented but what its values are like."""
        if self.answer and not rest:
            return {} if depth else self.thing()
        key, value = self.picks.one(_METADATA)
        return {key: self.value(key, rest, depth + 1) if rest else value}

    def thing(self) -> dict[str, Any]:
        """One of a list of which nothing is documented: most have an id and a name."""
        return {"id": texts_made.identifier([], self.picks), "name": texts_made.slug(self.picks)}

    def required(self, schema: Mapping[str, Any]) -> bool:
        """Whether a field that is called required is: not of a caller where only the server writes it."""
        return self.answer or schema.get("readOnly") is not True

    def wanted(self, schema: Mapping[str, Any], made: int, depth: int) -> bool:
        """Whether an object gets a field that it may lack: in an answer most of them, in an argument a few."""
        if depth >= MAX_DEPTH or made >= MAX_FIELDS:
            return False
        if self.answer:
            return depth < 3 or _kind(schema) not in ("object", "array")
        private = schema.get("readOnly") is True or schema.get("deprecated") is True
        return not private and made < 4 and self.picks.below(3) == 0

    def array(self, name: str, schema: Mapping[str, Any], depth: int) -> list[Any]:
        items = schema.get("items")
        inner: Mapping[str, Any] = items if isinstance(items, Mapping) else {}
        wanted = 1 + self.picks.below(2) + (1 if self.answer and depth < 2 else 0) if depth < MAX_DEPTH else 0
        count = max(_count(schema, "minItems", 0), min(wanted, _count(schema, "maxItems", MAX_ITEMS)))
        single = name[:-1] if name.endswith("s") and not name.endswith("ss") else name
        unique = schema.get("uniqueItems") is True
        made: list[Any] = []
        for _ in range(count * 8 if unique else count):
            value = self.thing() if self.answer and _is_open(inner) else self.value(single, inner, depth + 1)
            if not unique or value not in made:
                made.append(value)
            if len(made) >= count:
                break
        return made


def _is_open(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object" and not any(word in schema for word in _SAYING)


def _listed(schema: Mapping[str, Any], key: str) -> Sequence[Any]:
    found = schema.get(key)
    return found if isinstance(found, (list, tuple)) else ()


def _allowed(allowed: Sequence[Any], schema: Mapping[str, Any], picks: Picks) -> Any:
    """One of the enumeration, of those that the rest of the schema takes too; null only where there is no other."""
    if UNKNOWN in allowed:
        allowed = [item for item in allowed if item != UNKNOWN] or allowed
    value = picks.one(allowed)
    if isinstance(value, str) and schema.get("type", "string") == "string" and "pattern" not in schema:
        return value
    rest = {key: item for key, item in schema.items() if key != "enum"}
    usable = [item for item in allowed if item is not None and fits(item, rest)]
    return picks.one(usable) if usable else value


def _told(schema: Mapping[str, Any], name: str) -> Sequence[str]:
    """The values of a text that its description lists, in quotation marks; none where there is a rule besides."""
    description = schema.get("description")
    if not isinstance(description, str) or schema.get("type") != "string" or not _RULED.isdisjoint(schema):
        return ()
    return [value for value in _told_in(description) if value != name]


@lru_cache(maxsize=4096)
def _told_in(description: str) -> tuple[str, ...]:
    found = _TOLD.search(description) if any(mark in description for mark in "\"'`") else None
    return tuple(value for value in _TOLD_ONE.findall(found[1]) if value not in _NO_VALUES) if found else ()


def _documented(schema: Mapping[str, Any]) -> list[Any]:
    found = [item for item in (*_listed(schema, "examples")[:4], schema.get("example")) if not has_placeholder(item)]
    found = [item for item in found if item is not None]
    if schema.get("default") not in (None, "", [], {}):
        found.append(schema["default"])
    return found


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    if isinstance(kind, (list, tuple)):
        named = [item for item in kind if isinstance(item, str)]
        return next((item for item in named if item != "null"), "null" if named else "string")
    if "properties" in schema or isinstance(schema.get("additionalProperties"), Mapping):
        return "object"
    if "items" in schema:
        return "array"
    return "number" if "minimum" in schema or "maximum" in schema else "string"


def _merged(beside: Mapping[str, Any], choice: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**beside, **choice}
    if isinstance(beside.get("properties"), Mapping) and isinstance(choice.get("properties"), Mapping):
        merged["properties"] = {**beside["properties"], **choice["properties"]}
    both = [*_names(beside), *_names(choice)]
    return {**merged, "required": list(dict.fromkeys(both))} if both else merged


def _names(schema: Mapping[str, Any]) -> list[str]:
    return [name for name in _listed(schema, "required") if isinstance(name, str)]


def _count(schema: Mapping[str, Any], key: str, otherwise: int) -> int:
    value = schema.get(key)
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else otherwise


def _text(name: str, schema: Mapping[str, Any], picks: Picks) -> str:
    form = schema.get("format")
    made = texts_made.by_format(form, picks) if isinstance(form, str) and form else None
    text = made if made is not None else texts_made.by_name(name, picks)
    least, most = _count(schema, "minLength", 0), _count(schema, "maxLength", 1 << 20)
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        return _matching(text, pattern, picks, least=least, most=most)
    if least <= len(text) <= most:
        return text
    return _fitted(text, picks, least=least, most=most)


def _matching(text: str, pattern: str, picks: Picks, *, least: int, most: int) -> str:
    """``text`` or a spelling of it that the pattern takes; else a text made from the pattern."""
    plain = text.replace(" ", "-").lower()
    bare = "".join(character for character in text if character.isalnum())
    for spelled in dict.fromkeys((text, plain, plain.replace("-", "_"), bare, bare.capitalize(), bare.upper())):
        if least <= len(spelled) <= most and patterns.matches(pattern, spelled):
            return spelled
    seed = texts_made.hexadecimal(picks, 8)
    made = patterns.sample(pattern, seed, least=least, most=min(most, patterns.MAX_TEXT))
    return made if made is not None else _fitted(text, picks, least=least, most=most)


def _fitted(text: str, picks: Picks, *, least: int, most: int) -> str:
    """``text`` cut or lengthened to the bounds."""
    while len(text) < least:
        text = f"{text}{texts_made.hexadecimal(picks, min(least - len(text), 32))}"
    if len(text) <= most:
        return text
    shorter = text[:most].rstrip(" -_.") if " " in text or "-" in text else text[:most]
    return shorter if len(shorter) >= least else text[:most]
