"""The HTTP client that `Context` hands out: cached on disk, retried, bounded, and opened when it is first used.

Answers are cached by RFC 9111 (hishel, one SQLite file) and survive the run. Refusals that may pass (429, 408, 5xx) and
broken connections are tried again with growing waits, or after the time that ``Retry-After`` asks for (stamina). Making
a client costs nothing; the first `HttpClient.get` imports httpx and opens the cache, some 100 ms. A client goes to
another process by pickle or fork, and opens its own connections there.
"""

import email.utils
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from forge.errors import StepError

if TYPE_CHECKING:
    import httpx

USER_AGENT = "hephaestus-forge"
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT = 60.0


class _Again(Exception):  # noqa: N818
    """A failure that may pass; ``wait`` is what the server asks for in seconds, if it does."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


@dataclass(kw_only=True, eq=False)
class HttpClient:
    """Fulfils `forge.steps.HttpClient`.

    Attributes:
        folder: where the cache lies; made when first needed.
        timeout: seconds for connecting and for each read.
        limit: bytes of a body after which it is refused.
        attempts: how often a request is made at most.
        wait: seconds before the second attempt; doubled before each further one.
    """

    folder: Path = field(kw_only=False)
    timeout: float = 30.0
    limit: int = 200_000_000
    attempts: int = 3
    wait: float = 1.0
    _opened: "tuple[int, httpx.Client] | None" = field(default=None, init=False, repr=False)

    def get(self, url: str, *, headers: dict[str, str] | None = None) -> bytes:
        """Body of ``url``.

        Raises:
            StepError: the scheme is not http(s), the server refuses or cannot be reached after all attempts, or the
                body is larger than the limit.
        """
        if urlsplit(url).scheme not in ("http", "https"):
            raise StepError(f"{url}: only http and https addresses are fetched")
        import stamina

        try:
            for attempt in stamina.retry_context(
                on=_pause, attempts=self.attempts, timeout=None, wait_initial=self.wait, wait_jitter=self.wait / 4
            ):
                with attempt:
                    return self._get(url, headers or {})
        except _Again as error:
            raise StepError(f"{url}: {error} after {self.attempts} attempts; try again later") from error
        raise AssertionError("stamina gave no attempt")

    def close(self) -> None:
        """Close connections and cache; the next `get` opens them again."""
        if self._opened is not None and self._opened[0] == os.getpid():
            self._opened[1].close()
            self._opened[1].storage.close()  # type: ignore[attr-defined]
        self._opened = None

    def _get(self, url: str, headers: dict[str, str]) -> bytes:
        import httpx

        try:
            with self._client().stream("GET", url, headers=headers) as response:
                self._check(url, response)
                return self._body(url, response)
        except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as error:
            raise _Again(f"cannot be reached ({error or type(error).__name__})") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise StepError(f"{url}: {error}") from error

    def _check(self, url: str, response: "httpx.Response") -> None:
        status = response.status_code
        if status in PASSING:
            raise _Again(f"the server answered {status}", _seconds(response.headers.get("retry-after")))
        if status >= 400:
            raise StepError(f"{url}: the server answered {status} {response.reason_phrase}".rstrip())

    def _body(self, url: str, response: "httpx.Response") -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self.limit:
                raise StepError(f"{url}: larger than {self.limit / 1e6:g} MB")
        return bytes(body)

    def _client(self) -> "httpx.Client":
        """The open client of this process; one that came along by a fork belongs to the parent."""
        if self._opened is None or self._opened[0] != os.getpid():
            from hishel import CacheOptions, SqliteStorage
            from hishel.httpx import CacheClient

            storage = SqliteStorage(database_path=self.folder / "responses.sqlite", max_stream_size=self.limit)
            client = CacheClient(
                storage=storage,
                rfc=CacheOptions(shared=False),
                timeout=self.timeout,
                follow_redirects=True,
                headers={"user-agent": USER_AGENT},
            )
            self._opened = (os.getpid(), client)
        return self._opened[1]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": None}


def _pause(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds; a longer wait than ours is a refusal."""
    if not isinstance(error, _Again):
        return False
    if error.wait is None:
        return True
    return error.wait if error.wait <= LONGEST_WAIT else False


def _seconds(header: str | None) -> float | None:
    """``Retry-After`` as seconds from now: a number of seconds or an HTTP date."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        then = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, then.timestamp() - time.time())
