"""Names in the tool graph: whose id, hash or name a value is, and which words of a path are things."""

from typing import Any

import pytest

from forge_trajectories.tools.links import links_of
from forge_trajectories.tools.operation import Operation
from forge_trajectories.tools.ports import nouns_of, outputs_of, things_of

TEXT = {"type": "string"}


def thing(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


def operation(method: str, path: str, returns: Any = None) -> Operation:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    parameters = {
        "type": "object",
        "properties": {name: {**TEXT, "x-in": "path"} for name in names},
        "required": names,
    }
    tool = f"{method.lower()}{path.replace('/', '_')}"
    return Operation(
        tool=tool, api=tool, provider="a.example", method=method, path=path, parameters=parameters, returns=returns
    )


def edges(*operations: Operation) -> set[tuple[str, str, str]]:
    return {(link.pointer, operations[link.consumer].path, link.parameter) for link in links_of(operations)}


def test_the_hash_of_a_file_is_no_hash_of_a_transaction() -> None:
    metadata = operation("GET", "/pools/metadata", thing(hash=TEXT, url=TEXT))
    blocks = operation("GET", "/blocks/latest", thing(tx_hash=TEXT))
    use = operation("GET", "/txs/{hash}/utxos")
    assert edges(metadata, blocks, use) == {("/tx_hash", "/txs/{hash}/utxos", "hash")}


@pytest.mark.parametrize("embedded_first", [True, False])
def test_the_own_id_goes_before_that_of_something_embedded(embedded_first: bool) -> None:
    fields = {"_embedded": thing(id=TEXT), "id": TEXT}
    made = thing(**(fields if embedded_first else dict(reversed(fields.items()))))
    assert edges(operation("POST", "/apps", made), operation("GET", "/apps/{appId}")) == {
        ("/id", "/apps/{appId}", "appId")
    }


def test_an_id_is_of_the_nearest_thing_alone() -> None:
    holidays = operation("GET", "/employers/customholidays", {"type": "array", "items": thing(id=TEXT)})
    assert [port.keys for port in outputs_of(holidays)] == [("customholidayid",)]
    staff = operation("GET", "/employers/{employerId}/staff")
    one = operation("GET", "/employers/customholidays/{id}")
    assert edges(holidays, staff, one) == {("/0/id", "/employers/customholidays/{id}", "id")}


@pytest.mark.parametrize(
    ("path", "nouns"),
    [
        ("/fonts/list", ("font",)),
        ("/search/fonts", ("font",)),
        ("/fonts/search/{name}", ("font",)),
        ("/list/{id}", ("list",)),
        ("/folders/{id}/list", ("list", "folder")),
        ("/posts/{id}/views", ("view", "post")),
        ("/search", ("search",)),
    ],
)
def test_a_verb_in_a_path_is_no_thing(path: str, nouns: tuple[str, ...]) -> None:
    assert nouns_of(operation("GET", path)) == nouns


def test_what_a_list_of_a_kind_gives_is_fed_by_its_thing() -> None:
    found = operation("GET", "/fonts/list", {"type": "array", "items": thing(id=TEXT)})
    assert edges(found, operation("GET", "/fonts/{fontId}")) == {("/0/id", "/fonts/{fontId}", "fontId")}
    assert things_of(operation("GET", "/v1/teams/{id}/fonts/list")) == {"team", "font"}
