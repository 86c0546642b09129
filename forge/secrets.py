"""Keeping keys out of what is written: addresses, messages and logs without the secrets they came with.

Two things are taken for secrets: whatever an address carries in its user part or in a query parameter with a name like
``api_key`` or ``token``, and the values of environment variables with such names; in messages also what follows
``Authorization: Bearer`` and the like. All are replaced by `HIDDEN`. Messages, logs and addresses pass through here;
the text of a document never does.

An address costs a few microseconds, a line of a log some 50 (a look at each environment variable).
"""

import base64
import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN = "[hidden]"
SHORTEST = 8
"""Characters below which a value is no secret: ``1``, ``true`` and the like."""

_WHOLE = frozenset(("authorization", "proxy-authorization", "cookie", "set-cookie", "appid"))
_NAME = re.compile(
    r"(^|_)((api|app|auth|access|client|subscription)?_?key|secret|password|passwd|passphrase|pwd|credential|signature"
    r"|sig|auth|pat|jwt|bearer)s?(_?\d+)?$"
    r"|(^|_)[a-z]*token(_?\d+)?$"
    r"|(^|_)(secret|password|passwd)_"
)
# Names of the same shape that hold nothing secret: cursors of paged interfaces, keys of tables, names of files.
_NO_NAME = re.compile(
    r"(^|_)(page|next|prev|previous|continuation|cursor|sync|start)_?token$|(^|_)(sort|primary|foreign|partition|public"
    r"|order|group)_?key$|(^|_)(file|path|dir|url|uri|arn|id|name|type|policy)$"
)
_FOLDERS = frozenset(("PWD", "OLDPWD"))  # the shell's, and no passwords
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_USER = re.compile(r"(?<=://)[^/?#\s\"'<>\\]*@")
_PAIR = re.compile(r"([?&;#])([^=?&;#\s\"'<>\\]+)=([^&;#\s\"'<>\\]*)")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>\\]+", re.I)
_SCHEME = re.compile(r"\b(bearer|basic|token|digest)(\s+)([\w.~+/=-]{8,})", re.I)
_HEADER = re.compile(
    r"\b((?:proxy-)?authorization|(?:set-)?cookie|x-[a-z-]*(?:key|token|secret)|api[_-]?key)"
    r"(\\?[\"']?\s*[:=]\s*\\?[\"']?)((?:bearer|basic|token|digest)\s+)?(?=[^\s\"',;\\]*\d)([^\s\"',;\\]{12,})",
    re.I,
)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether a variable, header or query parameter of this name holds a secret: ``RAPIDAPI_KEY``, ``access_token``."""
    if name.lower() in _WHOLE:
        return True
    plain = re.sub(r"[^a-z0-9]+", "_", _CAMEL.sub("_", unquote(name)).lower()).strip("_")
    return bool(_NAME.search(plain)) and not _NO_NAME.search(plain)


def redact_url(url: str) -> str:
    """The address without user, password and key-like query values; all else of it, and other text, is unchanged."""
    if "@" in url:
        url = _USER.sub("", url)
    return _PAIR.sub(_hide_pair, url) if "=" in url else url


def redact(text: str, *, environment: Mapping[str, str] | None = None) -> str:
    """A message or a line of a log without secrets.

    Gone are the values of secret environment variables (``os.environ`` unless given), plain or as an address, JSON or a
    Basic authorization would carry them; secrets in addresses; and what follows ``Authorization: Bearer``.
    """
    for name, value in (os.environ if environment is None else environment).items():
        if len(value) >= SHORTEST and is_secret_name(name) and name not in _FOLDERS:
            for form in _forms(value.strip()):
                text = text.replace(form, HIDDEN)
    if "://" in text:
        text = _ADDRESS.sub(lambda match: redact_url(match[0]), text)
    text = _HEADER.sub(lambda match: f"{match[1]}{match[2]}{match[3] or ''}{HIDDEN}", text)
    return _SCHEME.sub(_hide_scheme, text)


def redact_facts(value: Any) -> Any:
    """`redact` for every string in lists and dictionaries: what an event says. Keys stay."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: redact_facts(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact_facts(item) for item in value]
    return value


def secrets_of(url: str, headers: Iterable[str] = (), *, shortest: int = SHORTEST) -> list[str]:
    """The literal secrets that a request sends, the longest first, in every form an answer may echo them.

    Args:
        url: with its secrets. headers: values of secret headers, with or without a scheme such as ``Bearer``.
        shortest: shorter values are left out: to hide ``1`` would be to spoil a body.
    """
    found = set()
    for value in headers:
        scheme, _, rest = value.partition(" ")
        found |= {value, rest if scheme.isalpha() else value}
    user = _USER.search(url)
    if user:
        found.add(unquote(user[0].removesuffix("@").partition(":")[2]) or unquote(user[0].removesuffix("@")))
    found |= {unquote_plus(pair[3]) for pair in _PAIR.finditer(url) if is_secret_name(pair[2])}
    forms = {form for value in found if len(value) >= shortest for form in _forms(value)}
    return sorted(forms, key=lambda form: (-len(form), form))


def _hide_pair(match: "re.Match[str]") -> str:
    return f"{match[1]}{match[2]}={HIDDEN}" if match[3] and is_secret_name(match[2]) else match[0]


def _hide_scheme(match: "re.Match[str]") -> str:
    """Only what looks like a key: words after ``token`` and ``basic`` are common in messages."""
    looks = any(letter.isdigit() for letter in match[3]) and len(match[3]) >= 12
    return f"{match[1]}{match[2]}{HIDDEN}" if looks else match[0]


@lru_cache(maxsize=256)
def _forms(value: str) -> tuple[str, ...]:
    """A secret as it is, percent-encoded, JSON-escaped, and inside the base64 of ``user:secret``; longest first."""
    forms = {value, quote(value, safe=""), quote(value), quote_plus(value), json.dumps(value)[1:-1]}
    forms |= {form for offset in range(3) for form in _inside_base64(value.encode(), offset)}
    return tuple(sorted((form for form in forms if len(form) >= SHORTEST), key=lambda form: (-len(form), form)))


def _inside_base64(value: bytes, offset: int) -> set[str]:
    """What base64 makes of ``value`` with ``offset`` (mod 3) bytes before it: the letters that it alone decides."""
    first, last = -(-offset * 8 // 6), (offset + len(value)) * 8 // 6
    return {
        encode(b"\0" * offset + value).decode()[first:last] for encode in (base64.b64encode, base64.urlsafe_b64encode)
    }
