"""What a user's request has to tell, what it must not tell yet, and what it must not make up."""

from collections.abc import Mapping, Sequence
from typing import Any

from forge_trajectories.blueprint import Blueprint, Fact, Step
from forge_trajectories.ladder.check import Check
from forge_trajectories.ladder.dialogue import Dialogue
from forge_trajectories.ladder.heard import Heard, Source, ungrounded
from forge_trajectories.ladder.kinds import is_said
from forge_trajectories.ladder.reading import figures, ids, occurs, plain, quoted, spoken
from forge_trajectories.plain_text import clip, compact_json, dangling, first_sentence, listed, words

MOST = 8_000
"""Characters of a request, its material apart."""
STEM = 4
"""Letters by which two forms of a word are taken for one."""
_UNTELLING = frozenset(
    """
    get list create make update delete remove add set read send post put call find search retrieve return returns fetch
    show with from into this that these those for and the all any one new its your their given specified using based
    will can used use which operation method endpoint api request response
    """.split()  # noqa: SIM905
)
"""Words that say nothing of which of several things is wanted."""


def check_queries(dialogue: Dialogue) -> Check | None:
    """The first request of the dialogue that fails; None if none does."""
    assert dialogue.blueprint is not None
    for turn in range(len(dialogue.blueprint.goals)):
        said = [dialogue.messages[index].content for index in dialogue.said_in(turn)]
        wrong = query_failure(dialogue.blueprint, turn, said[0]) if said else None
        if wrong is not None:
            return wrong
    return None


def query_failure(blueprint: Blueprint, turn: int, text: str) -> Check | None:
    """What is wrong with the request of a turn; None if nothing is."""
    bare = text.replace(blueprint.material, "") if blueprint.material else text
    if not bare.strip():
        return _failed("empty", "the request says nothing")
    if len(bare) > MOST:
        return _failed("long", f"the request has {len(bare)} characters; at most {MOST}")
    mine = [(place, fact) for place, fact in enumerate(blueprint.facts) if fact.turn == turn]
    missing = [fact for place, fact in mine if fact.told == "query" and not tells(blueprint, place, fact, text)]
    if missing:
        wanted = listed([f"{spoken(fact.name)} {clip(compact_json(fact.value), 100)}" for fact in missing[:4]])
        return _failed("not-told", f"the request does not say {wanted}")
    early = [
        fact
        for place, fact in mine
        if fact.told == "asked" and is_said(fact, bare) and not _told_anyway(blueprint, fact)
    ]
    if early:
        return _failed("told-early", f"the request already says {listed([spoken(fact.name) for fact in early])}")
    return _goals_lost(blueprint, turn, bare) or _invented(blueprint, turn, bare)


def _goals_lost(blueprint: Blueprint, turn: int, text: str) -> Check | None:
    """What a request leaves out of what its turn is to come to: it breaks off, or does not speak of a call."""
    if end := dangling(_without_values(blueprint, text)):
        return _failed("breaks-off", f"the request breaks off: {end!r}")
    said = _stems(text)
    if blueprint.written.get("query") == "blueprint" and blueprint.kind != "code-to-documentation":
        # The words are the goal's own, so that all of them have to be there.
        lost = [word for word in words(blueprint.goals[turn]) if word[:STEM].casefold() not in said]
        return _failed("goal-lost", f"the request leaves {lost[0]!r} of its goal out") if lost else None
    steps = [step for step in blueprint.plan if step.turn == turn]
    for step in steps if len({step.tool for step in steps}) > 1 else ():
        if not _speaks_of(blueprint, step, text, said):
            return _failed("goal-lost", f"the request does not speak of what {step.tool} is for")
    return None


def _without_values(blueprint: Blueprint, text: str) -> str:
    """A text without those values that the user tells: a title may well end in ``and``."""
    for fact in blueprint.facts if dangling(text) else ():
        if isinstance(fact.value, str) and " " in fact.value:
            text = text.replace(fact.value, "")
    return text


