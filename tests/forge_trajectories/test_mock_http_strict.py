"""What the mock over HTTP refuses of body and query, by which names, and how it serves simulators: real clients."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from forge.records import ApiRecord, JsonObject
from forge.testing import context as offline_context
from forge_trajectories.execution.mock_forms import gathered
from forge_trajectories.execution.mock_http import serving
from forge_trajectories.execution.mock_operations import served_operations
from forge_trajectories.execution.mock_site import MockSite, example
from forge_trajectories.execution.mock_wire import Request
from forge_trajectories.execution.simulators import PROVIDER, SimulatedTools

TEXT = {"type": "string"}
SIZE = {"type": "integer"}
BOX = {"type": "object", "properties": {"id": TEXT, "name": TEXT, "size": SIZE}}
MANY = {"type": "array", "items": {"type": "integer"}}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def record(method: str, path: str, required: str = "", more: JsonObject | None = None, **places: Any) -> ApiRecord:
    """A record of a service; ``places``: place and schema by the argument's name."""
    properties = {name: {**schema, "x-in": place} for name, (place, schema) in places.items()}
    return ApiRecord(
        provider="p.com",
        service="",
        name=f"{method} {path}",
        kind="rest",
        method=method,
        path=path,
        description=f"It does {method} at the path {path}.",
        parameters={"type": "object", "properties": properties, "required": required.split(), **(more or {})},
        returns=BOX,
        source="s",
    )


GROUP = {"type": "object", "properties": {"name": TEXT}, "required": ["name"]}
RECORDS = [
    record("POST", "/boxes", "name", name=("body", TEXT), size=("body", SIZE), tag=("body", MANY)),
    replace(
        record(
            "GET", "/boxes", size=("query", SIZE), filter=("query", {"type": "object", "properties": {"size": SIZE}})
        ),
        returns={"type": "array", "items": BOX},
    ),
    replace(record("GET", "/boxes/{id}", "id", id=("path", TEXT)), description=""),
    record("POST", "/boxes/{id}/copies", "id", id=("path", TEXT), id_body=("body", {**SIZE, "x-name": "id"})),
    record("POST", "/lists", body=("body", MANY)),
    record("POST", "/groups", "body", body=("body", GROUP)),
    record("POST", "/closed", body=("body", {**GROUP, "additionalProperties": False})),
    record("POST", "/notes", "body", body=("body", TEXT)),
    record("POST", "/open", more={"additionalProperties": True}, name=("body", TEXT)),
    record("POST", "/sizes", more={"additionalProperties": SIZE}, name=("body", TEXT)),
    record("POST", "/long", more={"x-omitted": 3}, name=("body", TEXT)),
    record("POST", "/many", " ".join(f"p{n}" for n in range(20)), **{f"p{n}": ("body", SIZE) for n in range(20)}),
    record("POST", "/files", "file", file=("body", {"type": "string", "format": "binary"}), name=("body", TEXT)),
    record("GET", "/jobs?op=list&city={town}", "town", town=("path", TEXT)),
    record("POST", "/#Action=MakeMark", "Name", Name=("body", TEXT), Tag=("body", {"type": "array", "items": GROUP})),
]


def site_of(services: Mapping[tuple[str, str], Sequence[ApiRecord]]) -> MockSite:
    counts = {service: len(each) for service, each in services.items()}
    return MockSite(counts, lambda *named: served_operations(services[named]))


@pytest.fixture
def bank(tmp_path: Path) -> list[ApiRecord]:
    given = offline_context(tmp_path)
    (partition,) = SimulatedTools().partitions(given)
    return [each for each in SimulatedTools().records(partition, given) if each.service == "bank"]


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with (
        serving(site_of({("p.com", ""): RECORDS})) as server,
        httpx.Client(base_url=f"{server.url}/p.com/-", timeout=10) as client,
    ):
        yield client


