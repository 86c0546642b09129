"""Records: identity, content hashes, and the way through Arrow and back."""

import dataclasses
import subprocess
import sys
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.records import (
    JSON_FIELDS,
    ApiRecord,
    Document,
    Message,
    Reject,
    Trajectory,
    arrow_schema,
    from_row,
    stable_id,
    to_json,
    to_row,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT
)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))
OBJECTS = st.dictionaries(TEXT, JSON, max_size=3)
OBJECT_LISTS = st.lists(OBJECTS, max_size=2)

APIS = st.builds(
    ApiRecord,
    provider=TEXT,
    service=TEXT,
    name=TEXT,
    kind=st.sampled_from(["rest", "python", "cli", "mcp", "model", "graphql"]),
    method=TEXT,
    path=TEXT,
    description=TEXT,
    parameters=OBJECTS,
    returns=st.none() | OBJECTS,
    examples=OBJECT_LISTS,
    errors=OBJECT_LISTS,
    auth=st.lists(TEXT, max_size=2),
    license=TEXT,
    source=TEXT,
    url=st.none() | TEXT,
    version=st.none() | TEXT,
    retrieved_at=st.none() | TEXT,
)
DOCUMENTS = st.builds(
    Document,
    id=TEXT,
    domain=st.sampled_from(["agent", "code", "text"]),
    kind=TEXT,
    text=TEXT,
    source=TEXT,
    url=st.none() | TEXT,
    license=TEXT,
    meta=OBJECTS,
)
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    content=TEXT,
    tool_calls=OBJECT_LISTS,
    tool_call_id=st.none() | TEXT,
    origin=st.none() | st.sampled_from(["real", "replay", "mock", "llm"]),
)
TRAJECTORIES = st.builds(
    Trajectory,
    id=TEXT,
    tools=OBJECT_LISTS,
    messages=st.lists(MESSAGES, max_size=3),
    checks=OBJECT_LISTS,
    blueprint=st.none() | OBJECTS,
    model=st.none() | TEXT,
    usage=OBJECTS,
    cost=st.floats(0, 1e6),
    source=TEXT,
    license=TEXT,
)


def api(**changes: Any) -> ApiRecord:
    given_values: dict[str, Any] = {"provider": "x.example", "service": "s", "name": "n", "kind": "rest", "source": "t"}
    return ApiRecord(**{**given_values, **changes})


def there_and_back(record: Any) -> Any:
    kind = type(record)
    table = pa.Table.from_pylist([to_row(record)], schema=arrow_schema(kind))
    return from_row(kind, table.to_pylist()[0])


@given(APIS | DOCUMENTS | TRAJECTORIES)
def test_a_record_goes_through_arrow_and_comes_back(record: Any) -> None:
    found = there_and_back(record)
    assert to_row(found) == to_row(record)
    assert found == dataclasses.replace(record)


def test_a_reject_is_a_row_too() -> None:
    assert there_and_back(Reject(locator="a.json", reason="not JSON")) == Reject(locator="a.json", reason="not JSON")


def test_ids_do_not_change_between_releases() -> None:
    assert stable_id("ab", "c") == "4826ed043ab3cdec576d8541fa5d5a80"


def test_parts_of_an_id_do_not_run_together() -> None:
    assert stable_id("ab", "c") != stable_id("a", "bc")
    assert stable_id("a") != stable_id("a", "")


@pytest.mark.parametrize("field", ["provider", "service", "name", "method", "path"])
def test_each_part_of_the_identity_counts(field: str) -> None:
    assert api(**{field: "other"}).id != api().id


@pytest.mark.parametrize("field", ["license", "source", "url", "version", "retrieved_at"])
def test_provenance_is_no_part_of_identity_or_content(field: str) -> None:
    other = api(**{field: "other"})
    assert (other.id, other.content_hash) == (api().id, api().content_hash)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "cli"},
        {"description": "other"},
        {"parameters": {"type": "object"}},
        {"returns": {}},
        {"examples": [{"result": 1}]},
        {"errors": [{"code": "404"}]},
        {"auth": ["oauth2"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_documented_is_content(change: dict[str, Any]) -> None:
    assert api(**change).id == api().id
    assert api(**change).content_hash != api().content_hash


def test_equal_values_give_equal_json() -> None:
    assert to_json({"b": 1, "a": (1, 2)}) == to_json(MappingProxyType({"a": [1, 2], "b": 1})) == '{"a":[1,2],"b":1}'


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError):
        to_json({"a": object()})


def test_records_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        api().name = "other"  # type: ignore[misc]


@pytest.mark.parametrize("kind", [ApiRecord, Document, Trajectory, Reject])
def test_the_arrow_schema_has_a_column_a_field(kind: type) -> None:
    names = [spec.name for spec in dataclasses.fields(kind)]
    assert arrow_schema(kind).names == names
    assert JSON_FIELDS[kind] <= set(names)


def test_unknown_columns_are_ignored() -> None:
    assert from_row(ApiRecord, {**to_row(api()), "bucket": 3}) == from_row(ApiRecord, to_row(api()))


def test_importing_records_imports_no_arrow() -> None:
    probe = "import sys, forge.records; sys.exit('pyarrow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", probe], check=False).returncode == 0
