"""Which documents an export may hold, by the SPDX expression of their licence.

An allow list names SPDX identifiers; ``permissive`` stands for `PERMISSIVE`, and ``unknown`` must be named like any
other. An expression passes when what it demands is allowed: of ``A OR B`` one, of ``A AND B`` both; an exception only
adds permissions, so that ``A WITH E`` passes where ``A`` does, and ``A-or-later`` passes where ``A-only`` does. What
cannot be read as an expression is taken as unknown.

Cost: 20 milliseconds to load the list of identifiers, then some 50 microseconds for each distinct expression.

Source: the SPDX specification 2.3, annex D (licence expressions), and the SPDX licence list.
"""

import difflib
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from forge.errors import RecipeError
from forge.records import UNKNOWN_LICENSE

if TYPE_CHECKING:
    from license_expression import Licensing

PERMISSIVE_NAME = "permissive"
PERMISSIVE = (
    *("0BSD", "Apache-2.0", "BSD-1-Clause", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "HPND", "ISC", "MIT"),
    *("MIT-0", "NCSA", "OLDAP-2.8", "PostgreSQL", "PSF-2.0", "Python-2.0", "Unlicense", "WTFPL", "X11", "Zlib"),
)
"""Licences that ask for no more than a notice."""


class AllowList:
    """The licences that an export may hold.

    Args:
        entries: SPDX identifiers, ``permissive`` or ``unknown``; None allows everything.
        file, key: where they stand, for messages.

    Raises:
        RecipeError: an entry is no licence.
    """

    def __init__(self, entries: Sequence[str] | None, *, file: object = None, key: str = "allow_licences") -> None:
        self.everything = entries is None
        names: set[str] = set()
        for entry in entries or ():
            names.update(PERMISSIVE if entry.lower() == PERMISSIVE_NAME else [_known(entry, file=file, key=key)])
        self.names = frozenset(names)

    def allows(self, expression: str) -> bool:
        """Whether a document under this licence may be in the export."""
        if self.everything:
            return True
        tree = _parsed(expression)
        return UNKNOWN_LICENSE in self.names if tree is None else self._passes(tree)

    def allowed_of(self, expressions: Iterable[str]) -> frozenset[str]:
        """Those of the expressions that pass."""
        return frozenset(each for each in set(expressions) if self.allows(each))

    def _passes(self, tree: Any) -> bool:
        """A tree of AND and OR over identifiers, as `license_expression` parses it."""
        operator = getattr(tree, "operator", "").strip()
        if operator == "OR":
            return any(self._passes(part) for part in tree.args)
        if operator == "AND":
            return all(self._passes(part) for part in tree.args)
        name = str(getattr(tree, "license_symbol", tree).key)
        return name in self.names or name.replace("-or-later", "-only") in self.names


@cache
def _licensing() -> "Licensing":
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()


@cache
def _parsed(expression: str) -> Any:
    """The tree of an expression; None for what is unknown or no expression."""
    from license_expression import ExpressionError, ExpressionParseError

    if expression == UNKNOWN_LICENSE:
        return None
    try:
        return _licensing().parse(expression, validate=False, strict=False)
    except (ExpressionError, ExpressionParseError):
        return None


def _known(entry: str, *, file: object, key: str) -> str:
    """The identifier as SPDX writes it; references (``LicenseRef-...``) are taken as they are."""
    if entry.lower() == UNKNOWN_LICENSE:
        return UNKNOWN_LICENSE
    if entry.startswith("LicenseRef-"):
        return entry
    tree = _parsed(entry)
    if tree is None or not hasattr(tree, "key") or _licensing().unknown_license_keys(tree):
        close = difflib.get_close_matches(entry, [UNKNOWN_LICENSE, PERMISSIVE_NAME, *_licensing().known_symbols], 1)
        hint = f"did you mean {close[0]!r}?" if close else "see the SPDX licence list, or write permissive or unknown"
        raise RecipeError(f"{entry!r} is no SPDX licence identifier; {hint}", file=file, key=key)
    return str(tree.key)
