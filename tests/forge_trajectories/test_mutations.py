"""Planted corruption is caught, each kind of it, and what is untouched is accepted."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from forge.records import Message, Trajectory, from_row, to_row
from forge_trajectories.ladder.mutations import MUTATIONS, mutate, mutation_report, table
from forge_trajectories.ladder.verify import first_failure, verify

_spec = importlib.util.spec_from_file_location("ladder_cases", Path(__file__).with_name("ladder_cases.py"))
assert _spec is not None
assert _spec.loader is not None
cases: Any = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cases)

CAUGHT_AT = {
    "wrong-type": {"arguments-valid"},
    "missing-required": {"arguments-valid"},
    "unknown-tool": {"tool-offered"},
    "hallucinated-value": {"grounded"},
    "orphan-id": {"parses"},
    "extra-argument": {"arguments-valid"},
    "truncated-json": {"parses"},
    "false-success": {"kind", "honest"},
}


def test_thirteen_kinds() -> None:
    assert len(MUTATIONS) == 13
    with pytest.raises(ValueError, match="wrong-type"):
        mutate(cases.single(), "nonsense")


@pytest.mark.parametrize("kind", MUTATIONS)
def test_each_kind_is_planted_somewhere_and_always_caught(kind: str) -> None:
    planted = 0
    for make in cases.CASES.values():
        for seed in range(4):
            good = make()
            broken = mutate(good, kind, seed)
            if broken is None:
                continue
            planted += 1
            assert broken.messages != good.messages
            assert broken.blueprint == good.blueprint
            assert broken == mutate(good, kind, seed)
            failed = first_failure(verify(from_row(Trajectory, to_row(broken))))
            assert failed is not None, (kind, [message.content for message in broken.messages])
            assert failed.check in CAUGHT_AT.get(kind, {failed.check})
    assert planted


def test_an_imported_trajectory_is_not_mutated() -> None:
    imported = Trajectory(id="1", tools=[], messages=[Message(role="user", content="Go.")])
    assert all(mutate(imported, kind) is None for kind in MUTATIONS)


def test_the_table_counts_what_was_planted() -> None:
    report = mutation_report([make() for make in cases.CASES.values()])
    assert (report.untouched, report.accepted, report.refused) == (len(cases.CASES), len(cases.CASES), [])
    rows = table(report)
    assert [row["kind"] for row in rows] == list(MUTATIONS)
    assert sum(int(str(row["planted"])) for row in rows) == report.planted > 60
    assert report.share == 1.0


def test_what_is_refused_untouched_is_counted_and_not_mutated() -> None:
    good = cases.single()
    messages: list[Any] = list(good.messages[:-1])
    spoiled = Trajectory(id="spoiled", tools=good.tools, messages=messages, blueprint=good.blueprint)
    report = mutation_report([good, spoiled], kinds=["wrong-type"])
    assert [identity for identity, _ in report.refused] == ["spoiled"]
    assert (report.untouched, report.accepted, report.rows["wrong-type"].planted) == (2, 1, 1)
