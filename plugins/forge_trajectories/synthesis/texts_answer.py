"""What the assistant says at the end of a turn, without a model: an answer from observations, or an honest failure.

Every value in an answer stands in an observation as it is written here. Some 50 microseconds an answer.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from forge_trajectories.blueprint import Blueprint
from forge_trajectories.call_answer import against_removal, closing, is_beside, shortened
from forge_trajectories.execution.environment import Observation
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import ELLIPSIS, listed, one_line, words
from forge_trajectories.synthesis.texts import bare_goal, spoken
from forge_trajectories.tools.ports import Effect, effect_of

ROOM = 1_500
MOST_NAMED = 4
MOST_SAID = 3
MOST_QUOTED = 120
PARTLY_DONE = 207
_FINAL = (401, 403, 404)
"""Statuses that no waiting changes: nobody is told to try again later."""

LEAST_WORD = 4
"""Letters of a word by which a field is taken for what was asked for."""
MOST_READ = 200
"""Characters of a tool's description in which such words are looked for."""
_UNASKED = frozenset(
    """
    list make create update delete remove read retrieve return returns fetch show with from into this that these those
    given specified using based will used which api data value values result results response request object resource
    call information details item items entry entries current single existing
    """.split()  # noqa: SIM905
)
_NAMING = ("name", "title", "label", "displayName", "display_name", "id", "key", "code")
_LISTS = (
    "I found {}.",
    "The list holds {}.",
    "Here is what came back: {}.",
    "These are there: {}.",
    "The entries are {}.",
)
_LISTS_CUT = (
    "I found {}, among others.",
    "The list begins with {}.",
    "Among the entries are {}.",
    "The first ones are {}; there are more.",
)
_NONE = (
    "Nothing was found: the list came back empty.",
    "The answer holds no entries.",
    "There are no entries; the list is empty.",
    "The search came back empty, so there is nothing to show.",
)
_TEXTS = (
    'It came back as a text that begins: "{}".',
    'What came back is plain text; it begins "{}".',
    'The service sent a text. Its first words are "{}".',
)
_TEXTS_BARE = ("It came back as plain text, which is above.", "What came back is a text; it is above.")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_LOOKED_UP = re.compile(r"\b(?:by|with|using|based on) .*?(?=[.;,]|$)")
_LONG_WORD = re.compile(rf"[a-z]{{{LEAST_WORD},}}")
_BREAKS = re.compile(r'["\n\r]')
_REMOVED = (
    "It has been removed.",
    "Done, it is removed.",
    "The removal went through.",
    "That is removed now.",
    "Removed, as you asked.",
)
_ENDED = ("That is done.", "Done, as you asked.", "The call went through; it is done.", "It is done.")
_REMOVING = re.compile(r"delet|remov|destroy|purge|erase|clear|drop|trash", re.IGNORECASE)
_PARTLY = (
    "But not all of it worked: {item} {message}.",
    "One part failed, though: {item} {message}.",
    "A part could not be done: {item} {message}.",
)
_SEVERAL = ("Here is what I have:", "All of it is done:", "The results:", "Here is each in turn:", "")
_EACH = ("- {}: {}", "* {}: {}", "{}: {}")
_FAILED = (
    "I could not {goal}: {why}",
    "I was not able to {goal}. {Why}",
    "This did not work. {Why}",
    "Sorry, I couldn't {goal}: {why}",
    "I have to report a failure: {why}",
)
_NOT_DONE = (
    " Nothing was done, so please try again later.",
    " I have no result to give you.",
    " You may want to check this with the provider before I try again.",
    " I have not completed the request.",
    " So the request is not done.",
)
_SILENT = ("the service did not answer in time.", "there was no answer from the service; the call timed out.")
_REASONS: Mapping[int, tuple[str, ...]] = {
    401: ("the service did not accept the credentials.", "access was denied: the call is not authorised."),
    403: ("the service refused access.", "permission for this is missing."),
    404: ("the service did not find what was asked for.", "there is nothing there by that name or id."),
    429: ("the service is turning requests away for now; its rate limit is reached.", "the rate limit is exhausted."),
}
_BROKEN = (
    "the service failed on its side.",
    "the service reported an internal error.",
    "the answer could not be read.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One call that an answer is about."""

    tool: str
    observation: Observation


def answer(blueprint: Blueprint, found: Sequence[Found], *, turn: int) -> str:
    """The closing words of a turn about what its calls found."""
    picks = Picks(f"{blueprint.id}/answer/{turn}")
    if not found:
        return picks.one(_NONE)
    if len(found) == 1:
        return _said_of(blueprint, found[0], picks)
    shown = found[-MOST_SAID:] if blueprint.kind == "sequential" else found
    form = picks.one(_EACH)
    named: list[str] = []
    for place, item in enumerate(shown):
        own = Picks(f"{blueprint.id}/answer/{turn}/{place}")
        text = _said_of(blueprint, item, own)
        named.append(form.format(item.tool, text))
    lead = picks.one(_SEVERAL)
    return "\n".join([lead, *named] if lead else named)


def _effect(blueprint: Blueprint, found: Found) -> Effect:
    operation = blueprint.operation(found.tool)
    return effect_of(operation) if operation is not None else "read"


@lru_cache(maxsize=2048)
def _asked_about(tool: str, description: str) -> tuple[str, ...]:
    """Words of a tool's name and summary that may name what is wanted of its answer."""
    # What comes after "by" is what it is looked up with, which the user knows.
    named = _LOOKED_UP.sub(" ", f"{' '.join(words(tool))} {description[:MOST_READ]}".lower())
    return tuple(dict.fromkeys(word for word in _LONG_WORD.findall(named) if word not in _UNASKED))


def _said_of(blueprint: Blueprint, found: Found, picks: Picks) -> str:
    """What an observation says, and which part of it failed where the service names one."""
    value, status = found.observation.value, found.observation.status
    operation = blueprint.operation(found.tool)
    description = operation.description if operation is not None else ""
    effect, about = _effect(blueprint, found), _asked_about(found.tool, description)
    if effect == "delete" and status != PARTLY_DONE:
        if not (against := against_removal(value)):
            named = _REMOVING.search(f"{found.tool} {description[:MOST_READ]}")
            return picks.one(_REMOVED if named else _ENDED)
        return closing({against: value[against]}, picks, was_cut=True)
    told = frozenset(fact.value for fact in blueprint.facts if isinstance(fact.value, str))
    if effect in ("create", "update") and _rows(value, about) == [] and isinstance(value, Mapping):
        rest = {name: item for name, item in value.items() if item != []}
        return closing(rest, picks, was_cut=True, about=about, told=told)
    failed = value.get("failed") if isinstance(value, Mapping) and value.get("partial") is True else None
    if not isinstance(failed, list) or not failed or not isinstance(failed[0], Mapping):
        return reported(value, picks, about=about, told=told)
    rest = {name: item for name, item in value.items() if name not in ("failed", "partial")}
    item, message = one_line(failed[0].get("item")), one_line(failed[0].get("message"))
    done = reported(rest, picks, about=about, told=told) if rest else "That is done."
    return f"{done} {picks.one(_PARTLY).format(item=item, message=message)}"


def reported(value: Any, picks: Picks, *, about: tuple[str, ...] = (), told: Collection[str] = ()) -> str:
    """What a value says, in a sentence or two: fields named in ``about`` first, values in ``told`` last."""
    rows = _rows(value, about)
    if rows is not None and not rows:
        return picks.one(_NONE)
    names = list(dict.fromkeys(name for name in map(_name_of, rows or ()) if name))
    if len(names) > 1:
        short = names[:MOST_NAMED]
        return picks.one(_LISTS_CUT if len(names) > len(short) else _LISTS).format(listed(short))
    if isinstance(value, str) and (len(value) > MOST_QUOTED or _BREAKS.search(value)):
        begun = _beginning(value)
        return picks.one(_TEXTS if begun else _TEXTS_BARE).format(begun)
    shown, was_cut = shortened(value, ROOM)
    return closing(shown, picks, was_cut=was_cut, about=about, told=told)


def _beginning(text: str) -> str:
    """The first words of a text, as they stand there and without quotation marks inside; empty if there are none."""
    line = one_line(text)
    begun = line.partition('"')[0][:MOST_QUOTED]
    return (begun if begun == line else begun.rpartition(" ")[0]).rstrip(" ,;:.[{(\\")


def failure(blueprint: Blueprint, found: Found, *, turn: int) -> str:
    """That it did not work and why, as the last observation has it; claims nothing."""
    picks = Picks(f"{blueprint.id}/failure/{turn}/{found.tool}")
    goal = bare_goal(blueprint.goals[turn]) if turn < len(blueprint.goals) else "do this"
    why = _why(found.observation, picks)
    text = picks.one(_FAILED).format(goal=goal, why=why, Why=why[0].upper() + why[1:])
    return text + picks.one(_NOT_DONE[1:] if found.observation.status in _FINAL else _NOT_DONE)


def _why(observation: Observation, picks: Picks) -> str:
    said = _message(observation.value)
    if said and picks.below(3):
        return f'the service said "{said}".'
    if observation.status == 0:
        return picks.one(_SILENT)
    return picks.one(_REASONS.get(observation.status, _BROKEN))


def _message(value: Any) -> str:
    """The service's own words about a failure, if they are short."""
    for _ in range(2):
        if not isinstance(value, Mapping):
            break
        for name in ("message", "detail", "error_description", "title", "error"):
            if isinstance(value.get(name), str) and 0 < len(one_line(value[name])) <= 160:
                return one_line(value[name]).replace('"', "'").rstrip(".")
        value = value.get("error")
    return ""


def _rows(value: Any, about: tuple[str, ...] = ()) -> list[Any] | None:
    """The list that an answer is, or is wrapped around; None if it is none."""
    if isinstance(value, list):
        return value
    if isinstance(value, Mapping):
        telling = [name for name in value if isinstance(name, str) and not is_beside(name, about)]
        lists: list[list[Any]] = [value[name] for name in telling or value if isinstance(value[name], list)]
        if len(lists) == 1 and not any(name in telling for name in _NAMING):
            return lists[0]
    return None


def _name_of(row: Any) -> str:
    """What an entry is called; a number with the field that it stands in, for by itself it names nothing."""
    if isinstance(row, str):
        text, field = row, "value"
    elif isinstance(row, Mapping):
        field = next((name for name in _NAMING if isinstance(row.get(name), (str, int))), "")
        text = str(row.get(field, ""))
    else:
        return ""
    if _NUMBER.fullmatch(text):
        return f"{spoken(field)} {text}"
    plain = text == one_line(text) and '"' not in text and ELLIPSIS not in text and any(map(str.isalnum, text))
    return (f'"{text}"' if " " in text else text) if plain and 0 < len(text) <= 60 else ""
