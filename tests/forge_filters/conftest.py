"""What every filter must hold to, and a corpus in memory to check it on."""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from forge.records import stable_id
from forge.steps import Context, Filter, ScoredFilter

Row = dict[str, Any]


class NoHttp:
    """A client for contexts in which nothing is fetched."""

    def get(self, url: str, *, headers: dict[str, str] | None = None) -> bytes:
        raise AssertionError(f"asked for {url}")


@dataclass(frozen=True)
class MemoryCorpus:
    """Documents in batches of a size."""

    rows: Sequence[Row]
    size: int = 3
    fingerprint: str = field(default="memory")

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for start in range(0, len(self.rows), self.size):
            yield batch_of(self.rows[start : start + self.size], columns)


def batch_of(rows: Sequence[Row], columns: Sequence[str]) -> pa.RecordBatch:
    arrays = [pa.array([row.get(name) for row in rows], pa.string()) for name in columns]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def rows_of(texts: Sequence[str], domain: str = "text") -> list[Row]:
    """Documents with ids that depend on their place."""
    return [{"id": stable_id(str(place)), "text": text, "domain": domain} for place, text in enumerate(texts)]


def kept(step: Filter, rows: Sequence[Row], scratch: Path, *, size: int = 3) -> list[tuple[str, bool, float, str]]:
    """Prepare and judge; (id, keep, score, reason) of every document, in the order of ``rows``."""
    context = Context(workspace=scratch, cache=scratch, scratch=scratch, seed=0, http=NoHttp())
    state = step.prepare(MemoryCorpus(rows, size), context)
    found: list[tuple[str, bool, float, str]] = []
    for start in range(0, len(rows), size):
        piece = rows[start : start + size]
        verdicts = step.judge(batch_of(piece, step.columns), state)
        columns = (verdicts.keep.to_pylist(), verdicts.score.to_pylist(), verdicts.reason.to_pylist())
        found += [(row["id"], *rest) for row, *rest in zip(piece, *columns, strict=True)]
    return found


def assert_laws(step: Filter, rows: Sequence[Row], new_folder: Callable[[], Path], *, seed: int = 0) -> None:
    """Order and batch size change no verdict; a reason is given exactly where a row is dropped; twice is once."""
    first = kept(step, rows, new_folder())
    assert [entry[0] for entry in first] == [row["id"] for row in rows]
    assert all((reason is None) == keep for _, keep, _, reason in first)
    shuffled = random.Random(seed).sample(list(rows), len(rows))
    assert sorted(kept(step, shuffled, new_folder(), size=7)) == sorted(first)
    left = [row for row, entry in zip(rows, first, strict=True) if entry[1]]
    assert all(entry[1] for entry in kept(step, left, new_folder()))
    if isinstance(step, ScoredFilter) and rows:
        batch = batch_of(rows, step.columns)
        judged, decided = step.judge(batch, None), step.decide(step.score(batch, None))
        assert (judged.keep, judged.score, judged.reason) == (decided.keep, decided.score, decided.reason)


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="session")
def filter_laws(new_folder: Callable[[], Path]) -> Callable[..., None]:
    """`assert_laws` with a fresh folder for each run."""
    return lambda step, rows, **more: assert_laws(step, rows, new_folder, **more)


@pytest.fixture(scope="session")
def judged(new_folder: Callable[[], Path]) -> Callable[..., list[tuple[str, bool, float, str]]]:
    """`kept` with a fresh folder."""
    return lambda step, rows, **more: kept(step, rows, new_folder(), **more)


@pytest.fixture(scope="session")
def documents() -> Callable[..., list[Row]]:
    return rows_of


@pytest.fixture(scope="session")
def bare_bert() -> Callable[..., Path]:
    """Makes a folder with a small BERT without a word on pooling, as COCO-DR is published: weights at random, the
    words of the packaged model. A dud gives every text the same vector."""

    def make(folder: Path, *, is_dud: bool = False) -> Path:
        import torch
        from transformers import BertConfig, BertModel

        from forge_filters.embedding import DEFAULT, _place

        folder.mkdir(parents=True, exist_ok=True)
        for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
            (folder / name).write_bytes((_place(DEFAULT) / name).read_bytes())
        torch.manual_seed(0)
        shape = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
        network = BertModel(BertConfig(vocab_size=30522, initializer_range=0.3, **shape))
        if is_dud:
            last = network.encoder.layer[-1].output.LayerNorm
            torch.nn.init.zeros_(last.weight)
            torch.nn.init.ones_(last.bias)
        network.save_pretrained(folder)
        return folder

    return make
