import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.errors import StepError
from forge.steps import EVIDENCE_FILE
from forge.testing import check_filter, context, documents
from forge.testing.fakes import MemoryCorpus
from forge_filters.decontaminate import MASK, Decontaminate, DecontaminateMask, mask
from forge_filters.decontaminate_evidence import CLEAN_FILE, LEFT_OUT_FILE

QUERY = "Please find me a quiet hotel near the old harbour in Bergen for two nights, with breakfast and a view."
SHORT = "Who painted the blue ceiling?"
CALL = {"name": "book_hotel", "arguments": {"city": "Bergen", "nights": 2, "breakfast": True, "near": "old harbour"}}
STATE = {"booking": {"city": "Bergen", "hotel": "Havnekontoret"}, "paid": 310.5, "guest": "Ida Holm", "rooms": [1, 2]}
TASKS = [
    {"id": "t1", "query": QUERY, "reference": CALL, "state": STATE},
    {
        "id": "t4",
        "reference": ["find(path='.', name='test')", {"name": "fit", "arguments": {"año": 7, "rows": [[1, 2], [3]]}}],
    },
    {"id": "t2", "query": SHORT, "reference": "Michelangelo"},
    {"id": "t3", "query": "Please find me a cheap flight near the end of May for two people, with luggage and a meal."},
]
PROSE = "The harbour was quiet that morning, and nobody had yet come down to look at the boats. " * 3
OPTIONS = {"benchmarks": [], "files": {"hotels": "tasks.jsonl"}}

LEAKS = {
    "query": QUERY,
    "capitals": QUERY.upper(),
    "respaced": QUERY.replace(" ", "\n\t"),
    "no punctuation": QUERY.replace(",", "").replace(".", ""),
    "in JSON": json.dumps({"role": "user", "content": f"Hello.\n{QUERY}"}),
    "most of it": QUERY[20:],
    "short": SHORT,
    "short in capitals": SHORT.upper(),
    "call": json.dumps(CALL),
    "call, keys reversed": json.dumps(
        {"arguments": dict(reversed(CALL["arguments"].items())), "name": CALL["name"]}, indent=2
    ),
    "call in Python": "book_hotel(near='old harbour', nights=2, breakfast=True, city='Bergen')",
    "call with a float": "book_hotel(near='old harbour', nights=2.0, breakfast=True, city='Bergen', smoking=False)",
    "call as tags": "<book_hotel><nights>2</nights><city>Bergen</city><near>old harbour</near>"
    "<breakfast>true</breakfast></book_hotel>",
    "call with nested lists and an escaped key": json.dumps(
        {"name": "fit", "arguments": {"rows": [[1, 2], [3]], "año": 7}}
    ),
    "state": json.dumps(dict(reversed(STATE.items()))),
    "state in YAML": "rooms: [1, 2]\nguest: Ida Holm\nbooking:\n  hotel: Havnekontoret\n  city: Bergen\npaid: 310.5",
}
CLEAN = {
    "prose": PROSE,
    "the beginning of a query": "Please find me a quiet hotel near the old town of Riga.",
    "a call with another value": "book_hotel(near='old harbour', nights=3, breakfast=True, city='Bergen')",
    "a call that lacks a value": "book_hotel(near='old harbour', nights=2, city='Bergen')",
    "values far from the name": "book_hotel " + PROSE * 5 + " nights 2 city Bergen near old harbour breakfast true",
    "a piece of a short one": "who painted the ceiling",
    "a value that is but a sign says nothing": "find(path='/tmp', name='test')",
    "nothing": "",
    "signs": "?! \n ...",
}


