"""`SemanticMatch` with the packaged model, which must be there, on docstrings of the standard library."""

import inspect
import json
import random
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forge.canaries import planted
from forge.errors import PluginError, StepError
from forge.records import Document, arrow_schema, stable_id, to_row
from forge.steps import Context
from forge.testing import check_filter
from forge_filters.embedding import Encoder
from forge_filters.semantic_match import NOT_NEAREST, TOO_FAR, SemanticMatch
from forge_filters.semantic_match_report import section

SEEDS = ("shutil", "glob")
NEAR = ("os", "posixpath", "tempfile", "pathlib")
FAR = ("statistics", "random", "fractions", "calendar", "decimal", "colorsys", "textwrap", "locale")
STEP = SemanticMatch(seed_kinds=["api_doc"], top_k=4, sample=30, max_tokens=48)


def docstrings(name):
    """First paragraphs of what a module documents, distinct."""
    members = sorted(inspect.getmembers(import_module(name), callable), key=lambda item: item[0])
    found = [inspect.getdoc(member) for _, member in members if getattr(member, "__module__", "") in (name, "posix")]
    return sorted({text.split("\n\n")[0] for text in found if text and len(text) > 40})


def row(place, text, *, kind, domain="text"):
    values = dict.fromkeys(arrow_schema(Document).names, "")
    facts = {"id": stable_id(str(place)), "text": text, "kind": kind, "domain": domain, "source": "lib", "meta": "{}"}
    return {**values, **facts, "url": f"pydoc:{place}"}


@pytest.fixture(scope="module")
def rows():
    """Some 150 documents: seeds about files, documents about files, documents about other things, and code."""
    found = [
        row(f"{module}/{text}", text, kind=kind)
        for modules, kind, most in ((SEEDS, "api_doc", 12), (NEAR, "near", 18), (FAR, "far", 9))
        for module in modules
        for text in docstrings(module)[:most]
    ]
    found.append(row("a copy", next(item["text"] for item in found if item["kind"] == "near"), kind="near"))
    return [*found, row("code", "x = 1", kind="code", domain="code"), row("empty", "", kind="far")]


def context(folder: Path, lines=None):
    said = lines if lines is not None else []
    return Context(workspace=folder, cache=folder, scratch=folder, seed=0, http=None, log=said.append)


class Corpus:
    """Documents in batches of a size."""

    fingerprint = ""

    def __init__(self, rows, size=40):
        self.rows, self.size = rows, size

    def batches(self, columns):
        for start in range(0, len(self.rows), self.size):
            yield pa.RecordBatch.from_pylist(self.rows[start : start + self.size]).select(columns)


def verdicts(step, rows, state):
    answer = step.judge(pa.RecordBatch.from_pylist(rows).select(step.columns), state)
    columns = (answer.keep.to_pylist(), answer.score.to_pylist(), answer.reason.to_pylist())
    return {item["id"]: rest for item, *rest in zip(rows, *columns, strict=True)}


def matches_of(state):
    """What was retrieved, with the seed that it is nearest to."""
    return [row for row in pq.read_table(state / "evidence.parquet").to_pylist() if row["retrieved"]]


def bytes_of(state):
    return {path.name: path.read_bytes() for path in state.iterdir() if path.is_file()}


@pytest.fixture(scope="module")
def prepared(rows, tmp_path_factory):
    """State, and the lines of the log."""
    folder, lines = tmp_path_factory.mktemp("match"), []
    return STEP.prepare(Corpus(rows), context(folder, lines)), lines


def test_what_resembles_a_seed_stays(rows, prepared):
    found = verdicts(STEP, rows, prepared[0])
    kept = {kind: [found[item["id"]][0] for item in rows if item["kind"] == kind] for kind in ("near", "far")}
    assert sum(kept["near"]) / len(kept["near"]) > 3 * sum(kept["far"]) / len(kept["far"])
    assert len(rows) > 100
    assert {reason for _, _, reason in found.values()} >= {None, NOT_NEAREST}


def test_seeds_and_other_domains_stay_whatever_the_threshold(rows, prepared):
    found = verdicts(replace(STEP, min_similarity=1e9), rows, prepared[0])
    assert {item["kind"] for item in rows if found[item["id"]][0]} == {"api_doc", "code"}
    assert {reason for keep, _, reason in found.values() if not keep} == {NOT_NEAREST, TOO_FAR}


