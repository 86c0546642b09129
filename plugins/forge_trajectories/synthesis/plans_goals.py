"""What the user of a blueprint wants, as an imperative sentence without values.

Taken from the operation's own summary where that begins with a verb, from its name else. A few microseconds a goal.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from forge_trajectories.call_request import imperative
from forge_trajectories.plain_text import ELLIPSIS, dangling, first_sentence, words
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import singular, static_parts

MAX_WANTED = 140
MOST_SENTENCES = 2
_METHODS = {"GET": "get", "POST": "create", "PUT": "replace", "PATCH": "update", "DELETE": "delete"}
_READABLE = re.compile(r"[A-Za-z][A-Za-z_-]{2,30}")
# "POST for tag" names a method, no wish.
_HTTP = re.compile(r"(GET|POST|PUT|PATCH|DELETE|HEAD)\b")
# What a second sentence may begin with that says nothing of what is done.
_BESIDE = re.compile(
    r"(note|use|see|make|ensure|specify|include|provide|supply|allow|support|check|set|read|view)\b", re.I
)
# What follows is no longer the summary: an aside in Markdown, another route, a heading.
_ASIDE = re.compile(r" ?(?:---|##|\*\*|__|\(\(|\b(?i:oauth[ -]?scopes?|required scopes?) ?:)")
# "Get the realm's scopes Returns a list of ...": two lines that were one paragraph each.
_REPEATED = re.compile(r"(?<=[a-z)]) (?=(?:Returns?|This|Use|Gets?|Creates?|Updates?|Deletes?|Retrieves?) [a-z])")
_BREAK = re.compile(r"(?:, (?:and|or|which|so|including|such|for)|;| - | \(|: )")
# A sentence about the call and not what is wanted: it has a verb of its own, speaks of how the code works, or has the
# user tell a password. A verb after "that" or "if" belongs to an aside.
_SUBORDINATE = re.compile(
    r"\b(?:that|which|who|whom|whose|where|when|if|whether|as|so|what|how|because|while|until|once|unless|you|they|we|it)"
    r"\b.*",
    re.IGNORECASE,
)
_NO_WISH = re.compile(
    r"call to (?!action)|.*\b(?:will|shall|must|should|cannot|may)\b(?! \d)"
    r"|.*\b(?:using|with|by|from) (?:your|their|the user'?s?)\b[\w ]*\b(?:passwords?|credentials|secret|api key)\b",
    re.IGNORECASE,
)
# What one of these has to have, looked for first as that is fast.
_HINTS = (
    "call to",
    " will",
    " shall",
    " must",
    " should",
    " cannot",
    " may",
    "password",
    "credential",
    "secret",
    "key",
)
_SECOND_VERB = re.compile(r"(,? (?:and|or) )([a-z]+s)(?= (?:an?|the|its|their|all|any|existing|one|it)\b)")


def wanted(operation: Operation) -> str:
    """What a call does, as an imperative in lower case: ``get a pet by its ID``."""
    if told := _told_wish(operation.description):
        return told
    named = [word if word.isupper() and len(word) > 1 else word.lower() for word in words(operation.tool)]
    if not _is_of_path(operation):
        for place in range(len(named)):
            turned = imperative(" ".join([*named[place:], *named[:place]]))
            if turned and len(turned.split()) > 1:
                return turned
    of = operation.service or operation.provider
    return _by_path(operation) or f"call {' '.join(named) or operation.tool} of {of}"


@lru_cache(maxsize=4096)
def _told_wish(description: str) -> str:
    """What is wanted by a documentation's own first sentences; empty if they do not come to a verb."""
    for number, said in enumerate(_sentences(description)):
        found = "" if _HTTP.match(said) or (number and _BESIDE.match(said)) else _smooth(imperative(said))
        if (
            len(found.split()) > 1
            and "{" not in found
            and (number == 0 or len(found) <= MAX_WANTED)
            and _is_wish(found)
        ):
            return found
    return ""


def _sentences(text: str) -> list[str]:
    """The first sentences, without their full stops, each cut where what is said goes on at length."""
    found = []
    for _ in range(MOST_SENTENCES):
        line = _ASIDE.split(text, maxsplit=1)[0].strip()
        first = first_sentence(line, 10_000)
        if not first:
            break
        begun = line.find(first) + len(first)
        text = line[begun:].lstrip(". ")
        found.append(_clause(_REPEATED.split(first, maxsplit=1)[0].rstrip(".!:; ")))
    return [said for said in found if said and ELLIPSIS not in said]


