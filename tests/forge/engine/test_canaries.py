"""Canaries in a run: filters that fail on them end it, and nothing that was planted leaves the shadow."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from forge.canaries import PREFIX
from forge.engine.parts import SHADOW, Part, write_part
from forge.engine.session import Session
from forge.errors import StepError
from forge.manifest import Manifest
from forge.records import Document

OpenSession = Callable[..., Session]
Recipe = Callable[..., str]
Run = Callable[[Session], Manifest]


def events(session: Session, event: str) -> list[dict[str, object]]:
    lines = [line for path in session.workspace.runs.glob("*.jsonl") for line in path.read_text().splitlines()]
    return [found for found in map(json.loads, lines) if found["event"] == event]


def done(session: Session) -> Counter[tuple[str, str]]:
    """What was computed since the last look, by step and label."""
    found = Counter((str(fact.get("step")), str(fact.get("label"))) for fact in events(session, "computed"))
    for path in session.workspace.runs.glob("*.jsonl"):
        path.unlink()
    return found


@pytest.fixture(autouse=True)
def notes(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    for part in range(2):
        lines = [f"a line of prose numbered {number} in part {part}" for number in range(40)]
        (tmp_path / "notes" / f"part{part}.txt").write_text("\n".join([*lines, "the answer is 42", "a weed"]))


def test_canaries_are_caught_and_leave_no_trace_beyond_the_shadow(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    session = open_session(recipe('name="weed"', 'name="twins"', 'name="mask"'))
    manifest = run(session)
    assert {str(fact["label"]): (fact["caught"], fact["due"]) for fact in events(session, "canaries")} == {
        "weed": (2, 2),
        "twins": (1, 1),
        "mask": (1, 1),
    }
    assert manifest.documents == 81
    sides = [*(tmp_path / "exports").rglob("*.parquet"), *(tmp_path / ".forge" / "state" / "tokens").rglob("*.parquet")]
    ids = [row for path in sides for row in pq.read_table(path).column("id").to_pylist()]
    assert len(sides) == 3
    assert not [found for found in ids if found.startswith(PREFIX)]
    assert {drop.filter: drop.documents for drop in manifest.drops} == {"weed": 2, "twins": 1}
    summary = (tmp_path / ".forge" / "build.json").read_text()
    assert PREFIX not in summary
    assert SHADOW not in summary
    assert sum(label["documents"] for label in json.loads(summary)["labels"]) == 84


def test_canaries_do_not_show_in_an_export(
    tmp_path: Path, open_session: OpenSession, monkeypatch: pytest.MonkeyPatch, recipe: Recipe, run: Run
) -> None:
    def shards(folder: str) -> dict[str, bytes]:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "notes").symlink_to(tmp_path / "notes")
        run(open_session(recipe('name="weed"', 'name="twins"'), folder=folder))
        files = (tmp_path / folder / "exports" / "main").iterdir()
        return {path.name: path.read_bytes() for path in files if path.name.startswith(("shard", "tokenizer"))}

    with_canaries = shards("with")
    import canary_toys  # type: ignore[import-not-found]

    for step in (canary_toys.Weed, canary_toys.Twins):
        monkeypatch.setattr(step, "canaries", lambda self, seed: [])
    assert shards("without") == with_canaries


def test_a_filter_that_misses_its_canaries_ends_the_run_with_the_numbers(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    session = open_session(recipe('name="weed"\nlabel="garden"\nword="big weed"'))
    with pytest.raises(StepError) as raised:
        run(session)
    said = str(raised.value)
    assert "garden" in said
    assert "caught 1 of the 2 known bad things planted for it (50.0%, floor 100.0%)" in said
    assert "a weed (weed stayed)" in said
    assert "[[filter]]" in said
    assert not (tmp_path / "exports").exists()
    assert not list((tmp_path / ".forge" / "verdicts" / "garden").glob("notes-*"))
    with pytest.raises(StepError, match="caught 1 of the 2"):
        run(open_session(recipe('name="weed"\nlabel="garden"\nword="big weed"')))
    assert run(open_session(recipe('name="weed"\nlabel="garden"'))).documents == 82


def test_a_filters_own_floor_is_the_one_it_is_held_to(open_session: OpenSession, recipe: Recipe, run: Run) -> None:
    assert run(open_session(recipe('name="lenient"\nword="big weed"'))).documents == 84
    with pytest.raises(StepError, match=r"caught 0 of the 2 .*floor 50\.0%"):
        run(open_session(recipe('name="lenient"\nword="nothing of the kind"')))


def test_a_filter_that_drops_the_innocent_ends_the_run(open_session: OpenSession, recipe: Recipe, run: Run) -> None:
    with pytest.raises(StepError, match=r"touched 1 of 1 innocent documents: a weed \(rose was dropped\)"):
        run(open_session(recipe('name="weed"\nmost=3')))


def test_a_text_that_should_have_lost_something_and_has_not_ends_the_run(
    open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    with pytest.raises(StepError, match=r"missed the number \(secret still holds it\)"):
        run(open_session(recipe('name="mask"\nnumber="43"')))


def test_prepare_is_shown_the_filters_own_canaries_and_no_others(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    run(open_session(recipe('name="weed"', 'name="twins"', 'name="mask"')))
    (shown,) = (tmp_path / ".forge" / "state" / "twins").glob("*/shown.txt")
    ids = shown.read_text().split("\n")
    assert [found for found in ids if found.startswith(PREFIX)] == [f"{PREFIX}{name}" for name in ("b", "a", "c")]
    assert len(ids) == 82 + 3


def test_a_changed_threshold_scores_nothing_again_canaries_included(
    open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    first = open_session(recipe('name="weed"', 'name="twins"'))
    run(first)
    found = done(first)
    assert (found["scored", "weed"], found["prepare", "twins"]) == (2, 1)
    second = open_session(recipe('name="weed"\nmost=36', 'name="twins"'))
    manifest = run(second)
    found = done(second)
    assert (found["scored", "weed"], found["decided", "weed"]) == (0, 2)
    assert {drop.filter: drop.documents for drop in manifest.drops}["weed"] > 2


def test_an_equal_run_judges_no_canary_again_and_looks_at_them_all_the_same(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    text = recipe('name="weed"')
    run(open_session(text))
    again = open_session(text)
    done(again)
    run(again)
    assert not events(again, "canaries")
    (verdicts,) = (tmp_path / ".forge" / "verdicts" / "weed").glob("~canaries-*[!s].parquet")
    table = pq.read_table(verdicts)
    keep = table.schema.get_field_index("keep")
    pq.write_table(table.set_column(keep, "keep", [[True] * table.num_rows]), verdicts)
    with pytest.raises(StepError, match="caught 0 of the 2"):
        run(open_session(text))


def test_verdicts_and_shadow_are_the_same_for_any_number_of_workers(
    tmp_path: Path, open_session: OpenSession, recipe: Recipe, run: Run
) -> None:
    def files(folder: str, workers: int) -> dict[str, bytes]:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "notes").symlink_to(tmp_path / "notes")
        run(open_session(recipe('name="weed"', 'name="twins"', 'name="mask"'), folder=folder, workers=workers))
        root = tmp_path / folder / ".forge"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.glob("verdicts/*/*.parquet")}

    one = files("one", 1)
    assert len(one) == 3 * 3 + 3
    assert files("two", 2) == one


def test_a_source_cannot_give_a_canarys_id(tmp_path: Path) -> None:
    document = Document(id=f"{PREFIX}weed", domain="text", kind="prose", text="a weed", source="liar")
    with pytest.raises(StepError, match="canaries'"):
        write_part(Part(label="liar", name="all", key="0", folder=str(tmp_path)), [document], rename=False)


def test_broken_canaries_are_said_to_be_broken(
    open_session: OpenSession, monkeypatch: pytest.MonkeyPatch, recipe: Recipe, run: Run
) -> None:
    session = open_session(recipe('name="weed"'))
    offered = session.host.require("filter", "weed").step
    made = offered().canaries(1)
    monkeypatch.setattr(offered, "canaries", lambda self, seed: [*made, *made])
    with pytest.raises(StepError, match="two canaries have the id 'weed'"):
        run(session)
