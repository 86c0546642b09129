"""The mock over real HTTP, with a real client."""

import http.client
import json
import re
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.errors import CatalogError
from forge.records import ApiRecord
from forge_trajectories.execution.mock_http import MAX_BODY, serving
from forge_trajectories.execution.mock_operations import served_operations
from forge_trajectories.execution.mock_routing import Router
from forge_trajectories.execution.mock_site import MAX_DEPTH, MockSite, example
from forge_trajectories.execution.mock_wire import Request, read
from forge_trajectories.tools.operation import Operation


def nested(levels: int) -> Any:
    """A list within lists."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


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
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
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
SERVICES: dict[tuple[str, str], list[Operation]] = {("p.com", ""): BOXES, ("p.com", "marks & more"): MARKS}


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
        ("POST", "boxes", {"content": b"\xff=1", "headers": FORM}, 400, "no form"),
        ("POST", "boxes", {"json": [1]}, 400, "name"),
        ("POST", "boxes", {"json": {"name": nested(MAX_DEPTH + 1)}}, 400, "deeper"),
        ("POST", "boxes", {"content": b"[" * 20_000 + b"]" * 20_000}, 400, "depth"),
        ("GET", "boxes/b1?size=large", {}, 400, "size"),
        ("GET", "boxes/b1?tag=1&tag=x", {}, 400, "tag"),
        ("GET", "trace", {}, 400, "X-Trace"),
        ("GET", "trace", {"headers": {"X-Trace": "no"}}, 400, "X-Trace"),
        ("GET", "nothing", {}, 404, "no operation at GET /nothing; GET /p.com/- lists"),
        ("PUT", "boxes/b1", {}, 405, "not allowed: PUT; there is DELETE, GET, HEAD, OPTIONS"),
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
    assert client.head("/p.com/-").status_code == 200


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("elsewhere.com", "no provider elsewhere.com here; GET / lists them"),
        ("elsewhere.com/-/boxes", "no provider elsewhere.com here; GET / lists them"),
        ("P/-/boxes", "no provider P here, but /p.com; GET / lists them"),
        (
            "p.com/boxes/b1",
            "no service p.com/boxes here, but /p.com/-, /p.com/marks%20%26%20more; GET /p.com lists them",
        ),
    ],
)
def test_what_is_not_served_is_refused_with_what_is(client: httpx.Client, path: str, said: str) -> None:
    found = client.get(f"/{path}")

    assert found.status_code == 404
    assert found.json() == {"error": said}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("", "GET, HEAD, OPTIONS"),
        ("p.com/-", "GET, HEAD, OPTIONS"),
        ("p.com/-/boxes", "OPTIONS, POST"),
        ("p.com/marks%20%26%20more/", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_options_says_what_a_path_takes_and_nothing_else_is_taken(
    client: httpx.Client, path: str, allowed: str
) -> None:
    asked, refused = client.options(f"/{path}"), client.put(f"/{path}")

    assert (asked.status_code, refused.status_code) == (200, 405)
    assert asked.headers["allow"] == refused.headers["allow"] == allowed
    assert asked.json() == {"allow": allowed.split(", ")}
    assert "not allowed: PUT" in refused.text


def test_the_site_lists_all_of_many_services() -> None:
    many = MockSite({("p.com", f"s{number:04}"): 1 for number in range(2_500)}, lambda *_: BOXES)
    shown = json.loads(many.answer(Request(method="GET", path="/")).body)

    assert (shown["number"], len(shown["services"])) == (2_500, 2_500)


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


def said_to(client: httpx.Client, sent: bytes) -> bytes:
    """All that a server answers to bytes as they are, until it closes."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as line:
        line.sendall(sent)
        line.shutdown(socket.SHUT_WR)
        found = b""
        while part := line.recv(65_536):
            found += part
        return found