@pytest.fixture
def ready(tmp_path):
    (tmp_path / "tasks.jsonl").write_text("\n".join(json.dumps(task) for task in TASKS))
    return context(tmp_path)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with the tasks, and the index of them."""
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "tasks.jsonl").write_text("\n".join(json.dumps(task) for task in TASKS))
    return Decontaminate(**OPTIONS, evidence=False).prepare(MemoryCorpus(documents("a")), context(folder))


def judged(state, *texts, **options):
    return Decontaminate(**OPTIONS, **options).judge(pa.RecordBatch.from_pydict({"text": list(texts)}), state)


@pytest.mark.parametrize("name", LEAKS)
def test_leaks_are_dropped(prepared, name):
    verdicts = judged(prepared, f"{PROSE}\n{LEAKS[name]}\n{PROSE}")
    assert verdicts.keep.to_pylist() == [False]
    assert verdicts.reason.to_pylist() == ["benchmark leak"]


@pytest.mark.parametrize("name", CLEAN)
def test_what_only_comes_near_stays(prepared, name):
    assert judged(prepared, CLEAN[name]).keep.to_pylist() == [True]


@pytest.mark.parametrize("step", [Decontaminate(**OPTIONS), DecontaminateMask(**OPTIONS)])
def test_contract(ready, step):
    check_filter(step, documents(*LEAKS.values(), *CLEAN.values(), PROSE + QUERY + LEAKS["call"] + QUERY), ready)


@pytest.mark.parametrize("ngram", [5, 6, 13, 30])
def test_canaries_are_caught_whatever_the_lengths(ready, ngram):
    check_filter(Decontaminate(**OPTIONS, ngram=ngram, min_words=5), documents(PROSE, QUERY), ready)


WORDS = st.sampled_from([*QUERY.split(), *SHORT.split(), "book_hotel", "nights", "2", "city", "true", "\n", "{", "é"])
PIECES = st.sampled_from([*LEAKS.values(), *CLEAN.values()])


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.lists(WORDS | PIECES, max_size=12).map(" ".join), min_size=1, max_size=5))
def test_verdicts_are_free_of_order_and_batch_and_masking_is_final(prepared, texts):
    whole = judged(prepared, *texts)
    alone = [judged(prepared, text) for text in texts]
    assert whole.score.to_pylist() == [one.score[0].as_py() for one in alone]
    assert whole.keep.to_pylist() == judged(prepared, *texts[::-1]).keep.to_pylist()[::-1]
    masks = DecontaminateMask(**OPTIONS).judge(pa.RecordBatch.from_pydict({"text": texts}), prepared)
    assert [text is None for text in masks.text.to_pylist()] == whole.keep.to_pylist()
    after = [new or old for new, old in zip(masks.text.to_pylist(), texts, strict=True)]
    assert judged(prepared, *after).keep.to_pylist() == [True] * len(texts)


def test_masking_says_what_and_leaves_the_rest(prepared):
    text = f"Before. {QUERY} Between: {json.dumps(CALL)} After."
    verdicts = DecontaminateMask(**OPTIONS).judge(pa.RecordBatch.from_pydict({"text": [text, PROSE]}), prepared)
    assert verdicts.text.to_pylist() == [f'Before. {MASK}. Between: {{"name": "{MASK}"}}}} After.', None]
    assert verdicts.changes.to_pylist() == ["hotels 2", None]
    assert verdicts.score.to_pylist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("spans", "expected"),
    [([(0, 2), (4, 6)], f"{MASK}cd{MASK}"), ([(1, 3), (2, 5)], f"a{MASK}f"), ([(1, 5), (2, 3)], f"a{MASK}f")],
)
def test_mask_joins_what_overlaps(spans, expected):
    assert mask("abcdef", spans) == expected


def test_report_drops_nothing_and_scores(prepared):
    verdicts = judged(prepared, QUERY, PROSE, action="report")
    assert verdicts.keep.to_pylist() == [True, True]
    assert verdicts.score.to_pylist() == [1.0, 0.0]


def test_report_ends_where_planted_leaks_are_not_found(ready):
    class Blind(Decontaminate):
        def score(self, batch, state):
            return pa.array([0.0] * batch.num_rows)

    Decontaminate(**OPTIONS, action="report").prepare(MemoryCorpus(documents(PROSE)), ready)
    with pytest.raises(StepError, match=r"0 of 1 documents are found with min_overlap"):
        Blind(**OPTIONS, action="report").prepare(MemoryCorpus(documents(PROSE)), ready)


def test_the_threshold_changes_no_score(prepared):
    batch = pa.RecordBatch.from_pydict({"text": [QUERY[:60], QUERY[20:], *CLEAN.values()]})
    low, high = Decontaminate(**OPTIONS, min_overlap=0.3), Decontaminate(**OPTIONS, min_overlap=0.9)
    assert low.score(batch, prepared) == high.score(batch, prepared)
    assert low.judge(batch, prepared).keep.true_count < high.judge(batch, prepared).keep.true_count


def test_boilerplate_counts_less_than_what_is_a_tasks_own(ready, tmp_path):
    stem = "For which of these two scenarios does the main character do something clearly morally wrong"
    tasks = [{"query": f"{stem} {number} tells the {number} truth to friend number {number}"} for number in range(40)]
    (tmp_path / "tasks.jsonl").write_text("\n".join(json.dumps(task) for task in tasks))
    state = Decontaminate(**OPTIONS, evidence=False).prepare(MemoryCorpus(documents("a")), ready)
    assert judged(state, f"{stem}? {PROSE}", tasks[7]["query"]).keep.to_pylist() == [True, False]


def test_evidence_says_document_span_and_item(ready):
    text = f"{PROSE}Ünïcode {QUERY} {PROSE}"
    batch = documents(PROSE, text, json.dumps(CALL))
    state = Decontaminate(**OPTIONS).prepare(MemoryCorpus(batch), ready)
    rows = pq.read_table(state / EVIDENCE_FILE).to_pylist()
    ids = batch.column("id").to_pylist()
    assert [(row["id"], row["benchmark"], row["item"], row["field"], row["kind"]) for row in rows] == [
        (ids[1], "hotels", "t1", "query", "n-grams"),
        (ids[2], "hotels", "t1", "reference", "call"),
    ]
    assert text[rows[0]["start"] : rows[0]["end"]] == rows[0]["found"] == QUERY.rstrip(".")
    assert rows[0]["score"] == 1.0


def test_what_was_found_clean_is_judged_as_if_it_were_looked_through_again(prepared, ready):
    seen = [*LEAKS.values(), *CLEAN.values()]
    state = Decontaminate(**OPTIONS).prepare(MemoryCorpus(documents(*seen)), ready)
    texts = [*seen, PROSE + QUERY, QUERY[20:60], None, *reversed(seen)]
    assert judged(state, *texts).score == judged(prepared, *texts).score
    assert len(np.load(state / CLEAN_FILE)) == judged(prepared, *set(CLEAN.values())).score.to_pylist().count(0.0)


def test_what_says_too_little_is_listed(ready, tmp_path):
    lines = []
    tasks = [*TASKS, {"id": "t5", "query": "Who?", "reference": ["cd('x')", {"name": "go", "arguments": {"to": 1}}]}]
    (tmp_path / "tasks.jsonl").write_text("\n".join(json.dumps(task) for task in tasks))
    step = Decontaminate(**OPTIONS, evidence=False)
    state = step.prepare(MemoryCorpus(documents("a")), replace(ready, log=lines.append))
    listed = [json.loads(line) for line in (state / LEFT_OUT_FILE).read_text().splitlines()]
    assert [(row["item"], row["field"], row["what"]) for row in listed] == [
        ("t2", "reference", "Michelangelo"),
        ("t5", "query", "Who?"),
        ("t4", "reference", "find(path=., name=test)"),
        ("t5", "reference", "cd(x)"),
        ("t5", "reference", "go(to=1)"),
    ]
    assert "5 more are too short or too general" in lines[0]
    assert lines[1].endswith(str(state / LEFT_OUT_FILE))


def test_its_files_are_its_inputs(tmp_path):
    step = Decontaminate(files={"b": "two.jsonl", "a": "/one.jsonl"})
    assert step.inputs(tmp_path) == [Path("/one.jsonl"), tmp_path / "two.jsonl"]


def test_the_same_tasks_give_the_same_bytes(ready, tmp_path):
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        state = Decontaminate(**OPTIONS).prepare(
            MemoryCorpus(documents(QUERY)), replace(ready, scratch=tmp_path / name)
        )
        files.append([path.read_bytes() for path in sorted(state.iterdir())])
    assert files[0] == files[1]


def test_only_the_fields_asked_for(ready):
    state = Decontaminate(**OPTIONS, fields=["reference"], evidence=False).prepare(MemoryCorpus(documents("a")), ready)
    assert judged(state, QUERY, LEAKS["call"]).keep.to_pylist() == [True, False]


def test_a_benchmark_with_nothing_to_look_for_is_an_error(ready):
    with pytest.raises(StepError, match="hotels holds nothing to look for in query; name its keys"):
        Decontaminate(**OPTIONS, query_keys=["text"], fields=["query"]).prepare(MemoryCorpus(documents("a")), ready)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_overlap": 0.1}, "min_overlap"),
        ({"min_words": 3}, "min_words"),
        ({"min_words": 9}, "min_words = 9 and ngram = 8"),
        ({"benchmarks": ["gsm8k"]}, 'files = {gsm8k = "PATH"}'),
        ({"benchmarks": []}, "nothing to look for"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message.replace("{", r"\{")):
        Decontaminate(**options)
