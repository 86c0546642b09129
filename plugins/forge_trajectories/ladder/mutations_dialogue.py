"""Mutations of what happens between calls: their order, their answers, and what the assistant says of them."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from forge.records import Message, Trajectory, to_json
from forge_trajectories.ladder.dialogue import read
from forge_trajectories.ladder.mutations_sites import blueprint_of, shuffled, sites, with_call, with_message
from forge_trajectories.ladder.replaying import replay
from forge_trajectories.picking import Picks

_NUMBER = re.compile(r"(?<![\w.$#/-])\d[\d,]*(?:\.\d+)?(?![\w/])")
_QUOTE = re.compile(r'"([^"\n]{2,80})"')
_STATED = re.compile(r"\b(?:is|=|:) ([A-Za-z][\w-]{2,40})(?=[,.]|\s+and\b|\s*$)")
_OPPOSITES = {
    "active": "inactive",
    "inactive": "active",
    "enabled": "disabled",
    "disabled": "enabled",
    "open": "closed",
    "closed": "open",
    "pending": "completed",
    "completed": "failed",
    "failed": "completed",
    "success": "error",
    "true": "false",
    "false": "true",
    "available": "unavailable",
    "running": "stopped",
    "approved": "rejected",
    "paid": "unpaid",
}
_OTHER_WORDS = ("zemvorta", "quillane", "brydofen", "shalnepra")


def swapped_order(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """Two calls, one of which needs the other's answer, change places."""
    blueprint = blueprint_of(trajectory)
    tools = {step.id: step.tool for step in blueprint.plan}
    pairs = [(tools[before], step.tool) for step in blueprint.plan for before in step.after if before in tools]
    found = sites(trajectory)
    for first_tool, second_tool in shuffled(pairs, picks):
        first = next((site for site in found if site.tool == first_tool), None)
        second = next((site for site in reversed(found) if site.tool == second_tool), None)
        if first is None or second is None or first_tool == second_tool:
            continue
        if first.planned:
            swapped = with_call(trajectory, first, tool=second.tool, arguments=second.arguments)
            return with_call(swapped, second, tool=first.tool, arguments=first.arguments)
        if first.message < second.message:
            return _swapped_blocks(trajectory, first.message, second.message)
    return None


def _swapped_blocks(trajectory: Trajectory, first: int, second: int) -> Trajectory:
    """Two messages with calls, each with its answers, in each other's place."""
    messages = list(trajectory.messages)
    one, two = _block(messages, first), _block(messages, second)
    between = messages[first + len(one) : second]
    rest = messages[second + len(two) :]
    return replace(trajectory, messages=[*messages[:first], *two, *between, *one, *rest])


def _block(messages: list[Message], start: int) -> list[Message]:
    end = start + 1
    while end < len(messages) and messages[end].role == "tool":
        end += 1
    return messages[start:end]


