"""The rung ``answer-supported``: what an answer states has to stand in what was observed or said.

Figures, dates, times, quoted strings, identifiers and names are looked up by the forms of `forge_trajectories.ladder.
reading`; a number may be rounded, and may count the entries of a list. Beyond that, a value that is stated of a field
(``the status is closed``, ``total: 12``) has to be a value that this field was seen with. Some 100 microseconds.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue
from forge_trajectories.ladder.reading import clocks, days, figure, figures, ids, leaves, occurs, plain, quoted, spoken
from forge_trajectories.plain_text import ELLIPSIS, clip, compact_json

_PLACEHOLDER = re.compile(
    r"\[(?:your|insert|the)[^\]\n]{0,40}\]|<(?:your|insert)[^>\n]{0,40}>|\{\{[^}\n]*\}\}|\bTODO\b", re.I
)
_MARKER = re.compile(r"^\s*(?:#+\s*)?(?:step )?\d+[.):]\s", re.M | re.I)
_FIGURE = re.compile(
    r"(?<![\w.#/-])[-+]?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.(\d+))?(?:[eE][-+]?\d{1,3})?)(?![\w/]|\.\d)"
)
_LINK = re.compile(r"https?://[^\s\"'<>)\]]+|[\w.+-]+@[\w-]+\.[\w.]+")
_NAME = re.compile(r"(?<=[a-z0-9,;)'\"] )[A-Z][a-z]{2,}(?:[A-Z][a-z]+)*\b")
_TOKEN = re.compile(
    r"\s*(?P<tie>(?:is|are|was|set to|as)\b|=|:)?\s*"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`|[-+]?\d[\d,]*(?:\.\d+)?|[^\s\"'`,;)]+)",
    re.I,
)
_ITEM = r"(?:\"[^\"\n]+\"|[^\s,;:\"]+)"
_ENUMERATION = re.compile(rf"{_ITEM}(?:, {_ITEM})*,? (?:and|or) {_ITEM}(?=[.;!?]*$|[.;!?]+ |, among)", re.M)
_ITEM_BREAK = re.compile(r", (?:and |or )?| (?:and|or) ")
_LEADS = frozenset({"the", "its", "has", "with", "and", "a", "an", "your", "this", "whose", "is", ""})
_ABOUT = re.compile(r"\b(?:about|around|approximately|roughly|nearly|almost|over|under|~)\s*$", re.I)
_WHOLE = ("answer", "result", "value", "output", "it returned")
"""What an answer that is no object is called."""
_ELSEWHERE = frozenset({"above", "below"})
"""Where the value is to be found: ``the answer is above``."""
_ANY = frozenset({"answer", "it returned"})
"""Names of a whole answer by which any value in one may be meant."""
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
_COMMON = frozenset(
    """
    the this that these those there here then and but for with from your you our their its his her they
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december english api url json http not none nothing please sorry unfortunately
    thanks thank done yes okay true false null
    """.split()  # noqa: SIM905
)


@dataclass(slots=True, kw_only=True)
class Known:
    """What an answer may draw on.

    Attributes:
        text: all of it. counts: lengths of lists, numbers of calls, statuses.
        fields: by a field's name in words, the values it was seen with. values: all of them.
    """

    text: str
    counts: set[float] = field(default_factory=set)
    fields: dict[str, set[Any]] = field(default_factory=dict)
    documents: list[Any] = field(default_factory=list)
    values: set[str] = field(default_factory=set)

    def has(self, part: str) -> bool:
        """Whether a part of text stands in it, whatever its case."""
        return occurs(part, self.text) or occurs(plain(part), plain(self.text))

    def documented(self, word: str) -> bool:
        """Whether a word stands in the documentation of the tools."""
        return any(
            occurs(word.casefold(), plain(compact_json(each))) or word.casefold() in spoken(str(each))
            for each in self.documents
        )


def known_before(dialogue: Dialogue, message: int, *, statuses: frozenset[int] = frozenset()) -> Known:
    """What is known before a message."""
    texts = [dialogue.messages[index].content for index, _ in dialogue.asked if index < message]
    texts += [each.content for each in dialogue.messages[:1] if each.role == "system"]
    known = Known(text="", counts=set(statuses), documents=list(dialogue.tools))
    if dialogue.blueprint is not None:
        texts += list(dialogue.blueprint.goals)
        for fact in dialogue.blueprint.facts:
            _note(known, (fact.name,), fact.value)
    for made in dialogue.calls:
        if made.message >= message:
            break
        texts += (made.tool, spoken(made.tool))
        for path, value in leaves(made.arguments):
            _note(known, path, value)
            texts.append(f"{spoken(path[-1])}: {value}" if path else str(value))
        if made.answer is not None and made.answer < message:
            texts.append(made.content)
            for path, value in leaves(made.value) if made.parsed else ():
                _note(known, path, value)
                texts.append(f"{path[-1]} ({spoken(path[-1])}): {value}" if path else str(value))
            known.counts |= _lengths(made.value)
            if made.parsed and made.value in (None, {}, [], ""):
                known.values.add("empty")
    known.counts |= set(range(1, 1 + sum(made.message < message for made in dialogue.calls)))
    known.text = "\n".join(texts)
    return known


def _note(known: Known, path: tuple[str, ...], value: Any) -> None:
    own = next((part for part in reversed(path) if not part.isdigit()), "")
    for name in (spoken(own),) if own else _WHOLE:
        if value is None:
            break
        known.fields.setdefault(name, set()).add(_said(value))
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        known.values.add(_said(value))


def _said(value: Any) -> str:
    return plain(compact_json(value) if isinstance(value, bool) else str(value))


def _lengths(value: Any) -> set[float]:
    found: set[float] = set()
    if isinstance(value, (list, tuple)):
        found.add(len(value))
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, (list, tuple)) else ():
        if isinstance(item, (Mapping, list, tuple)):
            found |= _lengths(item)
    return found


def check_answers(dialogue: Dialogue, turns: list[int], *, statuses: frozenset[int] = frozenset()) -> Check:
    """Every answer that closes a turn is supported."""
    applies = False
    for turn in turns:
        place = dialogue.closing(turn)
        if place is None:
            continue
        applies = True
        known = known_before(dialogue, place, statuses=statuses)
        code, evidence = next(unsupported(dialogue.messages[place].content, known), ("", ""))
        if code:
            return Check(
                check="answer-supported", passed=False, code=f"answer-supported:{code}", evidence=clip(evidence, 300)
            )
    return Check(check="answer-supported", passed=True if applies else None)


def unsupported(text: str, known: Known) -> Iterator[tuple[str, str]]:
    """Code and evidence of everything in a text that nothing supports."""
    if placeholder := _PLACEHOLDER.search(text):
        yield "placeholder", f"the answer holds a placeholder: {placeholder[0]!r}"
    yield from _contradicted(text, known)
    rest = _without_known_quotes(_MARKER.sub("\n", text), known)
    for link in _LINK.findall(rest):
        if not known.has(link.rstrip(".,;:!?")):
            yield "link", f"nothing observed or said holds {link!r}"
        rest = rest.replace(link, " ")
    yield from _listed(rest, known)
    for part in quoted(rest):
        if not _quote_known(part, known):
            yield "quote", f"nothing observed or said holds {part!r}"
        rest = rest.replace(part, " ")
    for part in ids(rest):
        if not known.has(part) and not known.documented(part):
            yield "id", f"nothing observed or said holds the id {part!r}"
        rest = rest.replace(part, " ")
    yield from _dates(rest, known)
    yield from _figures(rest, known)
    for name in _NAME.findall(rest):
        if name.casefold() not in _COMMON and not _name_known(name, known):
            yield "name", f"nothing observed or said holds {name!r}"


def _without_known_quotes(text: str, known: Known) -> str:
    """A text without those of its known quotes that hold a link, which is known with the rest."""
    for part in quoted(text) if _LINK.search(text) else ():
        if _LINK.search(part) and _quote_known(part, known):
            text = text.replace(part, " ")
    return text


def _listed(text: str, known: Known) -> Iterator[tuple[str, str]]:
    """An entry of an enumeration that was not seen, where the others were."""
    for match in _ENUMERATION.finditer(text):
        items = [item.strip("\"'`").rstrip(".!?") for item in _ITEM_BREAK.split(match[0])]
        items = [item for item in items if item]
        there = [known.has(item) or item.casefold() in _COMMON for item in items]
        values = sum(plain(item) in known.values for item in items)
        if values and not all(there):
            yield "entry", f"nothing observed or said holds {items[there.index(False)]!r}"


def _quote_known(part: str, known: Known) -> bool:
    bare = part.rstrip(".,;:!?").partition(ELLIPSIS)[0].rstrip(". ")
    return (
        not bare
        or known.has(bare)
        or plain(bare) in plain(known.text)
        or known.documented(bare)
        or _same_words(bare, known)
    )


def _same_words(part: str, known: Known) -> bool:
    """Whether a service's own words are quoted with other quotation marks inside."""
    bare = re.sub(r"[\"'\\]", "", plain(part))
    return bool(bare) and bare in re.sub(r"[\"'\\]", "", plain(known.text))


