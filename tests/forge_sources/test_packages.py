"""The source as a whole. pip is offline: it finds packages made here, whose code must never run."""

import io
import os
import resource
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from forge.errors import StepError, WorkspaceError
from forge.records import Document, Reject
from forge.steps import Context, Source
from forge_sources.packages import fetch as packages_fetch
from forge_sources.packages.fetch import LOCK
from forge_sources.packages.source import Packages
from forge_sources.packages.spec import parse_spec

METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense-Expression: ISC\nRequires-Python: >=99\n\n"
BACKEND = "from pathlib import Path\nPath({marker!r}).write_text('ran')\nraise SystemExit('built')\n"


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A folder that is the only place where pip looks."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def context(tmp_path):
    return make_context(tmp_path)


def make_context(tmp_path, *, refresh=False):
    return Context(
        workspace=tmp_path,
        cache=tmp_path / "cache",
        scratch=tmp_path / "scratch",
        seed=0,
        http=None,
        refresh=refresh,
    )


def write_sdist(shelf: Path, version="1.0", *, toml='build-backend = "trap.core:api"\nbackend-path = ["."]', more=()):
    """A source distribution whose build backend and setup.py leave a mark when they are run."""
    trap = BACKEND.format(marker=str(shelf / "ran"))
    files = {
        "PKG-INFO": METADATA.format(name="hostile-pack", version=version),
        "pyproject.toml": f"[build-system]\nrequires = ['not-to-be-had']\n{toml}\n",
        "setup.py": trap,
        "trap/__init__.py": trap,
        "docs/intro.rst": f"Intro\n=====\n\nWhat {version} is for.\n",
        "tests/test_it.py": "assert True\n",
        **dict(more),
    }
    with tarfile.open(shelf / f"hostile_pack-{version}.tar.gz", "w:gz") as tar:
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            info = tarfile.TarInfo(f"hostile_pack-{version}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def read(source, context):
    partitions = source.partitions(context)
    return [record for partition in partitions for record in source.records(partition, context)]


def test_an_sdist_is_fetched_without_running_its_code(shelf, context):
    write_sdist(shelf)
    documents = read(Packages(packages=["pip-sdist:hostile-pack==1.0"]), context)
    assert not (shelf / "ran").exists()
    assert [document.url for document in documents] == ["pip-sdist:hostile-pack==1.0:docs/intro.rst"]
    (document,) = documents
    assert (document.domain, document.kind, document.license, document.source) == ("text", "prose", "ISC", "packages")
    assert document.text == "Intro\n=====\n\nWhat 1.0 is for.\n"
    assert document.meta == {
        "package": "hostile-pack",
        "version": "1.0",
        "path": "docs/intro.rst",
        "language": "restructuredtext",
    }


def test_an_sdist_without_a_backend_is_not_run_either(shelf, context):
    write_sdist(shelf, toml="")
    assert read(Packages(packages=["pip-sdist:hostile-pack"]), context)
    assert not (shelf / "ran").exists()


def test_code_and_text_of_one_archive_differ_in_ids(shelf, context):
    write_sdist(shelf)
    text, code = (
        read(Packages(packages=["pip-sdist:hostile-pack==1.0"], domain=domain, include=["*.py", "*.rst"]), context)
        for domain in ("text", "code")
    )
    assert {document.kind for document in code} == {"code"}
    assert len({document.id for document in [*text, *code]}) == len(text) + len(code) > 2


def test_patterns_and_sizes_select(shelf, context):
    write_sdist(shelf, more={"docs/big.rst": "x" * 3000, "docs/empty.rst": "", "docs/old/a.rst": "old"})
    source = Packages(packages=["pip-sdist:hostile-pack"], exclude=["docs/old/"], max_file_kb=2)
    assert [document.meta["path"] for document in read(source, context)] == ["docs/intro.rst"]
    everything = Packages(packages=["pip-sdist:hostile-pack"], include=["tests/"], builtin_exclude=False)
    assert [document.meta["path"] for document in read(everything, context)] == ["tests/test_it.py"]


def test_what_is_no_text_is_a_reject(shelf, context):
    write_sdist(shelf, more={"docs/latin.rst": "é".encode("latin-1")})
    records = read(Packages(packages=["pip-sdist:hostile-pack==1.0"]), context)
    assert [type(record) for record in records] == [Document, Reject]
    assert records[1] == Reject(locator="pip-sdist:hostile-pack==1.0:docs/latin.rst", reason="is not UTF-8 text")


def test_the_second_time_nothing_is_asked_of_pip(shelf, context):
    write_sdist(shelf)
    source = Packages(packages=["pip-sdist:hostile-pack"])
    assert "fetches 1 of 1" in source.plan(context)
    first = source.partitions(context)
    shutil.rmtree(shelf)
    assert "fetches nothing" in source.plan(context)
    assert source.partitions(context) == first


def test_an_open_version_stays_until_newer_is_asked_for(shelf, tmp_path, context):
    write_sdist(shelf)
    source = Packages(packages=["pip-sdist:hostile-pack"])
    (before,) = source.partitions(context)
    write_sdist(shelf, "2.0")
    assert source.partitions(context) == [before]
    (after,) = source.partitions(make_context(tmp_path, refresh=True))
    assert (before.key, after.items[2]) == (after.key, "2.0")
    assert before.fingerprint != after.fingerprint
    assert source.partitions(context) == [after]


def test_a_wheel_is_read_where_it_is_pure(shelf, context):
    with zipfile.ZipFile(shelf / "pure_pack-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pure_pack/__init__.py", "x = 1\n")
        wheel.writestr("pure_pack-1.0.dist-info/METADATA", METADATA.format(name="pure-pack", version="1.0"))
        wheel.writestr("pure_pack-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("pure_pack-1.0.dist-info/RECORD", "")
    (document,) = read(Packages(packages=["pip:pure-pack"], domain="code"), context)
    assert (document.url, document.license) == ("pip:pure-pack==1.0:pure_pack/__init__.py", "ISC")


def test_a_package_that_is_not_there_says_what_to_write(shelf, context):
    write_sdist(shelf)
    with pytest.raises(StepError, match="write pip-sdist:hostile-pack") as caught:
        Packages(packages=["pip:hostile-pack==1.0"]).partitions(context)
    assert caught.value.record == "pip:hostile-pack==1.0"
    assert "\n" not in str(caught.value)


def test_a_fetch_that_fails_leaves_nothing_half_done(shelf, context):
    with pytest.raises(StepError):
        Packages(packages=["pip-sdist:hostile-pack"]).partitions(context)
    assert list((context.cache / "packages").iterdir()) == []


def test_an_archive_cut_short_in_the_cache_is_fetched_again(shelf, context):
    write_sdist(shelf)
    source = Packages(packages=["pip-sdist:hostile-pack==1.0"])
    (partition,) = source.partitions(context)
    archive = context.cache / partition.items[3]
    archive.write_bytes(archive.read_bytes()[:50])
    assert read(source, context)


def test_an_archive_without_its_lock_is_fetched_again(shelf, context):
    write_sdist(shelf)
    source = Packages(packages=["pip-sdist:hostile-pack==1.0"])
    (partition,) = source.partitions(context)
    (context.cache / partition.items[3]).with_name(LOCK).unlink()
    assert "fetches 1" in source.plan(context)
    assert source.partitions(context) == [partition]


@pytest.mark.parametrize("program", ["npm", "apt-get"])
def test_a_missing_client_is_one_line_with_the_way_out(context, monkeypatch, program):
    monkeypatch.setenv("PATH", "")
    spec = {"npm": "npm:left-pad", "apt-get": "apt:hello"}[program]
    with pytest.raises(StepError, match=f"{program} is not on the PATH; .* leave") as caught:
        Packages(packages=[spec]).partitions(context)
    assert "\n" not in str(caught.value)


def test_an_npm_package_from_the_registry(context):
    source = Packages(packages=["npm:isarray@2.0.5"], domain="code")
    documents = read(source, context)
    assert [document.url for document in documents] == ["npm:isarray@2.0.5:index.js"]
    assert documents[0].license == "MIT"
    assert documents[0].meta["language"] == "javascript"


@pytest.mark.parametrize(
    ("packages", "message"),
    [
        ([], "packages is empty"),
        (["pip:a", "pip:a"], "named twice"),
        (["django"], "names no package"),
    ],
)
def test_options_that_make_no_sense_are_refused(packages, message):
    with pytest.raises(ValueError, match=message):
        Packages(packages=packages)


def test_it_is_a_source():
    assert isinstance(Packages(packages=["pip:a"]), Source)


def test_one_package_under_two_names_is_refused(shelf, context):
    write_sdist(shelf)
    source = Packages(packages=["pip-sdist:hostile-pack", "pip-sdist:hostile-pack==1.0"])
    with pytest.raises(StepError, match=r"names pip-sdist:hostile-pack==1\.0 twice"):
        source.partitions(context)


def test_a_full_disk_is_one_line_and_leaves_nothing(shelf, context):
    def write_too_much(_spec, folder):
        (folder / "pack-1.0.tar.gz").write_bytes(b"x" * 10_000)
        return "1.0"

    spec = parse_spec("pip-sdist:pack")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(WorkspaceError, match="no room on the disk"):
            packages_fetch.fetch_one(spec, context.cache, client=write_too_much)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((context.cache / "packages").iterdir()) == []
    assert packages_fetch.fetch_one(spec, context.cache, client=write_too_much) == packages_fetch.cached(
        spec, context.cache
    )
