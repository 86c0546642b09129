"""What the programs import before they have anything to do. `forge --help` answers at once because of it."""

import subprocess
import sys

import pytest

HEAVY = frozenset(
    (
        *("boto3", "botocore", "bs4", "datasets", "deepspeed", "duckdb", "hishel", "httpx", "jinja2", "lxml"),
        *("matplotlib", "numpy", "pandas", "py3langid", "pyarrow", "requests", "scipy", "stamina", "tokenizers"),
        *("torch", "transformers"),
    )
)
PROBE = "import sys; {statements}; print(*sorted({heavy} & set(sys.modules)))"


def heavy_imports(statements: str) -> list[str]:
    """The heavy libraries that a fresh interpreter has imported after the statements."""
    code = PROBE.format(statements=statements, heavy=set(HEAVY))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    "statements",
    [
        "from forge.cli.app import make_app; make_app()",
        "import forge_trainer.cli",
        "import forge.hookspecs, forge.errors, forge.records, forge.steps",
        "from forge.host import PluginHost; assert not PluginHost().failures",
    ],
    ids=["forge", "forge-trainer", "the contract", "all plugins"],
)
def test_nothing_heavy_is_imported(statements: str) -> None:
    assert heavy_imports(statements) == []


def test_the_probe_sees_a_heavy_import() -> None:
    assert heavy_imports("import numpy") == ["numpy"]
