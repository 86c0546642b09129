"""Corruption by hand, of other sorts than the planted kinds: what a careless or dishonest author would hand in."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from forge.records import Message, Trajectory, from_row, to_row
from forge_trajectories.blueprint import KINDS
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.synthesis.author import compose, finished
from forge_trajectories.synthesis.author_draft import Usage, draft_of
from forge_trajectories.synthesis.sampling import sample
from forge_trajectories.tools.graph import ToolGraph

EACH = 8


@pytest.fixture(scope="module")
def good(shop_graph: ToolGraph) -> list[Trajectory]:
    return list(_made(shop_graph))


def _made(graph: ToolGraph) -> Iterator[Trajectory]:
    for kind in KINDS:
        for number in range(EACH):
            blueprint = sample(graph, kind=kind, number=number, seed=4242)
            if blueprint is not None:
                draft = draft_of(finished(compose(blueprint)), Usage(paid=set()), model="", source="t", number=number)
                yield from_row(Trajectory, to_row(draft))


def kind(trajectory: Trajectory) -> str:
    return str((trajectory.blueprint or {})["kind"])


def ending(trajectory: Trajectory) -> str:
    return str((trajectory.blueprint or {})["ending"])


def said(trajectory: Trajectory) -> str:
    return trajectory.messages[-1].content


def with_message(trajectory: Trajectory, index: int, **fields: Any) -> Trajectory:
    messages = list(trajectory.messages)
    messages[index] = replace(messages[index], **fields)
    return replace(trajectory, messages=messages)


def answering(trajectory: Trajectory, text: str) -> Trajectory:
    return with_message(trajectory, len(trajectory.messages) - 1, content=text)


def answers_as(text: str, *, like: str = "answer", without: tuple[str, ...] = ("error-recovery",)) -> Any:
    def broken(trajectory: Trajectory) -> Trajectory | None:
        wanted = ending(trajectory) == like and kind(trajectory) not in without
        return answering(trajectory, text.replace("{}", said(trajectory))) if wanted else None

    return broken


def name_twice(trajectory: Trajectory) -> Trajectory | None:
    for index, message in enumerate(trajectory.messages):
        if message.role == "tool" and message.content.startswith('{"') and message.content.count('":"') > 1:
            name = message.content[2 : message.content.index('"', 2)]
            return with_message(trajectory, index, content='{"' + name + '":"other",' + message.content[1:])
    return None


def lines_swapped(trajectory: Trajectory) -> Trajectory | None:
    lines = said(trajectory).splitlines()
    places = [place for place, line in enumerate(lines) if re.match(r"(?:[-*] )?\w+: ", line)]
    if ending(trajectory) != "answer" or len(places) < 2:
        return None
    (one, told), (two, other) = (lines[place].split(": ", 1) for place in places[:2])
    lines[places[0]], lines[places[1]] = f"{one}: {other}", f"{two}: {told}"
    is_other = one.strip("-* ") != two.strip("-* ") and told != other and not re.search("removed|deleted|empty", told)
    return answering(trajectory, "\n".join(lines)) if is_other else None


def split(trajectory: Trajectory) -> Trajectory | None:
    place = next((at for at, each in enumerate(trajectory.messages) if len(each.tool_calls) > 1), None)
    if kind(trajectory) != "parallel" or place is None:
        return None
    calls = trajectory.messages[place].tool_calls
    answers = trajectory.messages[place + 1 : place + 1 + len(calls)]
    made = [replace(trajectory.messages[place], tool_calls=[call]) for call in calls]
    pairs = [message for pair in zip(made, answers, strict=True) for message in pair]
    rest = trajectory.messages[place + 1 + len(calls) :]
    return replace(trajectory, messages=[*trajectory.messages[:place], *pairs, *rest])


def one_more_turn(trajectory: Trajectory) -> Trajectory:
    more = [Message(role="user", content="Thanks!"), Message(role="assistant", content="I cleaned up, too.")]
    return replace(trajectory, messages=[*trajectory.messages, *more])


def of_kind(wanted: str, change: Callable[[str], str]) -> Any:
    def broken(trajectory: Trajectory) -> Trajectory | None:
        text = change(said(trajectory)) if kind(trajectory) == wanted else said(trajectory)
        return answering(trajectory, text) if text != said(trajectory) else None

    return broken


def first_hollow(trajectory: Trajectory) -> Trajectory | None:
    users = [place for place, message in enumerate(trajectory.messages) if message.role == "user"]
    is_one = kind(trajectory) == "multi-turn" and ending(trajectory) == "answer"
    return with_message(trajectory, users[1] - 1, content="I see.") if is_one else None


def other_method(text: str) -> str:
    return re.sub(r"\b(GET|POST|PATCH|DELETE)\b", lambda found: "PUT", text)


def other_type(text: str) -> str:
    return re.sub(r"\((string|integer)\b", lambda found: "(boolean", text, count=1)


def flipped(text: str) -> str:
    return re.sub(r"(\(\w+, )required\)", r"\1optional)", text)


TOOLS: list[dict[str, Any]] = [{"name": "do_all", "description": "All.", "parameters": {"type": "object"}}]
ALIKE = {"of another tool": 1}
"""Two calls may answer with the same values, so that either's line is true of both."""
BROKEN: dict[str, Callable[[Trajectory], Trajectory | None]] = {
    "tools-differ": lambda t: replace(t, tools=[*t.tools, *TOOLS]),
    "differs": name_twice,
    "extra-turn": lambda t: one_more_turn(t) if ending(t) != "text" else None,
    "not-parallel": split,
    "says-nothing": answers_as("I have looked that up for you. Let me know if there is more."),
    "says-nothing or false-failure": answers_as("Sorry, I could not do this: the service did not answer."),
    "false-failure": answers_as("{} But it failed in the end."),
    "figure": answers_as("{} There are eight hundred and seven more of them."),
    "link": answers_as("{} A copy went to zed.brun@nowhere.example."),
    "cut": answers_as("{} It is also the"),
    "placeholder": answers_as("{} [your name]"),
    "claims": answers_as("No problem! I used the tool that fits, and it has been completed.", like="no-call"),
    "claims, after a refusal": answers_as("{} I did it by hand instead, and everything went through.", like="no-call"),
    "false-success": answers_as(
        "The service failed once; I tried again and got what you wanted.", like="failure", without=()
    ),
    "of another tool": lines_swapped,
    "hollow first turn": first_hollow,
    "not-numbered": of_kind("planning", lambda text: re.sub(r"^2\. ", "7. ", text, flags=re.M)),
    "unrelated or invented": of_kind(
        "planning", lambda text: re.sub(r"^(\d+)\. .*", r"\1. Bake 900 buns.", text, flags=re.M)
    ),
    "method": of_kind("code-to-documentation", other_method),
    "type": of_kind("code-to-documentation", other_type),
    "optional": of_kind("code-to-documentation", flipped),
    "identifier": of_kind("code-to-documentation", lambda text: f"{text}\nThe flag frobnicate_all sets how."),
}


