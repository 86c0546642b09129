"""What an assistant has heard before it acts: the user's words and what the tools answered, with what went stale since.

The rule of grounding. A value is grounded if the user has said it or a tool has answered it before the call:

- text: stands in the text as a whole word or words, without regard to case, blanks and, if need be, to hyphens and
  underscores (``in progress`` grounds ``IN_PROGRESS``); an identifier (letters and digits mixed) keeps its case. A list
  in one text (``a,b|c``) is grounded part by part.
- number: the same number in figures (``1,200``, ``5%`` for 5 and 0.05, ``2k``) or in words (``twenty-five``).
- date and time (ISO 8601): the same day in any usual form with its year, and the same time of day unless midnight.
- boolean: ``true`` or ``false`` after the parameter's name, else the parameter's name with or without a negation
  beside it; or that value under a name of the same words in an observation.
- null, and text, object or array that is empty: says nothing, and is grounded.

A value is stale, and grounds nothing until it is heard again, when a call that deletes the resource of that id has
succeeded, or when the same call answered again with another id in its place, or a change of the resource did so.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.dialogue import Dialogue, Made
from forge_trajectories.ladder.reading import (
    clocks,
    days,
    figure,
    figures,
    is_id,
    leaves,
    loose,
    moment,
    occurs,
    plain,
    spoken,
)
from forge_trajectories.plain_text import compact_json

_NUMERIC = re.compile(r"[-+]?\d+(?:\.\d+)?")
_PARTS = re.compile(r"[,;|]\s*")
_NEGATION = re.compile(
    r"\b(?:no|not|without|never|off|disable[ds]?|exclud(?:e|es|ing)|skip|false|don't|doesn't|isn't|non)\b"
)
_ID_KEY = re.compile(r"(?:^|_)(?:id|uuid|guid|key|token|etag|cursor|revision|version|ref|number|code)$")
_LAST_PLACE = re.compile(r"\{([^{}]+)\}/?$")
_NEAR = 40
_OF_FAILURES = frozenset(
    {"error", "errors", "message", "detail", "__type", "code", "fault", "title", "exception", "error_description"}
)
"""Keys of answers that may be refusals; a deletion that is taken for none makes nothing stale, which does no harm."""


@dataclass(slots=True, kw_only=True)
class Source:
    """One thing heard: a message of the user's, or a tool's answer.

    Attributes:
        at: index of the message. spoken: whether a person said it.
        items: leaves of an answer's JSON, by path.
    """

    at: int
    text: str
    spoken: bool
    items: list[tuple[tuple[str, ...], Any]] = field(default_factory=list)
    exact: set[Any] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Heard:
    """Everything heard so far, and the values that are stale, each with the message that made it so."""

    sources: list[Source] = field(default_factory=list)
    stale: dict[str, int] = field(default_factory=dict)

    def grounds(self, value: Any, name: str, *, spoken_only: bool = False) -> bool:
        """Whether a value that is neither object nor array, for a parameter ``name``, has been heard."""
        if value is None or value == "":
            return True
        since = self.stale.get(str(value), -1)
        sources = [each for each in self.sources if each.at > since and (each.spoken or not spoken_only)]
        return any(_in_source(value, name, each) for each in sources)


def heard_before(dialogue: Dialogue, message: int) -> Heard:
    """What has been heard before a message; the blueprint's material counts as said, where the user said it."""
    found = Heard()
    for index, _ in dialogue.asked:
        if index < message:
            found.sources.append(Source(at=index, text=dialogue.messages[index].content, spoken=True))
    known: dict[tuple[Any, ...], Any] = {}
    for made in dialogue.calls:
        if made.answer is None or made.answer >= message:
            continue
        found.sources.append(source_of(made))
        _mark_stale(found, known, made, dialogue.blueprint)
    return found


def source_of(made: Made) -> Source:
    """What a call's answer lets be heard."""
    assert made.answer is not None
    source = Source(at=made.answer, text=made.content, spoken=False)
    if made.parsed:
        source.items = list(leaves(made.value))
        source.exact = {_exact(value) for _, value in source.items}
        source.exact |= {key for path, _ in source.items for key in path}
    return source


def ungrounded(
    value: Any, name: str, heard: Heard, schema: Mapping[str, Any], *, spoken_only: bool = False
) -> Iterator[tuple[str, Any]]:
    """Where in an argument there is a value that nobody said, and that value."""
    if _is_given(value, schema):
        return
    if isinstance(value, Mapping):
        properties = _mapping(schema.get("properties"))
        for key, item in value.items():
            if key not in properties and not heard.grounds(key, name, spoken_only=spoken_only):
                yield f"{name}.{key}", key
            inner = _mapping(properties.get(key) or _mapping(schema.get("additionalProperties")))
            yield from _named(ungrounded(item, key, heard, inner, spoken_only=spoken_only), name)
    elif isinstance(value, (list, tuple)):
        for item in value:
            items = _mapping(schema.get("items"))
            yield from ungrounded(item, name, heard, items, spoken_only=spoken_only)
    elif not heard.grounds(value, name, spoken_only=spoken_only):
        yield name, value


