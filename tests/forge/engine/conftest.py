"""A session over toy steps, with the real catalogue, executor and tokenizer."""

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from forge.clients.http import HttpClient
from forge.engine.build import build
from forge.engine.session import EventLog, Session
from forge.executors.local import LocalExecutor
from forge.hookspecs import PROJECT
from forge.host import PluginHost
from forge.manifest import Manifest
from forge.progress import reporter
from forge.recipe import load_recipe
from forge.workspace import Workspace
from forge_registry import DuckCatalog

OpenSession = Callable[..., Session]

RECIPE = """
seed = 5
[tokenizer]
name = "bpe"
vocab_size = 300
SOURCES
FILTERS
EXPORTS
"""
NOTES = '[[source]]\nname = "notes"\npath = "notes"'
MAIN = '[export.main]\nmix = "0:0:1"'


@pytest.fixture
def open_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenSession]:
    """Makes sessions over ``tmp_path`` (or a folder within it) from the text of a recipe."""
    monkeypatch.syspath_prepend(Path(__file__).parent / "toys")
    modules = {"toys": "toy_steps", "canary-toys": "canary_toys", "builtin": "forge.builtin"}
    points = [EntryPoint(name, module, PROJECT) for name, module in modules.items()]
    opened: list[Session] = []

    def make(recipe: str, *, folder: str = ".", workers: int = 1) -> Session:
        workspace = Workspace(tmp_path / folder)
        workspace.root.mkdir(parents=True, exist_ok=True)
        workspace.recipe.write_text(recipe)
        session = Session(
            workspace=workspace,
            recipe=load_recipe(workspace.recipe),
            host=PluginHost(points),
            executor=LocalExecutor(workers=workers),
            catalog=DuckCatalog(workspace.catalog),
            reporter=reporter(quiet=True),
            http=HttpClient(workspace.cache),
            events=EventLog(folder=workspace.runs),
        )
        opened.append(session)
        return session

    yield make
    for session in opened:
        session.executor.close()
    for module in ("toy_steps", "canary_toys"):
        sys.modules.pop(module, None)


@pytest.fixture(scope="session")
def recipe() -> Callable[..., str]:
    """Makes a recipe's text from the options of each filter: over notes in one folder, into one export of all."""

    def make(*filters: str, sources: str = NOTES, exports: str = MAIN) -> str:
        steps = "\n".join(f"[[filter]]\n{options}" for options in filters)
        return RECIPE.replace("SOURCES", sources).replace("FILTERS", steps).replace("EXPORTS", exports)

    return make


@pytest.fixture(scope="session")
def run() -> Callable[[Session], Manifest]:
    """Builds all exports of a session; the manifest of the first."""
    return lambda session: build(session, exports=session.recipe.exports)[0].manifest
