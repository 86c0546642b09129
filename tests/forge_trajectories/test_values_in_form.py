"""Values of names that have a form of their own, or of which nobody would say a made-up word."""

import re
from typing import Any

import pytest

from forge_trajectories.execution.texts_made import has_form, is_document
from forge_trajectories.execution.values import made_value
from forge_trajectories.picking import Picks
from forge_trajectories.synthesis.facts import is_sayable, known_values
from forge_trajectories.tools.operation import Operation

SEEDS = [str(number) for number in range(20)]
TEXT = {"type": "string"}


def values(name: str, schema: dict[str, Any], *, answer: bool = False) -> list[Any]:
    return [made_value(name, schema, Picks(seed), answer=answer) for seed in SEEDS]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("point", r"-?\d+\.\d+,-?\d+\.\d+"),
        ("thumbprint", r"[0-9A-F]{40}"),
        ("certificateThumbprint", r"[0-9A-F]{40}"),
        ("rawtx", r"02[0-9a-f]+"),
        ("raw_tx", r"02[0-9a-f]+"),
        ("txHash", r"[0-9a-f]{64}"),
        ("signature", r"[0-9a-f]{64}"),
        ("md5", r"[0-9a-f]{32}"),
        ("lockDurationInSeconds", r"\d+"),
        ("timeoutMs", r"\d+"),
        ("idle_minutes", r"\d+"),
        ("itemCount", r"\d+"),
        ("retentionInDays", r"\d+"),
        ("percentComplete", r"\d+"),
        ("numberOfSeats", r"\d+"),
    ],
)
def test_a_name_with_a_form_gets_a_value_in_it(name: str, form: str) -> None:
    for value in values(name, TEXT):
        assert re.fullmatch(form, value)


def test_a_route_goes_by_places() -> None:
    for points in values("point", {"type": "array", "items": TEXT}):
        assert points
        assert all(re.fullmatch(r"-?\d+\.\d+,-?\d+\.\d+", point) for point in points)


def test_other_names_keep_their_words() -> None:
    assert not any(map(has_form, ("name", "emailSignature", "weeklyDigest", "checkpoint", "endPoint", "")))
    assert all("." not in value for value in values("mountPoint", TEXT))
    assert not any(value.isdigit() for value in values("businessHours", TEXT))


def test_the_next_login_is_no_user() -> None:
    assert all("_" in value for value in values("login", TEXT))
    assert not any("_" in value for value in values("nextLogin", TEXT))


@pytest.mark.parametrize(
    ("description", "wanted"),
    [
        ('With activate=true, set nextLogin to "changePassword" to have the password expire.', {"changePassword"}),
        ("Sort order. One of: `asc`, `desc` or `none`.", {"asc", "desc", "none"}),
        ("Allowed values are 'day', 'week'.", {"day", "week"}),
        ("either 'true' or 'null'", {"true"}),
    ],
)
def test_values_that_a_description_lists_are_taken(description: str, wanted: set[str]) -> None:
    assert set(values("nextLogin", {"type": "string", "description": description})) == wanted


@pytest.mark.parametrize(
    "description", ["The user's 'nick'.", "One of the users.", "Set to the name of the parameter `nextLogin`.", ""]
)
def test_quoted_words_are_no_values_by_themselves(description: str) -> None:
    found = values("nextLogin", {"type": "string", "description": description})
    assert len(set(found)) > 4


def test_a_member_for_times_to_come_is_never_drawn() -> None:
    schema = {"type": "string", "enum": ["tls", "unknownFutureValue", "none"]}
    assert set(values("mode", schema)) == {"tls", "none"} == set(values("mode", schema, answer=True))
    assert set(values("mode", {"enum": ["unknownFutureValue"]})) == {"unknownFutureValue"}


@pytest.mark.parametrize("name", ["certificate", "rootCert", "publicKey", "private_key", "csr"])
def test_nobody_says_a_certificate(name: str) -> None:
    assert is_document(name)
    assert not any(map(is_sayable, values(name, TEXT)))
    assert all(map(is_sayable, values(name, TEXT, answer=True)))
    parameters = {"type": "object", "properties": {name: TEXT}, "required": [name]}
    operation = Operation(tool="upload", api="upload", provider="example.com", method="POST", parameters=parameters)
    assert known_values(operation, Picks("a")) is None


def test_a_documented_certificate_is_said() -> None:
    schema = {"type": "string", "example": "MIIC-short"}
    assert set(values("certificate", schema)) == {"MIIC-short"}
    assert set(values("thumbprint", {"type": "string", "example": "AB12"})) == {"AB12"}
