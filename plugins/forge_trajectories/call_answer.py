"""What a tool answered, short enough to learn from, and the assistant's closing words about it.

A long answer is cut as a structure: lists lose their tails, objects their last fields, texts their ends, so that what
is shown stays JSON; that it was cut is said after it. The closing words name only values that are shown.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import ELLIPSIS, compact_json, listed, words

MAX_SAID = 60
LEAST_WORD = 4
# Fields, items, characters, levels that each cut leaves, the mildest first.
_CUTS = ((14, 4, 160, 5), (10, 3, 120, 4), (8, 2, 100, 4), (6, 2, 80, 3), (5, 1, 60, 2), (3, 1, 40, 1))
_TELLING = ("name", "title", "status", "state", "message", "id", "type", "email", "url", "count", "total")
_WRAPPERS = ("data", "result", "results", "items", "value", "values", "records", "objects", "entries", "content")
_BESIDE = frozenset(
    """
    _links links _embedded embedded message messages msg code ok success tags meta metadata href self object etag
    request_id requestid warnings errors password secret
    """.split()  # noqa: SIM905
)
"""Fields that speak of the answer and not of what was asked for; told only where there is nothing else."""
_GONE = frozenset("deleted removed destroyed purged ok success successful succeeded done archived trashed".split())  # noqa: SIM905
_THERE = frozenset("exists present member active enabled available published".split())  # noqa: SIM905
_KEPT = frozenset("failed failure error active available enabled running open denied rejected".split())  # noqa: SIM905
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT")
_SAYABLE = re.compile(r'[^"\\\n]*\w[^"\\\n]*')
_OPENERS = ("", "Done: ", "Here is what came back: ", "Result: ", "The call went through: ", "OK, ")
_ONE_VALUE = ("The answer is {}.", "It returned {}.", "Answer: {}.")
_FIRST = ("The first entry has {}.", "First in the list: {}.", "The list begins with {}.")
_BARELY = ("The service answered with {}.", "All that came back is {}.", "What came back: {}.")
_BEGUN = re.compile(r'[^"\\\n\u2026]{20,100}(?= |$)')
_ABOVE = ("The answer is above.", "That is the answer.", "Done; see the answer above.")
_EMPTY = ("Done; the answer is empty.", "The call returned nothing further.", "Done, with an empty answer.")


def shortened(result: object, room: int) -> tuple[object, bool]:
    """``result`` cut to about ``room`` characters of JSON, and whether anything was cut."""
    if len(compact_json(result)) <= room:
        return result, False
    shown = result
    for fields, items, chars, levels in _CUTS:
        shown = _cut(result, fields=fields, items=items, chars=chars, levels=levels)
        if len(compact_json(shown)) <= room:
            break
    return shown, True


def _cut(value: object, *, fields: int, items: int, chars: int, levels: int) -> object:
    if isinstance(value, str):
        return value if len(value) <= chars else value[: chars - 1] + ELLIPSIS
    deeper = {"fields": fields, "items": items, "chars": chars, "levels": levels - 1}
    if isinstance(value, Mapping):
        kept = _most_telling(value, fields) if levels > 0 else []
        return {name: _cut(value[name], **deeper) for name in kept}
    if isinstance(value, (list, tuple)):
        return [_cut(item, **deeper) for item in value[:items]] if levels > 0 else []
    return value


def _most_telling(value: Mapping[str, Any], count: int) -> list[str]:
    """The names of ``count`` fields, those that say most first kept, in the answer's own order."""
    names = [name for name in value if isinstance(name, str)]
    ranked = sorted(names, key=lambda name: (name.lower() not in _TELLING, isinstance(value[name], (Mapping, list))))
    chosen = set(ranked[:count])
    return [name for name in names if name in chosen]


def closing(
    shown: object, picks: Picks, *, was_cut: bool, about: tuple[str, ...] = (), told: Collection[str] = ()
) -> str:
    """The assistant's words about what is shown; every value in them stands in ``shown``.

    Args:
        shown: the answer, or a part of it.
        picks: where choices are drawn from.
        was_cut: ``shown`` is a part of the answer, so that nothing follows from what is not in it.
        about: words of what was asked for; fields of such names are told first.
        told: values that the user has told; they are no news.
    """
    value, in_list = _heart(shown, about)
    if isinstance(value, Mapping) and value:
        names = _sayings(value, about, told)[: 2 + picks.below(2)]
        if names and all(is_beside(name, about) for name in names):
            return picks.one(_BARELY).format(listed([f"{_spoken(name)} {_sayable(value[name])}" for name in names]))
        return _about_object(value, names, picks, in_list=in_list)
    if isinstance(value, str) and 0 < len(value) <= 200 and not value.endswith(ELLIPSIS):
        return picks.one(_ONE_VALUE).format(_sayable(value))
    if isinstance(value, (int, float)):
        return picks.one(_ONE_VALUE).format(compact_json(value))
    return picks.one(_ABOVE if value or was_cut else _EMPTY)


