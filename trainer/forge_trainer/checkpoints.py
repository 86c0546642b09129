"""Where checkpoints lie, and which one counts.

``checkpoints/step-00000200/`` holds what DeepSpeed wrote plus ``state.json``; ``checkpoints/latest`` names the newest
whole one and is replaced only when everything under that name is on the disk. A process killed at any moment therefore
leaves the earlier checkpoint in force. The state names the hash of every other file: DeepSpeed goes on without a part
that is missing, and damage in one shows as any exception. Cost: one read of the checkpoint, at GBs a second.
"""

import re
import shutil
from pathlib import Path

import msgspec

from forge.errors import CorpusError
from forge.files import file_hash, flush, write_bytes, write_text

FOLDER = "checkpoints"
LATEST = "latest"
STATE = "state.json"
TAG = re.compile(r"step-\d{8,}")


class State(msgspec.Struct, frozen=True, kw_only=True):
    """Where a run stands.

    Attributes:
        stage: index of the stage that the weights belong to.
        step: optimizer steps done in it.
        global_step: optimizer steps done in all stages.
        tokens: tokens read in all stages.
        sample: index of the stage's next sample: all the state that the loader has.
        world_size: processes that wrote the checkpoint.
        plan_hash: see `state.fingerprint`.
        manifest_sha256: of the stage's manifest.
        files: XXH3-128 by name of the checkpoint's other files; empty until it is written.
    """

    stage: int
    step: int
    global_step: int
    tokens: int
    sample: int
    world_size: int
    plan_hash: str
    manifest_sha256: str
    files: dict[str, str] = {}


def tag_of(state: State) -> str:
    """Name of the checkpoint's folder."""
    return f"step-{state.global_step:08d}"


def latest(folder: Path) -> State | None:
    """The state of the checkpoint in force, or None where there is none yet.

    Raises:
        CorpusError: the pointer is there, and what it names is missing or damaged.
    """
    pointer = folder / LATEST
    if not pointer.is_file():
        return None
    tag = pointer.read_bytes().decode("ascii", errors="replace").strip()
    if not TAG.fullmatch(tag):
        raise CorpusError(f"{pointer}: names no checkpoint, but {tag[:24]!r}; start over with --fresh")
    path = folder / tag / STATE
    try:
        state = msgspec.json.decode(path.read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError) as error:
        raise CorpusError(f"{path}: damaged checkpoint ({error}); start over with --fresh") from error
    for name, expected in state.files.items():
        part = path.with_name(name)
        if not part.is_file() or file_hash(part) != expected:
            raise CorpusError(f"{part}: damaged checkpoint (not the file that was written); start over with --fresh")
    return state


def commit(folder: Path, state: State, *, keep: int) -> None:
    """Put a checkpoint that is written in force, then remove all but the ``keep`` newest."""
    tag = tag_of(state)
    parts = sorted(path for path in (folder / tag).iterdir() if path.is_file() and path.name != STATE)
    state = msgspec.structs.replace(state, files={path.name: file_hash(path) for path in parts})
    write_bytes(folder / tag / STATE, msgspec.json.format(msgspec.json.encode(state), indent=2))
    for path in (folder / tag).iterdir():
        flush(path)
    write_text(folder / LATEST, tag)
    names = sorted(path.name for path in folder.glob("step-*") if path.name <= tag)
    for name in names[:-keep]:
        shutil.rmtree(folder / name)
