"""Options: from a table or the command line to a step."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from forge.errors import RecipeError
from forge.options import describe_options, key_options, make_step, parse_settings
from forge.steps import option


@dataclass(frozen=True, kw_only=True)
class Sieve:
    mesh: int = option(5, help="width of a hole", unit="millimetres")
    cut: float = option(0.5, help="least share", threshold=True)
    names: Sequence[str] = option((), help="what passes")
    path: str

    def __post_init__(self) -> None:
        if self.mesh < 1:
            raise ValueError("mesh is below 1")


def make(**options: object) -> Sieve:
    made = make_step(Sieve, options, file="forge.toml", key="filter[0]")
    assert isinstance(made, Sieve)
    return made


def test_values_take_the_declared_types() -> None:
    made = make(mesh=7, names=["a"], path="x")
    assert (made.mesh, list(made.names), made.path) == (7, ["a"], "x")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "x", "mehs": 1}, r"filter\[0\].mehs: unknown option: did you mean 'mesh'"),
        ({"path": "x", "mesh": "wide"}, r"filter\[0\].mesh: Expected `int`, got `str`"),
        ({"path": "x", "names": 'a"b'}, r'a list is expected; write names=\["a\\"b"\]'),
        ({"mesh": 1}, "the option 'path' is required"),
        ({"path": "x", "mesh": 0}, "mesh is below 1"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        make(**options)


def test_settings_of_a_command_line_are_toml_or_text() -> None:
    assert parse_settings(["a=1", "b=true", 'c=["x"]', "d=plain text", "e=x=y"]) == {
        "a": 1,
        "b": True,
        "c": ["x"],
        "d": "plain text",
        "e": "x=y",
    }
    with pytest.raises(RecipeError, match="expected key=value"):
        parse_settings(["alone"])


def test_a_setting_is_text_where_the_option_takes_only_text() -> None:
    options = parse_settings(["path=1.10", "mesh=3", "cut=1", "names=[2]", "other=4"], step=Sieve)
    assert options == {"path": "1.10", "mesh": 3, "cut": 1, "names": [2], "other": 4}
    assert parse_settings(["path=2024-01-01"], step=Sieve) == {"path": "2024-01-01"}
    assert parse_settings(['path="2024"'], step=Sieve) == {"path": "2024"}
    assert parse_settings(["path=" + "9" * 5000], step=Sieve) == {"path": "9" * 5000}


def test_options_describe_themselves() -> None:
    rows = {row["name"]: row for row in describe_options(Sieve)}
    assert rows["mesh"] == {
        "name": "mesh",
        "type": "int",
        "default": "5",
        "unit": "millimetres",
        "help": "width of a hole",
    }
    assert rows["path"]["default"] == "required"


def test_thresholds_are_no_part_of_a_scores_key() -> None:
    assert "cut" not in key_options(make(path="x"), thresholds=False)
    assert "cut" in key_options(make(path="x"))
