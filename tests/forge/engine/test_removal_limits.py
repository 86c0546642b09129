"""What a filter may remove: limits of the recipe, of the filter, by default; what is said of one that did nothing."""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.engine.session import Session
from forge.errors import CorpusError, RecipeError, StepError
from forge.manifest import Manifest
from forge.progress import LineReporter
from forge.recipe import parse_recipe

OpenSession = Callable[..., Session]
Recipe = Callable[..., str]
Run = Callable[[Session], Manifest]


def listening(session: Session) -> tuple[Session, io.StringIO]:
    stream = io.StringIO()
    return dataclasses.replace(session, reporter=LineReporter(stream)), stream


def fill(root: Path, *, weeds: int, others: int) -> None:
    (root / "notes").mkdir(exist_ok=True)
    lines = [f"a weed {number}" for number in range(weeds)] + [f"line {number}" for number in range(others)]
    half = len(lines) // 2
    for part, some in enumerate([lines[:half], lines[half:]]):
        (root / "notes" / f"part{part}.txt").write_text("\n".join(some))


def test_a_filter_that_drops_most_ends_the_run_with_the_numbers_before_any_export(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    fill(tmp_path, weeds=90, others=30)
    with pytest.raises(StepError) as raised:
        run(open_session(recipe('name="weed"')))
    said = str(raised.value)
    assert "dropped 90 of the 120 documents that reached it (75.0%: weed 90; for example " in said
    assert "more than max_drop_rate = 0.5 allows" in said
    assert "forge explain" in said
    assert "filter[0]" in said
    assert not (tmp_path / "exports").exists()
    with pytest.raises(StepError, match="75"):
        run(open_session(recipe('name="weed"')))


def test_with_a_higher_limit_the_run_goes_on_and_judges_nothing_again(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    fill(tmp_path, weeds=90, others=30)
    with pytest.raises(StepError):
        run(open_session(recipe('name="weed"')))
    for path in (tmp_path / ".forge" / "runs").iterdir():
        path.unlink()
    assert run(open_session(recipe('name="weed"\nmax_drop_rate=0.75'))).documents == 30
    lines = [line for path in (tmp_path / ".forge" / "runs").iterdir() for line in path.read_text().splitlines()]
    steps = {json.loads(line).get("step") for line in lines}
    assert "tokenize" in steps
    assert not steps & {"scored", "judged", "decided", "prepare"}


def test_only_what_reaches_a_filter_counts(tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run) -> None:
    fill(tmp_path, weeds=100, others=120)
    twice = recipe('name="weed"\nmax_drop_rate=0.5', 'name="weed"\nlabel="again"\nmax_drop_rate=0.0')
    assert run(open_session(twice)).documents == 120


def test_where_nothing_reaches_a_filter_no_rate_is_too_low(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    fill(tmp_path, weeds=10, others=10)
    with pytest.raises(CorpusError):  # there is nothing to train a tokenizer on
        run(open_session(recipe('name="long"\nleast=100', 'name="weed"\nmin_drop_rate=0.1')))


def test_a_handful_of_documents_is_held_to_no_limit_but_that_of_the_recipe(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    fill(tmp_path, weeds=60, others=39)
    assert run(open_session(recipe('name="weed"'))).documents == 39
    with pytest.raises(StepError, match=r"more than max_drop_rate = 0\.6"):
        run(open_session(recipe('name="weed"\nmax_drop_rate=0.6')))


def test_a_filter_says_itself_what_it_may_drop(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    fill(tmp_path, weeds=150, others=30)
    assert run(open_session(recipe('name="lenient"'))).documents == 30


def test_a_filter_that_drops_too_few_ends_the_run_if_the_recipe_says_so(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    fill(tmp_path, weeds=3, others=97)
    with pytest.raises(StepError, match=r"dropped 3 of the 100 .*less than min_drop_rate = 0\.05"):
        run(open_session(recipe('name="weed"\nmin_drop_rate=0.05')))
    assert run(open_session(recipe('name="weed"\nmin_drop_rate=0.03'))).documents == 97


def test_a_filter_that_did_nothing_is_said_once(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    fill(tmp_path, weeds=0, others=20)
    text = recipe('name="weed"\nlabel="garden"', 'name="mask"')
    session, said = listening(open_session(text))
    run(session)
    assert "filter garden: dropped and changed none of 20 documents" in said.getvalue()
    assert "filter mask: dropped and changed none of 20 documents" in said.getvalue()
    session, said = listening(open_session(text))
    run(session)
    assert "none of" not in said.getvalue()


def test_a_filter_that_only_rewrites_did_something(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    fill(tmp_path, weeds=0, others=60)
    session, said = listening(open_session(recipe('name="mask"')))
    run(session)
    assert "none of" not in said.getvalue()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("max_drop_rate = 1.1", r"filter\[0\]\.max_drop_rate: expected a share from 0 to 1, found 1\.1"),
        ("min_drop_rate = true", r"filter\[0\]\.min_drop_rate: expected a share"),
        ('max_drop_rate = "all"', r"filter\[0\]\.max_drop_rate: expected a share"),
        ("min_drop_rate = 0.5\nmax_drop_rate = 0.4", "above max_drop_rate"),
    ],
)
def test_limits_that_are_none_are_told_so(tmp_path: Path, options: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        parse_recipe(f'[[filter]]\nname = "weed"\n{options}', path=tmp_path / "forge.toml")


def test_limits_are_no_options_of_a_filter_and_filters_alone_have_them(tmp_path: Path) -> None:
    text = '[[filter]]\nname = "weed"\nmax_drop_rate = 1\n[[source]]\nname = "notes"\nmax_drop_rate = 1'
    parsed = parse_recipe(text, path=tmp_path / "forge.toml")
    assert (parsed.filters[0].max_drop_rate, dict(parsed.filters[0].options)) == (1.0, {})
    assert dict(parsed.sources[0].options) == {"max_drop_rate": 1}
