import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forge.testing import check_filter, documents
from forge_filters.license import REFUSED, UNKNOWN, License

EXPRESSIONS = ["MIT", "GPL-3.0-only", "MIT OR GPL-3.0-only", "MIT AND GPL-3.0-only", "Apache-2.0 WITH LLVM-exception"]


def judge(*licences: str | None, **options):
    return License(**options).judge(pa.RecordBatch.from_pydict({"license": pa.array(licences, pa.string())}), None)


def test_permissive_by_default():
    assert judge(*EXPRESSIONS).keep.to_pylist() == [True, False, True, False, True]


def test_reasons_tell_the_unknown_from_the_refused():
    found = judge("unknown", None, "no licence at all!", "GPL-3.0-only", "MIT")
    assert found.reason.to_pylist() == [UNKNOWN, UNKNOWN, REFUSED, REFUSED, None]
    assert found.score.to_pylist() == [0.0, 0.0, 0.0, 0.0, 1.0]


def test_unknown_stays_when_it_is_named():
    assert judge("unknown", None, "MIT", allow=["unknown"]).keep.to_pylist() == [True, True, False]


def test_contract():
    batch = documents(*EXPRESSIONS, "x")
    batch = batch.set_column(batch.schema.get_field_index("license"), "license", pa.array([*EXPRESSIONS, None]))
    for step in (License(), License(allow=["GPL-3.0-only", "unknown"])):
        check_filter(step, batch)


@settings(max_examples=30, deadline=None)
@given(licences=st.lists(st.one_of(st.none(), st.sampled_from(EXPRESSIONS), st.text(max_size=12)), max_size=8))
def test_each_document_is_judged_alone(licences):
    together = judge(*licences)
    assert together.keep.to_pylist() == [judge(each).keep[0].as_py() for each in licences]


def test_a_licence_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"did you mean 'Apache-2\.0'"):
        License(allow=["Apache2.0"])


def test_an_empty_list_is_refused():
    with pytest.raises(ValueError, match="nothing would stay"):
        License(allow=[])
