"""The story of a document: kept, dropped, rewritten, exported or not, gone."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from forge.canaries import PREFIX
from forge.engine.build import build
from forge.engine.explain import DocumentStory, explain
from forge.engine.explain_exports import ExportStory
from forge.engine.session import Session
from forge.errors import CorpusError, StepError
from forge.manifest import Manifest
from forge.recipe import load_recipe
from forge.records import stable_id
from forge.workspace import Workspace

OpenSession = Callable[..., Session]
Built = Callable[..., None]

SOURCES = """
[[source]]
name = "notes"
path = "notes"
license = "MIT"
provider = "one.example"
[[source]]
name = "notes"
label = "closed"
path = "closed"
license = "LicenseRef-closed"
"""
FILTERS = ('name="weed"', 'name="mask"')
HIDDEN = stable_id("closed", stable_id("all", "3"))


def line(number: int) -> str:
    """Id of the line in the source notes."""
    return stable_id("all", str(number))


@pytest.fixture(autouse=True)
def notes(tmp_path: Path) -> None:
    for folder in ("notes", "closed"):
        (tmp_path / folder).mkdir()
        lines = [f"a line of prose numbered {number} in {folder}" for number in range(41)]
        (tmp_path / folder / "all.txt").write_text("\n".join([*lines, f"a weed in {folder}", f"42 and 42 in {folder}"]))


@pytest.fixture
def built(open_session: OpenSession, recipe: Callable[..., str], run: Callable[[Session], Manifest]) -> Built:
    """Builds both sources with these filters, and what else the recipe is to have."""

    def make(*filters: str, **more: str) -> None:
        run(open_session(recipe(*(filters or FILTERS), sources=SOURCES, **more)))

    return make


def told(root: Path, word: str) -> DocumentStory:
    workspace = Workspace(root)
    return explain(workspace, load_recipe(workspace.recipe), word)


def only(story: DocumentStory, name: str = "main") -> ExportStory:
    return next(export for export in story.exports if export.name == name)


def test_a_kept_document_is_followed_to_its_shard(tmp_path: Path, built: Built) -> None:
    built()
    story = told(tmp_path, line(3))
    assert (story.id, story.source, story.partition, story.license) == (line(3), "notes", "all", "MIT")
    assert (story.domain, story.kind, story.provider, story.dropped_by) == ("text", "note", "one.example", None)
    assert [(said.label, said.keep, said.score, said.thresholds) for said in story.filters] == [
        ("weed", True, float(story.characters), {"most": 10_000}),
        ("mask", True, 0.0, {}),
    ]
    export = only(story)
    assert export.shard is not None
    side = pq.read_table(tmp_path / "exports" / "main" / f"{export.shard}.documents.parquet").to_pylist()
    assert export.row is not None
    assert side[export.row]["id"] == line(3)
    assert side[export.row]["tokens"] == story.tokens


def test_a_dropped_document_is_followed_to_filter_score_threshold_and_reason(tmp_path: Path, built: Built) -> None:
    built()
    story = told(tmp_path, line(41))
    assert (story.dropped_by, story.tokens) == ("weed", None)
    assert story.filters[0].reason == "weed"
    assert story.filters[0].score > story.filters[0].thresholds["most"]
    assert only(story) == ExportStory(name="main", why="dropped by weed")


def test_what_a_filter_changed_is_said(tmp_path: Path, built: Built) -> None:
    built()
    story = told(tmp_path, line(42))
    assert (story.filters[1].rewrote, story.filters[1].changes) == (True, "number 1")
    assert story.characters - story.characters_after == 2


def test_an_unambiguous_beginning_names_a_document_and_an_ambiguous_one_lists_them(
    tmp_path: Path, built: Built
) -> None:
    built()
    assert told(tmp_path, line(3)[:12]).id == line(3)
    with pytest.raises(CorpusError, match="no document has the id or address 'ffffffff'"):
        told(tmp_path, "ffffffff")
    with pytest.raises(CorpusError, match="no document"):
        told(tmp_path, "")


def test_each_export_says_why_it_has_a_document_or_not(tmp_path: Path, built: Built) -> None:
    exports = """
