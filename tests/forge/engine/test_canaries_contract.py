"""The contract of canaries: what counts as caught, what a broken one is told, and how `check_filter` tries them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.canaries import PREFIX, Canary, Fate, canary_text, check_canaries, look, planted
from forge.errors import PluginError
from forge.records import Document
from forge.steps import Context, Corpus, Verdicts
from forge.testing import check_filter, documents
from forge_filters.exact_dedup import ExactDedup
from forge_filters.language import Language
from forge_filters.length import Length
from forge_filters.near_dedup import NearDedup

KEPT = Fate(keep=True, text="ab")


def document(name: str, text: str = "ab") -> Document:
    return Document(id=name, domain="text", kind="prose", text=text, source="tests")


CANARY = Canary(
    name="a b", documents=[document(name) for name in "dgk"], dropped=["d"], gone={"g": ["a", "b"]}, kept=["k"]
)


def fates(**changed: Fate) -> dict[str, Fate]:
    return {f"{PREFIX}{name}": changed.get(name, KEPT) for name in "dgk"}


@given(st.booleans(), st.sampled_from(["", "a", "b", "ab"]), st.booleans(), st.booleans())
def test_what_is_dropped_or_gone_counts_as_caught(drops: bool, left: str, drops_g: bool, drops_k: bool) -> None:
    found = look(
        [CANARY],
        fates(
            d=Fate(keep=not drops, text="ab"), g=Fate(keep=not drops_g, text=left), k=Fate(keep=not drops_k, text="ab")
        ),
    )
    gone = 2 if drops_g else 2 - len(left)
    assert (found.due, found.caught, found.innocent) == (3, drops + gone, 1)
    assert len(found.missed) == found.due - found.caught
    assert len(found.lost) == drops_k


def test_an_innocent_text_that_is_changed_is_lost() -> None:
    found = look([CANARY], fates(k=Fate(keep=True, text="a")))
    assert found.lost == ["a b (k was changed)"]


def test_planted_documents_have_ids_that_keep_their_order_behind_all_others() -> None:
    ids = [found.id for found in planted([CANARY])]
    assert ids == sorted(ids)
    assert min(ids) > max("f" * 32, "zzz", "Z")


@pytest.mark.parametrize(
    ("canaries", "said"),
    [
        ([CANARY, CANARY], "two canaries have the id 'd'"),
        ([Canary(name="x", documents=[document("a")], dropped=["b"])], "speaks of 'b'"),
        ([Canary(name="x", documents=[document("a")], gone={"a": ["z"]})], "not in it"),
        ([Canary(name="x", documents=[document("a")], kept=["a"])], "nothing to catch"),
    ],
)
def test_broken_canaries_are_told_what_is_wrong(canaries: list[Canary], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_canaries(canaries)


@given(st.integers(), st.text(), st.integers(1, 200))
def test_a_canarys_text_depends_on_seed_and_name_alone(seed: int, name: str, words: int) -> None:
    text = canary_text(seed, name, words=words)
    assert text == canary_text(seed, name, words=words)
    assert len(text.split()) == words


def test_texts_of_other_seeds_and_names_share_nothing() -> None:
    texts = [canary_text(seed, name).split(". ")[0] for seed in range(20) for name in ("a", "b")]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    "judge",
    [
        Length(),
        Length(min_chars=0, max_chars=0),
        Length(min_chars=1),
        Length(min_chars=1, max_chars=50_000_000),
        Language(),
        Language(languages=["de", "fr"]),
        Language(languages=["ja"]),
        Language(domains=["code"], min_score=0.9),
        ExactDedup(),
        ExactDedup(normalize="whitespace"),
        ExactDedup(level="paragraph"),
        ExactDedup(level="paragraph", min_chars=1, min_left=0),
        ExactDedup(level="line", min_chars=900, min_left=2_000),
        ExactDedup(level="line", domains=["agent", "code"]),
        ExactDedup(level="line", domains=[]),
        NearDedup(),
        NearDedup(threshold=0.95),
        NearDedup(threshold=1.0, ngram=1),
        NearDedup(threshold=0.6, ngram=3, permutations=256, bands=64),
    ],
)
def test_our_filters_catch_their_canaries_under_any_options(judge: Any) -> None:
    check_filter(judge, documents("a text", "another text " * 40))


@dataclass(frozen=True, kw_only=True)
class BlindLength(Length):
    def canaries(self, seed: int) -> list[Canary]:
        given = super().canaries(seed)
        return [*given, Canary(name="a fine text", documents=[document("fine", "x" * 500)], dropped=["fine"])]


@dataclass(frozen=True, kw_only=True)
class HarshLength(Length):
    def canaries(self, seed: int) -> list[Canary]:
        given = super().canaries(seed)
        return [*given, Canary(name="a short text", documents=[document("short", "x")], kept=["short"])]


class Moody(Length):
    calls: list[int] = []

    def canaries(self, seed: int) -> list[Canary]:
        self.calls.append(seed)
        return [Canary(name="x", documents=[document(f"a{len(self.calls)}")], dropped=[f"a{len(self.calls)}"])]


@pytest.mark.parametrize(
    ("judge", "said"),
    [
        (BlindLength(), r"catches 66\.7%, its floor is 100\.0%: a fine text"),
        (HarshLength(), "touches innocent canaries: a short text"),
        (Moody(), "differ from call to call"),
    ],
)
def test_check_filter_tells_a_filter_that_fails_on_its_canaries(judge: Any, said: str) -> None:
    with pytest.raises(PluginError, match=said):
        check_filter(judge, documents("a text", "another text " * 40))


@dataclass(frozen=True, kw_only=True)
class Redactor:
    """Replaces a word; says so where it should, or everywhere."""

    name: ClassVar[str] = "redactor"
    columns: ClassVar[tuple[str, ...]] = ("text",)
    rewrites: ClassVar[bool] = True
    boasts: bool = False

    def prepare(self, corpus: Corpus, context: Context) -> Path | None:
        return None

    def judge(self, batch: pa.RecordBatch, state: Path | None) -> Verdicts:
        null = pa.scalar(None, pa.string())
        found = pc.match_substring(batch.column("text"), "word")
        return Verdicts(
            keep=pa.array([True] * len(batch), pa.bool_()),
            score=pc.cast(found, pa.float64()),
            reason=pa.nulls(len(batch), pa.string()),
            text=pc.if_else(found, pc.replace_substring(batch.column("text"), "word", "#"), null),
            changes=pc.if_else(pa.array([True] * len(batch), pa.bool_()) if self.boasts else found, "word 1", null),
        )


def test_what_a_filter_says_it_changed_is_what_it_changed() -> None:
    batch = documents("a word", "nothing")
    assert check_filter(Redactor(), batch).changes.to_pylist() == ["word 1", None]  # type: ignore[union-attr]
    with pytest.raises(PluginError, match="row 1: changes says what was replaced"):
        check_filter(Redactor(boasts=True), batch)
