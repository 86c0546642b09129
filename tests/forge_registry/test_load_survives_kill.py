"""A load killed at any moment leaves the old catalogue readable, and the next load ends as if nothing had happened."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

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
DuckCatalog(Path(sys.argv[1])).load([Path(sys.argv[2])], fingerprint="new")
"""


def start(catalog: DuckCatalog, table: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", LOAD, str(catalog.path), str(table)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_a_killed_load_leaves_the_old_catalogue(catalog: DuckCatalog, write_apis: Write, apis: list[ApiRecord]) -> None:
    catalog.load([write_apis(apis)], fingerprint="old")
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
            catalog.load([write_apis(apis)], fingerprint="old")
    assert killed >= KILLS // 2
    catalog.load([table], fingerprint="new")
    sweep([catalog.path.parent])
    assert catalog.counts().raw == len(many)
    assert sorted(path.name for path in catalog.path.parent.iterdir()) == ["catalog.duckdb", "timed.duckdb"]
