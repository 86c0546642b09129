"""What a user says, without a model: requests with their facts, and answers to a question.

Every value is stated as it is passed, so that each call can be worked out from what was said. All words follow from the
blueprint's id alone. Some 20 microseconds a request.
"""

from collections.abc import Sequence

from forge_trajectories.blueprint import Blueprint, Fact
from forge_trajectories.call_request import commanded, stated_value
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import listed, words

INLINE = 160
"""Characters up to which values are told in the sentence itself."""

_ASKED = (
    "Please {}.",
    "Can you {}?",
    "Could you {}?",
    "Could you please {}?",
    "I need to {}.",
    "I'd like to {}.",
    "I want to {}.",
    "I have to {}.",
    "I need you to {}.",
    "{}.",
    "{}, please.",
    "Would you {}?",
    "Help me {}.",
    "Can you help me {}?",
    "It's time to {}.",
    "My task is to {}.",
)
_NAMED = (
    "I need the following: {}.",
    "What I am after: {}.",
    "Here is what I need. {}.",
    "My goal: {}.",
    "This is what it should come to: {}.",
)
_OPENERS = ("", "", "", "", "Hi! ", "Hello, a small request. ", "Quick one: ", "Good morning. ", "One thing: ")
_LATER = ("", "Next: ", "Thanks. ", "Good. ", "Great, thank you. ", "OK. ", "Now something else. ", "And then: ")
_CLOSERS = ("", "", "", "", "", " Thanks!", " Thank you.", " Let me know how it goes.")
# How values are introduced, and how each is tied to its name; the first kind goes into the sentence itself.
_INLINE = (
    (" with {}", "{} {}"),
    (" with {}", "{} set to {}"),
    (", using {}", "{} {}"),
    (" ({})", "{}: {}"),
    (" ({})", "{} {}"),
    (" where {}", "{} is {}"),
    (", with {}", "{} as {}"),
)
_AFTER = (
    (" Use {}.", "{} {}"),
    (" Use {}.", "{} = {}"),
    (" The values: {}.", "{} = {}"),
    (" Set {}.", "{} to {}"),
    (" It should have {}.", "{} {}"),
    (" Here, {}.", "{} is {}"),
    (" For this, {}.", "{} is {}"),
    (" What I have: {}.", "{} {}"),
    (" Details: {}.", "{}: {}"),
    ("\nDetails: {}.", "{}: {}"),
)
_LISTED = (
    ("\n{}", "- {}: {}"),
    ("\nHere are the details:\n{}", "- {}: {}"),
    ("\nThe values:\n{}", "{} = {}"),
    ("\n{}", "* {} is {}"),
    ("\nParameters:\n{}", "{}: {}"),
)
_SETS = ("", " The sets of values:", " These are the values:", " Here they are:")
_EACH_SET = ("{} {}", "{} = {}", "{} is {}", "{}: {}")
_SET_LINES = ("- {}", "* {}", "with {}")
_TOLD = ("{}.", "Sure: {}.", "Of course, {}.", "Right, {}.", "Here you are: {}.", "It's this: {}.")
_TOLD_EACH = ("{} is {}", "the {} is {}", "{}: {}", "{} = {}", "use {} {}")
_PLAN_FOR = (
    "Write a plan of calls for this, from the documentation below; run nothing yet.",
    "Which calls would you make, in which order? Plan only, from this documentation:",
    "Read the documentation and plan the calls, step by step, without running any.",
    "Lay out the calls as numbered steps. All you have is this documentation.",
)
_DOCUMENT = (
    "Write the documentation of the API that this code calls.",
    "Document the endpoint used here, with its parameters:",
    "From this code, write reference documentation for the API behind it.",
    "What does this code call? Write it up as API documentation.",
)


