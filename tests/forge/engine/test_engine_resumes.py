"""What a second run does after a change, a failure or damage."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.engine.session import Session
from forge.errors import CorpusError, StepError
from forge.manifest import Manifest, read_manifest, verify_files

OpenSession = Callable[..., Session]
Run = Callable[[Session], Manifest]

RECIPE = """
seed = SEED
[tokenizer]
name = "bpe"
vocab_size = 300
[[source]]
name = "notes"
path = "prose"
[[source]]
name = "calls"
count = 40
[[render]]
name = "plain"
FILTERS
[export.main]
mix = "1:0:1"
shard_tokens = 600
"""


def recipe(filters: str = "", seed: int = 1) -> str:
    return RECIPE.replace("FILTERS", filters).replace("SEED", str(seed))


def exported(root: Path) -> dict[str, bytes]:
    folder = root / "exports" / "main"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".html"}


@pytest.fixture(autouse=True)
def prose(tmp_path: Path) -> Path:
    folder = tmp_path / "prose"
    folder.mkdir()
    for part in range(2):
        lines = [f"a line of prose numbered {number} in part {part}" for number in range(60)]
        (folder / f"part{part}.txt").write_text("\n".join(lines))
    return folder


def test_a_changed_seed_reaches_a_filters_state(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    filters = '[[filter]]\nname="drawing"'
    run(open_session(recipe(filters, seed=1)))
    changed = run(open_session(recipe(filters, seed=6)))
    shutil.copytree(tmp_path / "prose", tmp_path / "fresh" / "prose")
    fresh = run(open_session(recipe(filters, seed=6), folder="fresh"))
    assert changed == fresh


def test_a_filters_new_label_is_the_one_in_the_manifest(open_session: OpenSession, run: Run) -> None:
    run(open_session(recipe('[[filter]]\nname="long"\nleast=37\nlabel="old"')))
    manifest = run(open_session(recipe('[[filter]]\nname="long"\nleast=37\nlabel="new"')))
    assert {drop.filter for drop in manifest.drops} == {"new"}


def test_the_folder_does_not_show_in_the_manifest_even_with_a_tokenizer_of_ones_own(
    tmp_path: Path, open_session: OpenSession, run: Run
) -> None:
    run(open_session(recipe()))
    text = recipe().replace("vocab_size = 300", 'path = "mine.json"')
    for folder in ("one", "two"):
        shutil.copytree(tmp_path / "prose", tmp_path / folder / "prose")
        shutil.copyfile(tmp_path / "exports" / "main" / "tokenizer.json", tmp_path / folder / "mine.json")
        run(open_session(text, folder=folder))
    assert exported(tmp_path / "one") == exported(tmp_path / "two")


def test_plugins_are_told_once_and_again_if_one_failed(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    (tmp_path / "refuse").touch()
    with pytest.raises(StepError, match=r"export forge_export_finished \[main\]: RuntimeError: not now"):
        run(open_session(recipe()))
    (tmp_path / "refuse").unlink()
    run(open_session(recipe()))
    run(open_session(recipe()))
    assert (tmp_path / "told.txt").read_text() == "main\n"


def owned(root: Path) -> list[Path]:
    """Every file under ``.forge`` that a build made and may want again, but for locks, events and the catalogue."""
    return sorted(
        path
        for path in (root / ".forge").rglob("*")
        if path.is_file() and "runs" not in path.parts and path.name not in ("lock", "holder", "catalog.duckdb")
    )


def run_until_it_ends_well(again: Callable[[], Manifest]) -> None:
    """A run may refuse, naming a damaged file; the next must not refuse for the same reason."""
    said: set[str] = set()
    while True:
        try:
            again()
            return
        except (CorpusError, StepError) as error:
            if str(error) in said:
                raise
            said.add(str(error))


@pytest.mark.parametrize("damage", ["deleted", "emptied"])
def test_whatever_is_damaged_is_made_again(tmp_path: Path, open_session: OpenSession, damage: str, run: Run) -> None:
    """One file at a time; a run may refuse once, naming the file, and the one after it must succeed."""
    text = recipe('[[filter]]\nname="long"\n[[filter]]\nname="drawing"')
    run(open_session(text))
    before = exported(tmp_path)
    for path in owned(tmp_path):
        if not path.is_file():  # another file's repair has replaced it
            continue
        shutil.rmtree(tmp_path / "exports")
        path.unlink() if damage == "deleted" else path.write_bytes(b"")
        run_until_it_ends_well(lambda: run(open_session(text)))
        assert exported(tmp_path) == before, path


def test_a_cut_shard_of_a_killed_run_is_written_again(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    run(open_session(recipe()))
    before = exported(tmp_path)
    target = tmp_path / "exports" / "main"
    key = read_manifest(target).recipe_hash
    partial = target.with_name(f".main-{key[:16]}.partial")
    target.rename(partial)
    (partial / "manifest.json").unlink()
    shard = partial / "shard-00000.bin"
    shard.write_bytes(shard.read_bytes()[:-10])
    run(open_session(recipe()))
    assert exported(tmp_path) == before


def test_a_missing_card_is_made_again(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    manifest = run(open_session(recipe()))
    card = tmp_path / "exports" / "main" / "README.md"
    card.unlink()
    with pytest.raises(CorpusError, match=r"README.md: missing"):
        verify_files(card.parent, manifest)
    run(open_session(recipe()))
    assert card.is_file()


def test_an_export_too_small_for_any_document_is_refused(open_session: OpenSession, run: Run) -> None:
    with pytest.raises(CorpusError, match="no document is short enough for this size; raise max_tokens"):
        run(open_session(recipe() + "max_tokens = 2\n"))


def test_an_id_given_twice_names_both_places(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    twice = '[[source]]\nname = "notes"\nlabel = "again"\npath = "prose"\n'
    manifest = run(open_session(recipe().replace("[[render]]", twice + "[[render]]")))
    assert {count.name for count in manifest.sources} == {"notes", "again", "plain"}  # a label makes ids of its own


def test_a_corpus_of_the_wrong_domain_is_refused(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    text = recipe().replace('path = "prose"', 'path = "prose"\ndomain = "poetry"')
    with pytest.raises(StepError, match="domain 'poetry' is none of agent, code, text"):
        run(open_session(text))