@pytest.mark.parametrize(
    ("sent", "status", "said"),
    [
        (b"GARBAGE\r\n\r\n", 400, "Bad request syntax"),
        (b"GET / HTTP/9.9\r\n\r\n", 505, "HTTP version"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 414, "Too Long"),
        (b"BREW / HTTP/1.1\r\n\r\n", 501, "BREW"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 411, "known length"),
        (b"POST / HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", 411, "known length"),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", 413, "known length"),
        (b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n", 413, "known length"),
        (b"GET http://here:80/p.com HTTP/1.0\r\n\r\n", 200, "/p.com/-"),
    ],
)
def test_what_is_no_proper_request_is_answered_in_json(
    client: httpx.Client, capfd: pytest.CaptureFixture[str], sent: bytes, status: int, said: str
) -> None:
    head, _, body = said_to(client, sent).partition(b"\r\n\r\n")

    assert head.split()[1] == str(status).encode()
    assert said in str(json.loads(body))
    assert capfd.readouterr().err == ""


def test_a_body_that_breaks_off_does_nothing(client: httpx.Client) -> None:
    whole = b"DELETE /p.com/-/boxes/b1 HTTP/1.1\r\nContent-Length: 4\r\n\r\n"

    assert said_to(client, whole + b"{}") == b""
    assert client.get("/p.com/-/boxes/b1").status_code == 200


def test_a_client_that_sends_too_much_gets_the_answer_all_the_same(client: httpx.Client) -> None:
    line = http.client.HTTPConnection(client.base_url.host, client.base_url.port, timeout=10)
    line.request("POST", "/p.com/-/boxes", body=b"x" * (8 * MAX_BODY))  # the standard client reads when all is sent

    assert line.getresponse().status == 413
    line.close()


def test_faults_are_answered_and_only_those_of_ours_are_printed(capfd: pytest.CaptureFixture[str]) -> None:
    def load(provider: str, _service: str) -> list[Operation]:
        if provider == "gone.com":
            raise CatalogError("no catalogue at x; run `forge build`")
        raise LookupError("a bug")

    broken = MockSite({("gone.com", ""): 1, ("bug.com", ""): 1}, load)
    with serving(broken) as server, httpx.Client(base_url=server.url, timeout=10) as client:
        gone = client.get("/gone.com/-/x")
        told = capfd.readouterr().err
        bug = client.get("/bug.com/-/x")

    assert (gone.status_code, told) == (503, "")
    assert gone.json() == {"error": "no catalogue at x; run `forge build`"}
    assert bug.status_code == 500
    assert "fault of the mock" in bug.json()["error"]
    assert "LookupError: a bug" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("method", "path", "required", "command"),
    [
        ("GET", "/boxes", "", "curl -s U/p.com/-/boxes"),
        ("get", "/boxes#Action=List", "", "curl -s U/p.com/-/boxes"),
        ("GET", "/boxes(1)", "", "curl -s 'U/p.com/-/boxes(1)'"),
        ("GET", "/boxes/{id}", "", "curl -s U/p.com/-"),
        ("GET", "/boxes", "name", "curl -s U/p.com/-"),
        ("POST", "/boxes", "", "curl -s U/p.com/-"),
    ],
)
def test_the_example_is_one_that_works(method: str, path: str, required: str, command: str) -> None:
    only = operation("it", method, path, required, name=("query", TEXT))
    served = MockSite({("p.com", ""): 1}, lambda *_: [only])
    found = example(served, "U")

    assert found == command
    path = re.sub("curl -s '?U|'$", "", found)
    assert served.answer(Request(method="GET", path=path)).status == 200


def test_a_client_may_send_every_documented_parameter() -> None:
    properties = {f"p{number}": {"type": "integer", "x-in": "query"} for number in range(40)}
    record = ApiRecord(
        provider="p.com",
        service="",
        name="list the boxes",
        kind="rest",
        method="GET",
        path="/boxes",
        description="Lists the boxes.",
        parameters={"type": "object", "properties": properties},
        source="s",
    )
    made = served_operations([record, record])

    assert [set(each.parameters["properties"]) for each in made] == [set(properties)] * 2
    assert len({each.tool for each in made}) == 2
    served = MockSite({("p.com", ""): 1}, lambda *_: made)
    assert served.answer(Request(method="GET", path="/p.com/-/boxes", query=[("p39", "1")])).status == 200
    assert served.answer(Request(method="GET", path="/p.com/-/boxes", query=[("p39", "x")])).status in (400, 422)


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
        ("[1, 2]", MANY, [1, 2]),
        ("[]", MANY, []),
        ("[1,2", MANY, ["[1", 2]),
        ("{}", {"type": "object"}, {}),
        ('{"a": 1}', {"type": "object"}, {"a": 1}),
        ("{", {"type": "object"}, "{"),
        ("x", {"type": "integer"}, "x"),
        ("3", {"anyOf": [{"type": "boolean"}, {"type": "integer"}]}, 3),
    ],
)
def test_text_is_read_as_the_schema_asks(text: str, schema: dict[str, Any], value: object) -> None:
    assert read(text, schema) == value
