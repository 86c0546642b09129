"""The page store of live sources: whole or absent, whenever the process is killed."""

import shutil
from pathlib import Path

import pytest

from forge_sources import harvest as module
from forge_sources.harvest import FINISHED, Harvest


def opened(cache: Path, *, refresh: bool = False, options: tuple[object, ...] = ("a", 1)) -> Harvest:
    return Harvest(cache, source="test", options=options, refresh=refresh)


def gathered(cache: Path, body: bytes = b"old", *, refresh: bool = False) -> Harvest:
    harvest = opened(cache, refresh=refresh)
    harvest.keep("k", body, depth=1)
    harvest.finish(count=1)
    return harvest


def body(harvest: Harvest) -> bytes | None:
    page = harvest.get("k")
    return page.body if page else None


def test_pages_come_back_with_their_facts(tmp_path: Path) -> None:
    harvest = opened(tmp_path)
    assert harvest.finished is None
    harvest.keep("https://h/ü", b"one\ntwo\x00\n", status=200, links=["x"])
    harvest.keep("other", b"")
    page = opened(tmp_path).get("https://h/ü")
    assert page is not None
    assert (page.key, page.facts, page.body) == ("https://h/ü", {"status": 200, "links": ["x"]}, b"one\ntwo\x00\n")
    assert {page.key for page in opened(tmp_path).pages()} == {"https://h/ü", "other"}
    assert opened(tmp_path).get("missing") is None


def test_a_killed_harvest_goes_on_where_it_stopped(tmp_path: Path) -> None:
    opened(tmp_path).keep("k", b"x")
    again = opened(tmp_path)
    assert again.finished is None
    assert body(again) == b"x"
    again.finish(count=1)
    assert opened(tmp_path).finished == {"count": 1}
    assert body(opened(tmp_path)) == b"x"


def test_other_options_are_another_harvest(tmp_path: Path) -> None:
    gathered(tmp_path)
    assert opened(tmp_path, options=("a", 2)).finished is None


def test_a_refresh_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path: Path) -> None:
    gathered(tmp_path)
    fresh = opened(tmp_path, refresh=True)
    assert fresh.finished is None
    assert fresh.get("k") is None
    fresh.keep("k", b"new")
    assert body(opened(tmp_path)) == b"old"  # still the whole one, though half a new one lies beside it
    assert opened(tmp_path).finished == {"count": 1}
    assert body(opened(tmp_path, refresh=True)) == b"new"  # and a refresh goes on with its half
    fresh.finish(count=2)
    assert body(opened(tmp_path)) == b"new"
    assert opened(tmp_path).finished == {"count": 2}
    assert [path.name for path in fresh.root.parent.iterdir() if path.name[0] != "."] == [fresh.root.name]


class Killed(BaseException):
    """Stands for the end of the process: no handler of errors sees it."""


@pytest.mark.parametrize("step", range(6))
def test_a_kill_at_any_step_of_the_exchange_leaves_a_whole_harvest(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gathered(tmp_path)
    fresh = opened(tmp_path, refresh=True)
    fresh.keep("k", b"new")
    calls = iter(range(100))

    def dying(function):  # type: ignore[no-untyped-def]
        def run(*arguments, **options):  # type: ignore[no-untyped-def]
            if next(calls) == step:
                raise Killed
            return function(*arguments, **options)

        return run

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", dying(Path.rename))
        patch.setattr(module, "flush", dying(module.flush))
        patch.setattr(module, "write_bytes", dying(module.write_bytes))
        patch.setattr(shutil, "rmtree", dying(shutil.rmtree))
        try:
            fresh.finish(count=2)
        except Killed:
            assert step < 5
    found = opened(tmp_path)
    assert found.finished in ({"count": 1}, {"count": 2})
    assert body(found) == {1: b"old", 2: b"new"}[found.finished["count"]]
    if step > 0:  # the closing facts were written: what was gathered is not lost
        assert found.finished == {"count": 2}
    again = opened(tmp_path, refresh=True)
    again.finish(count=3)
    assert opened(tmp_path).finished == {"count": 3}
    leftovers = [path.name for path in found.root.parent.iterdir() if not path.name.endswith(".lock")]
    assert leftovers == [found.root.name]


def test_a_kill_while_the_old_one_is_removed_leaves_no_half(tmp_path: Path) -> None:
    harvest = gathered(tmp_path)
    aside = harvest.root.with_name(f".{harvest.root.name}.0123{module.ASIDE}")
    shutil.copytree(harvest.root, aside)
    (aside / FINISHED).unlink()
    gathered(tmp_path, b"new", refresh=True)
    assert not aside.exists()
    assert body(opened(tmp_path)) == b"new"


def test_a_stale_temporary_file_is_no_page_and_goes_with_the_end(tmp_path: Path) -> None:
    harvest = opened(tmp_path)
    harvest.keep("k", b"x")
    folder = next(path for path in harvest.folder.iterdir() if path.is_dir())
    (folder / ".abc.page.123.0a0b.tmp").write_bytes(b"half")
    assert [page.key for page in harvest.pages()] == ["k"]
    harvest.finish()
    assert list(harvest.root.rglob("*.tmp")) == []
