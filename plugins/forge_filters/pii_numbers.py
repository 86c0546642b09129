"""Numbers that belong to a person or a machine of theirs: cards, accounts, telephones, IP addresses. Microseconds each.

Each function says whether digits that look like one are one, and none of those that documentation uses for show.

Sources: ISO/IEC 7812-1 (Luhn's check digit), ISO 13616 (IBAN, mod 97), the issuers' published test numbers, ITU-T E.164
(country codes), the North American Numbering Plan (555 is fiction), Ofcom's numbers for drama, RFC 5737 and RFC 3849
(addresses for documentation), IANA's special-purpose address registries.
"""

import ipaddress
import re
from functools import cache
from itertools import pairwise

_TEST_CARDS = (
    "4111111111111111 4242424242424242 4012888888881881 4222222222222 4000056655665556 5555555555554444"
    " 5105105105105100 5200828282828210 5431111111111111 2223003122003222 378282246310005 371449635398431"
    " 378734493671000 6011111111111117 6011000990139424 6011981111111113 3056930009020004 36227206271667"
    " 30569309025904 38520000023237 3566002020360505 3530111333300000 6200000000000005 4917610000000000"
    " 4263982640269299 5425233430109903 4462030000000000 4539578763621486 4532015112830366 4916338506082832"
    " 4929939187355598 5425230000004415 4716108999716531"
)
_BRANDS = re.compile(
    r"4\d{12}(?:\d{3})?(?:\d{3})?|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}"
    r"|6(?:011|5\d\d|4[4-9]\d)\d{12}|35(?:2[89]|[3-8]\d)\d{12}|3(?:0[0-5]|[68]\d)\d{11}"
)
_IBAN_LENGTHS = dict(
    re.findall(
        r"([A-Z]{2})(\d\d)",
        "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BR29BY28CH21CR22CY28CZ24DE22DK18DO28EE20EG29ES24FI18FO18FR27GB22GE22GI23"
        "GL18GR27GT28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MR27MT31MU30"
        "NL18NO15PK24PL28PS29PT25QA29RO24RS22SA24SC31SE24SI19SK24SM27ST25SV28TL23TN24TR26UA29VA22VG24XK20",
    )
)
# The examples of the IBAN registry and of Wikipedia.
_SHOWN_IBANS = (
    "GB82WEST12345698765432 GB29NWBK60161331926819 GB33BUKB20201555555555 GB94BARC10201530093459"
    " DE89370400440532013000 DE91100000000123456789 FR1420041010050500013M02606 FR7630006000011234567890189"
    " NL91ABNA0417164300 BE68539007547034 BE71096123456769 ES9121000418450200051332 ES7921000813610123456789"
    " CH9300762011623852957 AT611904300234573201 AT483200000012345864 IT60X0542811101000000123456"
    " PT50000201231234567890154 IE29AIBK93115212345678 LU280019400644750000 SE4550000000058398257466"
    " DK5000400440116243 NO9386011117947 FI2112345600000785 PL61109010140000071219812874"
    " PL10105000997603123456789123 CZ6508000000192000145399 GR1601101250000000012300695 SA0380000000608010167519"
    " TR330006100519786457841326 BR1800360305000010009795493C1 IL620108000000099999999"
)
_COUNTRY = re.compile(
    r"1|7|2(?:0|7|1[1-368]|[2-46]\d|5[0-8]|9[0-17-9])|3(?:[0-469]|5\d|7[0-8]|8[0-35-79])|4(?:[013-9]|2[013])"
    r"|5(?:[1-8]|0\d|9\d)|6(?:[0-6]|7[02-9]|8[0-35-9]|9[0-2])|8(?:[1246]|00|5[02356]|70|8[0138])|9(?:[0-58]|6\d|7\d|9\d)"
)
_SHOWN_PHONE = re.compile(
    r"1?555\d{7}$|1?\d{3}555\d{4}$|44(?:1632960|207946|7700900)|0{5}|(\d)\1{5}|12345|23456|34567|45678|56789|98765"
)
_OUTSIDE = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24"
    " 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3"
    " 2001:db8::/32 2001::/23 2002::/16 3fff::/20"
)
"""Addresses that no one machine in the world has: private, for documentation or benchmarks, multicast, reserved."""
_SERVICES = (
    "8.8.8.8 8.8.4.4 1.1.1.1 1.0.0.1 9.9.9.9 149.112.112.112 208.67.222.222 208.67.220.220"
    " 2001:4860:4860::8888 2001:4860:4860::8844 2606:4700:4700::1111 2606:4700:4700::1001 2620:fe::fe"
)
"""Public resolvers, known to everybody and nobody's own."""


def passes_luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it."""
    doubled = [int(digit) * 2 for digit in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(value - 9 * (value > 9) for value in doubled)) % 10 == 0


def is_card(digits: str) -> bool:
    """Whether an issuer could have given this number, and none gives it out for tests."""
    if not _BRANDS.fullmatch(digits) or not passes_luhn(digits):
        return False
    return (
        digits not in words(_TEST_CARDS) and "000000" not in digits and len(set(digits)) > 4 and "123456" not in digits
    )


def iban_length(country: str) -> int:
    """Characters of an IBAN of this country; 0 if it has none."""
    return int(_IBAN_LENGTHS.get(country, 0))


def is_iban(compact: str) -> bool:
    """Whether ``compact`` (capitals, no blanks) has its country's length and its check digits; no known example."""
    if len(compact) != iban_length(compact[:2]) or compact in words(_SHOWN_IBANS):
        return False
    return int("".join(str(int(letter, 36)) for letter in compact[4:] + compact[:4])) % 97 == 1


def is_phone(digits: str, *, international: bool) -> bool:
    """Whether these digits are dialled somewhere; ``international``: they followed a plus."""
    if _SHOWN_PHONE.search(digits) or len(set(digits)) < 4:
        return False
    if not international:
        return True
    if digits[0] == "1":
        return len(digits) == 11 and digits[1] in "23456789" and digits[4] in "23456789"
    return 9 <= len(digits) <= 15 and _COUNTRY.match(digits) is not None


def is_own_address(text: str) -> bool:
    """Whether ``text`` is an IP address that one machine on the internet has."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if text.lower() in words(_SERVICES) or (address.version == 4 and _is_shown(text)):
        return False
    return not any(address in network for network in _outside() if network.version == address.version)


def _is_shown(address: str) -> bool:
    """Addresses made up on a keyboard: 1.2.3.4, 11.22.33.44, 12.34.56.78, 123.123.123.123."""
    parts = [int(part) for part in address.split(".")]
    steps = {after - before for before, after in pairwise(parts)}
    return len(steps) == 1 or "".join(map(str, parts)) in "0123456789" or parts[1:] == [0, 0, 0]


@cache
def _outside() -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in _OUTSIDE.split())


@cache
def words(text: str) -> frozenset[str]:
    """The words of a list that is written as one text."""
    return frozenset(text.split())
