"""What the assistant says besides answers, without a model: questions, thoughts, decisions, refusals.

All words follow from the blueprint's id alone. Some 10 microseconds a text.
"""

from collections.abc import Sequence

from forge_trajectories.blueprint import Blueprint, Fact
from forge_trajectories.execution.environment import Observation
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import clip, compact_json, listed
from forge_trajectories.synthesis.texts import bare_goal, spoken

_QUESTIONS = (
    "Which {} should I use?",
    "Could you tell me the {}?",
    "I still need the {}. What should it be?",
    "To do this I need the {}; can you give it to me?",
    "What is the {}?",
    "Can you tell me the {}, so that I can go on?",
    "Before I make the call: what {} do you want?",
    "One thing is missing: the {}. Could you give it?",
)
_QUESTIONS_AFTER = (
    "That did not work with the {} that I have. Could you check it and tell me the right one?",
    "The service does not accept this {}. Which one should I use instead?",
    "The call failed because of the {}. Can you give me another?",
)
_THOUGHTS = (
    "I'll {goal} with {tools}.",
    "{tools} does this; calling it.",
    "Let me call {tools}.",
    "This needs {tools}.",
    "I have what I need for {tools}.",
    "First {tools}, then I'll see.",
)
_PARALLEL = (
    "These calls do not depend on each other, so I make them together: {tools}.",
    "I can call {tools} at the same time.",
    "Several independent calls: {tools}.",
)
_NEXT = (
    "With that I can call {tools}.",
    "That gives me what {tools} needs.",
    "Now {tools}, with what came back.",
    "Next is {tools}.",
)
_RETRIES = {
    "timeout": ("The call timed out; I'll try once more.", "No answer in time. I wait a moment and repeat the call."),
    "rate": (
        "The rate limit was hit; I'll wait a moment and call again.",
        "Too many requests: I back off for a little while, then repeat the call.",
    ),
    "broken": (
        "The answer broke off and cannot be read; I'll ask for it again.",
        "That is not complete JSON. I repeat the call to get it whole.",
    ),
    "server": (
        "The service failed on its side, which may pass. I'll wait and try again.",
        "A server error: worth one more attempt after a short wait.",
    ),
    "stale": (
        "This may be out of date; I'll fetch it again.",
        "The data looks stale. I call once more for the present state.",
    ),
    "part": (
        "Only a part was done. The call can safely be repeated, so I make it again.",
        "A part of it failed; repeating the call does no harm, so I try once more.",
    ),
    "other": ("That did not work yet; I'll try again.", "I wait a moment and call again."),
}
_REPAIRS = (
    "The service rejected an argument; I correct it and call again.",
    "I see what is wrong with the call from the message, so I change it.",
    "The request was not valid as it was. Here is a corrected one.",
)
_OTHERS = (
    "{failed} does not help here; {other} can do the same.",
    "As {failed} failed, I use {other} instead.",
    "I'll take another way: {other}.",
)
_LOOKS = (
    "{failed} got no answer, so I do not know whether it went through. Before I repeat it I look with {other}.",
    "No answer from {failed}; it may have been carried out all the same. {other} will show.",
    "Without an answer from {failed} I check with {other} first.",
)
_REFUSALS = (
    "I can't {goal} here: none of the tools I have does that.",
    "None of the available tools can do this. They are for {tools}, so I can't {goal}.",
    "I'm afraid I have no tool to {goal}. What I could use: {tools}.",
    "There is no tool for this request among those I have ({tools}), so I make no call.",
    "I don't have a tool that can {goal}. I could only help with {tools}.",
)
_REFUSALS_BARE = ("I have no tools for this, so I can't {goal}.", "I can't {goal}: there is no tool for it here.")
_WEIGH = (
    "There are several ways to go about this:",
    "What I could do:",
    "The candidates:",
    "Let me weigh the options:",
    "Possible actions:",
)
_CHOOSE = (
    "So I call {tool}{why}.",
    "I choose {tool}{why}.",
    "The right one is {tool}{why}.",
    "My choice is to call {tool}{why}.",
)


def question(blueprint: Blueprint, facts: Sequence[Fact], *, after_failure: bool = False) -> str:
    """The assistant asks for facts, by name in words."""
    picks = Picks(f"{blueprint.id}/question/{','.join(fact.name for fact in facts)}")
    names = listed([spoken(fact.name) for fact in facts])
    return picks.one(_QUESTIONS_AFTER if after_failure else _QUESTIONS).format(names)


def thought(blueprint: Blueprint, tools: Sequence[str], *, number: int) -> str:
    """A short thought before calls; nothing before about half of them. ``number``: of the calls' message, from 0."""
    picks = Picks(f"{blueprint.id}/thought/{number}")
    if picks.below(2):
        return ""
    named = listed(list(dict.fromkeys(tools)))
    if len(tools) > 1:
        return picks.one(_PARALLEL).format(tools=named)
    goal = bare_goal(blueprint.goals[0]) if blueprint.goals else "do this"
    forms = _NEXT if number else _THOUGHTS if len(goal) < 100 else _THOUGHTS[1:]
    return picks.one(forms).format(goal=goal, tools=named)


def weighing(blueprint: Blueprint) -> str:
    """The candidates of a decision, each with its arguments and what speaks for or against it, and the choice."""
    picks = Picks(f"{blueprint.id}/weighing")
    lines = [picks.one(_WEIGH)]
    chosen = ""
    for number, candidate in enumerate(blueprint.candidates, 1):
        call = f"{candidate.tool}({clip(compact_json(dict(candidate.arguments)), 300)})"
        lines.append(f"{number}. {call}: {candidate.why.rstrip('.')}.")
        if candidate.right:
            chosen = picks.one(_CHOOSE).format(tool=candidate.tool, why=f": {candidate.why.rstrip('.')}")
    return "\n".join([*lines, chosen] if chosen else lines)


def retrying(blueprint: Blueprint, observation: Observation, *, number: int) -> str:
    """Why the same call is made again."""
    return Picks(f"{blueprint.id}/retry/{number}").one(_RETRIES[_sort(observation)])


def repairing(blueprint: Blueprint, *, number: int) -> str:
    """Why the call is made with another argument."""
    return Picks(f"{blueprint.id}/repair/{number}").one(_REPAIRS)


def other_way(blueprint: Blueprint, *, failed: str, other: str) -> str:
    """Why another tool is called."""
    return Picks(f"{blueprint.id}/other/{failed}").one(_OTHERS).format(failed=failed, other=other)


def looking(blueprint: Blueprint, *, failed: str, other: str) -> str:
    """Why another tool is called after a call that got no answer."""
    return Picks(f"{blueprint.id}/looking/{failed}").one(_LOOKS).format(failed=failed, other=other)


def refusal(blueprint: Blueprint, *, turn: int = 0) -> str:
    """That no offered tool does what is asked."""
    picks = Picks(f"{blueprint.id}/refusal/{turn}")
    goal = bare_goal(blueprint.goals[turn]) if turn < len(blueprint.goals) else "do this"
    offered = blueprint.offered()
    if not offered:
        return picks.one(_REFUSALS_BARE).format(goal=goal)
    tools = listed([operation.tool for operation in offered[:4]])
    return picks.one(_REFUSALS).format(goal=goal, tools=tools)


def _sort(observation: Observation) -> str:
    if observation.status == 0:
        return "timeout"
    if observation.status == 429:
        return "rate"
    if observation.status >= 500:
        return "server"
    if observation.value is None:
        return "broken"
    if observation.status == 207:
        return "part"
    return "stale" if observation.fault == "stale-data" else "other"
