"""Tripwires with the filters that are shipped: caught in every run, told by status and report, and in no export.

One small workspace holds what each filter is for. Exports are read back through their own tokenizer, so that what is
looked for is what a model would read.
"""

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from forge.canaries import PREFIX, Canary, canary_text
from forge.cli import main
from forge.engine.judging import read_table
from forge.engine.story import read_story
from forge.host import PluginHost
from forge.options import make_step
from forge.recipe import load_recipe
from forge.shards import open_shard
from forge.workspace import Workspace

Run = Callable[..., str]

QUESTION = "Please find me a quiet hotel near the old harbour in Bergen for two nights, with breakfast and a view."
RECIPE = """\
seed = 23
[tokenizer]
name = "bpe"
vocab_size = 600
[[source]]
name = "files"
paths = ["notes.jsonl"]
license_column = "license"
url = "url"
[[filter]]
name = "length"
min_chars = MIN_CHARS
[[filter]]
name = "exact-dedup"
[[filter]]
name = "language"
min_score = 0.1
[[filter]]
name = "repetition"
max_ratio = MAX_RATIO
[[filter]]
name = "near-dedup"
[[filter]]
name = "decontaminate"
benchmarks = []
files = { hotels = "tasks.jsonl" }
[[filter]]
name = "decontaminate-mask"
benchmarks = []
files = { hotels = "tasks.jsonl" }
[[filter]]
name = "api-schema"
[[filter]]
name = "license"
[[filter]]
name = "pii"
PII
[[filter]]
name = "secrets"
[export.main]
mix = "0:0:1"
"""
SENTENCE = (
    "the rain had stopped and children went down to see how high water stood by an old stone bridge while their"
    " grandmother told nobody about third step of church where she once lost her red umbrella in autumn wind"
)


def notes() -> list[dict[str, str]]:
    """Prose in English, no two documents alike, and one of each thing that a filter is there to catch."""
    draw, words = random.Random(3), SENTENCE.split()
    texts = [" ".join(draw.choices(words, k=draw.randint(40, 90))) for _ in range(120)]
    bad = {
        "copy": texts[0],
        "near": texts[1] + " and then",
        "short": "the rain",
        "again": "\n".join([texts[2][:60]] * 30),
        "leak": f"{texts[3]} {QUESTION} {texts[4]}",
        "mail": f"{texts[5]} r.okonkwo@harbour-mail.net {texts[6]}",
        "key": f"{texts[7]}\nAWS_ACCESS_KEY_ID=AKIA{'QYLPMN5HHHFPZAM2'}\n{texts[8]}",
    }
    rows = [{"text": text, "license": "MIT", "url": f"note:{number}"} for number, text in enumerate(texts)]
    rows += [{"text": text, "license": "MIT", "url": f"note:{name}"} for name, text in bad.items()]
    closed = {"text": " ".join(draw.choices(words, k=60)), "license": "GPL-3.0-only", "url": "note:closed"}
    return [*rows, closed]


def recipe(*, min_chars: int = 100, max_ratio: float = 1.0, pii: str = "") -> str:
    numbers = RECIPE.replace("MIN_CHARS", str(min_chars)).replace("MAX_RATIO", str(max_ratio))
    return numbers.replace("PII", pii)


