"""A made-up benchmark: two questions, a call, a state, and documents that leak them: the tripwire of `decontaminate`.

It goes through the same index as the real ones, so that a filter which finds nothing, for whatever reason, is noticed
in every run. A few kilobytes.
"""

from collections.abc import Sequence
from typing import Any

from forge.records import stable_id, to_json
from forge.steps import Canary, Document, canary_text
from forge_filters.benchmarks_items import Item, call_leaves

BENCHMARK = "canary"


def _question(seed: int, words: int) -> str:
    return canary_text(seed, "decontaminate question", words=words)


def _names(seed: int, name: str) -> list[str]:
    return canary_text(seed, f"decontaminate {name}", words=8).lower().rstrip(".").split()


def _call(seed: int) -> tuple[str, dict[str, Any]]:
    one, two, three, four, *more = _names(seed, "call")
    return f"{one}_{two}", {three: " ".join(more[:2]), four: 4711, more[2]: True}


def _state(seed: int) -> dict[str, Any]:
    keys, values = _names(seed, "state keys"), _names(seed, "state values")
    return {key: f"{value} {place}" for place, (key, value) in enumerate(zip(keys, values, strict=True))}


def canary_items(seed: int, *, words: Sequence[int]) -> Sequence[Item]:
    """The items of the made-up benchmark, with questions of so many words."""
    function, arguments = _call(seed)
    about: dict[str, Any] = {"benchmark": BENCHMARK, "item": "0"}
    return [
        *(Item(text=_question(seed, count), field="query", **about) for count in words),
        Item(function=function, leaves=call_leaves(arguments), field="reference", **about),
        Item(leaves=call_leaves(_state(seed)), field="state", **about),
    ]


def _leaks(seed: int, words: Sequence[int]) -> list[tuple[str, str]]:
    """Leaks, each with what is done to it."""
    questions = [_question(seed, count) for count in words]
    function, arguments = _call(seed)
    backwards = dict(reversed(arguments.items()))
    plain = "{" + ", ".join(f"{to_json(key)}: {to_json(value)}" for key, value in backwards.items()) + "}"
    return [
        *((f"a question of {count} words", text) for count, text in zip(words, questions, strict=True)),
        ("a question in capitals", questions[0].upper()),
        ("a question spaced otherwise", questions[0].replace(" ", "\n  ")),
        ("a call with its keys in another order", f'{{"arguments": {plain}, "name": "{function}"}}'),
        ("a call in Python", f"{function}({', '.join(f'{key}={value!r}' for key, value in backwards.items())})"),
        ("a state with its keys in another order", to_json(_state(seed))),
    ]


def _document(seed: int, name: str, text: str) -> Document:
    """A document with ``text`` between made-up paragraphs."""
    before, after = (canary_text(seed, f"{name} {place}", words=60) for place in ("before", "after"))
    whole = f"{before}\n\n{text}\n\n{after}"
    return Document(id=stable_id("decontaminate", name), domain="text", kind="prose", text=whole, source=BENCHMARK)


def _innocent(seed: int) -> Canary:
    """Documents that come near: other text, and the same call with another value."""
    function, arguments = _call(seed)
    other = {**arguments, next(iter(arguments)): "something else"}
    near = _document(seed, "near", f"{function}({to_json(other)})")
    far = _document(seed, "far", canary_text(seed, "decontaminate far"))
    return Canary(name="no leak", documents=[near, far], kept=[near.id, far.id])


def to_drop(seed: int, *, words: Sequence[int]) -> Sequence[Canary]:
    """Documents with leaks, to be dropped, and innocent ones."""
    planted = [(name, _document(seed, name, text)) for name, text in _leaks(seed, words)]
    leaks = [Canary(name=name, documents=[document], dropped=[document.id]) for name, document in planted]
    return [*leaks, _innocent(seed)]


def to_mask(seed: int, *, words: Sequence[int]) -> Sequence[Canary]:
    """Documents with leaks, to be masked, and innocent ones; signs at the ends of a leak may stay."""
    leaks = []
    for name, text in _leaks(seed, words):
        document = _document(seed, name, text)
        middle = text[len(text) // 4 : 3 * len(text) // 4]
        leaks.append(Canary(name=name, documents=[document], gone={document.id: [middle]}))
    return [*leaks, _innocent(seed)]