def _clause(said: str) -> str:
    """A sentence up to where it may be broken off, if it is long; empty where there is no such place."""
    if len(said) <= MAX_WANTED:
        return said
    head, *rest = _BREAK.split(said[:MAX_WANTED], maxsplit=1)
    return head if rest and len(head.split()) > 3 else ""


def _is_wish(said: str) -> bool:
    """Whether a person could want this: one verb, whole to its end, and no password told."""
    low = said.lower()
    if any(hint in low for hint in _HINTS) and _NO_WISH.match(_SUBORDINATE.sub("", said)):
        return False
    return not dangling(f"{said}.")


def _smooth(said: str) -> str:
    """``create a hub, or updates an existing one`` with all its verbs bare, and titles in small letters."""
    found = _SECOND_VERB.sub(lambda part: f"{part[1]}{imperative(f'{part[2]} it').partition(' ')[0] or part[2]}", said)
    found = re.sub("^list of (?:the )?", "list the ", found)
    kept = [word for word in found.split()[1:] if word[:1].isalpha() and len(word) > 3]
    if kept and all(word.istitle() for word in kept):
        return " ".join(word.lower() if word.istitle() else word for word in found.split())
    return found


def _is_of_path(operation: Operation) -> bool:
    """Whether a tool's name is no more than its method and path."""
    method = operation.method.lower()
    return bool(method) and operation.tool.lower().startswith(f"{method}_") and operation.path.startswith("/")


def _by_path(operation: Operation) -> str:
    """``POST /webhooks/{id}/enable`` as ``enable a webhook``; empty where the path says nothing that can be read."""
    verb = _METHODS.get(operation.method.upper(), "")
    parts = [part for part in static_parts(operation.path) if _READABLE.fullmatch(part)]
    if not verb or not parts:
        return ""
    last = [word.lower() for word in words(parts[-1])]
    owner = " ".join(word.lower() for word in words(parts[-2])) if len(parts) > 1 else ""
    if operation.method.upper() != "GET" and imperative(f"{last[0]} it") and operation.path.endswith(parts[-1]):
        return f"{' '.join(last)} for {owner}" if owner or len(last) > 1 else ""
    if imperative(f"{last[0]} it") and len(last) > 1:
        return " ".join(last)
    one = operation.path.endswith("}") or operation.method.upper() == "POST"
    thing = " ".join([*last[:-1], singular(last[-1])] if one else last)
    article = ("an " if thing[0] in "aeiou" else "a ") if one and thing == thing.lower() else ""
    return f"{verb} {article}{thing}" + (f" of {owner}" if owner else "")


def goal(operation: Operation) -> str:
    """A call as a sentence."""
    return sentence(wanted(operation))


def chain_goal(operations: Sequence[Operation], taken: Sequence[Sequence[tuple[int, str]]]) -> str:
    """Calls that take something from earlier ones.

    Args:
        operations: in their order.
        taken: for each what it takes: the place of an earlier operation, and the pointer into its answer.
    """
    parts = [wanted(operations[0])]
    for place in range(1, len(operations)):
        parts.append(f"{_from_before(place, taken[place])} {wanted(operations[place])}")
    return sentence(", ".join(parts))


def _from_before(place: int, taken: Sequence[tuple[int, str]]) -> str:
    givers = sorted({giver for giver, _ in taken})
    if not givers:
        return "independently of that"
    if len(givers) > 1:
        return f"then use {'both results' if len(givers) == place == 2 else 'earlier results'} to"
    if givers[0] == place - 1:
        return f"then use {_taken(taken[0][1])} to"
    return f"then use {_taken(taken[0][1])} of step {givers[0] + 1} to"


def follow_up(operation: Operation, pointer: str) -> str:
    """A request that takes something from what came of an earlier one."""
    return sentence(f"use {_taken(pointer)} from before to {wanted(operation)}")


def side_by_side(operations: Sequence[Operation]) -> str:
    """Calls that do not depend on each other; the same one several times over is said once."""
    distinct = list(dict.fromkeys(wanted(operation) for operation in operations))
    if len(distinct) == 1 and len(operations) > 1:
        number = ("two", "three", "four")[min(len(operations), 4) - 2]
        return sentence(f"{distinct[0]}, once for each of the {number} sets of values")
    return sentence(" and, independently, ".join(distinct))


def sentence(text: str) -> str:
    """``text`` with a capital and a full stop."""
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."


def _taken(pointer: str) -> str:
    return "the first result" if "/0" in pointer else "that result"
