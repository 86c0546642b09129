"""`forge synthesize` as people meet it: killed, interrupted, repeated, with a raised target, against bad endpoints."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from forge.records import to_json
from forge.testing.llm import ScriptedLlm, refusal

RECIPE = 'seed = 5\n[[source]]\nname = "simulated-tools"\n[[source]]\nname = "openapi"\nspecs = ["a.json", "b.json"]\n'
JOURNAL = Path(".forge", "llm.sqlite")
KILLS = 10
WINDOW = 8

Answered = Callable[[Path], set[str]]


def answer(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Says requests as they are given, and whatever else is asked so badly that the blueprint has to do it."""
    asked = request["response_format"]["json_schema"]["schema"]["properties"]
    if "message" in asked:
        return {"message": str(request["messages"][1]["content"]).rpartition("The request: ")[2]}
    if "action" in asked:
        return {"action": {"ask": "What is the weather like?"}}
    return {"answer": "The total of 918273645 is due."}


def spec(name: str) -> str:
    body = {
        "operationId": f"get{name}",
        "summary": f"Get the {name} of a day.",
        "responses": {"200": {"description": "It."}},
    }
    parameters = [
        {"name": "day", "in": "query", "required": True, "description": "Which.", "schema": {"type": "string"}}
    ]
    info = {"title": name, "version": "1", "license": {"name": "MIT"}, "x-providerName": f"{name}.example"}
    paths = {f"/{name}": {"get": {**body, "parameters": parameters}}}
    return json.dumps({"openapi": "3.0.3", "info": info, "paths": paths})


def fresh(root: Path) -> Path:
    root.mkdir()
    (root / "forge.toml").write_text(RECIPE, encoding="utf-8")
    for name in ("a", "b"):
        (root / f"{name}.json").write_text(spec(name), encoding="utf-8")
    return root


def started(root: Path, url: str, *words: str) -> "subprocess.Popen[str]":
    """The command in a session of its own, so that whatever it starts can be found."""
    command = [sys.executable, "-m", "forge", "-C", str(root), *(words or ("synthesize", *ASKED))]
    environment = {**os.environ, "OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-not-a-real-key-0003"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, start_new_session=True)


ASKED = ("--target-accepted", "20", "--model", "scripted", "--workers", "2")