def is_beside(name: str, about: tuple[str, ...]) -> bool:
    """Whether a field speaks of the answer itself, as ``_links`` and ``code`` do, and was not asked for."""
    return (name.lower() in _BESIDE or name.startswith("@")) and not is_asked(name, about)


def is_asked(name: str, about: tuple[str, ...]) -> bool:
    """Whether a field's name has a word of ``about``, itself or at its beginning or end: ``datetime`` for ``time``."""
    if not about:
        return False
    for part in words(name.lower()):
        if len(part) >= LEAST_WORD and (part.startswith(about) or part.endswith(about) or f"{part}s" in about):
            return True
    return False


def against_removal(value: object) -> str:
    """The field of an answer to a removal that says that the thing is still there, or was not removed; else empty."""
    fields: Mapping[str, object] = value if isinstance(value, Mapping) else {}
    for name, item in fields.items():
        low = [part.lower() for part in words(name)]
        if item is False and not _GONE.isdisjoint(low):
            return name
        if item is True and (low[:1] == ["is"] or not _THERE.isdisjoint(low)) and _GONE.isdisjoint(low):
            return name
        if isinstance(item, str) and item.lower() in _KEPT and low[-1:] in (["status"], ["state"]):
            return name
    return ""


def _heart(shown: object, about: tuple[str, ...]) -> tuple[object, bool]:
    """The object or value that an answer is about: the first of a list, what a lone wrapper wraps."""
    in_list = False
    for _ in range(4):
        if isinstance(shown, (list, tuple)) and shown:
            shown, in_list = shown[0], True
        elif isinstance(shown, Mapping) and (inner := _wrapped(shown, about)):
            shown = inner
        else:
            break
    return shown, in_list


def _wrapped(value: Mapping[str, Any], about: tuple[str, ...]) -> object:
    """What ``value`` wraps: under a name that wrappers use, or as the only thing worth saying."""
    told = {name: item for name, item in value.items() if isinstance(name, str) and not is_beside(name, about)}
    value = told or value
    lower = {name.lower(): item for name, item in value.items() if isinstance(name, str)}
    if lower.keys().isdisjoint(("name", "title", "id")):
        for name in _WRAPPERS:
            if isinstance(item := lower.get(name), (Mapping, list)) and item:
                return item
        lists = [item for item in value.values() if isinstance(item, list) and item]
        listings = [item for item in lists if isinstance(item[0], Mapping) and item[0]]
        if len(listings) == 1:
            return listings[0]
    if _sayings(value):
        return None
    return next((item for item in value.values() if isinstance(item, (Mapping, list)) and item), None)


def _sayings(value: Mapping[str, Any], about: tuple[str, ...] = (), told: Collection[str] = ()) -> list[str]:
    """Fields short enough to say, those that tell most first."""
    names = [name for name, item in value.items() if isinstance(name, str) and _is_sayable(item)]
    telling = [name for name in names if not is_beside(name, about)]
    return sorted(telling or names, key=lambda name: _rank(name, value[name], about, told))


def _rank(name: str, item: object, about: tuple[str, ...], told: Collection[str]) -> int:
    """How little a field tells: what was asked for first, then names and states, moments and what is known last."""
    if isinstance(item, str) and item in told:
        return 4
    if is_asked(name, about):
        return -1
    if name.lower() in _TELLING:
        return 0
    if _MOMENT.match(str(item)):
        return 3
    return 1 if name.lower().endswith(("name", "title", "status", "state", "id")) else 2


def _is_sayable(item: object) -> bool:
    if isinstance(item, str):
        return len(item) <= MAX_SAID and not item.endswith(ELLIPSIS) and bool(_SAYABLE.fullmatch(item))
    return isinstance(item, (bool, int, float))


def _about_object(value: Mapping[str, Any], names: list[str], picks: Picks, *, in_list: bool) -> str:
    if not names:
        if begun := _begun(value):
            return begun
        fields = [name for name in value if isinstance(name, str)][:4]
        return f"It returned an object with {listed(fields)}." if fields else picks.one(_EMPTY)
    if in_list:
        facts = [f"{_spoken(name)} {_sayable(value[name])}" for name in names]
        return picks.one(_FIRST).format(listed(facts))
    verb = picks.one(("is", "is", "="))
    facts = [f"{'the ' if verb == 'is' else ''}{_spoken(name)} {verb} {_sayable(value[name])}" for name in names]
    text = f"{picks.one(_OPENERS)}{listed(facts)}."
    return text[0].upper() + text[1:]


def _begun(value: Mapping[str, Any]) -> str:
    """How the first text begins that is too long to be said whole; empty if there is none."""
    for name, item in value.items():
        if isinstance(name, str) and isinstance(item, str) and (found := _BEGUN.match(item)):
            return f'The {_spoken(name)} begins "{found[0].rstrip()}".'
    return ""


def _sayable(item: object) -> str:
    """A word bare, other text in quotes, the rest as JSON."""
    if not isinstance(item, str):
        return compact_json(item)
    return f'"{item}"' if " " in item or not item[-1].isalnum() else item


def _spoken(name: str) -> str:
    found = words(name)
    return " ".join(word if word.isupper() else word.lower() for word in found) if found else name
