"""The source ``python-modules`` on installed distributions, with `inspect` as the oracle, and on packages made here."""

import importlib
import inspect
import zipfile
from pathlib import Path
from typing import Any

import pytest

from forge.errors import StepError
from forge.records import ApiRecord
from forge.steps import Context
from forge.testing import check_source, context
from forge_sources.packages.fetch import fetch_one
from forge_sources.packages.spec import PackageSpec
from forge_sources.python_modules.docstrings import doctest_lines, plain_text
from forge_sources.python_modules.source import PythonModules

METADATA = "Metadata-Version: 2.4\nName: toys\nVersion: 1.0\nLicense-Expression: MIT\n"
SHELF = '''"""A package whose code never runs."""
from toys._parts import Part, Wheel as Wheel, helper
from toys.make import make
from os import path
__all__ = ["Part", "helper", "VERSION"]
VERSION = 1
open("ran", "w").write("ran")
raise SystemExit("ran")
'''
PARTS = '''
import enum
from dataclasses import dataclass
from typing import NamedTuple, TYPE_CHECKING

@dataclass
class Part:
    """A part.

    Attributes:
        size: In millimetres.
    """
    size: int
    colour: str = "red"

    def paint(self, colour: "str | None" = None, /, *, coats: int = 1) -> "Part":
        """Paint it.

        Args:
            colour: The new one.
            coats: How many.

        Returns:
            The part, painted.

        Raises:
            ValueError: There is no such colour.

        Examples:
            >>> part.paint("blue", coats=2)
            >>> part.paint(unknown)
        """
    @staticmethod
    def parse(text, *more, **named): ...
    @classmethod
    def empty(cls) -> "Part": ...
    @property
    def weight(self) -> float: ...
    def _hidden(self): ...

class Wheel:
    def __new__(cls, spokes: int): ...

def helper(x, y=[1, 2], z=object()):
    """Help.

    .. deprecated:: 1.0
       Use something else.
    """
'''
MAKE = '''
import typing as t
from typing import NamedTuple, TYPE_CHECKING
import enum
from functools import cache

def make(name: str, *, sizes: t.Optional[list[int]] = None, how: t.Literal["fast", "slow"] = "fast") -> dict[str, int]:
    """Make a toy.

    Parameters
    ----------
    name : str
        Its name.
    sizes, how
        More of it.

    Returns
    -------
    dict
        What was made.

    Examples
    --------
    >>> make("bear", sizes=[1])
    {'name': 'bear'}
    """

def send(to, text="hi"):
    """Send it.

    :param to: Who gets it.
    :type to: str
    :returns: Whether it came.
    :raises KeyError: Nobody is there.
    """

class Size(NamedTuple):
    width: int
    height: int = 2

class Colour(enum.Enum):
    RED = 1

if TYPE_CHECKING:
    class Ghost: ...

def _private(): ...

if __name__ == "__main__":
    def script(): ...
'''


@pytest.fixture
def shop(tmp_path: Path) -> Context:
    """A cache that holds one wheel, put there as if pip had fetched it."""
    files = {
        "toys/__init__.py": SHELF,
        "toys/_parts.py": PARTS,
        "toys/make.py": MAKE,
        "toys/tests/__init__.py": "",
        "toys/tests/test_it.py": "def test_it(): ...\n",
        "toys/broken.py": "def (:\n",
        "toys-1.0.dist-info/METADATA": METADATA,
        "../outside.py": "x = 1\n",
    }

    def client(spec: PackageSpec, folder: Path) -> str:
        with zipfile.ZipFile(folder / "toys-1.0-py3-none-any.whl", "w") as packed:
            for name, text in files.items():
                packed.writestr(name, text)
        return "1.0"

    where = context(tmp_path)
    fetch_one(PackageSpec(registry="pip", name="toys", version="1.0"), where.cache, client=client)
    return where


def records_of(source: PythonModules, where: Context) -> dict[str, ApiRecord]:
    found = check_source(source, where)
    return {record.name: record for record in found.records if isinstance(record, ApiRecord)}


