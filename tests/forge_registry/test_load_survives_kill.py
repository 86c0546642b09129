"""A load killed at any moment leaves the old catalogue readable, and the next load ends as if nothing had happened."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb

from forge.files import sweep
from forge.records import ApiRecord
from forge_registry import DuckCatalog

Write = Callable[..., Path]
KILLS = 6
LOAD = """
import sys
from pathlib import Path
from forge_registry import DuckCatalog
print("begun", flush=True)
DuckCatalog(Path(sys.argv[1])).load([Path(sys.argv[2])], fingerprint="new", at="2026-11-02T00:00:00Z")
"""


def history(catalog: DuckCatalog) -> dict[str, int]:
    """How many rows each table of the history has, and the last day that it knows of."""
    with duckdb.connect(str(catalog.path), read_only=True) as connection:
        found = {
            table: connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            for table in ("history", "versions", "events")
        }
        days = connection.execute("SELECT max(last_seen) = '2026-11-01T00:00:00Z' FROM history").fetchall()
    return {**found, "as of the first": days[0][0]}


def start(catalog: DuckCatalog, table: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", LOAD, str(catalog.path), str(table)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_a_killed_load_leaves_the_old_catalogue(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]) -> None:
    before = [replace(apis[0], description="As it was before.", content_hash=""), *apis[1:]]
    catalog.load([write_apis(before)], fingerprint="older", at="2026-10-31T00:00:00Z")
    catalog.load([write_apis(apis)], fingerprint="old", at="2026-11-01T00:00:00Z")
    old = history(catalog)
    assert old["versions"] == old["events"] == 1
    kept = catalog.path.read_bytes()
    many = [replace(api, provider=f"{api.provider}-{copy}", id="") for copy in range(40) for api in apis]
    table = write_apis(many, "many")
    moments = random.Random(1)
    begun = time.monotonic()
    with start(DuckCatalog(catalog.path.with_name("timed.duckdb")), table) as process:
        process.wait()
    whole = time.monotonic() - begun
    killed = 0
    for _ in range(KILLS):
        with start(catalog, table) as process:
            time.sleep(moments.uniform(0, whole * 0.9))
            process.send_signal(signal.SIGKILL)
        killed += process.returncode == -signal.SIGKILL
        counts = catalog.counts()
        assert (catalog.fingerprint(), counts.raw) in {("old", 300), ("new", len(many))}
        if catalog.fingerprint() == "new":
            catalog.path.write_bytes(kept)
        assert history(catalog) == old
    assert killed >= KILLS // 2
    catalog.load([table], fingerprint="new")
    sweep([catalog.path.parent])
    assert catalog.counts().raw == len(many)
    assert sorted(path.name for path in catalog.path.parent.iterdir()) == ["catalog.duckdb", "timed.duckdb"]
