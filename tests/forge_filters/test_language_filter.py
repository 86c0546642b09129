import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge_filters.language import Language

ENGLISH = "The harbour was quiet that morning, and nobody had yet come down to look at the boats."
FRENCH = "Le port était calme ce matin-là, et personne n'était encore descendu regarder les bateaux."
GERMAN = "Der Hafen war still an diesem Morgen, und noch niemand war gekommen, um die Boote anzusehen."
SPANISH = "El puerto estaba tranquilo aquella mañana y nadie había bajado todavía a mirar los barcos."
RUSSIAN = "В то утро гавань была тиха, и никто ещё не пришёл посмотреть на лодки."  # noqa: RUF001
JAPANESE = "その朝、港は静かで、まだ誰も船を見に来ていなかった。"
CHINESE = "那天早上港口很安静,还没有人下来看船。"
ARABIC = "كان الميناء هادئا في ذلك الصباح ولم ينزل أحد بعد لينظر إلى القوارب."
OTHERS = (FRENCH, GERMAN, SPANISH, RUSSIAN, JAPANESE, CHINESE, ARABIC)
ODDITIES = ("", " \n\t", "\x00", "\u200b\u200d", "🙂" * 50, "\ufeffEnglish?", "1234 5678", "ﬁ" * 9, "a\u0301" * 2000)


def test_english_stays_and_other_languages_go(judged, documents):
    found = judged(Language(), documents([ENGLISH, *OTHERS]))
    assert [keep for _, keep, _, _ in found] == [True, *(False for _ in OTHERS)]
    assert {reason for _, keep, _, reason in found if not keep} == {"not en"}


def test_other_languages_can_be_asked_for(judged, documents):
    found = judged(Language(languages=["fr", "de"]), documents([ENGLISH, FRENCH, GERMAN, RUSSIAN]))
    assert [keep for _, keep, _, _ in found] == [False, True, True, False]
    assert found[0][3] == "not fr or de"


def test_only_the_named_domains_are_judged(judged, documents):
    rows = documents([RUSSIAN], "code") + documents([RUSSIAN], "agent") + documents([RUSSIAN], "text")
    assert [entry[1:3] for entry in judged(Language(), rows)][:2] == [(True, 1.0)] * 2
    assert [entry[1] for entry in judged(Language(domains=["code"]), rows)] == [False, True, True]


def test_laws_on_real_text(filter_laws, documents):
    filter_laws(Language(), documents([ENGLISH, *OTHERS, ENGLISH * 60, RUSSIAN * 60, *ODDITIES]))


@settings(max_examples=25, deadline=None)
@given(texts=st.lists(st.text(st.characters(codec="utf-8"), max_size=60), max_size=8))
def test_laws_on_any_text(filter_laws, documents, texts):
    filter_laws(Language(), documents(texts))


def test_scores_are_probabilities(judged, documents):
    for _, keep, score, _ in judged(Language(min_score=0.7), documents([ENGLISH, *OTHERS, *ODDITIES])):
        assert 0.0 <= score <= 1.0
        assert keep == (score >= 0.7)


def test_the_threshold_changes_no_score(documents):
    batch = pa.RecordBatch.from_pylist(documents([ENGLISH, *OTHERS])).select(["text", "domain"])
    assert Language(min_score=0.1).score(batch, None) == Language(min_score=0.99).score(batch, None)


def test_a_long_text_is_judged_by_its_beginning_and_its_middle(judged, documents):
    table_then_prose = "| 0x3f | 17.2 | --- |\n" * 60 + ENGLISH * 200
    english_tail = RUSSIAN * 200 + ENGLISH
    found = judged(Language(), documents([table_then_prose, english_tail]))
    assert [keep for _, keep, _, _ in found] == [True, False]


def test_missing_text_and_missing_domain():
    batch = pa.RecordBatch.from_pydict(
        {"text": pa.array([None, RUSSIAN], pa.string()), "domain": pa.array(["text", None], pa.string())}
    )
    verdicts = Language().judge(batch, None)
    assert verdicts.keep.to_pylist() == [False, True]


def test_an_unknown_language_is_refused(judged, documents):
    with pytest.raises(ValueError, match="knows no language 'klingon'"):
        judged(Language(languages=["klingon"]), documents([ENGLISH]))


@pytest.mark.parametrize(("options", "message"), [({"languages": []}, "empty"), ({"sample_chars": 1}, "sample_chars")])
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Language(**options)
