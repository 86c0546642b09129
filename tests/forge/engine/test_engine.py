"""The engine on toy steps: resuming, verdicts, masks, rejects, shares."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.engine.build import build, read_summary
from forge.engine.session import Session
from forge.errors import CorpusError, PluginError, RecipeError, StepError
from forge.manifest import Manifest
from forge.shards import open_shard

OpenSession = Callable[..., Session]
Run = Callable[[Session], Manifest]

WORDS = ["river", "stone", "maple", "cloud", "amber", "linen", "north", "cedar", "quiet", "ember"]
RECIPE = """
seed = 5
[tokenizer]
name = "bpe"
vocab_size = 300
[[source]]
name = "notes"
label = "prose"
path = "prose"
[[source]]
name = "notes"
label = "code"
path = "code"
domain = "code"
[[source]]
name = "calls"
count = 40
[[render]]
name = "plain"
FILTERS
[export.main]
mix = "1:1:1"
"""


def recipe(filters: str = "") -> str:
    return RECIPE.replace("FILTERS", filters)


def fill(root: Path, lines: int = 60) -> None:
    for folder in ("prose", "code"):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for part in range(3):
            text = [f"{WORDS[n % 10]} {WORDS[(n * 3 + part) % 10]} {folder} {n}" for n in range(lines)]
            (root / folder / f"part{part}.txt").write_text("\n".join(text))


def computed(session: Session) -> Counter[tuple[str, str]]:
    """What this session computed rather than found, by step and label."""
    found: Counter[tuple[str, str]] = Counter()
    for path in session.workspace.runs.glob("*.jsonl"):
        for line in path.read_text().splitlines():
            event = json.loads(line)
            if event["event"] == "computed":
                found[event["step"], event.get("label", "")] += 1
    for path in session.workspace.runs.glob("*.jsonl"):
        path.unlink()
    return found


def files(root: Path) -> dict[str, bytes]:
    folder = root / "exports" / "main"
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".html"}


def test_an_export_holds_the_mix_and_says_where_from(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    fill(tmp_path)
    manifest = run(open_session(recipe()))
    assert {count.name for count in manifest.sources} == {"prose", "code", "plain"}
    assert {count.name for count in manifest.licences} == {"MIT", "unknown"}
    assert sum(count.tokens for count in manifest.domains) == manifest.tokens
    assert all(abs(count.share - 1 / 3) < 0.02 for count in manifest.domains)
    shard = open_shard(tmp_path / "exports" / "main" / manifest.shards[0].name)
    assert len(shard) == manifest.documents
    assert all(document[-1] == manifest.tokenizer.eos_id for document in shard)


def test_loss_masks_reach_the_shard(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    from tokenizers import Tokenizer

    fill(tmp_path)
    manifest = run(open_session(recipe().replace('"1:1:1"', '"1:0:0"')))
    assert manifest.shards[0].masked
    folder = tmp_path / "exports" / "main"
    shard = open_shard(folder / manifest.shards[0].name)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    for index in range(len(shard)):
        mask = shard.mask_of(index)
        assert mask is not None
        text = tokenizer.decode(shard[index].tolist())
        assert tokenizer.decode(shard[index][mask == 1].tolist()) == text.partition(":")[0]


def test_a_second_build_computes_nothing(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    fill(tmp_path)
    text = recipe('[[filter]]\nname="long"\n[[filter]]\nname="first"')
    first = open_session(text)
    run(first)
    assert computed(first)["collect", "prose"] == 3
    before = files(tmp_path)
    second = open_session(text)
    run(second)
    assert computed(second) == Counter()
    assert files(tmp_path) == before


def test_workers_and_place_do_not_show_in_the_bytes(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    text = recipe('[[filter]]\nname="first"')
    for folder, workers in (("one", 1), ("two", 2)):
        fill(tmp_path / folder)
        run(open_session(text, folder=folder, workers=workers))
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_only_what_changed_is_done_again(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    fill(tmp_path)
    text = recipe('[[filter]]\nname="long"')
    first = open_session(text)
    run(first)
    computed(first)
    (tmp_path / "prose" / "part1.txt").write_text("one new line of prose\n" * 5)
    second = open_session(text)
    run(second)
    done = computed(second)
    assert done["collect", "prose"] == 1
    assert done["collect", "code"] == 0
    assert done["scored", "long"] == 1


def test_a_changed_threshold_computes_no_score(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    fill(tmp_path)
    first = open_session(recipe('[[filter]]\nname="long"'))
    run(first)
    assert computed(first)["scored", "long"] == 7
    second = open_session(recipe('[[filter]]\nname="long"\nleast=19'))
    manifest = run(second)
    done = computed(second)
    assert done["scored", "long"] == 0
    assert done["decided", "long"] == 7
    assert sum(drop.documents for drop in manifest.drops) > 0


def test_filters_see_what_earlier_ones_left_and_drops_go_to_the_first(
    tmp_path: Path, open_session: OpenSession, run: Run
) -> None:
    fill(tmp_path)
    (tmp_path / "prose" / "part0.txt").write_text("aa\naa\nsame long line\nsame long line\nsame long line\n")
    manifest = run(open_session(recipe('[[filter]]\nname="long"\n[[filter]]\nname="first"')))
    assert [(drop.filter, drop.reason, drop.documents) for drop in manifest.drops] == [
        ("long", "short", 2),
        ("first", "again", 2),
    ]


def test_rewritten_text_is_what_later_filters_and_the_shards_hold(
    tmp_path: Path, open_session: OpenSession, run: Run
) -> None:
    from tokenizers import Tokenizer

    fill(tmp_path)
    (tmp_path / "prose" / "part0.txt").write_text("Upper or lower\nupper OR lower\n")
    text = recipe('[[filter]]\nname="shout"\n[[filter]]\nname="first"').replace('"1:1:1"', '"0:1:1"')
    manifest = run(open_session(text.replace('[[render]]\nname = "plain"', "")))
    assert [drop.documents for drop in manifest.drops] == [1]
    folder = tmp_path / "exports" / "main"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    shard = open_shard(folder / manifest.shards[0].name)
    texts = [tokenizer.decode(document.tolist()) for document in shard]
    assert texts == [text.upper() for text in texts]


def test_a_filter_that_moves_loss_spans_is_refused(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    fill(tmp_path)
    with pytest.raises(StepError, match=r"judge shout \[.*it changed the length of a document with loss spans"):
        run(open_session(recipe('[[filter]]\nname="shout"\nending="!"')))


def test_a_filter_that_keeps_lengths_may_rewrite_documents_with_loss_spans(
    tmp_path: Path, open_session: OpenSession, run: Run
) -> None:
    fill(tmp_path)
    masked = run(open_session(recipe('[[filter]]\nname="shout"')))
    assert any(shard.masked for shard in masked.shards)


def test_rejects_are_kept_and_too_many_fail_the_run(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    fill(tmp_path)
    path = tmp_path / "prose" / "part0.txt"
    path.write_text("!one\n" + path.read_text())
    session = open_session(recipe())
    run(session)
    assert {label.label: label.rejects for label in read_summary(session.workspace).labels}["prose"] == 1
    path.write_text("!bad\n" * 60)
    with pytest.raises(StepError, match=r"collect notes \[part0:0\]: 60 of 180 records .* the first: begins with !"):
        run(open_session(recipe()))


def test_a_plugins_bug_is_named_with_its_place(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    fill(tmp_path)
    (tmp_path / "code" / "part2.txt").write_text("boom\n")
    with pytest.raises(StepError, match=r"collect notes \[part2\]: RuntimeError: a bug in the plugin"):
        run(open_session(recipe()))


def test_a_partition_key_that_is_no_file_name_is_refused(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    fill(tmp_path)
    (tmp_path / "code" / "a+b.txt").write_text("x")
    with pytest.raises(StepError, match=r"collect notes: the partition key 'a/b' is no file name"):
        run(open_session(recipe()))


def test_a_filter_that_miscounts_is_named(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    fill(tmp_path)
    with pytest.raises(StepError, match=r"judge miscounting \[.*\]: answered 1 verdicts for"):
        run(open_session(recipe('[[filter]]\nname="miscounting"')))


def test_what_is_wrong_in_the_recipe_is_found_before_anything_runs(
    tmp_path: Path, open_session: OpenSession, run: Run
) -> None:
    fill(tmp_path)
    with pytest.raises(PluginError, match="did you mean 'long'"):
        run(open_session(recipe('[[filter]]\nname="lang"')))
    with pytest.raises(RecipeError, match=r"filter\[0\].leest: unknown option: did you mean 'least'"):
        run(open_session(recipe('[[filter]]\nname="long"\nleest=3')))
    assert not (tmp_path / ".forge" / "corpus").exists()


def test_an_empty_corpus_says_so(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    (tmp_path / "prose").mkdir()
    text = '[[source]]\nname="notes"\npath="prose"\n[export.main]\n'
    with pytest.raises(CorpusError, match="gave no document"):
        run(open_session(text))


def test_without_an_export_the_catalogue_is_filled_and_that_is_all(tmp_path: Path, open_session: OpenSession) -> None:
    session = open_session('[[source]]\nname="calls"\ncount=40\n')
    assert build(session, exports=session.recipe.exports) == []
    assert session.catalog.counts().distinct_documented == 40
    assert read_summary(session.workspace).labels[0].records == 40


def test_a_changed_mix_encodes_nothing_again(tmp_path: Path, open_session: OpenSession, run: Run) -> None:
    fill(tmp_path)
    first = open_session(recipe())
    run(first)
    computed(first)
    second = open_session(recipe().replace('"1:1:1"', '"2:1:1"'))
    run(second)
    assert computed(second) == Counter({("export", "main"): 1})


def test_a_tokenizer_of_ones_own_is_used_and_its_content_counts(
    tmp_path: Path, open_session: OpenSession, run: Run
) -> None:
    fill(tmp_path)
    run(open_session(recipe()))
    shutil.copyfile(tmp_path / "exports" / "main" / "tokenizer.json", tmp_path / "mine.json")
    text = recipe().replace("vocab_size = 300", 'path = "mine.json"')
    first = run(open_session(text))
    data = json.loads((tmp_path / "mine.json").read_text())
    data["model"]["merges"] = data["model"]["merges"][:-1]
    (tmp_path / "mine.json").write_text(json.dumps(data))
    second = run(open_session(text))
    assert first.tokenizer.fingerprint != second.tokenizer.fingerprint
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(StepError, match=r"tokenize bpe .*Model missing"):
        run(open_session(text))
    with pytest.raises(RecipeError, match=r"tokenizer.path = nowhere.json: no such file"):
        run(open_session(text.replace("mine.json", "nowhere.json")))
