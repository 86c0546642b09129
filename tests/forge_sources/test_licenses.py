"""Licence names mapped to SPDX expressions."""

from typing import Any

import pytest

from forge_sources.licenses import spdx


@pytest.mark.parametrize(
    ("stated", "expression"),
    [
        ({"name": "MIT", "url": "https://spdx.org/licenses/MIT"}, "MIT"),
        ({"name": "Apache 2.0 License", "url": "http://www.apache.org/licenses/"}, "Apache-2.0"),
        ({"name": "Creative Commons Attribution 3.0"}, "CC-BY-3.0"),
        ({"name": "CC-BY-SA 2.0", "url": "https://spdx.org/licenses/CC-BY-SA-2.0.html"}, "CC-BY-SA-2.0"),
        ({"name": "AGPLv3.0"}, "AGPL-3.0-only"),
        ({"name": "GPLv3"}, "GPL-3.0-only"),
        ({"name": "LGPL-2.1"}, "LGPL-2.1-only"),
        ({"name": "GPL-3.0-or-later"}, "GPL-3.0-or-later"),
        ({"name": "GPLv2 or any later version"}, "GPL-2.0-or-later"),
        ({"name": "LGPL-2.1+"}, "LGPL-2.1-or-later"),
        ({"name": "AGPL-3.0-or-later"}, "AGPL-3.0-or-later"),
        ({"name": "x", "identifier": "BSD-3-Clause"}, "BSD-3-Clause"),
        ({"name": "Trello : Terms of Service", "url": "https://trello.com/legal"}, "unknown"),
        ({"name": "Creative Commons"}, "unknown"),
        ({"name": "Permitted use only"}, "unknown"),
        (None, "unknown"),
        ("MIT", "unknown"),
    ],
)
def test_licences_are_mapped_where_they_are_clear(stated: Any, expression: str) -> None:
    assert spdx(stated) == expression


@pytest.mark.parametrize(
    ("stated", "expression"),
    [
        ({"name": "mit or isc"}, "MIT OR ISC"),
        ({"identifier": "LicenseRef-mine"}, "LicenseRef-mine"),
        ({"identifier": "MIT AND LicenseRef-mine"}, "MIT AND LicenseRef-mine"),
        ({"name": "yours and mine"}, "unknown"),
        ({"name": "MIT with care"}, "MIT"),
        ({"identifier": "free (as in beer"}, "unknown"),
    ],
)
def test_joined_expressions_in_any_case_and_references(stated: dict[str, str], expression: str) -> None:
    assert spdx(stated) == expression
