"""Full-text search over a whole catalogue: our postings against DuckDB's own extension, in time, size and relevance.

    python benchmarks/search_latency.py WORKSPACE [--queries 200] [--items 500] [--peer]

The workspace holds a built catalogue, which is not changed. Latency: queries of two to four words taken from the names
and descriptions of APIs drawn with a fixed seed, one after the other on one open connection, the rows of the ten best
fetched; and a few as a fresh process, `forge search`. Relevance: known items, that is an API drawn at random must be
found by three to five words of its own description, or of its name if it has none. MRR@10 and recall@10 count an
answer as found when it has the same name and description as the item, for hundreds of APIs share theirs. ``--peer``
indexes a copy with ``create_fts_index`` (its ``stem`` and stop words as they come) and asks it the same.
"""

import argparse
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from forge_registry.search import Query, search
from forge_registry.search_index import searchable

Answer = list[tuple[str, str]]
Ask = Callable[[str], Answer]

PEER_TABLE = r"""
CREATE TABLE searched AS
SELECT (row_number() OVER (ORDER BY id))::INTEGER AS doc, name AS shown, description,
    regexp_replace(name, '([a-z0-9])([A-Z])', '\1 \2', 'g') AS name,
    regexp_replace(path, '([a-z0-9])([A-Z])', '\1 \2', 'g') AS path, service || ' ' || provider AS service,
    array_to_string(json_keys(parameters, '$.properties'), ' ') AS parameters
FROM distinct_apis
"""
PEER_QUERY = """
SELECT shown, description FROM (SELECT *, fts_main_searched.match_bm25(doc, ?) AS score FROM searched)
WHERE score IS NOT NULL ORDER BY score DESC, doc LIMIT 10
"""


def ours(connection: DuckDBPyConnection) -> Ask:
    def ask(text: str) -> Answer:
        found = search(connection, Query(text=text)).hits
        return [(str(hit.facts["name"]), str(hit.facts["description"])) for hit in found]

    return ask


def peer(catalogue: Path, folder: Path) -> Ask:
    from importlib.resources import files

    copy = folder / "peer.duckdb"
    shutil.copyfile(catalogue, copy)
    before, began, cpu = copy.stat().st_size, time.perf_counter(), time.process_time()
    connection = duckdb.connect(str(copy), config={"memory_limit": "900MB", "threads": 2})
    extension = next(Path(str(files("duckdb_extension_fts"))).rglob("fts.duckdb_extension"))
    connection.execute(f"LOAD '{extension}'")
    connection.execute(PEER_TABLE)
    connection.execute(
        "PRAGMA create_fts_index('searched', 'doc', 'name', 'path', 'service', 'parameters', 'description')"
    )
    connection.execute("CHECKPOINT")
    print(
        f"peer: indexed in {time.perf_counter() - began:.1f} s, {time.process_time() - cpu:.1f} CPU s, "
        f"{(copy.stat().st_size - before) / 1e6:.0f} MB more"
    )
    return lambda text: connection.execute(PEER_QUERY, [text]).fetchall()


def drawn(connection: DuckDBPyConnection, count: int, *, seed: int) -> list[tuple[str, str]]:
    rows = connection.execute("SELECT name, description FROM distinct_apis ORDER BY id").fetchall()
    return random.Random(seed).sample(rows, min(count, len(rows)))


def words_of(item: tuple[str, str], chance: random.Random, *, least: int, most: int) -> str:
    name, description = item
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    for text in (description, spaced):
        words = list(dict.fromkeys(re.findall(r"[A-Za-z]{3,}", text)))
        if len(words) >= least:
            kept = sorted(chance.sample(range(len(words)), min(chance.randint(least, most), len(words))))
            return " ".join(words[place] for place in kept)
    return spaced


def latency(label: str, ask: Ask, queries: Sequence[str]) -> None:
    wall, cpu = [], []
    for query in queries:
        began, used = time.perf_counter(), time.process_time()
        ask(query)
        wall.append((time.perf_counter() - began) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    marks = statistics.quantiles(wall, n=20)
    print(
        f"{label}: {len(queries)} queries, p50 {statistics.median(wall):.1f} ms, p95 {marks[18]:.1f} ms, "
        f"CPU p50 {statistics.median(cpu):.1f} ms"
    )


def relevance(label: str, ask: Ask, items: Sequence[tuple[str, str]]) -> None:
    chance = random.Random(7)
    gains = []
    for item in items:
        answer = ask(words_of(item, chance, least=3, most=5))
        gains.append(1 / (answer.index(item) + 1) if item in answer else 0.0)
    found = sum(gain > 0 for gain in gains) / len(gains)
    print(f"{label}: {len(items)} known items, MRR@10 {statistics.fmean(gains):.3f}, recall@10 {found:.3f}")


def process(workspace: Path, queries: Sequence[str]) -> None:
    times = []
    for query in queries:
        began = time.perf_counter()
        command: list[Any] = [sys.executable, "-m", "forge", "-C", workspace, "search", "--", query]
        subprocess.run(command, check=True, capture_output=True)
        times.append((time.perf_counter() - began) * 1000)
    print(f"forge search, a fresh process: p50 {statistics.median(times):.0f} ms of {len(times)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--peer", action="store_true")
    options = parser.parse_args()
    catalogue = options.workspace / ".forge" / "catalog.duckdb"
    chance = random.Random(3)
    with searchable(catalogue) as connection, tempfile.TemporaryDirectory() as scratch:
        queries = [words_of(item, chance, least=2, most=4) for item in drawn(connection, options.queries, seed=1)]
        items = drawn(connection, options.items, seed=2)
        asked: dict[str, Ask] = {"ours": ours(connection)}
        if options.peer:
            asked["peer"] = peer(catalogue, Path(scratch))
        for label, ask in asked.items():
            ask("warm up")
            latency(label, ask, queries)
            relevance(label, ask, items)
    process(options.workspace, queries[:10])


if __name__ == "__main__":
    main()
