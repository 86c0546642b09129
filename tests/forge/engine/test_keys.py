"""Content keys: what changes them, and what does not."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from forge.engine.keys import _read, _spec, code_version, key_of, step_key
from forge.steps import option


@dataclass(frozen=True, kw_only=True)
class Cutter:
    width: int = option(3, help="")
    bar: float = option(0.5, help="", threshold=True)


def test_options_change_a_key_and_thresholds_only_the_decisions() -> None:
    assert step_key(Cutter()) == step_key(Cutter())
    assert step_key(Cutter(width=4)) != step_key(Cutter())
    assert step_key(Cutter(bar=0.6)) != step_key(Cutter())
    assert step_key(Cutter(bar=0.6), thresholds=False) == step_key(Cutter(), thresholds=False)
    assert step_key(Cutter(width=4), thresholds=False) != step_key(Cutter(), thresholds=False)


def test_parts_do_not_run_together() -> None:
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})


def forget() -> None:
    for cached in (code_version, _read, _spec):
        cached.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "keyed_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    lines = [
        "from keyed_package import near",
        "from . import beside",
        "from keyed_package.sub import deep",
        "import json",
    ]
    (folder / "step.py").write_text("\n".join(lines))
    (folder / "near.py").write_text("def f():\n    from keyed_package.far import g\n    return g\n")
    (folder / "beside.py").write_text("")
    (folder / "far.py").write_text("def g(): return 1\n")
    (folder / "unrelated.py").write_text("x = 1\n")
    (folder / "sub").mkdir()
    (folder / "sub" / "__init__.py").write_text("from . import inner\n")
    (folder / "sub" / "inner.py").write_text("")
    (folder / "sub" / "deep.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    forget()
    yield folder
    for name in [name for name in sys.modules if name.startswith("keyed_package")]:
        del sys.modules[name]
    forget()


READ = ["step", "far", "beside", "__init__", "sub/__init__", "sub/inner", "sub/deep"]


@pytest.mark.parametrize(("file", "changes"), [*((name, True) for name in READ), ("unrelated", False)])
def test_code_counts_as_far_as_it_is_imported(package: Path, file: str, changes: bool) -> None:
    before = code_version("keyed_package.step")
    path = package / f"{file}.py"
    path.write_text(path.read_text() + "\nedited = True\n")
    forget()
    assert (code_version("keyed_package.step") != before) == changes


REGISTRATION = """
LIMIT = {limit}

def register():
    from keyed_package import unrelated
    return [{registered}]
"""


@pytest.mark.parametrize(
    ("limit", "registered", "changes"),
    [("1", "unrelated", False), ("1", "unrelated, unrelated", False), ("2", "unrelated", True)],
)
def test_what_a_package_registers_is_no_code_of_its_steps(
    package: Path, limit: str, registered: str, changes: bool
) -> None:
    init = package / "__init__.py"
    init.write_text(REGISTRATION.format(limit="1", registered="unrelated"))
    forget()
    before = code_version("keyed_package.step")
    init.write_text(REGISTRATION.format(limit=limit, registered=registered))
    (package / "unrelated.py").write_text("x = 2\n")
    forget()
    assert (code_version("keyed_package.step") != before) == changes


def test_what_is_taken_from_a_package_itself_counts_whole(package: Path) -> None:
    (package / "step.py").write_text("from keyed_package import register\n")
    init = package / "__init__.py"
    init.write_text(REGISTRATION.format(limit="1", registered="unrelated"))
    forget()
    before = code_version("keyed_package.step")
    init.write_text(REGISTRATION.format(limit="1", registered=""))
    forget()
    assert code_version("keyed_package.step") != before