[export.main]
mix = "0:0:1"
sources = ["notes"]
[export.open]
mix = "0:0:1"
allow_licences = ["permissive"]
[export.small]
mix = "0:0:1"
max_tokens = 60
"""
    built(exports=exports)
    story = told(tmp_path, HIDDEN)
    assert only(story).why == "the export draws on notes only"
    assert only(story, "open").why == "its licence LicenseRef-closed is not in allow_licences (permissive)"
    small = [told(tmp_path, line(number)) for number in range(6)]
    outside = next(only(found, "small") for found in small if only(found, "small").shard is None)
    assert "the mix had no room: text has" in outside.why


def test_a_providers_full_share_is_named(tmp_path: Path, built: Built) -> None:
    exports = '[export.main]\nmix = "0:0:1"\nmax_share_per_provider = 0.1'
    built(exports=exports)
    whys = {only(told(tmp_path, line(number))).why for number in range(20)}
    assert any(why.startswith("the share of one.example is full: ") for why in whys)


def test_a_changed_corpus_shows_which_exports_are_of_an_earlier_build(
    tmp_path: Path, open_session: OpenSession, built: Built
) -> None:
    exports = '[export.main]\nmix = "0:0:1"\n[export.other]\nmix = "0:0:1"'
    built(exports=exports)
    assert all(export.is_current for export in told(tmp_path, line(3)).exports)
    with (tmp_path / "notes" / "all.txt").open("a") as stream:
        stream.write("\none more line")
    session = open_session((tmp_path / "forge.toml").read_text())
    build(session, exports={"main": session.recipe.exports["main"]})
    story = told(tmp_path, line(43))
    assert only(story).shard is not None
    assert only(story, "other").why == "it was made of an earlier build; run `forge export other`"
    assert not only(told(tmp_path, line(3)), "other").is_current


def test_a_document_that_is_gone_is_said_to_be_of_an_earlier_build(tmp_path: Path, built: Built) -> None:
    built()
    lines = (tmp_path / "notes" / "all.txt").read_text().splitlines()
    (tmp_path / "notes" / "all.txt").write_text("\n".join(lines[:-1]))
    built()
    with pytest.raises(CorpusError, match=f"'{line(42)}' is gone: an earlier build had it from notes"):
        told(tmp_path, line(42))


def test_a_run_that_its_limits_ended_can_be_explained(tmp_path: Path, built: Built) -> None:
    with pytest.raises(StepError, match="max_drop_rate"):
        built('name="weed"\nmax_drop_rate=0.0')
    story = told(tmp_path, line(41))
    assert (story.dropped_by, only(story).why) == ("weed", "dropped by weed")
    assert only(told(tmp_path, line(1))).why == "not made yet: run `forge export main`"
    assert told(tmp_path, line(1)).tokens is None


def test_a_record_that_its_source_could_not_read_is_told_with_the_reason(tmp_path: Path, built: Built) -> None:
    path = tmp_path / "notes" / "all.txt"
    path.write_text("!torn\n" + path.read_text())
    built()
    with pytest.raises(CorpusError, match=r"^all:0 is no document: source notes could not read it: begins with !; "):
        told(tmp_path, "all:0")
    with pytest.raises(CorpusError, match="no document has the id or address 'all:1'"):
        told(tmp_path, "all:1")
    path.write_text(path.read_text().replace("!torn", "mended"))
    built()
    with pytest.raises(CorpusError, match="no document has the id or address 'all:0'"):
        told(tmp_path, "all:0")


def test_canaries_have_no_story(tmp_path: Path, built: Built) -> None:
    built()
    with pytest.raises(CorpusError, match="no document"):
        told(tmp_path, f"{PREFIX}weed")


def test_without_a_build_there_is_nothing_to_explain(tmp_path: Path) -> None:
    (tmp_path / "forge.toml").write_text("seed = 1")
    with pytest.raises(CorpusError, match="nothing has been built here"):
        told(tmp_path, "abcd")


def test_verdicts_of_a_release_that_recorded_no_changes_are_still_read(tmp_path: Path, built: Built) -> None:
    built()
    for path in (tmp_path / ".forge" / "verdicts").glob("*/*.parquet"):
        table = pq.read_table(path)
        if "changes" in table.column_names:
            pq.write_table(table.drop_columns(["changes"]), path)
    assert told(tmp_path, line(42)).filters[1].changes is None
    built(*FILTERS, 'name="weed"\nlabel="again"')
