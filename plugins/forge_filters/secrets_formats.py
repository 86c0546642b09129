"""How keys look: the formats that providers give theirs, keys in assignments, passwords in addresses.

`PREFILTER` (RE2) must miss nothing; the finders check. What documentation makes up (``sk-xxxx``,
``AKIAIOSFODNN7EXAMPLE``, ``YOUR_API_KEY``, ``abcdef123456``) is no secret: see `is_shown`. Some 20 microseconds a line.

Sources of the formats: each provider's documentation of its keys, and the rules of gitleaks and detect-secrets for the
same; entropy after detect-secrets' limits for base64 and hexadecimal text.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from math import log2

from forge.secrets import is_secret_name
from forge_filters.pii_redaction import Span

FORMATS: Mapping[str, str] = {
    "aws key": r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}",
    "github token": r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
    "gitlab token": r"gl(?:pat|dt|rt|cbt|ptt|ft|soat)-[A-Za-z0-9_-]{20,64}",
    "slack token": r"xox[abeoprs]-(?:[A-Za-z0-9]+-)*[A-Za-z0-9]{10,}|xapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+",
    "slack webhook": r"hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9+/]{40,60}",
    "discord webhook": r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,70}",
    "stripe key": r"(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{20,120}|whsec_[A-Za-z0-9+/]{32,64}",
    "anthropic key": r"sk-ant-[a-z0-9]+-[A-Za-z0-9_-]{80,120}",
    "openai key": r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,200}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}"
    r"|sk-[A-Za-z0-9]{48}",
    "google key": r"AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{30,200}",
    "huggingface token": r"hf_[A-Za-z]{34}",
    "npm token": r"npm_[A-Za-z0-9]{36}",
    "pypi token": r"pypi-AgE[A-Za-z0-9_-]{50,250}",
    "docker token": r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,32}",
    "sendgrid key": r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
    "mailgun key": r"key-[0-9a-f]{32}",
    "twilio key": r"SK[0-9a-f]{32}",
    "telegram token": r"\d{8,10}:AA[A-Za-z0-9_-]{33}",
    "shopify token": r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    "digitalocean token": r"do[opr]_v1_[0-9a-f]{64}",
    "square token": r"sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}",
    "databricks token": r"dapi[0-9a-f]{32}",
    "azure key": r"(?:AccountKey|SharedAccessKey)=[A-Za-z0-9+/]{42,86}={1,2}",
    "web token": r"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}",
}
"""By kind, for RE2 and ``re`` alike."""

ASSIGNED, PASSWORD, PRIVATE_KEY = "assigned secret", "password", "private key"
_NAMES = r"(?:key|secret|token|passw(?:or)?d|passwd|pwd|credential|auth|signature|bearer|passphrase)"
_NAMED = rf"(?i:{_NAMES})[A-Za-z0-9_-]{{0,30}}[\"'\]]{{0,2}}[ \t]{{0,8}}(?::=|=>|[:=])[ \t]{{0,8}}[\"'`]?"
_IN_ADDRESS = r"[a-z]://[^\s/@:\"'<>]{1,64}:[^\s/@\"'<>]{6,200}@[A-Za-z0-9\[]"
PREFILTER = "|".join(
    [
        r"(?:^|[^A-Za-z0-9_]|\\[nrt])(?:" + "|".join(FORMATS.values()) + ")",
        _NAMED + r"(?:Bearer |Basic )?[A-Za-z0-9_.+/~-]{16}",
        _IN_ADDRESS,
    ]
)
BLOCK = "-----BEGIN [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----"
KINDS = (PRIVATE_KEY, *FORMATS, PASSWORD, ASSIGNED)

_PRIVATE = re.compile(BLOCK + r"([\s\S]{0,20000}?)(?:-----END [A-Z0-9 ]{0,24}PRIVATE KEY(?: BLOCK)?-----|\Z)")
_ANY = re.compile(
    r"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))(?:"
    + "|".join(f"({pattern})" for pattern in FORMATS.values())
    + r")(?![A-Za-z0-9_])"
)
_FORMAT_NAMES = tuple(FORMATS)
_ASSIGNMENT = re.compile(
    r"(?<![A-Za-z0-9_])([A-Za-z0-9_.-]{2,64})[\"'\]]{0,2}[ \t]{0,8}(?::=|=>|[:=])[ \t]{0,8}"
    r"([\"'`]?)(?:Bearer |Basic )?([A-Za-z0-9_.+/~=-]{16,512})(?![A-Za-z0-9_({\[<$%*])"
)
_USER_PASSWORD = re.compile(r"[a-z]://[^\s/@:\"'<>]{1,64}:([^\s/@\"'<>]{6,200})@[A-Za-z0-9\[]")
_SHOWN = re.compile(
    r"example|your|x{4}|\*{3}|\.{3}|change.?me|dummy|fake|sample|placeholder|redacted|hidden|insert|replace|secret.?key"
    r"|password|passwd|my.?(?:secret|token|key)|(?:^|[_.-])(?:foo|bar|test|demo|todo|none|null)(?:[_.-]|$)"
    r"|(.)\1{4}|012345|123456|234567|345678|987654|abcdef|qwerty|deadbeef|lorem|hunter2|s3cr3t|p[a4@]ssw[o0]rd",
    re.I,
)
_MADE_FOR_TESTS = re.compile(r"^[a-z]{2}_test_")
"""A key for a provider's test mode is a key; that it says so makes it none that was made up."""
_HEX = re.compile(r"[0-9a-fA-F]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_NO_SECRET = re.compile(
    r"public|sha\d|integrity|checksum|digest|fingerprint|commit|revision|hash|signature|^key$"
    r"|(?:licen[cs]e|spdx|idempotency|incident|analytics|dedup|object|s3|cache|row|data|event|routing|issue|project)_?key$",
    re.I,
)
MIN_BITS, MIN_HEX_BITS = 3.7, 3.0
"""Bits a character, from a value's own letters, from which it looks drawn at random."""
_BASE64 = re.compile(r"[A-Za-z0-9+/=]{40,}")