@pytest.mark.parametrize(
    ("method", "path", "sent", "field"),
    [
        ("POST", "boxes", {"json": {"name": "a", "bogus": 1}}, "bogus"),
        ("POST", "boxes", {"content": "x", "headers": FORM}, "x"),
        ("POST", "boxes", {"data": {"name": "a", "bogus[deep]": "1"}}, "bogus[deep]"),
        ("POST", "boxes?nonsense=1", {"json": {"name": "a"}}, "nonsense"),
        ("POST", "boxes?name=b", {"json": {"name": "a"}}, "name"),
        ("GET", "boxes?nonsense=1", {}, "nonsense"),
        ("GET", "boxes?filter[size]=x", {}, "filter.size"),
        ("GET", "boxes/b1?id=7", {}, "id"),
        ("GET", "boxes/b1", {"json": {"a": 1}}, "a"),
        ("GET", "boxes/b1", {"json": [1]}, "body"),
        ("POST", "boxes", {"json": "text"}, "body"),
        ("POST", "boxes/b1/copies", {"json": {"id": "x"}}, "id"),
        ("POST", "boxes/b1/copies", {"json": {"id_body": 1}}, "id_body"),
        ("POST", "lists", {"json": {"a": 1}}, "a"),
        ("POST", "groups", {"json": {}}, "name"),
        ("POST", "groups", {"json": {"name": 1}}, "name"),
        ("POST", "closed", {"json": {"name": "a", "bogus": 1}}, "bogus"),
        ("POST", "notes", {"json": {"body": "a", "bogus": 1}}, "bogus"),
        ("POST", "open?nonsense=1", {"json": {"name": "a"}}, "nonsense"),
        ("POST", "sizes", {"json": {"name": "a", "other": "large"}}, "other"),
        ("POST", "many", {"json": {f"p{number}": 1 for number in range(19)}}, "p19"),
        ("POST", "files", {"data": {"name": "a"}, "files": {"other": b"x"}}, "file"),
        ("GET", "jobs?op=list", {}, "town"),
        ("POST", "", {"data": {"Action": "MakeMark", "Name": "m", "Tags.1": "x"}}, "Tags.1"),
    ],
)
def test_what_is_not_documented_is_refused_by_its_name_on_the_wire(
    client: httpx.Client, method: str, path: str, sent: dict[str, Any], field: str
) -> None:
    found = client.request(method, f"/{path}", **sent)

    assert found.status_code in (400, 422), found.text
    assert field in named_in(found.json()), found.text


def named_in(body: Any) -> set[str]:
    """The fields that a refusal names, whichever of the shapes of errors it has; here the provider's own."""
    message = str(body.get("message") or body.get("detail") or body.get("error", {}).get("message"))
    return {part.partition(": ")[0].partition(" is ")[0] for part in message.split("; ")}


@pytest.mark.parametrize(
    ("method", "path", "sent"),
    [
        ("POST", "boxes", {"json": {"name": "a"}, "headers": {"X-Any": "1", "Cookie": "any=1"}}),
        ("POST", "boxes?api_key=k", {"json": {"name": "a"}}),
        ("POST", "boxes", {"data": {"name": "a", "size": "3", "tag[]": ["1", "2"]}}),
        ("GET", "boxes?size=1&filter[size]=3", {}),
        ("GET", "boxes/b1", {"json": {}}),
        ("POST", "boxes/b1/copies", {"json": {"id": 7}}),
        ("POST", "lists", {"json": [1, 2]}),
        ("POST", "groups", {"json": {"name": "a", "size": 1}}),
        ("POST", "groups", {"data": {"name": "a"}}),
        ("POST", "notes", {"json": {"body": "a"}}),
        ("POST", "notes", {"content": "a", "headers": {"Content-Type": "text/plain"}}),
        ("POST", "open", {"json": {"name": "a", "other": {"a": [1]}}}),
        ("POST", "sizes", {"json": {"name": "a", "other": 1}}),
        ("POST", "sizes", {"data": {"name": "a", "other": "1"}}),
        ("POST", "long?more=1", {"json": {"name": "a", "other": 1}}),
        ("POST", "many", {"json": {f"p{number}": 1 for number in range(20)}}),
        ("POST", "files", {"data": {"name": "a"}, "files": {"file": b"\xff\x00"}}),
        ("GET", "jobs?op=list&city=Rome", {}),
        ("POST", "", {"data": {"Action": "MakeMark", "Version": "1", "Name": "m", "Tag.1.name": "x"}}),
    ],
)
def test_what_is_documented_or_free_passes(client: httpx.Client, method: str, path: str, sent: dict[str, Any]) -> None:
    found = client.request(method, f"/{path}", **sent)

    assert found.status_code in (200, 201), found.text