def run(root: Path, url: str, *words: str) -> tuple[int, str, str]:
    process = started(root, url, *words)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def survivors(session: int) -> list[int]:
    """Processes of a session that live."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else ()
        except OSError:
            continue
        if fields and int(fields[3]) == session and fields[0] != "Z":
            found.append(int(entry.name))
    return found


def accepted(root: Path) -> list[str]:
    """Ids of the newest part, in order."""
    paths = sorted(
        root.glob(".forge/corpus/synthesizer/*.trajectories.parquet"), key=lambda path: path.stat().st_mtime_ns
    )
    return [str(name) for name in pq.read_table(paths[-1]).column("id").to_pylist()]


def prompts(requests: list[dict[str, Any]]) -> list[str]:
    return [to_json(request["messages"]) for request in requests]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, ScriptedLlm]]:
    """A workspace in which 20 were accepted, and the endpoint that was asked."""
    root = fresh(tmp_path_factory.mktemp("synthesize") / "plain")
    with ScriptedLlm(answer) as endpoint:
        code, out, err = run(root, endpoint.url)
        assert code == 0, err
        assert "20 accepted" in out
        yield root, endpoint


def test_again_it_asks_nothing_and_prints_the_funnel(plain: tuple[Path, ScriptedLlm]) -> None:
    root, endpoint = plain
    before = len(endpoint.requests)
    code, out, err = run(root, endpoint.url)
    assert (code, "20 accepted" in out) == (0, True), err
    code, _, err = run(root, endpoint.url, "build", "--quiet")
    assert code == 0, err
    code, out, _ = run(root, endpoint.url, "funnel", "--json")
    assert json.loads(out)["accepted"] == 20
    assert json.loads(out)["called"] > 0
    assert len(endpoint.requests) == before


def test_what_is_stored_is_verified_again(plain: tuple[Path, ScriptedLlm]) -> None:
    root, endpoint = plain
    code, out, err = run(root, endpoint.url, "funnel", "--verify")
    assert (code, "20 of 20 stored trajectories pass" in out) == (0, True), err
    code, out, _ = run(root, endpoint.url, "funnel", "--verify", "--json")
    assert json.loads(out) == {"verified": 20, "passed": 20, "failed": []}
    code, out, _ = run(root, endpoint.url, "funnel", "--json")
    planted = json.loads(out)["planted"]
    assert len(planted) == 13
    assert all(row["caught"] >= 0.98 * row["planted"] for row in planted)
    assert run(root, endpoint.url, "funnel", "--verify", "--label", "other")[0] == 1


def test_a_raised_target_pays_for_new_calls_only(plain: tuple[Path, ScriptedLlm], tmp_path: Path) -> None:
    root, _ = plain
    first = accepted(root)
    other = fresh(tmp_path / "raised")
    with ScriptedLlm(answer) as endpoint:
        assert run(other, endpoint.url)[0] == 0
        begun = len(endpoint.requests)
        assert accepted(other) == first
        assert run(other, endpoint.url, "synthesize", "--target-accepted", "40", "-q")[0] == 0
        assert len(endpoint.requests) > begun
        assert not set(prompts(endpoint.requests[:begun])) & set(prompts(endpoint.requests[begun:]))
    assert accepted(other)[:20] == first
    assert len(accepted(other)) == 40


def test_rejected_attempts_can_be_read(plain: tuple[Path, ScriptedLlm]) -> None:
    root, endpoint = plain
    code, out, _ = run(root, endpoint.url, "funnel", "--check", "kind", "--show", "2")
    assert code == 0
    assert "rejected" in out
    assert "What is the weather like?" in out
    assert "FAILED  kind:" in out
    code, out, _ = run(root, endpoint.url, "funnel", "--check", "kind", "--show", "2", "--json")
    assert [each["check"] for each in json.loads(out)] == ["kind", "kind"]
    code, _, err = run(root, endpoint.url, "funnel", "--check", "kinds")
    assert code == 1
    assert "did you mean 'kind'?" in err


def test_ctrl_c_says_one_line_and_keeps_what_was_paid(
    plain: tuple[Path, ScriptedLlm], tmp_path: Path, answered: Answered
) -> None:
    root = fresh(tmp_path / "interrupted")
    with ScriptedLlm(answer, delay=0.1) as endpoint:
        process = started(root, endpoint.url)
        wait_until(lambda: len(endpoint.requests) > WINDOW)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert err.splitlines()[-1].startswith("forge: stopped; what was finished is kept")
        assert "Traceback" not in err
        wait_until(lambda: not survivors(process.pid))
        begun, known = len(endpoint.requests), answered(root / JOURNAL)
        assert known
        assert run(root, endpoint.url)[0] == 0
        assert not known & set(prompts(endpoint.requests[begun:]))
    assert accepted(root) == accepted(plain[0])


@pytest.mark.slow
def test_killed_at_ten_moments_it_leaves_nobody_behind_and_pays_nothing_twice(
    plain: tuple[Path, ScriptedLlm], tmp_path: Path, answered: Answered
) -> None:
    root, chance = fresh(tmp_path / "killed"), random.Random(20261121)
    known: list[tuple[int, set[str]]] = []
    with ScriptedLlm(answer, delay=0.1) as endpoint:
        for number in range(KILLS):
            kill(root, endpoint, chance=chance, waits=number % 2 == 1)
            known.append((len(endpoint.requests), answered(root / JOURNAL)))
        assert known[-1][1]
        code, _, err = run(root, endpoint.url)
        assert code == 0, err
        for start, answers in known:
            assert not answers & set(prompts(endpoint.requests[start:]))
        assert len(endpoint.requests) <= len(set(prompts(endpoint.requests))) + WINDOW * KILLS
    assert accepted(root) == accepted(plain[0])


def kill(root: Path, endpoint: ScriptedLlm, *, chance: random.Random, waits: bool) -> None:
    """Start it, kill it at some moment, before or after it begins to ask; nothing that it started stays."""
    process, begun = started(root, endpoint.url), len(endpoint.requests)
    if waits:
        wait_until(lambda: len(endpoint.requests) > begun or process.poll() is not None, seconds=30)
    time.sleep(chance.uniform(0.0, 0.8))
    process.send_signal(chance.choice((signal.SIGKILL, signal.SIGTERM)))
    process.communicate(timeout=30)
    wait_until(lambda: not survivors(process.pid))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--max-usd", "1", "--model", "dear"), '[llm.prices."dear"]'),
        (("--label", "openapi"), "is no synthesizer"),
        (("--writes", "novels", "--model", "x"), "is no part"),
        (("--writes", "none", "--writes", "query"), "none stands alone"),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_recipe_changes(
    tmp_path: Path, given: tuple[str, ...], said: str
) -> None:
    root = fresh(tmp_path / "refused")
    code, _, err = run(root, "http://127.0.0.1:1/v1", "synthesize", *given)
    assert code == 1
    assert said in err
    assert err.count("\n") == 1
    assert (root / "forge.toml").read_text(encoding="utf-8") == RECIPE


def test_a_wrong_key_ends_it_at_once(tmp_path: Path) -> None:
    root = fresh(tmp_path / "denied")
    with ScriptedLlm([refusal(401, "no such key")]) as endpoint:
        code, _, err = run(root, endpoint.url)
        assert len(endpoint.requests) <= WINDOW
    assert code == 1
    assert "no such key" in err
    assert "OPENAI_API_KEY" in err
    assert "sk-not-a-real-key-0003" not in err


def test_what_a_killed_run_left_of_its_progress_is_forgotten(tmp_path: Path) -> None:
    root = fresh(tmp_path / "left")
    left = root / ".forge/state/synthesizer/scratch/progress-part-0002.json"
    left.parent.mkdir(parents=True)
    left.write_text('{"accepted": 1400, "attempts": 2800, "blueprints": 1400}', encoding="utf-8")
    with ScriptedLlm([refusal(401, "no such key")]) as endpoint:
        given = ("--target-accepted", "6000", "--model", "scripted", "--workers", "1", "--quiet")
        code, _, err = run(root, endpoint.url, "synthesize", *given)
    # It ended at the first of its three partitions, and the third had no chance to mend what is its own.
    assert (code, "no such key" in err) == (1, True), err
    assert not left.exists()


def test_an_empty_catalogue_says_what_to_add(tmp_path: Path) -> None:
    (tmp_path / "forge.toml").write_text("seed = 5\n", encoding="utf-8")
    code, _, err = run(tmp_path, "http://127.0.0.1:1/v1", "synthesize", "--writes", "none")
    assert code == 1
    assert "forge add-source" in err


def wait_until(done: Any, *, seconds: float = 15.0) -> None:
    """Wait, and fail where it takes too long."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)
