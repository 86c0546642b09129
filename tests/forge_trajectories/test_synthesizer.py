"""The source ``synthesizer``: its contract, its options, its attempts, its estimate."""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from forge.clients.llm_open import Endpoint
from forge.errors import StepError
from forge.llm import LlmSettings, Prices
from forge.records import ApiRecord, Trajectory
from forge.steps import Context
from forge.testing import MemoryCatalog, check_source, context
from forge.testing.llm import ScriptedLlm
from forge_trajectories import forge_sources
from forge_trajectories.blueprint import KINDS
from forge_trajectories.ladder.verify import first_failure, verify
from forge_trajectories.synthesis.attempts import achieved_shares, attempts_path, read_attempts
from forge_trajectories.synthesis.estimate import estimate
from forge_trajectories.synthesis.source import SHARES, Synthesizer
from forge_trajectories.synthesis.source_run import blueprints, blueprints_of, seed_of
from forge_trajectories.tools.graph import ToolGraph

Makes = Callable[..., Any]


@pytest.fixture
def shop(tmp_path: Path, shop_records: list[ApiRecord]) -> Context:
    return context(tmp_path, catalog=MemoryCatalog(shop_records), seed=5)


def with_model(given: Context, endpoint: ScriptedLlm, **settings: Any) -> Context:
    said = LlmSettings(model="scripted", base_url=endpoint.url, **settings)
    journal = given.workspace / "llm.sqlite"
    return replace(given, llm=Endpoint(journal=journal, scope="test", settings=said, recipe=Path("forge.toml")))


def accepted(source: Synthesizer, given: Context) -> list[Trajectory]:
    found = [record for part in source.partitions(given) for record in source.records(part, given)]
    assert all(isinstance(record, Trajectory) for record in found)
    return [record for record in found if isinstance(record, Trajectory)]


def test_the_source_is_registered() -> None:
    assert Synthesizer in forge_sources()


def test_it_keeps_the_contract_of_sources(shop: Context) -> None:
    found = check_source(Synthesizer(target_accepted=30, writes=[]), shop)
    assert len(found.records) == 30
    assert not found.rejects
    for record in found.records:
        assert isinstance(record, Trajectory)
        assert first_failure(verify(record)) is None
        assert record.license in ("MIT", "Apache-2.0", "Apache-2.0 AND MIT")
        assert record.model is None


def test_all_kinds_come_in_their_shares(shop: Context) -> None:
    accepted(Synthesizer(target_accepted=100, writes=[]), shop)
    shares = achieved_shares(list(read_attempts(shop.scratch)))
    assert set(shares) == set(KINDS)
    assert all(abs(shares[kind] - SHARES[kind]) <= 0.03 for kind in KINDS)
    assert sum(SHARES.values()) == pytest.approx(1.0)


def test_kinds_can_be_chosen(shop: Context) -> None:
    source = Synthesizer(target_accepted=12, writes=[], kinds={"single": 1, "parallel": 2})
    accepted(source, shop)
    assert achieved_shares(list(read_attempts(shop.scratch))) == pytest.approx({"parallel": 2 / 3, "single": 1 / 3})


def test_the_seed_changes_what_is_made_and_nothing_else_does(shop: Context) -> None:
    source = Synthesizer(target_accepted=10, writes=[])
    first = accepted(source, shop)
    assert accepted(source, shop) == first
    assert accepted(replace(source, concurrency=1), shop) == first
    assert {t.id for t in accepted(source, replace(shop, seed=6))}.isdisjoint(t.id for t in first)
    assert seed_of(5, 0) == 5 != seed_of(5, 1)


def test_large_targets_make_several_partitions(shop: Context) -> None:
    parts = Synthesizer(target_accepted=4_500, writes=[]).partitions(shop)
    assert [part.items[0] for part in parts] == ["target=1500"] * 3
    assert len({part.fingerprint for part in parts}) == 3
    assert [part.items[1] for part in parts] == ["lap=0", "lap=1", "lap=2"]


def test_an_empty_catalogue_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="add a source of APIs"):
        Synthesizer().partitions(context(tmp_path, catalog=MemoryCatalog([])))