def test_the_state_says_which_seed_matched(rows, prepared):
    matches = matches_of(prepared[0])
    kinds = {item["id"]: item["kind"] for item in rows}
    found = verdicts(STEP, rows, prepared[0])
    assert all(kinds[match["seed"]] == "api_doc" for match in matches)
    assert all(found[match["id"]][1] == match["similarity"] for match in matches)
    urls = {item["id"]: item["url"] for item in rows}
    assert all(match["seed_url"] == urls[match["seed"]] for match in matches)
    names = [match["id"] for match in matches]
    assert names == sorted(names)


def test_matches_are_the_exact_top_k_by_hand(rows, tmp_path):
    import numpy as np

    step = replace(STEP, prefilter=0.0, top_k=2)
    matches = matches_of(step.prepare(Corpus(rows), context(tmp_path)))
    encode = Encoder(step.encoder()).encode
    seeds = [item for item in rows if item["kind"] == "api_doc"]
    judged = [item for item in rows if item["kind"] in ("near", "far")]
    every = encode([item["text"] for item in judged]) @ encode([item["text"] for item in seeds]).T
    best = {judged[place]["id"] for column in every.T for place in np.argsort(-column)[:2]}
    # The arithmetic by hand is not exact, so a tie may fall the other way.
    assert len(best ^ {match["id"] for match in matches}) <= 4
    at = {item["id"]: place for place, item in enumerate(judged)}
    assert all(abs(match["similarity"] - every[at[match["id"]]].max()) < 3e-3 for match in matches)


def test_any_order_and_batch_size_leaves_the_same_bytes(rows, prepared, tmp_path):
    shuffled = random.Random(1).sample(rows, len(rows))
    (tmp_path / "fresh").mkdir()
    state = STEP.prepare(Corpus(shuffled, size=7), context(tmp_path / "fresh"))
    assert bytes_of(state) == bytes_of(prepared[0])


def test_applied_twice_changes_nothing_more(rows, prepared, tmp_path):
    found = verdicts(STEP, rows, prepared[0])
    left = [item for item in rows if found[item["id"]][0]]
    given = replace(context(tmp_path), cache=prepared[0])
    assert all(keep for keep, _, _ in verdicts(STEP, left, STEP.prepare(Corpus(left), given)).values())
    assert len(left) < len(rows)


def test_the_filter_passes_the_check_for_filters(rows, prepared):
    few = pa.RecordBatch.from_pylist(rows, schema=arrow_schema(Document))
    answer = check_filter(STEP, few, replace(context(prepared[0]), cache=prepared[0]))
    assert set(answer.keep.to_pylist()) == {True, False}


def planted_rows(step, seed=0):
    """The canaries as the engine gives them: under its label."""
    return [{**to_row(document), "source": "~canaries"} for document in planted(step.canaries(seed))]


def fates_of(step, state):
    rows = planted_rows(step)
    return {
        item["id"].removeprefix("~canary/"): keep
        for item, (keep, _, _) in zip(rows, verdicts(step, rows, state).values(), strict=True)
    }


def test_canaries_change_nothing_of_what_is_retrieved(rows, prepared, tmp_path):
    given = replace(context(tmp_path), cache=prepared[0])
    state = STEP.prepare(Corpus([*rows, *planted_rows(STEP)]), given)
    real = [row for row in pq.read_table(state / "evidence.parquet").to_pylist() if not row["id"].startswith("~")]
    assert real == pq.read_table(prepared[0] / "evidence.parquet").to_pylist()
    assert (state / "report.json").read_bytes() == (prepared[0] / "report.json").read_bytes()
    assert fates_of(STEP, state) == {"seed": True, "b-copy": True, "a-other": False, "a-half": False, "elsewhere": True}


@pytest.mark.parametrize(
    "options",
    [
        {"seed_kinds": [], "seed_sources": ["lib"], "sources": ["other"]},
        {"seed_kinds": [], "seed_urls": ["pydoc:shutil/*"], "prefilter": 0.0, "min_similarity": -1.0},
        {"max_tokens": 8, "top_k": 1, "prefilter": 0.9, "precision": "float32"},
        {"similarity": "dot", "prefilter": 0.0, "pooling": "cls"},
    ],
)
def test_canaries_hold_for_any_options(options, rows, prepared, tmp_path):
    step = replace(STEP, **options)
    few = [item for item in rows if item["kind"] != "far"][:20]
    given = replace(context(tmp_path), cache=prepared[0])
    fates = fates_of(step, step.prepare(Corpus([*few, *planted_rows(step)]), given))
    assert {name for name, keep in fates.items() if keep} == {"seed", "b-copy", "elsewhere"}


