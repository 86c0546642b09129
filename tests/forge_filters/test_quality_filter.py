"""The filter `quality`: trained on labels whose truth is known."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.errors import PluginError
from forge.files import file_hash
from forge.records import stable_id
from forge.steps import Context, canary_text
from forge.testing import MemoryCorpus, check_filter, context, documents
from forge_filters.quality import Quality, read_report
from forge_filters.quality_calibration import auc, cuts, platt, reliance, wilson
from forge_filters.quality_labels import FOLDER, SIDES, noise, read_labels, sides
from forge_filters.quality_model import load
from forge_filters.quality_report import section, step_for
from forge_filters.quality_training import POSITIVE, train
from forge_filters.quality_words import LONGEST, hash_of, line

GOOD = ["call", "endpoint", "with", "these", "parameters", "read", "response", "body", "status", "header", "token"]
BAD = ["subscribe", "now", "best", "offer", "cookies", "banner", "login", "share", "click", "cheap", "deals"]
COMMON = [f"word{number}" for number in "abcdefghijklmnopqrstuvwxyz"]


def text_of(good: bool, draw: random.Random) -> str:
    own, other = (GOOD, BAD) if good else (BAD, GOOD)
    words = draw.choices(own, k=14) + draw.choices(other, k=5) + draw.choices(COMMON, k=20)
    draw.shuffle(words)
    return " ".join(words)


def write_labels(workspace: Path, rows: list[dict[str, Any]], name: str = "general", chars: int | None = None) -> str:
    folder = workspace / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    schema = pa.schema(
        [
            *[(name, pa.string()) for name in ("key", "source", "origin")],
            ("text", pa.large_string()),
            *[(name, pa.bool_()) for name in ("label", "second")],
        ],
        metadata={"rubric": "general", "model": "scripted", **({"chars": str(chars)} if chars else {})},
    )
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), folder / "new.parquet")
    name = f"{name}-{file_hash(folder / 'new.parquet')[:12]}"
    (folder / "new.parquet").replace(folder / f"{name}.parquet")
    return name


def rows_of(count: int, *, wrong: float = 0.05, seed: int = 0) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        good = draw.random() < 0.4
        text = text_of(good, draw)
        label = good if draw.random() >= wrong else not good
        second = (good if draw.random() >= wrong else not good) if draw.random() < 0.3 else None
        rows.append({"key": stable_id(text), "source": f"web{number % 3}", "origin": f"host{number % 90}"})
        rows[-1] |= {"text": text, "label": label, "second": second}
    return rows


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    workspace = tmp_path_factory.mktemp("workspace")
    return workspace, write_labels(workspace, rows_of(1200))


@pytest.fixture(scope="module")
def prepared(labelled: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    workspace, name = labelled

    def prepare(step: Quality | None = None, *, seed: int = 0) -> Path:
        scratch = tmp_path_factory.mktemp("state")
        given = replace(context(workspace, seed=seed), scratch=scratch)
        state = (step or Quality(labels=name)).prepare(MemoryCorpus(documents("x")), given)
        assert state is not None
        return state

    return prepare


@pytest.fixture(scope="module")
def state(prepared: Callable[..., Path]) -> Path:
    return prepared()


def test_it_keeps_its_contract(labelled: tuple[Path, str]) -> None:
    workspace, name = labelled
    draw = random.Random(1)
    texts = [text_of(number % 2 == 0, draw) for number in range(40)]
    batch = documents(*texts, "", "ÿ" * 300, "日本語 " * 9, "\n\n")
    verdicts = check_filter(Quality(labels=name), batch, context(workspace))
    wrong = [keep != (number % 2 == 0) for number, keep in enumerate(verdicts.keep.to_pylist()[:40])]
    assert sum(wrong) <= 1  # of the labels one in twenty was wrong
    assert set(verdicts.reason.to_pylist()[:40]) == {None, "low quality"}
    assert set(verdicts.reason.to_pylist()[40:]) == {"unlike all that was labelled"}


@pytest.mark.parametrize("target", [0.05, 0.5, 0.85])
def test_what_no_label_speaks_for_is_not_kept_at_any_target(target: float, labelled: tuple[Path, str]) -> None:
    """A fifth of the words have to be known; the canaries hold to it in every run, whatever was learned."""
    step = Quality(labels=labelled[1], target_precision=target)
    known, strange = " ".join(GOOD), " ".join(f"zz{word}qq" for word in GOOD * 5)
    batch = documents(f"{known} {known} {known} {strange}", f"{known} {strange}", canary_text(0, "x"), "- | * " * 40)
    found = check_filter(step, batch, context(labelled[0]))
    assert found.reason.to_pylist() == [None, *["unlike all that was labelled"] * 3]


def test_canaries_hold_for_labels_that_teach_the_opposite(tmp_path: Path) -> None:
    """Good and bad the other way round, and a domain that is not judged: the canaries rest on neither."""
    name = write_labels(tmp_path, [{**row, "label": not row["label"], "second": None} for row in rows_of(900)])
    step = Quality(labels=name, domains=["code", "text"], target_precision=0.6)
    batch = documents(" ".join(BAD), " ".join(GOOD), domain="code")
    assert check_filter(step, batch, context(tmp_path)).keep.to_pylist() == [True, False]
    everything = Quality(labels=name, domains=["agent", "code", "text"])
    assert [canary.kept for canary in everything.canaries(0)] == [()]


class Forgetful(Quality):
    """Finds all of it good."""

    def score(self, batch: Any, state: Path | None) -> Any:
        return pa.array([1.0] * batch.num_rows, pa.float64())


def test_a_filter_that_lost_what_it_learned_fails_on_its_canaries(labelled: tuple[Path, str]) -> None:
    with pytest.raises(PluginError, match=r"of its canaries it catches 0\.0%"):
        check_filter(Forgetful(labels=labelled[1]), documents("x"), context(labelled[0]))


def test_a_document_is_judged_by_as_much_of_it_as_the_labels_are_of(tmp_path: Path) -> None:
    name = write_labels(tmp_path, rows_of(900), chars=250)
    (tmp_path / "state").mkdir()
    step = Quality(labels=name)
    state = step.prepare(MemoryCorpus(documents("x")), replace(context(tmp_path), scratch=tmp_path / "state"))
    draw = random.Random(8)
    text = (text_of(True, draw) + " ") * 3
    scores = step.score(documents(text[:250], text, text[:250] + " ".join(BAD * 50)), state).to_pylist()
    assert scores[0] == scores[1] == scores[2] > 0.8


def test_texts_that_the_classifier_cannot_tell_apart_count_once(tmp_path: Path) -> None:
    rows = rows_of(60)
    twins = [
        {**row, "text": row["text"].upper() + " !", "key": stable_id(row["text"].upper()), "source": "other"}
        for row in rows
    ]
    labels = read_labels(tmp_path, write_labels(tmp_path, rows + twins))
    assert (len(labels.keys), labels.alike) == (60, 60)
    assert len({line(text) for text in labels.texts}) == 60


def test_documents_of_other_domains_stay(state: Path, labelled: tuple[Path, str]) -> None:
    batch = documents(" ".join(BAD), domain="code")
    assert Quality(labels=labelled[1]).judge(batch, state).keep.to_pylist() == [True]
    own = Quality(labels=labelled[1], domains=["code"])
    assert own.judge(batch, state).keep.to_pylist() == [False]


def test_the_same_labels_and_seed_give_the_same_bytes(prepared: Callable[..., Path], state: Path) -> None:
    again = prepared()
    files = sorted(path.name for path in state.iterdir())
    assert files == sorted(path.name for path in again.iterdir())
    assert len(files) == 5
    assert all((state / name).read_bytes() == (again / name).read_bytes() for name in files)
    other = prepared(seed=7)
    assert (state / "quality.json").read_bytes() != (other / "quality.json").read_bytes()


def test_what_the_cut_keeps_is_as_good_as_it_promises(state: Path, labelled: tuple[Path, str]) -> None:
    """On fresh documents whose truth is known; one label in twenty was wrong, which a precision of 0.9 allows for."""
    draw = random.Random(99)
    truth = [draw.random() < 0.4 for _ in range(2000)]
    batch = documents(*(text_of(good, draw) for good in truth))
    step = Quality(labels=labelled[1], target_precision=0.85)
    keep = step.judge(batch, state).keep.to_numpy(zero_copy_only=False)
    assert np.mean(np.array(truth)[keep]) > 0.85
    assert np.count_nonzero(keep) > 0.7 * sum(truth)


def test_a_higher_target_keeps_a_subset(state: Path, labelled: tuple[Path, str]) -> None:
    draw = random.Random(5)
    batch = documents(*(text_of(draw.random() < 0.4, draw) for _ in range(500)))
    base = Quality(labels=labelled[1])
    scores = base.score(batch, state)
    kept = [
        set(np.flatnonzero(Quality(labels=labelled[1], target_precision=target).decide(scores).keep.to_numpy(False)))
        for target in (0.1, 0.5, 0.8, 0.9, 0.99)
    ]
    assert all(higher <= lower for lower, higher in pairwise(kept))
    assert len(kept[0]) > len(kept[-1])


def test_the_report_says_what_the_classifier_is_worth(state: Path) -> None:
    report = read_report(state)
    assert report["fit"]["auc"] > 0.9
    assert {row["baseline"]: row["as_well"] for row in report["baselines"]} == dict.fromkeys(
        ("length", "boilerplate", "source"), False
    )
    assert [row["source"] for row in report["sources"]] == ["web0", "web1", "web2"]
    kept = [row["kept"] for row in report["curve"]]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] == 1.0
    step = step_for(report, 0.8)
    assert step is not None
    assert step["low"] <= step["precision"] <= step["high"]
    assert report["labels"]["noise"] == pytest.approx(0.05, abs=0.03)
    told = section(report, target=0.8)
    tables = {table.title.partition(":")[0].partition(",")[0]: table for table in told.tables}
    assert list(tables) == [
        "The cut for a precision of 0.8",
        "Against what knows less",
        "Drift by source",
        "Yield curve",
    ]
    cut = dict(
        zip(
            tables["The cut for a precision of 0.8"].columns,
            tables["The cut for a precision of 0.8"].rows[0],
            strict=True,
        )
    )
    assert cut["From"] == step["low"] <= cut["Precision"] <= cut["To"]
    assert {row[0] for row in tables["Drift by source"].rows} == {"web0", "web1", "web2"}
    assert "asked for twice" in " ".join(told.lines)


@pytest.mark.parametrize("leak", ["length", "boilerplate", "source"])
def test_a_label_that_hangs_on_something_else_is_found_out(leak: str, tmp_path: Path) -> None:
    draw = random.Random(3)
    rows = []
    for number in range(600):
        good = number % 2 == 0
        text = " ".join(draw.choices(COMMON, k=60 if leak == "length" and good else 20)) + f" x{number}"
        if leak == "boilerplate":
            text += "\nHome | About\n" if good else "\nTerms of use\n"
        source = f"web{number % 2}" if leak == "source" else "web"
        rows.append({"key": stable_id(text), "source": source, "origin": str(number), "text": text})
        rows[-1] |= {"label": good, "second": None}
    name = write_labels(tmp_path, rows)
    (tmp_path / "s").mkdir()
    from forge_filters.quality_prepare import prepare

    report = prepare(name, replace(context(tmp_path), scratch=tmp_path / "s"), shape=(8, 5))
    assert next(row["as_well"] for row in report["baselines"] if row["baseline"] == leak)
    assert any(f"by {leak} alone" in line for line in report["warnings"])


def test_no_document_and_no_origin_is_on_two_sides(labelled: tuple[Path, str]) -> None:
    labels = read_labels(*labelled)
    side = sides(labels, seed=0)
    by_origin: dict[tuple[str, str], set[int]] = {}
    for source, origin, place in zip(labels.sources, labels.origins, side.tolist(), strict=True):
        by_origin.setdefault((source, origin), set()).add(place)
    assert all(len(places) == 1 for places in by_origin.values())
    assert len(set(labels.keys)) == len(labels.keys)
    assert set(side.tolist()) == set(range(len(SIDES)))


def test_missing_damaged_and_few_labels_are_refused(tmp_path: Path) -> None:
    given = context(tmp_path)

    def prepare(name: str, given: Context = given) -> None:
        Quality(labels=name).prepare(MemoryCorpus(documents("x")), given)

    with pytest.raises(ValueError, match="run `forge label`"):
        prepare("")
    with pytest.raises(ValueError, match="no labels 'general-000000000000'"):
        prepare("general-000000000000")
    few = write_labels(tmp_path, rows_of(12))
    with pytest.raises(ValueError, match="12 labels are too few"):
        prepare(few)
    path = tmp_path / FOLDER / f"{few}.parquet"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ValueError, match="damaged"):
        prepare(few)


def test_a_target_that_no_cut_reaches_is_refused_with_the_best(labelled: tuple[Path, str]) -> None:
    with pytest.raises(ValueError, match=r"no cut reaches a precision of 0.999 \(best: 0\.\d\d\); label more"):
        Quality(labels=labelled[1], target_precision=0.999).prepare(MemoryCorpus(documents("x")), context(labelled[0]))


def test_the_model_says_what_fasttext_says(tmp_path: Path) -> None:
    import fasttext

    draw = random.Random(2)
    truth = np.array([number % 2 == 0 for number in range(200)])
    texts = [text_of(bool(good), draw) + " Größe 日本 v2.1 /users/{id}" for good in truth]
    model = train(texts, truth, scratch=tmp_path, seed=0, shape=(16, 5))
    path = tmp_path / "train.txt"
    path.write_bytes(
        b"".join(
            (POSITIVE if good else "__label__no").encode() + b" " + line(text) + b"\n"
            for text, good in zip(texts, truth, strict=True)
        )
    )
    peer = fasttext.train_supervised(
        input=str(path), dim=16, epoch=5, lr=0.5, wordNgrams=2, minCount=2, bucket=1 << 17, thread=1, seed=0, verbose=0
    )
    probes = [*texts[:50], "", "unknown wörds", "call CALL 123", "x" * 500, "a\tb\nc"]
    ours = 1 / (1 + np.exp(-model.logits(pa.array(probes))))
    labels, chances = peer.predict([line(text).decode() for text in probes], k=2)
    theirs = [float(row[list(names).index(POSITIVE)]) for names, row in zip(labels, chances, strict=True)]
    assert np.max(np.abs(ours - np.array(theirs))) < 1e-4


def test_the_words_of_a_text() -> None:
    assert line("GET /users/{id}?n=42\nGröße_X") == b"get users id n 00 gr\xc3\xb6\xc3\x9fe x"
    assert line("y" * 100) == b"y" * LONGEST
    assert line("") == b""
    from forge_filters import quality_words

    assert int(quality_words._END_OF_TEXT) == hash_of(b"</s>")


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(max_size=80), min_size=1, max_size=8), data=st.data())
def test_a_texts_score_depends_on_the_text_alone(state: Path, texts: list[str], data: st.DataObject) -> None:
    texts = [text.encode("utf-8", "ignore").decode() for text in texts]
    model = load(state)
    whole = model.logits(pa.array(texts, pa.string()))
    order = data.draw(st.permutations(range(len(texts))))
    again = model.logits(pa.array([texts[place] for place in order], pa.string()))
    assert again.tolist() == whole[list(order)].tolist()
    sliced = pa.array(["before", *texts, "after"], pa.large_string()).slice(1, len(texts))
    assert model.logits(sliced).tolist() == whole.tolist()


@given(st.integers(0, 200), st.integers(0, 200))
def test_wilson_holds_the_share_and_narrows(right: int, more: int) -> None:
    total = right + more
    low, high = wilson(right, total)
    assert 0.0 <= low <= high <= 1.0
    if total:
        assert low - 1e-12 <= right / total <= high + 1e-12
        wider = wilson(right, total)
        narrower = wilson(right * 10, total * 10)
        assert narrower[1] - narrower[0] < wider[1] - wider[0]


def test_wilson_is_as_published() -> None:
    """Newcombe, "Two-sided confidence intervals for the single proportion", 1998, table I: 81 of 263."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-20, 20), st.booleans()), min_size=1, max_size=60))