def query(blueprint: Blueprint, turn: int) -> str:
    """The user's request of one turn, with every fact that is told with it."""
    picks = Picks(f"{blueprint.id}/query/{turn}")
    goal = blueprint.goals[turn] if turn < len(blueprint.goals) else ""
    facts = [fact for fact in blueprint.facts if fact.turn == turn and fact.told == "query"]
    if blueprint.kind == "code-to-documentation":
        return f"{picks.one(_DOCUMENT)}\n\n{blueprint.material}"
    sets = _sets(blueprint, turn)
    said = _with_sets(_asked(goal, picks), sets, picks) if sets else _with_facts(_asked(goal, picks), facts, picks)
    if blueprint.kind == "planning":
        return f"{said}\n{picks.one(_PLAN_FOR)}\n\n{blueprint.material}"
    opener = picks.one(_OPENERS if turn == 0 else _LATER)
    closer = "" if "\n" in said or said.endswith("?") else picks.one(_CLOSERS)
    return f"{opener}{said}{closer}"


def told(blueprint: Blueprint, facts: Sequence[Fact]) -> str:
    """The user's answer to a question for ``facts``."""
    picks = Picks(f"{blueprint.id}/told/{','.join(fact.name for fact in facts)}")
    form = picks.one(_TOLD_EACH)
    text = picks.one(_TOLD).format(listed([form.format(spoken(fact.name), stated_value(fact.value)) for fact in facts]))
    return text[0].upper() + text[1:]


def spoken(name: str) -> str:
    """A parameter's name as it is said: ``resourceGroupName`` as ``resource group name``; one with figures as it is."""
    if any(letter.isdigit() for letter in name):
        return name
    found = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words(name))
    return found or name


def bare_goal(goal: str) -> str:
    """A goal as an imperative without its full stop, in lower case at its beginning; itself where it is none."""
    goal = " ".join(goal.split()).rstrip(".!:… ")
    return commanded(goal) or goal


def _asked(goal: str, picks: Picks) -> str:
    goal = " ".join(goal.split()).rstrip(".!:… ")
    wanted = commanded(goal)
    text = picks.one(_ASKED).format(wanted) if wanted else picks.one(_NAMED).format(goal)
    return text[0].upper() + text[1:]


def _with_facts(said: str, facts: Sequence[Fact], picks: Picks) -> str:
    """The request and its values: in the sentence where they are short, after it or in a list where they are not."""
    if not facts:
        return said
    is_spoken = picks.below(3) > 0
    values = [(spoken(fact.name) if is_spoken else fact.name, stated_value(fact.value)) for fact in facts]
    length = sum(len(name) + len(value) for name, value in values)
    if length > INLINE or (len(values) > 3 and picks.below(2)):
        lead, each = picks.one(_LISTED)
        return said + lead.format("\n".join(each.format(*value) for value in values))
    if picks.below(2):
        lead, each = picks.one(_INLINE)
        return said[:-1] + lead.format(_joined(each, values)) + said[-1]
    lead, each = picks.one(_AFTER)
    return said + lead.format(_joined(each, values))


def _sets(blueprint: Blueprint, turn: int) -> list[list[Fact]]:
    """The facts of each call, where one tool is called several times with other values; else nothing."""
    steps = [step for step in blueprint.plan if step.turn == turn]
    if len({step.tool for step in steps}) == len(steps) or any(fact.told == "asked" for fact in blueprint.facts):
        return []
    places = [
        [binding.fact for binding in step.arguments.values() if binding.source == "user" and binding.fact is not None]
        for step in steps
    ]
    told = {place for places_of in places for place in places_of}
    mine = {place for place, fact in enumerate(blueprint.facts) if fact.turn == turn}
    return [[blueprint.facts[place] for place in places_of] for places_of in places] if mine <= told else []


def _with_sets(said: str, sets: Sequence[Sequence[Fact]], picks: Picks) -> str:
    """The request and a line of values for each call."""
    each, line = picks.one(_EACH_SET), picks.one(_SET_LINES)
    lines = [line.format(_joined(each, [(spoken(fact.name), stated_value(fact.value)) for fact in of])) for of in sets]
    return "\n".join([said + picks.one(_SETS), *lines])


def _joined(each: str, values: Sequence[tuple[str, str]]) -> str:
    return listed([each.format(*value) for value in values])
