import subprocess
import sys
import tomllib
from pathlib import Path

import forge_source_example

PROJECT = Path(__file__).parents[1]


def test_hooks_offer_the_steps_by_name() -> None:
    offered = [*forge_source_example.forge_sources(), *forge_source_example.forge_filters()]
    assert [step.name for step in offered] == ["jsonl-apis", "min-words"]


def test_entry_point_names_the_package() -> None:
    facts = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert facts["entry-points"]["hephaestus_forge"] == {"forge-source-example": "forge_source_example"}


def test_registration_imports_nothing_heavy() -> None:
    code = (
        "import sys, forge_source_example as plugin; plugin.forge_sources(), plugin.forge_filters()\n"
        "print('pyarrow' in sys.modules)"
    )
    path = str(PROJECT / "src")
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {path!r})\n{code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
