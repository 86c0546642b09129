"""``metrics.jsonl``: one JSON object a logged step.

Keys: ``stage`` (name), ``step`` (within the stage, from 1), ``global_step`` (over all stages), ``tokens`` (read so
far, over all stages), ``loss`` (mean over the step's labelled tokens, nats), ``learning_rate``, ``seconds`` (wall time
of the step). All but ``seconds`` are the same however often the run was interrupted.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from forge.errors import CorpusError
from forge.files import write_bytes

FILE_NAME = "metrics.jsonl"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One line; see the module."""

    stage: str
    step: int
    global_step: int
    tokens: int
    loss: float
    learning_rate: float
    seconds: float


def read_metrics(path: Path) -> list[Metric]:
    """The whole lines of a metrics file; a line that a killed process left half written is passed over.

    Raises:
        CorpusError: a whole line is no metric.
    """
    if not path.is_file():
        return []
    decoder = msgspec.json.Decoder(Metric)
    lines = path.read_bytes().split(b"\n")[:-1]
    try:
        return [decoder.decode(line) for line in lines if line]
    except msgspec.MsgspecError as error:
        raise CorpusError(f"{path}: a line is no metric ({error}); start over with --fresh") from error


def cut_metrics(path: Path, *, global_step: int) -> list[Metric]:
    """Drop what was logged after ``global_step``, which a resumed run will log again; returns what is left."""
    kept = [metric for metric in read_metrics(path) if metric.global_step <= global_step]
    write_bytes(path, b"".join(encode(metric) for metric in kept))
    return kept


def encode(metric: Metric) -> bytes:
    """One line."""
    return msgspec.json.encode(metric) + b"\n"


def append(stream: BinaryIO, metric: Metric) -> None:
    """Add a line and hand it to the operating system, so that a kill costs at most the line at hand."""
    stream.write(encode(metric))
    stream.flush()


def first_and_last(losses: Sequence[float], *, share: float = 0.1) -> tuple[float, float]:
    """Mean of the first and of the last tenth (or other share) of a stage's losses; at least one each."""
    count = max(1, round(len(losses) * share))
    return sum(losses[:count]) / count, sum(losses[-count:]) / count
