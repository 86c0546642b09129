"""Whether an answer tells anything of what came back, or is empty words that happen not to be wrong.

A turn whose calls only read has to be closed with at least one value of what they found, or by saying that nothing was
found where that is so. One that changes something has to tell a value, or say that it is done. More is not asked than
the deterministic words would tell of the same results: some hold nothing that could be said. Some 30 microseconds.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from forge_trajectories.execution.environment import Observation
from forge_trajectories.ladder.coverage import only_reads
from forge_trajectories.ladder.dialogue import Dialogue, Made
from forge_trajectories.ladder.reading import figures, leaves, loose, occurs, plain, spoken
from forge_trajectories.ladder.recovering import failures_at_end
from forge_trajectories.ladder.replaying import Replay
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import clip, compact_json

MOST_LEAVES = 400
BEGINNING = 40
"""Characters of a long value that have to stand in an answer."""
STEM = 4
_NOTHING = re.compile(r"\b(?:no|none|nothing|empty|zero|not|without|blank)\b|n['\u2019]t\b", re.IGNORECASE)
_DONE = re.compile(
    r"\b(?:done|created?|updated?|deleted?|removed?|added|sent|set|saved?|complete[ds]?|success(?:ful(?:ly)?)?|worked|"
    r"went through|returned|in place|finished|ready|accepted|changed|stored|cancell?ed|registered|applied)\b",
    re.IGNORECASE,
)
_CHANGING = frozenset(
    """
    create delete update remove set put add start stop enable disable register cancel send replace modify attach detach
    """.split()  # noqa: SIM905
)
"""First words of tools that change something, whatever their HTTP method is."""
_FLAGS = {
    True: re.compile(r"\b(?:true|yes|on|enabled)\b", re.I),
    False: re.compile(r"\b(?:false|no|not|off|disabled)\b", re.I),
}


def untold(dialogue: Dialogue, replay: Replay, text: str, turn: int) -> Iterator[tuple[str, str]]:
    """Code and evidence of an answer that tells nothing of a turn's results."""
    assert dialogue.blueprint is not None
    worked = [made for made in dialogue.calls if made.turn == turn and replay.ok(made)]
    if worked and dialogue.blueprint.ending != "no-call" and not failures_at_end(dialogue, replay, turn):
        yield from untold_by(dialogue, replay, text, worked)


def untold_by(dialogue: Dialogue, replay: Replay, text: str, calls: list[Made]) -> Iterator[tuple[str, str]]:
    """Code and evidence of a text that tells nothing of what some calls found."""
    # Of a call that was repeated, the last answer is the one to tell: what came before it may have been out of date.
    worked = list({(made.tool, compact_json(made.arguments)): made for made in calls if replay.ok(made)}.values())
    if not worked:
        return
    values = [value for made in worked for _, value in leaves(made.value)][:MOST_LEAVES]
    if not any(value not in (None, "") for value in values):
        names = {name for made in worked for name in _names(made.value)}
        named = any(occurs(spoken(name), loose(text)) or occurs(plain(name), plain(text)) for name in names)
        if not named and not _NOTHING.search(text) and not _says_done(dialogue, worked, text):
            yield "says-nothing", "nothing came back, and the answer does not say so"
    elif not tells(text, values) and not _says_done(dialogue, worked, text) and _sayable(worked, replay):
        shown = next((value for value in values if isinstance(value, str) and value), values[0])
        yield "says-nothing", f"Tell what the results say, for example {clip(str(shown), 60)!r}."


def tells(text: str, values: list[Any]) -> bool:
    """Whether one of the values stands in a text."""
    low, numbers = plain(text), figures(text)
    for value in values:
        if isinstance(value, bool):
            if _FLAGS[value].search(text):
                return True
        elif isinstance(value, (int, float)):
            if value in numbers or occurs(str(value), text):
                return True
        elif isinstance(value, str) and (shown := plain(value)[:BEGINNING].strip()) and any(map(str.isalnum, shown)):
            if occurs(shown, low) if len(shown) < BEGINNING else shown in low:
                return True
            if len(shown) > 2 and occurs(loose(shown), loose(text)):
                return True
    return False


def _names(value: Any) -> Iterator[str]:
    """Names of fields that are there, though nothing is in them."""
    if isinstance(value, Mapping):
        yield from value
    for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from _names(item)


def _says_done(dialogue: Dialogue, worked: list[Made], text: str) -> bool:
    """Whether a turn changed something, and the text says that it did, in general or with the tool's own words."""
    assert dialogue.blueprint is not None
    writes = [
        made
        for made in worked
        if spoken(made.tool).partition(" ")[0] in _CHANGING or not only_reads(dialogue.blueprint.operation(made.tool))
    ]
    if not writes:
        return False
    stems = {word[:STEM] for made in writes for word in spoken(made.tool).split() if len(word) >= STEM}
    return bool(_DONE.search(text)) or any(stem in plain(text) for stem in stems)


def _sayable(worked: list[Made], replay: Replay) -> bool:
    """Whether the deterministic words would tell anything of the results."""
    from forge_trajectories.synthesis.texts_answer import reported

    for made in worked:
        observation: Observation | None = replay.of(made)
        if observation is not None and tells(
            reported(made.value, Picks(made.tool)), [v for _, v in leaves(made.value)]
        ):
            return True
    return False
