"""What a filter says of itself reaches the reports of exports, with the thresholds of the run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from forge.engine.build import read_summary
from forge.engine.session import Session
from forge.manifest import Manifest

OpenSession = Callable[..., Session]
Recipe = Callable[..., str]
Run = Callable[[Session], Manifest]


@pytest.mark.parametrize("most", [200, 300])
def test_a_section_is_of_the_run_that_made_the_export(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run, most: int
) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "0.txt").write_text("\n".join(f"a line numbered {number}" for number in range(40)))
    for value in (100, most):
        session = open_session(recipe(f'name = "weed"\nlabel = "garden"\nmost = {value}', 'name = "twins"'))
        run(session)
    assert list(read_summary(session.workspace).sections) == ["garden"]
    page = (tmp_path / "exports" / "main" / "report.html").read_text()
    assert "What <bdi>garden</bdi> has to say of itself." in page
    assert f"At most {most}." in page
    assert "At most 100." not in page
