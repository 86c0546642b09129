"""The licence of a package, as an SPDX expression, from what the package says of itself.

In order: the expression in the metadata (``License-Expression``, npm's ``license``), the classifiers, the free
``License`` field, the text of the licence file where it begins as one of the well-known ones, Debian's ``copyright``
file. What is in doubt is `unknown`. Cost: a few regular expressions a package.

Sources: PEP 639, the trove classifiers, the SPDX License List, Debian's machine-readable copyright format (DEP 5).
"""

import email
import re
from collections.abc import Mapping
from typing import Any

import orjson

from forge.records import UNKNOWN_LICENSE
from forge_sources.licenses import spdx

_METADATA_NAMES: Mapping[str, str] = {
    "pip": "METADATA",
    "pip-sdist": "PKG-INFO",
    "npm": "package.json",
    "apt": "copyright",
}
TEXT_CHARACTERS = 2_000
_LICENSE_NAME = re.compile(r"(licen[cs]e|copying|mit-license)[^/]*", re.IGNORECASE)

_CLASSIFIERS: Mapping[str, str] = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "zlib/libpng License": "Zlib",
    "Zope Public License": "ZPL-2.1",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "Eclipse Public License 2.0 (EPL-2.0)": "EPL-2.0",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
}

# Sentences that occur in one licence only. BSD's are told apart by the third clause.
_TEXTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), expression)
    for pattern, expression in (
        (r"apache license,? version 2\.0, january 2004", "Apache-2.0"),
        (r"permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"),
        (r"neither the names? of .{1,200}? may be used to endorse or promote", "BSD-3-Clause"),
        (r"names? of .{1,200}? may not be used to endorse or promote", "BSD-3-Clause"),
        (r"redistributions in binary form must reproduce the above copyright notice", "BSD-2-Clause"),
        (r"permission to use, copy, modify, and(/or)? distribute this software for any purpose", "ISC"),
        (r"mozilla public license,? version 2\.0", "MPL-2.0"),
        (r"python software foundation license version 2", "PSF-2.0"),
    )
)

_DEBIAN: tuple[tuple[str, str], ...] = (
    (r"expat|mit", "MIT"),
    (r"apache-2(\.0)?", "Apache-2.0"),
    (r"bsd-3-clause", "BSD-3-Clause"),
    (r"bsd-2-clause", "BSD-2-Clause"),
    (r"psf-2|psfl?-?2?|python", "PSF-2.0"),
    (r"isc", "ISC"),
    (r"zlib", "Zlib"),
    (r"mpl-2(\.0)?", "MPL-2.0"),
    (r"(a|l)?gpl-\d(\.\d)?\+?", "gpl"),
)


def is_metadata(path: str, registry: str) -> bool:
    """Whether a member (its path without the archive's top folder) states the licence or is its text."""
    folder, _, name = path.rpartition("/")
    if registry == "apt":
        return name == "copyright" and folder.startswith("usr/share/doc/")
    if registry == "pip" and not folder.endswith(".dist-info"):
        return False
    if registry != "pip" and folder:
        return False
    return name == _METADATA_NAMES[registry] or is_license_text(path)


def is_license_text(path: str) -> bool:
    """Whether a member is the text of a licence rather than metadata that names one."""
    return _LICENSE_NAME.fullmatch(path.rpartition("/")[2]) is not None


def stated_license(path: str, data: bytes) -> str:
    """The licence that one metadata file states; ``unknown`` if it leaves doubt."""
    name = path.rpartition("/")[2]
    text = data.decode("utf-8", "replace")
    if name in ("PKG-INFO", "METADATA"):
        return _of_python(text)
    if name == "package.json":
        return _of_npm(data)
    return _of_debian(text) if name == "copyright" else _of_text(text)


def _of_python(text: str) -> str:
    fields = email.message_from_string(text)
    expression = str(fields.get("License-Expression") or "").strip()
    if expression:
        return expression
    classified = [
        str(line).rpartition("::")[2].strip()
        for line in fields.get_all("Classifier", [])
        if str(line).startswith("License ::")
    ]
    known = sorted({_CLASSIFIERS[name] for name in classified if name in _CLASSIFIERS})
    if known and len(known) == len(set(classified) - {"OSI Approved"}):
        return " OR ".join(known)
    free = str(fields.get("License") or "").strip()
    short = spdx({"name": free}) if free and len(free) < 200 else UNKNOWN_LICENSE
    return short if short != UNKNOWN_LICENSE or not free else _of_text(free)


def _of_npm(data: bytes) -> str:
    try:
        package = orjson.loads(data)
    except orjson.JSONDecodeError:
        return UNKNOWN_LICENSE
    stated: Any = package.get("license") if isinstance(package, Mapping) else None
    if isinstance(stated, Mapping):
        stated = stated.get("type")
    if not isinstance(stated, str) or not stated.strip():
        return UNKNOWN_LICENSE
    # npm's words for "look in the file" and "none given" are no SPDX expressions.
    return UNKNOWN_LICENSE if stated.upper().startswith(("SEE LICEN", "UNLICENSED")) else stated.strip()


def _of_text(text: str) -> str:
    """The licence whose words the text begins with; licences of parts that are shipped along come after it."""
    squeezed = " ".join(text[:TEXT_CHARACTERS].replace("*", " ").replace("#", " ").split())
    found = [expression for pattern, expression in _TEXTS if pattern.search(squeezed)]
    if found[:1] == ["BSD-3-Clause"]:
        found = [expression for expression in found if expression != "BSD-2-Clause"]
    return found[0] if len(set(found)) == 1 else UNKNOWN_LICENSE


def _of_debian(text: str) -> str:
    """The licence of ``Files: *``."""
    for stanza in re.split(r"\n\s*\n", text):
        if re.search(r"^Files:\s*\*\s*$", stanza, re.MULTILINE):
            stated = re.search(r"^License:\s*(\S+)\s*$", stanza, re.MULTILINE)
            return _debian_name(stated[1].lower()) if stated else UNKNOWN_LICENSE
    return UNKNOWN_LICENSE


def _debian_name(name: str) -> str:
    for pattern, expression in _DEBIAN:
        if re.fullmatch(pattern, name):
            return _gnu(name) if expression == "gpl" else expression
    return UNKNOWN_LICENSE


def _gnu(name: str) -> str:
    family, _, version = name.rstrip("+").partition("-")
    suffix = "or-later" if name.endswith("+") else "only"
    return f"{family.upper()}-{version if '.' in version else version + '.0'}-{suffix}"
