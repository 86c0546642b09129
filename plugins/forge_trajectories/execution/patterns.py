"""A text that matches a regular expression, for the plain ones that specifications are full of.

Knows literals, classes, groups, alternation and quantifiers; look-around, back-references and word boundaries it does
not. Every text is checked against the expression by the engine that checks arguments. Some 30 microseconds a text, and
as many to compile an expression for the first time.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from forge_trajectories.picking import Picks

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

MAX_TEXT = 400
_REPEATS = (8, 4, 1, 12, 2, 16, 24, 32, 64)
"""How often what may come any number of times is tried, until the length is right."""
_ESCAPES = {"d": "0-9", "w": "a-zA-Z0-9_", "s": " ", "n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v"}
_PRINTABLE = [chr(code) for code in range(32, 127)]
_FLAGS = re.compile(r"\(\?[a-z]+\)")
_QUANTIFIER = re.compile(r"\{(\d+)(,?)(\d*)\}")
_PROPERTIES = {"L": "a-zA-Z", "Lu": "A-Z", "Ll": "a-z", "N": "0-9", "Nd": "0-9", "Z": " ", "P": "-", "S": "+", "M": "a"}

Maker = Callable[[Picks, int], str]
"""Draws a text; the number says how often an open-ended repetition repeats."""


class _Unknown(Exception):  # noqa: N818  (a signal within this module, no error of anyone's)
    """The expression has something that is not known here."""


def compiles(pattern: str) -> bool:
    """Whether the checking engine knows the expression."""
    return _checker(pattern) is not None


def matches(pattern: str, text: str, *, whole: bool = True) -> bool:
    """Whether ``text`` matches; ``whole``: all of it, as services mean an expression that has no anchors."""
    checker = _checker(f"^(?:{pattern})$") if whole else _checker(pattern)
    return checker is not None and bool(checker.is_valid(text))


def sample(pattern: str, seed: str, *, least: int = 0, most: int = MAX_TEXT) -> str | None:
    """A text of ``least`` to ``most`` characters that matches; None if none could be made."""
    maker = _maker(pattern)
    if maker is None:
        return None
    picks = Picks(seed)
    for repeat in _REPEATS:
        text = maker(picks, repeat)
        missing = max(least - len(text), 0) or min(most - len(text), 0)
        if missing and repeat + missing >= 0:
            text = maker(picks, repeat + missing)
        if least <= len(text) <= most and matches(pattern, text, whole=False):
            return text
    return None


@lru_cache(maxsize=8192)
def _checker(pattern: str) -> "Draft202012Validator | None":
    import jsonschema_rs

    try:
        return jsonschema_rs.Draft202012Validator({"pattern": pattern})
    except jsonschema_rs.ValidationError:
        return None


@lru_cache(maxsize=8192)
def _maker(pattern: str) -> Maker | None:
    try:
        parser = _Parser(_FLAGS.sub("", pattern))
        made = parser.choice()
        return made if parser.at == len(parser.text) else None
    except (_Unknown, RecursionError, IndexError, ValueError):
        return None


class _Parser:
    """Reads an expression from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def choice(self) -> Maker:
        options = [self.sequence()]
        while self.at < len(self.text) and self.text[self.at] == "|":
            self.at += 1
            options.append(self.sequence())
        if len(options) == 1:
            return options[0]
        return lambda picks, repeat: picks.one(options)(picks, repeat)

    def sequence(self) -> Maker:
        parts: list[Maker] = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            character = self.text[self.at]
            if character in "^$":
                self.at += 1
                continue
            single = character != "("
            parts.append(self.quantified(self.atom(), single=single))
        return lambda picks, repeat: "".join(part(picks, repeat) for part in parts)

    def atom(self) -> Maker:
        character = self.text[self.at]
        self.at += 1
        if character == "(":
            return self.group()
        if character == "[":
            return _one_of(self.members())
        if character == ".":
            return _one_of(_PRINTABLE)
        if character == "\\":
            return _one_of(self.escape())
        if character in "*+?":
            raise _Unknown
        return lambda _picks, _repeat: character

    def group(self) -> Maker:
        if self.text.startswith("?", self.at):
            head = re.compile(r"\?(?::|P?<[A-Za-z]\w*>)").match(self.text, self.at)
            if head is None:
                raise _Unknown
            self.at = head.end()
        inner = self.choice()
        if self.text[self.at] != ")":
            raise _Unknown
        self.at += 1
        return inner

    def quantified(self, part: Maker, *, single: bool) -> Maker:
        low, high = self.bounds()
        if (low, high) == (1, 1):
            return part

        def drawn(picks: Picks, repeat: int) -> str:
            wanted = repeat if single else max(min(repeat, 1), low)
            count = max(low, wanted if high is None else min(high, wanted))
            return "".join(part(picks, repeat) for _ in range(min(count, MAX_TEXT)))

        return drawn

    def bounds(self) -> tuple[int, int | None]:
        """The quantifier here: least and most; None for no limit."""
        if self.at >= len(self.text):
            return 1, 1
        found: tuple[int, int | None] = (1, 1)
        character = self.text[self.at]
        if character in "*+?":
            self.at += 1
            found = {"*": (0, None), "+": (1, None), "?": (0, 1)}[character]
        elif range_ := _QUANTIFIER.match(self.text, self.at):
            self.at = range_.end()
            low, comma, high = range_.groups()
            found = (int(low), int(high) if high else None if comma else int(low))
        else:
            return found
        if self.at < len(self.text) and self.text[self.at] in "?+":
            self.at += 1
        return found

    def escape(self) -> list[str]:
        """The characters that an escape stands for; the backslash is read already."""
        character = self.text[self.at]
        self.at += 1
        if character in _ESCAPES:
            return _spread(_ESCAPES[character])
        if character in "SDW":
            return _spread("a-z") if character != "S" else _spread("a-z0-9")
        if character == "p" and (name := re.compile(r"\{(\w+)\}").match(self.text, self.at)):
            self.at = name.end()
            return _spread(_PROPERTIES.get(name[1], "a-z"))
        if character in "ux" and (code := re.compile(r"[0-9A-Fa-f]{4}|[0-9A-Fa-f]{2}").match(self.text, self.at)):
            self.at = code.end()
            return [chr(int(code[0], 16))]
        if character.isalnum():
            raise _Unknown
        return [character]

    def members(self) -> list[str]:
        """The characters of a class; its opening bracket is read already."""
        negated = self.text[self.at] == "^"
        self.at += negated
        found: list[str] = []
        first = True
        while first or self.text[self.at] != "]":
            first = False
            low = self.member()
            ranged = self.text[self.at] == "-" and self.text[self.at + 1] != "]" and len(low) == 1
            if not ranged:
                found += low
                continue
            self.at += 1
            high = self.member()
            found += _range(low[0], high[0]) if len(high) == 1 else [*low, "-", *high]
        self.at += 1
        return [character for character in _PRINTABLE if character not in found] if negated else found

    def member(self) -> list[str]:
        character = self.text[self.at]
        self.at += 1
        return self.escape() if character == "\\" else [character]


def _spread(ranges: str) -> list[str]:
    """``a-z0-9_`` as its characters."""
    found: list[str] = []
    at = 0
    while at < len(ranges):
        if at + 2 < len(ranges) and ranges[at + 1] == "-":
            found += _range(ranges[at], ranges[at + 2])
            at += 3
        else:
            found.append(ranges[at])
            at += 1
    return found


def _range(low: str, high: str) -> list[str]:
    return [chr(code) for code in range(ord(low), min(ord(high), ord(low) + 512) + 1)]


def _one_of(characters: list[str]) -> Maker:
    """Small letters and digits where they are allowed, since that is what identifiers look like."""
    if not characters:
        raise _Unknown
    plain = [
        character for character in characters if character.isascii() and (character.islower() or character.isdigit())
    ]
    other = [character for character in characters if character.isascii() and character.isalnum()]
    chosen = sorted(set(plain or other or characters))
    return lambda picks, _repeat: picks.one(chosen)
