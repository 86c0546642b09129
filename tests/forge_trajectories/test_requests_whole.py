"""A request says all that is wanted of it: whole goals, each of them, and only what a person could want."""

import dataclasses
import itertools
from typing import Any

import pytest

from forge_trajectories.blueprint import Binding, Blueprint, Fact, Step
from forge_trajectories.call_request import commanded, imperative
from forge_trajectories.ladder.queries import query_failure
from forge_trajectories.plain_text import dangling
from forge_trajectories.synthesis.dataflow import problems
from forge_trajectories.synthesis.plans_goals import chain_goal, side_by_side, wanted
from forge_trajectories.synthesis.texts import bare_goal, query
from forge_trajectories.tools.operation import Operation


def operation(tool: str, description: str, **more: Any) -> Operation:
    fields: dict[str, Any] = {"method": "POST", "path": f"/{tool}", "provider": "example.com", **more}
    return Operation(api=tool, tool=tool, description=description, parameters={"properties": {}}, **fields)


SEND = operation("testnet_sendTx", "Send tx testnet.")
SECOND = operation("sendTx", "Send tx to the main network.")
CHANNEL = operation("createChannel", "Create a notification channel.")
NOTICE = operation("sendNotice", "Send a notice to all members.")


def blueprint(*operations: Operation, goal: str = "", **more: Any) -> Blueprint:
    tools = tuple(each.tool for each in operations)
    fields: dict[str, Any] = {
        "kind": "parallel",
        "seed": 1,
        "goals": (goal or side_by_side(operations),),
        "operations": operations,
        "needed": tools,
        "plan": tuple(Step(id=f"s{place}", tool=tool, arguments={}) for place, tool in enumerate(tools, 1)),
        **more,
    }
    return Blueprint(id="-".join(tools), **fields)


def code(made: Blueprint, text: str) -> str:
    failed = query_failure(made, 0, text)
    return failed.code if failed is not None else ""


@pytest.mark.parametrize("pair", list(itertools.permutations((SEND, SECOND, CHANNEL, NOTICE), 2)))
def test_a_request_of_two_things_says_both(pair: tuple[Operation, Operation]) -> None:
    made = blueprint(*pair, written={"query": "blueprint"})
    for turned in range(12):
        text = query(dataclasses.replace(made, id=str(turned)), 0)
        assert all(wanted(each).casefold() in text.casefold() for each in pair)
        assert code(made, text) == ""


def test_a_chain_keeps_what_is_sent_at_its_end() -> None:
    goal = chain_goal([CHANNEL, NOTICE], [[], [(0, "/id")]])
    assert goal == "Create a notification channel, then use that result to send a notice to all members."
    assert bare_goal(goal) == "create a notification channel, then use that result to send a notice to all members"
    assert commanded("Create a channel, send it, and close it") == "create a channel, send it, and close it"


def test_how_documentation_has_it_sent_is_no_part_of_the_wish() -> None:
    assert imperative("To list the images, send a GET request to `/v2/images`") == "list the images"
    assert imperative("Create a draft, send it to all members") == "create a draft, send it to all members"


@pytest.mark.parametrize(
    "text",
    [
        "I need to send tx testnet and, independently. Use rawtx = 02ab.",
        "Would you create a notification channel and, independently?",
        "Please create a notification channel and, independently (name: x)",
        "Create a notification channel and, independently, with name x.",
        "Secure funds with a Funding Transaction and? It should have amount 5.",
        "Create a notification channel and then.",
        "Create a notification channel, then?",
    ],
)
def test_a_request_that_breaks_off_is_refused(text: str) -> None:
    assert dangling(text)
    assert code(blueprint(CHANNEL), text) == "grounded:breaks-off"


@pytest.mark.parametrize(
    "text",
    [
        "Create a channel and, independently, send a notice.",
        "Both can be done independently.",
        "Which brand? Which land. Use and.example.com, then close the channel.",
        "Create a channel and\n- name: x",
    ],
)
def test_a_request_that_goes_on_does_not_break_off(text: str) -> None:
    assert dangling(text) == ""


def test_a_told_value_may_end_as_it_likes() -> None:
    made = blueprint(CHANNEL, facts=(Fact(name="title", value="This and."),))
    assert code(made, "Create a notification channel with the title This and. Thanks") == ""


def test_a_goal_that_breaks_off_makes_no_blueprint() -> None:
    assert problems(blueprint(CHANNEL, goal="Secure funds with a Funding Transaction and.")) != []
    assert not any("breaks off" in each for each in problems(blueprint(CHANNEL)))


def test_a_model_has_to_speak_of_every_call() -> None:
    made = blueprint(CHANNEL, NOTICE)
    assert code(made, "Please set up a channel and tell everybody in a short notice.") == ""
    assert code(made, "I need a place for alerts; besides, inform all members.") == "grounded:goal-lost"
    assert code(made, "Open a channel for me.") == "grounded:goal-lost"


def test_a_value_that_only_one_tool_is_given_speaks_of_it() -> None:
    made = blueprint(CHANNEL, NOTICE, facts=(Fact(name="text", value="Lunch at noon"),))
    bound = Step(id="s2", tool="sendNotice", arguments={"text": Binding(source="user", fact=0)})
    made = dataclasses.replace(made, plan=(made.plan[0], bound))
    assert code(made, 'Open a channel, and let people know: "Lunch at noon".') == ""


def test_deterministic_words_leave_no_word_of_the_goal_out() -> None:
    made = blueprint(SEND, SECOND, written={"query": "blueprint"})
    assert code(made, "I need to send tx testnet, twice.") == "grounded:goal-lost"
    assert code(dataclasses.replace(made, written={"query": "llm"}), "I need to send tx testnet, twice.") == ""


@pytest.mark.parametrize(
    ("tool", "description", "goal"),
    [
        ("dcim_racks_list", "Call to super to allow for caching", "list dcim racks"),
        (
            "getParticipants",
            "Get the participants of a space OauthScopes: READ_SPACE",
            "get the participants of a space",
        ),
        ("add_employee", "Add new employee to Web Link will send partially completed records.", "add employee"),
        ("request_token", "Request a JWT token using your obono username and password.", "request token"),
        (
            "createMerchantTransfer",
            "Initiates a Mastercard Merchant Presented QR purchase transaction by securing funds from the account of a"
            " consumer with a Funding Transaction and pushing funds to a merchant account with a Payment Transaction.",
            "create merchant transfer",
        ),
        ("set_policy", "Set a policy that will apply to all vaults.", "set a policy that will apply to all vaults"),
        ("reset_password", "Reset the password of a user.", "reset the password of a user"),
        ("get_may", "Get the report of 3 May 2024", "get the report of 3 May 2024"),
    ],
)
def test_a_sentence_that_nobody_would_ask_for_is_passed_over(tool: str, description: str, goal: str) -> None:
    assert wanted(operation(tool, description)) == goal
