"""The mutation test: thirteen kinds of corruption in accepted trajectories that an endpoint helped to write."""

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from forge.clients.llm import LlmClient, Patience
from forge.clients.llm_journal import Journal
from forge.llm import Caps
from forge.records import Trajectory, from_row, to_row
from forge.testing.llm import ScriptedLlm
from forge_trajectories.blueprint import KINDS
from forge_trajectories.ladder.mutations import MUTATIONS, mutation_report
from forge_trajectories.synthesis.driver import Aims, synthesize
from forge_trajectories.synthesis.source import SHARES
from forge_trajectories.synthesis.source_run import blueprints
from forge_trajectories.tools.graph import ToolGraph

LEAST = 0.98
WRITES = frozenset({"query", "calls", "answer"})
PATIENCE = Patience(timeout=5.0, busy=3.0, first=0.01, longest=0.05, lost=9, strikes=30)


def accepted(count: int, *, graph: ToolGraph, oracle: Callable[..., Any], journal: Path, seed: int) -> list[Trajectory]:
    """Accepted trajectories as they are stored; every eleventh question got a wrong answer at first."""
    drawn = list(islice(blueprints(graph, SHARES, seed=seed), count + count // 4 + 10))
    aims = Aims(target=count, most=len(drawn), writes=WRITES, caps=Caps())
    with ScriptedLlm(oracle(drawn, WRITES, mended=11)) as endpoint:
        client = LlmClient(
            journal=Journal(journal), model="scripted", scope="t", patience=PATIENCE, caps=Caps(), base_url=endpoint.url
        )
        with client:
            outcome = asyncio.run(synthesize(iter(drawn), aims=aims, client=client))
    found = [each.trajectory for each in outcome.settled if each.trajectory is not None]
    return [from_row(Trajectory, to_row(trajectory)) for trajectory in found]


def check(trajectories: list[Trajectory]) -> None:
    written = Counter(who for each in trajectories for who in (each.blueprint or {})["written"].values())
    assert written["llm"] > len(trajectories)
    report = mutation_report(trajectories, seed=7)
    assert report.refused == []
    assert report.accepted == len(trajectories)
    for name, row in report.rows.items():
        assert row.planted, f"no place for {name}"
        assert row.share >= LEAST, (name, row.planted, row.caught, row.missed[:3])


@pytest.fixture
def endpoint_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-key-0003")


@pytest.mark.usefixtures("endpoint_key")
def test_a_sample(shop_graph: ToolGraph, oracle: Callable[..., Any], tmp_path: Path) -> None:
    found = accepted(60, graph=shop_graph, oracle=oracle, journal=tmp_path / "llm.sqlite", seed=31)
    assert len(found) == 60
    assert len({(each.blueprint or {})["kind"] for each in found}) == len(KINDS)
    check(found)


@pytest.mark.slow
@pytest.mark.usefixtures("endpoint_key")
def test_all_of_500(shop_graph: ToolGraph, oracle: Callable[..., Any], tmp_path: Path) -> None:
    found = accepted(500, graph=shop_graph, oracle=oracle, journal=tmp_path / "llm.sqlite", seed=32)
    assert len(found) == 500
    assert len(MUTATIONS) == 13
    check(found)