def test_what_is_public_counts_once(shop: Context) -> None:
    found = check_source(PythonModules(distributions=["pip:toys==1.0"]), shop)
    records = {record.name: record for record in found.records if isinstance(record, ApiRecord)}
    parts = {"toys.Part", "toys.Part.paint", "toys.Part.parse", "toys.Part.empty", "toys.helper"}
    made = {"toys.make.make", "toys.make.send", "toys.make.Size", "toys.make.Colour"}
    assert set(records) == parts | made
    assert [reject.locator for reject in found.rejects] == ["toys==1.0:../outside.py", "toys==1.0:toys/broken.py"]
    assert {(r.provider, r.service, r.kind, r.license) for r in records.values()} == {("toys", "toys", "python", "MIT")}
    assert records["toys.helper"].license_evidence == "toys 1.0: METADATA: License-Expression: MIT"
    assert not (shop.workspace / "ran").exists()
    assert not Path("ran").exists()


def test_signatures_become_schemas(shop: Context) -> None:
    records = records_of(PythonModules(distributions=["pip:toys==1.0"]), shop)
    paint = records["toys.Part.paint"]
    assert paint.parameters["properties"] == {
        "colour": {
            "type": ["string", "null"],
            "x-kind": "positional-only",
            "default": None,
            "description": "The new one.",
        },
        "coats": {"type": "integer", "x-kind": "keyword-only", "default": 1, "description": "How many."},
    }
    assert paint.returns is not None
    assert paint.returns["description"] == "The part, painted."
    assert paint.errors == [{"code": "ValueError", "description": "There is no such colour."}]
    assert paint.examples == [{"arguments": {"colour": "blue", "coats": 2}}]
    assert records["toys.Part"].parameters["required"] == ["size"]
    assert list(records["toys.Part"].parameters["properties"]) == ["size", "colour"]
    parse = records["toys.Part.parse"]
    assert parse.parameters["required"] == ["text"]
    assert parse.parameters["properties"]["more"] == {"type": "array", "x-kind": "var-positional"}
    assert parse.parameters["properties"]["named"] == {"type": "object", "x-kind": "var-keyword"}
    assert records["toys.Part.empty"].parameters == {"type": "object", "properties": {}}
    helper = records["toys.helper"]
    assert helper.deprecated
    assert helper.parameters["properties"]["y"] == {"default": [1, 2]}
    assert helper.parameters["properties"]["z"] == {"x-default": "object()"}
    assert records["toys.make.Size"].parameters["required"] == ["width"]


def test_three_docstring_styles(shop: Context) -> None:
    records = records_of(PythonModules(distributions=["pip:toys==1.0"]), shop)
    make, send = records["toys.make.make"], records["toys.make.send"]
    assert make.parameters["properties"]["name"] == {"type": "string", "description": "Its name."}
    assert make.parameters["properties"]["how"]["enum"] == ["fast", "slow"]
    assert make.parameters["properties"]["sizes"]["type"] == ["array", "null"]
    assert make.parameters["properties"]["sizes"]["description"] == "More of it."
    assert make.examples == [{"arguments": {"name": "bear", "sizes": [1]}, "result": {"name": "bear"}}]
    assert make.meta["doctest"].startswith(">>> make(")
    assert send.parameters["properties"]["to"] == {"type": "string", "description": "Who gets it."}
    assert send.errors == [{"code": "KeyError", "description": "Nobody is there."}]
    forced = records_of(PythonModules(distributions=["pip:toys==1.0"], docstring_style="google"), shop)
    assert "Parameters" in forced["toys.make.make"].description
    assert "description" not in forced["toys.make.send"].parameters["properties"]["to"]


def test_modules_are_taken_and_left_out(shop: Context) -> None:
    taken = records_of(PythonModules(distributions=["pip:toys==1.0"], include=["toys.make*"]), shop)
    assert {name.rpartition(".")[0] for name in taken} == {"toys.make"}
    left = records_of(PythonModules(distributions=["pip:toys==1.0"], exclude=["toys.make"]), shop)
    assert "toys.make.make" not in left
    assert "toys.tests.test_it.test_it" in left