def test_get_after_post_agrees_with_what_nobody_described(client: httpx.Client) -> None:
    made = client.post("/boxes", json={"name": "tall", "size": 3}).json()

    assert (made["name"], made["size"]) == ("tall", 3)
    assert client.get(f"/boxes/{made['id']}").json() == made
    assert made in client.get("/boxes").json()


def test_simulators_do_over_http_what_their_tools_say_in_a_world_for_each_session(bank: list[ApiRecord]) -> None:
    with (
        serving(site_of({(PROVIDER, "bank"): bank})) as server,
        httpx.Client(base_url=f"{server.url}/{PROVIDER}/bank", timeout=10) as client,
    ):
        (deposit,) = [each["path"] for each in client.get("").json()["routes"] if "deposit" in each["path"]]
        opened = client.post("/open_account", json={"owner": "Ada", "currency": "EUR"}).json()
        account = {"account_id": opened["id"]}
        client.post(deposit, json={**account, "amount": 70})
        own = client.post("/get_account", json=account)
        other = client.post("/get_account", json=account, headers={"X-Forge-Session": "2"})
        refused = client.post("/open_account", json={"owner": "Ada", "currency": "EUR", "bogus": 1})

    assert opened == {"id": opened["id"], "owner": "Ada", "currency": "EUR", "balance": 0.0}
    assert own.json() == {**opened, "balance": 70}
    assert other.status_code == 404
    assert refused.status_code in (400, 422)
    assert "bogus" in refused.text


def test_the_example_is_a_simulators_only_where_there_is_nothing_else(bank: list[ApiRecord]) -> None:
    simulated = {(PROVIDER, "bank"): bank}

    assert "/p.com/-" in example(site_of({**simulated, ("p.com", ""): RECORDS}), "U")
    assert PROVIDER in example(site_of(simulated), "U")


def test_services_beyond_what_is_kept_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def load(provider: str, _service: str) -> Any:
        read.append(provider)
        return served_operations(RECORDS[:3])

    monkeypatch.setattr("forge_trajectories.execution.mock_site.MAX_ROUTES", 6)
    many = MockSite({(f"{letter}.com", ""): 3 for letter in "abc"}, load)
    for letter in "abaca":
        assert many.answer(Request(method="GET", path=f"/{letter}.com/-/boxes/b1")).status == 200
    assert read == ["a.com", "b.com", "c.com"]

    assert many.answer(Request(method="GET", path="/b.com/-/boxes/b1")).status == 200
    assert read[3:] == ["b.com"]


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("a", "1"), ("a", "2")], {"a": ["1", "2"]}),
        ([("a[]", "1")], {"a": ["1"]}),
        ([("a[b][c]", "1"), ("a[d]", "2")], {"a": {"b": {"c": "1"}, "d": "2"}}),
        ([("a.2", "y"), ("a.1", "x")], {"a": ["x", "y"]}),
        ([("a.member.1.b", "x")], {"a": [{"b": "x"}]}),
        ([("a", "1"), ("a.b", "2")], {"a": ["1"]}),
        ([("a.b", "1"), ("a.b.c", "2"), ("a", "3")], {"a": {"b": "1"}}),
        ([("x.y", "1"), ("u[v]", "2")], {"x.y": ["1"], "u[v]": ["2"]}),
        ([("a" + ".b" * 5_000, "1")], {"a" + ".b" * 5_000: ["1"]}),
    ],
)
def test_fields_of_a_form_are_gathered(pairs: list[tuple[str, str]], expected: dict[str, Any]) -> None:
    assert gathered(pairs, {"a", "x.y"}) == expected
