"""A real HTTP server on loopback that answers as a test says."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from forge.clients.http import HttpClient

Reply = tuple[int, dict[str, str], bytes] | None
Answer = Reply | Callable[["Seen"], Reply]


@dataclass(frozen=True)
class Seen:
    """A request as the server saw it; names of headers are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass
class Site:
    """Answers each request for a path with the next of the path's answers, the last one for ever.

    An answer is ``(status, headers, body)``, sent in one go with a Content-Length unless it names one; a function of
    the request that gives one; or None, which drops the connection.
    """

    routes: dict[str, list[Answer]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    base: str = ""

    def on(self, path: str, *answers: Answer) -> str:
        """Answer for a path (without its query); returns the address."""
        self.routes[path] = list(answers)
        return self.base + path

    def asked(self, path: str) -> list[Seen]:
        """The requests for a path."""
        return [seen for seen in self.seen if seen.path.partition("?")[0] == path]

    def reply(self, request: Seen) -> Reply:
        """What the request gets."""
        answers = self.routes.get(request.path.partition("?")[0], [(404, {}, b"")])
        self.seen.append(request)
        count = len(self.asked(request.path.partition("?")[0]))
        answer = answers[min(count, len(answers)) - 1]
        return answer(request) if callable(answer) else answer


def _handler(site: Site) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = site.reply(Seen(self.command, self.path, headers, body))
            if reply is None:
                return
            status, given, body = reply
            lines = [f"HTTP/1.1 {status} Said", "Connection: close"]
            length = {} if "Transfer-Encoding" in given else {"Content-Length": str(len(body))}
            lines += [f"{name}: {value}" for name, value in {**length, **given}.items()]
            self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture
def sites() -> Iterator[Callable[[], Site]]:
    """Starts servers, each on a port of its own."""
    started: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start() -> Site:
        site = Site()
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(site))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        started.append((server, thread))
        site.base = f"http://127.0.0.1:{server.server_port}"
        return site

    yield start
    for server, thread in started:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def site(sites: Callable[[], Site]) -> Site:
    """One server."""
    return sites()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[HttpClient]:
    """A client that waits little and takes no more than a megabyte."""
    client = HttpClient(tmp_path / "http", wait=0.01, limit=1_000_000)
    yield client
    client.close()
