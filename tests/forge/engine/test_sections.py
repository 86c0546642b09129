"""What a filter says of itself reaches the reports of exports, with the thresholds of the run."""

from collections.abc import Callable
from pathlib import Path

import pytest

from forge.engine.build import build, read_summary
from forge.engine.session import Session

OpenSession = Callable[..., Session]

RECIPE = """
seed = 5
[tokenizer]
name = "bpe"
vocab_size = 300
[[source]]
name = "notes"
path = "notes"
[[filter]]
name = "weed"
label = "garden"
most = MOST
[[filter]]
name = "twins"
[export.main]
mix = "0:0:1"
"""


@pytest.mark.parametrize("most", [200, 300])
def test_a_section_is_of_the_run_that_made_the_export(tmp_path: Path, open_session: OpenSession, most: int) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "0.txt").write_text("\n".join(f"a line numbered {number}" for number in range(40)))
    for value in (100, most):
        session = open_session(RECIPE.replace("MOST", str(value)))
        build(session, exports=session.recipe.exports)
    assert list(read_summary(session.workspace).sections) == ["garden"]
    page = (tmp_path / "exports" / "main" / "report.html").read_text()
    assert "What <bdi>garden</bdi> has to say of itself." in page
    assert f"At most {most}." in page
    assert "At most 100." not in page
