"""A model card: its front matter, its text with structure and code kept, what it is for, how it is used.

Cards are other people's files: front matter over `FRONT_LIMIT` or with YAML references (which can be blown up) is not
read. Cost: a millisecond of YAML a card, a few regular expressions.

Source: the hub's documentation of model cards (YAML front matter between two lines of ``---``).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forge_sources.markup import plain

FRONT_LIMIT = 1_000_000
DEEPEST = 40
_FRONT = re.compile(r"\A﻿?\s*---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->\s?", re.DOTALL)
_FENCE = re.compile(
    r"^(?P<mark>`{3,}|~{3,})[ \t]*(?P<language>[\w+-]*)[^\n]*\n(?P<code>.*?)^(?P=mark)[ \t]*$", re.M | re.S
)
_HEADING = re.compile(r"^#{1,6}[ \t]+(.+?)[ \t#]*$", re.M)
_USE = re.compile(r"\b(us(e|age|ing)|how to|quick ?start|get(ting)? started|examples?|inference|run(ning)?)\b", re.I)
_LOADS = re.compile(
    r"from_pretrained|pipeline\(|SentenceTransformer\(|torch\.hub|hf_hub|load_model|^\s*(from|import) ", re.M
)
_NO_PROSE = re.compile(r"^\s*([#>|<!`~=+-]|\[!\[|\d+\.|\*\s)")
PYTHON = ("python", "py", "python3", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A card as it was read.

    Attributes:
        facts: the front matter; empty if there is none, or none that can be read. text: what follows it.
        problem: why the front matter could not be read; empty if it could.
    """

    facts: Mapping[str, Any]
    text: str
    problem: str = ""


def read_card(source: str) -> Card:
    """A card from its Markdown; whatever it holds, this gives a card."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    match = _FRONT.match(source)
    if match is None:
        return Card(facts={}, text=_COMMENT.sub("", source).strip())
    text = _COMMENT.sub("", source[match.end() :]).strip()
    facts, problem = _front_matter(match.group(1))
    return Card(facts=facts, text=text, problem=problem)


def description_of(text: str, *, most: int = 1_000) -> str:
    """The first paragraph of prose, as plain text; empty if there is none."""
    without_code = _FENCE.sub("", text)
    for block in re.split(r"\n\s*\n", without_code):
        if _NO_PROSE.match(block):
            continue
        found = " ".join(plain(block[: most * 4]).split())
        if len(found) >= 30 and " " in found:
            return found if len(found) <= most else f"{found[:most].rsplit(' ', 1)[0]} ..."
    return ""


def usage_of(text: str) -> str:
    """The first piece of Python under a heading about use, else the first that loads a model; else empty."""
    headings = [(match.start(), bool(_USE.search(match.group(1)))) for match in _HEADING.finditer(text)]
    pieces: list[tuple[bool, str]] = []
    for match in _FENCE.finditer(text):
        if match.group("language").lower() not in PYTHON or not _LOADS.search(match.group("code")):
            continue
        above = [about_use for start, about_use in headings if start < match.start()]
        pieces.append((bool(above) and above[-1], match.group("code").strip("\n")))
    under_use = [code for about_use, code in pieces if about_use]
    return (under_use or [code for _, code in pieces] or [""])[0]


def _front_matter(text: str) -> tuple[Mapping[str, Any], str]:
    import yaml

    if len(text) > FRONT_LIMIT:
        return {}, f"the front matter is larger than {FRONT_LIMIT / 1e3:g} kB"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > DEEPEST:
                return {}, "the front matter has references or deep nesting, which are not followed"
        found = yaml.load(text, Loader=loader)  # one of the safe loaders
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return {}, f"the front matter is not YAML: {' '.join(str(error).split())[:200]}"
    return (_jsonable(found), "") if isinstance(found, Mapping) else ({}, "the front matter is no table")


def _jsonable(value: Any) -> Any:
    """YAML's values as JSON can hold them: keys as text, dates and the like as text."""
    if isinstance(value, Mapping):
        return {str(key): _jsonable(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set):
        return [_jsonable(each) for each in value]
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def texts(value: object) -> Sequence[str]:
    """A field that holds one text or several, as several."""
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