def _name_known(name: str, known: Known) -> bool:
    low = name.casefold()
    forms = {low, low.removesuffix("s"), low.removesuffix("es"), low.removesuffix("ed"), low.removesuffix("ing")}
    text = plain(known.text)
    return any(form in text for form in forms if len(form) > 2) or known.documented(low)


def _dates(text: str, known: Known) -> Iterator[tuple[str, str]]:
    there = days(known.text) if (said := days(text)) else frozenset()
    for day in said:
        if day not in there and not (day[0] is None and any(each[1:] == day[1:] for each in there)):
            yield "date", f"nothing observed or said has the date {day[1:]} of {day[0]}"
    there_clocks = clocks(known.text) if (clock := clocks(text)) else frozenset()
    for each in clock - there_clocks:
        if ":" in text or "m" in text:
            yield "time", f"nothing observed or said has the time {each[0]:02d}:{each[1]:02d}"


def _figures(text: str, known: Known) -> Iterator[tuple[str, str]]:
    there = figures(known.text) if _FIGURE.search(text) else frozenset()
    spans = _date_spans(text)
    for match in _FIGURE.finditer(text):
        if any(start <= match.start() < end for start, end in spans):
            continue
        value = figure(match[1])
        if value in there or -value in there or value in known.counts:
            continue
        places = len(match[2] or "")
        rounding = places > 0 or bool(_ABOUT.search(text[: match.start()]))
        percent = text[match.end() : match.end() + 2].lstrip().startswith("%")
        if rounding and any(round(abs(float(each)), places) == value for each in there):
            continue
        if percent and any(round(each * 100, max(places, 2)) == value for each in there):
            continue
        yield (
            "figure",
            f"nothing observed or said has the number {match[0]}: {text[max(match.start() - 30, 0) : match.end()]!r}",
        )


