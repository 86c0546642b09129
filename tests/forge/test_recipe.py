"""The recipe: what is accepted, and how refusals read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.errors import RecipeError
from forge.recipe import load_recipe, parse_mix

GOOD = """\
# the seed of everything
seed = 3
[[source]]
name = "packages"   # code
label = "python-code"
packages = ["pip:six"]
[[source]]
name = "botocore"
max_reject_rate = 0.5
[[filter]]
name = "length"
[export.main]
mix = "2:1:1"
sources = ["python-code"]
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "forge.toml"
    path.write_text(GOOD)
    return path


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_recipe_is_read(recipe: Path) -> None:
    read = load_recipe(recipe)
    assert read.seed == 3
    assert [step.label for step in read.sources] == ["python-code", "botocore"]
    assert read.sources[0].options == {"packages": ["pip:six"]}
    assert read.sources[1].max_reject_rate == 0.5
    assert read.exports["main"].sources == ("python-code",)
    assert read.tokenizer.name == "bpe"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sede = 1", "sede: unknown key: did you mean 'seed'"),
        ("seed = -1", "seed: expected a whole number"),
        ("seed = [", "not TOML"),
        ("seed = true", "seed: expected a whole number"),
        (f"seed = {10**23}", "seed: expected a whole number"),
        (f"seed = {'9' * 5000}", "not TOML"),
        ("tokenizer = 'bpe'", "tokenizer: expected a table with name"),
        ("[[tokenizer]]\nname='bpe'", "tokenizer: expected a table with name"),
        ("export = 'x'", r"export: write it as \[export.NAME\]"),
        ("[[export]]\nmix='1:1:1'", r"export: write it as \[export.NAME\]"),
        ("export.main = 'x'", "export.main: "),
        ("source = 3", r"write it as \[\[source\]\]"),
        ("source = [3]", r"source\[0\]: expected a table with name"),
        ("[source]\nname='x'", r"write it as \[\[source\]\]"),
        ("[[source]]\nnane='x'", r"source\[0\]: expected a table with name"),
        ("[[source]]\nname='x'\n[[source]]\nname='x'", "the label 'x' is taken"),
        ("[[source]]\nname='x'\nlabel='../up'", "is no label"),
        ("[[source]]\nname='x'\nmax_reject_rate=2", "expected a share"),
        ("[[source]]\nname='x'\nmax_reject_rate=true", "expected a share"),
        ("[export.'../up']\nmix='1:1:1'", "is no name of an export"),
        ("[export.m]\nmixx='1:1:1'", r"export.m.mixx: unknown key: did you mean 'mix'"),
        ("[export.m]\nmix='1:1'", "is no mix"),
        ("[export.m]\nmax_tokens=0", "expected 1 or more"),
        (f"[export.m]\nmax_tokens={10**23}", "expected 1 or more, below"),
        ("[export.m]\nsources=['nobody']", "no source or renderer is labelled 'nobody'"),
    ],
)
def test_a_wrong_recipe_is_refused_by_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "forge.toml", text)
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_recipe_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="-C DIR"):
        load_recipe(tmp_path / "forge.toml")


def test_a_recipe_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"cannot be read \(.+\); check its path"):
        load_recipe(tmp_path / ("x" * 300) / "forge.toml")
    (tmp_path / "forge.toml").write_bytes(b"seed = 1 # \xff")
    with pytest.raises(RecipeError, match="save it as UTF-8"):
        load_recipe(tmp_path / "forge.toml")


@given(st.tuples(*[st.integers(0, 1000)] * 3).filter(any))
def test_a_mix_sums_to_one(parts: tuple[int, int, int]) -> None:
    shares = parse_mix(":".join(str(part) for part in parts))
    assert sum(shares.values()) == pytest.approx(1)
    assert list(shares) == ["agent", "code", "text"]


@pytest.mark.parametrize("mix", ["", "1", "1:1:1:1", "0:0:0", "1:-1:1", "a:b:c", "nan:1:1", "inf:1:1", "1e308:1e308:1"])
def test_what_is_no_mix_is_refused(mix: str) -> None:
    with pytest.raises(RecipeError, match="is no mix"):
        parse_mix(mix)
