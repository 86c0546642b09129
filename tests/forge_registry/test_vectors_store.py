"""Vectors of operations: made once, taken up after a kill, searched exactly."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from duckdb import DuckDBPyConnection

from forge.errors import CatalogError
from forge.records import ApiRecord, arrow_schema, to_row
from forge_registry import DuckCatalog, search_semantic, vectors
from forge_registry.search import Query
from forge_registry.search_index import searchable
from forge_registry.vectors_model import SentenceEncoder

TOPICS = ("send a text message to a phone", "list the files of a folder", "translate a sentence", "create an invoice")


@dataclass
class CountingEncoder:
    """Hashes words into 64 dimensions; counts its texts, and stops when it has had enough of them."""

    spec: str = "counting"
    fingerprint: str = "counting-1"
    enough: int = 1_000_000
    texts: list[str] = field(default_factory=list)

    def encode(self, texts: Sequence[str]) -> "np.ndarray[Any, Any]":
        if len(self.texts) + len(texts) > self.enough:
            raise KeyboardInterrupt
        self.texts.extend(texts)
        rows = np.zeros((len(texts), 64), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row[sum(word.encode()) % 64] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def some(count: int) -> list[ApiRecord]:
    return [
        ApiRecord(provider="one.example", service="store", name=f"operation{number}", kind="rest", method="GET",
                  path=f"/{number}", description=f"To {TOPICS[number % 4]}, way {number}.", source="toy")
        for number in range(count)
    ]  # fmt: skip


def load(folder: Path, records: Sequence[ApiRecord]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "one.apis.parquet"
    pq.write_table(pa.Table.from_pylist([to_row(r) for r in records], schema=arrow_schema(ApiRecord)), table)
    DuckCatalog(folder / "catalog.duckdb").load([table], fingerprint="one")
    return folder / "catalog.duckdb"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[DuckDBPyConnection]:
    with searchable(load(tmp_path / "catalogue", some(5_000))) as found:
        yield found


def run(
    connection: DuckDBPyConnection, folder: Path, encoder: vectors.Encoder, limit: int | None = None
) -> vectors.Embedded:
    told: list[int] = []
    plan = vectors.plan(connection, folder, encoder=encoder, limit=limit)
    made = vectors.embed(connection, plan, advance=told.append)
    assert sum(told) == made.made == len(plan.missing)
    return made


def test_every_operation_has_a_vector_in_order_of_id(connection: DuckDBPyConnection, tmp_path: Path) -> None:
    made = run(connection, tmp_path / "vectors", CountingEncoder())
    stored = np.load(made.folder / "vectors.npy", mmap_mode="r")
    ids = np.load(made.folder / "ids.npy").astype(str).tolist()
    assert made.rows == 5_000
    assert stored.shape == (5_000, 64)
    assert stored.dtype == np.float16
    assert ids == sorted(ids)
    for place in (0, 2_500, 4_999):
        (content, text), = connection.execute(vectors._TEXTS, [[ids[place]]]).fetchall()  # fmt: skip
        assert np.load(made.folder / "contents.npy")[place].decode() == content
        assert stored[place] == pytest.approx(CountingEncoder().encode([text])[0], abs=1e-3)


def test_a_second_run_embeds_nothing(connection: DuckDBPyConnection, tmp_path: Path) -> None:
    first = run(connection, tmp_path / "vectors", CountingEncoder())
    again = CountingEncoder()
    assert run(connection, tmp_path / "vectors", again) == replace(first, made=0)
    assert again.texts == []


def test_a_stopped_run_is_taken_up_and_ends_the_same(connection: DuckDBPyConnection, tmp_path: Path) -> None:
    undisturbed = run(connection, tmp_path / "whole", CountingEncoder())
    with pytest.raises(KeyboardInterrupt):
        run(connection, tmp_path / "stopped", CountingEncoder(enough=3_000))
    assert vectors.find(tmp_path / "stopped") is None
    rest = CountingEncoder()
    made = run(connection, tmp_path / "stopped", rest)
    assert len(rest.texts) == 5_000 - 3_000 // vectors.PART_ROWS * vectors.PART_ROWS
    for name in ("vectors.npy", "ids.npy", "contents.npy", vectors.INDEX_NAME):
        assert (made.folder / name).read_bytes() == (undisturbed.folder / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "stopped").iterdir()) == [made.folder.name]


def test_only_what_is_new_or_changed_is_embedded(tmp_path: Path) -> None:
    records = some(300)
    with searchable(load(tmp_path / "old", records)) as connection:
        run(connection, tmp_path / "vectors", CountingEncoder())
    changed = replace(records[7], description="To play a tune on a piano.", content_hash="")
    encoder = CountingEncoder()
    with searchable(load(tmp_path / "new", [*records[:7], changed, *records[8:], *some(310)[300:]])) as connection:
        made = run(connection, tmp_path / "vectors", encoder)
    assert made.rows == 310
    assert len(encoder.texts) == 11
    assert any("piano" in text for text in encoder.texts)
    assert [path.name for path in (tmp_path / "vectors").iterdir()] == [made.folder.name]


def test_a_trial_run_leaves_the_full_vectors(connection: DuckDBPyConnection, tmp_path: Path) -> None:
    full = run(connection, tmp_path / "vectors", CountingEncoder())
    assert run(connection, tmp_path / "vectors", CountingEncoder(), limit=10).made == 0
    index = vectors.find(tmp_path / "vectors")
    assert index is not None
    assert index.folder == full.folder


def test_the_nearest_are_those_of_a_plain_product(connection: DuckDBPyConnection, tmp_path: Path) -> None:
    made = run(connection, tmp_path / "vectors", CountingEncoder())
    asked = CountingEncoder().encode(["translate a sentence way 42"])[0]
    stored = np.load(made.folder / "vectors.npy").astype(np.float64)
    ids = np.load(made.folder / "ids.npy").astype(str).tolist()
    scores = {own: float(row @ asked) for own, row in zip(ids, stored, strict=True)}
    found = vectors.nearest(made.folder, asked, among=None, limit=20)
    assert [score for _, score in found] == pytest.approx(sorted(scores.values(), reverse=True)[:20], abs=1e-4)
    assert all(score == pytest.approx(scores[own], abs=1e-4) for own, score in found)
    chosen = set(ids[100:110])
    assert {own for own, _ in vectors.nearest(made.folder, asked, among=chosen, limit=20)} == chosen
    assert vectors.nearest(made.folder, asked, among=set(), limit=20) == []


def test_rankings_are_fused_by_place() -> None:
    assert [doc for doc, _ in vectors.fused([1, 2, 3], [3, 4])] == [3, 1, 2, 4]
    assert vectors.fused([5], [2]) == [(2, pytest.approx(1 / 61)), (5, pytest.approx(1 / 61))]
    assert vectors.fused([], []) == []


def test_without_vectors_the_next_step_is_named(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="forge embed"):
        search_semantic.index_of(tmp_path)


def test_vectors_of_another_model_are_refused(connection: DuckDBPyConnection, tmp_path: Path) -> None:
    run(connection, tmp_path / "vectors", CountingEncoder(), limit=10)
    index = search_semantic.index_of(tmp_path / "vectors")
    with pytest.raises(CatalogError, match="forge embed --model counting"):
        search_semantic.search(
            connection, Query(text="sms"), index=index, encoder=CountingEncoder(fingerprint="counting-2")
        )


def test_a_damaged_index_is_named(tmp_path: Path) -> None:
    (tmp_path / "key").mkdir()
    (tmp_path / "key" / vectors.INDEX_NAME).write_text("{")
    with pytest.raises(CatalogError, match="forge embed"):
        vectors.find(tmp_path)


def test_the_real_model_finds_by_meaning(tmp_path: Path) -> None:
    encoder = SentenceEncoder()
    with searchable(load(tmp_path / "catalogue", some(200))) as connection:
        made = run(connection, tmp_path / "vectors", encoder)
        index = search_semantic.index_of(tmp_path / "vectors")
        assert (index.rows, index.dimensions) == (200, 384)
        asked = Query(text="mail somebody's mobile handset", provider="one")
        found = search_semantic.search(connection, asked, index=index, encoder=encoder)
    lengths = np.linalg.norm(np.load(made.folder / "vectors.npy").astype(np.float32), axis=1)
    assert lengths == pytest.approx(np.ones(200), abs=5e-3)
    assert all("text message" in str(hit.facts["description"]) for hit in found.hits)


def test_a_model_that_is_nowhere_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CatalogError, match="cannot load the model"):
        SentenceEncoder(str(tmp_path / "empty"))
