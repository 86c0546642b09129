"""What killed runs, and runs with a higher target, leave in the synthesizer's scratch directory counts for nothing."""

from pathlib import Path

import pytest

from forge.errors import StepError
from forge.files import write_text
from forge.records import ApiRecord, to_json
from forge.steps import Context
from forge.testing import MemoryCatalog, context
from forge_trajectories.ladder.mutations import Caught, MutationReport
from forge_trajectories.synthesis.attempts import Attempt, attempts_path, read_attempts, write_attempts
from forge_trajectories.synthesis.audit import Audit, audit_path, read_audit, write_audit
from forge_trajectories.synthesis.progress import forget, progress
from forge_trajectories.synthesis.source import PER_PARTITION, Synthesizer

LEFT = ("part-0000", "part-0001", "part-0002")
PLANTED = 7


@pytest.fixture
def shop(tmp_path: Path, shop_records: list[ApiRecord]) -> Context:
    """A context in whose scratch directory a run of three partitions was killed."""
    given = context(tmp_path, catalog=MemoryCatalog(shop_records), seed=5)
    for number, key in enumerate(LEFT):
        attempt = Attempt(position=0, number=0, blueprint=key, kind="single", apis=(), providers=(), written={})
        write_attempts(attempts_path(given.scratch, key), [attempt], about={})
        planted = MutationReport(rows={"stale-id": Caught(planted=PLANTED)}, accepted=1)
        write_audit(audit_path(given.scratch, key), Audit(planted=planted))
        facts = {"accepted": 10**number, "attempts": 2 * 10**number, "blueprints": 10**number}
        write_text(given.scratch / f"progress-{key}.json", to_json(facts))
    return given


def counted(folder: Path) -> tuple[list[str], int, int]:
    """Partitions whose attempts count, planted corruption, accepted ones under way."""
    attempted = [attempt.blueprint for attempt in read_attempts(folder)]
    return attempted, read_audit(folder).planted.planted, progress(folder)["accepted"]


@pytest.mark.parametrize(("kept", "accepted"), [(1, 1), (2, 11), (3, 111)])
def test_files_of_partitions_that_are_gone_do_not_count_from_the_start(shop: Context, kept: int, accepted: int) -> None:
    assert counted(shop.scratch) == (list(LEFT), 3 * PLANTED, 111)
    source = Synthesizer(target_accepted=kept * PER_PARTITION, writes=["query"])
    records = source.records(source.partitions(shop)[0], shop)
    with pytest.raises(StepError, match="none can be asked here"):  # so that nothing is made, nor written
        next(records)
    assert counted(shop.scratch) == (list(LEFT[:kept]), kept * PLANTED, accepted)


def test_before_a_run_no_progress_is_left(shop: Context) -> None:
    forget(shop.scratch)
    assert counted(shop.scratch) == (list(LEFT), 3 * PLANTED, 0)