def fill(root: Path, text: str) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / "notes.jsonl").write_text("\n".join(json.dumps(row) for row in notes()))
    (root / "tasks.jsonl").write_text(json.dumps({"id": "t1", "query": QUESTION}))
    (root / "forge.toml").write_text(text)
    return root


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in a folder; returns standard output, or standard error where the status is not 0."""

    def call(root: Path, *words: str, status: int = 0) -> str:
        with pytest.raises(SystemExit) as ended:
            main(["-C", str(root), *words])
        captured = capsys.readouterr()
        assert (ended.value.code or 0) == status, captured.err
        return captured.out if status == 0 else captured.err

    return call


def read_back(root: Path) -> str:
    """All that the export holds, as its tokenizer reads it."""
    folder = root / "exports" / "main"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    shards = [path.with_suffix("") for path in sorted(folder.glob("*.bin")) if ".mask" not in path.name]
    return "\n".join(tokenizer.decode(tokens.tolist()) for shard in shards for tokens in open_shard(shard))


def planted(root: Path) -> dict[str, list[Canary]]:
    """The canaries of every filter of the recipe, by name."""
    host, parsed = PluginHost(), load_recipe(root / "forge.toml")
    found: dict[str, list[Canary]] = {}
    for table in parsed.filters:
        step = make_step(host.require("filter", table.name).step, table.options, file=parsed.path, key=table.key)
        found[table.name] = list(step.canaries(parsed.seed))
    return found


def verdicts(root: Path) -> dict[str, list[dict[str, Any]]]:
    """What each filter said of each document of the corpus."""
    story = read_story(Workspace(root))
    assert story is not None
    return {
        entry.label: [row for part in story.parts for row in read_table(entry.verdicts(part)).to_pylist()]
        for entry in story.filters
    }


def computed(root: Path) -> Counter[tuple[str, str]]:
    """What was computed since the last look, by step and label."""
    found: Counter[tuple[str, str]] = Counter()
    for path in (root / ".forge" / "runs").glob("*.jsonl"):
        events = [json.loads(line) for line in path.read_text().splitlines()]
        found.update((str(fact["step"]), str(fact.get("label"))) for fact in events if fact["event"] == "computed")
        path.unlink()
    return found


def test_canaries_are_caught_and_no_export_holds_a_word_of_them(tmp_path: Path, run: Run) -> None:
    root = fill(tmp_path, recipe())
    run(root, "build", "--quiet")
    canaries = planted(root)
    assert all(canaries.values())
    text = read_back(root)
    assert notes()[50]["text"] in text  # the same search finds what is there
    pieces = [
        piece
        for made in canaries.values()
        for canary in made
        for document in canary.documents
        for piece in (document.text[:40], document.text[-40:], *canary.gone.get(document.id, ()))
        if len(piece) > 10
    ]
    assert len(pieces) > 50
    assert [piece for piece in pieces if piece in text] == []
    assert canary_text(23, "email", words=60)[:40] in pieces
    ids = [found for path in root.rglob("exports/**/*.parquet") for found in pq.read_table(path)["id"].to_pylist()]
    assert ids
    assert not any(found.startswith(PREFIX) for found in ids)


def test_each_filter_does_its_work_and_what_is_exported_came_in(tmp_path: Path, run: Run) -> None:
    root = fill(tmp_path, recipe())
    run(root, "build", "--quiet")
    said = verdicts(root)
    ids = [row["id"] for row in said["length"]]
    assert len(ids) == len(set(ids)) == len(notes())
    assert all([row["id"] for row in rows] == ids for rows in said.values())
    dropped = {label: {row["id"] for row in rows if not row["keep"]} for label, rows in said.items()}
    doers = {"length", "exact-dedup", "repetition", "near-dedup", "decontaminate", "license"}
    assert {label for label, found in dropped.items() if found} >= doers
    rewritten = {label: [row["changes"] for row in rows if row["changes"]] for label, rows in said.items()}
    assert (rewritten["pii"], rewritten["secrets"]) == (["email 1"], ["aws key 1"])
    out = {found for path in root.rglob("exports/**/*.parquet") for found in pq.read_table(path)["id"].to_pylist()}
    assert out == set(ids) - set.union(*dropped.values())
    text = read_back(root)
    assert "[EMAIL_1]" in text
    assert "[AWS_KEY_1]" in text
    assert not any(bad in text for bad in ("okonkwo", "QYLPMN5HHHFPZAM2", "hotel"))


def test_status_and_report_tell_rates_limits_and_canaries(tmp_path: Path, run: Run) -> None:
    root = fill(tmp_path, recipe(pii="min_drop_rate = 0.0\nmax_drop_rate = 0.25"))
    run(root, "build", "--quiet")
    facts = {fact["label"]: fact for fact in json.loads(run(root, "status", "--json"))["filters"]}
    assert len(facts) == 11
    assert all(fact["holds"] and fact["canaries"]["caught"] == fact["canaries"]["due"] > 0 for fact in facts.values())
    assert facts["length"]["removal"]["reached"] == len(notes())
    assert facts["length"]["removal"]["rate"] == 1 / len(notes())
    assert (facts["pii"]["removal"]["least"], facts["pii"]["removal"]["most"]) == (0.0, 0.25)
    table = run(root, "status").partition("Filters, at the last run\n")[2].splitlines()
    row = next(line for line in table if line.startswith("pii "))
    assert "0.00 % to 25.00 %" in row
    assert "5 of 5, floor 100.00 %" in row
    page = (root / "exports" / "main" / "report.html").read_text()
    assert "0.00 % to 25.00 %" in page
    assert "5 of 5" in page


def test_a_run_that_a_tripwire_ended_leaves_its_numbers_in_status(tmp_path: Path, run: Run) -> None:
    root = fill(tmp_path, recipe(min_chars=400))
    said = run(root, "build", "--quiet", status=1)
    assert "more than max_drop_rate = 0.5 allows" in said
    table = run(root, "status")
    row = next(line for line in table.splitlines() if line.startswith("length "))
    assert "(!)" in row
    assert "length: outside its limits" in table
    assert not (root / "exports").exists()
    facts = {fact["label"]: fact["holds"] for fact in json.loads(run(root, "status", "--json"))["filters"]}
    assert [label for label, holds in facts.items() if not holds] == ["length"]


def test_a_changed_threshold_computes_no_score_again(tmp_path: Path, run: Run) -> None:
    root = fill(tmp_path, recipe())
    run(root, "build", "--quiet")
    first = computed(root)
    assert min(first["scored", label] for label in ("length", "repetition", "language")) > 0
    before = verdicts(root)
    (root / "forge.toml").write_text(recipe(min_chars=230, max_ratio=2.0))
    run(root, "build", "--quiet")
    second = computed(root)
    assert min(second["decided", label] for label in ("length", "repetition")) > 0
    again = {label for step, label in second if step in ("scored", "judged")}
    assert not again & {"length", "language", "repetition"}  # the corpus that the others are shown has changed
    after = verdicts(root)
    for label in ("length", "repetition", "language"):
        assert [row["score"] for row in after[label]] == [row["score"] for row in before[label]]
    assert sum(row["keep"] for row in after["length"]) < sum(row["keep"] for row in before["length"])


def test_verdicts_are_the_same_for_any_number_of_workers(tmp_path: Path, run: Run) -> None:
    found = []
    for workers in ("1", "2"):
        root = fill(tmp_path / workers, recipe())
        run(root, "build", "--quiet", "--workers", workers)
        files = root.glob(".forge/verdicts/*/*.parquet")
        found.append({str(path.relative_to(root)): path.read_bytes() for path in files})
    assert len(found[0]) > 20
    assert found[0] == found[1]
