"""What a filter of a third party may leave open or keep silent about, and every build refuses or counts."""

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tokenizers import Tokenizer

from forge.cli import main
from forge.engine.build import build
from forge.engine.checks import read_checks
from forge.engine.session import Session
from forge.errors import CorpusError, StepError
from forge.hookspecs import PROJECT
from forge.host import PluginHost
from forge.shards import open_shard
from forge.testing import check_filter, documents
from forge.workspace import Workspace

OpenSession = Callable[..., Session]
Made = Callable[..., Path]
Status = Callable[[Path], str]

RECIPE = """
seed = 5
[tokenizer]
name = "bpe"
vocab_size = 300
[[source]]
name = "notes"
path = "notes"
{sources}
{filters}
[export.main]
mix = "{mix}"
"""
MODULES = {"toys": "toy_steps", "canary-toys": "canary_toys", "tripwire-toys": "tripwire_toys"}


@pytest.fixture
def make(tmp_path: Path, open_session: OpenSession) -> Iterator[Made]:
    """Builds lines of notes through filters; the folder of the workspace."""

    def call(lines: list[str], *filters: str, mix: str = "0:0:1", sources: str = "") -> Path:
        (tmp_path / "notes").mkdir(exist_ok=True)
        (tmp_path / "notes" / "all.txt").write_text("\n".join(lines))
        tables = "\n".join(f"[[filter]]\n{options}" for options in filters)
        session = open_session(RECIPE.format(sources=sources, filters=tables, mix=mix))
        points = [EntryPoint(name, module, PROJECT) for name, module in MODULES.items()]
        points.append(EntryPoint("builtin", "forge.builtin", PROJECT))
        session = dataclasses.replace(session, host=PluginHost(points))
        build(session, exports=session.recipe.exports)
        return tmp_path

    yield call
    sys.modules.pop("tripwire_toys", None)


@pytest.fixture
def status(capsys: pytest.CaptureFixture[str]) -> Status:
    """What ``forge status`` prints, words with single spaces."""

    def call(root: Path, *words: str) -> str:
        with pytest.raises(SystemExit):
            main(["-C", str(root), "status", *words])
        return "\n".join(" ".join(line.split()) for line in capsys.readouterr().out.splitlines())

    return call


def exported(root: Path) -> str:
    folder = root / "exports" / "main"
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    shards = [path.with_suffix("") for path in sorted(folder.glob("*.bin")) if ".mask" not in path.name]
    return "\n".join(tokenizer.decode(tokens.tolist()) for shard in shards for tokens in open_shard(shard))


def lines(**counts: int) -> list[str]:
    return [f"{word} {number}" for word, count in counts.items() for number in range(count)]


def test_a_filter_of_name_columns_and_judge_is_one(make: Made) -> None:
    root = make(lines(line=20, weed=10), 'name = "gaps"')
    assert "weed" not in exported(root)
    removal = read_checks(Workspace(root))[0].removal
    assert removal is not None
    assert (removal.reached, removal.dropped, removal.text_rate) == (30, 10, None)


def test_a_scored_filter_without_prepare_keeps_its_scores(make: Made) -> None:
    root = make(lines(line=20, longer_line=10), 'name = "unsure"')
    make(lines(line=20, longer_line=10), 'name = "unsure"\nmost = 15.0')
    runs = [path.read_text() for path in (root / ".forge" / "runs").iterdir()]
    steps = [json.loads(line).get("step") for run in runs for line in run.splitlines()]
    assert (steps.count("scored"), steps.count("decided")) == (1, 1)
    assert "longer_line" in exported(root)


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (
            "keep",
            "gave no verdict (a null in keep) for 14 of 34 documents of a batch; keep has a value for every document",
        ),
        (
            "score",
            "gave no score (a null in score) for 14 of 34 documents of a batch; score has a value for every document",
        ),
    ],
)
def test_a_null_where_a_verdict_is_due_ends_the_run(tmp_path: Path, make: Made, where: str, said: str) -> None:
    with pytest.raises(StepError) as raised:
        make(lines(line=20, gap=14), f'name = "gaps"\nwhere = "{where}"')
    assert str(raised.value).startswith("judge gaps [")
    assert said in str(raised.value)
    assert "forge.testing.check_filter" in str(raised.value)
    assert not (tmp_path / "exports").exists()


