"""Rubrics: what a language model is asked to look for when it labels a document.

A rubric has levels from 0 up, each in a sentence; documents at or above ``good_from`` are of quality. Two come with
the forge; a TOML file with the same keys makes another. After the additive scale of FineWeb-Edu (Penedo et al., 2024),
in our own words.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Rubric:
    """What to look for.

    Attributes:
        name: lower case, digits and hyphens: part of the label set's name.
        task: what the level measures, in a sentence or two. levels: a sentence for each, from 0 up.
        good_from: the lowest level that counts as quality.
    """

    name: str
    task: str
    levels: Sequence[str]
    good_from: int

    def __post_init__(self) -> None:
        if not self.name or not all(letter.isalnum() or letter == "-" for letter in self.name):
            raise ValueError(f"name = {self.name!r}: use letters, digits and hyphens")
        if len(self.levels) < 2 or not 0 < self.good_from < len(self.levels):
            raise ValueError(f"good_from = {self.good_from} has to be a level above 0 of the {len(self.levels)} levels")


AGENT_RELEVANT = Rubric(
    name="agent-relevant",
    task=(
        "How much would a model learn from this text about acting through tools: calling functions and web APIs, "
        "planning several steps, reading what a call returns, and recovering from errors?"
    ),
    levels=(
        "Nothing: no tool, command, interface or procedure is in it.",
        "It names software or an interface in passing, without saying how it is used.",
        "It describes what a tool or interface does, in words only.",
        "It shows how something is called: parameters, commands, requests or code with their meaning.",
        "It shows calls together with what they return or what goes wrong, or a procedure of several dependent steps.",
        "It leads through a whole task: a goal, the calls in order, their results, and how to react to failures.",
    ),
    good_from=3,
)

GENERAL = Rubric(
    name="general",
    task="How good is this text as something to learn from: is it informative, coherent and complete in itself?",
    levels=(
        "Noise: menus, lists of links, advertising, broken or machine-made text.",
        "Mostly noise, with a few sentences that say something.",
        "Understandable, but thin, promotional or badly put together.",
        "Informative and coherent, with some clutter or gaps.",
        "Clear, well written and substantial.",
        "Outstanding: it teaches its subject in depth, in good order, without clutter.",
    ),
    good_from=3,
)

BY_NAME = {rubric.name: rubric for rubric in (AGENT_RELEVANT, GENERAL)}


def read_rubric(name: str) -> Rubric:
    """A rubric of ours by name, or the one in a TOML file.

    Raises:
        ValueError: neither; or the file is no rubric.
    """
    if name in BY_NAME:
        return BY_NAME[name]
    path = Path(name)
    if not path.is_file():
        raise ValueError(f"no rubric {name!r}: there are {', '.join(BY_NAME)}, or name a TOML file")
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        return Rubric(**found)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}; it needs name, task, levels and good_from") from error