_DATED = re.compile(
    r"\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[/.-]\d\d?[/.-]\d{4}|\d\d?:\d\d(?::\d\d)?|\b\d\d?\s*[ap]\.?m\b|"
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d\d?(?:st|nd|rd|th)?(?:,? \d{4})?|"
    r"\b\d\d?(?:st|nd|rd|th)?(?: of)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?(?:,? \d{4})?",
    re.IGNORECASE,
)


def _date_spans(text: str) -> list[tuple[int, int]]:
    """Where dates and times stand, whose parts are no figures of their own."""
    return [match.span() for match in _DATED.finditer(text)]


def _contradicted(text: str, known: Known) -> Iterator[tuple[str, str]]:
    """Fields that are said to have a value with which they were not seen."""
    low = text.casefold()
    taken: list[tuple[int, int]] = []
    for name in sorted(known.fields, key=lambda each: (-len(each), each)):
        values = known.fields[name] | known.values if name in _ANY else known.fields[name]
        start = low.find(name) if len(name) > 1 else -1
        while start >= 0:
            end = start + len(name)
            whole = not (start and low[start - 1].isalnum()) and not (end < len(low) and low[end].isalnum())
            if (
                whole
                and not any(a < end and start < b for a, b in taken)
                and not _in_value(low, start, end, seen=values)
            ):
                taken.append((start, end))
                if (wrong := _wrong_value(text, start, end, values)) is not None:
                    seen = ", ".join(sorted(values)[:4])
                    yield "contradicts", f"{name} is said to be {wrong!r}; it was seen as {seen}"
            start = low.find(name, end)
    yield from _wrong_status(low, known)


def _in_value(low: str, start: int, end: int, *, seen: set[Any]) -> bool:
    """Whether the name stands there as the beginning of its own field's value: ``role:23`` of ``role``."""
    return any(len(value) > end - start and low.startswith(value, start) for value in seen)


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
    telling = raw[0].isdigit() or match["value"][0] in "\"'`" or raw.casefold() in STATUSES
    clause = re.split(r"[,;]|\. | and ", after, maxsplit=1)[0]
    if telling:
        return raw
    if not tied or match["tie"].casefold() not in ("is", "=", ":") or any(value and value in clause for value in seen):
        return None
    return raw if re.match(r"[\"'`]?[\w./-]+[\"'`]?(?:[.,;)]|\s+and\b|\s*$)", text[match.start("value") :]) else None


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
