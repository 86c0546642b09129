"""A folder of the cache in the making: beside what it will become, gone if that fails, and swept if it is killed.

A disk without room is one clear line, as in `forge.files`. Cost: one folder made and removed.
"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forge.errors import NO_ROOM, WorkspaceError, no_room

LEFTOVER_SECONDS = 86_400
UNFINISHED = ".part"


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A folder below ``parent`` to fetch or unpack into; what is whole is moved out of it by a rename.

    Those that killed processes left a day ago are swept; younger ones may be another process's.

    Raises:
        WorkspaceError: there is no room on the disk; nothing of the folder is left.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        for leftover in parent.glob(f".*{UNFINISHED}"):
            if time.time() - leftover.stat().st_mtime > LEFTOVER_SECONDS:
                shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=parent, prefix=".", suffix=UNFINISHED) as name:
            yield Path(name)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise WorkspaceError(no_room(parent, error)) from error
