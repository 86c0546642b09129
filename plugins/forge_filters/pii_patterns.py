"""Where a line of text may hold an e-mail address, an IP address, a telephone, card or account number.

Two sets of patterns: broad ones for RE2 (`PREFILTERS`), which only have to miss nothing, and those for Python's ``re``,
whose finds are checked (`forge_filters.pii_numbers`). Every pattern of the second set begins at the start of a run, so
that a line of a million letters takes a second and no day. Some 20 microseconds for a usual line.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from forge_filters.pii_numbers import iban_length, is_card, is_iban, is_own_address, is_phone, words
from forge_filters.pii_redaction import Finder, Span

PREFILTERS: Mapping[str, str] = {
    "email": r"[A-Za-z0-9_+-]@[A-Za-z0-9-]+\.[A-Za-z]",
    "ip": r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[23][0-9A-Fa-f]{3}:[0-9A-Fa-f]{0,4}:",
    "phone": r"\+[0-9][0-9 ().-]{6}|[2-9][0-9]{2}(?:\) ?|[-.])[2-9][0-9]{2}[-.][0-9]{4}",
    "card": r"[2-6][0-9]{3}(?:[ -]?[0-9]){9}",
    "iban": r"[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2}",
}
"""By kind, in the order in which they are told."""

_EMAIL = re.compile(
    r"(?:(?<![A-Za-z0-9._%+\\-])|(?<=\\[nrt])|(?<=\\u[0-9A-Fa-f]{4}))[A-Za-z0-9_][A-Za-z0-9._%+-]{0,63}@"
    r"((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}([A-Za-z]{2,18}))(?![A-Za-z0-9@_(\[-]|\.[A-Za-z0-9_])"
)
_ENDINGS = (
    "com org net edu gov mil int info biz name pro aero coop museum jobs mobi travel cat asia tel post arpa dev app xyz"
    " cloud online site tech store blog email page world group team network systems solutions software digital agency"
    " media company consulting foundation space live life today news wiki zone academy center expert social studio"
    " design art bio club shop top win science engineering technology university berlin london paris amsterdam wien"
    " hamburg koeln bayern ruhr swiss scot wales bzh eus gal quebec nyc moscow tokyo google security bank church"
    " ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd"
    " cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gb gd"
    " ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg"
    " kh ki km kn kp kr kw ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv"
    " mw mx my mz na nc ne nf ng ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa"
    " sb sc sd se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug"
    " uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
"""Top-level domains that e-mail addresses have; without them matrix products and file names pass for addresses."""
_SHOWN_DOMAIN = re.compile(
    r"(?:^|\.)(?:[a-z0-9-]*example[a-z0-9-]*|your-?\w*|my-?(?:domain|company|org|site|email|host)|some-?\w*|domain"
    r"|company|foo|bar|baz|foobar|acme|contoso|fabrikam|test|tests|localhost|email|host|hostname|mydomain|abc|xyz|xxx+"
    r"|users\.noreply\.github)\."
)
_SHOWN_USER = re.compile(
    r"(?:user|test|example|sample|demo|username)[\w.-]{0,8}|your?[._-]?(?:name|email|mail)?|someone|j(?:ohn|ane|oe)[._-]?doe"
    r"|no-?reply|donotreply|git|svn|hg|foo|bar|nobody|some-?user|first(?:name)?\.last(?:name)?"
)
_PHONE = re.compile(
    r"(?:(?<![\w+./=-])|(?<=\\[nrt]))\+(\d(?:[ .-]?\(?\d+\)?){1,8})(?![\w-]|\.\d)"
    r"|(?:(?<![\w+./=-])|(?<=\\[nrt]))"
    r"((?:1[-. ])?(?:\([2-9]\d\d\) ?[2-9]\d\d[-.]\d{4}|[2-9]\d\d([-.])[2-9]\d\d\3\d{4}))(?![\w-]|\.\d)"
)
_CARD = re.compile(
    r"(?:(?<![\w.+-])|(?<=\\[nrt]))"
    r"(?:\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|3[47]\d\d([ -])\d{6}\2\d{5}|([2-6]\d{12,18}))(?![\w-]|\.\d)"
)
_CARD_WORD = re.compile(r"card|credit|visa|master|amex|american express|\bpan\b|payment|\bcc\b|debit", re.I)
_IBAN = re.compile(r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))[A-Z]{2}\d\d(?: ?[A-Z0-9]){11,32}")
_IPV4 = re.compile(
    r"(?:(?<![\w.-])|(?<=\\[nrt]))"
    r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)){3}(?![\w-]|\.\d)"
)
_IPV6 = re.compile(r"(?:(?<![\w:.])|(?<=\\[nrt]))[23][0-9A-Fa-f]{3}(?::[0-9A-Fa-f]{0,4}){2,7}(?![\w:])")
_VERSION_BEFORE = re.compile(
    r"(?:versions?|release[sd]?|(?<![a-z])(?:ver|rev)|update[sd]?|sections?|chapter|appendix|identifier|oid"
    r"|rfc ?\d+|nmu|\bv|§|[<>=~!]=|[<>]\s)[\s:=\"',(]*$",
    re.I,
)
_ADDRESS_WORD = re.compile(r"\bip|addr|host|server|dns|\bping\b|inet|gateway|proxy|://|subnet|route|connect|peer", re.I)
_NETWORK = re.compile(r"/(?:[12]?\d|3[01]|[4-9]\d|1[01]\d|12[0-7])(?!\d)")
MOST_COUNTED = 100
SMALL, SMALL_FIRST = 32, 16
"""Octets below `SMALL`, or a first one below `SMALL_FIRST`, are a version's or section's unless the line says more."""


def find_emails(line: str) -> Iterator[Span]:
    """E-mail addresses, but for documentation's own and for those of remote logins."""
    for match in _EMAIL.finditer(line):
        user = match[0].partition("@")[0].lower()
        domain = match[1].lower()
        shown = _SHOWN_USER.fullmatch(user) is not None or _SHOWN_DOMAIN.search(domain) is not None
        shown = shown or line.endswith("://", 0, match.start()) or (len(user) == 1 and domain[1:] == ".com")  # a@b.com
        if match[2].lower() in words(_ENDINGS) and not shown and ".." not in user and not user.endswith("."):
            yield Span(match.start(), match.end(), "email", match[0].lower())


