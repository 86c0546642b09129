"""The catalogue's counts against a naive reading of the rule in Python."""

import re
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge.catalog import DISTINCT_RULE, SnapshotView
from forge.records import ApiRecord, arrow_schema, to_row
from forge_registry import DuckCatalog

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
DESCRIPTIONS = st.sampled_from(["", "short", "x" * 19, "x" * 20, "é" * 20, "日" * 19, "Lists all the pets there are."])
ANY = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), TEXT, st.lists(TEXT, max_size=2))
SCHEMAS = st.dictionaries(st.sampled_from(["type", "description", "a.b", "$ref", ""]), st.one_of(ANY, TEXT), max_size=3)
PARAMETERS = st.one_of(
    st.just({}),
    st.just({"type": "object", "properties": {}}),
    st.fixed_dictionaries({"properties": st.dictionaries(TEXT, st.one_of(SCHEMAS, ANY), max_size=3)}),
)


@st.composite
def apis(draw: st.DrawFn) -> ApiRecord:
    pick = st.integers(0, 2)
    return ApiRecord(
        provider=f"p{draw(pick)}",
        service=f"s{draw(pick)}",
        name=f"n{draw(pick)}",
        kind="rest",
        description=draw(DESCRIPTIONS),
        parameters=draw(PARAMETERS),
        source=draw(st.sampled_from(["one", "two"])),
    )


def is_documented(api: ApiRecord) -> bool:
    properties = api.parameters.get("properties", {})
    return len(api.description) >= 20 and (not properties or any(map(is_described, properties.values())))


def is_described(schema: Any) -> bool:
    description = schema.get("description") if isinstance(schema, dict) else None
    return isinstance(description, str) and re.search(r"[^ \t\n\r\f\v]", description) is not None


def naive_reading(records: list[ApiRecord]) -> tuple[set[str], set[str]]:
    """Ids of the distinct, and of the distinct documented; a documented row stands for an operation before another."""
    distinct: dict[str, ApiRecord] = {}
    for api in sorted(records, key=lambda api: (not is_documented(api), api.source, api.content_hash)):
        distinct.setdefault(api.id, api)
    documented: dict[tuple[str, str], str] = {}
    for api in sorted(distinct.values(), key=lambda api: api.id):
        if is_documented(api):
            documented.setdefault((api.name, api.description), api.id)
    return set(distinct), set(documented.values())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(apis(), max_size=40))
def test_counts_are_those_of_the_rule_in_words(records: list[ApiRecord]) -> None:
    distinct, documented = naive_reading(records)
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "apis.parquet"
        rows = [to_row(record) for record in records]
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(ApiRecord)), table)
        catalog = DuckCatalog(Path(folder) / "catalog.duckdb")
        catalog.load([table], fingerprint="a")
        counts = catalog.counts()
        catalog.snapshot(Path(folder) / "snapshot")
        view = SnapshotView(Path(folder) / "snapshot")
        found = [api.id for bucket in view.buckets() for api in view.read(bucket)]
    assert (counts.raw, counts.distinct) == (len(records), len(distinct))
    assert counts.distinct_documented == len(documented)
    assert sorted(found) == sorted(documented)
    assert counts.rule == DISTINCT_RULE