def orphan_id(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """A tool's answer names a call that was never made."""
    answers = [index for index, message in enumerate(trajectory.messages) if message.role == "tool"]
    if not answers:
        return None
    index = picks.one(answers)
    message = replace(trajectory.messages[index], tool_call_id=f"c{len(answers) + 1 + picks.below(90)}")
    return with_message(trajectory, index, message)


def blind_retry(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """A call that was refused, or that had answered well, is made again just as it was, and is answered as before."""
    blueprint = blueprint_of(trajectory)
    calls = read(trajectory, blueprint).calls
    found = replay(blueprint, calls)
    refused = [made.message for made in calls if 400 <= found.observations[made.number].status < 500]
    well = [made.message for made in calls if found.ok(made) and not found.observations[made.number].fault]
    if not refused and not well:
        return None
    messages, index = list(trajectory.messages), picks.one(refused or well)
    block = _block(messages, index)
    names = {call["id"]: f"{call['id']}r" for call in block[0].tool_calls}
    calls_again = [{**call, "id": names[call["id"]]} for call in block[0].tool_calls]
    again = [replace(block[0], content="", tool_calls=calls_again)]
    again += [replace(message, tool_call_id=names.get(str(message.tool_call_id), "")) for message in block[1:]]
    place = index + len(block)
    return replace(trajectory, messages=[*messages[:place], *again, *messages[place:]])


def false_success(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """After a failure that stayed, or where nothing could be called, the assistant says that all went well."""
    blueprint = blueprint_of(trajectory)
    if blueprint.ending not in ("failure", "no-call"):
        return None
    goal = blueprint.goals[-1].rstrip(".") if blueprint.goals else "it"
    forms = (
        f"Done! It went through successfully: {goal}.",
        "All set: the request has been completed successfully.",
        f"I have taken care of it. {goal}: done, as you asked.",
        "Everything went well and the result is saved.",
    )
    return _with_answer(trajectory, picks.one(forms))


def _with_answer(trajectory: Trajectory, text: str) -> Trajectory:
    last = len(trajectory.messages) - 1
    return with_message(trajectory, last, replace(trajectory.messages[last], content=text))


def contradicting_answer(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """A value that the answer takes from an observation is another: a number, a quotation, a word for a state."""
    blueprint = blueprint_of(trajectory)
    last = trajectory.messages[-1]
    if blueprint.ending != "answer" or last.role != "assistant":
        return None
    observed = "\n".join(message.content for message in trajectory.messages if message.role == "tool")
    changes = [(match.span(group), other) for match, group, other in _changes(last.content, observed, picks)]
    if not changes:
        return None
    (start, end), other = picks.one(changes)
    return _with_answer(trajectory, last.content[:start] + other + last.content[end:])


def _changes(text: str, observed: str, picks: Picks) -> Iterator[tuple[re.Match[str], int, str]]:
    quotes = [match.span() for match in _QUOTE.finditer(text)]
    for match in _NUMBER.finditer(text):
        inside = any(start <= match.start() < end for start, end in quotes)
        if not inside and match[0] in observed:
            yield match, 0, _other_number(match[0], picks)
    for match in _QUOTE.finditer(text):
        if match[1] in observed:
            yield match, 1, f"{picks.one(_OTHER_WORDS)} {match[1][::-1][:12].strip()}".strip()
    for match in _STATED.finditer(text):
        if match[1] in observed and not any(start <= match.start(1) < end for start, end in quotes):
            yield match, 1, _OPPOSITES.get(match[1].casefold(), picks.one(_OTHER_WORDS))


def _other_number(text: str, picks: Picks) -> str:
    """A number of the same form, farther off than rounding could explain."""
    bare: Any = float(text.replace(",", "")) if "." in text else int(text.replace(",", ""))
    other = bare * 3 + 11 + picks.below(50)
    return f"{other:.{len(text.partition('.')[2])}f}" if "." in text else str(other)


def truncated_json(trajectory: Trajectory, picks: Picks) -> Trajectory | None:
    """The JSON of an answer, of a call or of a plan's line breaks off."""
    answers = [
        index
        for index, message in enumerate(trajectory.messages)
        if message.role == "tool" and len(message.content) > 3
    ]
    found = sites(trajectory)
    if answers and picks.below(2):
        index = picks.one(answers)
        message = trajectory.messages[index]
        cut = max(len(message.content) * (30 + picks.below(60)) // 100, 1)
        return with_message(trajectory, index, replace(message, content=message.content[:cut]))
    if not found:
        return None
    site = picks.one(found)
    if not site.planned:
        return with_call(trajectory, site, arguments=to_json(site.arguments)[:-1])
    message = trajectory.messages[site.message]
    lines = message.content.splitlines()
    lines[site.place] = lines[site.place][: max(len(lines[site.place]) * 2 // 3, 1)]
    return with_message(trajectory, site.message, replace(message, content="\n".join(lines)))