def _named(found: Iterable[tuple[str, Any]], name: str) -> Iterator[tuple[str, Any]]:
    for path, value in found:
        yield f"{name}.{path}", value


def _is_given(value: Any, schema: Mapping[str, Any]) -> bool:
    """Whether the schema itself gives the value: its default, its constant, its only allowed value."""
    if (
        "default" in schema
        and schema["default"] == value
        and isinstance(value, bool) == isinstance(schema["default"], bool)
    ):
        return True
    allowed = schema.get("enum")
    return ("const" in schema and schema["const"] == value) or (
        isinstance(allowed, (list, tuple)) and len(allowed) == 1 and allowed[0] == value
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _exact(value: Any) -> Any:
    """A leaf as a member of a set, in which true is not 1."""
    return ("bool", value) if isinstance(value, bool) else value


def _in_source(value: Any, name: str, source: Source) -> bool:
    if isinstance(value, bool):
        return _said_flag(value, name, plain(source.text)) if source.spoken else _answered_flag(value, name, source)
    if _exact(value) in source.exact:
        return True
    if isinstance(value, (int, float)):
        return value in figures(source.text)
    return isinstance(value, str) and _text_in(value, source.text)


def _text_in(value: str, text: str) -> bool:
    if occurs(value, text) or (_NUMERIC.fullmatch(value) and figure(value) in figures(text)):
        return True
    if is_id(value):
        return False
    if occurs(plain(value), plain(text)) or occurs(compact_json(value)[1:-1], text) or _loosely_in(value, text):
        return True
    if (when := moment(value)) is not None:
        return when[0] in days(text) and (when[1] is None or when[1] in clocks(text))
    parts = [part for part in _PARTS.split(value) if part]
    return len(parts) > 1 and all(_text_in(part, text) for part in parts)


def _loosely_in(value: str, text: str) -> bool:
    bare = loose(value)
    return occurs(bare, loose(text)) or (value.isidentifier() and occurs(spoken(value), loose(text)))


def _said_flag(value: bool, name: str, text: str) -> bool:
    """Whether ``text`` says that the flag ``name`` is ``value``."""
    for form in dict.fromkeys((name.casefold(), spoken(name))):
        start = text.find(form)
        while start >= 0:
            after = text[start + len(form) : start + len(form) + _NEAR]
            stated = re.match(
                r"[\"'`]?\W{0,3}(?:(?:is|to|set|be|should|as|=|:)\W{1,2})*\W?(true|false|yes|no|on|off)\b", after
            )
            if stated:
                if (stated[1] in ("true", "yes", "on")) is value:
                    return True
            elif bool(_NEGATION.search(text[max(start - _NEAR, 0) : start])) is not value:
                return True
            start = text.find(form, start + 1)
    telling = [word for word in spoken(name).split() if len(word) > 3]
    if telling and any(occurs(word, text) or occurs(word.rstrip("de"), text) for word in telling):
        return bool(_NEGATION.search(text)) is not value
    return False


def _answered_flag(value: bool, name: str, source: Source) -> bool:
    return any(item is value and path and spoken(path[-1]) == spoken(name) for path, item in source.items)


def _mark_stale(heard: Heard, known: dict[tuple[Any, ...], Any], made: Made, blueprint: Blueprint | None) -> None:
    """Note the ids that the answer to ``made`` replaced, and the one that it deleted."""
    assert made.answer is not None
    operation = blueprint.operation(made.tool) if blueprint is not None else None
    arguments = made.arguments if isinstance(made.arguments, Mapping) else {}
    present = {value for _, value in leaves(made.value) if isinstance(value, (str, int))} if made.parsed else set()
    for path, value in leaves(made.value) if made.parsed else ():
        if not path or not _ID_KEY.search(spoken(path[-1]).replace(" ", "_")) or not isinstance(value, (str, int)):
            continue
        place = (made.tool, compact_json(arguments), path)
        before = known.get(place)
        if before is not None and before != value and before not in present:
            heard.stale[str(before)] = made.answer - 1
        known[place] = value
        heard.stale.pop(str(value), None)
    if operation is not None and operation.method.upper() == "DELETE" and not _failed(made):
        target = _LAST_PLACE.search(operation.path)
        gone = next((arguments[key] for key in arguments if target and key == target[1]), None)
        if isinstance(gone, (str, int)) and not isinstance(gone, bool):
            heard.stale[str(gone)] = made.answer


def _failed(made: Made) -> bool:
    """Whether an answer reads as a failure, where nothing but its text is known."""
    keys = {str(key).casefold() for key in made.value} if isinstance(made.value, Mapping) else set()
    return not made.parsed or not keys.isdisjoint(_OF_FAILURES)
