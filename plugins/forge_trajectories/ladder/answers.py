"""The rung ``answer-supported``: what an answer states has to stand in what was observed or said.

Figures, dates, times, quoted strings, identifiers and names are looked up by the forms of `forge_trajectories.ladder.
reading`; a number may be rounded, and may count the entries of a list. Beyond that, a value that is stated of a field
(``the status is closed``, ``total: 12``) has to be a value that this field was seen with. Some 100 microseconds.
"""

import re
from collections.abc import Iterator
from itertools import chain

from forge_trajectories.call_answer import against_removal
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue
from forge_trajectories.ladder.known import Known, known_before, known_by
from forge_trajectories.ladder.reading import (
    clocks,
    days,
    figure,
    figures,
    ids,
    loose,
    occurs,
    plain,
    quoted,
    spelled_numbers,
    spoken,
)
from forge_trajectories.ladder.replaying import Replay
from forge_trajectories.ladder.stated import contradicted
from forge_trajectories.ladder.telling import untold, untold_by
from forge_trajectories.plain_text import ELLIPSIS, clip
from forge_trajectories.tools.ports import effect_of

_PLACEHOLDER = re.compile(
    r"\[(?:your|insert|the)[^\]\n]{0,40}\]|<(?:your|insert)[^>\n]{0,40}>|\{\{[^}\n]*\}\}|\bTODO\b", re.I
)
_MARKER = re.compile(r"^\s*(?:#+\s*)?(?:step )?\d+[.):]\s", re.M | re.I)
_FIGURE = re.compile(
    r"(?<![\w.#/-])[-+]?(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.(\d+))?(?:[eE][-+]?\d{1,3})?)(?![\w/]|\.\d)"
)
_LINK = re.compile(r"https?://[^\s\"'<>)\]]+|[\w.+-]+@[\w-]+\.[\w.]+")
_NAME = re.compile(r"(?<=[a-z0-9,;)'\"] )[A-Z][a-z]{2,}(?:[A-Z][a-z]+)*\b")
_ITEM = r"(?:\"[^\"\n]+\"|[^\s,;:\"]+)"
_ENUMERATION = re.compile(rf"{_ITEM}(?:, {_ITEM})*,? (?:and|or) {_ITEM}(?=[.;!?]*$|[.;!?]+ |, among)", re.M)
_ITEM_BREAK = re.compile(r", (?:and |or )?| (?:and|or) ")
_ABOUT = re.compile(r"\b(?:about|around|approximately|roughly|nearly|almost|over|under|~)\s*$", re.I)
_OF_TOOL = re.compile(
    r"\s*(?:[-*\u2022+]|\d+[.)])?\s*[\"'`*]{0,3}([\w.-]{2,64})[\"'`*]{0,3}\s*(?::|=>|->|\u2013|\u2014)\s"
)
_SENTENCE = re.compile(r"[.;!?]+(?:\s|$)|\n")
_OPEN_QUOTE = re.compile(r"(?:^|[\s(\[{:=])\"[^\"]*$")
_OPEN_END = re.compile(r"(?:[,(\[{=]|\b(?:and|or|the|a|an|is|are|of|to|with|as))$", re.I)
_REMOVED = re.compile(
    r"\b(?:is|are|was|were|been|successfully)\s+(?:now\s+|successfully\s+)?(?:removed|deleted)\b"
    r"|\bremoval went through|^(?:removed|deleted)\b",
    re.IGNORECASE,
)
SMALL = 3
"""Numbers in words up to this are ways of speaking: ``one of the two``."""
LEAST_WORD = 4
_CONNECTING = frozenset(
    """
    however though also then too therefore thus hence finally overall additionally furthermore moreover meanwhile
    currently respectively instead otherwise namely likewise still yet
    """.split()  # noqa: SIM905
)
_COMMON = frozenset(
    """
    the this that these those there here then and but for with from your you our their its his her they
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december english api url json http not none nothing please sorry unfortunately
    thanks thank done yes okay true false null
    """.split()  # noqa: SIM905
)


def check_answers(dialogue: Dialogue, turns: list[int], replay: Replay) -> Check:
    """Every answer that closes a turn is supported, and tells something of what the turn's calls found."""
    applies = False
    statuses = frozenset(each.status for each in replay.observations)
    for turn in turns:
        place = dialogue.closing(turn)
        if place is None:
            continue
        applies = True
        known = known_before(dialogue, place, statuses=statuses)
        text = dialogue.messages[place].content
        problems = chain(
            unsupported(text, known),
            misattributed(dialogue, replay, text, place),
            untold(dialogue, replay, text, turn),
            _kept(dialogue, replay, text, turn),
        )
        code, evidence = next(problems, ("", ""))
        if code:
            return Check.failure(f"answer-supported:{code}", clip(evidence, 300))
    return Check(check="answer-supported", passed=True if applies else None)