def test_the_staircase_ascends_and_keeps_its_promise(pairs: list[tuple[int, bool]]) -> None:
    logits = np.array([pair[0] for pair in pairs], np.float64)
    labels = np.array([pair[1] for pair in pairs], np.bool_)
    edges, heights = reliance(cuts(logits, labels))
    assert edges[0] == logits.min()
    assert np.all(np.diff(edges) > 0)
    assert np.all(np.diff(heights) > 0)
    for edge, height in zip(edges, heights, strict=True):
        kept = logits >= edge
        assert wilson(int(labels[kept].sum()), int(kept.sum()))[0] >= height


def test_platt_finds_the_sigmoid_that_made_the_labels() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(size=20_000)
    labels = draw.random(20_000) < 1 / (1 + np.exp(-(2.0 * logits - 0.7)))
    found = platt(logits, labels)
    assert found.slope == pytest.approx(2.0, abs=0.1)
    assert found.shift == pytest.approx(-0.7, abs=0.06)
    apart = platt(np.array([-1.0, -2.0, 3.0, 4.0]), np.array([False, False, True, True]))
    assert 0 < apart.slope < 10


def test_auc_counts_ties_half() -> None:
    assert auc(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, False, True, True])) == 1.0
    assert auc(np.array([1.0, 1.0]), np.array([False, True])) == 0.5
    assert auc(np.array([1.0]), np.array([True])) == 0.5


def test_noise_of_labels_that_all_agree_is_none(tmp_path: Path) -> None:
    rows = [{**row, "second": row["label"]} for row in rows_of(60)]
    found = noise(read_labels(tmp_path, write_labels(tmp_path, rows)))
    assert found == {"twice": 60, "disagree": 0.0, "kappa": 1.0, "noise": 0.0}
    assert json.dumps(found)
