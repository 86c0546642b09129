"""The composition root: engine, catalogue and clients put together for one command."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from forge.engine.session import EventLog, Session
from forge.host import PluginHost
from forge.recipe import load_recipe
from forge.workspace import Workspace


@contextmanager
def open_session(
    workspace: Workspace,
    *,
    command: str,
    workers: int | None = None,
    executor: str = "local",
    refresh: bool = False,
    quiet: bool = False,
) -> Iterator[Session]:
    """A session that holds the workspace's lock.

    Raises:
        RecipeError: there is no recipe, or it is wrong. WorkspaceError: another process holds the workspace.
    """
    from forge.clients.http import HttpClient
    from forge.progress import reporter
    from forge_registry import DuckCatalog

    recipe = load_recipe(workspace.recipe)
    host = PluginHost()
    count = workers if workers is not None else _processors()
    hands = host.require("executor", executor).step(workers=count)
    http = HttpClient(workspace.cache)
    with workspace.lock(command):
        try:
            yield Session(
                workspace=workspace,
                recipe=recipe,
                host=host,
                executor=hands,
                catalog=DuckCatalog(workspace.catalog),
                reporter=reporter(quiet=quiet),
                http=http,
                events=EventLog(folder=workspace.runs),
                refresh=refresh,
            )
        finally:
            hands.close()
            http.close()


def _processors() -> int:
    """Processors that this process may use, which in a container is fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