def test_a_null_score_under_a_cut_ends_the_run_and_is_not_kept_as_a_score(make: Made) -> None:
    for _ in range(2):  # the second run finds no scores to decide on
        with pytest.raises(StepError, match=r"judge unsure .*null in score\) for 3 of 23 documents"):
            make(lines(line=20, gap=3), 'name = "unsure"')


def test_a_drop_without_a_reason_ends_the_run(make: Made) -> None:
    with pytest.raises(StepError, match="gave no reason for a drop for 4 of 24 documents"):
        make(lines(line=20, weed=4), 'name = "gaps"\nwhere = "reason"\nword = "weed"')
    root = make(lines(line=20, weed=4), 'name = "gaps"\nwhere = "reason"\nword = "line"')  # null where it is kept
    assert "weed" not in exported(root)


@pytest.mark.parametrize("has_canaries", ["true", "false"])
def test_a_redactor_that_does_not_say_that_it_rewrites_ends_the_run(
    tmp_path: Path, make: Made, has_canaries: str
) -> None:
    with pytest.raises(StepError, match=r"judge forgetful .*replaced the text for .*rewrites: ClassVar\[bool\] = True"):
        make(lines(line=20, Copyright=5), f'name = "forgetful"\nhas_canaries = {has_canaries}', 'name = "gaps"')
    assert not (tmp_path / "exports").exists()


def test_one_that_says_so_redacts_and_one_with_nothing_to_replace_need_not(make: Made) -> None:
    text = exported(make(lines(line=20, Copyright=5), 'name = "honest"'))
    assert "Copyright" not in text
    assert text.count("[C]") == 5
    assert "line 19" in exported(make(lines(line=20), 'name = "forgetful"\nhas_canaries = false'))


def test_a_column_that_a_filter_reads_and_does_not_name_is_named(make: Made) -> None:
    with pytest.raises(StepError, match=r"judge nosy .*reads the column 'meta', which .* not name \(text\); add it"):
        make(lines(line=20), 'name = "nosy"')


def test_text_that_is_cut_counts_against_the_limit(tmp_path: Path, make: Made, status: Status) -> None:
    long = [f"line {number} {'x' * 90}" for number in range(100, 250)]
    with pytest.raises(StepError) as raised:
        make(long, 'name = "shears"')
    said = "judge shears: took 89.9% of the text of the 150 documents that reached it (13,350 of 14,850 bytes: it "
    assert said in str(raised.value)
    assert "dropped 0 documents and rewrote 150, for example " in str(raised.value)
    assert "more than max_drop_rate = 0.5 allows; " in str(raised.value)
    assert not (tmp_path / "exports").exists()
    shown = status(tmp_path)
    assert "shears 150 0 0.00 % at most 50.00 % 150 89.90 % (!) none -" in shown
    assert "shears: it took more of the text than its limits allow, so that nothing was exported" in shown


def test_drops_and_cuts_of_a_rewriting_filter_count_together_and_additions_hide_none(make: Made) -> None:
    body = [f"{'x' * 20}"] * 40 + ["weed " + "y" * 55] * 10 + ["flower" + "z" * 14] * 50
    root = make(body, 'name = "shears"\nmax_drop_rate = 0.5')
    removal = read_checks(Workspace(root))[0].removal
    assert removal is not None
    before = 40 * 20 + 10 * 60 + 50 * 20
    assert (removal.bytes, removal.bytes_gone) == (before, 40 * 10 + 10 * 60)
    with pytest.raises(StepError, match=r"took 41\.7% of the text .*more than max_drop_rate = 0\.4 allows; "):
        make(body, 'name = "shears"\nmax_drop_rate = 0.4')


