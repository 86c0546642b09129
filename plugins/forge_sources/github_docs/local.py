"""A local clone or folder: its documentation files, and what its git folder says of commit and origin.

Nothing outside the folder is read: symbolic links that lead out are refused, and none is followed. git itself is not
run; HEAD, refs and config are small text files. Cost: a walk over the folder.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_SKIPPED = frozenset((".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__", ".tox", ".cache"))
_ORIGIN = re.compile(r'\[remote "origin"\][^\[]*?^\s*url\s*=\s*(\S+)', re.MULTILINE)
_HOSTED = re.compile(
    r"(?:https?://(?:[^@/\s]+@)?|git@|ssh://git@)(?P<host>[\w.-]+)[:/](?P<name>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
)
_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


OUTWARD = "a symbolic link that leads out of the folder, which is not followed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clone:
    """A folder. ``commit`` and ``page`` (the repository's address for people) are empty where git does not say."""

    root: Path
    commit: str
    page: str

    @property
    def name(self) -> str:
        """``owner/name`` of the origin, or the folder's name."""
        return "/".join(self.page.split("/")[-2:]) if self.page else self.root.name


def open_clone(root: Path) -> Clone:
    """Read what the git folder says; a folder without one, or with one of another form, has no commit."""
    git = root / ".git"
    config = _text(git / "config")
    origin = _ORIGIN.search(config)
    hosted = _HOSTED.fullmatch(origin[1]) if origin else None
    return Clone(root=root, commit=_commit(git), page=f"https://{hosted['host']}/{hosted['name']}" if hosted else "")


def _commit(git: Path) -> str:
    head = _text(git / "HEAD").strip()
    if not head.startswith("ref: "):
        return head if _HASH.fullmatch(head) else ""
    ref = head.removeprefix("ref: ")
    if ".." in ref or not ref.startswith("refs/"):
        return ""
    loose = _text(git / ref).strip()
    if _HASH.fullmatch(loose):
        return loose
    lines = (line.split(" ") for line in _text(git / "packed-refs").splitlines())
    return next((parts[0] for parts in lines if len(parts) == 2 and parts[1] == ref), "")


def _text(path: Path) -> str:
    if not path.is_file() or path.is_symlink():
        return ""
    return path.read_text(encoding="utf-8", errors="replace")[:2_000_000]


def walk(root: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Wanted files, in order, as ``(path, problem)``; a problem is said of symbolic links that lead out of ``root``.

    None is followed: what a link within the folder leads to is read under its own name.
    """
    whole = root.resolve()
    for folder, folders, files in os.walk(root, followlinks=False):
        inside = Path(folder).relative_to(root)
        for name in sorted(folders):
            path = (inside / name).as_posix()
            if _leads_out(Path(folder, name), whole) and (wanted(f"{path}/README.md") or wanted(f"{path}/index.md")):
                yield path, OUTWARD
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not Path(folder, name).is_symlink())
        for name in sorted(files):
            path = (inside / name).as_posix()
            if not wanted(path):
                continue
            if not Path(folder, name).is_symlink():
                yield path, ""
            elif _leads_out(Path(folder, name), whole):
                yield path, OUTWARD


def _leads_out(path: Path, whole: Path) -> bool:
    """Whether a path is a symbolic link that leads out of the resolved folder ``whole``, or nowhere."""
    if not path.is_symlink():
        return False
    try:
        return not path.resolve(strict=True).is_relative_to(whole)
    except (OSError, RuntimeError):  # it leads nowhere, or in a circle
        return True
