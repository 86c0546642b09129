"""The filter ``verified``: which documents go, and for which reason."""

from typing import Any

import pyarrow as pa
import pytest

from forge.records import Document, arrow_schema, stable_id, to_row
from forge.testing import check_filter
from forge_trajectories.ladder.check import CHECKS
from forge_trajectories.verified import Verified


def batch(*metas: dict[str, Any], kind: str = "trajectory") -> pa.RecordBatch:
    documents = [
        Document(id=stable_id(str(number)), domain="agent", kind=kind, text=f"text {number}", source="tests", meta=meta)
        for number, meta in enumerate(metas)
    ]
    return pa.RecordBatch.from_pylist([to_row(found) for found in documents], schema=arrow_schema(Document))


def test_the_reason_is_the_failed_check() -> None:
    metas = [{"failed": f"{check}:some-code", "verified": False} for check in CHECKS]
    verdicts = check_filter(Verified(), batch(*metas, {"verified": True}))
    assert verdicts.reason.to_pylist() == [*CHECKS, None]


@pytest.mark.parametrize(
    ("meta", "reason"),
    [
        ({}, None),
        ({"failed": ""}, None),
        ({"failed": None}, None),
        ({"note": {"failed": "grounded:x"}}, None),
        ({"failed": "outcome"}, "outcome"),
        ({"failed": "their own: word"}, "other"),
        ({"failed": True}, "other"),
    ],
)
def test_any_meta_is_understood(meta: dict[str, Any], reason: str | None) -> None:
    assert Verified().judge(batch(meta), None).reason.to_pylist() == [reason]
    assert Verified().judge(batch(meta, kind="api_doc"), None).keep.to_pylist() == [True]


def test_what_nobody_checked_can_go_too() -> None:
    metas = ({}, {"verified": True}, {"verified": False, "failed": "order:too-early"}, {"verified": "yes"})
    verdicts = check_filter(Verified(unchecked="drop"), batch(*metas))
    assert verdicts.reason.to_pylist() == ["unchecked", None, "order", "unchecked"]
    assert verdicts.score.to_pylist() == [1.0, 0.0, 1.0, 1.0]
    pages = Verified(unchecked="drop").judge(batch({}, kind="api_doc"), None)
    assert pages.keep.to_pylist() == [True]


def test_a_missing_meta_is_no_failure() -> None:
    columns = {"kind": pa.array(["trajectory", None]), "meta": pa.array([None, '{"failed": "order"}'])}
    verdicts = Verified().judge(pa.RecordBatch.from_pydict(columns), None)
    assert verdicts.keep.to_pylist() == [True, True]
