"""The files that the synthesizer leaves in its scratch directory: families of them, a file a partition.

What is read there is summed over the partitions, so files of partitions that there are no more must go.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Family:
    """Files of one kind, named by their partition."""

    prefix: str
    suffix: str

    @property
    def pattern(self) -> str:
        """What all of them match, and nothing else does."""
        return f"{self.prefix}-*{self.suffix}"

    def path(self, folder: Path, partition: str) -> Path:
        """Where a partition's file lies."""
        return folder / f"{self.prefix}-{partition}{self.suffix}"

    def drop(self, folder: Path, *, keep: Sequence[str] = ()) -> None:
        """Remove the files of all partitions but some; another worker may do the same."""
        paths = {self.path(folder, partition) for partition in keep}
        for path in folder.glob(self.pattern):
            if path not in paths:
                path.unlink(missing_ok=True)


ATTEMPTS = Family("attempts", ".parquet")
AUDITS = Family("ladder", ".json")
PROGRESS = Family("progress", ".json")


def drop_stale(folder: Path, *, keep: Sequence[str]) -> None:
    """Remove the files of partitions that there are no more, of whatever family."""
    for family in (ATTEMPTS, AUDITS, PROGRESS):
        family.drop(folder, keep=keep)