def test_what_an_earlier_filter_dropped_or_cut_is_not_counted_again(make: Made) -> None:
    body = ["é" * 20] * 30 + ["weed" * 5] * 30
    root = make(
        body,
        'name = "gaps"',
        'name = "shears"\nlabel = "first"',
        'name = "shears"\nlabel = "second"\nlength = 5',
    )
    removals = [check.removal for check in read_checks(Workspace(root))]
    sizes = [(removal.bytes, removal.bytes_gone) for removal in removals if removal is not None]
    assert sizes == [(0, 0), (30 * 40, 30 * 20), (30 * 20, 30 * 10)]  # bytes, of two a letter


def test_a_placeholder_that_is_shorter_fits_a_limit_of_nothing(make: Made) -> None:
    body = [f"line {number} {'x' * 100}" for number in range(100, 199)]
    root = make([*body, f"Copyright {'x' * 100}"], 'name = "honest"\nmax_drop_rate = 0.0')
    assert "[C]" in exported(root)
    with pytest.raises(StepError, match=r"max_drop_rate = 0 allows \(1% may always go\)"):
        make(lines(Copyright=20), 'name = "honest"\nmax_drop_rate = 0.0')


def test_status_and_report_show_the_share_of_text_that_went(make: Made, status: Status) -> None:
    root = make(["x" * 20] * 40, 'name = "shears"\nlength = 15', 'name = "gaps"')
    said = status(root)
    assert "shears 40 0 0.00 % none 40 25.00 % none -" in said
    assert "gaps 40 0 0.00 % none 0 - none -" in said
    facts = {item["label"]: item["removal"] for item in json.loads(status(root, "--json"))["filters"]}
    assert (facts["shears"]["text_rate"], facts["gaps"]["text_rate"]) == (0.25, None)
    page = (root / "exports" / "main" / "report.html").read_text()
    assert "Text gone" in page
    assert "25.00 %" in page


def test_a_domain_that_filters_took_is_said_so_with_their_numbers(make: Made) -> None:
    sources = '[[source]]\nname = "notes"\nlabel = "code"\npath = "code"\ndomain = "code"'
    root = make(lines(line=20), mix="0:0:1", sources=sources)
    (root / "code").mkdir()
    (root / "code" / "all.txt").write_text("\n".join([*lines(weed=7), "a rather long line of code"]))
    with pytest.raises(CorpusError) as raised:
        make(lines(line=20), 'name = "gaps"', 'name = "unsure"', mix="0:1:1", sources=sources)
    said = str(raised.value)
    assert (
        "the mix asks for code documents: of 8 the filters dropped all (gaps 7, unsure 1); see `forge status`" in said
    )
    with pytest.raises(CorpusError, match="the mix asks for agent documents and there are none; add a source"):
        make(lines(line=20), 'name = "gaps"', mix="1:0:1", sources=sources)


@pytest.mark.parametrize(("most", "said"), [(1_000_000_000, "missed its"), (0, "touched innocent")])
def test_status_says_of_a_canary_failure_that_it_is_one(
    tmp_path: Path, make: Made, status: Status, most: int, said: str
) -> None:
    with pytest.raises(StepError, match="canaries"):
        make(lines(line=20), f'name = "weed"\nmost = {most}')
    shown = status(tmp_path)
    assert f"weed: it {said} canaries, so that nothing was exported" in shown
    assert "outside its limits" not in shown


def test_check_filter_takes_a_filter_without_prepare(make: Made) -> None:
    make(lines(line=20))  # puts the toys in reach
    import tripwire_toys

    class_of: dict[str, Any] = {kind.name: kind for kind in tripwire_toys.forge_filters()}
    verdicts = check_filter(class_of["gaps"](), documents("a weed", "a rose"))
    assert verdicts.keep.to_pylist() == [False, True]
    assert check_filter(class_of["unsure"](), documents("a weed" * 3, "a rose")).keep == pa.array([False, True])
