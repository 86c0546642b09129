"""`HttpClient` against a real server on loopback."""

import pickle
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from forge.clients.http import HttpClient, _seconds
from forge.errors import StepError

Answer = tuple[int, dict[str, str], bytes] | None


class Server:
    """Answers each request with the next of its answers, the last one for ever; None drops the connection."""

    def __init__(self, answers: list[Answer]) -> None:
        self.requests: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.requests.append(self.path)
                answer = answers[min(len(server.requests), len(answers)) - 1]
                if answer is None:
                    self.connection.close()
                    return
                status, headers, body = answer
                self.send_response(status)
                for name, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

            def finish(self) -> None:
                if not self.connection._closed:  # type: ignore[attr-defined]
                    super().finish()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/thing"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*answers: Answer) -> Server:
        servers.append(Server(list(answers)))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[HttpClient]:
    client = HttpClient(tmp_path / "http", wait=0.01, limit=1_000_000)
    yield client
    client.close()


def test_fresh_answer_is_asked_for_once(serve: Callable[..., Server], client: HttpClient) -> None:
    server = serve((200, {"Cache-Control": "max-age=600"}, b"one"), (200, {}, b"two"))
    assert [client.get(server.url), client.get(server.url)] == [b"one", b"one"]
    assert len(server.requests) == 1


def test_cache_outlives_the_client_and_pickle(serve: Callable[..., Server], client: HttpClient) -> None:
    server = serve((200, {"Cache-Control": "max-age=600"}, b"one"), (200, {}, b"two"))
    client.get(server.url)
    other = pickle.loads(pickle.dumps(client))
    assert other.get(server.url) == b"one"
    other.close()
    assert len(server.requests) == 1


def test_uncacheable_answer_is_asked_for_again(serve: Callable[..., Server], client: HttpClient) -> None:
    server = serve((200, {"Cache-Control": "no-store"}, b"one"), (200, {"Cache-Control": "no-store"}, b"two"))
    assert [client.get(server.url), client.get(server.url)] == [b"one", b"two"]


def test_waits_as_long_as_retry_after_asks(serve: Callable[..., Server], client: HttpClient) -> None:
    server = serve((429, {"Retry-After": "1"}, b""), (200, {}, b"done"))
    begin = time.monotonic()
    assert client.get(server.url) == b"done"
    assert time.monotonic() - begin >= 1.0


def test_endless_retry_after_is_a_refusal(serve: Callable[..., Server], client: HttpClient) -> None:
    server = serve((429, {"Retry-After": "86400"}, b""))
    with pytest.raises(StepError, match="answered 429"):
        client.get(server.url)
    assert len(server.requests) == 1


def test_gives_up_after_three_failures(serve: Callable[..., Server], client: HttpClient) -> None:
    server = serve((500, {}, b""))
    with pytest.raises(StepError, match="answered 500 after 3 attempts"):
        client.get(server.url)
    assert len(server.requests) == 3


def test_dropped_connection_is_tried_again(serve: Callable[..., Server], client: HttpClient) -> None:
    server = serve(None, (200, {}, b"done"))
    assert client.get(server.url) == b"done"


def test_body_that_ends_early_is_tried_again(serve: Callable[..., Server], client: HttpClient) -> None:
    server = serve((200, {"Content-Length": "10"}, b"half"), (200, {}, b"whole"))
    assert client.get(server.url) == b"whole"


def test_not_found_is_final_and_names_the_address(serve: Callable[..., Server], client: HttpClient) -> None:
    server = serve((404, {}, b""))
    with pytest.raises(StepError, match="/thing: the server answered 404"):
        client.get(server.url)
    assert len(server.requests) == 1


def test_large_body_is_refused(serve: Callable[..., Server], client: HttpClient) -> None:
    server = serve((200, {}, b"x" * 1_000_001))
    with pytest.raises(StepError, match="larger than 1 MB"):
        client.get(server.url)


def test_nobody_listens(client: HttpClient) -> None:
    with pytest.raises(StepError, match="cannot be reached"):
        client.get("http://127.0.0.1:9/")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/file", "no address at all"])
def test_other_schemes_are_refused(client: HttpClient, url: str) -> None:
    with pytest.raises(StepError, match="only http and https"):
        client.get(url)


def test_redirect_to_another_scheme_is_refused(serve: Callable[..., Server], client: HttpClient) -> None:
    server = serve((302, {"Location": "file:///etc/passwd"}, b""))
    with pytest.raises(StepError):
        client.get(server.url)


def test_making_a_client_opens_nothing(tmp_path: Path) -> None:
    HttpClient(tmp_path / "http").close()
    assert not (tmp_path / "http").exists()


@pytest.mark.parametrize(
    ("header", "seconds"),
    [(None, None), ("7", 7.0), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)],
)
def test_retry_after_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert _seconds(header) == seconds
