"""Licence names as specifications write them, as SPDX expressions where they leave no doubt.

Only what is stated is mapped: terms of service, a company's own licence and a family without a version ("Creative
Commons", "AGPL") are `unknown`. The licence is that of the specification, not of the service behind it.

Source: the SPDX License List.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from forge.records import UNKNOWN_LICENSE

# In order; the first expression that is found in "name url" decides. `-only` and `-or-later` are not told apart by
# most specifications; where no "or later" is stated, the licence as such is meant.
_RULES: tuple[tuple[str, str], ...] = (
    (r"\b(agpl|affero)\b.*\b3.*\bor (any )?later|\bagpl-3\.0-or-later", "AGPL-3.0-or-later"),
    (r"\baffero general public licen[sc]e,? v(ersion )?3|\bagpl[ -]?v?3|licenses/agpl-3\.0", "AGPL-3.0-only"),
    (r"\blgpl[ -]?v?2\.1|licenses/lgpl-2\.1|\blgpl-2\.1", "LGPL-2.1-only"),
    (r"\blgpl licen[sc]e v3|\blgpl[ -]?v?3", "LGPL-3.0-only"),
    (r"\bgpl[ -]?v?3|licenses/gpl-3\.0|gnu general public licen[sc]e,? v(ersion )?3", "GPL-3.0-only"),
    (r"\bgpl[ -]?v?2|licenses/gpl-2\.0|gnu general public licen[sc]e,? v(ersion )?2", "GPL-2.0-only"),
    (
        r"\bapache(-| software)?[ ,]*(licen[sc]e)?[ ,-]*(v|version)? ?2(\.0)?\b|apache\.org/licenses/license-2",
        "Apache-2.0",
    ),
    (r"opensource\.org/licenses/apache-2|\bapache 2 licen[sc]e", "Apache-2.0"),
    (r"\bby-nc-sa/4\.0|noncommercial-sharealike 4\.0", "CC-BY-NC-SA-4.0"),
    (r"\bby-nc-nd/2\.0|\bby-nc-nd 2\.0", "CC-BY-NC-ND-2.0"),
    (r"\bby-nc-nd/4\.0|\bby-nc-nd 4\.0", "CC-BY-NC-ND-4.0"),
    (r"\bby-nc/4\.0|\bby-nc 4\.0", "CC-BY-NC-4.0"),
    (r"\bby-sa/4\.0|\bby-sa 4\.0|cc-by-sa-4\.0", "CC-BY-SA-4.0"),
    (r"\bby-sa/3\.0|\bby-sa 3\.0|cc-by-sa-3\.0", "CC-BY-SA-3.0"),
    (r"\bby-sa/2\.0|\bby-sa 2\.0|cc-by-sa-2\.0", "CC-BY-SA-2.0"),
    (r"licenses/by/3\.0/au|attribution 3\.0 australia", "CC-BY-3.0-AU"),
    (r"licenses/by/4\.0|\bcc[ -]by[ -]4\.0|creative commons attribution 4\.0", "CC-BY-4.0"),
    (r"licenses/by/3\.0|\bcc[ -]by[ -]3\.0|creative commons attribution 3\.0", "CC-BY-3.0"),
    (r"\bcc0\b|publicdomain/zero/1\.0", "CC0-1.0"),
    (r"\bbsd[ -]?3\b|\bbsd-3-clause|\b3-clause bsd", "BSD-3-Clause"),
    (r"\bbsd[ -]?2\b|\bbsd-2-clause|\b2-clause bsd", "BSD-2-Clause"),
    (r"\bmozilla public licen[sc]e,? (v|version )?2|\bmpl[ -]?2", "MPL-2.0"),
    (r"\beclipse public licen[sc]e,? -? ?v?2|\bepl[ -]2", "EPL-2.0"),
    (r"^isc\b|licenses/isc\b", "ISC"),
    (r"^(the )?mit\b|\bmit licen[sc]e|licenses/mit\b|spdx\.org/licenses/mit\b", "MIT"),
    (r"\bunlicense\b|unlicense\.org", "Unlicense"),
)
_LATER = re.compile(r"\bor[ -](any[ -])?later\b|gpl[ -]?v?\d(\.\d)*\+")
_JOINED = re.compile(r" (or|and|with) ", re.IGNORECASE)
_SHAPE = re.compile(r"[A-Za-z0-9.+() -]{2,120}")
_SHORT = frozenset({"MIT", "ISC", "Zlib", "Unlicense", "WTFPL", "NCSA"})
_COMPILED = tuple((re.compile(pattern), identifier) for pattern, identifier in _RULES)


def spdx(license_object: Any) -> str:
    """The SPDX expression of an OpenAPI License Object, or ``unknown``.

    An ``identifier`` (3.1) or a name that is an SPDX expression is taken as it is; other words by the rules above.
    """
    if not isinstance(license_object, Mapping):
        return UNKNOWN_LICENSE
    identifier = license_object.get("identifier")
    if isinstance(identifier, str) and _expression(identifier.strip()):
        return _expression(identifier.strip())
    name = license_object.get("name")
    if isinstance(name, str) and _JOINED.search(name) and _expression(name.strip()):
        return _expression(name.strip())
    parts = (name, license_object.get("url"))
    stated = " ".join(part.strip().lower()[:200] for part in parts if isinstance(part, str))
    for pattern, expression in _COMPILED:
        if pattern.search(stated):
            return expression.replace("-only", "-or-later") if _LATER.search(stated) else expression
    return (_expression(name.strip()) if isinstance(name, str) else "") or UNKNOWN_LICENSE


@cache
def _expression(text: str) -> str:
    """``text`` as license-expression writes it, if all its parts are on the SPDX list or references; else nothing."""
    is_word = not any(letter.isdigit() or letter == "-" for letter in text) and not _JOINED.search(text)
    if not _SHAPE.fullmatch(text) or is_word:
        return text if text in _SHORT else ""
    from license_expression import ExpressionError, ExpressionParseError, get_spdx_licensing

    licensing = get_spdx_licensing()
    try:
        parsed = licensing.parse(text, validate=False, strict=True)
    except (ExpressionError, ExpressionParseError):
        return ""
    unknown = licensing.unknown_license_keys(parsed)
    return "" if any(not key.startswith("LicenseRef-") for key in unknown) else str(parsed)
