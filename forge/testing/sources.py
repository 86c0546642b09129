"""`check_source`: the rules of the source contract, tried on real or made-up material."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from forge.errors import PluginError
from forge.records import ApiRecord, Document, Record, Reject, Trajectory, arrow_schema, from_row, to_row
from forge.steps import Context, Partition, Source
from forge.testing.rules import broken, check_step, copied

RECORD_TYPES = (ApiRecord, Document, Trajectory, Reject)
SAFE_KEY = re.compile(r"(?!\.)[A-Za-z0-9._=@+~-]{1,150}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a source gave, in the order of its partitions."""

    partitions: Sequence[Partition]
    records: Sequence[Record]
    rejects: Sequence[Reject]


def check_source(source: Source, context: Context) -> Found:
    """Run a source as the engine would, several times over, and hold it to its contract.

    Partitions are the same at every call and in every process, with keys that are unique and safe as file names. Each
    partition gives the same records whichever comes first; they are of the record types, fit their Arrow schema and
    come back from it unchanged; no two documents share an id. ``plan`` says one line.

    Raises:
        PluginError: a rule is broken; the message says which, and on what.
    """
    check_step(source)
    _check_plan(source, context)
    partitions = list(source.partitions(context))
    _check_partitions(source, partitions)
    other = copied(source)
    if list(source.partitions(context)) != partitions or list(other.partitions(context)) != partitions:
        raise broken(source, "partitions differ from one call to the next; sort what a folder or a server lists")
    forwards = {part.key: _records(source, part, context) for part in partitions}
    for part in reversed(partitions):
        if _records(other, part, context) != forwards[part.key]:
            raise broken(source, f"partition {part.key}: records differ from one reading to the next")
    everything = [record for part in partitions for record in forwards[part.key]]
    _check_ids(source, everything)
    return Found(
        partitions=partitions,
        records=[record for record in everything if not isinstance(record, Reject)],
        rejects=[record for record in everything if isinstance(record, Reject)],
    )


def _check_plan(source: Source, context: Context) -> None:
    line = source.plan(context)
    if not isinstance(line, str) or not line.strip() or "\n" in line:
        raise broken(source, f"plan says one line about what would be fetched; it said {line!r}")


def _check_partitions(source: Source, partitions: Sequence[Partition]) -> None:
    if not partitions:
        raise broken(source, "no partition: a source with no material raises StepError and says what to do about it")
    keys = set()
    for part in partitions:
        if not isinstance(part, Partition):
            raise broken(source, f"partitions gives Partition objects; this is {part!r}")
        if not isinstance(part.key, str) or not SAFE_KEY.fullmatch(part.key):
            raise broken(source, f"partition key {part.key!r} is not safe as a file name: {SAFE_KEY.pattern}")
        if part.key.casefold() in keys:
            raise broken(source, f"partition key {part.key!r} comes twice, or differs from another in case alone")
        keys.add(part.key.casefold())
        if not isinstance(part.fingerprint, str) or not part.fingerprint:
            raise broken(
                source, f"partition {part.key}: its fingerprint is the hash of its content, not {part.fingerprint!r}"
            )
        if part.size < 0 or not all(isinstance(item, str) for item in part.items):
            raise broken(source, f"partition {part.key}: items are strings, and size is 0 or more bytes")
        copied(part)


def _records(source: Source, part: Partition, context: Context) -> list[Record | Reject]:
    records = list(source.records(part, context))
    for number, record in enumerate(records):
        if not isinstance(record, RECORD_TYPES):
            kinds = ", ".join(kind.__name__ for kind in RECORD_TYPES)
            raise broken(
                source, f"partition {part.key}: record {number} is a {type(record).__name__}, not one of {kinds}"
            )
    for kind in RECORD_TYPES:
        _check_rows(source, part, [record for record in records if type(record) is kind])
    return records


def _check_rows(source: Source, part: Partition, records: Sequence[Any]) -> None:
    """Write records of one type to Arrow and read them back."""
    import pyarrow as pa

    for record in records:
        where = f"partition {part.key}: {getattr(record, 'id', '') or getattr(record, 'locator', '')}"
        try:
            kind: type = type(record)
            table = pa.Table.from_pylist([to_row(record)], schema=arrow_schema(kind))
            again = from_row(kind, table.to_pylist()[0])
        except (TypeError, ValueError, pa.ArrowException) as error:
            raise _unfit(source, where, str(error)) from error
        if to_row(again) != to_row(record):
            raise _unfit(source, where, "a field changes on the way")


def _unfit(source: Source, where: str, why: str) -> PluginError:
    return broken(source, f"{where}: does not fit its Arrow schema: {why}; text fields are str, the rest plain JSON")


def _check_ids(source: Source, records: Iterable[Record | Reject]) -> None:
    seen: set[str] = set()
    for record in records:
        if isinstance(record, Document | Trajectory):
            if record.id in seen:
                raise broken(source, f"two records have the id {record.id!r}; put what tells them apart into stable_id")
            seen.add(record.id)