def find_addresses(line: str) -> Iterator[Span]:
    """IP addresses that a machine on the internet may have; a version of four small numbers is none."""
    for match in _IPV4.finditer(line):
        if is_own_address(match[0]) and not (_is_version(line, match) or _is_network(line, match)):
            yield Span(match.start(), match.end(), "ip", match[0])
    for match in _IPV6.finditer(line):
        if is_own_address(match[0]) and not _is_network(line, match):
            yield Span(match.start(), match.end(), "ip", match[0].lower())


def _is_version(line: str, match: "re.Match[str]") -> bool:
    if _VERSION_BEFORE.search(line, max(0, match.start() - 24), match.start()):
        return True
    parts = [int(part) for part in match[0].split(".")]
    small = max(parts) < SMALL or parts[0] < SMALL_FIRST
    return small and not _ADDRESS_WORD.search(line[max(0, match.start() - 80) : match.end() + 40])


def _is_network(line: str, match: "re.Match[str]") -> bool:
    """A range of addresses, ``45.10.0.0/16`` or one that ends in zero, is no machine's."""
    return match[0].endswith(".0") or _NETWORK.match(line, match.end()) is not None


def find_phones(line: str) -> Iterator[Span]:
    """Telephone numbers after a plus, or written as North Americans write them."""
    for match in _PHONE.finditer(line):
        digits = re.sub(r"\D", "", match[0])
        if len(digits) >= 9 and is_phone(digits, international=match[1] is not None):
            yield Span(match.start(), match.end(), "phone", digits)


def find_cards(line: str) -> Iterator[Span]:
    """Card numbers in groups; without groups only in a line that speaks of cards: one in ten numbers passes Luhn."""
    for match in _CARD.finditer(line):
        digits = re.sub(r"\D", "", match[0])
        near = line[max(0, match.start() - 80) : match.end() + 40]
        if is_card(digits) and not _is_counting(match[0]) and (match[3] is None or _CARD_WORD.search(near)):
            yield Span(match.start(), match.end(), "card", digits)


def _is_counting(text: str) -> bool:
    """Whether the groups are numbers in a row, as in tables and printed arrays: ``2700 2701 2702 2703``."""
    groups = [int(group) for group in re.findall(r"\d+", text)]
    steps = {after - before for before, after in pairwise(groups)}
    return len(steps) == 1 and abs(steps.pop()) <= MOST_COUNTED


def find_ibans(line: str) -> Iterator[Span]:
    """Account numbers with their country's length and right check digits."""
    for match in _IBAN.finditer(line):
        length = iban_length(match[0][:2])
        end = match.start()
        letters = 0
        while letters < length and end < match.end():
            letters += line[end] != " "
            end += 1
        whole = letters == length and not (end < len(line) and line[end].isalnum() and line[end].isascii())
        value = line[match.start() : end].replace(" ", "")
        if whole and is_iban(value):
            yield Span(match.start(), end, "iban", value)


FINDERS: Mapping[str, Finder] = {
    "email": find_emails,
    "iban": find_ibans,
    "card": find_cards,
    "ip": find_addresses,
    "phone": find_phones,
}
"""By kind; of two finds that overlap the first named counts."""
