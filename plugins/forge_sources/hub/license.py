"""Licences as the Hugging Face hub and data sets name them, as SPDX expressions.

The hub has identifiers of its own, mostly SPDX's in lower case; data sets name one licence a row, or list what was
detected in a repository. Several licences are joined by AND: all that was stated holds until somebody says otherwise.
One among them that cannot be told makes the whole `unknown`. Cost: 40 ms for SPDX's list, once, then a look-up.

Source: the SPDX licence list, through the package license-expression; the hub's list of licence identifiers.
"""

from collections.abc import Mapping, Sequence
from functools import cache

from forge.records import UNKNOWN_LICENSE

_OWN_NAMES: Mapping[str, str] = {
    "agpl-3.0": "AGPL-3.0-only",
    "bsl-1.0": "BSL-1.0",
    "gpl-2.0": "GPL-2.0-only",
    "gpl-3.0": "GPL-3.0-only",
    "lgpl-2.1": "LGPL-2.1-only",
    "lgpl-3.0": "LGPL-3.0-only",
    "odc-by": "ODC-By-1.0",
    "odbl": "ODbL-1.0",
    "pddl": "PDDL-1.0",
}
_NOTHING = frozenset({"", "unknown", "other", "none", "no_license", "null", "cc", "bsd", "gpl", "lgpl", "gfdl"})
"""Names that state no licence, or a family without a version."""


def hub_license(value: object) -> tuple[str, str]:
    """The SPDX expression of a licence field, and the words in which it was stated.

    Args:
        value: an identifier, an expression, or a list of them; anything else states nothing.
    """
    names = [value] if isinstance(value, str) else list(value) if isinstance(value, Sequence) else []
    stated = [name.strip() for name in names if isinstance(name, str) and name.strip()]
    words = ", ".join(stated)[:300]
    found = list(dict.fromkeys(_one(name) for name in stated))
    if not found or UNKNOWN_LICENSE in found:
        return UNKNOWN_LICENSE, words
    parts = [f"({part})" if " OR " in part and len(found) > 1 else part for part in sorted(found)]
    return " AND ".join(parts), words


@cache
def _one(name: str) -> str:
    lowered = name.lower()
    if lowered in _NOTHING or len(name) > 200:
        return UNKNOWN_LICENSE
    if lowered in _OWN_NAMES:
        return _OWN_NAMES[lowered]
    from license_expression import ExpressionError, get_spdx_licensing

    licensing = get_spdx_licensing()
    try:
        parsed = licensing.parse(name, validate=True)
    except ExpressionError:
        return _by_wording(name)
    return str(parsed.render()) if parsed is not None else UNKNOWN_LICENSE


def _by_wording(name: str) -> str:
    from forge_sources.licenses import spdx

    return spdx({"name": name})
