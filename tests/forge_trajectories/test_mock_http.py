"""The mock over real HTTP, with a real client."""

import json
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge_trajectories.execution.mock_http import serving
from forge_trajectories.execution.mock_routing import Router
from forge_trajectories.execution.mock_site import MockSite
from forge_trajectories.execution.mock_wire import Request, read
from forge_trajectories.tools.operation import Operation


def operation(tool: str, method: str, path: str, required: str = "", **places: tuple[str, dict[str, Any]]) -> Operation:
    properties = {name: {**schema, "x-in": place} for name, (place, schema) in places.items()}
    parameters = {"type": "object", "properties": properties, "required": required.split()}
    returns = {"type": "object", "properties": {"id": TEXT, "name": TEXT, "size": NUMBER}}
    return Operation(
        tool=tool, api=tool, provider="p.com", method=method, path=path, parameters=parameters, returns=returns
    )


TEXT = {"type": "string"}
NUMBER = {"type": "integer", "minimum": 1}
MANY = {"type": "array", "items": {"type": "integer"}}
BOXES = [
    operation("make", "POST", "/boxes", "name", name=("body", TEXT), size=("body", NUMBER)),
    operation("get", "GET", "/boxes/{id}", "id", id=("path", TEXT), size=("query", NUMBER), tag=("query", MANY)),
    operation("drop", "DELETE", "/boxes/{id}", "id", id=("path", TEXT)),
    operation("trace", "GET", "/trace", "X-Trace", **{"X-Trace": ("header", NUMBER), "seen": ("cookie", TEXT)}),
]
MARKS = [
    operation("CreateMark", "POST", "/#X-Amz-Target=Svc.CreateMark", "Name", Name=("body", TEXT)),
    operation("DeleteMark", "POST", "/#X-Amz-Target=Svc.DeleteMark", "Name", Name=("body", TEXT)),
]
SERVICES = {("p.com", ""): BOXES, ("p.com", "marks & more"): MARKS}


def site() -> MockSite:
    return MockSite({service: len(each) for service, each in SERVICES.items()}, lambda *named: SERVICES[named])


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with serving(site()) as server, httpx.Client(base_url=server.url, timeout=10) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path", "more", "status", "said"),
    [
        ("POST", "boxes", {"json": {}}, 400, "name"),
        ("POST", "boxes", {"json": {"name": "a", "size": "3"}}, 400, "size"),
        ("POST", "boxes", {"json": {"name": "a", "size": 0}}, 400, "size"),
        ("POST", "boxes", {"content": b"{"}, 400, "JSON"),
        ("POST", "boxes", {"json": [1]}, 400, "name"),
        ("GET", "boxes/b1?size=large", {}, 400, "size"),
        ("GET", "boxes/b1?tag=1&tag=x", {}, 400, "tag"),
        ("GET", "trace", {}, 400, "X-Trace"),
        ("GET", "trace", {"headers": {"X-Trace": "no"}}, 400, "X-Trace"),
        ("GET", "nothing", {}, 404, "no operation"),
        ("PUT", "boxes/b1", {}, 405, "not allowed"),
    ],
)
def test_a_client_is_refused_what_the_schema_refuses(
    client: httpx.Client, method: str, path: str, more: dict[str, Any], status: int, said: str
) -> None:
    found = client.request(method, f"/p.com/-/{path}", **more)

    assert found.status_code in ({400, 422} if status == 400 else {status})
    assert said in found.text
    assert found.json()


def test_parameters_come_from_path_query_header_and_body(client: httpx.Client) -> None:
    made = client.post("/p.com/-/boxes", json={"name": "tall", "size": 3})

    assert made.status_code == 201
    assert (made.json()["name"], made.json()["size"]) == ("tall", 3)
    assert client.get(f"/p.com/-/boxes/{made.json()['id']}?size=3&tag=1&tag=2").json() == made.json()
    assert client.post("/p.com/-/boxes", data={"name": "flat", "size": "4"}).json()["size"] == 4
    assert client.get("/p.com/-/trace", headers={"x-trace": "7"}).status_code == 200
    assert client.get("/p.com/-/boxes/a%2Fb").json()["id"] == "a/b"
    assert client.head("/p.com/-/boxes/b1").status_code == 200


@pytest.mark.parametrize("way", ["header", "cookie"])
def test_sessions_do_not_see_each_other(client: httpx.Client, way: str) -> None:
    def named(name: str) -> dict[str, str]:
        return {"X-Forge-Session": name} if way == "header" else {"Cookie": f"a=b; forge_session={name}"}

    assert client.delete("/p.com/-/boxes/b1", headers=named("one")).status_code == 200
    assert client.get("/p.com/-/boxes/b1", headers=named("one")).status_code == 404
    assert client.get("/p.com/-/boxes/b1", headers=named("two")).status_code == 200
    assert client.get("/p.com/-/boxes/b1").status_code == 200


