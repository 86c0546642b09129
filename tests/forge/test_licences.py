"""Allow lists of licences: expressions, groups, and entries that are none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.errors import RecipeError
from forge.licences import PERMISSIVE, AllowList


@pytest.mark.parametrize(
    "expression",
    [
        *("MIT", "mit", "Apache-2.0", "MIT OR Nothing-1.0", "(MIT AND Apache-2.0) OR GPL-3.0-only"),
        *("Apache-2.0 WITH LLVM-exception", "MIT AND ISC AND 0BSD"),
    ],
)
def test_what_permissive_allows(expression: str) -> None:
    assert AllowList(["permissive"]).allows(expression)


@pytest.mark.parametrize(
    "expression",
    [
        *("unknown", "", "GPL-3.0-only", "MIT AND GPL-3.0-only", "CC-BY-NC-4.0", "LicenseRef-Ours", "MIT AND unknown"),
        *("(MIT", "see the file", "Terms of service", "MIT AND (Apache-2.0 AND Nothing-1.0)"),
    ],
)
def test_what_permissive_does_not_allow(expression: str) -> None:
    assert not AllowList(["permissive"]).allows(expression)


def test_without_a_list_everything_passes() -> None:
    assert AllowList(None).allows("unknown")


def test_an_empty_list_allows_nothing() -> None:
    assert not AllowList([]).allows("MIT")


def test_unknown_must_be_named() -> None:
    assert AllowList(["unknown"]).allows("unknown")
    assert AllowList(["unknown"]).allows("no ( expression")
    assert not AllowList(["unknown"]).allows("MIT")


def test_capitals_do_not_matter() -> None:
    assert AllowList(["UNKNOWN", "mit"]).names == {"unknown", "MIT"}
    assert AllowList(["Permissive"]).names == set(PERMISSIVE)


def test_or_later_includes_the_version_itself() -> None:
    allowed = AllowList(["GPL-2.0"])
    assert allowed.allows("GPL-2.0-or-later")
    assert allowed.allows("GPL-2.0+")
    assert not allowed.allows("GPL-3.0-or-later")


def test_a_reference_of_ones_own_is_allowed_by_name() -> None:
    assert AllowList(["LicenseRef-Ours"]).allows("LicenseRef-Ours OR GPL-3.0-only")


@pytest.mark.parametrize(("entry", "hint"), [("MITT", "'MIT'"), ("MIT OR ISC", "SPDX licence list"), ("", "SPDX")])
def test_an_entry_that_is_no_licence_is_refused_with_the_key(entry: str, hint: str) -> None:
    with pytest.raises(RecipeError, match=r"export\.main\.allow_licences: .*no SPDX licence") as raised:
        AllowList([entry], key="export.main.allow_licences")
    assert hint in str(raised.value)


def test_the_group_holds_identifiers_as_spdx_writes_them() -> None:
    for name in PERMISSIVE:
        assert AllowList([name]).names == {name}


@given(st.text(max_size=60))
def test_no_text_crashes_it_and_none_slips_through(text: str) -> None:
    assert not AllowList(["LicenseRef-Nobody-Has-This"]).allows(text)
