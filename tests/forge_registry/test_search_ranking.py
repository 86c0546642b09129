"""Full-text search over real operations, against BM25 worked out in plain Python."""

import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from duckdb import DuckDBPyConnection

from forge.clients.http import HttpClient
from forge.errors import CatalogError
from forge.records import ApiRecord, arrow_schema, to_row
from forge.steps import Context
from forge_registry import DuckCatalog, search_index
from forge_registry.connection import opened, written
from forge_registry.search import Query, near_providers, search
from forge_registry.search_index import K1, B, searchable
from forge_registry.search_text import STOP_WORDS, stem, words_of
from forge_sources.botocore.source import Botocore

SERVICES = ["sns", "sqs", "s3", "polly", "dynamodb"]
OTHERS = [
    ApiRecord(provider="twilio.com", service="api", name="CreateMessage", kind="rest", method="POST",
              path="/Messages.json", description="Send an SMS message to a phone number.", source="toy"),
    ApiRecord(provider="twilio.com", service="api", name="FetchMessage", kind="rest", method="GET",
              path="/Messages/{Sid}.json", description="Fetch one message.", source="toy"),
    ApiRecord(provider="python.example", service="requests", name="requests.get", kind="python", path="requests.get",
              description="Sends a GET request.", source="modules"),
]  # fmt: skip


def load(folder: Path, records: Sequence[ApiRecord]) -> Path:
    table = folder / "one.apis.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [to_row(record) for record in records]
    pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(ApiRecord)), table, row_group_size=100)
    DuckCatalog(folder / "catalog.duckdb").load([table], fingerprint="one")
    return folder / "catalog.duckdb"


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[ApiRecord]:
    folder = tmp_path_factory.mktemp("source")
    context = Context(workspace=folder, cache=folder, scratch=folder, seed=0, http=HttpClient(folder / "http"))
    source = Botocore(services=SERVICES)
    found = [record for part in source.partitions(context) for record in source.records(part, context)]
    apis = [record for record in found if isinstance(record, ApiRecord)]
    assert len(apis) > 200
    return [*apis, *OTHERS]


@pytest.fixture(scope="module")
def catalogue(records: list[ApiRecord], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return load(tmp_path_factory.mktemp("catalogue"), records)


@pytest.fixture(scope="module")
def connection(catalogue: Path) -> Iterator[DuckDBPyConnection]:
    with searchable(catalogue) as opened_connection:
        yield opened_connection


def weighed(record: ApiRecord) -> Counter[str]:
    """Terms of a record with the sum of the weights of the fields in which they stand."""
    fields = [
        (3.0, record.name),
        (2.0, f"{record.service} {record.provider}"),
        (1.0, record.path),
        (1.0, record.description),
        (0.5, " ".join(record.parameters.get("properties", {}))),
    ]
    counts: Counter[str] = Counter()
    for weight, text in fields:
        for word in words_of(text):
            if word not in STOP_WORDS:
                counts[stem(word)] += weight  # type: ignore[assignment]
    return counts


def bm25(records: Sequence[ApiRecord], text: str) -> dict[str, float]:
    """Scores of all records that hold a term of ``text``, straight from the formula."""
    documents = {record.id: weighed(record) for record in records}
    lengths = {own: sum(counts.values()) for own, counts in documents.items()}
    average = sum(lengths.values()) / len(lengths)
    scores: dict[str, float] = {}
    for term in {stem(word) for word in words_of(text) if word not in STOP_WORDS}:
        holders = [own for own, counts in documents.items() if term in counts]
        rarity = math.log(1 + (len(documents) - len(holders) + 0.5) / (len(holders) + 0.5))
        for own in holders:
            tf = documents[own][term]
            share = tf * (K1 + 1) / (tf + K1 * (1 - B + B * lengths[own] / average))
            scores[own] = scores.get(own, 0.0) + rarity * share
    return scores


@pytest.mark.parametrize(
    "text", ["send sms", "list queues", "put object", "createTopic", "delete the messages of a queue", "tags tags arn"]
)
def test_scores_are_those_of_the_formula(connection: DuckDBPyConnection, records: list[ApiRecord], text: str) -> None:
    expected = bm25(records, text)
    found = search(connection, Query(text=text, limit=1000))
    assert found.matches == len(expected) == len(found.hits)
    assert {hit.id: hit.score for hit in found.hits} == pytest.approx(expected, rel=2e-3, abs=2e-3)
    scores = [hit.score for hit in found.hits]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dynamodb putitem", "PutItem"),
        ("fetching messages", "FetchMessage"),
        ("synthesize speech", "SynthesizeSpeech"),
    ],
)
def test_the_best_hit_is_the_one_meant(connection: DuckDBPyConnection, text: str, name: str) -> None:
    assert search(connection, Query(text=text)).hits[0].facts["name"] == name