def test_operations_at_one_path_are_told_apart(client: httpx.Client) -> None:
    def send(target: str) -> int:
        headers = {"X-Amz-Target": f"Svc.{target}"}
        return client.post("/p.com/marks%20%26%20more/", json={"Name": "m"}, headers=headers).status_code

    assert [send("CreateMark"), send("DeleteMark"), send("DeleteMark")] == [201, 200, 404]


def test_the_site_lists_what_it_serves(client: httpx.Client) -> None:
    services = client.get("/").json()["services"]

    assert services == [{"path": "/p.com/-", "routes": 4}, {"path": "/p.com/marks%20%26%20more", "routes": 2}]
    assert client.get("/p.com/-").json()["routes"][0] == {"method": "POST", "path": "/boxes", "tool": "make"}
    assert client.get("/elsewhere.com/-/boxes").status_code == 404
    assert client.get("/elsewhere.com").status_code == 404


def test_clients_at_once_all_get_answers(client: httpx.Client) -> None:
    def get(number: int) -> str:
        found: str = client.get(f"/p.com/-/boxes/b{number}").json()["id"]
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(get, range(100))) == [f"b{number}" for number in range(100)]


def test_a_client_that_goes_away_is_no_news(client: httpx.Client, capfd: pytest.CaptureFixture[str]) -> None:
    address = (client.base_url.host, client.base_url.port or 80)
    with socket.create_connection(address) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close with a reset
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")

    assert client.get("/").status_code == 200
    assert capfd.readouterr().err == ""


def test_a_body_of_no_known_length_is_refused(client: httpx.Client) -> None:
    found = client.post("/p.com/-/boxes", content=iter([b'{"name":"a"}']))

    assert found.status_code == 411
    assert client.get("/p.com/-/boxes/b1").status_code == 200


@pytest.mark.parametrize(
    ("path", "tool", "values"),
    [
        ("/users/me", "me", {}),
        ("/users/7", "one", {"id": "7"}),
        ("/users/7/", "one", {"id": "7"}),
        ("/users/me/posts", "posts", {"id": "me"}),
        ("/v1/projects/p/jobs/j", "job", {"name": "projects/p/jobs/j"}),
        ("/v1/projects/p/jobs/j:cancel", "cancel", {"name": "projects/p/jobs/j"}),
        ("/files/a.tar.gz", "file", {"name": "a.tar", "ending": "gz"}),
    ],
)
def test_routes(path: str, tool: str, values: dict[str, str]) -> None:
    name = {"name": ("path", {"type": "string", "pattern": "^projects/[^/]+/jobs/[^/]+$"})}
    router = Router(
        [
            operation("one", "GET", "/users/{id}"),
            operation("me", "GET", "/users/me"),
            operation("posts", "GET", "/users/{id}/posts"),
            operation("job", "GET", "/v1/{name}", **name),
            operation("cancel", "GET", "/v1/{name}:cancel", **name),
            operation("file", "GET", "/files/{name}.{ending}"),
        ]
    )
    found = router.find("GET", path)

    if tool == "file":  # either split is one that the template allows
        assert [item.operation.tool for item in found] == ["file"]
    else:
        assert [(item.operation.tool, item.values) for item in found] == [(tool, values)]


@given(
    method=st.sampled_from(["GET", "POST", "PATCH", "BREW"]),
    path=st.text(st.sampled_from("/p.com-boxes%2F{}?é\0"), max_size=30).map(lambda text: f"/{text}"),
    body=st.binary(max_size=12) | st.just(b'{"name": "a"}'),
    cookie=st.text(max_size=8),
)
def test_nothing_that_a_client_sends_breaks_the_site(method: str, path: str, body: bytes, cookie: str) -> None:
    found = site().answer(Request(method=method, path=path, body=body, headers={"cookie": cookie}))

    assert 200 <= found.status < 500
    assert json.loads(found.body)


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("7", {"type": "integer"}, 7),
        ("7", {"type": "string"}, "7"),
        ("7.5", {"type": ["null", "number"]}, 7.5),
        ("TRUE", {"type": "boolean"}, True),
        ("1,2", MANY, [1, 2]),
        ('{"a": 1}', {"type": "object"}, {"a": 1}),
        ("{", {"type": "object"}, "{"),
        ("x", {"type": "integer"}, "x"),
        ("3", {"anyOf": [{"type": "boolean"}, {"type": "integer"}]}, 3),
    ],
)
def test_text_is_read_as_the_schema_asks(text: str, schema: dict[str, Any], value: object) -> None:
    assert read(text, schema) == value
