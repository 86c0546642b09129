"""Texts made for a field: by its format, else by what its name says. Microseconds each; same picks, same text."""

import base64
from collections.abc import Callable, Mapping
from functools import lru_cache

from forge_trajectories.execution import vocabulary as words_of
from forge_trajectories.picking import Picks
from forge_trajectories.plain_text import words

Maker = Callable[[Picks], str]
EPOCH = 1_735_689_600
"""2025-01-01T00:00:00Z; moments lie within two years after it."""
_HEX = "0123456789abcdef"
_SOON = 2 * 365 * 86_400


def by_format(form: str, picks: Picks) -> str | None:
    """A text of the format; None for one that says nothing."""
    maker = _FORMATS.get(form) or _FORMATS.get(form.lower())
    return maker(picks) if maker is not None else None


@lru_cache(maxsize=4096)
def has_form(name: str) -> bool:
    """Whether a text of this name has a form of its own, so that no words will do: a hash, a place, a certificate."""
    parts = words(name.lower())
    return bool(parts) and (
        parts[-1] in _FORMED_LAST or "".join(parts) in _FORMED or "".join(parts[-2:]) in _FORMED_LAST
    )


@lru_cache(maxsize=4096)
def is_document(name: str) -> bool:
    """Whether a text of this name is a document of many lines that nobody says: a certificate, a private key."""
    parts = [part.lower() for part in words(name)]
    return bool(parts) and (parts[-1] in _DOCUMENTS or "".join(parts[-2:]) in _DOCUMENTS)


def armored(picks: Picks) -> str:
    """Such a document in the form of RFC 7468: lines of Base64 between two that say what it is."""
    lines = [base64.b64encode(hexadecimal(picks, 48).encode()).decode() for _ in range(2)]
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----"])


def by_name(name: str, picks: Picks) -> str:
    """A text that suits a field of this name."""
    parts = [part.lower() for part in words(name)]
    if (special := _special(parts)) is not None:
        return special(picks)
    for key in ("".join(parts[-2:]), *parts[-1:], "".join(parts)):
        found = _lookup(key, picks)
        if found is not None:
            return found
    if parts and parts[-1] in _IDS:
        return identifier(parts[:-1], picks)
    if parts and parts[-1] in ("name", "names"):
        return _named(parts[:-1], picks)
    for part in parts:
        if part in _STRONG:
            return _MAKERS[part](picks)
    return slug(picks)


def _special(parts: list[str]) -> Maker | None:
    """For a name of which not its last word tells, but all of it: ``nextLogin`` is no user, ``timeInDays`` no day."""
    if len(parts) < 2:
        return _ALONE.get("".join(parts))
    if parts[0] == "percent":
        return _MAKERS["percent"]
    if parts[0] == "num" or parts[:2] == ["number", "of"]:
        return _MAKERS["count"]
    if parts[-1] == "login" and not _WHEN.isdisjoint(parts):
        return moment
    return _DAYS if parts[-1] in _SPANS and "in" in parts else None


def _lookup(key: str, picks: Picks) -> str | None:
    for spelled in (key, key.removesuffix("s")):
        if spelled in _MAKERS:
            return _MAKERS[spelled](picks)
        if spelled in words_of.CHOICES:
            return picks.one(words_of.CHOICES[spelled])
    return None


def slug(picks: Picks) -> str:
    """``quiet-harbor``."""
    return f"{picks.one(words_of.ADJECTIVES)}-{picks.one(words_of.NOUNS)}"


def identifier(owner: list[str], picks: Picks) -> str:
    """An id in one of the shapes that servers give: ``ord_5f1c09ae``, ``48213``, a UUID."""
    prefix = owner[-1][:3] if owner and owner[-1].isalpha() else picks.one(words_of.NOUNS)[:3]
    shape = picks.below(4)
    if shape == 0:
        return f"{prefix}_{hexadecimal(picks, 10)}"
    if shape == 1:
        return f"{prefix.upper()}-{10_000 + picks.below(90_000)}"
    if shape == 2:
        return str(100_000 + picks.below(900_000))
    return uuid(picks)


