"""Edits of the recipe: only the lines meant change, whatever the file looks like."""

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forge.cli.init import RECIPE
from forge.errors import RecipeError
from forge.recipe import load_recipe
from forge.recipe_edit import add_source, remove_source, set_options

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


QUICKSTART = (Path(__file__).parents[2] / "examples/quickstart/forge.toml").read_text(encoding="utf-8")
TRICKY = r"""
# top of the file

seed = 1

[[source]]
name = "packages"   # [[source]]
packages = [
  "a",

  # [[source]]
  "[[source]]",
]
note = '''
[[source]]
name = "inside"

# no comment
'''
more = QQQ
[[render]] \QQQ " QQQ"

[source.deep]
x = [ ["[[render]]"], [
[1]] ]
# packages = ["an option that is left out"]

# --- Renderers ---
# of this file
[[render]]
name = "api-text"
""".replace("QQQ", '"' * 3)
RECIPES = {
    "quickstart": QUICKSTART,
    "init": RECIPE,
    "tricky": TRICKY,
    "empty": "",
    "no last line end": "seed = 1",
    "comments only": "# mine\n# all mine\n",
    "blanks at the end": "seed = 1\n\n\n",
    "top comment on a header": "# render\n[[render]]\nname = 'api-text'\n",
    "blank at the beginning": "\n\n[[render]]\nname = 'api-text'\n",
    "export first": "[export.main]\nmix = '1:1:1'\n\n[[source]]\nname = 'a'",
    "interleaved": "[[source]]\nname='a'\n\n[[filter]]\nname='length'\n\n[[source]]\nname='b'\n\n[export.x]\n",
    "crlf": RECIPE.replace("\n", "\r\n"),
}


def add(path: Path, name: str = "fresh", **options: object) -> None:
    add_source(path, name=name, label=None, options=options)


@pytest.mark.parametrize("text", RECIPES.values(), ids=RECIPES.keys())
def test_adding_then_removing_gives_the_bytes_back(tmp_path: Path, text: str) -> None:
    path = tmp_path / "forge.toml"
    path.write_bytes(text.encode())
    add(path, services=["s3"], deep={"a": 1}, text="two\nlines")
    added = path.read_bytes().decode()
    assert load_recipe(path).sources[-1].options == {"services": ["s3"], "deep": {"a": 1}, "text": "two\nlines"}
    assert [line for line in text.splitlines() if line not in added.splitlines()] == []
    remove_source(path, "fresh")
    assert path.read_bytes().decode() == text


