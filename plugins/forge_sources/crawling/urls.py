"""Addresses as a crawler sees them: one spelling for one page, and which of them it may ask for.

Spelling follows RFC 3986, section 6.2 (case, default ports, dot segments, percent-encoding), and leaves out what names
no page: fragments, tracking parameters, ``index.html``. Pure text work, some 10 microseconds an address.
"""

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote_to_bytes, urlencode, urljoin, urlsplit, urlunsplit

from forge_sources.packages.text import matcher

SCHEMES = ("http", "https")
LONGEST = 2_000
DEEPEST = 24
_PORTS = {"http": 80, "https": 443}
_TRACKING = re.compile(r"utm_\w+|(g|fb|d)clid|msclkid|mc_[ce]id|_ga|_gl|igshid|yclid|ref_src|spm|cmpid", re.IGNORECASE)
_INDEX = re.compile(r"/(index|default)\.(html?|php|aspx?)$", re.IGNORECASE)
_UNRESERVED = "-._~!$&'()*+,;=:@/"
_NO_PAGE = re.compile(
    r"\.(png|jpe?g|gif|svg|webp|ico|bmp|tiff?|pdf|ps|epub|mobi|zip|gz|tgz|bz2|xz|zst|7z|rar|tar|whl|deb|rpm|exe|msi|dmg"
    r"|jar|iso|mp[34]|m4a|ogg|wav|webm|avi|mov|css|js|mjs|map|json|ya?ml|toml|csv|tsv|xml|rss|atom|woff2?|ttf|eot|otf"
    r"|py|ipynb|rst|md|txt|c|h|cpp|rs|go|java|docx?|xlsx?|pptx?|inv|parquet|sqlite)$",
    re.IGNORECASE,
)


def canonical(url: str, base: str = "") -> str | None:
    """The one spelling of an http(s) address, resolved against ``base``; None for any other scheme or no address.

    A trailing slash is kept as it is, since servers tell the two apart; user and password are dropped.
    """
    try:
        parts = urlsplit(urljoin(base, url.strip()) if base else url.strip())
        port, host = parts.port, (parts.hostname or "").rstrip(".")
        host = host.encode("idna").decode() if not host.isascii() else host
    except (ValueError, UnicodeError):
        return None
    scheme = parts.scheme.lower()
    if scheme not in SCHEMES or not host or any(char.isspace() or char < " " for char in host):
        return None
    if ":" in host:
        host = f"[{host}]"
    netloc = host if port is None or port == _PORTS[scheme] else f"{host}:{port}"
    path = _INDEX.sub("/", _without_dots(_encoded(parts.path)) or "/")
    pairs = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if not _TRACKING.fullmatch(pair[0])]
    return urlunsplit((scheme, netloc, path, urlencode(sorted(pairs)), ""))


def _encoded(path: str) -> str:
    """Percent-encoding in one form: what needs none has none, the rest in capitals."""
    if "%" in path:
        return "/".join(quote(unquote_to_bytes(part), safe=_UNRESERVED[:-1]) for part in path.split("/"))
    return path if path.isascii() and path.isalnum() else quote(path, safe=_UNRESERVED)


def _without_dots(path: str) -> str:
    if "/." not in path:
        return path
    out: list[str] = []
    parts = path.split("/")
    for part in parts:
        if part == "..":
            del out[max(1, len(out) - 1) :]
        elif part != ".":
            out.append(part)
    return "/".join([*out, ""] if parts[-1] in (".", "..") else out)


def host_of(url: str) -> str:
    """Host with its port, as addresses spell it."""
    return urlsplit(url).netloc


def is_private(url: str) -> bool:
    """Whether the address itself names a machine that is not public: a private or loopback number, ``localhost``."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host.isdecimal() or host.startswith("0x")  # other spellings of an IPv4 number


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which addresses belong to a crawl.

    Attributes:
        prefixes: beginnings of addresses that are taken: of each start its host and folder.
        hosts: further hosts, whole.
        include, exclude: says of an address's path whether it is taken, or left out. A start is taken in any case.
        allow_private: private addresses besides the starts' own hosts.
    """

    prefixes: tuple[str, ...]
    hosts: frozenset[str]
    include: Callable[[str], bool]
    exclude: Callable[[str], bool]
    allow_private: bool

    def refusal(self, url: str) -> str:
        """Why a canonical address is not asked for, in a word for the counts; empty if it is."""
        own = url.startswith(self.prefixes)
        if not own and host_of(url) not in self.hosts:
            return "outside"
        if not own and not self.allow_private and is_private(url):
            return "private"
        path = urlsplit(url).path
        if _NO_PAGE.search(path):
            return "no_page"
        parts = path.strip("/").split("/")
        if len(url) > LONGEST or len(parts) > DEEPEST or _repeats(parts):
            return "trap"
        inner = path.lstrip("/")
        return "pattern" if self.exclude(inner) or not self.include(inner) else ""


def scope_of(
    starts: Sequence[str], *, hosts: Sequence[str], include: Sequence[str], exclude: Sequence[str], allow_private: bool
) -> Scope:
    """The scope of a crawl from canonical ``starts``: their hosts below their folders, and all of ``hosts``."""
    return Scope(
        prefixes=tuple(dict.fromkeys(folder_of(start) for start in starts)),
        hosts=frozenset(host.lower() for host in hosts),
        include=matcher(include) if include else lambda _path: True,
        exclude=matcher(exclude),
        allow_private=allow_private,
    )


def folder_of(url: str) -> str:
    """The address up to its last slash: ``https://h/docs/`` for ``https://h/docs/intro``."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rpartition("/")[0] + "/", "", ""))


def _repeats(parts: Sequence[str]) -> bool:
    """Whether a part of the path comes three times: relative links that lead ever deeper."""
    return any(part and parts.count(part) >= 4 for part in set(parts)) if len(parts) >= 6 else False