def _speaks_of(blueprint: Blueprint, step: Step, text: str, said: frozenset[str]) -> bool:
    """Whether a request has a word of a tool's name or summary, or a value that only this tool is given."""
    operation = blueprint.operation(step.tool)
    about = f"{step.tool} {first_sentence(operation.description) if operation is not None else ''}"
    named = [word for word in words(about.casefold()) if len(word) > 1]
    telling = [word for word in named if word not in _UNTELLING and len(word) > 2] or named
    if not telling or any(word[:STEM] in said for word in telling):
        return True
    given = {
        each.tool: {binding.fact for binding in each.arguments.values() if binding.fact is not None}
        for each in blueprint.plan
    }
    others = {fact for tool, facts in given.items() if tool != step.tool for fact in facts}
    own = [blueprint.facts[place] for place in given[step.tool] - others]
    return any(fact.told == "asked" or is_said(fact, text) for fact in own)


def _stems(text: str) -> frozenset[str]:
    """The beginnings of a text's words, without regard to their case and endings."""
    return frozenset(word[:STEM].casefold() for word in words(text))


def tells(blueprint: Blueprint, place: int, fact: Fact, text: str) -> bool:
    """Whether a text says a fact."""
    heard = Heard(sources=[Source(at=0, text=text, spoken=True)])
    schema = _bare(_schema_of(blueprint, place))
    return next(ungrounded(fact.value, fact.name, heard, schema, spoken_only=True), None) is None


def _told_anyway(blueprint: Blueprint, fact: Fact) -> bool:
    """Whether another fact that is told, or the goal, holds the same value."""
    others = [each for each in blueprint.facts if each.told == "query"]
    return any(is_said(fact, text) for text in (*blueprint.goals, *(compact_json(each.value) for each in others)))


def _schema_of(blueprint: Blueprint, place: int) -> Mapping[str, Any]:
    for step in blueprint.plan:
        for argument, binding in step.arguments.items():
            if binding.source == "user" and binding.fact == place:
                operation = blueprint.operation(step.tool)
                properties = operation.parameters.get("properties") if operation is not None else None
                schema = properties.get(argument) if isinstance(properties, Mapping) else None
                return schema if isinstance(schema, Mapping) else {}
    return {}


def _bare(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema's shape without what it gives of itself: a fact has to be said even where it is the default."""
    return {key: value for key, value in schema.items() if key not in ("default", "const", "enum")}


def _invented(blueprint: Blueprint, turn: int, text: str) -> Check | None:
    """A figure, an id or a quotation in a request that no fact, no goal and no tool has."""
    facts = [fact for fact in blueprint.facts if fact.turn <= turn]
    told = [
        *blueprint.goals,
        *(
            f"{fact.name} {fact.value if isinstance(fact.value, str) else ''} {compact_json(fact.value)}"
            for fact in facts
        ),
    ]
    if _unknown(text, told, few=len(facts)) is None:
        return None
    # The documentation of the tools is long, and rarely has to be read.
    tools = [f"{each.tool} {each.description} {compact_json(each.parameters)}" for each in blueprint.operations]
    unknown = _unknown(text, [*told, *tools], few=len(facts))
    return None if unknown is None else _failed("invented", f"nobody gave the user {unknown}")


def _unknown(text: str, told: Sequence[str], *, few: int) -> str | None:
    """The first figure, id or quotation of a text that nothing in ``told`` has; ``few`` may be a count of the facts."""
    known = "\n".join(told)
    there = figures(known)
    for number in sorted(figures(text) - there - {1, 2, 3, few}):
        if -number not in there and not _is_part(number, text, there):
            return f"the number {number}"
    for part in (*quoted(text), *ids(text)):
        if not occurs(plain(part), plain(known)) and plain(part) not in plain(known):
            return repr(part)
    return None


def _is_part(number: float, text: str, there: frozenset[float]) -> bool:
    """Whether a number is one way of reading a longer one that is known: ``5%``, ``1,200``, ``two hundred``."""
    return any(
        other and number and (other % number == 0 or number == other / 100 or other > number > 0) for other in there
    ) and ("," in text or "%" in text or not text.isascii() or not any(letter.isdigit() for letter in text))


def _failed(code: str, evidence: str) -> Check:
    return Check.failure(f"grounded:{code}", evidence)
