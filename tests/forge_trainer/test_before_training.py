"""What is refused before anything is trained or recorded, and the command line around it; torch stays out."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.errors import CorpusError, RecipeError, WorkspaceError
from forge_trainer import cli, launch
from forge_trainer.corpus import read_corpora
from forge_trainer.plan import load_plan
from forge_trainer.room import room_for

Workspace = Callable[..., Path]


def silent(_line: str) -> None:
    """Takes the lines that a run would show."""


def test_a_refused_export_leaves_no_record(workspace: Workspace) -> None:
    plan = workspace()
    text = plan.read_text()
    plan.write_text(text.replace("sequence_length = 32", "sequence_length = 64000", 1))
    with pytest.raises(CorpusError, match="do not fill one row of 64000"):
        launch.run(plan, write=silent)
    assert not (plan.parent / "training" / "run.json").exists()


def test_a_refused_export_leaves_what_fresh_would_remove(workspace: Workspace) -> None:
    plan = workspace()
    plan.write_text(plan.read_text().replace("sequence_length = 32", "sequence_length = 64000", 1))
    record = plan.parent / "training" / "run.json"
    record.parent.mkdir()
    record.write_text("{}")
    with pytest.raises(CorpusError, match="do not fill one row of 64000"):
        launch.run(plan, write=silent, fresh=True)
    assert record.exists()


@pytest.mark.parametrize(("content", "message"), [(None, "missing; run"), (b"{}", "expected sha256 .*, found")])
def test_the_tokenizer_is_looked_at_first(
    tmp_path: Path, workspace: Workspace, exporter: Workspace, content: bytes | None, message: str
) -> None:
    plan = workspace()
    (plan.parent / "exports").unlink()
    for name in ("pretrain", "seed", "dialogue"):
        exporter(plan.parent / "exports" / name, documents=4)
    assert len(read_corpora(load_plan(plan), plan.parent)) == 3
    path = plan.parent / "exports" / "dialogue" / "tokenizer.json"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(CorpusError, match=rf"dialogue/tokenizer\.json: {message}"):
        read_corpora(load_plan(plan), plan.parent)


def called(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """The exit status of the command line."""
    monkeypatch.setattr("sys.argv", ["forge-trainer", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code


@pytest.mark.parametrize("words", [("-C", "{}", "plan"), ("plan", "-C", "{}"), ("-C", "{}/..", "plan", "-C", "work")])
def test_the_folder_is_taken_before_and_after_the_command(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    folder = workspace().parent
    assert called(monkeypatch, *(word.format(folder) for word in words)) == 0
    assert f"output   {folder}" in capsys.readouterr().out.replace("/../work", "").replace("work/..", "")


def test_a_file_that_the_system_refuses_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = "n" * 300
    assert called(monkeypatch, "plan", str(tmp_path / name)) == 1
    said = f"forge-trainer: error: {tmp_path / name}: {os.strerror(errno.ENAMETOOLONG)}; check the path\n"
    assert capsys.readouterr().err == said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
def test_a_full_disk_is_one_line_whoever_writes(tmp_path: Path) -> None:
    import torch

    def python() -> None:
        with Path("/dev/full").open("wb") as stream:
            stream.write(b"x")

    for write in (python, lambda: torch.save({"a": torch.zeros(100_000)}, "/dev/full")):
        refused = pytest.raises(WorkspaceError, match=r"no room on the disk \(.*the last whole checkpoint is kept")
        with refused, room_for(tmp_path):
            write()


def test_other_failures_pass_unchanged(tmp_path: Path) -> None:
    for error in (RuntimeError("a bug"), PermissionError(errno.EACCES, "no"), RecipeError("no")):
        with pytest.raises(type(error)) as caught, room_for(tmp_path):
            raise error
        assert caught.value is error