def hexadecimal(picks: Picks, length: int) -> str:
    """``length`` hexadecimal digits."""
    return "".join(_HEX[picks.below(16)] for _ in range(length))


def uuid(picks: Picks) -> str:
    """A UUID of version 4."""
    raw = hexadecimal(picks, 30)
    return f"{raw[:8]}-{raw[8:12]}-4{raw[12:15]}-{'89ab'[picks.below(4)]}{raw[15:18]}-{raw[18:30]}"


def moment(picks: Picks) -> str:
    """A date and time, RFC 3339, UTC."""
    return f"{date(picks)}T{picks.below(24):02d}:{15 * picks.below(4):02d}:00Z"


def date(picks: Picks) -> str:
    """A date, ISO 8601."""
    return f"{2025 + picks.below(2)}-{1 + picks.below(12):02d}-{1 + picks.below(28):02d}"


def epoch(picks: Picks) -> int:
    """Seconds since 1970, whole quarters of an hour."""
    return EPOCH + picks.below(_SOON) // 900 * 900


def person(picks: Picks) -> str:
    """First and last name."""
    return f"{picks.one(words_of.FIRST_NAMES)} {picks.one(words_of.LAST_NAMES)}"


def email(picks: Picks) -> str:
    """An address under a domain that is reserved for examples."""
    first, last = picks.one(words_of.FIRST_NAMES), picks.one(words_of.LAST_NAMES)
    return f"{first}.{last}@{picks.one(words_of.DOMAINS[:3])}".lower()


def url(picks: Picks) -> str:
    """An address under a domain that is reserved for examples."""
    return f"https://{picks.one(words_of.DOMAINS)}/{slug(picks)}"


def _named(owner: list[str], picks: Picks) -> str:
    whose = owner[-1] if owner else ""
    if whose in ("user", "customer", "contact", "full", "employee", "author", "person", "recipient", "sender"):
        return person(picks)
    if whose in ("file",):
        return picks.one(words_of.FILES)
    if whose in ("display",):
        return slug(picks).replace("-", " ").capitalize()
    return slug(picks)


def _phone(picks: Picks) -> str:
    return f"+1555{1_000_000 + picks.below(9_000_000)}"


def _username(picks: Picks) -> str:
    return f"{picks.one(words_of.FIRST_NAMES)}_{picks.one(words_of.LAST_NAMES)}".lower()


def _ipv4(picks: Picks) -> str:
    return f"10.{picks.below(256)}.{picks.below(256)}.{1 + picks.below(254)}"


def _address(picks: Picks) -> str:
    return f"{1 + picks.below(180)} {picks.one(words_of.STREETS)}"


def _clock(picks: Picks) -> str:
    return f"{picks.below(24):02d}:{15 * picks.below(4):02d}"


def _version(picks: Picks) -> str:
    return f"{1 + picks.below(4)}.{picks.below(10)}.{picks.below(10)}"


def _base64(picks: Picks) -> str:
    return base64.b64encode(f"{slug(picks)} {hexadecimal(picks, 4)}".encode()).decode()


def _number(picks: Picks) -> str:
    return str(1_000 + picks.below(9_000))


def _decimal(picks: Picks) -> str:
    return f"{5 + picks.below(495)}.{picks.below(100):02d}"


def _token(picks: Picks) -> str:
    return f"tok_{hexadecimal(picks, 16)}"


def _point(picks: Picks) -> str:
    """Latitude and longitude."""
    return f"{_MAKERS['latitude'](picks)},{_MAKERS['longitude'](picks)}"


def _raw_transaction(picks: Picks) -> str:
    return f"0200000001{hexadecimal(picks, 110)}"


def _hex_of(length: int) -> Maker:
    return lambda picks: hexadecimal(picks, length)


