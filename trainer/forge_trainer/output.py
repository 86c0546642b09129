"""The output folder: what it was made from, and whether it may be continued.

``run.json`` records the plan and the sha256 of each manifest. A run goes on in a folder only if both are as they were:
weights trained on one thing and continued on another would carry a false record. Options that change nothing in the
result (threads, how often to save) are left out.
"""

import hashlib
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypedDict

import msgspec
from filelock import FileLock, Timeout

from forge.errors import CorpusError, RecipeError, WorkspaceError
from forge.files import write_bytes
from forge_trainer import checkpoints, metrics
from forge_trainer.plan import Plan

RUN = "run.json"
SUMMARY = "summary.json"
CURVE = "loss.png"
MODEL = "model"
LOCK = ".lock"
MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json")
FREE_KEYS = ("output", "threads", "checkpoint_every", "keep_checkpoints")


class StageSummary(TypedDict):
    """What is told of a stage when the run is over; losses in nats a token."""

    name: str
    steps: int
    tokens: int
    first_loss: float
    last_loss: float
    seconds: float
    tokens_per_second: float | None


class Sample(TypedDict):
    """The beginning of a document, and how the model goes on."""

    prompt: str
    continuation: str


class Summary(TypedDict):
    """``summary.json``; paths are relative to the output."""

    parameters: int
    world_size: int
    stages: list[StageSummary]
    model: str
    model_sha256: str
    metrics: str
    curve: str
    sample: Sample


def facts_of(plan: Plan, manifests: Mapping[str, str]) -> dict[str, Any]:
    """What decides the result: the plan's options by dotted path, and sha256 by stage name of the manifests."""
    options = {key: value for key, value in msgspec.to_builtins(plan).items() if key not in FREE_KEYS}
    for index, stage in enumerate(options["stage"]):
        # A manifest is known by its content: it may move. How rows are spread over passes moves only rounding errors.
        options["stage"][index] = {key: value for key, value in stage.items() if key != "manifest"}
    return {**dict(_flatten("", options)), **{f"manifest of {name}": value for name, value in manifests.items()}}


def fingerprint(facts: Mapping[str, Any]) -> str:
    """Hash of `facts_of`, 32 hex digits."""
    return hashlib.blake2b(msgspec.json.encode(facts, order="sorted"), digest_size=16).hexdigest()


def check_unchanged(output: Path, facts: Mapping[str, Any]) -> None:
    """Compare with what the folder was made from.

    Raises:
        RecipeError: it was made from another plan or other manifests; names what differs.
        CorpusError: the record is damaged.
    """
    path = output / RUN
    if not path.is_file():
        return
    try:
        before = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise CorpusError(
            f"{path}: damaged record of what this output is made from; start over with --fresh"
        ) from error
    for key in sorted({*before, *facts}):
        old, new = before.get(key), facts.get(key)
        if old != new:
            raise RecipeError(
                f"{key} was {_short(old)} when this output began and is {_short(new)} now; "
                "set it back, choose another output, or start over with --fresh",
                file=output,
            )


def is_complete(output: Path) -> bool:
    """The summary is written last; what it speaks of may have been removed since."""
    return (output / SUMMARY).is_file() and not lacks_model(output)


def lacks_model(output: Path) -> bool:
    """The run was over, and its model is gone or has lost a file."""
    model = output / MODEL
    return (output / SUMMARY).is_file() and not all((model / name).is_file() for name in MODEL_FILES)


def reopen(output: Path) -> None:
    """Make a run whose model is gone resumable from its last checkpoint.

    Raises:
        WorkspaceError: there is no checkpoint either.
    """
    if not (output / checkpoints.FOLDER / checkpoints.LATEST).is_file():
        raise WorkspaceError(
            f"{output}: the run was complete, but model and checkpoints are gone; train it again with --fresh"
        )
    (output / SUMMARY).unlink()


def read_summary(output: Path) -> dict[str, Any]:
    """The summary of a complete run.

    Raises:
        CorpusError: it is damaged.
    """
    path = output / SUMMARY
    try:
        return dict(msgspec.json.decode(path.read_bytes(), type=Summary))
    except msgspec.MsgspecError as error:
        raise CorpusError(
            f"{path}: damaged summary ({error}); remove it and run again to have it written from the last checkpoint, "
            "or start over with --fresh"
        ) from error


def begin(output: Path, facts: Mapping[str, Any]) -> None:
    """Record what this output is made from."""
    write_bytes(output / RUN, msgspec.json.format(msgspec.json.encode(facts), indent=2) + b"\n")


def clear(output: Path) -> None:
    """Remove what an earlier run wrote, and nothing else; the summary first, so that no half is taken for whole."""
    for name in (SUMMARY, RUN, CURVE, metrics.FILE_NAME):
        (output / name).unlink(missing_ok=True)
    for name in (MODEL, checkpoints.FOLDER):
        if (output / name).is_dir():
            shutil.rmtree(output / name)


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Hold the folder for one run.

    Raises:
        WorkspaceError: another run holds it.
    """
    output.mkdir(parents=True, exist_ok=True)
    lock = FileLock(output / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise WorkspaceError(f"{output}: another forge-trainer is at work here; wait for it or stop it") from None
    try:
        yield
    finally:
        lock.release()


def _flatten(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flatten(f"{prefix}.{key}" if prefix else key, inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _flatten(f"{prefix}[{index}]", inner)
    else:
        yield prefix, value


def _short(value: Any) -> str:
    text = "absent" if value is None else str(value)
    return text if len(text) <= 24 else f"{text[:12]}..."
