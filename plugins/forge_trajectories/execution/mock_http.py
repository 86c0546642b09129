"""The mock over real HTTP: a thread a connection, HTTP/1.1 with connections kept open, one write a response.

Meant for loopback: it has no authentication and does not speak TLS.
"""

import re
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

import orjson

from forge.errors import ForgeError
from forge_trajectories.execution.mock_site import MockSite, Response
from forge_trajectories.execution.mock_wire import Request

LOOPBACK = "127.0.0.1"
MAX_BODY = 4 << 20
"""Bytes of a request's body."""
_DIGITS = 18
"""Of a length; Python reads no number of thousands."""
_BLOCK = 1 << 16
_BLOCKS = 1_000
"""Blocks that are still read from a client that was refused."""
_PATIENCE = 1.0
"""Seconds without a byte after which such a client is given up."""


class MockServer(ThreadingHTTPServer):
    """Serves a `MockSite` until `shutdown`."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, site: MockSite, *, port: int = 0) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.site = site

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away; print what is a fault of ours."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://{LOOPBACK}:{self.server_address[1]}"


@contextmanager
def serving(site: MockSite, *, port: int = 0) -> Iterator[MockServer]:
    """A server on loopback, in a thread of its own for the length of the block; port 0 is any that is free.

    Raises:
        OSError: the address is taken.
    """
    with MockServer(site, port=port) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MockServer
    timeout = 60
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            return
        path, _, query = re.sub(r"^https?://[^/?]*", "", self.path).partition("?")  # as one sends it to a proxy
        request = Request(
            method=self.command,
            path=path or "/",
            query=parse_qsl(query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=body,
        )
        try:
            response = self.server.site.answer(request)
        except ForgeError as error:
            response = Response(503, orjson.dumps({"error": str(error)}))
        except Exception:
            self.close_connection = True
            self._send(Response(500, b'{"error":"a fault of the mock; its terminal shows more"}'))
            raise
        self._send(response)

    def _length(self) -> int | None:
        """Bytes of the body; None if it was refused."""
        length = self.headers.get("Content-Length", "0").strip()
        is_known = length.isascii() and length.isdigit() and "Transfer-Encoding" not in self.headers
        if is_known and len(length) < _DIGITS and int(length) <= MAX_BODY:
            return int(length)
        self._refuse(413 if is_known else 411, "send a body of known length, of 4 MB at most")
        return None

    def _body(self) -> bytes | None:
        """The body; None if it was refused, or the client went away before its end."""
        length = self._length()
        if length is None:
            return None
        body = self.rfile.read(length)
        if len(body) == length:
            return body
        self.close_connection = True
        return None

    def _refuse(self, status: int, message: str) -> None:
        """Answer and close: what follows on the connection cannot be told apart from the body.

        A client may still be sending. To close on it at once would reset the connection, and the client would see that
        in place of the answer.
        """
        self.close_connection = True
        self._send(Response(status, orjson.dumps({"error": message})))
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_PATIENCE)
            for _ in range(_BLOCKS):
                if not self.connection.recv(_BLOCK):
                    break

    def handle_expect_100(self) -> bool:
        """Ask for a body only if it will be taken."""
        return self._length() is not None and super().handle_expect_100()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request at all, or of a method unheard of, in JSON as everything else."""
        del explain
        self._refuse(code, message or self.responses[code][0])

    def _send(self, response: Response) -> None:
        body = response.body
        lines = [
            f"HTTP/1.1 {response.status} {self.responses.get(response.status, ('',))[0]}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in response.headers.items()),
            *(["Connection: close"] if self.close_connection else []),
        ]
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        self.wfile.write(head if self.command == "HEAD" else head + body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_TRACE = _answer  # noqa: N815
