"""robots.txt: whether an address may be crawled, and how fast (RFC 9309, with the Crawl-delay extension).

One file a host, kept for a day in the cache folder and parsed once a process (protego). No robots.txt (4xx) allows
everything; one that cannot be had (5xx, no answer) forbids everything, for five minutes and then it is tried again.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from forge.clients.failures import Final
from forge.clients.hops import Hop, origin
from forge.errors import FetchError
from forge.files import write_bytes
from forge.steps import HttpResponse

if TYPE_CHECKING:
    from protego import Protego

AGENT = "hephaestus-forge"
DAY = 86_400.0
_UNREACHABLE_SECONDS = 300.0
_MOST_BYTES = 512_000  # RFC 9309 asks for 500 KiB at least


@dataclass(slots=True)
class Rules:
    """The parsed file of one host; ``refusal`` is why nothing may be fetched."""

    text: str
    until: float
    refusal: str = ""
    parsed: "Protego | None" = None


@dataclass(slots=True)
class Robots:
    """The rules of all hosts.

    Attributes:
        folder: where the files are kept.
        fetch: asks for an address, the way the hop at hand may be asked for.
    """

    folder: Path
    fetch: Callable[[str, Hop], HttpResponse]
    known: dict[str, Rules] = field(default_factory=dict)

    def delay(self, hop: Hop) -> float:
        """Seconds that the host asks to leave between two requests.

        Raises:
            Final: robots.txt forbids the address, or cannot be had.
        """
        rules = self._rules(hop)
        if rules.refusal:
            raise Final(rules.refusal)
        if rules.parsed is None:
            return 0.0
        if not rules.parsed.can_fetch(hop.url, AGENT):
            raise Final(
                f"robots.txt of {hop.host} forbids it ({_rule(rules.text, hop.url)}); leave it out of the recipe, "
                "or ask the site for a copy"
            )
        rate = rules.parsed.request_rate(AGENT)
        return max(rules.parsed.crawl_delay(AGENT) or 0.0, rate.seconds / rate.requests if rate else 0.0)

    def _rules(self, hop: Hop) -> Rules:
        parts = urlsplit(hop.url)
        scheme, host, port = origin(hop.url)
        site = f"{scheme}://{parts.netloc.rpartition('@')[2] or f'{host}:{port}'}"
        rules = self.known.get(site)
        if rules is None or rules.until < time.time():
            rules = self.known[site] = self._kept(site) or self._fetched(site, hop)
        return rules

    def _kept(self, site: str) -> Rules | None:
        path = self._path(site)
        if not path.is_file() or path.stat().st_mtime + DAY < time.time():
            return None
        return _parse(path.read_bytes(), until=path.stat().st_mtime + DAY)

    def _fetched(self, site: str, hop: Hop) -> Rules:
        try:
            answer = self.fetch(f"{site}/robots.txt", hop)
        except FetchError as error:
            reason = f"its robots.txt cannot be had, so nothing of the host is fetched ({error.message})"
            return Rules(text="", until=time.time() + _UNREACHABLE_SECONDS, refusal=reason)
        body = answer.body[:_MOST_BYTES] if answer.status < 400 else b""
        write_bytes(self._path(site), body)
        return _parse(body, until=time.time() + DAY)

    def _path(self, site: str) -> Path:
        return self.folder / f"{hashlib.sha256(site.encode()).hexdigest()[:24]}.txt"


def _parse(body: bytes, *, until: float) -> Rules:
    from protego import Protego

    text = body.decode("utf-8", errors="replace").removeprefix("\ufeff")
    return Rules(text=text, until=until, parsed=Protego.parse(text))


def _rule(text: str, url: str) -> str:
    """The longest ``Disallow`` that matches the address: what the refusal rests on (RFC 9309, 2.2.2)."""
    from protego import Protego

    def forbids(line: str) -> bool:
        alone: Any = Protego.parse(f"User-agent: *\n{line}")
        return not alone.can_fetch(url, AGENT)

    lines = {line.partition("#")[0].strip() for line in text.splitlines()}
    rules = sorted((line for line in lines if line.lower().startswith("disallow") and forbids(line)), key=len)
    return rules[-1][:200] if rules else "Disallow"
