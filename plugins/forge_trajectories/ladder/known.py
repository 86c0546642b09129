"""What an answer may draw on: everything said and observed before it, or by one call alone.

Some 50 microseconds a call.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forge_trajectories.ladder.dialogue import Dialogue, Made
from forge_trajectories.ladder.reading import leaves, occurs, plain, spoken
from forge_trajectories.plain_text import compact_json

WHOLE = ("answer", "result", "value", "output", "it returned")
"""What an answer that is no object is called."""


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
    """What is known before a message. A field that this turn tells of is what it is now, not what it was before."""
    texts = [dialogue.messages[index].content for index, _ in dialogue.asked if index < message]
    texts += [each.content for each in dialogue.messages[:1] if each.role == "system"]
    known = Known(text="", counts=set(statuses), documents=list(dialogue.tools))
    now = Known(text="")
    turn = dialogue.turn_at(message)
    if dialogue.blueprint is not None:
        texts += list(dialogue.blueprint.goals)
        for fact in dialogue.blueprint.facts:
            for each in (known, now) if fact.turn == turn else (known,):
                _note(each, (fact.name,), fact.value)
    for made in dialogue.calls:
        if made.message >= message:
            break
        texts += _take(known, made, message)
        if made.turn == turn:
            _take(now, made, message)
    known.fields |= now.fields
    known.counts |= set(range(1, 1 + sum(made.message < message for made in dialogue.calls)))
    known.text = "\n".join(texts)
    return known


def known_by(made: Made, message: int) -> Known:
    """What one call and its answer tell."""
    known = Known(text="")
    known.text = "\n".join(_take(known, made, message))
    return known


def _take(known: Known, made: Made, message: int) -> list[str]:
    """Note what a call and its answer tell; gives the words in which they do."""
    texts = [made.tool, spoken(made.tool)]
    for path, value in leaves(made.arguments):
        _note(known, path, value)
        texts.append(f"{spoken(path[-1])}: {value}" if path else str(value))
    if made.answer is None or made.answer >= message:
        return texts
    texts.append(made.content)
    for path, value in leaves(made.value) if made.parsed else ():
        _note(known, path, value)
        texts.append(f"{path[-1]} ({spoken(path[-1])}): {value}" if path else str(value))
    known.counts |= _lengths(made.value)
    if made.parsed and made.value in (None, {}, [], ""):
        known.values.add("empty")
    return texts


def _note(known: Known, path: tuple[str, ...], value: Any) -> None:
    own = next((part for part in reversed(path) if not part.isdigit()), "")
    for name in (spoken(own),) if own else WHOLE:
        if value is None:
            break
        known.fields.setdefault(name, set()).add(_said(value))
    if isinstance(value, (str, int, float)):
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
