"""What an `HttpClient` has open in one process: cache, connections, queues and robots.txt files.

Imports httpx and hishel: the client imports this module with its first request.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import httpx

from forge.clients.bodies import capped, check_length, decoded
from forge.clients.failures import Again, is_passing, retry_after
from forge.clients.hops import Hop
from forge.clients.pace import Pace
from forge.clients.robots import Robots
from forge.clients.store import Store
from forge.clients.wire import LOCATION, Wire
from forge.steps import HttpResponse

if TYPE_CHECKING:
    from forge.clients.http import HttpClient


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with the true address that it redirects to, secrets included, if it does."""

    response: HttpResponse
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The parts, made together. ``pid`` is the process that opened them."""

    pid: int
    store: Store
    pace: Pace
    robots: Robots
    client: "HttpClient"

    @classmethod
    def of(cls, client: "HttpClient", *, robots: Callable[[str, Hop], HttpResponse]) -> "Opened":
        """Open for a client; ``robots`` asks for a robots.txt."""
        from forge.clients.http import USER_AGENT

        pace = Pace(client.folder / "hosts")
        wire = Wire(pace=pace, timeout=client.timeout, interval=client.interval)
        store = Store(client.folder, wire, limit=client.limit, agent=USER_AGENT)
        return cls(
            pid=os.getpid(), store=store, pace=pace, robots=Robots(client.folder / "robots", robots), client=client
        )

    def fetch(self, hop: Hop) -> Answer:
        """One attempt, through the cache. Raises `Again` or `Final`."""
        with self.answered(hop, self.store.send) as response:
            check_length(response.headers.get("content-length"), hop.limit)
            raw = capped(response.iter_raw(), limit=hop.limit, seconds=self.client.patience)
            body = b"".join(capped(decoded(raw, response.headers.get("content-encoding")), limit=hop.limit))
            return self.answer(hop, response, body)

    @contextmanager
    def answered(self, hop: Hop, send: Callable[[Hop], httpx.Response]) -> Iterator[httpx.Response]:
        """An answer whose body is still to be read, if robots.txt lets us ask and the server is not too busy."""
        if hop.robots:
            hop = replace(hop, delay=self.robots.delay(hop))
        response = send(hop)
        try:
            if is_passing(response.status_code):
                raise self._busy(hop, response)
            yield response
        finally:
            response.close()

    @staticmethod
    def answer(hop: Hop, response: httpx.Response, body: bytes = b"") -> Answer:
        """What the caller gets."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        location = response.extensions.get(LOCATION) or headers.get("location", "")
        given = HttpResponse(url=hop.shown, status=response.status_code, headers=headers, body=body)
        return Answer(given, location)

    def close(self) -> None:
        """Close cache and connections."""
        self.store.close()

    def _busy(self, hop: Hop, response: httpx.Response) -> Again:
        wait = retry_after(response.headers.get("retry-after"))
        seconds = self.client.wait if wait is None else wait
        if response.status_code == 429 and seconds <= self.client.longest_wait:
            self.pace.hold(hop.host, seconds)
        return Again(f"the server answered {response.status_code}", wait)
