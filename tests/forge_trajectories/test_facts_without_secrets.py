"""What the user of a blueprint says is no credential, wherever the value comes from."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_trajectories.execution import replay
from forge_trajectories.picking import Picks
from forge_trajectories.synthesis.facts import holds_secret, is_credential, is_secret, known_values
from forge_trajectories.tools.operation import Operation

SECRETS = ("X-Bunq-Client-Authentication", "wskey", "user_token", "target_api_key", "secret", "password", "Secret-Key")
PLAIN = ("name", "city", "accountId", "title", "secretId", "keyword", "author")
TEXT = {"type": "string", "description": "x"}
RECORDED = {"name": "a", "city": "Riga"}


@pytest.mark.parametrize("name", SECRETS)
def test_credentials_are_known_by_their_names(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", PLAIN)
def test_what_only_sounds_like_one_is_none(name: str) -> None:
    assert not is_secret(name)


def test_a_credential_is_known_by_its_schema_and_by_the_name_it_travels_under() -> None:
    assert is_credential("pin", {"type": "string", "format": "password"})
    assert is_credential("token_header", {"type": "string", "x-name": "token"})
    assert holds_secret({"user": [{"login": "a", "password": "b"}]})


def operation(names: list[str], shown: list[dict[str, Any]], *, required: list[str], simulator: str) -> Operation:
    properties = {name: {**TEXT, "type": "object"} if name == "body" else TEXT for name in [*names, "body"]}
    return Operation(
        tool="make_thing",
        api="make_thing",
        provider="a.example",
        method="GET" if simulator else "POST",
        path="/things",
        description="Makes a thing.",
        parameters={"type": "object", "properties": properties, "required": required},
        examples=[{"arguments": each, "result": {"city": "Riga"}} for each in shown],
        simulator=simulator,
    )


@given(data=st.data())
def test_no_fact_is_secret_by_the_own_rule(data: Any) -> None:
    names = data.draw(st.lists(st.sampled_from([*SECRETS, *PLAIN]), min_size=1, unique=True))
    values = st.sampled_from(["passwdWillBeStoredHashed", "steady", "Riga"])
    body = st.dictionaries(st.sampled_from(["password", "login"]), values, min_size=1)
    call = st.fixed_dictionaries({}, optional={**dict.fromkeys(names, values), "body": body})
    shown = data.draw(st.lists(call, max_size=3))
    required = data.draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
    simulator = data.draw(st.sampled_from(["", replay.NAME]))
    asked = operation(names, shown, required=required, simulator=simulator)
    found = known_values(asked, Picks(str(data.draw(st.integers(0, 99)))))
    if any(map(is_secret, required)):
        assert found is None
    assert not any(is_secret(name) or holds_secret(value) for name, value in (found or {}).items())


def test_a_recorded_call_without_credentials_is_taken_all_the_same() -> None:
    shown = [{**RECORDED, "password": "b"}, RECORDED]
    asked = operation(["name", "city", "password"], shown, required=[], simulator=replay.NAME)
    assert all(known_values(asked, Picks(str(number))) == RECORDED for number in range(20))
