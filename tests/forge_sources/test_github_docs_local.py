"""The source ``github-docs`` on local clones and folders: read without git, and nothing outside them."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from forge.errors import StepError
from forge.records import Document
from forge.testing import check_source, context
from forge_sources.github_docs.source import GithubDocs

FILES = {
    "README.md": b"# Widget\n\nMakes widgets.\n",
    "docs/guide.rst": b"Guide\n=====\n\n.. code-block:: python\n\n   widget()\n",
    "docs/deep/er/api.md": b"---\ntitle: The API\n---\nCall it.\n",
    "examples/run.py": b"import widget\n\nwidget.run()\n",
    "src/widget.py": b"def run(): ...\n",
    "LICENSE": b"MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a copy\n",
}
TEXTS = ["README.md", "docs/deep/er/api.md", "docs/guide.rst", "examples/run.py"]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    for path, data in FILES.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "README.md").write_text("# Private\n")
    (folder / "docs" / "outside.md").symlink_to(outside / "README.md")
    (folder / "docs" / "folder").symlink_to(outside)
    (folder / "docs" / "inside.md").symlink_to(folder / "README.md")
    return folder


def test_a_local_clone_is_read_and_nothing_outside_it(clone: Path, tmp_path: Path) -> None:
    git = ["git", "-C", str(clone), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    for arguments in (
        ["init", "-q"],
        ["remote", "add", "origin", "git@github.com:acme/widget.git"],
        ["add", "-A"],
        ["commit", "-qm", "x"],
    ):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    found = check_source(GithubDocs(path="clone"), context(tmp_path))
    documents = {str(r.meta["path"]): r for r in found.records if isinstance(r, Document)}
    assert sorted(documents) == TEXTS
    assert documents["docs/guide.rst"].url == f"https://github.com/acme/widget/blob/{commit}/docs/guide.rst"
    assert (documents["README.md"].license, documents["README.md"].meta["repository"]) == ("MIT", "acme/widget")
    reasons = {r.locator: r.reason for r in found.rejects}
    assert (
        reasons["acme/widget:docs/outside.md"] == "a symbolic link that leads out of the folder, which is not followed"
    )
    assert reasons["acme/widget:docs/folder"] == "a symbolic link that leads out of the folder, which is not followed"
    assert "acme/widget:docs/inside.md" not in reasons  # what it leads to is read under its own name
    assert not any("Private" in document.text for document in documents.values())


def test_a_folder_without_git_has_locators_and_a_changed_file_another_fingerprint(clone: Path, tmp_path: Path) -> None:
    step = GithubDocs(path="clone")
    given = context(tmp_path)
    before = step.partitions(given)
    records = [record for part in before for record in step.records(part, given)]
    assert "clone:README.md" in {record.url for record in records if isinstance(record, Document)}
    (clone / "README.md").write_text("# Other\n")
    assert step.partitions(given) != before


def test_a_link_put_in_place_of_a_folder_meanwhile_is_not_followed(clone: Path, tmp_path: Path) -> None:
    step = GithubDocs(path="clone")
    given = context(tmp_path)
    partition = step.partitions(given)[0]
    (clone / "docs" / "deep").rename(tmp_path / "deep")
    (clone / "docs" / "deep").symlink_to(tmp_path / "deep")
    records = list(step.records(partition, given))
    assert not any(isinstance(r, Document) and "Call it" in r.text for r in records)


def test_this_repository(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    given = replace(context(tmp_path), workspace=root.parent)
    step = GithubDocs(path=root.name)
    documents = [r for part in step.partitions(given) for r in step.records(part, given) if isinstance(r, Document)]
    readme = next(document for document in documents if document.meta["path"] == "README.md")
    assert readme.license == "Apache-2.0"
    assert any(document.meta["path"] == "docs/recipe.md" for document in documents)


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="no such folder"):
        GithubDocs(path="nothing").partitions(context(tmp_path))