PIECES = (
    "# note\n",
    "\n\n",
    "[[source]]\nname = 'N'\n",
    "[[render]]\nname = 'N'\n",
    "[export.N]\n",
    "[source.n]\nx=[\n1]\n",
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_an_edit_does_what_it_says_or_refuses(tmp_path: Path, pieces: list[str]) -> None:
    text = "\n" + "\n".join(piece.replace("N", f"n{index}") for index, piece in enumerate(pieces))
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    path = tmp_path / "forge.toml"
    path.write_text(text)
    try:
        load_recipe(path)
    except RecipeError:
        return
    try:
        add(path)
    except RecipeError:  # a part of a source that stands apart from it
        assert "[source.n" in text
        assert path.read_text() == text
        return
    added = tomllib.loads(path.read_text())
    assert added == {**data, "source": [*data.get("source", []), {"name": "fresh"}]}
    remove_source(path, "fresh")
    assert path.read_text() == text


def test_a_new_source_stands_apart_where_sources_stand(tmp_path: Path) -> None:
    path = tmp_path / "forge.toml"
    path.write_text(QUICKSTART)
    add(path)
    assert 'lib/**/*.js"]\n\n[[source]]\nname = "fresh"\n\n# --- Agent data' in path.read_text()
    path.write_text(RECIPE)
    add(path)
    assert 'adds one here.\n\n[[source]]\nname = "fresh"\n\n# APIs of' in path.read_text()
    path.write_text(GOOD)
    add(path)
    assert '0.5\n\n[[source]]\nname = "fresh"\n\n[[filter]]' in path.read_text()


def test_removing_a_source_keeps_the_next_ones_heading(tmp_path: Path) -> None:
    path = tmp_path / "forge.toml"
    path.write_text(QUICKSTART)
    remove_source(path, "botocore")
    start = QUICKSTART.index('[[source]]\nname = "botocore"')
    assert path.read_text() == QUICKSTART[:start] + QUICKSTART[QUICKSTART.index("# --- Prose") :]


def test_a_removed_sources_own_comment_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "forge.toml"
    path.write_text("# top\n\n# of a\n[[source]]\nname='a'\n# x=1\n\n# of b\n[[source]]\nname='b'\n")
    remove_source(path, "a")
    assert path.read_text() == "# top\n\n# of b\n[[source]]\nname='b'\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source = []", "edit the file by hand"),
        ("source = [{name='a'}]", "edit the file by hand"),
        ("source = 3", r"write it as \[\[source\]\]"),
        ("source = [3]", r"write it as \[\[source\]\]"),
        ("[source]\nname='a'", r"write it as \[\[source\]\]"),
        ("source = [", "not TOML"),
    ],
)
def test_what_cannot_be_edited_is_refused_and_left(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "forge.toml"
    path.write_text(text)
    with pytest.raises(RecipeError, match=message):
        add(path)
    with pytest.raises(RecipeError, match=f"{message}|no source is labelled"):
        remove_source(path, "a")
    assert path.read_text() == text


def test_the_files_mode_and_a_link_to_it_stay(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text(RECIPE)
    real.chmod(0o600)
    path = tmp_path / "forge.toml"
    path.symlink_to(real)
    add(path)
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert path.is_symlink()
    assert "fresh" in real.read_text()


def test_a_reject_rate_and_a_label_are_written(tmp_path: Path) -> None:
    path = tmp_path / "forge.toml"
    path.write_text(RECIPE)
    add_source(path, name="packages", label="code", options={}, max_reject_rate=0.25)
    source = load_recipe(path).sources[0]
    assert (source.label, source.max_reject_rate, source.options) == ("code", 0.25, {})


def test_an_edit_that_makes_a_wrong_recipe_changes_nothing(recipe: Path) -> None:
    with pytest.raises(RecipeError, match="label 'botocore' is taken"):
        add_source(recipe, name="botocore", label=None, options={})
    with pytest.raises(RecipeError, match="no source or renderer is labelled 'python-code'"):
        remove_source(recipe, "python-code")
    assert recipe.read_text() == GOOD
    assert list(recipe.parent.iterdir()) == [recipe]


def test_removing_what_is_not_there_suggests(recipe: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean 'botocore'"):
        remove_source(recipe, "botocor")


def test_new_options_stand_with_their_table_and_not_below_a_comment_of_what_follows(tmp_path: Path) -> None:
    path = tmp_path / "forge.toml"
    kinds = "[source.kinds]\nsingle = 1.0\n"
    path.write_text(f'[[source]]\nname = "synthesizer"\nwrites = []\n\n# Off:\n# [[source]]\n{kinds}', encoding="utf-8")
    changed = set_options(path, "synthesizer", {"target_accepted": 7, "model": "m", "writes": ["query"]})
    assert changed == {"target_accepted": 7, "model": "m", "writes": ["query"]}
    assert path.read_text(encoding="utf-8") == (
        '[[source]]\nname = "synthesizer"\nwrites = ["query"]\ntarget_accepted = 7\nmodel = "m"\n\n'
        f"# Off:\n# [[source]]\n{kinds}"
    )


def test_a_last_line_without_an_end_gets_one_before_new_options(tmp_path: Path) -> None:
    path = tmp_path / "forge.toml"
    path.write_text('[[source]]\nname = "synthesizer"', encoding="utf-8")
    set_options(path, "synthesizer", {"target_accepted": 7})
    assert path.read_text(encoding="utf-8") == '[[source]]\nname = "synthesizer"\ntarget_accepted = 7\n'
