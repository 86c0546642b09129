"""Every attempt at a trajectory, accepted or not: the data of the funnel, one Parquet file a partition.

A row says what was attempted, who wrote which part, how far up the ladder it came, why it stopped there and what it
cost. The file is written whole, when its partition is done; some 3 KB an attempt before compression.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from forge.files import atomic_path
from forge.records import Message, Trajectory
from forge_trajectories.synthesis.scratch_files import ATTEMPTS

if TYPE_CHECKING:
    import pyarrow as pa

PATTERN = ATTEMPTS.pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt.

    Attributes:
        position: of the blueprint in its partition, from 0. number: of the attempt at this blueprint, from 0.
        apis, providers: of the operations that the blueprint names. called: APIs that the dialogue calls.
        written: by part ``llm`` or ``blueprint``; parts that were not reached are missing.
        passed: names of the checks that passed, in order.
        check, code, evidence: of the one that failed; empty if none did. part: which part was blamed for it.
        calls: answers of the model, repairs and useless ones included, but for those that an earlier attempt at this
            blueprint paid for. prompt_tokens, completion_tokens, cost: of these; US dollars.
        origins: observations by origin.
        messages: the dialogue as far as it got, JSON. said: a model's words that were refused and are not in it.
        trajectory: id of the accepted one; empty if it was not.
    """

    position: int
    number: int
    blueprint: str
    kind: str
    apis: Sequence[str]
    providers: Sequence[str]
    written: Mapping[str, str]
    passed: Sequence[str] = ()
    accepted: bool = False
    check: str = ""
    code: str = ""
    evidence: str = ""
    part: str = ""
    model: str = ""
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float = 0.0
    origins: Mapping[str, int] = field(default_factory=dict)
    messages: str = ""
    trajectory: str = ""
    called: Sequence[str] = ()
    said: str = ""

    def dialogue(self) -> list[Message]:
        """The messages, read."""
        return [Message(**message) for message in orjson.loads(self.messages or "[]")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """An attempt with what it made: None where there is nothing to keep."""

    # Not in the representation, which asyncio asks for at every result of a task: it would be pages.
    attempt: Attempt = field(repr=False)
    trajectory: Trajectory | None = field(default=None, repr=False)


def attempts_path(folder: Path, partition: str) -> Path:
    """Where a partition's attempts lie under a step's scratch directory."""
    return ATTEMPTS.path(folder, partition)


def write_attempts(path: Path, attempts: Sequence[Attempt], *, about: Mapping[str, str]) -> None:
    """Write the file whole or not at all; ``about`` goes into the schema's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {**asdict(attempt), "written": list(attempt.written.items()), "origins": list(attempt.origins.items())}
        for attempt in attempts
    ]
    table = pa.Table.from_pylist(rows, schema=attempts_schema().with_metadata(dict(about)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_attempts(folder: Path) -> Iterator[Attempt]:
    """All attempts under a step's scratch directory, by partition, in their order."""
    import pyarrow.parquet as pq

    for path in sorted(folder.glob(PATTERN)):
        for row in pq.read_table(path).to_pylist():
            yield Attempt(**{**row, "written": dict(row["written"]), "origins": dict(row["origins"])})


def attempts_schema() -> "pa.Schema":
    """The columns."""
    import pyarrow as pa

    text, texts, number = pa.string(), pa.list_(pa.string()), pa.int64()
    types: dict[str, pa.DataType] = {
        "position": number,
        "number": number,
        "blueprint": text,
        "kind": text,
        "apis": texts,
        "providers": texts,
        "written": pa.map_(text, text),
        "passed": texts,
        "accepted": pa.bool_(),
        "check": text,
        "code": text,
        "evidence": text,
        "part": text,
        "model": text,
        "calls": number,
        "prompt_tokens": number,
        "completion_tokens": number,
        "cost": pa.float64(),
        "origins": pa.map_(text, number),
        "messages": text,
        "trajectory": text,
        "called": texts,
        "said": text,
    }
    return pa.schema(list(types.items()))


def achieved_shares(attempts: Sequence[Attempt]) -> dict[str, float]:
    """Achieved shares: of the accepted trajectories, by kind."""
    counts = Counter(attempt.kind for attempt in attempts if attempt.accepted)
    total = sum(counts.values())
    return {kind: count / total for kind, count in sorted(counts.items())} if total else {}
