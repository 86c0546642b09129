"""What the engine asks of a catalogue, and the snapshot through which steps read one.

The catalogue itself (`forge_registry`) is one DuckDB file that a single process holds. Workers cannot share it, so the
driver writes the distinct documented APIs as one Parquet file a bucket, and steps read those: `SnapshotView`. A bucket
holds the services whose name hashes to it, so that a change at one provider leaves the other buckets as they were.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from forge.errors import CatalogError
from forge.files import write_bytes
from forge.records import ApiRecord, from_row, stable_id
from forge.steps import Partition

BUCKETS = 32
INDEX_NAME = "snapshot.json"

RAW_RULE = "rows as the sources gave them"
IDENTITY_RULE = (
    "one per operation identity (provider, service, name, method, path); the same operation from several sources "
    "counts once, also where they spell its provider, service or path differently"
)
DISTINCT_RULE = (
    "one row per operation identity (provider, service, name, method, path) across sources, "
    "then one per (name, description); description of 20 characters or more; "
    "no parameters, or at least one of them described"
)
"""The rule by which `forge status` counts distinct documented APIs."""
STRICT_RULE = (
    "of the distinct documented ones, one per group of structural near-duplicates: same method, path, parameters and "
    "description whatever the host or version, or one provider's same description"
)
"""The strictest of the rules; what it leaves out is what a reader would not call another API."""


@dataclass(frozen=True, kw_only=True)
class NearDuplicates:
    """A group of structural near-duplicates among the distinct documented APIs.

    Attributes:
        rule: ``structure`` (method, path, parameters and description) or ``wording`` (provider and description).
        apis: how many APIs it holds.
        providers: how many providers they have.
        provider, name, id: of the first by id, as an example.
        description: what they all say, in lower case and without punctuation.
    """

    rule: str
    apis: int
    providers: int
    provider: str
    name: str
    id: str
    description: str


@dataclass(frozen=True, kw_only=True)
class CatalogCounts:
    """How many APIs there are.

    Attributes:
        raw: rows as collected, over all sources.
        distinct: operation identities across sources.
        distinct_documented: what `DISTINCT_RULE` leaves.
        strict: what `STRICT_RULE` leaves; None in a catalogue that an older release loaded.
        near: how many distinct documented APIs each of the two rules of near-duplicates would leave out on its own.
        near_duplicates: the largest groups by either rule.
        by_source: raw rows by source.
        by_provider: distinct documented APIs of the largest providers.
        by_licence: distinct documented APIs by licence.
        rule: the rule in words.
    """

    raw: int
    distinct: int
    distinct_documented: int
    by_source: Mapping[str, int]
    by_provider: Mapping[str, int]
    by_licence: Mapping[str, int]
    rule: str = DISTINCT_RULE
    strict: int | None = None
    near: Mapping[str, int] = field(default_factory=dict)
    near_duplicates: Sequence[NearDuplicates] = ()


class Catalog(Protocol):
    """The catalogue as the driver sees it."""

    def load(self, tables: Sequence[Path], *, fingerprint: str, at: str | None = None) -> bool:
        """Make the catalogue hold exactly the rows of these API Parquet files; False if it already does.

        Args:
            tables: files with the Arrow schema of `ApiRecord`.
            fingerprint: hash of their content; the catalogue remembers it.
            at: the moment of the load for its history, ISO 8601 UTC; the clock's, if none is given. Nothing that is
                exported depends on it.
        """
        ...

    def counts(self) -> CatalogCounts:
        """Counts as of the last load. Raises `CatalogError` if there is no catalogue yet."""
        ...

    def snapshot(self, folder: Path) -> None:
        """Write the distinct documented APIs into ``folder`` by `write_index`'s layout."""
        ...

    def fingerprint(self) -> str | None:
        """The fingerprint given to the last `load`; None without a catalogue."""
        ...


def bucket_name(bucket: int) -> str:
    """File name of a bucket within a snapshot."""
    return f"apis-{bucket:02d}.parquet"


def write_index(folder: Path, fingerprints: Mapping[int, str], *, rows: Mapping[int, int]) -> None:
    """Complete a snapshot: name its buckets with the hash and number of their records. Written last."""
    entries = [
        {"bucket": bucket, "fingerprint": fingerprints[bucket], "rows": rows[bucket]} for bucket in sorted(fingerprints)
    ]
    write_bytes(folder / INDEX_NAME, msgspec.json.format(msgspec.json.encode(entries), indent=1))


class SnapshotView:
    """A `CatalogView` over a snapshot folder; cheap to open and to send to another process."""

    def __init__(self, folder: Path) -> None:
        path = folder / INDEX_NAME
        if not path.is_file():
            raise CatalogError(f"{path}: no catalogue snapshot; run `forge build`")
        self.folder = folder
        try:
            self._entries = msgspec.json.decode(path.read_bytes(), type=list[dict[str, int | str]])
        except msgspec.DecodeError as error:
            raise CatalogError(f"{path}: damaged; delete it and run `forge build`") from error
        self.fingerprint = stable_id(*(str(entry["fingerprint"]) for entry in self._entries))

    def buckets(self) -> Sequence[Partition]:
        """One partition a bucket that holds anything."""
        return [
            Partition(
                key=f"apis-{entry['bucket']:02d}",
                fingerprint=str(entry["fingerprint"]),
                items=(bucket_name(int(entry["bucket"])),),
                size=int(entry["rows"]),
            )
            for entry in self._entries
        ]

    def read(self, bucket: Partition) -> Iterator[ApiRecord]:
        """The records of a bucket, ordered by id."""
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.folder / bucket.items[0]) as table:
            for batch in table.iter_batches(batch_size=2048):
                for row in batch.to_pylist():
                    yield from_row(ApiRecord, row)
