"""The HTTP client that `Context` hands out: cached on disk, polite, bounded, and opened when it is first used.

Answers are cached by RFC 9111 (hishel, one SQLite file) and survive the run. What may pass (429, 408, 5xx, broken
connections, bodies that end early) is tried again with growing waits, or after the time that ``Retry-After`` asks for.
Requests to one host keep a distance, across worker processes. Secrets are sent, never written (`forge.clients.wire`).

Making a client costs nothing; the first request imports httpx and opens the cache, some 100 ms. A client goes to
another process by pickle or fork, and opens its own connections there.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.client import responses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from forge import __version__
from forge.clients.failures import Again, Final, growing_wait
from forge.errors import FetchError
from forge.secrets import redact, redact_url
from forge.steps import HttpRequest, HttpResponse

if TYPE_CHECKING:
    from forge.clients.hops import Hop
    from forge.clients.opened import Answer, Opened

USER_AGENT = f"hephaestus-forge/{__version__}"
ROBOTS_LIMIT = 5_000_000
_OPENING = threading.Lock()


@dataclass(kw_only=True, eq=False)
class HttpClient:
    """Fulfils `forge.steps.HttpClient`.

    Attributes:
        folder: where the cache lies; made when first needed.
        timeout: seconds for connecting and for each read.
        patience: seconds for the whole body of one answer; a download may take longer.
        limit: bytes of a body, decompressed, after which it is refused.
        attempts: how often a request is made at most.
        wait: seconds before the second attempt; doubled before each further one, with some chance.
        longest_wait: seconds; a server that asks for a longer wait by ``Retry-After`` is taken to refuse.
        interval: seconds between two requests to one host, unless it is private (this machine, the local network).
    """

    folder: Path = field(kw_only=False)
    timeout: float = 30.0
    patience: float = 600.0
    limit: int = 200_000_000
    attempts: int = 4
    wait: float = 1.0
    longest_wait: float = 120.0
    interval: float = 0.2
    _opened: "Opened | None" = field(default=None, init=False, repr=False)

    def get(self, url: str, *, headers: dict[str, str] | None = None) -> bytes:
        """Body of ``url``.

        Raises:
            FetchError: as `fetch`, and for a status of 400 or more.
        """
        answer = self.fetch(HttpRequest(url=url, headers=headers or {}))
        if answer.status >= 400:
            raise FetchError(f"{answer.url}: {refusal(answer.status)}")
        return answer.body

    def fetch(self, request: HttpRequest) -> HttpResponse:
        """The final answer, whatever its status, after redirects, waits and retries.

        Raises:
            FetchError: scheme, address, size or robots.txt forbid it, or every attempt failed.
        """
        return self._follow(self._first(request), self._answer)

    def download(self, request: HttpRequest, path: Path) -> HttpResponse:
        """Stream the body to ``path``, taking up a download that was cut short; ``body`` of the answer is empty.

        The bytes are kept as they are sent, without undoing any ``Content-Encoding``. What has arrived lies beside
        ``path`` under a name that ends in ``.part`` until it is whole.

        Raises:
            FetchError: as `fetch`, and for a status of 400 or more. WorkspaceError: the disk is full.
        """
        from forge.clients.download import download

        def take(hop: "Hop") -> "Answer":
            return download(hop, path, opened=self._open())

        answer = self._follow(self._first(request), take)
        if answer.status >= 400:
            raise FetchError(f"{answer.url}: {refusal(answer.status)}")
        return answer

    def close(self) -> None:
        """Close connections and cache; the next request opens them again."""
        if self._opened is not None and self._opened.pid == os.getpid():
            self._opened.close()
        self._opened = None

    def _first(self, request: HttpRequest) -> "Hop":
        from forge.clients.hops import first

        with _plain(redact_url(request.url)):
            return first(request, limit=self.limit if request.limit is None else request.limit)

    def _follow(self, hop: "Hop", ask: "Callable[[Hop], Answer]") -> HttpResponse:
        """The answer at the end of the redirects."""
        from forge.clients.hops import REDIRECTS, following

        while True:
            answer = self._attempt(hop, ask)
            if answer.response.status not in REDIRECTS or not answer.location:
                return answer.response
            with _plain(hop.shown):
                hop = following(hop, answer.response.status, answer.location)

    def _attempt(self, hop: "Hop", ask: "Callable[[Hop], Answer]") -> "Answer":
        """The answer of one address, after as many attempts as it takes."""
        for attempt in range(1, self.attempts + 1):
            try:
                with _plain(hop.shown):
                    return ask(replace(hop, refresh=hop.refresh or attempt > 1))
            except Again as error:
                self._pause(error, attempt=attempt, shown=hop.shown)
        raise AssertionError("no attempt was made: attempts must be 1 or more")

    def _pause(self, error: Again, *, attempt: int, shown: str) -> None:
        """Wait before the next attempt; there is none after the last, nor where the server asks for too long a wait."""
        if error.wait is not None and error.wait > self.longest_wait:
            raise FetchError(
                f"{shown}: {redact(str(error))} and asks for a wait of {error.wait:.0f} s; "
                "what was finished is kept: run the same command again after that"
            ) from None
        if attempt == self.attempts:
            raise FetchError(f"{shown}: {redact(str(error))} after {attempt} attempts; try again later") from None
        wait = growing_wait(attempt, first=self.wait, longest=self.longest_wait)
        time.sleep(wait if error.wait is None else error.wait)

    def _answer(self, hop: "Hop") -> "Answer":
        """One attempt at one address, through the cache."""
        return self._open().fetch(hop)

    def _robots(self, url: str, hop: "Hop") -> HttpResponse:
        """A robots.txt, asked for under the rules of the hop that needs it."""
        from forge.clients.hops import first

        with _plain(redact_url(url)):
            own = first(HttpRequest(url=url, allow_private=hop.allow_private), limit=ROBOTS_LIMIT)
        return self._follow(replace(own, named=hop.named, may_be_private=hop.may_be_private), self._answer)

    def _open(self) -> "Opened":
        """What is open in this process; what came along by a fork belongs to the parent."""
        with _OPENING:
            if self._opened is None or self._opened.pid != os.getpid():
                from forge.clients.opened import Opened

                self._opened = Opened.of(self, robots=self._robots)
            return self._opened

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}


@contextmanager
def _plain(shown: str) -> Iterator[None]:
    """Turn a refusal into an error that names the address, without the secrets that either may hold."""
    try:
        yield
    except Final as error:
        raise FetchError(redact(f"{shown}: {error}")) from None


def refusal(status: int) -> str:
    """What a status of 400 or more means to the reader: ``the server answered 404 Not Found; ...``."""
    phrase = responses.get(status, "")
    advice = {401: "check the key", 403: "check the key and its permissions", 404: "check the address"}
    said = f"the server answered {status} {phrase}".rstrip()
    return f"{said}; {advice.get(status, 'check the address and the options')}"