def is_shown(value: str) -> bool:
    """Whether the value was made up to be shown: words, runs of one letter, sequences."""
    return _SHOWN.search(value) is not None or len(set(value)) < 6


def bits(value: str) -> float:
    """Shannon's entropy of the letters of ``value``, bits a letter."""
    counts = Counter(value).values()
    return -sum(count / len(value) * log2(count / len(value)) for count in counts)


def looks_random(value: str) -> bool:
    """Whether a value was drawn rather than written: letters and digits mixed, of high entropy, no path and no name."""
    if is_shown(value) or _UUID.fullmatch(value):
        return False
    digits = sum(letter.isdigit() for letter in value)
    if digits < 2 or digits == len(value) or value.count("/") > 3 or value.count(".") > 2:
        return False
    if _HEX.fullmatch(value):
        return len(value) >= 24 and bits(value) >= MIN_HEX_BITS
    mixed = value != value.lower() and value != value.upper()
    readable = sum(len(word) for word in re.findall(r"[A-Z]?[a-z]{5,}|[A-Z]{5,}", value))
    return bits(value) >= MIN_BITS and readable < len(value) / 2 and (mixed or len(value) >= 24)


def find_in_line(line: str) -> Iterator[Span]:
    """Keys of known formats, passwords in addresses, then values of high entropy assigned to a secret's name."""
    for match in _ANY.finditer(line):
        kind = _FORMAT_NAMES[(match.lastindex or 1) - 1]
        if not is_shown(_MADE_FOR_TESTS.sub("", match[0].partition("=")[2] or match[0])):
            yield Span(match.start(), match.end(), kind, match[0])
    for match in _USER_PASSWORD.finditer(line):
        if not is_shown(match[1]) and not re.search(r"[${}()\[\]%|]|pass|user|pwd", match[1]) and _mixed(match[1]):
            yield Span(match.start(1), match.end(1), PASSWORD, match[1])
    for match in _ASSIGNMENT.finditer(line):
        name, value = match[1].rpartition(".")[2], match[3]
        is_named = is_secret_name(name) and not _NO_SECRET.search(name)
        if is_named and looks_random(value) and (match[2] or not _is_name(value)):
            yield Span(match.start(3), match.end(3), ASSIGNED, value)


def _is_name(value: str) -> bool:
    """Whether an unquoted value may be a variable or a class: ``Ed25519PrivateKey``, ``module.Client2``."""
    is_word = re.fullmatch(r"[A-Za-z_][\w.]*", value) is not None
    return is_word and ("." in value or len(re.findall(r"\d+", value)) < 2)


def _mixed(value: str) -> bool:
    return any(letter.isdigit() for letter in value) and any(letter.isalpha() for letter in value)


def find_blocks(text: str) -> Iterator[Span]:
    """Private keys in PEM, whole or cut off, with real line ends or written ones; none whose body is only dots."""
    for match in _PRIVATE.finditer(text):
        body = re.sub(r"\\[nr]|\s|[\"'+,\\]", "", match[1])
        piece = _BASE64.search(body)
        if piece and not is_shown(piece[0][:64]) and bits(piece[0]) > MIN_BITS:
            end = match.end() if match[0].endswith("-----") else match.start() + _cut(match[0])
            yield Span(match.start(), end, PRIVATE_KEY, body)


def _cut(text: str) -> int:
    """Where the base64 of a key without an end stops: after the last line that is nothing else."""
    lines = text.split("\n")
    length = len(lines[0])
    for line in lines[1:]:
        if not re.fullmatch(r"[\s\"'#*/+]*[A-Za-z0-9+/=]{16,}[\s\"'+\\n,]*|[A-Za-z-]+: .*|\s*", line):
            break
        length += len(line) + 1
    return length
