"""Killed at ten random moments, started again: no answered call is sent again, the accepted set is the same."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

from forge.files import write_text
from forge.records import ApiRecord, to_json, to_row
from forge.testing import MemoryCatalog, context
from forge.testing.llm import ScriptedLlm
from forge_trajectories.synthesis.source import Synthesizer
from forge_trajectories.synthesis.source_run import blueprints_of

TARGET = 20
KILLS = 10
WINDOW = 6
PROGRAM = """
import json, sys
from dataclasses import replace
from pathlib import Path
from forge.clients.llm_open import Endpoint
from forge.llm import LlmSettings
from forge.records import ApiRecord, from_row
from forge.testing import MemoryCatalog, context
from forge_trajectories.synthesis.source import Synthesizer

folder, url, target, window = Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:])
records = [from_row(ApiRecord, row) for row in json.loads((folder / "apis.json").read_text())]
settings = LlmSettings(model="scripted", base_url=url, concurrency=window)
llm = Endpoint(journal=folder / "llm.sqlite", scope="test", settings=settings, recipe=Path("forge.toml"))
given = replace(context(folder, catalog=MemoryCatalog(records), seed=5), llm=llm)
source = Synthesizer(target_accepted=target, concurrency=window)
parts = source.partitions(given)
print("go", flush=True)
ids = [record.id for part in parts for record in source.records(part, given)]
(folder / "accepted.json").write_text(json.dumps(ids))
"""


def started(folder: Path, url: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", PROGRAM, str(folder), url, str(TARGET), str(WINDOW)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "go\n"
    return process


def kill(process: "subprocess.Popen[str]", endpoint: ScriptedLlm, *, after: int) -> bool:
    """Kill it when it has asked so often, whatever is under way then; whether that cut it short."""
    wanted, end = len(endpoint.requests) + after, time.monotonic() + 30
    while len(endpoint.requests) < wanted and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    process.kill()
    code = finish(process)
    assert len(endpoint.requests) >= wanted or code == 0
    return code != 0


def finish(process: "subprocess.Popen[str]") -> int:
    code = process.wait(60)
    assert process.stdout is not None
    process.stdout.close()
    return code


def test_killed_ten_times_it_pays_nothing_twice_and_accepts_the_same(
    tmp_path: Path,
    shop_records: list[ApiRecord],
    oracle: Callable[..., Any],
    answered: Callable[[Path], set[str]],
) -> None:
    source = Synthesizer(target_accepted=TARGET)
    for name in ("killed", "plain"):
        write_text(tmp_path / name / "apis.json", json.dumps([to_row(record) for record in shop_records]))
    given = context(tmp_path / "drawn", catalog=MemoryCatalog(shop_records), seed=5)
    some = list(islice(blueprints_of(source, source.partitions(given)[0], given), 2 * TARGET))
    chance = random.Random(20261121)
    with ScriptedLlm(oracle(some, source.writes, mended=5, wrong=9), delay=0.05) as endpoint:
        plain = started(tmp_path / "plain", endpoint.url)
        assert finish(plain) == 0
        wanted = len(endpoint.requests)
        endpoint.requests.clear()
        known: list[tuple[int, set[str]]] = []
        cut_short = 0
        for _ in range(KILLS):
            process = started(tmp_path / "killed", endpoint.url)
            cut_short += kill(process, endpoint, after=chance.randint(1, 3 * WINDOW))
            known.append((len(endpoint.requests), answered(tmp_path / "killed" / "llm.sqlite")))
        assert cut_short >= KILLS // 2
        last = started(tmp_path / "killed", endpoint.url)
        assert finish(last) == 0
    assert known[-1][1]
    for begun, answers in known:
        assert not answers & {to_json(request["messages"]) for request in endpoint.requests[begun:]}
    assert len(endpoint.requests) <= wanted + WINDOW * KILLS
    assert (tmp_path / "killed/accepted.json").read_text() == (tmp_path / "plain/accepted.json").read_text()
    assert len(json.loads((tmp_path / "plain/accepted.json").read_text())) == TARGET
