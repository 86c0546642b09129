import random
import re
import resource
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.canaries import planted as planted_documents
from forge.errors import PluginError, StepError, WorkspaceError
from forge.records import to_json
from forge.steps import Context
from forge.testing import MemoryCorpus, check_filter, documents
from forge_filters.near_dedup import NEAR, SAME_API, NearDedup

WORD = re.compile("[0-9A-Za-z_\u00aa\u00b5\u00ba\u00c0-\u1fff\u2080-\u2fff]+|[\u3040-\U0010ffff]")
SURE = {"permutations": 64, "bands": 64}
BASE = " ".join(f"word{number}" for number in range(300))


def shingles(text, ngram):
    words = [word if not word.isascii() else word.lower() for word in WORD.findall(text)]
    return {tuple(words[place : place + ngram]) for place in range(max(1, len(words) - ngram + 1))} if words else set()


def oracle(rows, *, threshold, ngram):
    """(id, survivor) of what goes, by comparing everything with every survivor."""
    sets = {row["id"]: shingles(row["text"], ngram) for row in rows}
    stays, gone = [], {}
    for name in sorted(sets):
        mine = sets[name]
        near = [other for other in stays if mine and len(mine & sets[other]) / len(mine | sets[other]) >= threshold]
        if near:
            gone[name] = near[0]
        else:
            stays.append(name)
    return gone


def rows_of(*texts, kind="prose", meta=None):
    return [{"id": f"{place:03}", "text": text, "kind": kind, "meta": meta or "{}"} for place, text in enumerate(texts)]


class Batches:
    fingerprint = ""

    def __init__(self, rows, size=7):
        self.rows, self.size = rows, size

    def batches(self, columns):
        for start in range(0, len(self.rows), self.size):
            yield pa.RecordBatch.from_pylist(self.rows[start : start + self.size]).select(list(columns))


def prepared(step, rows, folder, *, size=7, log=lambda line: None):
    folder.mkdir(exist_ok=True)
    context = Context(workspace=folder, cache=folder, scratch=folder, seed=0, http=None, log=log)
    return step.prepare(Batches(rows, size), context)


def clusters(step, rows, folder, **more):
    state = prepared(step, rows, folder, **more)
    return {row["id"]: row["survivor"] for row in pq.ParquetFile(state / "evidence.parquet").read().to_pylist()}


def changed(text, share, rng):
    return " ".join(f"x{rng.random()}" if rng.random() < share else word for word in text.split())


def planted(count, rng):
    """Documents of 20 to 400 words, a third of them near copies of another."""
    texts = []
    for _ in range(count):
        if texts and rng.random() < 0.4:
            texts.append(changed(rng.choice(texts), rng.choice((0, 0.005, 0.01, 0.02, 0.05)), rng))
        else:
            texts.append(" ".join(f"w{rng.randrange(500)}" for _ in range(rng.randrange(20, 400))))
    return texts


FEW_WORDS = st.lists(st.lists(st.sampled_from("abc日é…"), max_size=6).map(" ".join), max_size=9)
SOME = FEW_WORDS.filter(bool)


@settings(max_examples=25, deadline=None)
@given(texts=FEW_WORDS, ngram=st.integers(1, 3), threshold=st.sampled_from([0.5, 0.6, 2 / 3, 0.75, 1.0]))
def test_clusters_are_those_of_comparing_everything(tmp_path_factory, texts, ngram, threshold):
    rows = rows_of(*texts)
    step = NearDedup(threshold=threshold, ngram=ngram, **SURE)
    assert clusters(step, rows, tmp_path_factory.mktemp("s")) == oracle(rows, threshold=threshold, ngram=ngram)


@settings(max_examples=10, deadline=None)
@given(texts=SOME)
def test_it_keeps_the_contract(texts):
    check_filter(NearDedup(ngram=2), documents(*texts))


@pytest.mark.parametrize("seed", range(3))
def test_real_sizes_agree_with_comparing_everything(tmp_path: Path, seed):
    rows = rows_of(*planted(150, random.Random(seed)))
    expected = oracle(rows, threshold=0.8, ngram=5)
    assert len(expected) > 20
    assert clusters(NearDedup(), rows, tmp_path) == expected


def test_any_order_and_partitioning_gives_the_same_clusters(tmp_path: Path):
    rng = random.Random(5)
    rows = rows_of(*planted(80, rng))
    first = clusters(NearDedup(), rows, tmp_path / "0")
    for number, size in enumerate((1, 3, 1000), 1):
        shuffled = rng.sample(rows, len(rows))
        assert clusters(NearDedup(), shuffled, tmp_path / str(number), size=size) == first