def oracle(record: ApiRecord) -> tuple[list[str], list[str]] | None:
    """Names and required names by `inspect`; None where the object is not found, or is made by an enumeration."""
    parts = record.path.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        raw = None
        for part in parts[cut:]:
            raw = inspect.getattr_static(found, part, None)
            found = getattr(found, part, None)
        try:
            parameters = list(inspect.signature(found).parameters.values())  # type: ignore[arg-type]
        except (ValueError, TypeError):
            return None
        if record.meta["object"] == "method" and not isinstance(raw, (staticmethod, classmethod)):
            parameters = parameters[1:]
        variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        needed = [p.name for p in parameters if p.default is p.empty and p.kind not in variadic]
        return [p.name for p in parameters], needed
    return None


def test_signatures_are_those_that_inspect_finds(tmp_path: Path) -> None:
    """Names, their order and required flags; the default's value is looked at by the next test."""
    source = PythonModules(distributions=["pluggy", "httpx", "jinja2", "click"])
    where = context(tmp_path)
    compared = equal = 0
    for part in source.partitions(where):
        for record in source.records(part, where):
            expected = oracle(record) if isinstance(record, ApiRecord) else None
            if expected is not None and isinstance(record, ApiRecord):
                compared += 1
                given = (list(record.parameters["properties"]), record.parameters.get("required", []))
                equal += given == expected
    assert compared > 1_000
    assert equal >= 0.99 * compared, f"{equal} of {compared}"


def test_defaults_are_those_that_inspect_finds(tmp_path: Path) -> None:
    source = PythonModules(distributions=["pluggy", "httpx"])
    where = context(tmp_path)
    compared = 0
    for part in source.partitions(where):
        for record in source.records(part, where):
            if not isinstance(record, ApiRecord) or record.meta["object"] != "function":
                continue
            function = getattr(importlib.import_module(record.path.rpartition(".")[0]), record.path.rpartition(".")[2])
            for name, parameter in inspect.signature(function).parameters.items():
                entry = record.parameters["properties"].get(name, {})
                if "default" in entry:
                    compared += 1
                    assert entry["default"] == parameter.default
    assert compared > 30


def test_an_installed_distribution_in_full(tmp_path: Path) -> None:
    found = records_of(PythonModules(distributions=["pluggy"]), context(tmp_path))
    record = found["pluggy.PluginManager.register"]
    assert (record.provider, record.license) == ("pluggy", "MIT")
    assert record.parameters["required"] == ["plugin"]
    assert record.parameters["properties"]["name"]["type"] == ["string", "null"]
    assert record.url == "https://pluggy.readthedocs.io/"


def test_stubs_of_a_compiled_distribution(tmp_path: Path) -> None:
    found = records_of(PythonModules(distributions=["tokenizers"]), context(tmp_path))
    record = found["tokenizers.Tokenizer.from_file"]
    assert record.license == "Apache-2.0"
    assert "path" in record.parameters["properties"]


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    where = context(tmp_path)
    with pytest.raises(ValueError, match="distributions is empty"):
        PythonModules()
    with pytest.raises(ValueError, match="no Python distribution"):
        PythonModules(distributions=["npm:left-pad"])
    with pytest.raises(ValueError, match="write pip:httpx"):
        PythonModules(distributions=["httpx==1.0"])
    with pytest.raises(StepError, match="no-such-thing is not installed"):
        PythonModules(distributions=["no-such-thing"]).partitions(where)
    with pytest.raises(StepError, match="names pluggy more than once"):
        PythonModules(distributions=["pluggy", "Pluggy"]).partitions(where)
    with pytest.raises(StepError, match="no-such-distribution"):
        PythonModules(distributions=["no-such-distribution"]).plan(where)
    assert "pip:toys==1.0; has 1" in PythonModules(distributions=["pip:toys==1.0", "httpx"]).plan(where)


def test_the_lines_of_an_answer_keep_their_place():
    text = "Words.\n\n    >>> grid()\n    array([[1, 2],\n           [3, 4]])\n\n    After."
    assert doctest_lines(text) == ">>> grid()\narray([[1, 2],\n       [3, 4]])"


def test_citation_marks_go_and_what_they_cite_stays():
    assert plain_text("As [1]_ and [dlmf]_ say; a[0]_x stays.") == "As [1] and [dlmf] say; a[0]_x stays."
