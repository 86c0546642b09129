"""What an answer states of a field: ``the status is closed``, ``total: 12``; the field has to have been seen with it.

Some 50 microseconds.
"""

import re
from collections.abc import Iterator
from typing import Any

from forge_trajectories.ladder.known import Known
from forge_trajectories.ladder.reading import occurs, plain

_TOKEN = re.compile(
    r"\s*(?P<tie>(?:is|are|was|set to|as)\b|=|:)?\s*"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`|[-+]?\d[\d,]*(?:\.\d+)?|[^\s\"'`,;)]+)",
    re.I,
)
_LEADS = frozenset({"the", "its", "has", "with", "and", "a", "an", "your", "this", "whose", "is", ""})
_ELSEWHERE = frozenset({"above", "below"})
"""Where the value is to be found: ``the answer is above``."""
_ANY = frozenset({"answer", "it returned"})
"""Names of a whole answer by which any value in one may be meant."""
_WITHIN = frozenset(":/.-_@#=+")
"""What parts a name from what comes before it in one value."""
_STATUS_KEYS = frozenset({"status", "state", "phase", "outcome", "condition"})
STATUSES = frozenset(
    """
    active inactive pending complete completed finished failed cancelled canceled approved rejected open opened closed
    enabled disabled success error available unavailable paid unpaid shipped delivered running stopped paused queued
    draft published archived deleted suspended expired valid invalid online offline accepted declined
    confirmed unconfirmed locked unlocked resolved unresolved verified unverified true false
    """.split()  # noqa: SIM905  (a list of quoted words reads worse)
)
"""Words for how a thing stands."""


def contradicted(text: str, known: Known) -> Iterator[tuple[str, str]]:
    """Fields that are said to have a value with which they were not seen."""
    low = text.casefold()
    taken: list[tuple[int, int]] = []
    names = {*known.fields, *(_ANY if known.values else ())}
    for name in sorted(names, key=lambda each: (-len(each), each)):
        values = known.fields.get(name, set()) | (known.values if name in _ANY else set())
        start = low.find(name) if len(name) > 1 else -1
        while start >= 0:
            end = start + len(name)
            whole = not (start and low[start - 1].isalnum()) and not (end < len(low) and low[end].isalnum())
            if (
                whole
                and not any(a < end and start < b for a, b in taken)
                and not _in_value(low, start, end, seen=values | known.values)
            ):
                taken.append((start, end))
                if (wrong := _wrong_value(text, start, end, values)) is not None:
                    seen = ", ".join(sorted(values)[:4])
                    yield "contradicts", f"{name} is said to be {wrong!r}; it was seen as {seen}"
            start = low.find(name, end)
    yield from _wrong_status(low, known)


def _in_value(low: str, start: int, end: int, *, seen: set[Any]) -> bool:
    """Whether the name stands there as a part of a value: ``role:23`` or ``dev:role:23`` of ``role``."""
    if any(len(value) > end - start and low.startswith(value, start) for value in seen):
        return True
    if not start or low[start - 1] not in _WITHIN:
        return False
    places = ((value, value.find(low[start:end])) for value in seen)
    return any(place > 0 and low.startswith(value, start - place) for value, place in places)


def _wrong_value(text: str, start: int, end: int, seen: set[Any]) -> str | None:
    """The value that is stated of a field at ``start`` to ``end``, if the field was not seen with it."""
    lead = text[:start].rstrip(" \"'`*-(").rpartition("\n")[2].rpartition(" ")[2].casefold()
    match = _TOKEN.match(text, end)
    if match is None or (lead not in _LEADS and not lead.endswith((",", ":", ".", ";"))):
        return None
    raw = match["value"].strip("\"'`").rstrip(".!?:")
    after = plain(text[match.start("value") :]).lstrip("\"'`")
    if (
        not raw
        or raw.casefold() in _ELSEWHERE
        or any(_begins(after, value) for value in seen)
        or _is_same_number(raw, seen)
    ):
        return None
    tied = bool(match["tie"])
    if (denied := _denied(after, seen)) is not None and tied:
        return denied
    telling = raw[0].isdigit() or match["value"][0] in "\"'`" or raw.casefold() in STATUSES
    clause = re.split(r"[,;]|\. | and ", after, maxsplit=1)[0]
    if telling:
        return raw
    if not tied or match["tie"].casefold() not in ("is", "=", ":") or any(occurs(value, clause) for value in seen):
        return None
    return raw if re.match(r"[\"'`]?[\w./-]+[\"'`]?(?:[.,;)]|\s+and\b|\s*$)", text[match.start("value") :]) else None


def _denied(after: str, seen: set[Any]) -> str | None:
    """``not active`` of a field that was seen as active and as nothing else."""
    for word in ("not ", "no longer ", "never "):
        if after.startswith(word) and len(seen) == 1 and _begins(after[len(word) :].lstrip("\"'`"), next(iter(seen))):
            return after[: len(word) + 40]
    return None


def _begins(after: str, value: str) -> bool:
    return after.startswith(value[:60]) if value else after[:1] in ("", '"', ",", ".", " ")


def _is_same_number(raw: str, seen: set[Any]) -> bool:
    try:
        value = float(raw.replace(",", "").rstrip("%"))
    except ValueError:
        return False
    places = len(raw.rstrip("%").partition(".")[2])
    for each in seen:
        try:
            number = float(each)
        except ValueError:
            continue
        if number == value or (places and round(number, places) == value) or round(number * 100, 4) == value:
            return True
    return False


_STANDS = re.compile(
    r"\b(?:is|are|was|were|has been|have been|remains|status:?)\s+"
    r"(?:now |currently |still |already |marked |set to )?[\"'`]?([a-z]+)\b"
)


def _wrong_status(low: str, known: Known) -> Iterator[tuple[str, str]]:
    """A word for how a thing stands that is none of those observed, where one was observed."""
    seen = {value for key in known.fields for value in known.fields[key] if set(key.split()) & _STATUS_KEYS}
    for match in _STANDS.finditer(low) if seen & STATUSES else ():
        word = match[1]
        if word in STATUSES and word not in seen and not known.has(word):
            yield "contradicts", f"it is said to be {word!r}; the state was seen as {', '.join(sorted(seen)[:4])}"
