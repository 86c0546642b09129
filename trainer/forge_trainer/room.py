"""A full disk as one line, whoever was writing: Python, torch or safetensors. Costs the import of safetensors (ms)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from forge.errors import NO_ROOM, WorkspaceError

TORCH = ("PytorchStreamWriter failed", "unexpected pos", "iostream error")
"""What `torch.save` says in a bare RuntimeError when the system takes fewer bytes than it was given."""
SAFETENSORS = tuple(f"(os error {number})" for number in sorted(NO_ROOM))


@contextmanager
def room_for(folder: Path) -> Iterator[None]:
    """Turn a failure to write for want of room into one error; any other passes unchanged.

    Raises:
        WorkspaceError: the disk that holds ``folder`` is full, or a quota or file-size limit is reached.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise _no_room(folder, os.strerror(error.errno)) from error
    except RuntimeError as error:
        if not any(words in str(error) for words in TORCH):
            raise
        raise _no_room(folder, "torch could not write a whole file") from error
    except SafetensorError as error:
        if not any(words in str(error) for words in SAFETENSORS):
            raise
        raise _no_room(folder, "the weights could not be written whole") from error


def _no_room(folder: Path, reason: str) -> WorkspaceError:
    return WorkspaceError(
        f"{folder}: no room on the disk ({reason}); the last whole checkpoint is kept: "
        "free some space and run the same command again"
    )