def test_equal_scores_are_ordered_by_id(tmp_path: Path) -> None:
    twins = [
        replace(OTHERS[0], path=f"/n{number}", description=f"Sends SMS number n{number}.", id="", content_hash="")
        for number in range(20)
    ]
    with searchable(load(tmp_path, twins)) as connection:
        ids = [hit.id for hit in search(connection, Query(text="sms", limit=50)).hits]
    assert len(ids) == 20
    assert ids == sorted(ids)


def test_operations_alike_are_one_hit_and_counted(tmp_path: Path) -> None:
    """As in the editions of GitHub Enterprise; what has no description to speak of is like nothing else."""
    editions = [replace(OTHERS[0], service=f"edition-{n}", id="", content_hash="") for n in range(17)]
    bare = [replace(OTHERS[1], description="", service=f"bare-{n}", id="", content_hash="") for n in range(3)]
    with searchable(load(tmp_path, [*editions, *bare])) as connection:
        found = search(connection, Query(text="message", limit=5))
    assert found.matches == 20
    assert sorted((hit.facts["name"], hit.alike) for hit in found.hits) == [
        ("CreateMessage", 16),
        *[("FetchMessage", 0)] * 3,
    ]
    assert [hit.rank for hit in found.hits] == [1, 2, 3, 4]


def test_neither_the_order_of_rows_nor_another_load_shows(records: list[ApiRecord], tmp_path: Path) -> None:
    shuffled = random.Random(1).sample(records, len(records))
    answers = []
    for name, rows in (("one", records), ("two", shuffled)):
        with searchable(load(tmp_path / name, rows)) as connection:
            tables = [connection.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()
                      for table in ("search_docs", "search_terms", "search_postings")]  # fmt: skip
            answers.append((tables, search(connection, Query(text="list all the tags of a queue", limit=50))))
    assert answers[0] == answers[1]


def test_one_operation_of_two_sources_is_one_hit(tmp_path: Path) -> None:
    both = [OTHERS[0], replace(OTHERS[0], source="other")]
    with searchable(load(tmp_path, both)) as connection:
        assert len(search(connection, Query(text="sms")).hits) == 1
        for source, hits in (("toy", 1), ("other", 1), ("third", 0)):
            assert len(search(connection, Query(text="sms", source=source)).hits) == hits


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({"provider": "twilio"}, {"CreateMessage", "FetchMessage"}),
        ({"provider": "Twilio.com", "method": "post"}, {"CreateMessage"}),
        ({"kind": "python"}, {"requests.get"}),
        ({"source": "modules"}, {"requests.get"}),
        ({"provider": "twil"}, set()),
        ({"provider": "%"}, set()),
        ({"kind": "' OR 1=1 --"}, set()),
    ],
)
def test_filters_leave_only_what_they_name(
    connection: DuckDBPyConnection, filters: dict[str, str], names: set[str]
) -> None:
    found = search(connection, Query(text="send message request", limit=100, **filters))  # type: ignore[arg-type]
    assert {hit.facts["name"] for hit in found.hits} == names


def test_a_provider_written_wrong_has_neighbours(connection: DuckDBPyConnection) -> None:
    assert near_providers(connection, "twillio") == ["twilio.com"]
    assert near_providers(connection, "\x00%'") == []


HOSTILE = [
    *("", "   ", "'", '"', "%", "_%_", "\\", "\x00", "a\x00b", "'; DROP TABLE apis; --", "$1 ? :x {}", "the of"),
    *("🦆 ₿ ﷽ \u202e", "\ud800", "(", "[a-z]+*", "x" * 10_240, "list " * 2_048),
    " ".join(f"word{number}" for number in range(1_500)),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_breaks_a_search(connection: DuckDBPyConnection, text: str) -> None:
    found = search(connection, Query(text=text))
    assert len(found.hits) <= 10
    assert connection.execute("SELECT count(*) > 0 FROM apis").fetchone() == (True,)


def test_short_ids_are_unique_and_have_eight_digits(connection: DuckDBPyConnection) -> None:
    ids = [row[0] for row in connection.execute("SELECT id FROM distinct_apis").fetchall()]
    for hit in search(connection, Query(text="list", limit=100)).hits:
        assert len(hit.short) >= 8
        assert [own for own in ids if own.startswith(hit.short)] == [hit.id]


def test_an_older_catalogue_is_given_its_index(records: list[ApiRecord], tmp_path: Path) -> None:
    path = load(tmp_path, records)
    with written(path) as connection:
        connection.execute("DROP TABLE search_docs; DROP TABLE search_terms; DROP TABLE search_postings")
        connection.execute("DELETE FROM meta WHERE key = ?", [search_index.VERSION_KEY])
    with searchable(path) as connection:
        assert search(connection, Query(text="send sms")).hits
    with opened(path) as connection:
        assert search_index.is_current(connection)


def test_a_catalogue_without_apis_answers_with_nothing(tmp_path: Path) -> None:
    with searchable(load(tmp_path, [])) as connection:
        assert search(connection, Query(text="send sms")).hits == []


def test_without_a_catalogue_the_next_step_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="forge build"), searchable(tmp_path / "none.duckdb"):
        pass