def test_what_is_untouched_passes_and_every_check_stands_once(good: list[Trajectory]) -> None:
    assert len({kind(each) for each in good}) == len(KINDS)
    for trajectory in good:
        checks = verify(trajectory)
        failed = first_failure(checks)
        assert failed is None, (failed, said(trajectory))
        names = [check.check for check in checks]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("what", BROKEN)
def test_what_was_changed_by_hand_is_refused(good: list[Trajectory], what: str) -> None:
    planted, missed = 0, []
    for trajectory in good:
        broken = BROKEN[what](trajectory)
        if broken is None:
            continue
        planted += 1
        if first_failure(verify(broken)) is None:
            missed.append((kind(broken), said(broken)))
    assert planted, "none of the trajectories has a place for it"
    assert len(missed) <= max(planted // 20, ALIKE.get(what, 0)), missed[:3]


@pytest.mark.parametrize(
    ("text", "is_fine"),
    [
        ("I could not find more than these: {}", True),
        ("Here you are. {}", True),
        ("{}\n\nIs there anything else that I can do?", True),
        ("{} All of it comes from one of the two calls.", True),
    ],
)
def test_ways_of_speaking_are_not_refused(good: list[Trajectory], text: str, is_fine: bool) -> None:
    single = [each for each in good if kind(each) in ("single", "choice") and ending(each) == "answer"]
    passed = [first_failure(verify(answering(each, text.replace("{}", said(each))))) is None for each in single]
    assert single
    assert (sum(passed) >= 0.9 * len(passed)) is is_fine
