"""Published golden calls through importer and ladder: the valid ones pass, the others are listed with the reason."""

from collections import Counter
from pathlib import Path

import pytest

from forge.records import Trajectory
from forge.testing import check_source, context
from forge_sources.trajectories.source import Trajectories
from forge_trajectories.ladder.imported import ImportReport, import_report

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures"


def report(tmp_path: Path, pattern: str) -> ImportReport:
    if not FIXTURES.is_dir():
        pytest.skip(f"the fixtures are not beside this checkout: {FIXTURES}")
    found = check_source(Trajectories(paths=(str(FIXTURES / pattern),)), context(tmp_path)).records
    made = import_report(record for record in found if isinstance(record, Trajectory))
    assert made.calls == made.valid + len(made.faults)
    assert all(call.code and call.evidence and call.locator and call.number for call in made.faults)
    # What fails as a whole fails for one of its calls: a dialogue whose calls are all valid passes.
    assert made.trajectories - made.passed == len({call.trajectory for call in made.faults})
    return made


def test_toolalpaca(tmp_path: Path) -> None:
    made = report(tmp_path, "toolalpaca/eval_simulated.json")
    assert (made.trajectories, made.passed, made.calls, made.valid) == (100, 62, 154, 104)
    assert made.reasons == Counter(
        {
            "parses:arguments": 32,  # {"animeId": ${animeId from searchAnime}}
            "tool-offered:unknown-tool": 9,  # getDetails, which asks the user
            "arguments-valid:wrong-enum": 8,  # "" for a gender
            "arguments-valid:unknown-argument": 1,
        }
    )


def test_api_bank(tmp_path: Path) -> None:
    made = report(tmp_path, "apibank_level1")
    assert (made.trajectories, made.passed, made.calls, made.valid) == (213, 213, 389, 389)


def test_toolbench(tmp_path: Path) -> None:
    made = report(tmp_path, "toolbench/answer/**/*.json")
    assert (made.trajectories, made.passed, made.calls, made.valid) == (156, 143, 733, 706)
    assert made.reasons == Counter(
        {
            "tool-offered:unknown-tool": 25,  # invalid_hallucination_function_name and the like
            "arguments-valid:missing-required": 1,
            "arguments-valid:unknown-argument": 1,
        }
    )
