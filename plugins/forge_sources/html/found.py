"""What the readers of documentation markup hand over: one operation, in words near to an `ApiRecord`.

Also the one place in which written types ("list of int", "string, optional", "Optional[str]") become JSON Schema: only
words that leave no doubt are mapped, and the rest is kept as ``x-type``. Cost: microseconds.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forge.records import ApiKind
from forge_sources.markup import clip

Schema = dict[str, Any]
DESCRIPTION = 4_000
_SPELLINGS: tuple[tuple[str, Schema], ...] = (
    ("str string text char varchar uri url", {"type": "string"}),
    ("int integer int32 int64 long bigint smallint", {"type": "integer"}),
    ("float double number numeric decimal real double_precision", {"type": "number"}),
    ("bool boolean", {"type": "boolean"}),
    ("dict object mapping map hash json jsonb", {"type": "object"}),
    ("list array sequence iterable", {"type": "array"}),
    ("none null nonetype", {"type": "null"}),
    ("datetime date-time timestamp_with_time_zone", {"type": "string", "format": "date-time"}),
    ("date", {"type": "string", "format": "date"}),
    ("uuid", {"type": "string", "format": "uuid"}),
    ("file bytes", {"type": "string", "format": "binary"}),
)
_NAMES: Mapping[str, Schema] = {
    spelling.replace("_", " "): schema for spellings, schema in _SPELLINGS for spelling in spellings.split()
}
_LIST = re.compile(
    r"(?:list|array|sequence|iterable|tuple|set)(?:\s+of\s+|\s*[\[<(]\s*)(?P<inner>[^\[\]<>(),|]+?)s?\s*(?:,\s*\.\.\.)?[\]>)]?"
    r"|(?P<inner2>[\w -]+)\[\]",
    re.IGNORECASE,
)
_OPTIONAL = re.compile(r"optional\[(.+)\]", re.IGNORECASE)
_MARKS = re.compile(
    r"\b(required|optional(?!\[)|mandatory|nullable|keyword-only)\b|\bdefaults? (to|is|=).*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundApi:
    """An operation as the page documents it; the fields are those of `ApiRecord`. ``anchor``: id of its element."""

    name: str
    kind: ApiKind
    anchor: str = ""
    service: str = ""
    provider: str = ""
    method: str = ""
    path: str = ""
    description: str = ""
    parameters: Schema = field(default_factory=dict)
    returns: Schema | None = None
    errors: Sequence[Schema] = ()
    deprecated: bool = False
    meta: Schema = field(default_factory=dict)


def schema_of(written: str) -> Schema:
    """JSON Schema of a type as documentation writes it; ``{}`` for none, ``{"x-type": ...}`` for one not known."""
    text = " ".join(_MARKS.sub(" ", written).split()).strip(" ,;:.()")
    if not text:
        return {}
    return _schema(text, 0) or {"x-type": text[:120]}


def _schema(text: str, depth: int) -> Schema:
    lower = text.strip(" ,`'\"").lower()
    if lower in _NAMES:
        return dict(_NAMES[lower])
    if depth > 3:
        return {}
    optional = _OPTIONAL.fullmatch(lower)
    parts = [optional[1], "null"] if optional else [part for part in re.split(r"\s*\|\s*|\s+or\s+", lower) if part]
    if 1 < len(parts) <= 6:
        kinds = [_schema(part, depth + 1) for part in parts]
        if all(set(kind) == {"type"} and isinstance(kind["type"], str) for kind in kinds):
            return {"type": list(dict.fromkeys(kind["type"] for kind in kinds))}
        return {}
    match = _LIST.fullmatch(lower)
    if match:
        inner = (match["inner"] or match["inner2"]).strip()
        items = _schema(inner, depth + 1) or _schema(inner.rstrip("s"), depth + 1)
        return {"type": "array", "items": items} if items else {"type": "array"}
    return {}


def says_required(written: str) -> bool | None:
    """Whether a cell says that a parameter is needed; None if it says neither."""
    lower = written.strip().lower().strip(".*()[] ")
    if lower in ("yes", "y", "true", "required", "mandatory", "✓", "✔", "✅", "always"):
        return True
    if lower in ("no", "n", "false", "optional", "not required", "-", "–", "—", "✗", "✘", "❌", "never"):  # noqa: RUF001
        return False
    if re.search(r"\b(optional|not required)\b", lower):
        return False
    return True if re.search(r"\b(required|mandatory)\b(?! (if|when|unless|for|only|in)\b)", lower) else None


def literal(written: str) -> tuple[bool, Any]:
    """Whether a default is a plain value (``10``, ``'a'``, ``None``, ``true``), and the value."""
    text = written.strip().strip("`")
    if text.lower() in ("true", "false", "none", "null"):
        return True, {"true": True, "false": False}.get(text.lower())
    if len(text) > 200:
        return False, None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False, None
    plain = isinstance(value, str | bool) or (isinstance(value, int | float) and abs(value) < 2**53)
    return plain, value if plain else None


def arguments(properties: Schema, required: Sequence[str]) -> Schema:
    """The parameters of an operation as one JSON Schema; empty if it takes none."""
    if not properties:
        return {}
    needed = [name for name in required if name in properties]
    return {"type": "object", "properties": properties, **({"required": needed} if needed else {})}


def described(text: str) -> str:
    """A description of a length that a record holds."""
    return clip(text.strip(), DESCRIPTION)