@settings(max_examples=20, deadline=None)
@given(texts=SOME, threshold=st.sampled_from([0.6, 0.75, 1.0]), draw=st.randoms(use_true_random=False))
def test_any_order_and_partitioning_of_any_documents(tmp_path_factory, texts, threshold, draw):
    rows, step = rows_of(*texts), NearDedup(threshold=threshold, ngram=2, **SURE)
    first = clusters(step, rows, tmp_path_factory.mktemp("s"))
    assert set(first) | set(first.values()) <= {row["id"] for row in rows}
    assert not set(first) & set(first.values())
    shuffled = draw.sample(rows, len(rows))
    assert clusters(step, shuffled, tmp_path_factory.mktemp("s"), size=draw.randint(1, 9)) == first
    left = [row for row in rows if row["id"] not in first]
    assert clusters(step, left, tmp_path_factory.mktemp("s")) == {}


def test_what_stays_stays_when_filtered_again(tmp_path: Path):
    rows = rows_of(*planted(120, random.Random(6)))
    gone = clusters(NearDedup(), rows, tmp_path / "1")
    assert set(gone) < {row["id"] for row in rows}
    left = [row for row in rows if row["id"] not in gone]
    assert clusters(NearDedup(), left, tmp_path / "2") == {}


def test_a_document_goes_only_for_one_that_it_resembles(tmp_path: Path):
    """A chain: each resembles the next, the ends do not resemble each other."""
    words = [f"w{number}" for number in range(100)]
    chain = [" ".join(words[start : start + 80]) for start in (0, 7, 14, 21)]
    found = clusters(NearDedup(ngram=1), rows_of(*chain), tmp_path)
    assert found == {"001": "000", "003": "002"}


def test_verdicts_say_how_similar_and_why(tmp_path: Path):
    rows = rows_of(BASE, BASE + " and more", "something else")
    state = prepared(NearDedup(), rows, tmp_path)
    verdicts = NearDedup().judge(pa.RecordBatch.from_pylist(rows).select(["id"]), state)
    assert verdicts.keep.to_pylist() == [True, False, True]
    assert verdicts.score.to_pylist() == [0.0, 296 / 298, 0.0]
    assert verdicts.reason.to_pylist() == [None, NEAR, None]


def test_the_best_stays_then_the_smallest_id(tmp_path: Path):
    rows = rows_of(BASE, BASE, BASE)
    rows[2]["meta"] = to_json({"quality": 0.9, "better": 1})
    rows[1]["meta"] = to_json({"quality": "high", "better": 3})
    assert clusters(NearDedup(), rows, tmp_path / "1") == {"000": "002", "001": "002"}
    assert clusters(NearDedup(quality="better"), rows, tmp_path / "2") == {"000": "001", "002": "001"}
    assert clusters(NearDedup(quality=""), rows, tmp_path / "3") == {"001": "000", "002": "000"}


def test_texts_without_words_resemble_nothing(tmp_path: Path):
    assert clusters(NearDedup(), rows_of("", "", "...", "...", None, "\u3002"), tmp_path) == {}


def test_a_thousand_copies_are_compared_with_one(tmp_path: Path):
    rng = random.Random(1)
    rows = rows_of(*(changed(BASE, 0.002, rng) for _ in range(1000)))
    assert set(clusters(NearDedup(), rows, tmp_path, size=100).values()) == {"000"}


def api_page(verb, path, **meta):
    about = "Part of the example.com API. " + BASE
    return {"text": f"# {verb} {path}\n{about}", "kind": "api_doc", "meta": to_json(meta)}


def numbered(*rows):
    return [{"id": f"{place:03}", **row} for place, row in enumerate(rows)]


def test_boilerplate_makes_no_two_calls_the_same(tmp_path: Path):
    rows = numbered(api_page("GET", "/users"), api_page("GET", "/groups"), api_page("POST", "/users"))
    assert clusters(NearDedup(), rows, tmp_path / "api") == {}
    prose = [{**row, "kind": "prose"} for row in rows]
    assert set(clusters(NearDedup(), prose, tmp_path / "prose")) == {"001", "002"}


def test_the_same_call_of_two_hosts_is_compared_as_text(tmp_path: Path):
    rows = numbered(api_page("GET", "/users/{id}"), api_page("GET", "/users/{user}"))
    rows.append({**rows[0], "id": "003", "text": "GET /users/{id}\nAnother page altogether."})
    assert clusters(NearDedup(), rows, tmp_path) == {"001": "000"}


def test_one_api_in_two_forms_is_the_same_whatever_the_text(tmp_path: Path):
    rows = numbered(api_page("GET", "/a", api="x"), {"text": "def a():", "kind": "api_doc", "meta": '{"api": "x"}'})
    state = prepared(NearDedup(), rows, tmp_path)
    verdicts = NearDedup().judge(pa.RecordBatch.from_pylist(rows).select(["id"]), state)
    assert verdicts.reason.to_pylist() == [None, SAME_API]


def test_structure_counts_within_a_provider(tmp_path: Path):
    def page(text, provider, structure, api):
        meta = to_json({"provider": provider, "structure": structure, "api": api})
        return {"text": text, "kind": "api_doc", "meta": meta}

    rows = numbered(
        page("one text", "a.com", "s", "1"), page("two", "a.com", "s", "2"), page("three", "b.com", "s", "3")
    )
    rows.append({"id": "004", **page(BASE, "a.com", "t", "4")})
    rows.append({"id": "005", **page(BASE, "a.com", "u", "5")})
    assert clusters(NearDedup(), rows, tmp_path) == {"001": "000"}