def test_writing_without_a_model_says_what_to_do(shop: Context) -> None:
    source = Synthesizer(target_accepted=2)
    with pytest.raises(StepError, match=r"set writes = \[\]"):
        accepted(source, shop)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target_accepted": 0}, "target_accepted = 0"),
        ({"writes": ["prose"]}, "'prose' is no part"),
        ({"kinds": {"monologue": 1.0}}, "'monologue' is no kind"),
        ({"kinds": {"single": 0.0}}, "every share is 0"),
        ({"kinds": {"single": -1.0}}, "is -1.0"),
        ({"max_llm_share": 1.5}, "no share"),
        ({"max_usd": -1.0}, "max_usd"),
        ({"concurrency": 0}, "concurrency"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Synthesizer(**options)


def test_every_attempt_is_kept_and_stale_files_go(shop: Context) -> None:
    stale = attempts_path(shop.scratch, "part-0007")
    stale.write_bytes(b"")
    source = Synthesizer(target_accepted=8, writes=[])
    made = accepted(source, shop)
    assert not stale.exists()
    attempts = list(read_attempts(shop.scratch))
    assert [attempt.trajectory for attempt in attempts if attempt.accepted] == [record.id for record in made]
    assert all(attempt.passed[0] == "parses" and attempt.apis and attempt.messages for attempt in attempts)


def test_a_model_s_part_in_it_is_said_and_counted(shop: Context, oracle: Makes) -> None:
    source = Synthesizer(target_accepted=6, writes=["query", "answer"])
    some = list(islice(blueprints_of(source, source.partitions(shop)[0], shop), 12))
    prices = {"scripted": Prices(prompt=1.0, completion=2.0)}
    with ScriptedLlm(oracle(some, source.writes)) as endpoint:
        made = accepted(source, with_model(shop, endpoint, prices=prices))
        attempts = list(read_attempts(shop.scratch))
        assert sum(attempt.calls for attempt in attempts) == len(endpoint.requests)
    assert len(made) == 6
    written = [record.blueprint["written"] for record in made if record.blueprint is not None]
    assert any(parts.get("answer") == "llm" for parts in written)
    assert sum(attempt.cost for attempt in attempts) == pytest.approx(len(endpoint.requests) * 20e-6)


def test_the_estimate_is_near_what_is_asked(shop: Context, oracle: Makes) -> None:
    source = Synthesizer(target_accepted=12)
    some = list(islice(blueprints_of(source, source.partitions(shop)[0], shop), 14))
    prices = {"scripted": Prices(prompt=1.0, completion=2.0)}
    with ScriptedLlm(oracle(some, source.writes)) as endpoint:
        given = with_model(shop, endpoint, prices=prices)
        said = estimate(source, given)
        assert not endpoint.requests
        accepted(source, given)
        asked = len(endpoint.requests)
    assert asked == said.calls
    assert said.model == "scripted"
    assert said.usd is not None
    assert said.most_usd is not None
    assert 0 < said.usd < said.most_usd
    assert said.prompt_tokens > 100 * asked
    assert said.seconds > 0


def test_without_a_model_nothing_is_asked(shop: Context) -> None:
    said = estimate(Synthesizer(writes=[]), shop)
    assert (said.calls, said.prompt_tokens, said.usd) == (0, 0, None)


def test_a_kind_that_the_catalogue_does_not_give_is_left_out(tmp_path: Path, shop_records: list[ApiRecord]) -> None:
    lone = [record for record in shop_records if record.name == "get_album"]
    given = context(tmp_path, catalog=MemoryCatalog(lone), seed=1)
    source = Synthesizer(target_accepted=3, writes=[], kinds={"single": 0.5, "choice": 0.5})
    assert len(accepted(source, given)) == 3
    assert set(achieved_shares(list(read_attempts(given.scratch)))) == {"single"}


def test_blueprints_come_in_even_order(shop_graph: ToolGraph) -> None:
    drawn = islice(blueprints(shop_graph, {"single": 0.5, "choice": 0.25, "irrelevance": 0.25}, seed=1), 8)
    kinds = [blueprint.kind for blueprint in drawn]
    assert sorted(kinds[:4]) == sorted(kinds[4:]) == ["choice", "irrelevance", "single", "single"]