def test_a_threshold_that_nothing_reaches_fails_on_the_canaries(rows, prepared):
    few = pa.RecordBatch.from_pylist(rows[:20], schema=arrow_schema(Document))
    with pytest.raises(PluginError, match=r"innocent canaries: a copy of a seed \(b-copy was dropped\)"):
        check_filter(replace(STEP, min_similarity=1.01), few, replace(context(prepared[0]), cache=prepared[0]))


def test_the_section_says_what_the_state_says(prepared):
    told = STEP.report(prepared[0])
    facts = json.loads((prepared[0] / "report.json").read_text())
    assert f"{facts['similarity']['retrieved']:.3f} of what is retrieved" in told.lines[1]
    assert len(told.tables[0].rows) == len(facts["prefilter"]["levels"])
    assert not told.warnings
    facts["similarity"]["retrieved"] = facts["similarity"]["random"]
    facts["prefilter"]["recall_of_top_k"] = 0.5
    assert [line.partition(":")[0] for line in section(facts).warnings] == [
        "What is retrieved is no nearer to the seeds than random text",
        "The prefilter loses 50% of what top_k keeps",
    ]


def test_only_new_documents_are_embedded(rows, prepared, tmp_path):
    lines = []
    given = replace(context(tmp_path, lines), cache=prepared[0])
    STEP.prepare(Corpus([*rows, row("new", "Copy a file and its permissions to another folder.", kind="near")]), given)
    assert any(line.endswith("1 texts were embedded now") for line in lines)


def test_retrieved_text_is_nearer_than_random_text_and_the_log_says_so(prepared):
    report = json.loads((prepared[0] / "report.json").read_text())
    assert report["similarity"]["retrieved"] > report["similarity"]["random"] + 0.05
    assert report["similarity"]["random_documents"] == STEP.sample
    assert any("mean similarity to the nearest seed" in line for line in prepared[1])


def test_the_recall_of_the_prefilter_is_measured_against_the_exact_answer(rows, tmp_path, prepared):
    whole = replace(STEP, sample=10_000, prefilter=0.12)
    given = replace(context(tmp_path), cache=prepared[0])
    report = json.loads((whole.prepare(Corpus(rows), given) / "report.json").read_text())["prefilter"]
    assert 0 < report["share_embedded"] < 1
    shares = [level["recall"] for level in report["levels"]]
    assert shares[0] == report["share_embedded"] < shares[-1]
    assert report["share_embedded"] < report["recall_of_top_k"] <= 1


def test_a_threshold_is_no_part_of_the_scores(rows, prepared):
    batch = pa.RecordBatch.from_pylist(rows).select(STEP.columns)
    scores = STEP.score(batch, prepared[0])
    strict = replace(STEP, min_similarity=0.9)
    assert strict.score(batch, prepared[0]) == scores
    assert sum(strict.decide(scores).keep.to_pylist()) < sum(STEP.decide(scores).keep.to_pylist())


def test_seeds_by_source_and_by_address(rows):
    batch = pa.RecordBatch.from_pylist(rows)
    by_url = replace(STEP, seed_kinds=[], seed_urls=["pydoc:shutil/*", "pydoc:g?ob*"]).seeds(batch).to_pylist()
    assert [item["url"].startswith("pydoc:shutil/") for item in rows] == by_url
    assert all(replace(STEP, seed_kinds=[], seed_sources=["lib"]).seeds(batch).to_pylist())
    assert not any(replace(STEP, sources=["other"]).judged(batch).to_pylist())


def test_nothing_to_judge_is_an_answer(rows, prepared, tmp_path):
    seeds = [item for item in rows if item["kind"] == "api_doc"]
    given = replace(context(tmp_path), cache=prepared[0])
    assert all(keep for keep, _, _ in verdicts(STEP, seeds, STEP.prepare(Corpus(seeds), given)).values())


def test_no_seeds_is_an_error(rows, tmp_path):
    with pytest.raises(StepError, match="no document is a seed"):
        replace(STEP, seed_kinds=["no such kind"]).prepare(Corpus(rows), context(tmp_path))


@pytest.mark.parametrize(("options", "match"), [({}, "no seeds are named"), ({"top_k": 0}, "too few")])
def test_options_that_cannot_be_meant_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        SemanticMatch(**options) if not options else replace(STEP, **options)