def _whole(low: int, count: int) -> Maker:
    """A multiple of ``low``, up to ``count`` times it, in figures."""
    return lambda picks: str(low * (1 + picks.below(count)))


def _duration(picks: Picks) -> str:
    return picks.one(("PT15M", "PT30M", "PT1H", "PT2H", "P1D", "P7D"))


def _http_date(picks: Picks) -> str:
    days = ("Wed", "Thu", "Fri", "Sat", "Sun", "Mon", "Tue")
    day = 1 + picks.below(28)  # January 2025 began on a Wednesday
    return f"{days[(day - 1) % 7]}, {day:02d} Jan 2025 {picks.below(24):02d}:00:00 GMT"


_MAKERS: Mapping[str, Maker] = {
    "email": email,
    "mail": email,
    "phone": _phone,
    "telephone": _phone,
    "mobile": _phone,
    "phonenumber": _phone,
    "fax": _phone,
    "username": _username,
    "login": _username,
    "fullname": person,
    "author": person,
    "assignee": person,
    "customer": person,
    "contact": person,
    "recipient": email,
    "url": url,
    "uri": url,
    "link": url,
    "href": url,
    "website": url,
    "webhook": url,
    "callback": url,
    "ip": _ipv4,
    "ipaddress": _ipv4,
    "cidr": lambda picks: f"10.{picks.below(256)}.0.0/16",
    "address": _address,
    "street": _address,
    "zip": lambda picks: str(10_000 + picks.below(89_999)),
    "zipcode": lambda picks: str(10_000 + picks.below(89_999)),
    "postalcode": lambda picks: str(10_000 + picks.below(89_999)),
    "postcode": lambda picks: str(10_000 + picks.below(89_999)),
    "date": date,
    "birthday": lambda picks: f"{1960 + picks.below(45)}-{1 + picks.below(12):02d}-{1 + picks.below(28):02d}",
    "fromdate": date,
    "todate": date,
    "since": date,
    "until": date,
    "month": lambda picks: f"{2025 + picks.below(2)}-{1 + picks.below(12):02d}",
    "year": lambda picks: str(2023 + picks.below(4)),
    "at": moment,
    "datetime": moment,
    "timestamp": moment,
    "created": moment,
    "updated": moment,
    "createtime": moment,
    "updatetime": moment,
    "starttime": moment,
    "endtime": moment,
    "time": _clock,
    "version": _version,
    "apiversion": date,
    "sha": lambda picks: hexadecimal(picks, 40),
    "hash": _hex_of(40),
    "checksum": _hex_of(64),
    "thumbprint": lambda picks: hexadecimal(picks, 40).upper(),
    "fingerprint": _hex_of(64),
    "md5": _hex_of(32),
    "sha1": _hex_of(40),
    "sha256": _hex_of(64),
    "txid": _hex_of(64),
    "txhash": _hex_of(64),
    "blockhash": _hex_of(64),
    "rawtx": _raw_transaction,
    "rawtransaction": _raw_transaction,
    "certificate": lambda picks: f"MIID{hexadecimal(picks, 44)}",
    "publickey": lambda picks: f"MIIB{hexadecimal(picks, 44)}",
    "seconds": _whole(30, 20),
    "minutes": _whole(5, 12),
    "ms": _whole(250, 20),
    "millis": _whole(250, 20),
    "milliseconds": _whole(250, 20),
    "bytes": _whole(1_024, 40),
    "percent": _whole(5, 20),
    "percentage": _whole(5, 20),
    "ttl": _whole(300, 12),
    "etag": lambda picks: hexadecimal(picks, 16),
    "token": _token,
    "cursor": _token,
    "apikey": _token,
    "secret": _token,
    "password": lambda picks: f"{picks.one(words_of.NOUNS).capitalize()}-{1_000 + picks.below(9_000)}",
    "path": lambda picks: f"/{picks.one(words_of.NOUNS)}/{picks.one(words_of.FILES)}",
    "price": _decimal,
    "amount": _decimal,
    "number": _number,
    "code": lambda picks: f"{picks.one(words_of.NOUNS)[:3].upper()}{100 + picks.below(900)}",
    "sku": lambda picks: f"{picks.one(words_of.NOUNS)[:3].upper()}-{1_000 + picks.below(9_000)}",
    "count": lambda picks: str(1 + picks.below(50)),
    "limit": lambda picks: str(10 * (1 + picks.below(5))),
    "latitude": lambda picks: f"{picks.below(120) - 60}.{1_000 + picks.below(9_000)}",
    "longitude": lambda picks: f"{picks.below(300) - 150}.{1_000 + picks.below(9_000)}",
    "accountid": lambda picks: f"{100_000_000_000 + picks.below(899_999_999_999)}",
    "duration": _duration,
    "uuid": uuid,
    "guid": uuid,
}
_ALONE: Mapping[str, Maker] = {
    "key": lambda picks: picks.one(("team", "environment", "project", "region", "cost-center")),
    "point": _point,
    "waypoint": _point,
    "latlng": _point,
    "latlon": _point,
    "coordinates": _point,
    "digest": _hex_of(64),
    "signature": _hex_of(64),
}
"""Names that mean this only by themselves."""
_FORMED = frozenset("point waypoint latlng latlon coordinates digest signature".split())  # noqa: SIM905
_FORMED_LAST = frozenset(
    """
    thumbprint fingerprint hash sha checksum md5 sha1 sha256 rawtx rawtransaction txid txhash blockhash
    certificate publickey
    """.split()  # noqa: SIM905
)
_DOCUMENTS = frozenset("certificate certificates cert csr pem privatekey publickey".split())  # noqa: SIM905
_WHEN = frozenset({"next", "last", "first", "previous"})
_DAYS = _whole(1, 30)
_SPANS = frozenset({"hours", "days", "weeks", "months"})
_STRONG = frozenset({"email", "phone", "url", "date", "datetime", "password", "token"})
_IDS = frozenset({"id", "ids", "key", "sid", "ref", "reference", "identifier", "uid", "identifiers"})
_FORMATS: Mapping[str, Maker] = {
    "date-time": moment,
    "datetime": moment,
    "google-datetime": moment,
    "date-time-rfc1123": _http_date,
    "date": date,
    "time": lambda picks: f"{_clock(picks)}:00Z",
    "uuid": uuid,
    "guid": uuid,
    "email": email,
    "idn-email": email,
    "uri": url,
    "url": url,
    "iri": url,
    "hostname": lambda picks: picks.one(words_of.DOMAINS),
    "ipv4": _ipv4,
    "ip": _ipv4,
    "ipv6": lambda picks: f"2001:db8::{hexadecimal(picks, 4)}:{1 + picks.below(9)}",
    "byte": _base64,
    "binary": _base64,
    "base64": _base64,
    "password": _MAKERS["password"],
    "int32": _number,
    "int64": _number,
    "uint32": _number,
    "uint64": _number,
    "decimal": _decimal,
    "double": _decimal,
    "float": _decimal,
    "unix-time": lambda picks: str(epoch(picks)),
    "google-duration": lambda picks: f"{60 * (1 + picks.below(60))}s",
    "google-fieldmask": lambda picks: picks.one(("displayName", "labels", "description")),
    "duration": _duration,
    "phone": _phone,
    "phone-number": _phone,
    "e164_phone_number": _phone,
    "locale": lambda picks: picks.one(words_of.LOCALES),
    "timezone": lambda picks: picks.one(words_of.ZONES),
    "countrycode": lambda picks: picks.one(words_of.COUNTRY_CODES),
    "iso4217": lambda picks: picks.one(words_of.CURRENCIES),
    "currency": lambda picks: picks.one(words_of.CURRENCIES),
    "color": lambda picks: f"#{hexadecimal(picks, 6)}",
}
