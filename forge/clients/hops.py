"""One request to one address, and the rules by which a redirect leads to the next.

Redirects are followed by hand: http and https only, ten at most, no address twice. What is secret stays with the origin
(scheme, host and port) that it was meant for. Pure functions.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

import httpx

from forge.clients.addresses import is_near
from forge.clients.failures import Final
from forge.secrets import is_secret_name, redact, redact_url, secrets_of
from forge.steps import HttpRequest

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST = 10
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One request as it goes over the wire.

    Attributes:
        url: with all its secrets. named: the host that the user's own address names; empty
            for one that was found.
        headers: without secrets; ``secret`` has the others, ``Authorization`` from the address included.
        may_be_private: whether a private address may be connected to.
        trail: the addresses that redirected here, with their methods.
        delay: seconds between two requests that robots.txt asks for.
    """

    url: str = field(repr=False)
    named: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    secret: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    robots: bool = False
    may_be_private: bool = False
    allow_private: bool = False
    limit: int = 0
    refresh: bool = False
    trail: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    delay: float = 0.0

    @property
    def shown(self) -> str:
        """The address without secrets, for messages and the cache."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        rest = urlunsplit(("", "", parts.path, parts.query, ""))
        return f"{parts.scheme}://{host}{redact(redact_url(rest))}"

    @property
    def host(self) -> str:
        """Host and port, the key of the rate limit."""
        _, host, port = origin(self.url)
        return f"{host}:{port}"

    @property
    def near(self) -> bool:
        """Whether the host is on this machine or network by its name alone."""
        return is_near(origin(self.url)[1])

    def secrets(self) -> list[str]:
        """Every literal that must not be written: longest first, in the forms that an answer may echo."""
        return secrets_of(self.url, self.secret.values())


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port, as the library reads them that connects: one reader leaves no room for a trick."""
    parts = httpx.URL(url)
    return parts.scheme, parts.host.lower(), parts.port or _PORTS[parts.scheme]


def checked(url: str) -> SplitResult:
    """The parts of an address that may be fetched.

    Raises:
        Final: it is not http(s), or no address at all.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS:
            raise Final("only http and https addresses are fetched")
        good = bool(parts.hostname) and (parts.port or 1) > 0 and bool(httpx.URL(url).host)
    except (ValueError, httpx.InvalidURL):
        raise Final("is no address: check its host and port") from None
    if not good or "\\" in url or any(letter.isspace() for letter in url):
        raise Final("is no address: it has no host, or a space or backslash")
    return parts


def first(request: HttpRequest, *, limit: int) -> Hop:
    """The first hop of a request, with secrets where they belong: out of ``headers`` and out of the address.

    Raises:
        Final: the address or a header cannot be sent.
    """
    parts = checked(request.url)
    if request.method not in ("GET", "POST"):
        raise Final(f"the method {request.method} is not sent: GET or POST")
    plain = {name: value for name, value in request.headers.items() if not is_secret_name(name)}
    secret = {name.lower(): value for name, value in request.headers.items() if is_secret_name(name)}
    secret |= {name.lower(): value for name, value in request.secret_headers.items()}
    if parts.username is not None and "authorization" not in secret:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        secret["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    for name, value in (*plain.items(), *secret.items()):
        _check_header(name, value)
    return Hop(
        url=urlunsplit(parts._replace(fragment="")),
        named="" if request.is_found else origin(request.url)[1],
        method=request.method,
        headers=plain,
        secret=secret,
        body=request.body,
        robots=request.robots,
        may_be_private=request.allow_private or not request.is_found,
        allow_private=request.allow_private,
        limit=limit,
        refresh=request.refresh,
    )


def _check_header(name: str, value: str) -> None:
    """Say what is wrong here: further down, the message would hold the value."""
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise Final(
            f"the header {name} cannot be sent: its value has a line break, a space at an end, or a character outside "
            "ASCII; check the environment variable or option that it comes from"
        )


def following(hop: Hop, status: int, location: str) -> Hop:
    """The hop that a redirect asks for.

    Raises:
        Final: another scheme, a loop, too many, or a body that would go to another host.
    """
    try:
        target = urljoin(hop.url, location)
    except ValueError:
        raise Final("redirects to what is no address") from None
    parts = urlsplit(target) if urlsplit(target).scheme not in _PORTS else checked(target)
    if parts.scheme not in _PORTS:
        raise Final(f"redirects to {redact_url(target)[:200]}, but only http and https addresses are fetched")
    target = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))
    trail = (*hop.trail, (hop.method, hop.url))
    method = "GET" if status == 303 or (status in (301, 302) and hop.method == "POST") else hop.method
    if (method, target) in trail:
        raise Final(f"redirects in a loop, back to {redact_url(target)}")
    if len(trail) > MOST:
        raise Final(f"redirects more than {MOST} times")
    stays = origin(target) == origin(hop.url)
    body = hop.body if method == hop.method else None
    if body is not None and not stays:
        raise Final(f"redirects a {method} with its body to {redact_url(target)}; give that address if it is meant")
    moved = replace(hop, url=target, method=method, body=body, trail=trail, delay=0.0)
    private = hop.allow_private or origin(target)[1] == hop.named
    return replace(moved, may_be_private=private, secret=hop.secret if stays else {})
