"""Many compositions at once against a scripted endpoint over real HTTP: what is accepted depends on content alone."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from forge.clients.llm import LlmClient, Patience
from forge.clients.llm_journal import Journal
from forge.llm import Caps, Prices
from forge.testing.llm import Misbehave, ScriptedLlm, refusal
from forge_trajectories.blueprint import Blueprint
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.synthesis.driver import Aims, Outcome, synthesize
from forge_trajectories.synthesis.source import SHARES
from forge_trajectories.synthesis.source_run import blueprints
from forge_trajectories.tools.graph import ToolGraph

WRITES = frozenset({"query", "calls", "answer"})
QUICK = Patience(timeout=0.5, busy=3.0, first=0.01, longest=0.05, lost=9, strikes=30)
COUNT = 40

Makes = Callable[..., Any]


@pytest.fixture(scope="module")
def drawn(shop_graph: ToolGraph) -> list[Blueprint]:
    return list(islice(blueprints(shop_graph, SHARES, seed=5), COUNT))


@pytest.fixture(scope="module")
def flawed(drawn: list[Blueprint], oracle: Makes) -> Any:
    """Wrong at first at every fifth question, wrong for good at every ninth."""
    return oracle(drawn, WRITES, mended=5, wrong=9)


@dataclass(frozen=True, kw_only=True)
class Ran:
    outcome: Outcome
    tokens: int
    states: dict[str, int]

    def accepted(self) -> list[Any]:
        return [settled.trajectory for settled in self.outcome.settled if settled.trajectory is not None]

    def ids(self) -> list[str]:
        return [trajectory.id for trajectory in self.accepted()]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[Blueprint]) -> Makes:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-key-0002")

    def ran(endpoint: ScriptedLlm, *, journal: str = "llm", caps: Caps | None = None, **aims: Any) -> Ran:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        wanted = Aims(**{"target": 20, "most": COUNT, "writes": WRITES, "caps": caps or Caps(), **aims})
        options: dict[str, Any] = {"model": "scripted", "scope": "test", "patience": QUICK, "caps": caps or Caps()}
        with LlmClient(journal=Journal(tmp_path / f"{journal}.sqlite"), **options) as client:
            outcome = asyncio.run(synthesize(iter(drawn), aims=wanted, client=client))
            spent = client.spent()
            return Ran(outcome=outcome, tokens=spent.tokens, states=client.journal.states())

    return ran


def test_the_target_is_reached_and_everything_accepted_verifies_again(run: Makes, flawed: Any) -> None:
    with ScriptedLlm(flawed) as endpoint:
        ran = run(endpoint)
    assert ran.outcome.ended == "target"
    assert len(ran.accepted()) == ran.outcome.accepted == 20
    assert all(first_failure(verify(trajectory)) is None for trajectory in ran.accepted())
    assert all(trajectory.model == "scripted" and trajectory.usage["calls"] for trajectory in ran.accepted()[:1])


def test_the_funnel_is_honest_about_what_the_model_gets_wrong(run: Makes, flawed: Any) -> None:
    with ScriptedLlm(flawed) as endpoint:
        ran = run(endpoint)
    attempts = [settled.attempt for settled in ran.outcome.settled]
    refused = [attempt for attempt in attempts if not attempt.accepted]
    assert refused
    assert all(attempt.code and attempt.evidence and attempt.written[attempt.part] == "llm" for attempt in refused)
    by_blueprint = Counter(attempt.position for attempt in attempts)
    assert [attempt.number for attempt in attempts if attempt.position == refused[0].position] == list(
        range(by_blueprint[refused[0].position])
    )
    helped = [attempt for attempt in attempts if attempt.accepted and attempt.number]
    assert helped
    assert all("blueprint" in attempt.written.values() for attempt in helped)


def test_without_assistance_a_blueprint_is_attempted_once(run: Makes, flawed: Any) -> None:
    with ScriptedLlm(flawed) as endpoint:
        ran = run(endpoint, assist=False)
    attempts = [settled.attempt for settled in ran.outcome.settled]
    assert len({attempt.position for attempt in attempts}) == len(attempts)
    assert any(not attempt.accepted for attempt in attempts)


@pytest.mark.parametrize("window", [1, 3, 16])
def test_what_is_accepted_does_not_depend_on_concurrency(run: Makes, flawed: Any, window: int) -> None:
    def slow(request: Any) -> Any:
        time.sleep(hash(str(request["messages"])) % 7 / 1000)
        return flawed(request)

    with ScriptedLlm(flawed) as endpoint:
        plain = run(endpoint, journal="plain", window=8)
    with ScriptedLlm(slow) as endpoint:
        other = run(endpoint, journal=f"window{window}", window=window)
    assert other.accepted() == plain.accepted()
    assert [s.attempt for s in other.outcome.settled] == [s.attempt for s in plain.outcome.settled]


def test_a_second_run_sends_nothing_and_accepts_the_same(run: Makes, flawed: Any) -> None:
    with ScriptedLlm(flawed) as endpoint:
        first = run(endpoint)
        sent = len(endpoint.requests)
        second = run(endpoint)
        assert len(endpoint.requests) == sent
    assert second.accepted() == first.accepted()
    assert second.tokens == first.tokens


def test_no_more_is_taken_up_than_the_target_may_need(run: Makes, drawn: list[Blueprint], oracle: Makes) -> None:
    with ScriptedLlm(oracle(drawn, WRITES)) as endpoint:
        ran = run(endpoint, target=5, window=16)
    assert ran.outcome.blueprints == 5


@pytest.mark.parametrize("window", [1, 6])
def test_the_budget_holds_and_what_was_accepted_is_a_beginning(run: Makes, flawed: Any, window: int) -> None:
    with ScriptedLlm(flawed, tokens=(600, 40)) as endpoint:
        whole = run(endpoint, journal="whole", target=30)
        cut = run(endpoint, journal=f"cut{window}", target=30, window=window, caps=Caps(tokens=30_000))
    assert cut.outcome.ended == "budget"
    assert cut.tokens <= 30_000
    assert 5 < len(cut.ids()) < 30
    assert cut.ids() == whole.ids()[: len(cut.ids())]


def test_a_larger_budget_goes_on_where_a_smaller_one_ended(run: Makes, flawed: Any) -> None:
    with ScriptedLlm(flawed, tokens=(600, 40)) as endpoint:
        whole = run(endpoint, journal="whole", target=30)
        sent = len(endpoint.requests)
        run(endpoint, journal="cut", target=30, caps=Caps(tokens=30_000))
        after = run(endpoint, journal="cut", target=30, caps=Caps(tokens=900_000))
        assert len(endpoint.requests) - sent == sent
    assert after.accepted() == whole.accepted()


def test_it_ends_after_so_many_blueprints(run: Makes) -> None:
    with ScriptedLlm(lambda request: "nothing that fits") as endpoint:
        ran = run(endpoint, most=3, assist=False)
    assert ran.outcome.ended == "attempts"
    assert ran.outcome.blueprints == 3
    assert {settled.attempt.code for settled in ran.outcome.settled} <= {"parses:unfit", ""}


def test_prices_make_costs(run: Makes, drawn: list[Blueprint], oracle: Makes) -> None:
    with ScriptedLlm(oracle(drawn, WRITES), tokens=(1000, 100)) as endpoint:
        ran = run(endpoint, target=3, prices=Prices(prompt=1.0, completion=10.0))
    costs = [settled.attempt.cost for settled in ran.outcome.settled]
    assert sum(costs) == pytest.approx(sum(s.attempt.calls for s in ran.outcome.settled) * 0.002)
    assert ran.accepted()[0].cost == pytest.approx(costs[0])


TROUBLES = {
    "hangs": Misbehave(hang=5.0),
    "drops": Misbehave(drop=True),
    "html": Misbehave(headers={"Content-Type": "text/html"}, body=b"<html>maintenance</html>"),
    "busy": refusal(429, "slow down", headers={"Retry-After": "0"}),
    "floods": Misbehave(headers={"Content-Type": "application/json"}, body=b"x" * 10_000_000),
}


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_a_misbehaving_endpoint_neither_stalls_nor_overspends(run: Makes, flawed: Any, trouble: Misbehave) -> None:
    """Every fourth request meets the trouble; the rest is answered."""
    count = 0

    def script(request: Any) -> Any:
        nonlocal count
        count += 1
        return trouble if count % 4 == 0 else flawed(request)

    begun = time.monotonic()
    with ScriptedLlm(script, tokens=(300, 40)) as endpoint:
        ran = run(endpoint, target=6, caps=Caps(tokens=400_000))
    assert ran.outcome.ended == "target"
    assert ran.tokens <= 400_000
    assert time.monotonic() - begun < 30
    with ScriptedLlm(flawed, tokens=(300, 40)) as endpoint:
        assert run(endpoint, journal="undisturbed", target=6).accepted() == ran.accepted()


def test_a_judge_of_another_model_has_the_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, drawn: list[Blueprint], oracle: Makes
) -> None:
    teacher = oracle(drawn, WRITES)

    def script(request: Any) -> Any:
        if request["model"] != "judge":
            return teacher(request)
        is_bad = "list_issues" in str(request["messages"])
        return {"why": "It was said so.", "answer": "no" if is_bad else "yes"}

    monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-key-0003")
    with ScriptedLlm(script) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url)
        journal = tmp_path / "llm.sqlite"
        with (
            LlmClient(model="writer", journal=Journal(journal), scope="s", patience=QUICK) as writer,
            LlmClient(model="judge", journal=Journal(journal), scope="s", patience=QUICK) as judge,
        ):
            aims = Aims(target=12, most=COUNT, writes=WRITES, assist=False)
            outcome = asyncio.run(synthesize(iter(drawn), aims=aims, client=writer, judge=judge))
    codes = {settled.attempt.check for settled in outcome.settled}
    assert codes == {"", "judge"}
    accepted = [settled.trajectory for settled in outcome.settled if settled.trajectory is not None]
    assert all({"check": "judge", "passed": True, "evidence": ""} in trajectory.checks for trajectory in accepted)
