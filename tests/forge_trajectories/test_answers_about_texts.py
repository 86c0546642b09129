"""Answers about results that are plain text or odd, and what the ladder says of them."""

import json
from typing import Any

import pytest

from forge.records import Message
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.answers import known_before, unsupported
from forge_trajectories.ladder.dialogue import read_messages
from forge_trajectories.ladder.documents import document_problems
from forge_trajectories.picking import Picks
from forge_trajectories.synthesis.texts_answer import reported
from forge_trajectories.tools.operation import Operation

KEYS = "ssh-rsa AAAAB3Nzabc2 admin@alice.com\n\nssh-rsa AAAAB3Nza3nx alice@example.com\n"
LISTING = (
    '// A listing of weapons. There is no "order" in it.\n[\n  {\n    // A name.\n    "name": "string"\n  }\n]\n' * 3
)


def codes(answer: str, *values: Any) -> list[str]:
    """What the ladder finds in an answer after calls that came back with ``values``."""
    messages = [Message(role="user", content="Please look.")]
    for number, value in enumerate(values):
        calls = [{"id": f"c{number}", "name": "look", "arguments": {}}]
        messages.append(Message(role="assistant", content="", tool_calls=calls))
        messages.append(Message(role="tool", content=json.dumps(value), tool_call_id=f"c{number}", origin="mock"))
    dialogue = read_messages([*messages, Message(role="assistant", content=answer)])
    return [code for code, _ in unsupported(answer, known_before(dialogue, len(messages)))]


@pytest.mark.parametrize(
    "value",
    [
        LISTING,
        KEYS,
        '{\n  "id": "hielle.com"\n}',
        "one line with 'quotes' and a link https://example.com/a",
        "word " * 80,
        {"setlist": [{"id": "63de4613"}, {"id": "..."}]},
        [{"id": "a1"}, {"id": "..."}, {"id": "b2"}],
        "",
        [],
        {"role": "role:23", "contact": "contact:42b"},
    ],
)
@pytest.mark.parametrize("seed", range(6))
def test_what_is_said_of_any_value_is_supported(value: Any, seed: int) -> None:
    text = reported(value, Picks(str(seed)))
    assert codes(text, value) == []
    assert "...." not in text


def test_a_text_is_quoted_from_its_beginning() -> None:
    said = {reported(KEYS, Picks(str(seed))) for seed in range(9)}
    assert all('"ssh-rsa AAAAB3Nzabc2' in text for text in said)
    assert all("\n" not in text for text in said)


def test_the_answer_may_be_any_value_and_no_other() -> None:
    values = (KEYS, {"enabled": ["authn"]})
    assert codes("The answer is authn.", *values) == []
    assert codes("The answer is 77.", *values) != []
    assert codes("The answer is above.", KEYS) == []
    assert codes("The answer is empty.", {"a": 1}, {}) == []
    assert codes("The contact is contact:42b.", {"contact": "contact:42b"}) == []
    assert codes("The contact is contact:43b.", {"contact": "contact:42b"}) != []


@pytest.mark.parametrize("text", ['It holds "ssh-rsa AAAAB3Nzabc2 eve@alice.com".', "Write to eve@alice.com."])
def test_an_invented_link_is_found_in_quotes_and_out_of_them(text: str) -> None:
    assert codes(text, KEYS) != []


@pytest.mark.parametrize(("count", "wrong"), [(6, False), (99, True)])
def test_so_many_more_values_are_no_invention(count: int, wrong: bool) -> None:
    colours = ["black", "brown", "beige", "grey", "white", "blue", "petrol", "green", "olive", "red"]
    tool = Operation(
        tool="get_facets",
        api="",
        provider="p",
        method="GET",
        path="/facets",
        parameters={"type": "object", "properties": {"colour": {"type": "string", "enum": colours}}},
    )
    text = f"# get_facets\nGET /facets\n\n- `colour`: One of black, brown, beige, grey and {count} more."
    blueprint = Blueprint(
        id="b", kind="code-to-documentation", seed=1, goals=("x",), operations=(tool,), needed=(tool.tool,)
    )
    assert bool(list(document_problems(blueprint, text))) is wrong
