"""`forge label` as a user runs it, against a scripted endpoint; killed and run again; and the filter on its labels."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from forge.cli import main
from forge.testing.llm import Misbehave, ScriptedLlm, refusal

RECIPE = """
seed = 3

[tokenizer]
name = "bpe"
vocab_size = 400

[[source]]
name = "files"
label = "guides"
paths = ["guides.jsonl"]
url = "url"

[[source]]
name = "files"
label = "pages"
paths = ["pages.jsonl"]
url = "url"

[export.all]
mix = "0:0:1"
shard_tokens = 2000
"""
KEY = "sk-not-a-real-key-0002"
Run = Callable[..., Any]

GOOD = ["request", "response", "parameter", "endpoint", "returns", "error", "retry"]
BAD = ["offer", "cheap", "cookies", "share", "menu", "click", "subscribe"]


def document(number: int, *, good: bool, draw: random.Random) -> dict[str, str]:
    words = draw.choices(GOOD if good else BAD, k=12) + draw.choices(["some", "common", "words", "here"], k=12)
    draw.shuffle(words)
    return {"text": " ".join([*words, f"n{number}"]), "url": f"https://host{number % 40}.example/{number}"}


def grade(request: Any) -> Any:
    text = request["messages"][-1]["content"]
    return {"level": 4 if sum(text.count(word) for word in GOOD) > sum(text.count(word) for word in BAD) else 1}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    draw = random.Random(0)
    for name, share in (("guides", 0.7), ("pages", 0.3)):
        rows = [document(number, good=draw.random() < share, draw=draw) for number in range(200)]
        lines = [json.dumps({**row, "text": f"{name} {row['text']}"}) for row in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines))
    (tmp_path / "forge.toml").write_text(RECIPE)
    return tmp_path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def call(*words: str, endpoint: ScriptedLlm | None = None, status: int = 0) -> str:
        if endpoint is not None:
            monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(workspace), *words])
        captured = capsys.readouterr()
        assert (ended.value.code or 0) == status, captured.err
        return captured.out if status == 0 else captured.err

    return call


def labels_of(run: Run, endpoint: ScriptedLlm, *words: str) -> dict[str, Any]:
    said = run("label", "--model", "scripted", "--quiet", "--workers", "1", "--json", *words, endpoint=endpoint)
    found: dict[str, Any] = json.loads(said)
    return found


def test_labels_are_drawn_evenly_paid_once_and_named_by_content(run: Run, workspace: Path) -> None:
    with ScriptedLlm(grade) as endpoint:
        first = labels_of(run, endpoint, "--sample", "60", "--twice", "0.5")
        paid = len(endpoint.requests)
        again = labels_of(run, endpoint, "--sample", "60", "--twice", "0.5")
        assert len(endpoint.requests) == paid
        more = labels_of(run, endpoint, "--sample", "80", "--twice", "0.5")
        assert max(endpoint.answered.values()) == 1
    assert first["paid_calls"] == paid == 60 + first["twice"]
    assert 15 <= first["twice"] <= 45
    assert (again["labels"], again["paid_calls"], again["tokens"]) == (first["labels"], 0, 0)
    assert more["labels"] != first["labels"]
    table = pq.read_table(workspace / ".forge/state/labels" / f"{first['labels']}.parquet")
    rows = table.to_pylist()
    assert sorted({row["source"] for row in rows}) == ["guides", "pages"]
    assert [sum(row["source"] == source for row in rows) for source in ("guides", "pages")] == [30, 30]
    assert [row["key"] for row in rows] == sorted({row["key"] for row in rows})
    assert all(row["label"] == (row["level"] >= 3) for row in rows)
    assert rows[0]["origin"].endswith(".example")
    assert (first["disagree"], first["noise"]) == (0.0, 0.0)


def test_the_noise_of_a_model_that_cannot_make_up_its_mind_is_said(run: Run) -> None:
    def fickle(request: Any) -> Any:
        """Says the level that is listed first: what asking with the levels in reverse finds out."""
        return {"level": 0 if "\n0: " in request["messages"][0]["content"].partition("\n5: ")[0] else 5}

    with ScriptedLlm(fickle) as endpoint:
        found = labels_of(run, endpoint, "--sample", "40", "--twice", "1")
        said = run("label", "--model", "scripted", "--sample", "40", "--twice", "1", "-q", endpoint=endpoint)
    assert (found["twice"], found["disagree"], found["noise"]) == (40, 1.0, 0.5)
    assert "40 were asked about twice: 100.0% disagree" in said


def test_what_failed_is_no_label_and_is_asked_again(run: Run) -> None:
    def script(request: Any) -> Any:
        return refusal(400, "too long") if "n1" in request["messages"][-1]["content"] else grade(request)

    with ScriptedLlm(script) as endpoint:
        first = labels_of(run, endpoint, "--sample", "90", "--twice", "0")
        assert first["failures"]["refused"] > 0
        assert first["documents"] == 90 - first["failures"]["refused"]
        assert first["first_failure"] == "status 400: too long"
    with ScriptedLlm(grade) as endpoint:
        second = labels_of(run, endpoint, "--sample", "90", "--twice", "0")
        assert len(endpoint.requests) == first["failures"]["refused"]
    assert (second["documents"], second["failures"]) == (90, {})


def test_caps_hold_over_all_runs_and_what_there_is_is_kept(run: Run) -> None:
    with ScriptedLlm(grade) as endpoint:
        found = labels_of(run, endpoint, "--sample", "50", "--twice", "0", "--max-calls", "20")
        labels_of(run, endpoint, "--sample", "50", "--twice", "0", "--max-calls", "20")
        assert len(endpoint.requests) == 20
    assert (found["documents"], found["failures"]) == (20, {"budget": 30})
    with ScriptedLlm(grade) as endpoint:
        error = run(
            *("label", "--model", "other", "--sample", "5", "--max-tokens", "100", "-q"), endpoint=endpoint, status=1
        )
        assert not endpoint.requests
    assert "no document was labelled: budget: the next call could bring the total to" in error


def test_an_estimate_sends_nothing(run: Run) -> None:
    with ScriptedLlm(grade) as endpoint:
        said = run("label", "--model", "scripted", "--sample", "50", "--estimate", "-q", endpoint=endpoint)
        assert not endpoint.requests
    assert "calls about 50 documents" in said
    assert "nothing was sent" in said


PRICES = ("--prompt-usd", "2", "--completion-usd", "10")


def test_an_estimate_says_what_it_costs_and_leaves_out_what_is_answered(run: Run) -> None:
    with ScriptedLlm(grade) as endpoint:
        words = ("--sample", "50", "--twice", "0", "--estimate")
        before = labels_of(run, endpoint, *words, *PRICES)
        labels_of(run, endpoint, "--sample", "20", "--twice", "0")
        after = labels_of(run, endpoint, *words, *PRICES)
        said = run("label", "--model", "scripted", *words, *PRICES, "-q", endpoint=endpoint)
        assert len(endpoint.requests) == 20
    assert (before["calls"], before["answered_before"]) == (50, 0)
    assert before["usd_at_most"] == pytest.approx(((before["tokens_at_most"] - 50 * 32) * 2 + 50 * 32 * 10) / 1e6)
    assert 50 * 32 * 10 / 1e6 < before["usd_about"] < before["usd_at_most"]
    assert (after["calls"], after["answered_before"]) == (50, 20)
    assert after["usd_at_most"] < 0.7 * before["usd_at_most"]
    assert "20 of them answered before" in said
    assert f"at most {after['usd_at_most']:.4f} without repairs" in said


def test_a_limit_in_dollars_holds_over_all_runs(run: Run) -> None:
    """An answer costs 10 and 5 tokens: 0.00007 dollars; the worst of one is reserved before it is sent."""
    with ScriptedLlm(grade) as endpoint:
        words = ("--sample", "50", "--twice", "0", "--concurrency", "1", *PRICES, "--max-usd")
        found = labels_of(run, endpoint, *words, "0.005")
        sent = len(endpoint.requests)
        again = labels_of(run, endpoint, *words, "0.005")
        assert len(endpoint.requests) == sent
        more = labels_of(run, endpoint, *words, "1")
    assert 0 < found["documents"] == sent < 50
    assert found["failures"] == {"budget": 50 - sent}
    assert found["usd"] == pytest.approx(sent * 0.00007)
    assert found["usd"] <= 0.005
    assert again["usd"] == 0
    assert (more["documents"], more["usd"]) == (50, pytest.approx((50 - sent) * 0.00007))


@pytest.mark.parametrize("prices", [(), PRICES[:2], PRICES[2:]])
def test_a_limit_in_dollars_without_both_prices_is_an_error(run: Run, prices: tuple[str, ...]) -> None:
    with ScriptedLlm(grade) as endpoint:
        said = run("label", "--model", "m", "--max-usd", "1", *prices, endpoint=endpoint, status=1)
        assert not endpoint.requests
    assert "--max-usd" in said
    assert "give --prompt-usd and --completion-usd" in said


def test_documents_that_begin_alike_are_one_to_the_model(run: Run, workspace: Path) -> None:
    head = "GET /things returns things. " * 10
    rows = [{"text": f"{head}{number}", "url": f"https://host{number}.example"} for number in range(30)]
    (workspace / "guides.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with ScriptedLlm(grade) as endpoint:
        found = labels_of(run, endpoint, "--sample", "40", "--chars", "200", "--twice", "0")
    table = pq.read_table(workspace / ".forge/state/labels" / f"{found['labels']}.parquet")
    assert [row["source"] for row in table.to_pylist()].count("guides") == 1
    assert found["documents"] == 40  # the other source fills what one lacks
    assert table.schema.metadata[b"chars"] == b"200"


def test_bad_words_are_answered_with_what_to_write(run: Run, tmp_path: Path) -> None:
    with ScriptedLlm(grade) as endpoint:
        assert "agent-relevant, general" in run("label", "--model", "m", "--rubric", "x", endpoint=endpoint, status=1)
        said = run("label", "--model", "m", "--domain", "code", "-q", endpoint=endpoint, status=1)
        assert "no document of the domain code: see --domain" in said
    with ScriptedLlm([refusal(401, f"no such key {KEY}")]) as endpoint:
        said = run("label", "--model", "m", "--sample", "5", "-q", endpoint=endpoint, status=1)
    assert "check OPENAI_BASE_URL" in said
    assert KEY not in said


def test_a_rubric_of_ones_own(run: Run, tmp_path: Path) -> None:
    rubric = tmp_path / "own.toml"
    rubric.write_text('name = "own"\ntask = "Is it blue?"\nlevels = ["no", "yes"]\ngood_from = 1\n')
    with ScriptedLlm([{"level": 1}]) as endpoint:
        found = labels_of(run, endpoint, "--sample", "5", "--rubric", str(rubric))
        asked = endpoint.requests[0]
    assert found["labels"].startswith("own-")
    assert "Is it blue?" in asked["messages"][0]["content"]
    assert asked["response_format"]["json_schema"]["schema"]["properties"]["level"]["maximum"] == 1


def test_no_key_reaches_the_workspace(run: Run, workspace: Path) -> None:
    busy = refusal(429, f"{KEY} asks too much", headers={"Retry-After": "0"})
    with ScriptedLlm([busy, {"level": 3}]) as endpoint:
        labels_of(run, endpoint, "--sample", "5")
    assert not [path for path in workspace.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]


def test_sigkill_at_any_moment_pays_no_answer_twice(workspace: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedLlm(grade, delay=0.05) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        command = [sys.executable, "-m", "forge", "-C", str(workspace), "label", "--model", "scripted"]
        command += ["--sample", "80", "--twice", "0", "--concurrency", "4", "-q", "--workers", "1"]
        for answers in (5, 30, 31, 50):
            before = sum(endpoint.answered.values())
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(os.environ))
            deadline = time.monotonic() + 60
            while sum(endpoint.answered.values()) < max(answers, before + 1) and time.monotonic() < deadline:
                time.sleep(0.005)
            process.send_signal(signal.SIGKILL)
            process.wait()
        found = labels_of(run, endpoint, "--sample", "80", "--twice", "0", "--concurrency", "4")
        # An answer may have been on its way when the process died: at most as many as were under way, each time.
        assert 80 <= sum(endpoint.answered.values()) <= 80 + 4 * 4
        paid = len(endpoint.requests)
        again = labels_of(run, endpoint, "--sample", "80", "--twice", "0")
        assert len(endpoint.requests) == paid
    assert found["documents"] == 80
    assert again["labels"] == found["labels"]


def test_the_labels_train_the_filter_and_another_target_scores_nothing_again(run: Run, workspace: Path) -> None:
    with ScriptedLlm(grade) as endpoint:
        found = labels_of(run, endpoint, "--sample", "240", "--twice", "0")

    said: list[str] = []

    def build(target: float, status: int = 0) -> list[str]:
        table = f'\n[[filter]]\nname = "quality"\nlabels = "{found["labels"]}"\ntarget_precision = {target}\n'
        (workspace / "forge.toml").write_text(RECIPE + table)
        before = set((workspace / ".forge/runs").iterdir())
        said.append(run("build", "--quiet", "--workers", "1", status=status))
        new = sorted(set((workspace / ".forge/runs").iterdir()) - before)
        events = [json.loads(line) for path in new for line in path.read_text().splitlines()]
        return [event["step"] for event in events if event["event"] == "computed" and event.get("label") == "quality"]

    assert sorted(set(build(0.7))) == ["prepare", "scored"]
    page = (workspace / "exports/all/report.html").read_text()
    assert "Quality classifier" in page
    assert "The cut for a precision of 0.7" in page
    kept = [row["keep"] for path in (workspace / ".forge/verdicts/quality").glob("*.parquet") for row in _rows(path)]
    assert 100 < sum(kept) < 300
    assert sorted(set(build(0.6))) == ["decided"]
    assert "The cut for a precision of 0.6" in (workspace / "exports/all/report.html").read_text()
    assert sorted(set(build(0.995, status=1))) == ["decided"]
    assert "no cut reaches a precision of 0.995" in said[-1]
    assert "The cut for a precision of 0.6" in (workspace / "exports/all/report.html").read_text()


def _rows(path: Path) -> list[dict[str, Any]]:
    table = pq.read_table(path)
    return table.to_pylist() if "keep" in table.schema.names else []


def test_an_endpoint_that_answers_rubbish_for_ever_ends_the_run(run: Run) -> None:
    with ScriptedLlm([Misbehave(body=b"<html>")]) as endpoint:
        said = run("label", "--model", "m", "--sample", "50", "-q", endpoint=endpoint, status=1)
        assert len(endpoint.requests) < 60
    assert "no chat completion" in said


def test_the_recipe_names_model_and_prices(run: Run, workspace: Path) -> None:
    with ScriptedLlm(grade, tokens=(1_000_000, 0)) as endpoint:
        assert "no model is named" in run("label", "--sample", "2", endpoint=endpoint, status=1)
        table = '[llm]\nmodel = "from-recipe"\n[llm.prices."from-recipe"]\nprompt = 0.5\ncompletion = 2\n'
        (workspace / "forge.toml").write_text(f"{table}\n{RECIPE.replace('seed = 3', '', 1)}")
        words = ("--domain", "text", "--sample", "2", "--twice", "0", "--max-usd", "20")
        facts = json.loads(run("label", *words, "--json", endpoint=endpoint))
        assert facts["usd"] == pytest.approx(1.0)
        assert endpoint.requests[0]["model"] == "from-recipe"
