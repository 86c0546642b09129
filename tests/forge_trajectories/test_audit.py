"""What the ladder is worth on what it accepted: counted, kept, added up, shown, warned of; a judge's agreement too."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from forge.clients.llm_open import Endpoint
from forge.llm import LlmSettings
from forge.records import ApiRecord, Trajectory
from forge.steps import Context
from forge.testing import MemoryCatalog, context
from forge.testing.llm import ScriptedLlm
from forge_trajectories.ladder.judge import Agreement
from forge_trajectories.ladder.mutations import MUTATIONS, Caught, MutationReport
from forge_trajectories.ladder.reverify import reverify
from forge_trajectories.synthesis.audit import Audit, audit_path, read_audit, spread, write_audit
from forge_trajectories.synthesis.audit_report import audit_lines, audit_warnings, planted_rows
from forge_trajectories.synthesis.source import Synthesizer


@pytest.fixture
def shop(tmp_path: Path, shop_records: list[ApiRecord]) -> Context:
    return context(tmp_path, catalog=MemoryCatalog(shop_records), seed=12)


def accepted(source: Synthesizer, given: Context) -> list[Trajectory]:
    found = [record for part in source.partitions(given) for record in source.records(part, given)]
    return [record for record in found if isinstance(record, Trajectory)]


def test_a_run_leaves_the_table_by_kind_in_its_report(shop: Context) -> None:
    stale = audit_path(shop.scratch, "part-0009")
    stale.write_text("{}")
    source = Synthesizer(target_accepted=45, writes=[])
    accepted(source, shop)
    assert not stale.exists()
    section = source.report(shop.scratch)
    assert section is not None
    table = next(table for table in section.tables if table.title == "Planted corruption")
    assert [row[0] for row in table.rows] == sorted(MUTATIONS)
    assert sum(int(str(row[1])) for row in table.rows) > 100
    assert any("in 40 accepted trajectories" in line for line in section.lines)
    assert not section.warnings
    found = read_audit(shop.scratch)
    assert (found.planted.untouched, found.planted.accepted, found.judge) == (40, 40, None)


def test_counts_of_partitions_add_up_and_too_little_is_warned_of(tmp_path: Path) -> None:
    weak = MutationReport(rows={"stale-id": Caught(planted=50, caught=48, codes={"a:b": 48})}, untouched=5, accepted=4)
    write_audit(audit_path(tmp_path, "part-0000"), Audit(planted=weak, judge=Agreement(right_accepted=3)))
    write_audit(audit_path(tmp_path, "part-0001"), Audit(planted=weak, judge=Agreement(right_rejected=2, silent=1)))
    found = read_audit(tmp_path)
    assert planted_rows(found) == [("stale-id", 100, 96, "96.0%", "a:b")]
    assert found.judge == Agreement(right_accepted=3, right_rejected=2, silent=1)
    assert len(audit_warnings(found)) == 2
    assert "kappa 1.00" in audit_lines(found)[1]
    assert "1 got none" in audit_lines(found)[1]
    assert audit_lines(Audit()) == audit_warnings(Audit()) == []
    assert read_audit(tmp_path / "nothing") == Audit()


def test_a_sample_is_spread_evenly() -> None:
    many: list[Any] = list(range(100))
    assert spread(many, 4) == [0, 25, 50, 75]
    assert spread(many[:3], 4) == [0, 1, 2]


def test_the_judge_s_agreement_with_a_labelled_set_is_reported(shop: Context) -> None:
    asked: list[str] = []

    def judged(request: Mapping[str, Any]) -> Mapping[str, Any]:
        text = str(request["messages"][-1]["content"])
        asked.append(text)
        is_bad = "_v2(" in text or "verbose" in text or ("supported by" in text and len(text) % 2)
        return {"why": "So it is.", "answer": "no" if is_bad else "yes"}

    with ScriptedLlm(judged) as endpoint:
        said = LlmSettings(model="other", base_url=endpoint.url)
        endpoint_ = Endpoint(journal=shop.workspace / "j.sqlite", scope="t", settings=said, recipe=Path("forge.toml"))
        source = Synthesizer(target_accepted=12, writes=[], judge_model="judge")
        made = accepted(source, replace(shop, llm=endpoint_))
    assert len(made) == 12
    names = [[check["check"] for check in trajectory.checks] for trajectory in made]
    assert all(len(each) == len(set(each)) and {"judge", "duplicate"} <= set(each) for each in names)
    found = read_audit(shop.scratch).judge
    assert found is not None
    assert found.count >= 15
    assert found.right_accepted
    assert found.right_rejected
    section = source.report(shop.scratch)
    assert section is not None
    assert any("Cohen's kappa" in line for line in section.lines)


def test_what_is_stored_is_verified_again(shop: Context) -> None:
    made = accepted(Synthesizer(target_accepted=9, writes=[]), shop)
    spoiled = replace(made[0], messages=[*made[0].messages[:-1], replace(made[0].messages[-1], content=" ")])
    found = reverify([spoiled, *made[1:]])
    assert (found.verified, found.passed) == (9, 8)
    assert [(name, check.code) for name, check in found.failed] == [(made[0].id, "parses:empty")]
