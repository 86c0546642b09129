"""Canaries of the filters that need no state are caught whatever the seed, and the innocent stay."""

import pyarrow as pa
import pytest

from forge.canaries import check_canaries
from forge.records import Document, arrow_schema, to_row
from forge_filters.api_schema import ApiSchema
from forge_filters.license import License
from forge_filters.pii import Pii
from forge_filters.repetition import Repetition
from forge_filters.secrets import Secrets

STEPS = [
    Pii(),
    Pii(action="drop"),
    Pii(kinds=["ip"]),
    Pii(drop_above=3),
    Secrets(),
    Secrets(action="drop"),
    License(),
    License(allow=["unknown"]),
    Repetition(),
    Repetition(domains=["code"]),
    ApiSchema(),
    ApiSchema(kinds=["api_doc"], strict=False),
]


@pytest.mark.parametrize("seed", [0, 1, 7, 49, 50, 12_345])
@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_canaries_are_caught_and_the_innocent_stay(step, seed):
    canaries = step.canaries(seed)
    check_canaries(canaries)
    for canary in canaries:
        rows = [to_row(document) for document in canary.documents]
        batch = pa.RecordBatch.from_pylist(rows, schema=arrow_schema(Document)).select(list(step.columns))
        found = step.judge(batch, None)
        texts = [None] * len(rows) if found.text is None else found.text.to_pylist()
        fates = {row["id"]: (keep, text) for row, keep, text in zip(rows, found.keep.to_pylist(), texts, strict=True)}
        assert not any(fates[name][0] for name in canary.dropped)
        assert all(fates[name] == (True, None) for name in canary.kept)
        for name, strings in canary.gone.items():
            keep, text = fates[name]
            assert not keep or not any(each in (text or each) for each in strings)