def unsupported(text: str, known: Known) -> Iterator[tuple[str, str]]:
    """Code and evidence of everything in a text that nothing supports."""
    if placeholder := _PLACEHOLDER.search(text):
        yield "placeholder", f"the answer holds a placeholder: {placeholder[0]!r}"
    yield from _cut(text)
    yield from contradicted(text, known)
    rest = _without_known_quotes(_MARKER.sub("\n", text), known)
    for link in _LINK.findall(rest):
        if not known.has(link.rstrip(".,;:!?")):
            yield "link", f"nothing observed or said holds {link!r}"
        rest = rest.replace(link, " ")
    yield from _listed(rest, known)
    yield from _inserted(rest, known)
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
    yield from _names(rest, known)


def _names(text: str, known: Known) -> Iterator[tuple[str, str]]:
    for name in _NAME.findall(text):
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


def _inserted(text: str, known: Known) -> Iterator[tuple[str, str]]:
    """A lone word between values that were seen, itself seen nowhere: ``id 7, gruzelbock and name Ada``."""
    for sentence in _SENTENCE.split(text):
        items = _ITEM_BREAK.split(sentence)
        for before, item, after in zip(items, items[1:], items[2:], strict=False):
            word = item.strip("\"'`")
            if (
                not word.isalpha()
                or len(word) < LEAST_WORD
                or word.casefold() in _COMMON | _CONNECTING
                or known.has(word)
            ):
                continue
            if _ends_in_value(before, known) and _ends_in_value(after, known) and not known.documented(word):
                yield "entry", f"nothing observed or said holds {word!r}"


def _ends_in_value(item: str, known: Known) -> bool:
    end = plain(item.rstrip(".!?:").rpartition(" ")[2].strip("\"'`"))
    return bool(end) and end in known.values


def misattributed(dialogue: Dialogue, replay: Replay, text: str, place: int) -> Iterator[tuple[str, str]]:
    """What a line that begins with a tool's name says, and no call of that tool told."""
    turn = dialogue.turn_at(place)
    for line in text.splitlines() if "\n" in text or ":" in text else ():
        named = _OF_TOOL.match(line)
        calls = [made for made in dialogue.calls if named and made.tool == named[1] and made.message < place]
        calls = [made for made in calls if made.turn == turn] or calls
        wrong: tuple[str, str] | None = None
        for made in calls:
            known = known_by(made, place)
            said = line[named.end() :] if named else line
            found = next(
                chain(
                    contradicted(said, known),
                    _listed(said, known),
                    _misquoted(said, known),
                    untold_by(dialogue, replay, said, [made]),
                ),
                None,
            )
            wrong = wrong or found
            if found is None:
                break
        else:
            if wrong is not None and named is not None:
                yield wrong[0], f"of {named[1]}: {wrong[1]}"


def _kept(dialogue: Dialogue, replay: Replay, text: str, turn: int) -> Iterator[tuple[str, str]]:
    """That a thing is said to be removed of which the service says, and the answer does not, that it is still there."""
    if dialogue.blueprint is None or not _REMOVED.search(text):
        return
    # Of a call that was repeated, the last answer tells how things stand.
    for made in {made.tool: made for made in dialogue.calls if made.turn == turn and replay.ok(made)}.values():
        operation = dialogue.blueprint.operation(made.tool)
        if operation is None or effect_of(operation) != "delete":
            continue
        field = against_removal(made.value)
        if field and not occurs(spoken(field), loose(text)) and not occurs(plain(field), plain(text)):
            yield "contradicts", f"it is said to be removed, and {made.tool} answered {field}: {made.value[field]!r}"


def _misquoted(text: str, known: Known) -> Iterator[tuple[str, str]]:
    for part in quoted(text):
        if not _quote_known(part, known):
            yield "quote", f"its answer does not hold {part!r}"


def _cut(text: str) -> Iterator[tuple[str, str]]:
    """Whether a text breaks off."""
    end = text.rstrip()
    if end.count('"') % 2 and _OPEN_QUOTE.search(end):
        yield "cut", f"the answer breaks off in a quotation: {end[-30:]!r}"
    if _OPEN_END.search(end):
        yield "cut", f"the answer breaks off: {end[-30:]!r}"


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
        value = -value if match[0][0] == "-" else value
        if value in there or value in known.counts:
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
    for words, total in spelled_numbers(text):
        if total > SMALL and total not in figures(known.text) and total not in known.counts:
            yield "figure", f"nothing observed or said has the number {words!r}"


_DATED = re.compile(
    r"\d{4}[-/.]\d\d?[-/.]\d\d?|\d\d?[/.-]\d\d?[/.-]\d{4}|\d\d?:\d\d(?::\d\d)?|\b\d\d?\s*[ap]\.?m\b|"
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d\d?(?:st|nd|rd|th)?(?:,? \d{4})?|"
    r"\b\d\d?(?:st|nd|rd|th)?(?: of)? (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?(?:,? \d{4})?",
    re.IGNORECASE,
)


def _date_spans(text: str) -> list[tuple[int, int]]:
    """Where dates and times stand, whose parts are no figures of their own."""
    return [match.span() for match in _DATED.finditer(text)]