@pytest.mark.parametrize("options", [{}, {"threshold": 0.97}, {"threshold": 1.0}, {"ngram": 1}, {"ngram": 13}])
def test_canaries_are_caught_whatever_the_options(options):
    check_filter(NearDedup(**options), documents("a b c", "d e f"))


class BlindToKinds(NearDedup):
    """Takes API documents for prose."""

    def prepare(self, corpus, context):
        return super().prepare(Relabelled(corpus, kind="prose"), context)


class BlindToStructure(NearDedup):
    """Sees API documents, not what they say of themselves."""

    def prepare(self, corpus, context):
        return super().prepare(Relabelled(corpus, meta="{}"), context)


class Relabelled:
    """A corpus in which a column says the same of all."""

    fingerprint = ""

    def __init__(self, corpus, **said):
        self.corpus, self.said = corpus, said

    def batches(self, columns):
        for batch in self.corpus.batches(columns):
            said = {name: pa.array([value] * len(batch)) for name, value in self.said.items()}
            yield pa.RecordBatch.from_pydict({name: said.get(name, batch.column(name)) for name in columns})


@pytest.mark.parametrize("blind", [BlindToKinds, BlindToStructure])
def test_a_filter_that_does_not_see_structure_fails_on_its_canaries(blind):
    with pytest.raises(PluginError, match=r"canaries it catches.*an API in other words"):
        check_filter(blind(), documents("a b c", "d e f"))


def test_canaries_are_no_documents_in_what_it_says(tmp_path: Path):
    lines = []
    rows = rows_of(BASE, BASE + " and more", *(document.text for document in planted_canaries()))
    for row, document in zip(rows[2:], planted_canaries(), strict=True):
        row |= {"id": document.id, "kind": document.kind, "meta": to_json(document.meta)}
    state = prepared(NearDedup(), rows, tmp_path, log=lines.append)
    assert "2 documents, 2 share a band or a structure with another, 1 go" in lines[-1]
    assert [row["id"] for row in pq.ParquetFile(state / "evidence.parquet").read().to_pylist()] == ["001"]
    verdicts = NearDedup().judge(pa.RecordBatch.from_pylist(rows).select(["id"]), state)
    assert verdicts.keep.false_count == 4


def planted_canaries():
    return list(planted_documents(NearDedup().canaries(0)))


def test_it_says_what_to_expect_before_it_reads(tmp_path: Path):
    lines = []

    class Refusing(Batches):
        def batches(self, columns):
            raise OSError("read")

    context = Context(workspace=tmp_path, cache=tmp_path, scratch=tmp_path, seed=0, http=None, log=lines.append)
    with pytest.raises(OSError, match="read"):
        NearDedup().prepare(Refusing([]), context)
    assert "0.8: 99.7" in lines[0]
    assert "expected memory 250 MB, up to 256 MB for the join, and up to 512 bytes" in lines[1]
    assert list(tmp_path.iterdir()) == []


def test_the_state_is_small_and_nothing_else(tmp_path: Path):
    prepared(NearDedup(), rows_of(BASE, BASE), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"ids.npy", "scores.npy", "same.npy", "evidence.parquet"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.0}, "no Jaccard index"),
        ({"threshold": 1.1}, "no Jaccard index"),
        ({"ngram": 0}, "no shingle"),
        ({"bands": 33}, "does not divide"),
        ({"bands": 0}, "does not divide"),
        ({"threshold": 0.5}, "find 12% of the pairs at threshold 0.5; give permutations = 256 and bands = 64"),
        ({"bands": 8}, "give permutations = 256 and bands = 32"),
    ],
)
def test_options_that_would_find_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        NearDedup(**options)


@contextmanager
def largest_file(size):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_too_little_memory_is_one_line(tmp_path: Path):
    rows = rows_of(*(f"{BASE} {number % 3000}" for number in range(3000)))
    with pytest.raises(StepError, match="raise memory_mb") as caught:
        prepared(NearDedup(memory_mb=1), rows, tmp_path, size=500)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path):
    rows = rows_of(*planted(300, random.Random(1)))
    NearDedup().prepare(
        MemoryCorpus(documents("warm", "up")),
        Context(workspace=tmp_path, cache=tmp_path, scratch=tmp_path, seed=0, http=None),
    )
    folder = tmp_path / "state"
    with largest_file(40_000), pytest.raises(WorkspaceError, match="no room on the disk"):
        prepared(NearDedup(), rows, folder)
    assert list(folder.iterdir()) == []


def test_judging_without_state_is_refused():
    with pytest.raises(ValueError, match="state"):
        NearDedup().judge(pa.RecordBatch.from_pydict({"id": ["a"]}), None)
