"""The transport below the cache: it puts secrets back in, and keeps them from coming back up.

Above it everything is redacted: hishel stores the address, the headers and the body that it is handed here. The real
request travels in the extension `HOP`. An answer loses its ``Set-Cookie``; where a secret was sent, the body is read
whole, and what it echoes of the secret is replaced (a download, marked `RAW`, passes as it is). A redirect to an
address with a secret is marked as not to be stored, and its true target travels in the extension `LOCATION`.

Imports httpx and httpcore (some 60 ms): the client imports this module with the first request.
"""

import email.utils
import ssl
import threading
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

import httpcore
import httpx

from forge.clients.addresses import PublicBackend, public_addresses
from forge.clients.bodies import capped, check_length, decoded
from forge.clients.failures import Again, Final
from forge.clients.hops import Hop
from forge.clients.pace import Pace
from forge.secrets import HIDDEN, redact_url

HOP = "forge-hop"
LOCATION = "forge-location"
RAW = "forge-raw"
Pool = httpcore.ConnectionPool | httpcore.HTTPProxy
_GONE = frozenset({"set-cookie", "set-cookie2"})
_OF_ENCODING = frozenset({"content-encoding", "content-length", "transfer-encoding"})


@dataclass(kw_only=True)
class Wire(httpx.BaseTransport):
    """Sends the hop that a request carries.

    Two pools: connections of the guarded one were checked to be public when they were made, so a private connection
    that the user's own address opened is never reused for a redirect from elsewhere.
    """

    pace: Pace
    timeout: float
    interval: float
    _pools: dict[tuple[bool, str], Pool] = field(default_factory=dict)
    _making: threading.Lock = field(default_factory=threading.Lock)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The answer, without secrets. Raises `Again` or `Final`, never with a secret in the message."""
        hop: Hop = request.extensions[HOP]
        self.pace.wait(hop.host, max(hop.delay, 0.0 if hop.near else self.interval))
        url = httpx.URL(hop.url)
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self.timeout)
        sent = httpcore.Request(
            hop.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=[*request.headers.raw, *((n.encode(), v.encode()) for n, v in hop.secret.items())],
            content=hop.body,
            extensions={"timeout": timeouts},
        )
        with plain_failures():
            answer = self._pool(hop).handle_request(sent)
        return _cleaned(answer, hop, raw=RAW in request.extensions)

    def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    def _pool(self, hop: Hop) -> Pool:
        parts = urlsplit(hop.url)
        proxy = _proxy(parts.scheme, parts.hostname or "")
        if proxy and not hop.may_be_private:
            with suppress(OSError):  # the proxy resolves the name again, and may know names that we do not
                public_addresses(parts.hostname or "", 0)
        key = (hop.may_be_private or bool(proxy), proxy)
        with self._making:
            if key not in self._pools:
                self._pools[key] = self._new_pool(guarded=not key[0], proxy=proxy)
            return self._pools[key]

    def _new_pool(self, *, guarded: bool, proxy: str) -> Pool:
        if proxy:
            parts = httpx.Proxy(proxy)
            target = httpcore.URL(
                scheme=parts.url.raw_scheme, host=parts.url.raw_host, port=parts.url.port, target=b"/"
            )
            return httpcore.HTTPProxy(target, proxy_auth=parts.raw_auth, ssl_context=self._tls)
        backend = PublicBackend() if guarded else None
        return httpcore.ConnectionPool(ssl_context=self._tls, network_backend=backend, keepalive_expiry=5.0)

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return httpx.create_ssl_context()


@contextmanager
def plain_failures() -> Iterator[None]:
    """Turn the library's errors into `Again` and `Final`."""
    try:
        yield
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.RemoteProtocolError, OSError) as error:
        raise Again(f"cannot be reached ({error or type(error).__name__})") from None
    except (httpcore.ProtocolError, httpcore.ProxyError, httpcore.UnsupportedProtocol) as error:
        raise Final(f"cannot be sent ({type(error).__name__})") from None


class _Stream(httpx.SyncByteStream):
    """The body of an answer as it arrives."""

    def __init__(self, answer: httpcore.Response) -> None:
        self.answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with plain_failures():
            yield from self.answer.iter_stream()

    def close(self) -> None:
        with plain_failures():
            self.answer.close()


def _cleaned(answer: httpcore.Response, hop: Hop, *, raw: bool) -> httpx.Response:
    """The answer as the cache may see it."""
    headers = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in answer.headers]
    headers = [(name, value) for name, value in headers if name not in _GONE]
    if "date" not in dict(headers):  # RFC 9110, 6.6.1; without it nothing would ever grow old
        headers.append(("date", email.utils.formatdate(usegmt=True)))
    location = dict(headers).get("location", "")
    secrets = hop.secrets()
    stream: httpx.SyncByteStream = _Stream(answer)
    if secrets and not raw:
        headers, stream = _without(secrets, headers=headers, stream=_Stream(answer), limit=hop.limit)
    headers = [(name, _replaced(value, secrets)) for name, value in headers]
    if location and (redact_url(location) != location or _replaced(location, secrets) != location):
        shown = _replaced(redact_url(location), secrets)
        kept = [(name, value) for name, value in headers if name not in ("location", "cache-control")]
        headers = [*kept, ("location", shown), ("cache-control", "no-store")]
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return httpx.Response(answer.status, headers=pairs, stream=stream, extensions={LOCATION: location})


def _without(
    secrets: list[str], *, headers: list[tuple[str, str]], stream: _Stream, limit: int
) -> tuple[list[tuple[str, str]], httpx.SyncByteStream]:
    """Headers and body with what the body echoes of the secrets replaced; a body without echo stays as it is."""
    named: Mapping[str, str] = dict(headers)
    try:
        check_length(named.get("content-length"), limit)
        raw = b"".join(capped(stream, limit=limit))
    finally:
        stream.close()
    body = b"".join(capped(decoded([raw], named.get("content-encoding")), limit=limit)) if raw else b""
    clean = body
    for secret in secrets:
        clean = clean.replace(secret.encode(), HIDDEN.encode())
    if clean == body:
        return headers, httpx.ByteStream(raw)
    kept = [(name, value) for name, value in headers if name not in _OF_ENCODING]
    return [*kept, ("content-length", str(len(clean)))], httpx.ByteStream(clean)


def _replaced(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def _proxy(scheme: str, host: str) -> str:
    """The proxy that the environment names for this host (``HTTPS_PROXY``, ``NO_PROXY``), or an empty string."""
    proxies = urllib.request.getproxies()
    found = proxies.get(scheme) or proxies.get("all") or ""
    if not found or urllib.request.proxy_bypass(host):
        return ""
    if not found.startswith(("http://", "https://")):
        raise Final(
            f"the proxy that the environment names for {scheme} is none of http or https; unset it to go without"
        )
    return found
